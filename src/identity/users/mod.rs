//! Users: the people who sign in.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Included, Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::get_me)
        .service(api::update_me)
        .service(api::change_password)
        .service(api::list_users)
        .service(api::get_user)
        .service(api::update_user);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("user", "users", "/users/{id}", |tx, text| store::get(tx, id(text)?).map(drop))
};
