//! Handlers for conflict checks.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadConflicts, WriteConflicts},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List the conflict checks of a case
///
/// Those that somebody asked for, and those that found something by themselves when a provider came into the case or somebody was assigned. For supervisors: what a colleague has to do with a provider is nobody else's to know.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path), List<ConflictCheckFilter>), responses((status = 200, body = Page<ConflictCheck>)), security(("bearer" = ["conflicts:read"])))]
#[get("/cases/{id}/conflict-checks")]
pub async fn list_conflict_checks(
    who: Allowed<ReadConflicts>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<ConflictCheckFilter>,
) -> Reply<Page<ConflictCheck>> {
    paged(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Check a case for conflicts of interest
///
/// Holds the interests of everybody who works the case, and of who is to lead it, against the providers of its barriers and meetings. What it finds waits for a decision, and until then the case cannot be accepted.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path)), request_body = NewConflictCheck, responses((status = 201, body = ConflictCheck)), security(("bearer" = ["conflicts:write"])))]
#[post("/cases/{id}/conflict-checks")]
pub async fn create_conflict_check(
    who: Allowed<WriteConflicts>,
    db: Data<Db>,
    id: Path<CaseId>,
    request: Once,
    body: Body<NewConflictCheck>,
) -> Reply<ConflictCheck> {
    once(&db, &who, request, body, move |tx, new| store::run(tx, *id, new)).await
}

/// Fetch one conflict check
///
/// What it found, and what was decided.
#[utoipa::path(tag = "Cases", params(("id" = ConflictCheckId, Path)), responses((status = 200, body = ConflictCheck)), security(("bearer" = ["conflicts:read"])))]
#[get("/conflict-checks/{id}")]
pub async fn get_conflict_check(who: Allowed<ReadConflicts>, db: Data<Db>, id: Path<ConflictCheckId>) -> Reply<ConflictCheck> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Decide on the conflicts that a check found
///
/// Once, on the latest check of the case, and by nobody whose own conflict it is. `proceed_with_consent` says that the client knows and agrees; with `reassign` the case goes to somebody else before it is accepted.
#[utoipa::path(tag = "Cases", params(("id" = ConflictCheckId, Path)), request_body = NewConflictDecision, responses((status = 201, body = ConflictCheck)), security(("bearer" = ["conflicts:write"])))]
#[post("/conflict-checks/{id}/decision")]
pub async fn decide_conflict_check(
    who: Allowed<WriteConflicts>,
    db: Data<Db>,
    id: Path<ConflictCheckId>,
    request: Once,
    body: Body<NewConflictDecision>,
) -> Reply<ConflictCheck> {
    once(&db, &who, request, body, move |tx, decision| store::decide(tx, *id, decision)).await
}
