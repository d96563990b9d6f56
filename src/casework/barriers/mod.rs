//! Barriers: obstacles between a client and a service or a right.

pub mod api;
pub mod model;
pub mod requests;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_case_barriers)
        .service(api::create_barrier)
        .service(api::list_barriers)
        .service(api::get_barrier)
        .service(api::update_barrier);
}
