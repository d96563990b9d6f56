//! Exports: everything that leaves the organization as a file, by whom, for whom, and why (FX-02). [`gate`] decides on
//! each export.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{self, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_exports);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind::of_organization("export", "exports", "/exports", kind::never_replayed);
