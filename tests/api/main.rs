//! The tests: the real server on a port of its own, on both engines, every test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod support;

mod actions;
mod authz;
mod cases;
mod deadlines;
mod deadline_rules;
mod conflicts;
mod document;
mod errors;
mod handover;
mod house;
mod identity;
mod parity;
mod statements;
mod providers;
mod self_advocacy;
mod search;
mod trace;
mod work;
