//! Cases: one episode of advocacy for one client, from referral to closure.

pub mod api;
pub mod contacts;
pub mod lifecycle;
pub mod model;
pub mod opening;
pub mod store;
pub mod transition;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_cases)
        .service(api::create_case)
        .service(api::get_case)
        .service(api::update_case)
        .service(api::list_case_transitions)
        .service(api::transition_case);
}
