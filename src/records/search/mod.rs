//! The search index: what a record is found by, writing it along with the record, and finding what the caller may see.

pub mod model;
pub mod store;
pub mod words;
