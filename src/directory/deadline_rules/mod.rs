//! Deadline rules: how much time the law or the organization sets, as versioned data, and the engine that computes
//! dates.

pub mod api;
pub mod catalogue;
mod clock;
pub mod compute;
pub mod holidays;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_deadline_rules)
        .service(api::create_deadline_rule)
        .service(api::preview_deadline)
        .service(api::get_deadline_rule)
        .service(api::list_deadline_rule_versions)
        .service(api::add_deadline_rule_version);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind::of_organization("deadline_rule", "deadline_rules", "/deadline-rules/{id}", |tx, text| {
    store::get(tx, id(text)?).map(drop)
});
