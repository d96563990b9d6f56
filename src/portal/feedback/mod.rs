//! Feedback of a client about a case, a meeting, or the organization.

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::{
    owners_of,
    records::kind::{BelongsTo, ForClient, Included, Kind},
};

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_my_feedback).service(api::create_my_feedback).service(api::list_client_feedback);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "feedback",
    table: "feedback",
    belongs_to: BelongsTo::Client(owners_of!(feedback, client, case)),
    path: "/me/feedback",
    authorize: |tx, _| super::client_of_caller(tx).map(drop),
    timeline: Included::No("it is what the client says of the work"),
    search: Included::No("it is the client's own text, for those who open it"),
    case_file: Included::No("it is what the client says of the work"),
    client_access_log: ForClient::Yes,
    agenda: Included::No("nothing in it is due"),
    handover: Included::No("nothing in it is open"),
    report_facts: Included::No("no measure counts it"),
    demo: Included::No("its client has not written yet"),
};
