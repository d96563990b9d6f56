//! Deadlines: the day by which an action must be filed, or by which the other side must answer.

pub mod api;
pub mod model;
pub mod requests;
pub mod review;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_action_deadlines)
        .service(api::create_deadline)
        .service(api::list_deadlines)
        .service(api::get_deadline)
        .service(api::update_deadline)
        .service(api::satisfy_deadline)
        .service(api::waive_deadline)
        .service(api::review_deadline);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "deadline",
    table: "deadlines",
    belongs_to: BelongsTo::Case(owners_of!(deadlines, case)),
    path: "/deadlines/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("it has no text"),
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::Yes,
    handover: Included::Yes,
    report_facts: Included::Yes,
    demo: Included::Yes,
};
