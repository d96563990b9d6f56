//! Actions: the ladder of steps against a barrier, from an informal call to a civil-rights complaint.

pub mod api;
pub mod ladder;
pub mod model;
pub mod requests;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_case_actions)
        .service(api::create_case_action)
        .service(api::list_barrier_actions)
        .service(api::create_barrier_action)
        .service(api::list_actions)
        .service(api::get_action)
        .service(api::update_action);
}
