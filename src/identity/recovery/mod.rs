//! Forgotten passwords (AU-11, AU-12).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::forgot_password).service(api::reset_password);
}
