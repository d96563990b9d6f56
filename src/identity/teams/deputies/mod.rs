//! Deputies: supervisors who stand in for an absent one, in one team and for some days.

pub mod api;
pub mod model;
pub mod store;

use crate::records::kind::Kind;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_deputies).service(api::create_deputy).service(api::end_deputy);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind::of_organization("deputy", "team_deputies", "/teams/{id}/deputies", super::KIND.authorize);
