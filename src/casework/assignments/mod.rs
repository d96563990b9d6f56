//! Assignments: who works on a case, and when. They decide which cases an advocate sees.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_assignments).service(api::create_assignment).service(api::end_assignment);
}
