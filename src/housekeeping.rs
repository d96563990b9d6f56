//! What a running server does by itself, beside answering.

use crate::{
    audit::checkpoint::Sealer,
    db::Db,
    error::Result,
    http::idempotency,
    identity::sessions::throttle,
    oversight::{access_log, search::keep},
};
use actix_web::rt::{spawn, time::sleep};
use std::time::Duration;

const OFTEN: Duration = Duration::from_secs(1);
/// Between two parts of what nobody waits for.
const BREATH: Duration = Duration::from_millis(400);
const SOON: Duration = Duration::from_secs(60);
/// LG-03: a chain is sealed every hour at least.
const HOURLY: Duration = Duration::from_secs(3600);

/// Starts it on the runtime of the calling thread.
pub fn start(db: &Db, mut sealer: Sealer) {
    let index = db.clone();
    spawn(async move {
        loop {
            told("the search index could not be kept", keep::tend(&index).await);
            sleep(OFTEN).await;
        }
    });
    let index = db.clone();
    spawn(async move {
        loop {
            let more = access_log::index::tend(&index).await;
            let pause = if matches!(more, Ok(true)) { BREATH } else { SOON };
            told("the access log could not be kept", more);
            sleep(pause).await;
        }
    });
    let (trace, db) = (db.clone(), db.clone());
    spawn(async move {
        loop {
            let sealed = sealer.seal(&trace).await;
            let pause = if sealed.is_ok() { HOURLY } else { SOON };
            told("the trace could not be sealed", sealed);
            sleep(pause).await;
        }
    });
    spawn(async move {
        loop {
            told("old idempotency keys could not be purged", db.maintain(idempotency::purge).await);
            told("old tries to sign in could not be purged", db.maintain(throttle::purge).await);
            sleep(HOURLY).await;
        }
    });
}

fn told<T>(what: &str, outcome: Result<T>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "{what}");
    }
}
