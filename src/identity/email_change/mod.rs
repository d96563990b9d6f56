//! A new address to sign in with: requested by a user who is signed in, and confirmed by a reader of its mailbox
//! (AU-13).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::change_email).service(api::confirm_email);
}
