//! A new address to sign in with: requested by a user who is signed in, and confirmed by a reader of its mailbox
//! (AU-13).

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::change_email).service(api::confirm_email);
}
