//! Deadline rules: how long there is for what, as data with versions, and the engine that computes dates from them.

pub mod compute;
pub mod holidays;
pub mod model;
