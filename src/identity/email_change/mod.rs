//! Another address to sign in with: asked for from inside, and confirmed by whoever reads the mail that goes there
//! (AU-13).

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::change_email).service(api::confirm_email);
}
