//! Looking over the work: the audit log, search, reports.

pub mod access_log;
pub mod audit_events;
pub mod exports;
pub mod reports;
pub mod search;
