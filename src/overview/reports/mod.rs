//! Reports. Each measure has one definition, and every form of a report comes from it.

pub mod aggregate;
pub mod api;
mod concurrency;
pub mod facts;
pub mod measure;
mod measures;
pub mod model;
mod records;
mod render;
pub mod request;
mod runner;
mod sql;
pub mod store;
mod suppression;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_reports).service(api::get_report).service(api::list_report_records);
}
