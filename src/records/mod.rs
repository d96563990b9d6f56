//! What every wing builds on: who sees which record, and what is written along with each of them.

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
