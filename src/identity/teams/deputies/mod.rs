//! Deputies: supervisors who stand in for an absent one, in one team and for some days.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::Kind;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_deputies).service(api::create_deputy).service(api::end_deputy);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind::of_organization("deputy", "team_deputies", "/teams/{id}/deputies", super::KIND.authorize);
