//! Reports: each measure defined once, and every form of it made from that definition.

pub mod api;
pub mod facts;
pub mod measure;
mod measures;
pub mod model;
mod protect;
mod query;
pub mod question;
pub mod reckon;
mod records;
mod run;
pub mod store;
mod table;
mod turns;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_reports).service(api::get_report).service(api::list_report_records);
}
