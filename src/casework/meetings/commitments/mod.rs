//! Commitments: the promises that a party made in a meeting, with their due dates.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_commitments)
        .service(api::create_commitment)
        .service(api::get_commitment)
        .service(api::update_commitment);
}
