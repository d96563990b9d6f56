//! Break-glass access: in an emergency, a supervisor of another team can read one case for four hours. The access is
//! logged, announced to the case's team and reviewed (AZ-13).

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
        .service(api::list_break_glass)
        .service(api::break_glass)
        .service(api::get_break_glass)
        .service(api::end_break_glass)
        .service(api::review_break_glass);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "break_glass",
    table: "break_glass",
    belongs_to: BelongsTo::Case(owners_of!(break_glass, case)),
    path: "/break-glass/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("it is for supervisors"),
    case_file: Included::No("it is for supervisors"),
    client_access_log: ForClient::No("the entries that it allowed are marked instead"),
    agenda: Included::No("nothing in it is due"),
    handover: Included::No("it is for supervisors"),
    report_facts: Included::No("no measure counts it"),
    demo: Included::No("it is for emergencies"),
};
