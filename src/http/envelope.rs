//! Around every request: its id, its deadline, its headers, and a problem in place of whatever went wrong.

use super::problem::{Problem, of_status};
use crate::{
    auth::RequestId,
    error::{ApiError, Code},
};
use actix_web::{
    Error, HttpMessage as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use futures_util::FutureExt as _;
use std::{panic::AssertUnwindSafe, time::Duration};

/// A handler that takes longer has lost its way (HT-05).
const DEADLINE: Duration = Duration::from_secs(30);
/// HT-04.
const LONGEST_URI: usize = 8 * 1024;
const LARGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub async fn envelope(mut req: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(req.headers());
    req.extensions_mut().insert(id);
    // HEAD is answered as GET; the encoder knows the real method and leaves the body out.
    if req.method() == Method::HEAD {
        req.head_mut().method = Method::GET;
    }
    let docs = req.path().starts_with("/docs");
    let public = docs || req.path().starts_with("/openapi") || req.path().starts_with("/.well-known");
    let http_request = req.request().clone();

    let outcome = match oversized(&req) {
        Some(code) => Err(ApiError::new(code, code.title()).into()),
        None => run(req, next).await,
    };
    let mut response = match outcome {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => ServiceResponse::from_err(error, http_request),
    };
    explain(&mut response, id);
    let headers = response.headers_mut();
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
            if docs {
                "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
            } else {
                "default-src 'none'; frame-ancestors 'none'"
            },
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !public {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

/// The handler, with its panic caught (RL-13) and its time bounded.
async fn run(req: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let call = AssertUnwindSafe(next.call(req)).catch_unwind();
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(ApiError::internal("a handler panicked").into()),
        Err(_) => Err(ApiError::overloaded("The request took too long.").into()),
    }
}

fn oversized(req: &ServiceRequest) -> Option<Code> {
    let headers = req.headers();
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if req.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > LONGEST_URI) {
        Some(Code::UriTooLong)
    } else if headers.len() > MOST_HEADERS || size > LARGEST_HEAD {
        Some(Code::HeadersTooLarge)
    } else {
        None
    }
}

/// An id from outside is taken only if it is a UUID (LG-08).
fn request_id(headers: &HeaderMap) -> RequestId {
    headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).and_then(RequestId::parse).unwrap_or_else(RequestId::new)
}

/// Writes the problem into a refusal, whoever refused.
fn explain(response: &mut ServiceResponse<BoxBody>, id: RequestId) {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return;
    }
    let ours = response.response().error().and_then(|error| error.as_error::<ApiError>());
    let theirs;
    let error = match ours {
        Some(error) => error,
        None => {
            theirs = of_status(status);
            &theirs
        }
    };
    if status.is_server_error() {
        tracing::error!(request_id = %id, %error, "a request failed");
    }
    let problem = Problem::new(error, id);
    let headers = error.headers().to_vec();
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let inner = response.response_mut();
    for (name, value) in headers {
        inner.headers_mut().insert(name, value);
    }
    inner.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let empty = std::mem::replace(inner, actix_web::HttpResponse::new(status));
    *inner = empty.set_body(BoxBody::new(body));
}
