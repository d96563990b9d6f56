//! SQLite's one writer: a thread that owns the writing connection. Transactions that wait together are committed together, so
//! that they share one fsync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::Connection as _;
use tokio::sync::{mpsc, oneshot};

use super::Conn;
use super::pool::transaction;
use super::progress::{Progress, given_up};
use crate::error::{ApiError, Result};

const LONGEST_QUEUE: usize = 1024;
const LARGEST_GROUP: usize = 128;

#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    /// Why the last commit failed, for `/readyz`.
    pub trouble: Arc<Mutex<Option<String>>>,
}

impl Writer {
    pub fn start(conn: Conn) -> Result<Self> {
        let (queue, jobs) = mpsc::channel(LONGEST_QUEUE);
        let trouble = Arc::default();
        let told = Arc::clone(&trouble);
        let thread = std::thread::Builder::new().name("sqlite-writer".into());
        thread.spawn(move || work(conn, jobs, &told)).map_err(ApiError::internal)?;
        Ok(Self { queue, trouble })
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
        answer.await.map_err(|_| stopped())?
    }

    /// The same for a thread that may wait.
    pub fn run_blocking<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (job, answer) = Self::job(Progress::default(), f);
        self.queue.blocking_send(job).map_err(|_| stopped())?;
        answer.blocking_recv().map_err(|_| stopped())?
    }
}

fn stopped() -> ApiError {
    ApiError::unavailable("the SQLite writer has stopped")
}

fn work(mut conn: Conn, mut jobs: mpsc::Receiver<Box<dyn Job>>, trouble: &Mutex<Option<String>>) {
    let mut group = Vec::new();
    while jobs.blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
        let together = group.len() > 1 && commit_together(&mut conn, &mut group);
        let mut failed = None;
        for mut job in group.drain(..) {
            if !together {
                failed = job.run_alone(&mut conn).or(failed);
            }
            job.answer();
        }
        *trouble.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

/// Runs the group in one transaction. `false` if it came to nothing, and each has to be run by itself: what goes wrong for one
/// must not go wrong for all.
fn commit_together(conn: &mut Conn, group: &mut [Box<dyn Job>]) -> bool {
    if conn.begin_write().is_err() {
        return false;
    }
    let sound = group.iter_mut().all(|job| job.run_in_group(conn)) && group.iter().all(|job| job.begins_commit());
    if !sound {
        conn.rollback();
    }
    // What SQLite does not commit, it rolls back.
    let stored = sound && conn.commit().is_ok();
    for job in group.iter() {
        job.ends_commit(stored);
    }
    stored
}

trait Job: Send {
    /// Runs in a transaction of its own; says so where the engine itself failed.
    fn run_alone(&mut self, conn: &mut Conn) -> Option<String>;
    /// Runs in a savepoint of the group's transaction. `false` on an error of the engine, which (disk full, I/O) may have ended
    /// the whole transaction.
    fn run_in_group(&mut self, conn: &mut Conn) -> bool;
    /// Says that the group is about to be committed. `false` where it holds what was given up meanwhile.
    fn begins_commit(&self) -> bool;
    /// Says whether the group was stored.
    fn ends_commit(&self, stored: bool);
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
        let outcome = transaction(conn, &self.progress, guarded(&mut self.f));
        let failed = outcome.as_ref().err().filter(|error| error.is_of_the_engine()).map(ToString::to_string);
        self.outcome = Some(outcome);
        failed
    }

    fn run_in_group(&mut self, conn: &mut Conn) -> bool {
        if self.progress.is_given_up() {
            self.outcome = Some(Err(given_up()));
            return true;
        }
        let outcome = conn.transaction(guarded(&mut self.f));
        let sound = outcome.as_ref().err().is_none_or(|error| error.inner().is_none());
        self.outcome = Some(outcome);
        sound
    }

    fn begins_commit(&self) -> bool {
        // What has failed or was skipped leaves nothing in the group.
        !matches!(self.outcome, Some(Ok(_))) || self.progress.begins_commit()
    }

    fn ends_commit(&self, stored: bool) {
        if stored {
            self.progress.is_done();
        } else {
            self.progress.was_rolled_back();
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            drop(self.reply.send(outcome)); // whoever asked may have gone
        }
    }
}

/// A panic in one transaction must not take the writer, and with it every later one, down.
pub(super) fn guarded<T>(f: &mut impl FnMut(&mut Conn) -> Result<T>) -> impl FnMut(&mut Conn) -> Result<T> {
    move |conn| catch_unwind(AssertUnwindSafe(|| f(conn))).unwrap_or_else(|_| Err(ApiError::internal("a transaction panicked")))
}
