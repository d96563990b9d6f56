//! Providers: the organizations that offer services. Modelled on Open Referral HSDS 3 (`organization`).

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_providers)
        .service(api::create_provider)
        .service(api::get_provider)
        .service(api::update_provider)
        .service(api::merge_provider);
}
