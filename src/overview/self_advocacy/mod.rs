//! Self-advocacy: how a client's own voice develops from meeting to meeting.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_self_advocacy);
}
