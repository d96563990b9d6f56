//! Deadlines: the day by which an action must be filed, or by which the other side must answer.

pub mod api;
pub mod model;
pub mod requests;
pub mod review;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_action_deadlines)
        .service(api::create_deadline)
        .service(api::list_deadlines)
        .service(api::get_deadline)
        .service(api::update_deadline)
        .service(api::satisfy_deadline)
        .service(api::waive_deadline)
        .service(api::review_deadline);
}
