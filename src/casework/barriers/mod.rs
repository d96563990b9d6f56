//! Barriers: obstacles between a client and a service or a right.

pub mod api;
pub mod model;
pub mod requests;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_case_barriers)
        .service(api::create_barrier)
        .service(api::list_barriers)
        .service(api::get_barrier)
        .service(api::update_barrier);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "barrier",
    table: "barriers",
    belongs_to: BelongsTo::Case(owners_of!(barriers, case)),
    path: "/barriers/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::Yes,
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::No("nothing in a barrier is due"),
    handover: Included::No("the case shows its barriers"),
    report_facts: Included::Yes,
    demo: Included::Yes,
};
