//! Operations for the operator and for verifiers of tokens: health checks and public keys.

use crate::http::Routes;
use crate::{
    auth::{Anyone, Caller as _, guard::AuthContext, token::Jwk},
    db::Db,
    error::{ApiError, Result},
    http::{Answer, Reply, ok_json},
    shutdown, supervise,
};
use actix_web::{get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(get_liveness).service(get_readiness).service(get_key_set);
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub struct Health {
    pub status: &'static str,
}

/// Check liveness
///
/// Answers as long as the process runs. Asks nothing of the database.
#[utoipa::path(
    tag = "Operations",
    responses((status = 200, body = Health)),
    security(()),
)]
#[get("/livez")]
pub async fn get_liveness(_who: Anyone) -> Result<Answer<Health>> {
    ok_json(Health { status: "ok" })
}

/// Check readiness
///
/// Whether the database answers, takes writes and has every migration, whether every thread of the server works, and
/// whether the server is not shutting down.
#[utoipa::path(
    tag = "Operations",
    responses((status = 200, body = Health)),
    security(()),
)]
#[get("/readyz")]
pub async fn get_readiness(who: Anyone, db: Data<Db>) -> Result<Answer<Health>> {
    tracing::trace!(request = %who.origin().request, "readiness");
    if shutdown::is_stopping() {
        return Err(ApiError::unavailable("the server is ending"));
    }
    let down = supervise::down();
    if !down.is_empty() {
        return Err(ApiError::unavailable(format!("being restarted: {}", down.join(", "))));
    }
    if db.ready().await? {
        ok_json(Health { status: "ok" })
    } else {
        Err(ApiError::unavailable("migrations are missing, or writes fail"))
    }
}

/// The keys that access tokens are signed with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/key_set.json"))))]
pub struct KeySet {
    pub keys: Vec<Jwk>,
}

/// Fetch the public keys
///
/// The JWK set (RFC 7517) that verifies access tokens.
#[utoipa::path(
    tag = "Operations",
    responses((status = 200, body = KeySet)),
    security(()),
)]
#[get("/.well-known/jwks.json")]
pub async fn get_key_set(_who: Anyone, auth: Data<AuthContext>) -> Reply<KeySet> {
    ok_json(KeySet { keys: auth.keys.jwks() })
}
