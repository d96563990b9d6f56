//! A client's own record and cases, as a summary in the client's terms.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_my_client).service(api::list_my_cases).service(api::get_my_case);
}
