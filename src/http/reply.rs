//! Successful replies.

use super::{
    page::Page,
    version::{etag, is_known},
};
use crate::error::{ApiError, Result};
use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use futures_util::{TryStreamExt as _, stream::LocalBoxStream};
use serde::Serialize;
use std::borrow::Cow;

/// What a handler returns.
pub type Reply<T> = Result<Answer<T>>;

/// A record with a version and its own address.
pub trait Resource: Serialize {
    fn version(&self) -> i32;
    /// The path of the record.
    fn location(&self) -> String;
}

/// A reply that is not a problem.
#[derive(Debug)]
pub struct Answer<T> {
    pub(super) status: StatusCode,
    pub(super) content: Content<T>,
    pub(super) version: Option<i32>,
    pub(super) headers: Vec<(HeaderName, String)>,
}

#[derive(Debug)]
pub(super) enum Content<T> {
    View(T),
    /// JSON that was serialized earlier.
    Written(String),
    Nothing,
}

fn answer<T>(status: StatusCode, content: Content<T>) -> Answer<T> {
    Answer { status, content, version: None, headers: Vec::new() }
}

/// 200 with the record and its `ETag`, or 304.
pub fn ok_record<T: Resource>(view: T) -> Reply<T> {
    let version = Some(view.version());
    Ok(Answer { version, ..answer(StatusCode::OK, Content::View(view)) })
}

/// 200 with content that has no version.
pub fn ok_json<T: Serialize>(view: T) -> Reply<T> {
    Ok(answer(StatusCode::OK, Content::View(view)))
}

/// 200 with a page, and a `Link` to the next one.
pub fn ok_page<T: Serialize>(page: Page<T>) -> Reply<Page<T>> {
    let headers = page.next_link().map(|link| (header::LINK, link)).into_iter().collect();
    Ok(Answer { headers, ..answer(StatusCode::OK, Content::View(page)) })
}

/// 204.
pub fn no_content() -> Reply<()> {
    Ok(answer(StatusCode::NO_CONTENT, Content::Nothing))
}

/// 202: the request is processed later, and the response does not reveal its result.
pub fn accepted() -> Reply<()> {
    Ok(answer(StatusCode::ACCEPTED, Content::Nothing))
}

impl<T: Serialize> Responder for Answer<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, req: &HttpRequest) -> HttpResponse {
        let mut reply = HttpResponse::build(self.status);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.insert_header((name, value));
            }
        }
        if let Some(version) = self.version {
            reply.insert_header((header::ETAG, etag(version)));
            match is_known(req.headers(), version) {
                Ok(true) if req.method() == Method::GET => return reply.status(StatusCode::NOT_MODIFIED).finish(),
                Err(malformed) if req.method() == Method::GET => return HttpResponse::from_error(malformed),
                _ => {}
            }
        }
        let written = match self.content {
            Content::View(view) => serde_json::to_string(&view),
            Content::Written(text) => Ok(text),
            Content::Nothing => return reply.finish(),
        };
        match written {
            Ok(text) => reply.content_type("application/json").body(text),
            Err(error) => HttpResponse::from_error(ApiError::internal(error)),
        }
    }
}

/// 200 with a page or a file, a reply that is not JSON.
#[derive(Debug)]
pub struct FileResponse {
    /// The media type, with its charset.
    pub media: &'static str,
    /// The file name for saving: plain ASCII, and never a person's name.
    pub filename: Cow<'static, str>,
    /// Whether the browser should save it instead of showing it.
    pub attached: bool,
    /// The Content-Security-Policy of the page, if it allows more than nothing.
    pub policy: Option<&'static str>,
    pub body: Vec<u8>,
}

/// RFC 6266.
fn disposition(attached: bool, filename: &str) -> String {
    format!("{}; filename=\"{filename}\"", if attached { "attachment" } else { "inline" })
}

/// 200 with a file that is generated while it is sent, for saving. An error aborts the transfer, so that nobody
/// mistakes a part for the whole file.
pub struct Streamed {
    /// The media type, with its charset.
    pub media: &'static str,
    pub filename: Cow<'static, str>,
    pub parts: LocalBoxStream<'static, Result<Vec<u8>>>,
}

impl Responder for Streamed {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .content_type(self.media)
            .insert_header((header::CONTENT_DISPOSITION, disposition(true, &self.filename)))
            .streaming(self.parts.map_ok(Bytes::from))
    }
}

/// The bytes of a file.
#[derive(Debug, utoipa::ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct File(pub Vec<u8>);

impl Responder for FileResponse {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut reply = HttpResponse::Ok();
        reply
            .content_type(self.media)
            .insert_header((header::CONTENT_DISPOSITION, disposition(self.attached, &self.filename)))
            .insert_header((header::VARY, "Accept"));
        if let Some(policy) = self.policy {
            reply.insert_header((header::CONTENT_SECURITY_POLICY, policy));
        }
        reply.body(self.body)
    }
}
