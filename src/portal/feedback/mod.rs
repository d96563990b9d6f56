//! Feedback of a client about a case, a meeting, or the organization.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_my_feedback).service(api::create_my_feedback).service(api::list_client_feedback);
}
