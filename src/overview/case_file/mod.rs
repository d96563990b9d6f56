//! A report for one case: everything that happened in it, for supervision, and in a version of its own for the client
//! who asks for it.

pub mod api;
pub mod client;
pub mod model;
pub mod narrative;
pub mod print;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_case_file).service(api::print_case_file);
}
