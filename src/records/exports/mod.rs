//! Exports: every file that leaves the organization, by whom, for whom and why (FX-02). [`gate`] decides on each.

pub mod gate;
pub mod model;
pub mod title_block;
