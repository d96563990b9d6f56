//! Self-advocacy: how a client's own voice develops from meeting to meeting.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_self_advocacy);
}
