//! The wire format of a problem: RFC 9457.

use crate::error::{ApiError, Code, Place};
use actix_web::{HttpResponse, ResponseError, body::BoxBody, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// What every refusal looks like, from the router's to the database's.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/problem.json"))))]
pub struct Problem {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    pub status: u16,
    /// This one in words. Holds no personal data.
    pub detail: String,
    /// The request's id, by which the log knows it.
    pub instance: String,
    /// A stable slug to decide by.
    pub code: String,
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
    pub fn new(error: &ApiError, request: crate::auth::RequestId) -> Self {
        let code = error.code();
        let errors = error.all_issues().iter().map(|issue| {
            let (mut pointer, mut parameter, mut header) = (None, None, None);
            match &issue.place {
                Place::Pointer(at) => pointer = Some(at.clone()),
                Place::Parameter(name) => parameter = Some(name.clone()),
                Place::Header(name) => header = Some((*name).to_owned()),
            }
            Fault { pointer, parameter, header, code: issue.fault.code.to_owned(), detail: issue.fault.detail.clone() }
        });
        Self {
            kind: format!("urn:alongside:problem:{}", code.slug()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: error.detail().to_owned(),
            instance: format!("urn:uuid:{request}"),
            code: code.slug().to_owned(),
            errors: errors.collect(),
        }
    }
}

/// A reply without a body; [`super::middleware::envelope`] knows the request's id and writes the problem into it.
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
