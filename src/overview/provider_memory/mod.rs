//! Provider memory: the history with a provider, counted over the cases that the caller works on.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_provider_memory);
}
