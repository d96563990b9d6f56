//! The middleware around every request: its id, its deadline, its headers, and a problem response for every error.

use super::{
    cors::{CorsHeaders, Origins},
    operations::Operations,
    problem::{Problem, of_status},
    single,
};
use crate::{
    auth::{
        RequestId,
        guard::{self, AuthContext, Holder},
    },
    db::{Db, progress::Writes},
    error::{ApiError, Code, UNKNOWN_REFERENCE},
    http::problem::ProblemTypes,
    shutdown,
    types::Id,
};
use actix_web::{
    Error, HttpMessage as _, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt as _;
use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

/// The longest time for a handler (HT-05).
const DEADLINE: Duration = Duration::from_secs(30);
/// A refusal to a signed-in caller is sent at a multiple of this time after the request arrived (AZ-12).
const RESPONSE_INTERVAL: Duration = Duration::from_millis(10);
/// The size limits of the URI and the headers in bytes, and the most headers (HT-04).
const MAX_URI: usize = 8 * 1024;
const MAX_HEAD: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;

const PROBLEM: &str = "application/problem+json";
/// The documentation page runs its own scripts, all from this server.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

/// The id of any kind of record in a path.
enum Named {}
type RecordId = Id<Named>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// After any panic, here or in the handler, the caller gets a problem response (RL-13).
pub async fn process_request(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(req.headers());
    let cors = req.app_data::<Data<Origins>>().map(|origins| origins.response_headers(req.headers()));
    let types = req.app_data::<Data<ProblemTypes>>().cloned().unwrap_or_default();
    match AssertUnwindSafe(respond(req, next, id, cors.as_ref(), &types)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => {
            let error = ApiError::internal("a request panicked");
            let mut response = error.error_response();
            write_problem(&mut response, Some(&error), id, &types);
            finish(&mut response, id, false, false, cors.as_ref(), &types);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

async fn respond(
    mut req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: RequestId,
    cors: Option<&CorsHeaders>,
    types: &ProblemTypes,
) -> Result<ServiceResponse<BoxBody>, Error> {
    req.extensions_mut().insert(id);
    // HEAD is handled as GET; the encoder knows the real method and omits the body.
    if req.method() == Method::HEAD {
        req.head_mut().method = Method::GET;
    }
    let docs = req.path().starts_with("/docs");
    let public = docs
        || req.path().starts_with("/openapi")
        || req.path() == "/problems"
        || req.path().starts_with("/.well-known");
    let finish = |response: &mut HttpResponse<BoxBody>| finish(response, id, docs, public, cors, types);
    if let Some(mut response) = cors.and_then(|cors| cors.preflight_response(&req)) {
        finish(&mut response);
        return Ok(req.into_response(response));
    }
    let outcome = match oversized(&req) {
        Some(code) => Err(ApiError::new(code, code.title()).into()),
        None => match single::check(req.headers()) {
            Ok(()) => run(req, next).await,
            Err(error) => Err(error.into()),
        },
    };
    match outcome {
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            finish(response.response_mut());
            Ok(response)
        }
        // The request was consumed with the handler, so the response is built here and passed on inside the error.
        Err(error) => {
            let mut response = error.error_response();
            write_problem(&mut response, error.as_error::<ApiError>(), id, types);
            finish(&mut response);
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn finish(
    response: &mut HttpResponse<BoxBody>,
    id: RequestId,
    docs: bool,
    public: bool,
    cors_headers: Option<&CorsHeaders>,
    types: &ProblemTypes,
) {
    let cors = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM);
    if !cors && (response.status().is_client_error() || response.status().is_server_error()) {
        let error = response.error().and_then(|error| error.as_error::<ApiError>()).map(ApiError::copy);
        write_problem(response, error.as_ref(), id, types);
    }
    if shutdown::is_stopping() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Some(cors_headers) = cors_headers {
        cors_headers.apply(headers);
    }
    // A printed page has its own content security policy for its style.
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).cloned();
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            header::CONTENT_SECURITY_POLICY,
            if docs { DOCS_POLICY } else { "default-src 'none'; frame-ancestors 'none'" },
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(policy) = policy {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if !public {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Runs the handler with a time limit.
async fn run(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let handled = async {
        let Some(holder) = guard::identify(&req).await else { return next.call(req).await };
        let response = next.call(req).await?;
        if is_refusal(&response, &holder).await?
            && let (Some(db), Some(operations)) = (response.request().app_data::<Data<Db>>(), response.request().app_data::<Data<Operations>>())
            // The path as the router has decoded it, so that no letter is percent-encoded.
            && let path = response.request().match_info().as_str()
            && let Some(template) = operations.template(path)
        {
            let call = format!("{} {template}", response.request().method());
            let subject = path.rsplit('/').find_map(RecordId::parse).map(RecordId::uuid);
            db.audit_refusal(&holder, subject, call, response.status().as_u16()).await?;
            wait_for_interval_end(began).await;
        }
        Ok(response)
    };
    let writes = Writes::default();
    match tokio::time::timeout(DEADLINE, writes.during(handled)).await {
        Ok(outcome) => outcome,
        // The handler was dropped, and a write that has not begun its COMMIT never will.
        Err(late) if writes.may_be_stored() => Err(ApiError::outcome_unknown(late).into()),
        Err(_) => Err(ApiError::overloaded("The request took too long; nothing was stored.").into()),
    }
}

/// Waits until the next multiple of [`RESPONSE_INTERVAL`]. A hidden record and a missing one take the same statements,
/// but the engine evaluates the visibility of a row only if the row exists, which takes about ten microseconds more.
/// The fixed intervals hide this difference.
async fn wait_for_interval_end(began: Instant) {
    let intervals = began.elapsed().as_micros() / RESPONSE_INTERVAL.as_micros() + 1;
    let until = RESPONSE_INTERVAL.saturating_mul(u32::try_from(intervals).unwrap_or(u32::MAX));
    tokio::time::sleep(until.saturating_sub(began.elapsed())).await;
}

/// Whether the caller was denied something: by their role, by record visibility, by an id in the body that they may not
/// reference, or because their session was ended early. Repeated requests with the token of an ended session are
/// recorded only from time to time.
async fn is_refusal(response: &ServiceResponse<impl MessageBody>, holder: &Holder) -> Result<bool, ApiError> {
    Ok(match response.status() {
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => holder.actor.is_some(),
        StatusCode::UNPROCESSABLE_ENTITY if holder.actor.is_some() => {
            let error = response.response().error().and_then(|error| error.as_error::<ApiError>());
            error.is_some_and(|error| error.all_issues().iter().any(|issue| issue.fault.code == UNKNOWN_REFERENCE))
        }
        StatusCode::UNAUTHORIZED if guard::identity_was_used(response.request()) => {
            match response.request().app_data::<Data<AuthContext>>() {
                Some(auth) => auth.sessions.should_log_refusal(&holder.claims).await?,
                None => false,
            }
        }
        _ => false,
    })
}

fn oversized(req: &ServiceRequest) -> Option<Code> {
    let headers = req.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if req.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI) {
        Some(Code::UriTooLong)
    } else if headers.len() > MAX_HEADERS || size > MAX_HEAD {
        Some(Code::HeadersTooLarge)
    } else {
        None
    }
}

/// The id of a caller is accepted only if it is a UUID (LG-08).
fn request_id(headers: &HeaderMap) -> RequestId {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(RequestId::parse)
        .unwrap_or_else(RequestId::new)
}

/// Writes the problem into an error response, whichever component created it.
fn write_problem(response: &mut HttpResponse<BoxBody>, ours: Option<&ApiError>, id: RequestId, types: &ProblemTypes) {
    let status = response.status();
    let theirs = of_status(status);
    let error = ours.unwrap_or(&theirs);
    if status.is_server_error() {
        tracing::error!(request_id = %id, %error, "a request failed");
    }
    let body = serde_json::to_vec(&Problem::new(error, id, types)).unwrap_or_default();
    for (name, value) in error.headers() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
    let empty = std::mem::replace(response, HttpResponse::new(status));
    *response = empty.set_body(BoxBody::new(body));
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, dev::Service as _, middleware::from_fn, test, web};

    /// RL-13: panics in the handler and in the middleware before it.
    #[actix_web::test]
    async fn panics_are_answered_with_a_problem_response() {
        async fn fails() -> HttpResponse {
            panic!("a fault of ours")
        }
        async fn panics(_: ServiceRequest, _: Next<impl MessageBody>) -> Result<ServiceResponse<BoxBody>, Error> {
            panic!("before the handler")
        }
        let early = App::new()
            .wrap(from_fn(panics))
            .wrap(from_fn(process_request))
            .service(web::resource("/").to(HttpResponse::Ok));
        let late = App::new().wrap(from_fn(process_request)).service(web::resource("/").to(fails));
        let (early, late) = (test::init_service(early).await, test::init_service(late).await);
        let asked = || test::TestRequest::get().uri("/").to_request();
        for outcome in [early.call(asked()).await, late.call(asked()).await] {
            let reply = outcome
                .map_or_else(|error| error.error_response(), |response| response.into_parts().1.map_into_boxed_body());
            assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(reply.headers().get(header::CONTENT_TYPE).unwrap(), PROBLEM);
            assert!(
                reply.headers().contains_key(REQUEST_ID)
                    && reply.headers().contains_key(header::X_CONTENT_TYPE_OPTIONS)
            );
            let body = actix_web::body::to_bytes(reply.into_body()).await.unwrap_or_else(|_| panic!("no body"));
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["code"], "internal");
        }
    }
}
