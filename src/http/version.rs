//! Versions: `If-Match` on the way in, `ETag` on the way out.

use crate::error::{ApiError, Code, Result};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use std::future::{Ready, ready};

/// The entity tag of a version.
pub fn etag(version: i32) -> String {
    format!("\"v{version}\"")
}

/// The version that the caller has read. Required where a handler names it: 428 without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Tags);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    Any,
    These(Vec<String>),
}

impl IfMatch {
    /// 412 with the current tag, where the caller has read another version.
    pub fn check(&self, version: i32) -> Result<()> {
        match &self.0 {
            Tags::Any => Ok(()),
            Tags::These(tags) if tags.contains(&etag(version)) => Ok(()),
            Tags::These(_) => Err(ApiError::stale(version)),
        }
    }
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Tags> {
    let value = headers.get(name)?.to_str().unwrap_or_default();
    if value.trim() == "*" {
        return Some(Tags::Any);
    }
    Some(Tags::These(value.split(',').map(|tag| tag.trim().to_owned()).collect()))
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || ApiError::new(Code::VersionRequired, "Send If-Match with the ETag of the version that you have read.");
        ready(tags(req.headers(), IF_MATCH).map(Self).ok_or_else(missing))
    }
}

/// Whether the caller already has this version (RFC 9110: compared weakly).
pub fn is_known(headers: &HeaderMap, version: i32) -> bool {
    match tags(headers, IF_NONE_MATCH) {
        Some(Tags::Any) => true,
        Some(Tags::These(known)) => known.iter().any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag(version)),
        None => false,
    }
}
