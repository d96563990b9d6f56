//! Logs: one JSON object a line (or words, on a terminal), with ids and codes and nothing that anybody has written (LG-05).

use crate::auth::RequestId;
use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use std::io::IsTerminal as _;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging to standard error. `filter` as `RUST_LOG` has it; `info` is the usual.
pub fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, in tests, keeps the first.
    let _ = if std::io::stderr().is_terminal() { lines.try_init() } else { lines.json().flatten_event(true).try_init() };
}

/// The span of a request: method, route and status; no path (it holds ids), no query, no address.
#[derive(Debug)]
pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(req: &ServiceRequest) -> Span {
        let route = req.match_pattern().unwrap_or_else(|| "unmatched".into());
        tracing::info_span!("request", method = %req.method(), route, request_id = tracing::field::Empty, status = tracing::field::Empty)
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            span.record("status", response.status().as_u16());
            if let Some(id) = response.request().extensions().get::<RequestId>() {
                span.record("request_id", tracing::field::display(id));
            }
        }
    }
}
