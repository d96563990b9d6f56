//! Interests: what somebody who works here has to do with a provider besides the work. Theirs alone to read.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_interests).service(api::create_interest).service(api::delete_interest);
}
