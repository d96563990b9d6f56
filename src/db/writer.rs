//! SQLite's single writer: a thread that owns the writing connection. It commits waiting transactions together (group
//! commit), so that they share one fsync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::Connection as _;
use tokio::sync::{mpsc, oneshot};

use super::Conn;
use super::file::DatabaseFile;
use super::pool::transaction;
use super::progress::{Progress, given_up};
use crate::error::{ApiError, Result};
use crate::supervise;

const MAX_QUEUE: usize = 1024;
const MAX_GROUP: usize = 128;

#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    /// Why the last commit failed, for `/readyz`.
    pub last_error: Arc<Mutex<Option<String>>>,
}

impl Writer {
    /// `reopen` opens the database again: after a panic the state of the old connection is unknown.
    pub fn start(
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
            work(&mut conn, &mut jobs, &failures, file.as_deref());
            Ok(())
        };
        supervise::thread("sqlite-writer", write).map_err(ApiError::internal)?;
        Ok(Self { queue, last_error })
    }

    fn job<T, F>(progress: Progress, f: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>)
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        (Box::new(Transaction { f, progress, outcome: None, reply }), answer)
    }

    pub async fn run<T, F>(&self, progress: Progress, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (job, answer) = Self::job(progress, f);
        self.queue.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped().as_commit_error())?
    }

    /// The same for a thread that may block.
    pub fn run_blocking<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (job, answer) = Self::job(Progress::default(), f);
        self.queue.blocking_send(job).map_err(|_| stopped())?;
        answer.blocking_recv().map_err(|_| stopped().as_commit_error())?
    }
}

fn stopped() -> ApiError {
    ApiError::unavailable("the SQLite writer has stopped")
}

fn work(
    conn: &mut Conn,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    last_error: &Mutex<Option<String>>,
    file: Option<&DatabaseFile>,
) {
    let check = || file.map_or(Ok(()), DatabaseFile::check);
    let mut group = Vec::new();
    while jobs.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        if let Err(error) = check() {
            for mut job in group.drain(..) {
                job.refuse(error.copy());
                job.answer();
            }
            continue;
        }
        let together = group.len() > 1 && commit_together(conn, &mut group);
        // A write is not acknowledged if the file that it went into is no longer there.
        let check_stored = || check().map_err(ApiError::outcome_unknown);
        let (all_stored, mut failed) = (together.then(check_stored), None);
        for mut job in group.drain(..) {
            if !together {
                failed = job.run_alone(conn).or(failed);
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

/// Runs the group in one transaction. Returns `false` if nothing was stored and each transaction must run alone,
/// because an error in one must not affect the others.
fn commit_together(conn: &mut Conn, group: &mut [Box<dyn Job>]) -> bool {
    if conn.begin_write().is_err() {
        return false;
    }
    let succeeded = group.iter_mut().all(|job| job.run_in_group(conn)) && group.iter().all(|job| job.mark_committing());
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

trait Job: Send {
    /// Runs in a transaction of its own. Returns the error if the engine itself failed.
    fn run_alone(&mut self, conn: &mut Conn) -> Option<String>;
    /// Runs in a savepoint of the group's transaction. `false` after an engine error (disk full, I/O), which may have
    /// ended the whole transaction.
    fn run_in_group(&mut self, conn: &mut Conn) -> bool;
    /// Sets this error as the result, unless the transaction has failed already.
    fn refuse(&mut self, error: ApiError);
    /// Marks that the group is about to be committed. `false` if this transaction was given up meanwhile.
    fn mark_committing(&self) -> bool;
    /// Marks whether the group was stored.
    fn mark_commit_outcome(&self, stored: bool);
    fn answer(self: Box<Self>);
}

struct Transaction<T, F> {
    f: F,
    progress: Progress,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for Transaction<T, F>
where
    T: Send,
    F: FnMut(&mut Conn) -> Result<T> + Send,
{
    fn run_alone(&mut self, conn: &mut Conn) -> Option<String> {
        let outcome = transaction(conn, &self.progress, catching_panics(&mut self.f));
        let failed = outcome.as_ref().err().filter(|error| error.is_database_failure()).map(ToString::to_string);
        self.outcome = Some(outcome);
        failed
    }

    fn run_in_group(&mut self, conn: &mut Conn) -> bool {
        if self.progress.is_given_up() {
            self.outcome = Some(Err(given_up()));
            return true;
        }
        let outcome = conn.transaction(catching_panics(&mut self.f));
        let succeeded = outcome.as_ref().err().is_none_or(|error| error.source_error().is_none());
        self.outcome = Some(outcome);
        succeeded
    }

    fn refuse(&mut self, error: ApiError) {
        if self.outcome.as_ref().is_none_or(Result::is_ok) {
            self.outcome = Some(Err(error));
        }
    }

    fn mark_committing(&self) -> bool {
        // A transaction that failed or was skipped leaves nothing in the group.
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

/// A panic in one transaction must not stop the writer, because every later transaction would fail too.
pub(super) fn catching_panics<T>(f: &mut impl FnMut(&mut Conn) -> Result<T>) -> impl FnMut(&mut Conn) -> Result<T> {
    move |conn| {
        catch_unwind(AssertUnwindSafe(|| f(conn))).unwrap_or_else(|_| Err(ApiError::internal("a transaction panicked")))
    }
}
