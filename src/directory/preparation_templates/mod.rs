//! Preparation templates: the checklist for each type of meeting.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{self, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_preparation_templates)
        .service(api::get_preparation_template)
        .service(api::replace_preparation_template);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind::of_organization(
    "preparation_template",
    "preparation_templates",
    "/preparation-templates",
    kind::never_replayed,
);
