//! The tests: each runs the real server on its own port, on both engines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what is wrong by failing"
)]

mod support;

mod access_log;
mod actions;
mod agenda;
mod architecture;
mod attacks;
mod audit_log;
mod authz;
mod break_glass;
mod case_file;
mod cases;
mod clocks;
mod conflicts;
mod contacts;
mod contract;
mod deadline_rules;
mod deadlines;
mod demo;
mod document;
mod duplicates;
mod entered_in_error;
mod errors;
mod exports;
mod filters;
mod group_commit;
mod handover;
mod hidden;
mod identity;
mod invitations_and_mfa;
mod keys;
mod kinds;
mod limits;
mod login;
mod logs;
mod members;
mod outages;
mod parity;
mod plans;
mod portal;
mod process;
mod providers;
mod removed_leads;
mod report_facts;
mod report_oracle;
mod reports;
mod row_level_security;
mod scopes;
mod search;
mod secrets;
mod self_advocacy;
mod statements;
mod tls;
mod work;
