//! The background tasks of a running server.

use crate::{
    audit::checkpoint::CheckpointWriter,
    auth::token::Keys,
    db::Db,
    error::{ApiError, Result},
    http::idempotency,
    identity::{
        one_time_tokens,
        sessions::{self, throttle},
    },
    overview::{access_log, search::indexer},
    supervise,
    tls::Certificate,
};
use std::{sync::Arc, time::Duration};

const EVERY_SECOND: Duration = Duration::from_secs(1);
/// How soon new keys and certificates are noticed. TK-09: a signing key signs one minute after its creation, when every
/// server has noticed it.
const KEYS: Duration = Duration::from_secs(5);
/// The pause between two batches of background work.
const BATCH_DELAY: Duration = Duration::from_millis(50);
const EVERY_MINUTE: Duration = Duration::from_secs(60);
/// LG-03: a chain gets a checkpoint every hour at least.
const HOURLY: Duration = Duration::from_secs(3600);

/// Starts the tasks on the runtime of the calling thread. A task that panics is restarted, and readiness fails until
/// then.
pub fn start(db: &Db, keys: Arc<Keys>, tls: Option<Arc<Certificate>>, mut writer: CheckpointWriter) {
    let index = db.clone();
    supervise::task("search-index", async move || {
        log_error("the search index could not be kept", indexer::run_once(&index).await);
        EVERY_SECOND
    });
    supervise::task("keys", async move || {
        let (keys, tls) = (Arc::clone(&keys), tls.clone());
        let reloaded = actix_web::web::block(move || reload_keys(&keys, tls.as_deref())).await;
        log_error("the keys could not be looked at", reloaded.map_err(ApiError::internal));
        KEYS
    });
    let index = db.clone();
    supervise::task("access-log", async move || {
        let more = access_log::index::run_once(&index).await;
        let pause = if matches!(more, Ok(true)) { BATCH_DELAY } else { EVERY_MINUTE };
        log_error("the access log could not be kept", more);
        pause
    });
    let clocks = db.clone();
    supervise::task("clocks", async move || {
        log_error(
            "sessions of a wrong clock could not be ended",
            clocks.maintain(sessions::store::end_sessions_of_wrong_clock).await,
        );
        EVERY_MINUTE
    });
    let trace = db.clone();
    supervise::task("checkpoints", async move || {
        let written = writer.write(&trace).await;
        let pause = if written.is_ok() { HOURLY } else { EVERY_MINUTE };
        log_error("the audit log could not be sealed", written);
        pause
    });
    let db = db.clone();
    supervise::task("purge", async move || {
        log_error("old idempotency keys could not be purged", db.maintain(idempotency::purge).await);
        log_error("old secrets could not be purged", db.maintain(one_time_tokens::purge).await);
        log_error("old tries to sign in could not be purged", db.maintain(throttle::purge).await);
        HOURLY
    });
}

/// Reloads the signing keys and the certificate if they have changed. It reads files, so do not call it on a thread
/// that answers requests.
pub fn reload_keys(keys: &Keys, tls: Option<&Certificate>) {
    keys.reload();
    if let Some(certificate) = tls {
        certificate.reload();
    }
}

fn log_error<T>(what: &str, outcome: Result<T>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "{what}");
    }
}
