//! Versions: `If-Match` in requests, `ETag` in responses.

use super::header_parameter::header_parameter;
use crate::error::{ApiError, Code, Result};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{self, EntityTag, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use std::future::{Ready, ready};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

/// The entity tag of a version.
pub fn etag(version: i32) -> String {
    format!("\"v{version}\"")
}

/// The version that the caller has read. A handler that takes it requires it: 428 without it, 400 if it is malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Condition);

/// The same for an operation where it is optional: without it, any version is changed. A malformed header is refused
/// here too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionalIfMatch(pub Option<IfMatch>);

/// The value of `If-Match` or `If-None-Match`: `*`, or a list of entity tags (RFC 9110, 13.1).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Any,
    Tags(Vec<EntityTag>),
}

impl Condition {
    /// Compares weakly: `W/"v2"` equals `"v2"`. A proxy may make a strong tag weak (nginx does when it compresses a
    /// response), and the client then sends the weak tag. This is safe, because each version of a record has only one
    /// representation.
    fn names(&self, version: i32) -> bool {
        let current = EntityTag::new_strong(format!("v{version}"));
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag.weak_eq(&current)),
        }
    }
}

impl IfMatch {
    /// 412 with the current tag if the caller has read another version.
    pub fn check(&self, version: i32) -> Result<()> {
        if self.0.names(version) { Ok(()) } else { Err(ApiError::stale(version)) }
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The ETag of the version that you have read, strong or weak; or a list of them, or `*`.";
        header_parameter("If-Match", true, description, |schema| schema.examples(["\"v7\""]))
    }
}
impl IntoParams for OptionalIfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The ETag of the version that you have read, strong or weak, to change no other.";
        header_parameter("If-Match", false, description, |schema| schema.examples(["\"v7\""]))
    }
}

/// The condition in all lines of a header. `header::IfMatch` of actix-web ignores each tag that it cannot parse, so a
/// mistake of the caller would always look like another version; here it is an error. actix-web parses the single tags.
fn condition(headers: &HeaderMap, name: HeaderName, header_name: &'static str) -> Result<Option<Condition>> {
    let malformed = || {
        ApiError::bad_header(
            header_name,
            "malformed",
            "must be an ETag from an earlier response, such as \"v7\", a list of them, or *",
        )
    };
    if !headers.contains_key(&name) {
        return Ok(None);
    }
    let mut tags: Vec<EntityTag> = Vec::new();
    let mut any = false;
    for line in headers.get_all(&name) {
        let line = line.to_str().map_err(|_| malformed())?;
        let mut quoted = false;
        // A comma within a tag is part of the tag.
        let elements = line.split(|c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        });
        for element in elements.map(str::trim).filter(|element| !element.is_empty()) {
            match element {
                "*" => any = true,
                tag => tags.push(tag.parse().map_err(|_| malformed())?),
            }
        }
    }
    match (any, tags.is_empty()) {
        (true, true) => Ok(Some(Condition::Any)),
        (false, false) => Ok(Some(Condition::Tags(tags))),
        _ => Err(malformed()),
    }
}

impl FromRequest for OptionalIfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(condition(req.headers(), IF_MATCH, "If-Match").map(|condition| Self(condition.map(IfMatch))))
    }
}
impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let missing =
            || ApiError::new(Code::VersionRequired, "Send If-Match with the ETag of the version that you read.");
        ready(OptionalIfMatch::from_request(req, payload).into_inner().and_then(|given| given.0.ok_or_else(missing)))
    }
}

/// Whether the caller already has this version (`If-None-Match`).
pub fn is_known(headers: &header::HeaderMap, version: i32) -> Result<bool> {
    Ok(condition(headers, IF_NONE_MATCH, "If-None-Match")?.is_some_and(|condition| condition.names(version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_two(lines: &[&str]) -> std::result::Result<bool, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, header::HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found = condition(&headers, IF_MATCH, "If-Match").map_err(|error| error.code().status().as_u16())?;
        Ok(found.unwrap().names(2))
    }

    #[test]
    fn if_match_is_parsed_as_the_standard_says() {
        for good in [
            vec!["\"v2\""],
            vec!["W/\"v2\""],
            vec!["*"],
            vec!["\"v1\", W/\"v2\""],
            vec!["\"v1\"", "\"v2\""],
            vec!["\"a,b\",\"v2\" ,"],
        ] {
            assert_eq!(names_two(&good), Ok(true), "{good:?}");
        }
        for other in [vec!["\"v1\""], vec!["\"V2\""], vec!["\"2\""], vec!["\"\""], vec!["\"v1,v2\""]] {
            assert_eq!(names_two(&other), Ok(false), "{other:?}");
        }
        for bad in [
            vec!["v2"],
            vec!["2"],
            vec![""],
            vec![","],
            vec!["\"v2"],
            vec!["w/\"v2\""],
            vec!["*, \"v2\""],
            vec!["\"v2\"", "v2"],
            vec!["\"v 2\""],
            vec!["\u{e9}"],
        ] {
            assert_eq!(names_two(&bad), Err(400), "{bad:?}");
        }
    }
}
