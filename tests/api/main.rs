//! The tests: the real server on a port of its own, on both engines, every test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod support;

mod access_log;
mod actions;
mod agenda;
mod authz;
mod break_glass;
mod case_file;
mod cases;
mod conflicts;
mod deadline_rules;
mod deadlines;
mod document;
mod doors;
mod errors;
mod exports;
mod handover;
mod house;
mod identity;
mod intruders;
mod keys;
mod logs;
mod members;
mod parity;
mod portal;
mod providers;
mod recount;
mod reports;
mod scopes;
mod search;
mod self_advocacy;
mod statements;
mod tls;
mod trace;
mod wall;
mod ways_in;
mod work;
