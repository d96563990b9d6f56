//! The tests: the real server on a port of its own, on both engines, every test.

mod support;

mod authz;
mod cases;
mod document;
mod errors;
mod house;
mod identity;
mod parity;
mod trace;
mod work;
