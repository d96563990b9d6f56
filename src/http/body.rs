//! A JSON body that was read completely, in time and within its size limit, and is valid.

use super::faults::{self, SerdeFault};
use crate::{
    error::{ApiError, Code, FieldPath, Issue, Result},
    types::{Instant, bounds, fault::Fault},
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

/// The size limits of bodies in bytes (HT-04).
pub const JSON_LIMIT: usize = 64 * 1024;
pub const NOTE_LIMIT: usize = 256 * 1024;
pub const LOGIN_LIMIT: usize = 4 * 1024;
/// The time limit for a body that arrives slowly: actix has no limit of its own (HT-05).
const DEADLINE: Duration = Duration::from_secs(15);
/// The greatest nesting depth of a body (IN-03).
const DEEPEST: usize = 32;

/// The body as a `T`, of at most `LIMIT` bytes.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = JSON_LIMIT> {
    value: T,
    /// The names of the members that were sent, for the audit log.
    members: Vec<String>,
    fingerprint: Fingerprint,
}

/// Identifies a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// SHA-256 of the body's JSON value: the order of members, white space and the notation of numbers and characters
    /// do not matter.
    pub value: [u8; 32],
    /// SHA-256 of the body's bytes, for the comparison with rows that an earlier version stored.
    pub bytes: [u8; 32],
}

impl Fingerprint {
    fn of(value: &serde_json::Value, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        digest(value, &mut hash);
        Self { value: hash.finalize().into(), bytes: Sha256::digest(bytes).into() }
    }
}

/// Feeds a value to a hash so that two values give the same input exactly if they are equal: each with its kind and its
/// length, and members sorted.
fn digest(value: &serde_json::Value, hash: &mut Sha256) {
    use serde_json::Value;
    let text = |hash: &mut Sha256, kind: &[u8], text: &str| {
        hash.update(kind);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    match value {
        Value::Null => hash.update(b"0"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Bool(true) => hash.update(b"t"),
        // 10, 10.0 and 1e1 are the same number.
        Value::Number(number) => {
            match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15) {
                Some(whole) => text(hash, b"n", &(whole as i64).to_string()),
                None => text(hash, b"n", &number.to_string()),
            }
        }
        Value::String(string) => text(hash, b"s", string),
        Value::Array(items) => {
            hash.update(b"a");
            hash.update((items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| digest(item, hash));
        }
        Value::Object(object) => {
            hash.update(b"o");
            hash.update((object.len() as u64).to_be_bytes());
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, member) in members {
                text(hash, b"m", name);
                digest(member, hash);
            }
        }
    }
}

impl Body<()> {
    /// The body of a POST that takes none.
    pub fn none() -> Self {
        Self { value: (), members: Vec::new(), fingerprint: Fingerprint::of(&serde_json::Value::Null, &[]) }
    }
}

impl<T, const LIMIT: usize> Body<T, LIMIT> {
    pub fn members(&self) -> Vec<String> {
        self.members.clone()
    }
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
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
        let (head, payload, patches) = (check_head(req, LIMIT), payload.take(), req.method() == Method::PATCH);
        Box::pin(async move {
            head?;
            let timely = tokio::time::timeout(DEADLINE, read(payload, LIMIT)).await;
            let bytes =
                timely.map_err(|_| ApiError::new(Code::RequestTimeout, "The body did not arrive in time."))??;
            parse(&bytes, patches)
        })
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("The body may have at most {limit} bytes."))
}

fn check_head(req: &HttpRequest, limit: usize) -> Result<()> {
    let unsupported = |detail: &'static str| Err(ApiError::new(Code::UnsupportedMediaType, detail));
    let text = |name: header::HeaderName| {
        req.headers().get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase())
    };
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return unsupported("Send the body as it is, without a Content-Encoding.");
    }
    let content_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let (kind, parameter) =
        content_type.split_once(';').map_or((content_type.as_str(), ""), |(kind, rest)| (kind.trim(), rest.trim()));
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

fn parse<T: DeserializeOwned + Validate, const LIMIT: usize>(bytes: &[u8], patches: bool) -> Result<Body<T, LIMIT>> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8."))?;
    if depth(text) > DEEPEST {
        return Err(malformed("The body is nested too deeply."));
    }
    let tree: serde_json::Value =
        serde_json::from_str(text).map_err(|_| malformed("The body is not well-formed JSON."))?;
    let Some(object) = tree.as_object() else {
        return Err(ApiError::invalid("", "wrong_type", "the body must be an object"));
    };
    let members = object.keys().cloned().collect();
    let mut json = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = pointer(error.path());
        let try_parse = |other: serde_json::Value| {
            serde_path_to_error::deserialize::<_, T>(other)
                .err()
                .map(|error| (pointer(error.path()), error.into_inner().to_string()))
        };
        issue(&path, &error.into_inner().to_string(), |fault| {
            explain_null_or_empty(&tree, &path, patches, fault, &try_parse)
        })
    })?;
    let mut issues = value.validate().map_err(|errors| flatten(&errors, "")).err().unwrap_or_default();
    check_bounds(&tree, "", Instant::now(), &mut issues);
    if !issues.is_empty() {
        return Err(ApiError::invalid_all(issues));
    }
    Ok(Body { value, members, fingerprint: Fingerprint::of(&tree, bytes) })
}

/// Checks each date and instant in a body against [`bounds::MEMBERS`].
fn check_bounds(value: &serde_json::Value, at: &str, now: Instant, issues: &mut Vec<Issue>) {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let here = format!("{at}/{}", escape(name));
                match member.as_str().and_then(|text| bounds::check(name, text, now)) {
                    Some(fault) => issues.push(Issue { path: FieldPath::Pointer(here), fault }),
                    None if member.is_object() || member.is_array() => check_bounds(member, &here, now, issues),
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| check_bounds(item, &format!("{at}/{index}"), now, issues));
        }
        _ => {}
    }
}

/// Explains what to send instead of a `null` or an empty text that is not allowed. `try_parse` parses a body as this
/// one was parsed and returns where and how that fails. The body without the member, and with `null` for it, show
/// whether the member may be left out or cleared.
fn explain_null_or_empty(
    tree: &serde_json::Value,
    path: &str,
    patches: bool,
    fault: Fault,
    try_parse: &dyn Fn(serde_json::Value) -> Option<(String, String)>,
) -> Fault {
    use serde_json::Value;
    let (start, code) = match tree.pointer(path) {
        Some(Value::Null) => ("cannot be null", "wrong_type"),
        Some(Value::String(text)) if text.is_empty() => ("must not be empty", fault.code),
        _ => return fault,
    };
    let Some((parent, member)) = path.rsplit_once('/') else { return fault };
    let mut other = tree.clone();
    let Some(object) = other.pointer_mut(parent).and_then(Value::as_object_mut) else { return Fault::new(code, start) };
    let name = unescape(member);
    object.insert(name.clone(), Value::Null);
    let clears = patches && try_parse(other.clone()).is_none_or(|(failed, _)| failed != path);
    if let Some(object) = other.pointer_mut(parent).and_then(Value::as_object_mut) {
        object.remove(&name);
    }
    let missing = try_parse(other).is_some_and(|(_, message)| faults::parse(&message) == SerdeFault::Missing(name));
    let advice = match (missing, patches, clears) {
        (true, ..) => "it must have a value",
        (false, true, true) => "leave it out to keep the current value, or send null to clear it",
        (false, true, false) => "leave it out to keep the current value",
        (false, false, _) => "leave it out, or give it a value",
    };
    Fault::new(code, format!("{start}: {advice}"))
}

/// The greatest nesting depth of brackets outside strings.
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
fn unescape(member: &str) -> String {
    member.replace("~1", "/").replace("~0", "~")
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

/// The problem for a body that serde refuses. `refine` adds details about a wrong value.
fn issue(path: &str, message: &str, refine: impl FnOnce(Fault) -> Fault) -> ApiError {
    let inside = |member: &str| {
        let member = escape(member);
        if path.rsplit('/').next() == Some(member.as_str()) { path.to_owned() } else { format!("{path}/{member}") }
    };
    match faults::parse(message) {
        SerdeFault::Unknown(name) => ApiError::invalid(inside(&name), "unknown_member", "is not a member of this body"),
        SerdeFault::Missing(name) => ApiError::invalid(inside(&name), "required", "must be given"),
        SerdeFault::Repeated(name) => malformed("The body names a member twice.").issues(vec![Issue {
            path: FieldPath::Pointer(inside(&name)),
            fault: Fault::new("duplicate", "is given more than once"),
        }]),
        SerdeFault::Wrong(fault) => {
            ApiError::invalid_all(vec![Issue { path: FieldPath::Pointer(path.to_owned()), fault: refine(fault) }])
        }
    }
}

/// The errors of `validator` as issues with pointers. A rule over several members names the member that the error
/// points to in its `pointer` parameter.
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
                let (code, default_detail) = match error.code.as_ref() {
                    "length" | "range" => ("out_of_range", bounds(error)),
                    _ => ("invalid", "does not hold".to_owned()),
                };
                let code = rule_code(error.code.clone()).unwrap_or(code);
                let detail = error.message.as_ref().map_or(default_detail, ToString::to_string);
                Issue { path: FieldPath::Pointer(pointer), fault: Fault { code, detail } }
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
        let error = parse::<Sample, 100>(json.as_bytes(), false).unwrap_err();
        let place = error.all_issues().first().map(|issue| match &issue.path {
            FieldPath::Pointer(at) => (at.clone(), issue.fault.code),
            _ => unreachable!(),
        });
        let (at, code) = place.unwrap_or_default();
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        (error.code().status().as_u16(), at, code)
    }

    #[test]
    fn errors_name_the_member_and_never_repeat_the_value() {
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

    #[test]
    fn null_and_empty_text_errors_explain_valid_input() {
        use crate::types::{Change, Patch};
        #[derive(Debug, Default, serde::Deserialize, Validate)]
        #[serde(deny_unknown_fields, default)]
        struct Changes {
            name: Change<Line<5>>,
            note: Patch<Line<5>>,
        }
        let detail = |error: ApiError| error.all_issues().first().map(|issue| issue.fault.detail.clone()).unwrap();
        let patch = |json: &str| detail(parse::<Changes, 100>(json.as_bytes(), true).unwrap_err());
        let post = |json: &str| detail(parse::<Sample, 100>(json.as_bytes(), false).unwrap_err());
        assert_eq!(patch(r#"{"name":null}"#), "cannot be null: leave it out to keep the current value");
        assert_eq!(patch(r#"{"name":""}"#), "must not be empty: leave it out to keep the current value");
        assert_eq!(
            patch(r#"{"note":""}"#),
            "must not be empty: leave it out to keep the current value, or send null to clear it"
        );
        assert_eq!(patch(r#"{"note":" "}"#), "must not be blank");
        assert_eq!(post(r#"{"name":null}"#), "cannot be null: it must have a value");
        assert_eq!(post(r#"{"name":""}"#), "must not be empty: it must have a value");
        assert_eq!(post(r#"{"name":"a","ids":null}"#), "cannot be null: leave it out, or give it a value");
        assert_eq!(post(r#"{"name":"a","ids":[null]}"#), "cannot be null");
    }

    #[test]
    fn fingerprint_depends_on_the_json_value_only() {
        let of = |json: &str| Fingerprint::of(&serde_json::from_str(json).unwrap(), json.as_bytes()).value;
        let one = of(r#"{"a":[1,{"b":"x","c":null}],"d":10}"#);
        for same in [r#"{ "d":10.0, "a":[1,{"c":null,"b":"\u0078"}] }"#, r#"{"d":1e1,"a":[1.0,{"b":"x","c":null}]}"#] {
            assert_eq!(of(same), one, "{same}");
        }
        for other in [
            r#"{"a":[1,{"b":"x"}],"d":10}"#,
            r#"{"a":[{"b":"x","c":null},1],"d":10}"#,
            r#"{"a":["1",{"b":"x","c":null}],"d":10}"#,
            r#"{"a":[1,{"b":"x","c":null}],"d":10.5}"#,
            r#"{"a":[1,{"b":"xc","":null}],"d":10}"#,
            r#"{"a":[1,{"b":"x","c":false}],"d":10}"#,
        ] {
            assert_ne!(of(other), one, "{other}");
        }
    }
}
