//! Cases: the advocacy for one client on one matter, from referral to closure. A closed case can be reopened; each
//! period in which it was open is an episode.

pub mod api;
pub mod contacts;
pub mod lifecycle;
pub mod model;
pub mod opening;
pub mod store;
pub mod transition;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_cases)
        .service(api::create_case)
        .service(api::get_case)
        .service(api::update_case)
        .service(api::list_case_transitions)
        .service(api::transition_case);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "case",
    table: "cases",
    belongs_to: BelongsTo::Case(owners_of!(cases)),
    path: "/cases/{id}",
    authorize: |tx, text| store::get(tx, id(text)?, &model::CaseView::default()).map(drop),
    timeline: Included::Yes,
    search: Included::Yes,
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::Yes,
    handover: Included::No("it is the case that is handed over"),
    report_facts: Included::Yes,
    demo: Included::Yes,
};
