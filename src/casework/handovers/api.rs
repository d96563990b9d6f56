//! Handlers for handovers.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadHandovers, WriteHandovers},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List the handovers of a case
///
/// Open, accepted, refused and withdrawn handovers, the newest first.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = CaseId, Path), List<CaseHandoverFilter>),
    responses((status = 200, body = Page<Handover>)),
    security(("bearer" = ["handovers:read"])),
)]
#[get("/cases/{id}/handovers")]
pub async fn list_case_handovers(
    who: Allowed<ReadHandovers>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<CaseHandoverFilter>,
) -> Reply<Page<Handover>> {
    ok_page(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Offer a handover of a case
///
/// The lead or a supervisor offers the case to another advocate or supervisor, with a note. The open work at this
/// moment is stored with the offer. Before they accept, the recipient sees the offer only: the case number, the team,
/// the note and how much is open. A case has at most one open offer.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewHandover,
    responses((status = 201, body = Handover)),
    security(("bearer" = ["handovers:write"])),
)]
#[post("/cases/{id}/handovers")]
pub async fn create_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewHandover>,
) -> Reply<Handover> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List handovers
///
/// The handovers of every case that the caller works on or supervises, and those offered to the caller, the newest
/// first. With `status=offered&mine=true`: those that wait for the caller's answer.
#[utoipa::path(
    tag = "Handovers",
    params(List<HandoverFilter>),
    responses((status = 200, body = Page<Handover>)),
    security(("bearer" = ["handovers:read"])),
)]
#[get("/handovers")]
pub async fn list_handovers(
    who: Allowed<ReadHandovers>,
    db: Data<Db>,
    list: List<HandoverFilter>,
) -> Reply<Page<Handover>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one handover
///
/// A recipient who does not see the case gets the handover without `open_work`, and no longer once it is refused or
/// withdrawn.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = HandoverId, Path)),
    responses((status = 200, body = Handover)),
    security(("bearer" = ["handovers:read"])),
)]
#[get("/handovers/{id}")]
pub async fn get_handover(who: Allowed<ReadHandovers>, db: Data<Db>, id: Path<HandoverId>) -> Reply<Handover> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Accept a handover
///
/// Only the recipient can accept. In one step the caller becomes the lead, gets access to the case and takes over the
/// open tasks of the previous lead. The previous lead loses access unless `keep_until` or another assignment gives it.
/// Confidential notes stay with their author and the supervisors.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = HandoverId, Path), IdempotencyKey),
    responses((status = 201, body = Handover)),
    security(("bearer" = ["handovers:write"])),
)]
#[post("/handovers/{id}/accept")]
pub async fn accept_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<HandoverId>,
    key: IdempotencyKey,
) -> Reply<Handover> {
    create_idempotent(&db, &who, key, Body::none(), move |tx, _| store::accept(tx, *id)).await
}

/// Refuse a handover
///
/// Only the recipient can refuse, with a reason for the person who offered it. The case does not change, and the
/// recipient no longer sees the offer.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = HandoverId, Path), IdempotencyKey),
    request_body = HandoverRefusal,
    responses((status = 201, body = Handover)),
    security(("bearer" = ["handovers:write"])),
)]
#[post("/handovers/{id}/refuse")]
pub async fn refuse_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<HandoverId>,
    key: IdempotencyKey,
    body: Body<HandoverRefusal>,
) -> Reply<Handover> {
    create_idempotent(&db, &who, key, body, move |tx, refusal| store::refuse(tx, *id, refusal)).await
}

/// Withdraw a handover
///
/// By the person who offered it or a supervisor of the case. A handover is also withdrawn when the case gets another
/// lead in another way.
#[utoipa::path(
    tag = "Handovers",
    params(("id" = HandoverId, Path), IdempotencyKey),
    responses((status = 201, body = Handover)),
    security(("bearer" = ["handovers:write"])),
)]
#[post("/handovers/{id}/withdraw")]
pub async fn withdraw_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<HandoverId>,
    key: IdempotencyKey,
) -> Reply<Handover> {
    create_idempotent(&db, &who, key, Body::none(), move |tx, _| store::withdraw(tx, *id)).await
}
