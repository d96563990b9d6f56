//! Client accounts: they link a user to the client that the user is.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_client_account).service(api::set_client_account).service(api::remove_client_account);
}
