//! Values that mean the same in both engines, in JSON and in the document.
//!
//! Each parses what it is given and cannot be made otherwise, so that a value that exists is a value that is good. What
//! a parser says about bad input starts with [`fault::MARK`] and names a stable code; it never repeats the input.

pub mod bounds;
pub mod code;
pub mod day;
pub mod fault;
pub mod fold;
pub mod id;
pub mod instant;
pub mod json;
pub mod patch;
pub mod service_type;
pub mod sql;
pub mod text;
#[macro_use]
pub mod text_enum;
pub mod zone;

pub use code::Code;
pub use day::Day;
pub use id::Id;
pub use instant::Instant;
pub use json::{Json, example};
pub use patch::{Change, Patch};
pub use service_type::ServiceType;
pub use text::{Email, Line, Text, Url};
pub use zone::Zone;
