//! Conflicts of interest: whether somebody who works on a case has a relation to one of its providers outside the work.

pub mod api;
pub mod interests;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_conflict_checks)
        .service(api::create_conflict_check)
        .service(api::get_conflict_check)
        .service(api::decide_conflict_check);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "conflict_check",
    table: "conflict_checks",
    belongs_to: BelongsTo::Case(owners_of!(conflict_checks, case)),
    path: "/conflict-checks/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("it has no text"),
    case_file: Included::No("it is for supervisors"),
    client_access_log: ForClient::No("it would reveal a colleague's interests"),
    agenda: Included::No("nothing in it is due"),
    handover: Included::No("the next lead is checked anew"),
    report_facts: Included::No("no measure counts it"),
    demo: Included::No("nobody in the demonstration has a conflict of interests"),
};
