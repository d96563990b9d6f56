//! What all features use: who sees which record, and what is written together with a record (timeline, search index,
//! exports).

pub mod capped;
pub mod exports;
pub mod ids;
#[macro_use]
pub mod kind;
pub mod merges;
pub mod search;
pub mod timeline;
pub mod visibility;

pub use capped::Capped;
