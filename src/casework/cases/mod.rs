//! Cases: one episode of advocacy for one client, from referral to closure.

pub mod api;
pub mod contacts;
pub mod lifecycle;
pub mod model;
pub mod opening;
pub mod store;
pub mod transition;

use crate::{
    owners_of,
    records::kind::{ForClient, Included, Kind, Parent, id},
};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_cases)
        .service(api::create_case)
        .service(api::get_case)
        .service(api::update_case)
        .service(api::list_case_transitions)
        .service(api::transition_case);
}

/// How the readers over all records treat this kind.
pub const KIND: Kind = Kind {
    name: "case",
    table: "cases",
    parent: Parent::Case(owners_of!(cases)),
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
