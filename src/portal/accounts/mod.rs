//! Client accounts: each links a user with the role `client` to their own client record.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_client_account).service(api::set_client_account).service(api::remove_client_account);
}
