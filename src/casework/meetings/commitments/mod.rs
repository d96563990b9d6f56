//! Commitments: the promises that a party made in a meeting, with their due dates.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_commitments)
        .service(api::create_commitment)
        .service(api::get_commitment)
        .service(api::update_commitment);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "commitment",
    table: "commitments",
    belongs_to: BelongsTo::Meeting(owners_of!(commitments, meeting)),
    path: "/commitments/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("the meeting is found"),
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::Yes,
    handover: Included::Yes,
    report_facts: Included::No("no measure counts it by time"),
    demo: Included::Yes,
};
