//! Teams: who works together, and whose cases a supervisor sees.

pub mod api;
pub mod deputies;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Included, Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_teams)
        .service(api::create_team)
        .service(api::get_team)
        .service(api::update_team)
        .service(api::list_team_members)
        .service(api::add_team_member)
        .service(api::remove_team_member);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("team", "teams", "/teams/{id}", |tx, text| store::find(tx, id(text)?).map(drop))
};
