//! Reads. Reads that wait at the same time share a transaction, which begins after the last of them arrived. On
//! PostgreSQL each read then costs its own round trips without the two or three of a transaction. On SQLite a
//! transaction that begins after a commit finds its page cache empty, and it is filled once for all of them.

use super::Conn;
use super::pool::{ACQUIRE_TIMEOUT, ConnectionPool, catching_read_panics, unavailable};
use crate::auth::OrganizationId;
use crate::error::{ApiError, Code, Result};
use crate::supervise;
use crate::types::Id;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

const MAX_QUEUE: usize = 1024;

/// Sends the result to the caller. Returns how the engine failed, if it did.
type Answer = Box<dyn FnOnce(Result<&mut Conn>) -> Option<Code> + Send>;

struct Read {
    organization: OrganizationId,
    requested_at: Instant,
    answer: Answer,
}

type Queue = Mutex<mpsc::Receiver<Read>>;

/// Passes reads to the threads that run them.
#[derive(Clone)]
pub struct Reader {
    pub(super) pool: ConnectionPool,
    queue: mpsc::Sender<Read>,
    longest: Duration,
}

impl Reader {
    /// Starts `threads` threads, each of which uses one connection of the pool at a time. A read takes `longest` at
    /// most after it has begun.
    pub fn start(pool: ConnectionPool, threads: u32, longest: Duration) -> Result<Self> {
        let (queue, reads) = mpsc::channel(MAX_QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        for _ in 0..threads {
            let (pool, reads) = (pool.clone(), Arc::clone(&reads));
            let read = move || {
                work(&pool, &reads);
                Ok(())
            };
            supervise::thread("reader", read).map_err(ApiError::internal)?;
        }
        Ok(Self { pool, queue, longest })
    }

    /// Runs `f` in a transaction that reads one organization and that it may share with other reads.
    pub async fn run<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (begins, turn) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current();
        let answer_to = move |conn: Result<&mut Conn>| {
            // The caller may be gone.
            begins.send(()).ok()?;
            let _entered = span.entered();
            let outcome = conn.and_then(|conn| catching_read_panics(|| f(conn)));
            let failed = outcome.as_ref().err().filter(|error| error.source_error().is_some()).map(ApiError::code);
            drop(reply.send(outcome));
            failed
        };
        let read = Read { organization, requested_at: Instant::now(), answer: Box::new(answer_to) };
        let waiting = async {
            self.queue.send(read).await.map_err(unavailable)?;
            turn.await.map_err(unavailable)
        };
        timeout(ACQUIRE_TIMEOUT, waiting)
            .await
            .map_err(|_| ApiError::overloaded("Every connection to the database is in use."))??;
        timeout(self.longest, answer).await.map_err(unavailable)?.map_err(unavailable)?
    }
}

fn work(pool: &ConnectionPool, queue: &Queue) {
    // The lock on the queue is released at once.
    let wait = || queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
    while let Some(read) = wait() {
        let mut next = Some(read);
        let mut failed = 0;
        while next.is_some() {
            // A connection is kept for one transaction only. Otherwise the thread would keep a connection to the old
            // address of a database that has moved.
            match pool.run_blocking_on_pool(|conn| run_batch(conn, &mut next, queue)) {
                Ok(()) => failed = 0,
                // A read that has not begun is retried once: it must not fail because of another read, or because of a
                // connection that broke while it was idle.
                Err(_) if failed == 0 => failed = 1,
                Err(error) => {
                    if let Some(read) = next.take() {
                        (read.answer)(Err(unavailable(error)));
                    }
                    failed = 0;
                }
            }
        }
    }
}

/// Takes a waiting read. Returns `None` also while another thread waits at the queue, because the queue is then empty
/// or will be.
fn waiting(queue: &Queue) -> Option<Read> {
    queue.try_lock().ok()?.try_recv().ok()
}

/// Runs one read after another in one transaction, until no read waits that arrived before the transaction began, or
/// until the connection breaks.
fn run_batch(conn: &mut Conn, next: &mut Option<Read>, queue: &Queue) -> Result<()> {
    let Some(mut of) = next.as_ref().map(|read| read.organization) else { return Ok(()) };
    let began = Instant::now();
    conn.begin_read(of)?;
    loop {
        let Some(read) = next.take_if(|read| read.requested_at <= began) else { break };
        if read.organization != of {
            of = read.organization;
            if let Err(error) = conn.set_organization(of) {
                // The read has not begun, so it stays for the next attempt.
                *next = Some(read);
                return Err(error.into());
            }
        }
        if let Some(code) = (read.answer)(Ok(conn)) {
            // After an error PostgreSQL refuses all further statements of the transaction.
            conn.rollback();
            return if code == Code::Unavailable { Err(ApiError::unavailable("a read failed")) } else { Ok(()) };
        }
        if of == Id::NIL {
            // A caller who is not signed in may have switched to an organization, so no other read may share this
            // transaction.
            break;
        }
        *next = waiting(queue);
    }
    Ok(conn.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Url, Use};
    use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::Integer};

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = Integer)]
        of: i32,
    }

    fn count(conn: &mut Conn) -> Result<i32> {
        Ok(diesel::sql_query("SELECT count(*) AS of FROM items").get_result::<Count>(conn)?.of)
    }

    /// There is one thread. Its first read blocks until the test lets it continue.
    #[tokio::test]
    async fn batched_reads_share_one_snapshot_that_is_no_older_than_their_requests() {
        let place = tempfile::tempdir().unwrap();
        let url = Url::Sqlite(place.path().join("a.db").to_string_lossy().into_owned());
        let mut writer = Conn::open(&url, Use::Writing).unwrap();
        writer.batch_execute("CREATE TABLE items (what INTEGER)").unwrap();
        let mut tell = || writer.batch_execute("INSERT INTO items VALUES (1)").unwrap();

        let reader =
            Reader::start(ConnectionPool::new(&url, Use::Reading, 1, None).unwrap(), 1, ACQUIRE_TIMEOUT).unwrap();
        let organization = Id::from_uuid(uuid::Uuid::from_u128(1));
        // A read that counts, signals, and waits.
        let held = || {
            let ((say, said), (go, gone)) = (oneshot::channel(), oneshot::channel());
            let read = reader.run(organization, move |conn| {
                let counted = count(conn)?;
                let _ = (say.send(()), gone.blocking_recv());
                Ok(counted)
            });
            (read, said, go)
        };
        let (first, begun, go_on) = held();
        let (second, second_begun, second_go_on) = held();
        let steps = async {
            begun.await.unwrap();
            tell();
            let rest = async { tokio::join!(second, reader.run(organization, count)) };
            let rest_of_reads = async {
                // Both wait by now.
                tokio::task::yield_now().await;
                go_on.send(()).unwrap();
                second_begun.await.unwrap();
                tell();
                second_go_on.send(()).unwrap();
            };
            tokio::join!(rest, rest_of_reads).0
        };
        let (first, (second, third)) = tokio::join!(first, steps);
        assert_eq!((first.unwrap(), second.unwrap(), third.unwrap()), (0, 1, 1), "the third began with the second");
    }
}
