//! A client's own record and cases, as a summary in the client's terms.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_my_client).service(api::list_my_cases).service(api::get_my_case);
}
