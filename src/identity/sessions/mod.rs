//! Sessions: signing in, staying signed in, signing out.

pub mod api;
pub mod batched_lookup;
pub mod model;
pub mod sign_in;
pub mod store;
pub mod throttle;

use crate::http::Routes;
use crate::records::kind::{self, Kind};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::login)
        .service(api::refresh)
        .service(api::logout)
        .service(api::reauthenticate)
        .service(api::list_my_sessions)
        .service(api::end_my_session)
        .service(api::end_user_sessions);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind::of_organization("session", "sessions", "/me/sessions", kind::never_replayed);
