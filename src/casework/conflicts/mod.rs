//! Conflicts of interest: whether somebody who works on a case has a relation to one of its providers outside the work.

pub mod api;
pub mod interests;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_conflict_checks)
        .service(api::create_conflict_check)
        .service(api::get_conflict_check)
        .service(api::decide_conflict_check);
}
