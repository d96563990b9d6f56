//! Tasks: work of staff members, with due dates.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_case_tasks)
        .service(api::create_task)
        .service(api::list_tasks)
        .service(api::get_task)
        .service(api::update_task);
}
