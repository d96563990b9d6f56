//! Assignments: who works a case, from when to when. They decide what an advocate sees.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_assignments).service(api::create_assignment).service(api::end_assignment);
}
