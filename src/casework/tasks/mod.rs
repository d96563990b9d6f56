//! Tasks: work of staff members, with due dates.

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
        .service(api::list_case_tasks)
        .service(api::create_task)
        .service(api::list_tasks)
        .service(api::get_task)
        .service(api::update_task);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    name: "task",
    table: "tasks",
    belongs_to: BelongsTo::Case(owners_of!(tasks, case)),
    path: "/tasks/{id}",
    authorize: |tx, text| store::get(tx, id(text)?).map(drop),
    timeline: Included::Yes,
    search: Included::No("it is somebody's list of things to do"),
    case_file: Included::Yes,
    client_access_log: ForClient::No("it is work of the organization"),
    agenda: Included::Yes,
    handover: Included::Yes,
    report_facts: Included::Yes,
    demo: Included::Yes,
};
