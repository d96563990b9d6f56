//! Handlers for barriers.

use super::{model::*, requests::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadBarriers, WriteBarriers},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the barriers of a case
///
/// The newest first. Includes barriers that have a disposition.
#[utoipa::path(
    tag = "Barriers",
    params(("id" = CaseId, Path), List<CaseBarrierFilter>),
    responses((status = 200, body = Page<Barrier>)),
    security(("bearer" = ["barriers:read"])),
)]
#[get("/cases/{id}/barriers")]
pub async fn list_case_barriers(
    who: Allowed<ReadBarriers>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<CaseBarrierFilter>,
) -> Reply<Page<Barrier>> {
    ok_page(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Create a barrier
///
/// Needs a type and a description. Starts as `open`; the case cannot be closed before the barrier has a disposition.
#[utoipa::path(
    tag = "Barriers",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewBarrier,
    responses((status = 201, body = Barrier)),
    security(("bearer" = ["barriers:write"])),
)]
#[post("/cases/{id}/barriers")]
pub async fn create_barrier(
    who: Allowed<WriteBarriers>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewBarrier>,
) -> Reply<Barrier> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List barriers
///
/// The barriers of every case that the caller works on or supervises.
#[utoipa::path(
    tag = "Barriers",
    params(List<BarrierFilter>),
    responses((status = 200, body = Page<Barrier>)),
    security(("bearer" = ["barriers:read"])),
)]
#[get("/barriers")]
pub async fn list_barriers(
    who: Allowed<ReadBarriers>,
    db: Data<Db>,
    list: List<BarrierFilter>,
) -> Reply<Page<Barrier>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one barrier
///
/// Says whether the type of the barrier calls for a safeguarding referral.
#[utoipa::path(
    tag = "Barriers",
    params(("id" = BarrierId, Path)),
    responses((status = 200, body = Barrier)),
    security(("bearer" = ["barriers:read"])),
)]
#[get("/barriers/{id}")]
pub async fn get_barrier(who: Allowed<ReadBarriers>, db: Data<Db>, id: Path<BarrierId>) -> Reply<Barrier> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?.into())
}

/// Change a barrier
///
/// A JSON merge patch. To end a barrier, send its status with a disposition and who judged it.
#[utoipa::path(
    tag = "Barriers",
    params(("id" = BarrierId, Path), IfMatch),
    request_body = BarrierPatch,
    responses((status = 200, body = Barrier)),
    security(("bearer" = ["barriers:write"])),
)]
#[patch("/barriers/{id}")]
pub async fn update_barrier(
    who: Allowed<WriteBarriers>,
    db: Data<Db>,
    id: Path<BarrierId>,
    version: IfMatch,
    patch: Body<BarrierPatch>,
) -> Reply<Barrier> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
