//! Parts that all handlers share: bodies, lists, versions, replies, problems and the middleware.

pub mod accept;
pub mod body;
pub mod cors;
mod faults;
mod header_parameter;
pub mod idempotency;
pub mod list;
pub mod middleware;
pub mod operations;
mod page;
pub mod problem;
pub mod query;
pub mod reply;
mod routes;
pub mod single;
pub mod version;

pub use accept::Accept;
pub use body::Body;
pub use idempotency::{IdempotencyKey, create_idempotent};
pub use list::{Filter, List};
pub use page::{Page, PageInfo};
pub use query::{NoQuery, OneOf, Query};
pub use reply::{
    Answer, File, FileResponse, Reply, Resource, Streamed, accepted, no_content, ok_json, ok_page, ok_record,
};
pub use routes::Routes;
pub use version::{IfMatch, OptionalIfMatch};
