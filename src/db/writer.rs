//! Writes. Writes that wait at the same time share a transaction (group commit): one commit, one wait for the disk, and
//! one lock of the head of the audit chain. SQLite has a single thread that owns the writing connection. PostgreSQL has
//! several, each with a connection of the pool.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::Connection as _;
use tokio::sync::{mpsc, oneshot};

use super::Conn;
use super::file::DatabaseFile;
use super::pool::{ConnectionPool, Write, transaction};
use super::progress::{Progress, given_up};
use crate::audit::{self, Entry};
use crate::auth::OrganizationId;
use crate::error::{ApiError, Code, Result};
use crate::supervise;

const MAX_QUEUE: usize = 1024;
const MAX_GROUP: usize = 128;
/// PostgreSQL: a group takes no more writes after this time, since the first ones wait and keep their locks.
const GROUP_TIME: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    /// SQLite: why the last commit failed, for `/readyz`.
    pub last_error: Arc<Mutex<Option<String>>>,
}

impl Writer {
    /// Starts the thread for SQLite. `reopen` opens the database again: after a panic the state of the old connection
    /// is unknown.
    pub fn on_file(
        conn: Conn,
        reopen: impl Fn() -> std::result::Result<Conn, String> + Send + 'static,
        file: Option<Arc<DatabaseFile>>,
    ) -> Result<Self> {
        let (queue, mut jobs) = mpsc::channel(MAX_QUEUE);
        let last_error = Arc::default();
        let failures = Arc::clone(&last_error);
        let mut first = Some(conn);
        let write = move || {
            let mut conn = first.take().map_or_else(&reopen, Ok)?;
            work_on_file(&mut conn, &mut jobs, &failures, file.as_deref());
            Ok(())
        };
        supervise::thread("sqlite-writer", write).map_err(ApiError::internal)?;
        Ok(Self { queue, last_error })
    }

    /// Starts the threads for PostgreSQL.
    pub(super) fn on_pool(pool: &ConnectionPool, threads: u32) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(MAX_QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let (pool, jobs) = (pool.clone(), Arc::clone(&jobs));
            let write = move || {
                work_on_pool(&pool, &jobs);
                Ok(())
            };
            supervise::thread("writer", write).map_err(ApiError::internal)?;
        }
        Ok(Self { queue, last_error: Arc::default() })
    }

    fn job<T: Send + 'static>(
        progress: Progress,
        organization: OrganizationId,
        f: impl Write<T>,
    ) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Transaction { f, progress, organization, outcome: None, entries: Vec::new(), reply }), answer)
    }

    pub async fn run<T: Send + 'static>(
        &self,
        progress: Progress,
        organization: OrganizationId,
        f: impl Write<T>,
    ) -> Result<T> {
        let (job, answer) = Self::job(progress, organization, f);
        self.queue.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped().as_commit_error())?
    }

    /// The same for a thread that may block.
    pub fn run_blocking<T: Send + 'static>(&self, organization: OrganizationId, f: impl Write<T>) -> Result<T> {
        let (job, answer) = Self::job(Progress::default(), organization, f);
        self.queue.blocking_send(job).map_err(|_| stopped())?;
        answer.blocking_recv().map_err(|_| stopped().as_commit_error())?
    }
}

fn stopped() -> ApiError {
    ApiError::unavailable("the writer has stopped")
}

fn work_on_file(
    conn: &mut Conn,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    last_error: &Mutex<Option<String>>,
    file: Option<&DatabaseFile>,
) {
    let check = || file.map_or(Ok(()), DatabaseFile::check);
    let mut group = Vec::new();
    while jobs.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        if let Err(error) = check() {
            refuse_all(group.drain(..), &error);
            continue;
        }
        let together = group.len() > 1 && commit_together(conn, &mut group);
        // A write is not acknowledged if the file that it went into is no longer there.
        let check_stored = || check().map_err(ApiError::outcome_unknown);
        let (all_stored, mut failed) = (together.then(check_stored), None);
        for mut job in group.drain(..) {
            if !together {
                failed = job.run_alone(conn).map(|error| error.to_string()).or(failed);
            }
            let this_stored = match &all_stored {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => Err(error.copy()),
                None => check_stored(),
            };
            if let Err(error) = this_stored {
                job.refuse(error);
            }
            job.answer();
        }
        *last_error.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

/// Runs the group in one SQLite transaction. Returns `false` if nothing was stored and each write must run alone,
/// because an error in one must not affect the others.
fn commit_together(conn: &mut Conn, group: &mut [Box<dyn Job>]) -> bool {
    if conn.begin_write(OrganizationId::NIL).is_err() {
        return false;
    }
    let succeeded = group.iter_mut().all(|job| job.run_in_savepoint(conn))
        && append_entries(conn, group).is_ok()
        && group.iter().all(|job| job.mark_committing());
    if !succeeded {
        conn.rollback();
    }
    // SQLite rolls back a transaction that it cannot commit.
    let stored = succeeded && conn.commit().is_ok();
    for job in group.iter() {
        job.mark_commit_outcome(stored);
    }
    stored
}

/// Appends the audit entries of the group's writes.
fn append_entries(conn: &mut Conn, group: &mut [Box<dyn Job>]) -> Result<()> {
    // The organization that the transaction sees, if all writes of the group belong to one.
    let first = group.first().map(|job| job.organization());
    let common = first.filter(|id| *id != OrganizationId::NIL && group.iter().all(|job| job.organization() == *id));
    audit::append(conn, common, group.iter_mut().flat_map(|job| job.take_entries()).collect())
}

fn refuse_all(jobs: impl Iterator<Item = Box<dyn Job>>, error: &ApiError) {
    for mut job in jobs {
        job.refuse(error.copy());
        job.answer();
    }
}

type Queue = Mutex<mpsc::Receiver<Box<dyn Job>>>;

fn work_on_pool(pool: &ConnectionPool, queue: &Queue) {
    // The lock on the queue is released at once.
    let wait = || queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    let (mut group, mut alone) = (Vec::new(), Vec::new());
    while let Some(first) = wait() {
        group.push(first);
        let outcome = pool.run_blocking_on_pool(|conn| run_group(conn, &mut group, &mut alone, queue));
        if let Err(error) = &outcome {
            // A refusal may rest on an earlier write of the group, which is not stored.
            group.iter_mut().for_each(|job| job.fail(error));
        }
        group.drain(..).for_each(Job::answer);
        for mut job in alone.drain(..) {
            let outcome = pool.run_blocking_on_pool(|conn| job.run_alone(conn).map_or(Ok(()), Err));
            if let Err(error) = outcome {
                job.refuse(error);
            }
            job.answer();
        }
    }
}

/// Runs the first write of the group, and then those that wait meanwhile, in one PostgreSQL transaction. Moves the
/// writes that must run in a transaction of their own to `alone`.
///
/// # Errors
/// If the connection is lost. The writes of the group are then not stored, or their outcome is unknown.
fn run_group(
    conn: &mut Conn,
    group: &mut Vec<Box<dyn Job>>,
    alone: &mut Vec<Box<dyn Job>>,
    queue: &Queue,
) -> Result<()> {
    let Some(first) = group.first_mut() else { return Ok(()) };
    let began = Instant::now();
    conn.begin_write(first.organization())?;
    if let Err(failure) = first.run(conn) {
        // Nothing else is in the transaction.
        conn.rollback();
        match failure {
            Failure::Conflict => alone.append(group),
            Failure::Database(error) if error.is_database_failure() => {
                group.drain(..).for_each(Job::answer);
                return Err(error);
            }
            Failure::Database(_) | Failure::Refused => {}
        }
        return Ok(());
    }
    while group.len() < MAX_GROUP && began.elapsed() < GROUP_TIME {
        let Some(next) = queue.try_lock().ok().and_then(|mut queue| queue.try_recv().ok()) else { break };
        let is_second = group.len() == 1;
        group.push(next);
        let Some(next) = group.last_mut() else { break };
        conn.begin_next_write(next.organization(), is_second)?;
        if let Err(failure) = next.run(conn) {
            conn.rollback_write()?;
            if !matches!(failure, Failure::Refused) {
                alone.extend(group.pop());
                break;
            }
        }
    }
    if group.len() > 1 {
        conn.reset_lock_timeout()?;
    }
    let succeeded = append_entries(conn, group).is_ok() && group.iter().all(|job| job.mark_committing());
    match if succeeded { conn.commit_durably() } else { Err(ApiError::contention()) } {
        Ok(()) => {}
        Err(error) if error.code() == Code::OutcomeUnknown => return Err(error),
        Err(_) => {
            conn.rollback();
            group.iter().for_each(|job| job.mark_commit_outcome(false));
            alone.append(group);
        }
    }
    group.iter().for_each(|job| job.mark_commit_outcome(true));
    Ok(())
}

/// Why a write failed that ran in a transaction of a group.
enum Failure {
    /// It was refused by a rule of the API.
    Refused,
    /// It lost a conflict with another transaction.
    Conflict,
    Database(ApiError),
}

trait Job: Send {
    fn organization(&self) -> OrganizationId;
    /// Runs in a transaction that has begun.
    fn run(&mut self, conn: &mut Conn) -> std::result::Result<(), Failure>;
    /// Runs in a savepoint of the group's transaction. `false` after an engine error (disk full, I/O), which may have
    /// ended the whole transaction.
    fn run_in_savepoint(&mut self, conn: &mut Conn) -> bool;
    /// Runs in a transaction of its own. Returns the error if the engine itself failed.
    fn run_alone(&mut self, conn: &mut Conn) -> Option<ApiError>;
    /// The audit entries of its last run.
    fn take_entries(&mut self) -> Vec<Entry>;
    /// Sets this error as the result, unless the write has failed already.
    fn refuse(&mut self, error: ApiError);
    /// Sets the result of a write whose group was lost: this error if it would be stored, and otherwise that nothing is.
    fn fail(&mut self, error: &ApiError);
    /// Marks that the group is about to be committed. `false` if this write was given up meanwhile.
    fn mark_committing(&self) -> bool;
    /// Marks whether the group was stored.
    fn mark_commit_outcome(&self, stored: bool);
    fn answer(self: Box<Self>);
}

struct Transaction<T, F> {
    f: F,
    progress: Progress,
    organization: OrganizationId,
    outcome: Option<Result<T>>,
    entries: Vec<Entry>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Write<T>> Transaction<T, F> {
    fn run_by(&mut self, run: impl FnOnce(&mut F) -> Result<(T, Vec<Entry>)>) {
        let outcome = if self.progress.is_given_up() { Err(given_up()) } else { run(&mut self.f) };
        self.outcome = Some(outcome.map(|(value, entries)| {
            self.entries = entries;
            value
        }));
    }
}

impl<T: Send, F: Write<T>> Job for Transaction<T, F> {
    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn run(&mut self, conn: &mut Conn) -> std::result::Result<(), Failure> {
        self.run_by(|f| catching_panics(f)(conn));
        match &self.outcome {
            Some(Err(error)) if error.is_transient() => Err(Failure::Conflict),
            Some(Err(error)) if error.source_error().is_some() => Err(Failure::Database(error.copy())),
            Some(Err(_)) => Err(Failure::Refused),
            _ => Ok(()),
        }
    }

    fn run_in_savepoint(&mut self, conn: &mut Conn) -> bool {
        self.run_by(|f| conn.transaction(catching_panics(f)));
        !matches!(&self.outcome, Some(Err(error)) if error.source_error().is_some())
    }

    fn run_alone(&mut self, conn: &mut Conn) -> Option<ApiError> {
        let outcome = transaction(conn, &self.progress, self.organization, catching_panics(&mut self.f));
        let failed = outcome.as_ref().err().filter(|error| error.is_database_failure()).map(ApiError::copy);
        self.outcome = Some(outcome);
        failed
    }

    fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    fn refuse(&mut self, error: ApiError) {
        if self.outcome.as_ref().is_none_or(Result::is_ok) {
            self.outcome = Some(Err(error));
        }
    }

    fn fail(&mut self, error: &ApiError) {
        let was_refused = matches!(self.outcome, Some(Err(_)));
        let error = if was_refused { ApiError::unavailable(error.to_string()) } else { error.copy() };
        self.outcome = Some(Err(error));
    }

    fn mark_committing(&self) -> bool {
        // A write that failed or was skipped leaves nothing in the group.
        !matches!(self.outcome, Some(Ok(_))) || self.progress.mark_committing()
    }

    fn mark_commit_outcome(&self, stored: bool) {
        if stored {
            self.progress.mark_done();
        } else {
            self.progress.mark_rolled_back();
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // The caller may be gone.
            drop(self.reply.send(outcome));
        }
    }
}

/// A panic in one write must not stop the writer, because every later write would fail too.
pub(super) fn catching_panics<T>(f: &mut impl FnMut(&mut Conn) -> Result<T>) -> impl FnMut(&mut Conn) -> Result<T> {
    move |conn| {
        catch_unwind(AssertUnwindSafe(|| f(conn))).unwrap_or_else(|_| Err(ApiError::internal("a transaction panicked")))
    }
}
