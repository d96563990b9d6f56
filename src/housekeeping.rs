//! What a running server does by itself, beside answering.

use crate::{
    audit::checkpoint::Sealer,
    auth::token::Keys,
    db::Db,
    error::{ApiError, Result},
    http::idempotency,
    identity::{
        mailed_secrets,
        sessions::{self, throttle},
    },
    oversight::{access_log, search::keep},
    tls::Certificate,
};
use actix_web::rt::{spawn, time::sleep};
use std::{sync::Arc, time::Duration};

const OFTEN: Duration = Duration::from_secs(1);
/// How soon new keys and certificates are seen. TK-09: a signing key signs a minute after it was made, when every server has seen it.
const KEYS: Duration = Duration::from_secs(5);
/// Between two parts of what nobody waits for.
const BREATH: Duration = Duration::from_millis(50);
const SOON: Duration = Duration::from_secs(60);
/// LG-03: a chain is sealed every hour at least.
const HOURLY: Duration = Duration::from_secs(3600);

/// Starts it on the runtime of the calling thread.
pub fn start(db: &Db, keys: Arc<Keys>, tls: Option<Arc<Certificate>>, mut sealer: Sealer) {
    let index = db.clone();
    spawn(async move {
        loop {
            told("the search index could not be kept", keep::tend(&index).await);
            sleep(OFTEN).await;
        }
    });
    spawn(async move {
        loop {
            sleep(KEYS).await;
            let (keys, tls) = (Arc::clone(&keys), tls.clone());
            let look = move || {
                keys.look_again();
                tls.inspect(|certificate| certificate.look_again());
            };
            told("the keys could not be looked at", actix_web::web::block(look).await.map_err(ApiError::internal));
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
    let clocks = db.clone();
    spawn(async move {
        loop {
            told("sessions of a wrong clock could not be ended", clocks.maintain(sessions::store::end_untimely).await);
            sleep(SOON).await;
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
            told("old secrets could not be purged", db.maintain(mailed_secrets::purge).await);
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
