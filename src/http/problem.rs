//! The wire format of a problem: RFC 9457.

use crate::error::{ApiError, Code, FieldPath};
use actix_web::{HttpResponse, ResponseError, body::BoxBody, get, http::StatusCode};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// The body of every error response.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/problem.json"))))]
pub struct Problem {
    /// The kind of problem: a URN or, where the operator has set `public_url`, the address of its explanation.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the kind.
    pub title: String,
    pub status: u16,
    /// What is wrong with this request. Contains no personal data.
    pub detail: String,
    /// The request's id, by which the log knows it.
    pub instance: String,
    /// The stable code of the problem. Clients decide by it.
    #[schema(value_type = ProblemCode)]
    pub code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Fault>,
}

/// One thing that is wrong; exactly one of `pointer`, `parameter` and `header` says where.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub struct Fault {
    /// A member of the body (RFC 6901).
    pub pointer: Option<String>,
    /// A query parameter.
    pub parameter: Option<String>,
    /// A request header.
    pub header: Option<String>,
    pub code: String,
    pub detail: String,
}

impl Problem {
    pub fn new(error: &ApiError, request: crate::auth::RequestId, types: &ProblemTypes) -> Self {
        let code = error.code();
        let errors = error.all_issues().iter().map(|issue| {
            let (mut pointer, mut parameter, mut header) = (None, None, None);
            match &issue.path {
                FieldPath::Pointer(at) => pointer = Some(at.clone()),
                FieldPath::Parameter(name) => parameter = Some(name.clone()),
                FieldPath::Header(name) => header = Some((*name).to_owned()),
            }
            Fault { pointer, parameter, header, code: issue.fault.code.to_owned(), detail: issue.fault.detail.clone() }
        });
        Self {
            kind: format!("{}{}", types.0, code.slug()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: error.detail().to_owned(),
            instance: format!("urn:uuid:{request}"),
            code: code.slug(),
            errors: errors.collect(),
        }
    }
}

/// The code of a problem, as an enumeration of the OpenAPI document.
#[derive(Debug)]
pub enum ProblemCode {}
impl PartialSchema for ProblemCode {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`docs/problems.md` and `GET /problems` say when each comes and what to do."))
            .enum_values(Some(Code::ALL.iter().map(|code| code.slug())))
            .into()
    }
}
impl ToSchema for ProblemCode {}

/// The beginning of every problem's `type`; its code follows.
#[derive(Debug, Clone)]
pub struct ProblemTypes(String);

impl Default for ProblemTypes {
    fn default() -> Self {
        Self("urn:alongside:problem:".to_owned())
    }
}
impl ProblemTypes {
    /// Whether the types lead to the page of problems.
    pub fn has_page(&self) -> bool {
        self.0.starts_with("http")
    }
    /// The anchors of the page `/problems` of a server that is reached at this address.
    pub fn at(public_url: &str) -> Self {
        Self(format!("{}/problems#", public_url.trim_end_matches('/')))
    }
}

/// All problems on one page, with an anchor for each code: what a `type` leads to.
#[get("/problems")]
pub async fn get_problems() -> HttpResponse {
    let mut page = String::from(concat!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Problems of the Alongside API</title>\n",
        "</head>\n<body>\n<main>\n<h1>Problems of the Alongside API</h1>\n",
    ));
    for code in Code::ALL {
        let (slug, status) = (code.slug(), code.status().as_u16());
        let help = code.help().replace('&', "&amp;").replace('<', "&lt;").replace('`', "");
        page +=
            &format!("<h2 id=\"{slug}\">{slug} ({status})</h2>\n<p><strong>{}.</strong> {help}</p>\n", code.title());
    }
    page += "</main>\n</body>\n</html>\n";
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

/// The same as `docs/problems.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Problems\n\nEvery error response is an `application/problem+json` (RFC 9457). Decide by `code`: it is stable. \
         `detail` is for people\nand may change. This page is generated from `src/error.rs`: \
         `BLESS=1 ./test problems_md`.\n",
    );
    for code in Code::ALL {
        let status = code.status();
        page += &format!(
            "\n## {}\n\n{} {}. **{}.** {}\n",
            code.slug(),
            status.as_u16(),
            status.canonical_reason().unwrap_or_default(),
            code.title(),
            code.help()
        );
    }
    page
}

/// A reply without a body; [`super::middleware::process_request`] knows the request's id and writes the problem into
/// it.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code().status()
    }
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}

/// The problem for a status that actix itself returned.
pub fn of_status(status: StatusCode) -> ApiError {
    let code = match status {
        StatusCode::NOT_FOUND => return ApiError::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
        StatusCode::URI_TOO_LONG => Code::UriTooLong,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
        status if status.is_server_error() => Code::Internal,
        _ => Code::BadRequest,
    };
    ApiError::new(code, code.title())
}
