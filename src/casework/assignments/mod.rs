//! Assignments: who works on a case, and when. They decide which cases an advocate sees.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_assignments).service(api::create_assignment).service(api::end_assignment);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "assignment",
    table: "assignments",
    belongs_to: BelongsTo::Case(owners_of!(assignments, case)),
    path: "/cases/{id}/assignments",
    authorize: super::cases::KIND.authorize,
    timeline: Included::Yes,
    search: Included::No("it has no text"),
    case_file: Included::Yes,
    client_access_log: ForClient::No("who works on a case is the organization's matter"),
    agenda: Included::No("nothing in it is due"),
    handover: Included::No("it ends with the handover"),
    report_facts: Included::No("reports count by the lead of the case"),
    demo: Included::Yes,
};
