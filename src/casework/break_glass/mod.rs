//! Break-glass access: in an emergency, a supervisor of another team can read one case for four hours. The access is
//! logged, announced to the case's team and reviewed (AZ-13).

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_break_glass)
        .service(api::break_glass)
        .service(api::get_break_glass)
        .service(api::end_break_glass)
        .service(api::review_break_glass);
}
