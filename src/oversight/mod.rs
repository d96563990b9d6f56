//! Oversight: the audit log, access logs, exports, search and reports.

pub mod access_log;
pub mod audit_events;
pub mod exports;
pub mod reports;
pub mod search;
