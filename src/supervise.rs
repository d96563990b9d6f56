//! Supervision of long-lived threads and tasks: a worker that panics is restarted after a pause, and readiness fails
//! until it works again.
//!
//! The list belongs to the process: a failed thread counts for every server in the process.

use actix_web::rt;
use futures_util::FutureExt as _;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The pause before the first restart. It doubles with each further failure that follows soon.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// After this time without a failure the pauses start again at the first one.
const STEADY: Duration = Duration::from_secs(60);

/// The state of one supervised thread or task.
#[derive(Debug)]
struct Worker {
    name: &'static str,
    down: AtomicBool,
    restarts: AtomicU32,
}

static WORKERS: Mutex<Vec<Arc<Worker>>> = Mutex::new(Vec::new());

/// Keeps a worker on the list as long as it lives.
struct Listed {
    worker: Arc<Worker>,
    last_failure: Option<Instant>,
    /// The number of failures in quick succession.
    in_a_row: u32,
}

impl Listed {
    fn new(name: &'static str) -> Self {
        let worker = Arc::new(Worker { name, down: AtomicBool::new(false), restarts: AtomicU32::new(0) });
        WORKERS.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&worker));
        Self { worker, last_failure: None, in_a_row: 0 }
    }

    /// Marks the worker as failed, and returns the pause before the restart.
    fn failed(&mut self, reason: &str) -> Duration {
        self.worker.down.store(true, Ordering::Release);
        let restarts = self.worker.restarts.fetch_add(1, Ordering::Relaxed) + 1;
        let soon = self.last_failure.replace(Instant::now()).is_some_and(|last| last.elapsed() < STEADY);
        self.in_a_row = if soon { self.in_a_row.saturating_add(1) } else { 0 };
        let pause = FIRST_PAUSE.saturating_mul(1 << self.in_a_row.min(16)).min(MAX_PAUSE);
        tracing::error!(
            worker = self.worker.name,
            reason,
            restarts,
            pause_ms = pause.as_millis(),
            "a worker failed and is restarted"
        );
        pause
    }

    fn works(&self) {
        self.worker.down.store(false, Ordering::Release);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        WORKERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|worker| !Arc::ptr_eq(worker, &self.worker));
    }
}

/// The names of the workers that have failed now. Readiness returns 503 while there is one.
pub fn down() -> Vec<&'static str> {
    let workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    workers.iter().filter(|worker| worker.down.load(Ordering::Acquire)).map(|worker| worker.name).collect()
}

/// The number of restarts of the workers with this name.
pub fn restarts(name: &str) -> u32 {
    let workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    workers.iter().filter(|worker| worker.name == name).map(|worker| worker.restarts.load(Ordering::Relaxed)).sum()
}

/// Starts a thread that runs `work` until it returns `Ok`, which means that its work is finished for good. After a
/// panic or an `Err` it runs again. Everything that `work` had taken from a queue before a panic is lost; a caller who
/// waits for it must notice that its channel is closed.
pub fn thread(
    name: &'static str,
    mut work: impl FnMut() -> Result<(), String> + Send + 'static,
) -> std::io::Result<()> {
    let mut listed = Listed::new(name);
    let run = move || {
        loop {
            let reason = match catch_unwind(AssertUnwindSafe(&mut work)) {
                Ok(Ok(())) => return,
                Ok(Err(reason)) => reason,
                // The panic hook has logged the location.
                Err(_) => "it panicked".to_owned(),
            };
            thread::sleep(listed.failed(&reason));
            listed.works();
        }
    };
    thread::Builder::new().name(name.into()).spawn(run).map(drop)
}

/// Runs `round` repeatedly on the runtime of the calling thread, with the pause that each round returns. A panic marks
/// the task as failed until a round succeeds.
pub fn task(name: &'static str, mut round: impl AsyncFnMut() -> Duration + 'static) {
    rt::spawn(async move {
        let mut listed = Listed::new(name);
        loop {
            let pause = match AssertUnwindSafe(round()).catch_unwind().await {
                Ok(pause) => {
                    listed.works();
                    pause
                }
                Err(_) => listed.failed("it panicked"),
            };
            rt::time::sleep(pause).await;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn await_that(mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(10), "it did not come about");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn panicking_thread_is_down_until_restarted_and_working() {
        let (queue, jobs) = mpsc::channel::<u32>();
        let (reply, answers) = mpsc::channel();
        thread("panicking-thread", move || {
            for job in &jobs {
                assert!(job != 13, "thirteen");
                reply.send(job).unwrap();
            }
            Ok(())
        })
        .unwrap();
        let is_down = || down().contains(&"panicking-thread");
        queue.send(1).unwrap();
        assert_eq!(answers.recv().unwrap(), 1);
        assert!(!is_down());
        queue.send(13).unwrap();
        await_that(is_down);
        assert_eq!(restarts("panicking-thread"), 1);
        queue.send(2).unwrap();
        assert_eq!(answers.recv_timeout(Duration::from_secs(10)).unwrap(), 2);
        assert!(!is_down());
        drop(queue);
        // It has left the list.
        await_that(|| restarts("panicking-thread") == 0);
    }

    #[actix_web::test]
    async fn panicking_task_is_down_until_a_round_succeeds() {
        let (reply, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let mut rounds = 0;
        task("panicking-task", async move || {
            rounds += 1;
            reply.send((rounds, down().contains(&"panicking-task"))).unwrap();
            assert!(rounds != 1, "the first round");
            Duration::from_millis(10)
        });
        assert_eq!(answers.recv().await, Some((1, false)));
        assert_eq!(answers.recv().await, Some((2, true)));
        assert_eq!(answers.recv().await, Some((3, false)));
        assert_eq!(restarts("panicking-task"), 1);
    }

    #[test]
    fn restart_delay_doubles_up_to_30_seconds() {
        let mut listed = Listed::new("failing");
        let pauses: Vec<u128> = (0..9).map(|_| listed.failed("it failed").as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    }
}
