//! The guard's look at the session, at every request. On PostgreSQL, where a question is a round trip, those that wait together are
//! asked for together; none is answered from what was known before it asked.

use super::store::{Live, all_live, live};
use crate::{
    auth::{Actor, OrganizationId, SessionId, guard::Sessions, token::Claims},
    db::{Db, Engine, pool::PATIENCE},
    error::{ApiError, Result},
    types::Instant,
};
use std::{collections::BTreeMap, future::Future, pin::Pin};
use tokio::sync::{mpsc, oneshot};

const LONGEST_QUEUE: usize = 4096;
const LARGEST_GROUP: usize = 256;

struct Call {
    organization: OrganizationId,
    session: SessionId,
    reply: oneshot::Sender<Result<Option<Live>>>,
}

pub struct RollCall {
    engine: Engine,
    /// Where it pays to ask together.
    queue: Option<mpsc::Sender<Call>>,
}

impl RollCall {
    pub fn start(db: &Db) -> std::io::Result<Self> {
        let engine = db.engine().clone();
        if engine.peeks_here() {
            return Ok(Self { engine, queue: None });
        }
        let (queue, calls) = mpsc::channel(LONGEST_QUEUE);
        let asked = engine.clone();
        std::thread::Builder::new().name("roll-call".into()).spawn(move || work(&asked, calls))?;
        Ok(Self { engine, queue: Some(queue) })
    }

    async fn find(&self, organization: OrganizationId, session: SessionId) -> Result<Option<Live>> {
        let Some(queue) = &self.queue else {
            return self.engine.peek(organization, move |conn| live(conn, organization, session)).await;
        };
        let (reply, answer) = oneshot::channel();
        let full = |_| ApiError::overloaded("Too many requests wait to be looked at.");
        queue.try_send(Call { organization, session, reply }).map_err(full)?;
        tokio::time::timeout(PATIENCE, answer).await.map_err(ApiError::unavailable)?.map_err(ApiError::unavailable)?
    }
}

impl Sessions for RollCall {
    fn actor<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<Actor>> + 'a>> {
        let (organization, session) = (claims.org, claims.sid);
        Box::pin(async move {
            match self.find(organization, session).await? {
                Some(live) if live.user == claims.sub && live.expires_at > Instant::now() => {
                    Ok(Actor { organization, user: live.user, role: live.role, scopes: live.scopes, session })
                }
                _ => Err(ApiError::unauthenticated()),
            }
        })
    }
}

fn work(engine: &Engine, mut calls: mpsc::Receiver<Call>) {
    let mut group = Vec::new();
    while calls.blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
        let mut waiting: BTreeMap<OrganizationId, Vec<Call>> = BTreeMap::new();
        for call in group.drain(..) {
            waiting.entry(call.organization).or_default().push(call);
        }
        for (organization, calls) in waiting {
            let these: Vec<SessionId> = calls.iter().map(|call| call.session).collect();
            let found = engine.peek_blocking(organization, move |conn| all_live(conn, organization, these));
            for call in calls {
                let own = match &found {
                    Ok(found) => Ok(found.iter().find(|live| live.session == call.session).copied()),
                    Err(error) => Err(ApiError::unavailable(error.to_string())),
                };
                drop(call.reply.send(own)); // whoever asked may have gone
            }
        }
    }
}
