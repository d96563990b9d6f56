//! Value types with the same meaning in both engines, in JSON and in the OpenAPI document.
//!
//! Each type validates input from outside the program. Values that the program computes or reads from the database are
//! not validated again. A parser's message about bad input starts with [`fault::MARK`] and a stable code, and never
//! repeats the input.

mod address;
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

pub use address::{Email, Url};
pub use code::Code;
pub use day::Day;
pub use id::Id;
pub use instant::Instant;
pub use json::{Json, example};
pub use patch::{Change, Patch};
pub use service_type::ServiceType;
pub use text::{Line, Text};
pub use zone::Zone;
