//! The case file: everything that happened in one case, in one document. One version is for supervision, another for
//! the client.

pub mod api;
pub mod client;
pub mod model;
pub mod narrative;
pub mod print;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_case_file).service(api::print_case_file);
}
