//! Forgotten passwords (AU-11, AU-12).

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::forgot_password).service(api::reset_password);
}
