//! Parts that all handlers share: bodies, lists, versions, replies, problems and the middleware.

pub mod accept;
pub mod body;
pub mod cors;
mod faults;
pub mod idempotency;
pub mod list;
pub mod middleware;
pub mod operations;
pub mod problem;
pub mod reply;
pub mod single;
pub mod version;

pub use accept::Accept;
pub use body::Body;
pub use idempotency::{IdempotencyKey, once};
pub use list::{Filter, List, NoQuery, OneOf, Page, Query};
pub use reply::{Answer, File, Reply, Resource, Shown, Streamed, accepted, no_content, ok, paged, plain, received};
pub use version::{IfMatch, OptionalIfMatch};
