//! `Idempotency-Key`: the same POST sent twice has one effect and gets the same response.
//!
//! Two bodies are the same if their JSON values are equal: the order of members, white space and escapes do not matter.
//! The first response is stored for 24 hours, in the transaction of its effect. `POST /auth/…` ignores the header: its
//! responses are secret and are stored nowhere.

use super::{
    body::Body,
    header_parameter::header_parameter,
    reply::{Answer, Content, Reply, Resource},
    version::etag,
};
use crate::{
    auth::Caller,
    db::{Db, Tx, schema::idempotency_keys as keys},
    error::{ApiError, Code, Result},
    types::Instant,
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use diesel::prelude::*;
use sha2::{Digest as _, Sha256};
use std::{
    collections::HashSet,
    future::{Ready, ready},
    sync::{LazyLock, Mutex, PoisonError},
};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

const RETENTION_SECONDS: i64 = 24 * 3600;
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Checks whether the caller may see the record at a location, by the rules of the feature that owns it. An error
/// becomes the response.
pub type AuthorizeReplay = fn(&mut Tx<'_>, &str) -> Result<()>;

/// The key of a request, if it has one, and the operation that it belongs to.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    key: Option<String>,
    route: String,
    /// SHA-256 of the query with its parameters sorted; empty if there is none.
    query: Vec<u8>,
    authorize_replay: AuthorizeReplay,
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "Makes the request safe to repeat for 24 hours: the response is the first one, if the \
                           caller still sees the record.";
        header_parameter("Idempotency-Key", false, description, |schema| {
            let schema = schema.min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]{1,255}$"));
            schema.examples(["7f3c1c1e-open-case"])
        })
    }
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let wrong =
            || ApiError::bad_header("Idempotency-Key", "invalid_key", "must be 1 to 255 visible ASCII characters");
        let key = match req.headers().get("idempotency-key") {
            None => Ok(None),
            Some(value) => {
                let visible = (1..=255).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
                if visible { Ok(value.to_str().ok().map(str::to_owned)) } else { Err(wrong()) }
            }
        };
        let authorize_replay =
            req.app_data::<AuthorizeReplay>().ok_or_else(|| ApiError::internal("no function authorizes replays"));
        // The path as the router has decoded it: `%2D` is a hyphen.
        let route = format!("{} {}", req.method(), req.match_info().as_str());
        let query = query_hash(req.query_string());
        ready(key.and_then(|key| Ok(Self { key, route, query, authorize_replay: *authorize_replay? })))
    }
}

fn query_hash(query: &str) -> Vec<u8> {
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    if pairs.is_empty() {
        return Vec::new();
    }
    pairs.sort();
    let mut sorted = form_urlencoded::Serializer::new(String::new());
    sorted.extend_pairs(pairs);
    Sha256::digest(sorted.finish()).to_vec()
}

/// Requests with a key that this process is handling now.
static RUNNING: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

struct Running(String);

impl Running {
    fn start(name: String) -> Result<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(name.clone()) {
            Ok(Self(name))
        } else {
            Err(ApiError::new(Code::RequestInProgress, "A request with this Idempotency-Key is still in progress.")
                .header("retry-after", "1"))
        }
    }
}
impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

/// Runs the effect of a POST once: 201 with the new record, its `Location` and its `ETag`.
pub async fn create_idempotent<I, T, const LIMIT: usize>(
    db: &Db,
    who: &impl Caller,
    key: IdempotencyKey,
    body: Body<I, LIMIT>,
    mut f: impl FnMut(&mut Tx<'_>, &Body<I, LIMIT>) -> Result<T> + Send + 'static,
) -> Reply<T>
where
    I: Send + 'static,
    T: Resource + Send + 'static,
{
    let IdempotencyKey { key: Some(key), route, query, authorize_replay } = key else {
        let view = db.write(who, move |tx| f(tx, &body)).await?;
        return Ok(created(view));
    };
    let actor = who.actor().ok_or_else(ApiError::unauthenticated)?;
    // The role is part of the hash, because each role sees different members of a record.
    let hash_request = |hash: [u8; 32]| {
        Sha256::new().chain_update(hash).chain_update(actor.role.as_str()).chain_update(&query).finalize().to_vec()
    };
    // Rows that a version before 30 November 2026 wrote contain the hash of the body's bytes. Rows are stored for a
    // day.
    let (request_hash, old_request_hash) =
        (hash_request(body.fingerprint().value), hash_request(body.fingerprint().bytes));
    let running = Running::start(format!("{} {route} {key}", actor.user))?;
    let stored = db
        .write(who, move |tx| {
            if let Some(row) = find(tx, &route, &key)? {
                if row.request_hash != request_hash && row.request_hash != old_request_hash {
                    return Err(ApiError::new(
                        Code::IdempotencyKeyReused,
                        "This Idempotency-Key was sent with another body or query, or in another role.",
                    ));
                }
                // The response is repeated only for a caller who may see the record now.
                tx.nothing_changed();
                authorize_replay(tx, row.location.as_deref().unwrap_or_default())?;
                return Ok((row, true));
            }
            let view = f(tx, &body)?;
            let row = KeyRow {
                organization_id: actor.organization,
                user_id: actor.user,
                route: route.clone(),
                key: key.clone(),
                request_hash: request_hash.clone(),
                location: Some(view.location()),
                etag: Some(etag(view.version())),
                body: serde_json::to_string(&view).map_err(ApiError::internal)?,
                created_at: Instant::now(),
            };
            // Another server may have stored the same key first: run again, and replay its response.
            use crate::error::OnUnique as _;
            diesel::insert_into(keys::table).values(&row).execute(tx.conn).on_unique(|| {
                ApiError::new(Code::Contention, "A request with this Idempotency-Key is still in progress.")
                    .header("retry-after", "1")
            })?;
            Ok((row, false))
        })
        .await;
    drop(running);
    let (row, replayed) = stored?;
    let mut headers: Vec<(HeaderName, String)> = Vec::new();
    headers.extend(row.location.map(|location| (header::LOCATION, location)));
    headers.extend(row.etag.map(|etag| (header::ETAG, etag)));
    headers.extend(replayed.then(|| (REPLAYED, "true".to_owned())));
    Ok(Answer { status: StatusCode::CREATED, content: Content::Written(row.body), version: None, headers })
}

fn created<T: Resource>(view: T) -> Answer<T> {
    let headers = vec![(header::LOCATION, view.location())];
    Answer { status: StatusCode::CREATED, version: Some(view.version()), headers, content: Content::View(view) }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = keys, treat_none_as_default_value = false)]
struct KeyRow {
    organization_id: crate::auth::OrganizationId,
    user_id: crate::auth::UserId,
    route: String,
    key: String,
    request_hash: Vec<u8>,
    location: Option<String>,
    etag: Option<String>,
    body: String,
    created_at: Instant,
}

fn find(tx: &mut Tx, route: &str, key: &str) -> Result<Option<KeyRow>> {
    let actor = tx.actor()?;
    let oldest = Instant::now().plus_seconds(-RETENTION_SECONDS);
    let this_key = keys::table.find((actor.organization, actor.user, route, key));
    let row: Option<KeyRow> = this_key.select(KeyRow::as_select()).first(tx.conn).optional()?;
    if row.as_ref().is_some_and(|row| row.created_at < oldest) {
        diesel::delete(this_key).execute(tx.conn)?;
        return Ok(None);
    }
    Ok(row)
}

/// Deletes the stored responses that are older than 24 hours.
pub fn purge(conn: &mut crate::db::Conn) -> Result<usize> {
    let oldest = Instant::now().plus_seconds(-RETENTION_SECONDS);
    Ok(diesel::delete(keys::table.filter(keys::created_at.lt(oldest))).execute(conn)?)
}
