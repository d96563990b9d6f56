//! The error type of the API: the public part (an RFC 9457 problem), and the source that only the log
//! contains.

use crate::types::fault::Fault;
use actix_web::http::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::borrow::Cow;

/// All problems that the API can return: the stable slug, the status, the title, and a text about when it occurs and
/// what to do. The page `docs/problems.md` and `GET /problems` are made of them.
macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:ident, $title:literal, $help:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name),+ }
        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            pub const fn slug(self) -> &'static str { match self { $(Self::$name => $slug),+ } }
            pub const fn status(self) -> StatusCode { match self { $(Self::$name => StatusCode::$status),+ } }
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title),+ } }
            /// When the problem occurs, and what a client does about it.
            pub const fn help(self) -> &'static str { match self { $(Self::$name => $help),+ } }
        }
    };
}

problems! {
    MalformedBody = "malformed_body", BAD_REQUEST, "The body is not well-formed JSON",
        "The body cannot be parsed as JSON, or it has a member twice. Correct the body; do not retry it \
         unchanged.";
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter is unknown or wrong",
        "A query parameter is unknown or has a wrong value. `errors[].parameter` names it.";
    InvalidHeader = "invalid_header", BAD_REQUEST, "A header is wrong",
        "A header has a wrong value, or it is given more than once. `errors[].header` names it.";
    BadRequest = "bad_request", BAD_REQUEST, "The request is not well-formed",
        "The request breaks the rules of HTTP. Correct the client.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Sign in first",
        "The request has no access token, or the token has expired or was ended. Refresh the token once with \
         `POST /auth/refresh`; if that fails, sign in again.";
    InvalidCredentials = "invalid_credentials", UNAUTHORIZED, "Signing in failed",
        "The e-mail address, the password or the code of the second factor is wrong, or the account may not sign \
         in. The response does not say which.";
    InvalidRefreshToken = "invalid_refresh_token", UNAUTHORIZED, "The refresh token is not valid",
        "The refresh token is unknown, has expired or was used before. Sign in again.";
    OtpRequired = "otp_required", UNAUTHORIZED, "The second factor is required",
        "The account has a second factor. Send the request again with `otp`.";
    ReauthenticationRequired = "reauthentication_required", FORBIDDEN, "Enter your password again",
        "The operation needs a password that was entered within the last ten minutes. Send `POST \
         /auth/reauthenticate`, then repeat the request.";
    SecondFactorRequired = "second_factor_required", FORBIDDEN, "Set up a second factor first",
        "The role must have a second factor, and the account has none yet. Set it up under `/me/second-factor`.";
    Forbidden = "forbidden", FORBIDDEN, "Your role may not do this",
        "The role of the caller does not allow the operation, the filter or the change of this record, or break-glass \
         access would be used for a change. Do not retry.";
    NotFound = "not_found", NOT_FOUND, "There is no such record",
        "The record does not exist, or the caller may not see it. The two cases have the same response.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This path has no such method",
        "The path exists, but not with this method. `Allow` lists its methods.";
    NotAcceptable = "not_acceptable", NOT_ACCEPTABLE, "The requested format is not supported",
        "The response has none of the formats that `Accept` or `format` asks for.";
    FormatCannotShowText = "format_cannot_show_text", NOT_ACCEPTABLE, "This format cannot show some of the text",
        "The text has characters that the fonts of the PDF lack. Ask for HTML.";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request did not arrive in time",
        "The body did not arrive in time. Send the request again.";
    Conflict = "conflict", CONFLICT, "The record's state does not allow this",
        "The state of the record does not allow the change. `detail` and `errors` say why.";
    TransitionNotAllowed = "transition_not_allowed", CONFLICT, "The lifecycle does not allow this transition",
        "The lifecycle has no transition from the present status to the requested one. `errors` lists what is \
         allowed.";
    GuardsUnmet = "guards_unmet", CONFLICT, "A guard is not met",
        "A condition of the transition is not met. `errors[].code` names each guard, and `pointer` the member \
         that would meet it.";
    NoteLocked = "note_locked", CONFLICT, "The note is locked",
        "A note can be changed for 24 hours. After that, add an amendment with `POST /notes/{id}/amendments`.";
    StatementSettled = "statement_settled", CONFLICT, "The statement is not a draft",
        "Only a draft can be changed. Write a new version of the statement.";
    AlreadyExists = "already_exists", CONFLICT, "It already exists",
        "A record with the same key exists, or the same decision was made. Read the existing record.";
    MergeConflict = "merge_conflict", CONFLICT, "A person must decide what to keep",
        "Both records have something that can exist only once. Decide which to keep, then repeat the merge.";
    RequestInProgress = "request_in_progress", CONFLICT, "The same request is still in progress",
        "A request with the same `Idempotency-Key` has not finished. Wait for `Retry-After` seconds, then repeat \
         it.";
    StaleVersion = "stale_version", PRECONDITION_FAILED, "The record has changed since you read it",
        "Another request changed the record after it was read. `ETag` has the present version: read the record, \
         decide again, and repeat with the new version.";
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body is larger than the operation allows: 4 KiB for sign-in and accounts, \
         256 KiB for notes and statements, 64 KiB for all others.";
    UriTooLong = "uri_too_long", URI_TOO_LONG, "The address is too long",
        "The address has more than 8 KiB.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The media type of the body is not supported",
        "Send `application/json`, or `application/merge-patch+json` for PATCH, in UTF-8.";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The request is invalid",
        "Members of the body break a rule. `errors` names each with a JSON pointer, a code and a sentence.";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request",
        "The `Idempotency-Key` was used for another request within the last 24 hours. Make a new key for each new \
         request.";
    VersionRequired = "version_required", PRECONDITION_REQUIRED, "If-Match is required",
        "The operation needs `If-Match` with the version that was read, or `*`.";
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large",
        "The headers are too large.";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests",
        "There were too many failures, or too many requests. Wait for `Retry-After` seconds.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal server error",
        "The server has a fault. It is in the log under the id in `instance`. Report it to the operator.";
    Contention = "contention", SERVICE_UNAVAILABLE, "Too many changes at once",
        "Several changes of the same records collided, and this one was not stored. Repeat it after `Retry-After` \
         seconds.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The server is overloaded",
        "The server has too much to do; nothing was stored. Repeat the request after `Retry-After` seconds.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The service is temporarily unavailable",
        "The database or another part cannot be reached, or the server is stopping; nothing was stored. Repeat \
         the request after `Retry-After` seconds.";
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "The outcome is not known",
        "The connection to the database was lost while the change was stored. Repeat the request with the same \
         `Idempotency-Key`: it is applied only once. Without a key, read the record first.";
}

/// The code of an id in a body that the caller may not reference.
pub const UNKNOWN_REFERENCE: &str = "unknown_reference";

/// The location of a fault in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldPath {
    /// A member of the body, as an RFC 6901 pointer.
    Pointer(String),
    Parameter(String),
    Header(&'static str),
}

/// One fault and its location.
#[derive(Debug, Clone)]
pub struct Issue {
    pub path: FieldPath,
    pub fault: Fault,
}

/// Collects the rules that a request body breaks, so that one response names all of them.
#[derive(Debug, Default)]
pub struct Violations(Vec<Issue>);

impl Violations {
    /// Adds an issue at this member of the body, unless the condition holds.
    pub fn require(&mut self, condition: bool, member: &str, code: &'static str, detail: &str) {
        if !condition {
            self.0.push(Issue { path: FieldPath::Pointer(format!("/{member}")), fault: Fault::new(code, detail) });
        }
    }
    /// # Errors
    /// 422 with all issues, if there are any.
    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_all(self.0)) }
    }
}

/// The error response of the API.
#[derive(Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    issues: Vec<Issue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, detail: detail.into(), issues: Vec::new(), headers: Vec::new(), source: None }))
    }
    pub fn unauthenticated() -> Self {
        Self::new(Code::Unauthenticated, "The request carries no valid access token.")
            .header("www-authenticate", "Bearer")
    }
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "The record does not exist, or you may not see it.")
    }
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, detail)
    }
    /// 422 for one member of the body; `pointer` is an RFC 6901 pointer.
    pub fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid_all(vec![Issue { path: FieldPath::Pointer(pointer.into()), fault: Fault::new(code, detail) }])
    }
    pub fn invalid_all(issues: Vec<Issue>) -> Self {
        Self::new(Code::Invalid, "Some members of the body are invalid.").issues(issues)
    }
    /// 422 for an id in a body that the caller may not reference. The message is the same whether the record exists or
    /// not.
    pub fn unknown_reference(pointer: &str) -> Self {
        Self::invalid(pointer, UNKNOWN_REFERENCE, "names no record that you may refer to")
    }
    /// Converts "not found" to an unknown reference in this member of the body.
    pub fn not_found_as_unknown_reference(self, pointer: &str) -> Self {
        if self.code() == Code::NotFound { Self::unknown_reference(pointer) } else { self }
    }
    pub fn parameter(name: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter, "A query parameter is unknown or wrong.")
            .issues(vec![Issue { path: FieldPath::Parameter(name.into()), fault: Fault::new(code, detail) }])
    }
    pub fn bad_header(name: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidHeader, "A header is wrong.")
            .issues(vec![Issue { path: FieldPath::Header(name), fault: Fault::new(code, detail) }])
    }
    /// Another user changed the record first; `version` is its current version.
    pub fn stale(version: i32) -> Self {
        Self::new(Code::StaleVersion, "Read the record again, and decide again.")
            .header("etag", &format!("\"v{version}\""))
    }
    /// Written to the log, never to the response.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "The fault has been logged under the request's id.").with_source(source)
    }
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, "Try again shortly; nothing was stored.")
            .header("retry-after", "2")
            .with_source(source)
    }
    /// A commit whose result is unknown: the change may be stored, or may still be stored later.
    pub fn outcome_unknown(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let detail = "The change may have been stored. Retry with the same Idempotency-Key: it is applied only once, and you get its \
                      result. Without a key, read the record before you retry.";
        Self::new(Code::OutcomeUnknown, detail).header("retry-after", "2").with_source(source)
    }
    /// Converts an error at the end of a change: if the connection is lost there, the outcome is unknown.
    pub fn as_commit_error(self) -> Self {
        match *self.0 {
            Inner { code: Code::Unavailable, source: Some(source), .. } => Self::outcome_unknown(source),
            other => Self(Box::new(other)),
        }
    }
    /// Converts an error of the audit log: an action that cannot be recorded is not done, whatever the reason.
    pub fn as_audit_error(self) -> Self {
        match *self.0 {
            Inner { code: Code::Internal | Code::NotFound, source, .. } => {
                Self::unavailable(source.unwrap_or_else(|| "the audit log cannot be written".into()))
            }
            other => Self(Box::new(other)),
        }
    }
    /// Requests are refused for this many more seconds.
    pub fn too_many(seconds: i64) -> Self {
        Self::new(Code::TooManyRequests, "There were too many requests or failures. Try again later.")
            .header("retry-after", &seconds.to_string())
    }
    pub fn overloaded(detail: &'static str) -> Self {
        Self::new(Code::Overloaded, detail).header("retry-after", "1")
    }

    /// A copy with the message of the source instead of the source itself.
    pub fn copy(&self) -> Self {
        let Inner { code, detail, issues, headers, source } = &*self.0;
        let source = source.as_ref().map(|source| source.to_string().into());
        Self(Box::new(Inner {
            code: *code,
            detail: detail.clone(),
            issues: issues.clone(),
            headers: headers.clone(),
            source,
        }))
    }

    pub fn issues(mut self, issues: Vec<Issue>) -> Self {
        self.0.issues = issues;
        self
    }
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((HeaderName::from_static(name), value));
        }
        self
    }
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
    pub fn all_issues(&self) -> &[Issue] {
        &self.0.issues
    }
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }
    pub fn source_error(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }
    /// Whether the database is unreachable or could not store data. The connections are then opened again.
    pub fn is_database_failure(&self) -> bool {
        matches!(self.0.code, Code::Unavailable | Code::OutcomeUnknown)
    }
    /// Whether the whole transaction can be run again, because it only lost a conflict with another one.
    pub fn is_transient(&self) -> bool {
        self.0.code == Code::Contention
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.source {
            Some(source) => write!(f, "{}: {source}", self.0.code.title()),
            None => write!(f, "{}: {}", self.0.code.title(), self.0.detail),
        }
    }
}
impl std::error::Error for ApiError {}

impl From<DieselError> for ApiError {
    /// Diesel identifies 40001, but not a deadlock (40P01), a busy SQLite or a full disk. Those are recognized by their
    /// message, so the server refuses to start if PostgreSQL writes its messages in another language.
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        const CONFLICT_MESSAGES: &[&str] = &["deadlock detected", "database is locked", "database table is locked"];
        const TIMEOUT_MESSAGES: &[&str] =
            &["canceling statement due to statement timeout", "canceling statement due to lock timeout"];
        const UNREACHABLE_MESSAGES: &[&str] = &[
            "server closed the connection",
            "terminating connection",
            "could not connect",
            "connection to server",
            "no connection to the server",
            "SSL connection has been closed",
            "could not receive data",
            "could not send data",
            "the database system is",
            "cannot execute",
            "disk I/O error",
            "database or disk is full",
            "could not write",
            "could not extend file",
            "canceling statement",
            // A primary that has become a standby, and a file that was made read-only.
            "during recovery",
            "recovery is in progress",
            "readonly database",
            "unable to open database file",
        ];
        match &error {
            DieselError::NotFound => Self::not_found(),
            DieselError::DatabaseError(Kind::SerializationFailure, _) => Self::contention().with_source(error),
            DieselError::DatabaseError(
                Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::ReadOnlyTransaction,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::unavailable(error),
            DieselError::DatabaseError(Kind::Unknown, info) => {
                let message = info.message();
                if TIMEOUT_MESSAGES.iter().any(|words| message.starts_with(words)) {
                    Self::overloaded("This would take too long.").with_source(error)
                } else if CONFLICT_MESSAGES.iter().any(|words| message.starts_with(words)) {
                    Self::contention().with_source(error)
                } else if message.is_empty() || UNREACHABLE_MESSAGES.iter().any(|words| message.contains(words)) {
                    Self::unavailable(error)
                } else {
                    Self::internal(error)
                }
            }
            _ => Self::internal(error),
        }
    }
}

impl ApiError {
    pub fn contention() -> Self {
        Self::new(Code::Contention, "Try again shortly; nothing was stored.").header("retry-after", "1")
    }
}

/// Converts a unique violation to an error of the caller; the same on both engines.
pub trait OnUnique<T> {
    fn on_unique(self, error: impl FnOnce() -> ApiError) -> Result<T>;
}
impl<T> OnUnique<T> for std::result::Result<T, DieselError> {
    fn on_unique(self, error: impl FnOnce() -> ApiError) -> Result<T> {
        self.map_err(|e| match e {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => error(),
            e => e.into(),
        })
    }
}
