//! Organizations: the owners of the records, and their settings.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{self, Included, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_organization).service(api::update_organization);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("organization", "organizations", "/organization", kind::never_replayed)
};
