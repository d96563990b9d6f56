//! Notes of what was said and done. A note is locked 24 hours after it was written. After that it can only be amended.

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
        .service(api::list_notes)
        .service(api::create_note)
        .service(api::get_note)
        .service(api::update_note)
        .service(api::amend_note);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "note",
    table: "notes",
    belongs_to: BelongsTo::Case(owners_of!(notes, case)),
    path: "/notes/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::Yes,
    case_file: Included::Yes,
    client_access_log: ForClient::InConfidence,
    agenda: Included::No("nothing in a note is due"),
    handover: Included::No("nothing in a note is open"),
    report_facts: Included::No("the case keeps when contacts were"),
    demo: Included::Yes,
};
