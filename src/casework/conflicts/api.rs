//! Handlers for conflict checks.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadConflicts, WriteConflicts},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List the conflict checks of a case
///
/// The checks that somebody ran, and those that found a conflict automatically when a provider was added to the case or
/// somebody was assigned. Only supervisors see them: a colleague's interests are private.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), List<ConflictCheckFilter>),
    responses((status = 200, body = Page<ConflictCheck>)),
    security(("bearer" = ["conflicts:read"])),
)]
#[get("/cases/{id}/conflict-checks")]
pub async fn list_conflict_checks(
    who: Allowed<ReadConflicts>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<ConflictCheckFilter>,
) -> Reply<Page<ConflictCheck>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Check a case for conflicts of interest
///
/// Compares the interests of everybody who works on the case, and of its future lead, with the providers of its
/// barriers and meetings. A conflict must be decided before the case can be accepted.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewConflictCheck,
    responses((status = 201, body = ConflictCheck)),
    security(("bearer" = ["conflicts:write"])),
)]
#[post("/cases/{id}/conflict-checks")]
pub async fn create_conflict_check(
    who: Allowed<WriteConflicts>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewConflictCheck>,
) -> Reply<ConflictCheck> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::run(tx, *id, new)).await
}

/// Fetch one conflict check
///
/// The result of the check, and the decision.
#[utoipa::path(
    tag = "Cases",
    params(("id" = ConflictCheckId, Path)),
    responses((status = 200, body = ConflictCheck)),
    security(("bearer" = ["conflicts:read"])),
)]
#[get("/conflict-checks/{id}")]
pub async fn get_conflict_check(
    who: Allowed<ReadConflicts>,
    db: Data<Db>,
    id: Path<ConflictCheckId>,
) -> Reply<ConflictCheck> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Decide on the conflicts of a check
///
/// Possible once, for the latest check of the case, and not by a person who has the conflict. `proceed_with_consent`
/// means that the client knows and agrees; with `reassign` the case needs another lead before it is accepted.
#[utoipa::path(
    tag = "Cases",
    params(("id" = ConflictCheckId, Path), IdempotencyKey),
    request_body = NewConflictDecision,
    responses((status = 201, body = ConflictCheck)),
    security(("bearer" = ["conflicts:write"])),
)]
#[post("/conflict-checks/{id}/decision")]
pub async fn decide_conflict_check(
    who: Allowed<WriteConflicts>,
    db: Data<Db>,
    id: Path<ConflictCheckId>,
    key: IdempotencyKey,
    body: Body<NewConflictDecision>,
) -> Reply<ConflictCheck> {
    create_idempotent(&db, &who, key, body, move |tx, decision| store::decide(tx, *id, decision)).await
}
