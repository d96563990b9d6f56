//! Invitations: how a person gets an account. The user does not exist until they have chosen a password (AZ-04, AU-11).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_invitations)
        .service(api::create_invitation)
        .service(api::get_invitation)
        .service(api::send_invitation_again)
        .service(api::withdraw_invitation)
        .service(api::accept_invitation);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind::of_organization("invitation", "invitations", "/invitations/{id}", |tx, text| {
    store::get(tx, id(text)?).map(drop)
});
