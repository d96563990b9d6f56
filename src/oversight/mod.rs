//! Looking over the work: the trace, search, and later reports.

pub mod access_log;
pub mod audit_events;
pub mod search;
