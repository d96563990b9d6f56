//! Preparation: the checklist of one meeting.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_preparation_items)
        .service(api::create_preparation_item)
        .service(api::update_preparation_item);
}
