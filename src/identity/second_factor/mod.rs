//! A second factor: codes of an authenticator app, and ten recovery codes for when the app is lost (AU-10).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::get_second_factor)
        .service(api::begin_second_factor)
        .service(api::confirm_second_factor)
        .service(api::renew_recovery_codes)
        .service(api::remove_second_factor)
        .service(api::remove_user_second_factor);
}
