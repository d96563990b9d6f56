//! Code lists: the codes that records use, with labels. They are compiled in, so there is no store.

pub mod api;
pub mod model;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_code_lists).service(api::get_code_list);
}
