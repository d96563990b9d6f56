//! A client's own meetings, with time, place and purpose.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_my_meetings);
}
