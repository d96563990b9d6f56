//! Headers that a request may have only once. With two of them, one program would use the first and another the last
//! (HT-13).

use crate::error::ApiError;
use actix_web::http::header::HeaderMap;

/// List headers (`Accept`, `If-Match`, `X-Forwarded-For` and similar) may come in several lines and are not included.
/// The HTTP parser checks `Content-Length` and `Transfer-Encoding`.
const SINGLE: &[&str] = &["Authorization", "Content-Type", "Idempotency-Key", "Host", "Origin"];

/// 400 that names the first of these headers that is given more than once.
pub fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    match SINGLE.iter().find(|name| headers.get_all(**name).nth(1).is_some()) {
        Some(name) => Err(ApiError::bad_header(name, "duplicate", "must not be given more than once")),
        None => Ok(()),
    }
}
