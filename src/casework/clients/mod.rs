//! Clients: the people whom the organization supports.

pub mod api;
pub mod duplicates;
pub mod merge;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_clients)
        .service(api::create_client)
        .service(api::get_client)
        .service(api::update_client)
        .service(api::list_possible_duplicates)
        .service(api::merge_client);
}
