//! Provider memory: the history with a provider, counted over the cases that the caller works on.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_provider_memory);
}
