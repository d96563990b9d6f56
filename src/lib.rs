//! Alongside.
#[macro_use]
pub mod types;
pub mod audit;
pub mod auth;
pub mod db;
pub mod error;
pub mod http;
pub mod casework;
pub mod identity;
