//! Client accounts: each links a user with the role `client` to their own client record.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_client_account).service(api::set_client_account).service(api::remove_client_account);
}
