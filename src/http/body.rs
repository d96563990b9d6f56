//! A JSON body that has been read whole, in time, within its limit, and that holds.

use crate::{
    error::{ApiError, Code, Issue, Place, Result},
    types::fault::{self, Fault},
};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{Method, header},
    web::BytesMut,
};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::{future::Future, ops::Deref, pin::Pin, time::Duration};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

/// HT-04.
pub const JSON_LIMIT: usize = 64 * 1024;
pub const NOTE_LIMIT: usize = 256 * 1024;
pub const LOGIN_LIMIT: usize = 4 * 1024;
/// A body that comes drop by drop is given up on: actix has no deadline of its own (HT-05).
const DEADLINE: Duration = Duration::from_secs(15);
/// IN-03.
const DEEPEST: usize = 32;

/// The body as a `T`, at most `LIMIT` bytes of it.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = JSON_LIMIT> {
    value: T,
    /// The members that were sent, by name, for the trace.
    members: Vec<String>,
    hash: [u8; 32],
}

impl Body<()> {
    /// The body of a POST that says everything by its path.
    pub fn none() -> Self {
        Self { value: (), members: Vec::new(), hash: Sha256::digest([]).into() }
    }
}

impl<T, const LIMIT: usize> Body<T, LIMIT> {
    pub fn members(&self) -> Vec<String> {
        self.members.clone()
    }
    /// SHA-256 of the bytes, to tell a repeated request from another.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }
    pub fn into_inner(self) -> T {
        self.value
    }
}
impl<T, const LIMIT: usize> Deref for Body<T, LIMIT> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: DeserializeOwned + Validate + 'static, const LIMIT: usize> FromRequest for Body<T, LIMIT> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (head, payload) = (check_head(req, LIMIT), payload.take());
        Box::pin(async move {
            head?;
            let timely = tokio::time::timeout(DEADLINE, read(payload, LIMIT)).await;
            let bytes = timely.map_err(|_| ApiError::new(Code::RequestTimeout, "The body did not arrive in time."))??;
            parse(&bytes)
        })
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("The body may have at most {limit} bytes."))
}

fn check_head(req: &HttpRequest, limit: usize) -> Result<()> {
    let unsupported = |detail: &'static str| Err(ApiError::new(Code::UnsupportedMediaType, detail));
    let text = |name: header::HeaderName| req.headers().get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return unsupported("Send the body as it is, without a Content-Encoding.");
    }
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let (kind, parameter) = content_type.split_once(';').map_or((content_type.as_str(), ""), |(kind, rest)| (kind.trim(), rest.trim()));
    let patch = req.method() == Method::PATCH && kind == "application/merge-patch+json";
    if kind != "application/json" && !patch {
        return unsupported("Send the body as application/json; a PATCH also as application/merge-patch+json.");
    }
    if !matches!(parameter, "" | "charset=utf-8" | "charset=\"utf-8\"") {
        return unsupported("Send the body in UTF-8.");
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(())
}

async fn read(mut payload: Payload, limit: usize) -> Result<BytesMut> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::new(Code::BadRequest, "The body broke off."))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn malformed(detail: &'static str) -> ApiError {
    ApiError::new(Code::MalformedBody, detail)
}

fn parse<T: DeserializeOwned + Validate, const LIMIT: usize>(bytes: &[u8]) -> Result<Body<T, LIMIT>> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8."))?;
    if depth(text) > DEEPEST {
        return Err(malformed("The body is nested too deeply."));
    }
    let tree: serde_json::Value = serde_json::from_str(text).map_err(|_| malformed("The body is not well-formed JSON."))?;
    let Some(object) = tree.as_object() else {
        return Err(ApiError::invalid("", "wrong_type", "the body must be an object"));
    };
    let members = object.keys().cloned().collect();
    let mut json = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = pointer(error.path());
        issue(&path, &error.into_inner().to_string())
    })?;
    value.validate().map_err(|errors| ApiError::invalid_all(flatten(&errors, "")))?;
    Ok(Body { value, members, hash: Sha256::digest(bytes).into() })
}

/// How deep brackets go, outside strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn escape(member: &str) -> String {
    member.replace('~', "~0").replace('/', "~1")
}

/// The RFC 6901 pointer of a path.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut text, segment| {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            Segment::Map { key } => text.push_str(&format!("/{}", escape(key))),
            Segment::Enum { variant } => text.push_str(&format!("/{}", escape(variant))),
            Segment::Unknown => {}
        }
        text
    })
}

/// What serde says, in our words: its own may repeat what was sent (HT-09).
fn issue(path: &str, message: &str) -> ApiError {
    let quoted = |start: &str| message.strip_prefix(start).and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    let inside = |member: &str| {
        let member = escape(member);
        if path.rsplit('/').next() == Some(member.as_str()) { path.to_owned() } else { format!("{path}/{member}") }
    };
    if let Some((code, detail)) = fault::read(message) {
        // Only codes that are spelled out in this crate come this way, so the set of them is closed.
        return ApiError::invalid_all(vec![Issue {
            place: Place::Pointer(path.to_owned()),
            fault: Fault { code: known(code), detail: detail.to_owned() },
        }]);
    }
    if let Some(name) = quoted("unknown field `") {
        return ApiError::invalid(inside(name), "unknown_member", "is not a member of this body");
    }
    if let Some(name) = quoted("missing field `") {
        return ApiError::invalid(inside(name), "required", "must be given");
    }
    if let Some(name) = quoted("duplicate field `") {
        return malformed("The body names a member twice.")
            .issues(vec![Issue { place: Place::Pointer(inside(name)), fault: Fault::new("duplicate", "stands there twice") }]);
    }
    let expected = message.rsplit_once(", expected ").map(|(_, rest)| rest.split(" at line ").next().unwrap_or(rest));
    match expected {
        Some(words) if message.starts_with("unknown variant") => {
            ApiError::invalid(path, "unknown_code", format!("must be {}", words.replace('`', "")))
        }
        Some(words) => ApiError::invalid(path, "wrong_type", format!("must be {}", words.replace('`', ""))),
        None => ApiError::invalid(path, "invalid", "does not hold"),
    }
}

/// The static form of a code that travelled through serde as text.
fn known(code: &str) -> &'static str {
    const CODES: &[&str] = &[
        "invalid_id",
        "invalid_instant",
        "invalid_date",
        "out_of_range",
        "unknown_scope",
        "unknown_time_zone",
        "unknown_code",
        "too_long",
        "too_short",
        "forbidden_character",
        "blank",
        "invalid_email",
        "invalid_url",
        "invalid",
    ];
    CODES.iter().find(|known| **known == code).copied().unwrap_or("invalid")
}

/// What `validator` found, with pointers. A rule over several members names the one to look at in its `pointer` parameter.
fn flatten(errors: &ValidationErrors, at: &str) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (field, kind) in errors.errors() {
        let here = if field == "__all__" { at.to_owned() } else { format!("{at}/{}", escape(field)) };
        match kind {
            ValidationErrorsKind::Struct(inner) => issues.extend(flatten(inner, &here)),
            ValidationErrorsKind::List(items) => {
                issues.extend(items.iter().flat_map(|(index, inner)| flatten(inner, &format!("{here}/{index}"))))
            }
            ValidationErrorsKind::Field(found) => issues.extend(found.iter().map(|error| {
                let pointer = error
                    .params
                    .get("pointer")
                    .and_then(|value| value.as_str())
                    .map_or_else(|| here.clone(), |member| format!("{at}/{member}"));
                let (code, words) = match error.code.as_ref() {
                    "length" | "range" => ("out_of_range", bounds(error)),
                    _ => ("invalid", "does not hold".to_owned()),
                };
                let code = rule_code(error.code.clone()).unwrap_or(code);
                let detail = error.message.as_ref().map_or(words, ToString::to_string);
                Issue { place: Place::Pointer(pointer), fault: Fault { code, detail } }
            })),
        }
    }
    issues
}

fn bounds(error: &validator::ValidationError) -> String {
    let part = |name: &str| error.params.get(name).map(ToString::to_string);
    match (part("min"), part("max")) {
        (Some(min), Some(max)) => format!("must lie between {min} and {max}"),
        (Some(min), None) => format!("must be at least {min}"),
        (None, Some(max)) => format!("must be at most {max}"),
        (None, None) => "is out of range".to_owned(),
    }
}

fn rule_code(code: std::borrow::Cow<'static, str>) -> Option<&'static str> {
    match code {
        std::borrow::Cow::Borrowed("length" | "range" | "nested") => None,
        std::borrow::Cow::Borrowed(code) => Some(code),
        std::borrow::Cow::Owned(_) => None,
    }
}

/// A rule over several members, for `#[validate(schema(…))]`.
pub fn rule(member: &'static str, code: &'static str, detail: &'static str) -> validator::ValidationError {
    let mut error = validator::ValidationError::new(code).with_message(detail.into());
    error.add_param("pointer".into(), &member);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Id, Line};

    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code)]
        name: Line<5>,
        #[serde(default)]
        #[expect(dead_code)]
        ids: Vec<Id<()>>,
        #[serde(default)]
        #[validate(range(min = 1, max = 5))]
        count: Option<i32>,
    }

    fn fault(json: &str) -> (u16, String, &'static str) {
        let error = parse::<Sample, 100>(json.as_bytes()).unwrap_err();
        let place = error.all_issues().first().map(|issue| match &issue.place {
            Place::Pointer(at) => (at.clone(), issue.fault.code),
            _ => unreachable!(),
        });
        let (at, code) = place.unwrap_or_default();
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        (error.code().status().as_u16(), at, code)
    }

    #[test]
    fn what_is_wrong_is_named_and_never_repeated() {
        for (json, expected) in [
            (r#"{"name":"SECRET-SECRET"}"#, (422, "/name", "too_long")),
            (r#"{"name":{"SECRET":1}}"#, (422, "/name", "wrong_type")),
            (r#"{"name":"a","count":"SECRET, expected SECRET"}"#, (422, "/count", "wrong_type")),
            (r#"{"name":"a","count":9}"#, (422, "/count", "out_of_range")),
            (r#"{"name":"a","count":99999999999}"#, (422, "/count", "wrong_type")),
            (r#"{"name":"a","ids":["SECRET"]}"#, (422, "/ids/0", "invalid_id")),
            (r#"{"name":"a","no/pe":1}"#, (422, "/no~1pe", "unknown_member")),
            (r#"{}"#, (422, "/name", "required")),
            (r#"[]"#, (422, "", "wrong_type")),
            (r#"{"name":"a","name":"b"}"#, (400, "/name", "duplicate")),
            (r#"{"name":"\ud800"}"#, (400, "", "")),
            (r#"{"name":"a"} SECRET"#, (400, "", "")),
            (r#"{"name":"a","count":1e999}"#, (400, "", "")),
            ("{", (400, "", "")),
            ("\u{feff}{}", (400, "", "")),
        ] {
            let found = fault(json);
            assert_eq!((found.0, found.1.as_str(), found.2), expected, "{json}");
        }
        assert_eq!(fault(&format!("{{\"name\":{}{}}}", "[".repeat(40), "]".repeat(40))).0, 400);
    }
}
