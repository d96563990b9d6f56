//! Reads that combine all kinds of records: agenda, case file, timeline, search, reports, exports, access log, audit
//! log.
//!
//! They change no record. They import from all other modules of the domain, and none of these imports from them.

pub mod access_log;
pub mod agenda;
pub mod audit_events;
pub mod case_file;
pub mod code_lists;
pub mod exports;
pub mod kinds;
pub mod provider_memory;
pub mod reports;
pub mod search;
pub mod self_advocacy;
pub mod timeline;
