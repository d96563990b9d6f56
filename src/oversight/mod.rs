//! Looking over the work: the trace, and later reports and search.

pub mod audit_events;
