//! The tests: the real server on a port of its own, on both engines, every test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod support;

mod authz;
mod cases;
mod document;
mod errors;
mod house;
mod identity;
mod parity;
mod search;
mod trace;
mod work;
