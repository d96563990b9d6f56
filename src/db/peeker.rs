//! PostgreSQL's peeks: reads of a row or two by key. Those that wait together share a transaction, so that each costs one round trip
//! and not the three of a transaction of its own.

use super::Conn;
use super::pool::{Lane, PATIENCE, gone};
use crate::auth::OrganizationId;
use crate::error::{ApiError, Code, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

const LONGEST_QUEUE: usize = 1024;
const LARGEST_GROUP: usize = 16;

/// Answers whoever asked; says how the engine failed, if it did.
type Answer = Box<dyn FnOnce(Result<&mut Conn>) -> Option<Code> + Send>;

struct Peek {
    organization: OrganizationId,
    answer: Answer,
}

/// Hands peeks to the threads that answer them.
#[derive(Clone)]
pub struct Peeker {
    pub(super) lane: Lane,
    queue: mpsc::Sender<Peek>,
}

impl Peeker {
    /// Starts as many threads, each of which uses one connection of the lane's at a time.
    pub fn start(lane: Lane, threads: u32) -> Result<Self> {
        let (queue, peeks) = mpsc::channel(LONGEST_QUEUE);
        let peeks = Arc::new(Mutex::new(peeks));
        for _ in 0..threads {
            let (lane, peeks) = (lane.clone(), Arc::clone(&peeks));
            std::thread::Builder::new().name("peeker".into()).spawn(move || work(&lane, &peeks)).map_err(ApiError::internal)?;
        }
        Ok(Self { lane, queue })
    }

    /// Runs `f` in a transaction that reads one organization, and that it may share with others.
    pub async fn run<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let span = tracing::Span::current();
        let peek = Peek {
            organization,
            answer: Box::new(move |conn| {
                let _entered = span.entered();
                let outcome = conn.and_then(|conn| {
                    // A panic in one peek must not take the thread, and with it every later one, down.
                    catch_unwind(AssertUnwindSafe(|| f(conn))).unwrap_or_else(|_| Err(ApiError::internal("a read panicked")))
                });
                let failed = outcome.as_ref().err().filter(|error| error.inner().is_some()).map(ApiError::code);
                drop(reply.send(outcome)); // whoever asked may have gone
                failed
            }),
        };
        let sent = tokio::time::timeout(PATIENCE, self.queue.send(peek)).await;
        sent.map_err(|_| ApiError::overloaded("Every connection to the database is in use."))?.map_err(gone)?;
        tokio::time::timeout(PATIENCE, answer).await.map_err(gone)?.map_err(gone)?
    }
}

fn work(lane: &Lane, peeks: &Mutex<mpsc::Receiver<Peek>>) {
    let mut group = Vec::with_capacity(LARGEST_GROUP);
    while peeks.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
        let mut rest = group.drain(..);
        while rest.len() > 0 {
            let before = rest.len();
            let outcome = lane.run_waiting(|conn| together(conn, &mut rest));
            if let Err(error) = outcome
                && rest.len() == before
            {
                // Nobody's fault: there is no connection to be had.
                for peek in rest.by_ref() {
                    (peek.answer)(Err(gone(&error)));
                }
            }
        }
    }
}

/// Answers one after the other in one transaction, until all are answered or the connection breaks.
fn together(conn: &mut Conn, peeks: &mut impl Iterator<Item = Peek>) -> Result<()> {
    let mut of = None;
    for peek in peeks {
        let ready = match of {
            Some(organization) if organization == peek.organization => Ok(()),
            Some(_) => conn.set_organization(peek.organization),
            None => conn.begin_read(peek.organization),
        };
        of = Some(peek.organization);
        let failed = match ready {
            Ok(()) => (peek.answer)(Ok(conn)),
            Err(error) => (peek.answer)(Err(error.into())).or(Some(Code::Internal)),
        };
        if let Some(code) = failed {
            // What has failed in PostgreSQL spoils the rest of its transaction.
            conn.rollback();
            of = None;
            if code == Code::Unavailable {
                return Err(ApiError::unavailable("a read failed"));
            }
        }
    }
    if of.is_some() {
        conn.commit()?;
    }
    Ok(())
}
