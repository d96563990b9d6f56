//! Commitments: what a named party promised in a meeting, and by when.

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
