//! Search: clients, cases, barriers, meetings and notes by the words in them, as far as the caller may see them.

pub mod api;
pub mod indexer;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::search_records);
}
