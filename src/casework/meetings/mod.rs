//! Meetings with a provider or an agency, with their preparation and outcome.

pub mod api;
pub mod commitments;
pub mod model;
pub mod outcome;
pub mod preparation;
pub mod store;
mod voice;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind, id},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_case_meetings)
        .service(api::create_meeting)
        .service(api::list_meetings)
        .service(api::get_meeting)
        .service(api::update_meeting)
        .service(api::create_meeting_outcome);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "meeting",
    table: "meetings",
    belongs_to: BelongsTo::Case(owners_of!(meetings, case)),
    path: "/meetings/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::Yes,
    case_file: Included::Yes,
    client_access_log: ForClient::Yes,
    agenda: Included::Yes,
    handover: Included::Yes,
    report_facts: Included::Yes,
    demo: Included::Yes,
};
