//! Handlers for handovers.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadHandovers, WriteHandovers},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List the handovers of a case
///
/// Offered, accepted, refused and withdrawn, newest first.
#[utoipa::path(tag = "Handovers", params(("id" = CaseId, Path), List<CaseHandoverFilter>), responses((status = 200, body = Page<Handover>)), security(("bearer" = ["handovers:read"])))]
#[get("/cases/{id}/handovers")]
pub async fn list_case_handovers(
    who: Allowed<ReadHandovers>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<CaseHandoverFilter>,
) -> Reply<Page<Handover>> {
    paged(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Hand a case over
///
/// Its lead or a supervisor offers it to another advocate or supervisor, with a note. What is open at this moment is kept with the
/// offer. Until it is accepted, whoever it is offered to sees the offer and nothing of the case: its number, its team, the note, and
/// how much is open. A case has one open offer at a time.
#[utoipa::path(tag = "Handovers", params(("id" = CaseId, Path)), request_body = NewHandover, responses((status = 201, body = Handover)), security(("bearer" = ["handovers:write"])))]
#[post("/cases/{id}/handovers")]
pub async fn create_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<CaseId>,
    request: Once,
    body: Body<NewHandover>,
) -> Reply<Handover> {
    once(&db, &who, request, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List handovers
///
/// Those of every case that the caller works in or supervises, and what is offered to the caller, newest first. What waits for
/// the caller's answer: `status=offered&mine=true`.
#[utoipa::path(tag = "Handovers", params(List<HandoverFilter>), responses((status = 200, body = Page<Handover>)), security(("bearer" = ["handovers:read"])))]
#[get("/handovers")]
pub async fn list_handovers(who: Allowed<ReadHandovers>, db: Data<Db>, list: List<HandoverFilter>) -> Reply<Page<Handover>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one handover
///
/// Whoever it is offered to and does not see the case yet gets it without `open_work` and, once it is refused or withdrawn, no longer.
#[utoipa::path(tag = "Handovers", params(("id" = HandoverId, Path)), responses((status = 200, body = Handover)), security(("bearer" = ["handovers:read"])))]
#[get("/handovers/{id}")]
pub async fn get_handover(who: Allowed<ReadHandovers>, db: Data<Db>, id: Path<HandoverId>) -> Reply<Handover> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Accept a handover
///
/// By whoever it is offered to, and in nobody's name. All at once the caller becomes the lead and sees the case, its open tasks of
/// the lead before become the caller's, and the lead before sees it no longer, unless `keep_until` or another assignment says so. What
/// is written in confidence stays with its author and the supervisors.
#[utoipa::path(tag = "Handovers", params(("id" = HandoverId, Path)), responses((status = 201, body = Handover)), security(("bearer" = ["handovers:write"])))]
#[post("/handovers/{id}/accept")]
pub async fn accept_handover(who: Allowed<WriteHandovers>, db: Data<Db>, id: Path<HandoverId>, request: Once) -> Reply<Handover> {
    once(&db, &who, request, Body::none(), move |tx, _| store::accept(tx, *id)).await
}

/// Refuse a handover
///
/// By whoever it is offered to, with a reason for who offered it. The case stays as it is, and the offer is gone from the caller's sight.
#[utoipa::path(tag = "Handovers", params(("id" = HandoverId, Path)), request_body = HandoverRefusal, responses((status = 201, body = Handover)), security(("bearer" = ["handovers:write"])))]
#[post("/handovers/{id}/refuse")]
pub async fn refuse_handover(
    who: Allowed<WriteHandovers>,
    db: Data<Db>,
    id: Path<HandoverId>,
    request: Once,
    body: Body<HandoverRefusal>,
) -> Reply<Handover> {
    once(&db, &who, request, body, move |tx, refusal| store::refuse(tx, *id, refusal)).await
}

/// Withdraw a handover
///
/// By who offered it, or by a supervisor of the case. It is also withdrawn when the case gets another lead in another way.
#[utoipa::path(tag = "Handovers", params(("id" = HandoverId, Path)), responses((status = 201, body = Handover)), security(("bearer" = ["handovers:write"])))]
#[post("/handovers/{id}/withdraw")]
pub async fn withdraw_handover(who: Allowed<WriteHandovers>, db: Data<Db>, id: Path<HandoverId>, request: Once) -> Reply<Handover> {
    once(&db, &who, request, Body::none(), move |tx, _| store::withdraw(tx, *id)).await
}
