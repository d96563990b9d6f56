//! Audit events: the audit log as an auditor reads and verifies it.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{self, Included, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_audit_events).service(api::verify_audit_events);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("audit", "audit_events", "/audit-events", kind::never_replayed)
};
