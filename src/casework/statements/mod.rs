//! Needs and preferences statements: a client's needs in their own words, in versions that the client approves.

pub mod api;
pub mod diff;
pub mod model;
pub mod print;
pub mod sections;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_statements)
        .service(api::create_statement)
        .service(api::get_statement)
        .service(api::update_statement)
        .service(api::approve_statement)
        .service(api::compare_statements)
        .service(api::print_statement);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "statement",
    table: "statements",
    belongs_to: BelongsTo::Client(owners_of!(statements, client)),
    path: "/statements/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::No("the timeline is of a case"),
    search: Included::No("it is the client's own text, for those who open it"),
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::No("nothing in a statement is due"),
    handover: Included::No("it belongs to the client"),
    report_facts: Included::No("no measure counts statements"),
    demo: Included::Yes,
};
