//! Preparation: the checklist of one meeting.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_preparation_items)
        .service(api::create_preparation_item)
        .service(api::update_preparation_item);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "preparation_item",
    table: "preparation_items",
    belongs_to: BelongsTo::Meeting(owners_of!(preparation_items, meeting)),
    path: "/meetings/{id}/preparation",
    authorize: super::KIND.authorize,
    timeline: Included::Yes,
    search: Included::No("the meeting is found"),
    case_file: Included::No("it is a checklist; the meeting is in the file"),
    client_access_log: ForClient::Yes,
    agenda: Included::No("the meeting shows how ready it is"),
    handover: Included::No("the meeting is"),
    report_facts: Included::No("no measure counts it"),
    demo: Included::Yes,
};
