//! Looking over the work: the trace, search, and later reports.

pub mod audit_events;
pub mod search;
