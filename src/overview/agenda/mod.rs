//! The agenda: everything that waits for the signed-in user, in one call.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_agenda);
}
