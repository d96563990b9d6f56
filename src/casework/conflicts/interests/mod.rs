//! Interests: relations of a staff member to a provider outside the work. Only the staff member can read them.

pub mod api;
pub mod model;
pub mod store;

use crate::records::kind::{self, Kind};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_interests).service(api::create_interest).service(api::delete_interest);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind::of_organization("interest", "interests", "/me/interests", kind::seen_by_its_maker);
