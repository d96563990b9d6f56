//! Handovers: a case is offered to its next lead, who accepts or refuses.

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
        .service(api::list_case_handovers)
        .service(api::create_handover)
        .service(api::list_handovers)
        .service(api::get_handover)
        .service(api::accept_handover)
        .service(api::refuse_handover)
        .service(api::withdraw_handover);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "handover",
    table: "handovers",
    belongs_to: BelongsTo::Case(owners_of!(handovers, case)),
    path: "/handovers/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("it is between colleagues"),
    case_file: Included::No("the case file shows who leads"),
    client_access_log: ForClient::No("who works on a case is the organization's matter"),
    agenda: Included::Yes,
    handover: Included::No("it is the handover itself"),
    report_facts: Included::No("no measure counts handovers"),
    demo: Included::Yes,
};
