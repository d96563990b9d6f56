//! Interests: relations of a staff member to a provider outside the work. Only the staff member can read them.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{self, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_interests).service(api::create_interest).service(api::delete_interest);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind::of_organization("interest", "interests", "/me/interests", kind::visible_to_its_creators);
