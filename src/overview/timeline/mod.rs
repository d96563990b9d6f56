//! The timeline of a case: everything that happened, newest first, in one list.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_case_timeline);
}
