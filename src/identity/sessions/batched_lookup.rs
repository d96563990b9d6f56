//! The guard's session lookup for every request. On PostgreSQL, where a query is a network round trip, lookups that
//! wait at the same time share one query. No lookup is answered from data that was read before it was requested.

use super::store::{ActiveSession, exists_for_user, find_active, find_all_active};
use crate::{
    auth::{Actor, OrganizationId, SessionId, guard::Sessions, token::Claims},
    db::{Db, Engine, pool::ACQUIRE_TIMEOUT},
    error::{ApiError, Result},
    supervise,
    types::Instant,
};
use moka::sync::Cache;
use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};
use tokio::sync::{mpsc, oneshot};

const MAX_QUEUE: usize = 4096;
const MAX_GROUP: usize = 256;
/// How often, at most, the use of a token of the same ended session is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// How many ended sessions are remembered for that. There are not more whose tokens have not expired.
const MAX_LOGGED: u64 = 20_000;

struct Lookup {
    organization: OrganizationId,
    session: SessionId,
    reply: oneshot::Sender<Result<Option<ActiveSession>>>,
}

pub struct BatchedLookup {
    engine: Engine,
    /// Present where batching is faster.
    queue: Option<mpsc::Sender<Lookup>>,
    /// The ended sessions whose use was logged recently.
    logged: Cache<SessionId, ()>,
}

impl BatchedLookup {
    pub fn start(db: &Db) -> std::io::Result<Self> {
        let engine = db.engine().clone();
        let logged = Cache::builder().max_capacity(MAX_LOGGED).time_to_live(LOG_INTERVAL).build();
        if engine.peeks_on_calling_thread() {
            return Ok(Self { engine, queue: None, logged });
        }
        let (queue, mut lookups) = mpsc::channel(MAX_QUEUE);
        let lookup_engine = engine.clone();
        let look_up = move || {
            work(&lookup_engine, &mut lookups);
            Ok(())
        };
        supervise::thread("session-lookup", look_up)?;
        Ok(Self { engine, queue: Some(queue), logged })
    }

    async fn find(&self, organization: OrganizationId, session: SessionId) -> Result<Option<ActiveSession>> {
        let Some(queue) = &self.queue else {
            return self.engine.peek(organization, move |conn| find_active(conn, organization, session)).await;
        };
        let (reply, answer) = oneshot::channel();
        let full = |_| ApiError::overloaded("Too many requests are waiting. Try again later.");
        queue.try_send(Lookup { organization, session, reply }).map_err(full)?;
        tokio::time::timeout(ACQUIRE_TIMEOUT, answer)
            .await
            .map_err(ApiError::unavailable)?
            .map_err(ApiError::unavailable)?
    }
}

impl Sessions for BatchedLookup {
    fn actor<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<Actor>> + 'a>> {
        let (organization, session) = (claims.org, claims.sid);
        Box::pin(async move {
            match self.find(organization, session).await? {
                Some(live) if live.user == claims.sub && live.expires_at > Instant::now() => {
                    Ok(live.actor(organization))
                }
                _ => Err(ApiError::unauthenticated()),
            }
        })
    }

    fn should_log_refusal<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<bool>> + 'a>> {
        Box::pin(async move {
            let (organization, session, user) = (claims.org, claims.sid, claims.sub);
            if !self.logged.entry(session).or_insert(()).is_fresh() {
                return Ok(false);
            }
            // A token from another database with the same signing key belongs to no session here.
            self.engine.peek(organization, move |conn| exists_for_user(conn, organization, session, user)).await
        })
    }
}

fn work(engine: &Engine, lookups: &mut mpsc::Receiver<Lookup>) {
    let mut group = Vec::new();
    while lookups.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        let mut waiting: BTreeMap<OrganizationId, Vec<Lookup>> = BTreeMap::new();
        for lookup in group.drain(..) {
            waiting.entry(lookup.organization).or_default().push(lookup);
        }
        for (organization, lookups) in waiting {
            let these: Vec<SessionId> = lookups.iter().map(|lookup| lookup.session).collect();
            let found = engine.peek_blocking(organization, move |conn| find_all_active(conn, organization, these));
            for lookup in lookups {
                let own = match &found {
                    Ok(found) => Ok(found.iter().find(|live| live.session == lookup.session).copied()),
                    Err(error) => Err(ApiError::unavailable(error.to_string())),
                };
                drop(lookup.reply.send(own)); // the request may have been cancelled
            }
        }
    }
}
