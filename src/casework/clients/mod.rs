//! Clients: the people whom the organization supports.

pub mod api;
pub mod duplicates;
pub mod merge;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_clients)
        .service(api::create_client)
        .service(api::get_client)
        .service(api::update_client)
        .service(api::list_possible_duplicates)
        .service(api::merge_client);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "client",
    table: "clients",
    belongs_to: BelongsTo::Client(owners_of!(clients)),
    path: "/clients/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::No("the timeline is of a case"),
    search: Included::Yes,
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::No("nothing in a client is due"),
    handover: Included::No("the client comes with the case"),
    report_facts: Included::No("reports count cases, not clients"),
    demo: Included::Yes,
};
