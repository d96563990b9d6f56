//! Actions: the ladder of steps against a barrier, from an informal call to a civil-rights complaint.

pub mod api;
pub mod ladder;
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
        .service(api::list_case_actions)
        .service(api::create_case_action)
        .service(api::list_barrier_actions)
        .service(api::create_barrier_action)
        .service(api::list_actions)
        .service(api::get_action)
        .service(api::update_action);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "action",
    table: "actions",
    belongs_to: BelongsTo::Case(owners_of!(actions, case)),
    path: "/actions/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("its barrier is found"),
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::No("its deadlines are"),
    handover: Included::No("its deadlines are"),
    report_facts: Included::Yes,
    demo: Included::Yes,
};
