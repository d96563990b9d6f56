//! Handlers for a client's own record and cases.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadPortal},
    casework::cases::model::CaseId,
    db::Db,
    http::{List, Page, Reply, ok_json, ok_page, ok_record},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Fetch my client record
///
/// My data, and how I can be contacted safely. 404 if my user is not linked to a client.
#[utoipa::path(
    tag = "Portal",
    responses((status = 200, body = MyClient), (status = 404, description = "The caller is not linked to a client.")),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/client")]
pub async fn get_my_client(who: Allowed<ReadPortal>, db: Data<Db>) -> Reply<MyClient> {
    ok_record(db.peek(&who, store::client).await?)
}

/// List my cases
///
/// Each with my goal in my own words, its status and its lead.
#[utoipa::path(
    tag = "Portal",
    params(List<MyCaseFilter>),
    responses(
        (status = 200, body = Page<MyCase>),
        (status = 404, description = "The caller is not linked to a client."),
    ),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/cases")]
pub async fn list_my_cases(who: Allowed<ReadPortal>, db: Data<Db>, list: List<MyCaseFilter>) -> Reply<Page<MyCase>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one of my cases
///
/// With the next meeting and what was promised.
#[utoipa::path(
    tag = "Portal",
    params(("id" = CaseId, Path)),
    responses((status = 200, body = MyCase)),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/cases/{id}")]
pub async fn get_my_case(who: Allowed<ReadPortal>, db: Data<Db>, id: Path<CaseId>) -> Reply<MyCase> {
    ok_json(db.read(&who, move |tx| store::get(tx, *id)).await?)
}
