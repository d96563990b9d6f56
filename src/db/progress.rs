//! The stage that a write has reached. A request that stops waiting for a write learns from it what it may report: that
//! nothing is stored, or that the outcome is unknown.

use crate::error::ApiError;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

/// How long a request waits for one write, from the queue to the disk. A stalled database delays no request for longer.
pub const MAX_WRITE_TIME: Duration = Duration::from_secs(10);

/// The write waits in the queue or runs its statements. Nothing is stored, and nothing will be if it is given up now.
const RUNNING: u8 = 0;
/// COMMIT has been sent. The outcome is known only when the database answers.
const COMMITTING: u8 = 1;
const DONE: u8 = 2;
/// No request waits for the write any more: it is rolled back before its COMMIT.
const GIVEN_UP: u8 = 3;

/// The stage of one write, shared by the request that waits for it and the thread that runs it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU8>);

impl Progress {
    /// The progress of a new write, registered with the request of the current task if there is one.
    pub fn of_request() -> Self {
        let progress = Self::default();
        // Outside a request (housekeeping, the command line) nothing reads the stage.
        let _ = OF_REQUEST.try_with(|writes| writes.lock().push(progress.clone()));
        progress
    }

    fn advance(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Marks that COMMIT is about to be sent. `false` if the write was given up: roll back.
    pub fn mark_committing(&self) -> bool {
        self.advance(RUNNING, COMMITTING)
    }

    /// Marks that the engine has rolled back the transaction that was to be committed: the write runs again or has
    /// failed.
    pub fn mark_rolled_back(&self) {
        self.advance(COMMITTING, RUNNING);
    }

    /// Marks that the write is stored.
    pub fn mark_done(&self) {
        self.advance(COMMITTING, DONE);
    }

    pub fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }

    /// Stops waiting. `true` if nothing is stored and nothing will be.
    pub fn give_up(&self) -> bool {
        self.advance(RUNNING, GIVEN_UP) || self.is_given_up()
    }

    /// Gives the write up when the request that waits for it is dropped.
    pub const fn give_up_on_drop(&self) -> Waiting<'_> {
        Waiting(self)
    }
}

/// A guard for a request that waits for a write.
pub struct Waiting<'p>(&'p Progress);
impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// The result of a write that was given up. No caller receives it.
pub fn given_up() -> ApiError {
    ApiError::overloaded("The write was given up before it was stored.")
}

tokio::task_local!(static OF_REQUEST: Writes);

/// The writes of one request.
#[derive(Debug, Clone, Default)]
pub struct Writes(Arc<Mutex<Vec<Progress>>>);

impl Writes {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the handler of a request and collects its writes.
    pub async fn during<F: Future>(&self, answer: F) -> F::Output {
        OF_REQUEST.scope(self.clone(), answer).await
    }

    /// Whether any write of the request is stored or may be stored.
    pub fn may_be_stored(&self) -> bool {
        self.lock().iter().any(|progress| matches!(progress.0.load(Ordering::Acquire), COMMITTING | DONE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_write_does_not_commit() {
        let progress = Progress::default();
        assert!(progress.give_up() && progress.is_given_up());
        assert!(!progress.mark_committing(), "it is rolled back");
        assert!(progress.give_up(), "nothing is stored");
    }

    #[test]
    fn committing_write_cannot_be_abandoned() {
        let progress = Progress::default();
        assert!(progress.mark_committing());
        assert!(!progress.give_up(), "nobody knows");
        progress.mark_rolled_back();
        assert!(progress.mark_committing(), "it runs again");
        progress.mark_done();
        assert!(!progress.give_up(), "it is stored");
    }

    /// The middleware uses this when a request times out.
    #[tokio::test]
    async fn a_request_that_runs_out_of_time_knows_whether_anything_may_be_stored() {
        // Whether the write commits before the timeout, and whether something may be stored then.
        for (commits, expected) in [(false, false), (true, true)] {
            let writes = Writes::default();
            let answer = writes.during(async {
                let progress = Progress::of_request();
                let _waiting = progress.give_up_on_drop();
                assert!(!commits || progress.mark_committing());
                std::future::pending::<()>().await;
            });
            assert!(tokio::time::timeout(Duration::from_millis(5), answer).await.is_err());
            assert_eq!(writes.may_be_stored(), expected);
            assert_eq!(writes.lock()[0].is_given_up(), !expected, "what has not begun to commit never does");
        }
    }
}
