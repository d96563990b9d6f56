//! Headers that a request has once or not at all. Of two, one program would go by the first and the next by the last
//! (HT-13).

use crate::error::ApiError;
use actix_web::http::header::HeaderMap;

/// Lists (`Accept`, `If-Match`, `X-Forwarded-For` and their like) may come in several lines, and are not among them.
/// `Content-Length` and `Transfer-Encoding` are the parser's.
const SINGLE: &[&str] = &["Authorization", "Content-Type", "Idempotency-Key", "Host", "Origin"];

/// 400 that names the first of these headers that stands there more than once.
pub fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    match SINGLE.iter().find(|name| headers.get_all(**name).nth(1).is_some()) {
        Some(name) => Err(ApiError::bad_header(name, "duplicate", "must not be given more than once")),
        None => Ok(()),
    }
}
