//! Handlers for actions.

use super::{model::*, requests::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadActions, WriteActions},
    },
    casework::{barriers::model::BarrierId, cases::model::CaseId},
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the actions of a case
///
/// Newest first: those against its barriers and those against the case itself.
#[utoipa::path(tag = "Actions", params(("id" = CaseId, Path), List<LadderFilter>), responses((status = 200, body = Page<Action>)), security(("bearer" = ["actions:read"])))]
#[get("/cases/{id}/actions")]
pub async fn list_case_actions(who: Allowed<ReadActions>, db: Data<Db>, id: Path<CaseId>, list: List<LadderFilter>) -> Reply<Page<Action>> {
    paged(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Enter an action in a case
///
/// One that is against no single barrier. Its type and its forum are needed. It starts as `draft`, or as `filed` where `filed_on` is given.
#[utoipa::path(tag = "Actions", params(("id" = CaseId, Path)), request_body = NewAction, responses((status = 201, body = Action)), security(("bearer" = ["actions:write"])))]
#[post("/cases/{id}/actions")]
pub async fn create_case_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<CaseId>,
    request: Once,
    body: Body<NewAction>,
) -> Reply<Action> {
    once(&db, &who, request, body, move |tx, new| store::create_in_case(tx, *id, new)).await
}

/// List the actions against a barrier
///
/// The ladder, newest first.
#[utoipa::path(tag = "Actions", params(("id" = BarrierId, Path), List<LadderFilter>), responses((status = 200, body = Page<Action>)), security(("bearer" = ["actions:read"])))]
#[get("/barriers/{id}/actions")]
pub async fn list_barrier_actions(
    who: Allowed<ReadActions>,
    db: Data<Db>,
    id: Path<BarrierId>,
    list: List<LadderFilter>,
) -> Reply<Page<Action>> {
    paged(db.read(&who, move |tx| store::page_of_barrier(tx, *id, &list)).await?)
}

/// Enter an action against a barrier
///
/// Its type and its forum are needed. It starts as `draft`, or as `filed` where `filed_on` is given. An action that follows another says why it went on.
#[utoipa::path(tag = "Actions", params(("id" = BarrierId, Path)), request_body = NewAction, responses((status = 201, body = Action)), security(("bearer" = ["actions:write"])))]
#[post("/barriers/{id}/actions")]
pub async fn create_barrier_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<BarrierId>,
    request: Once,
    body: Body<NewAction>,
) -> Reply<Action> {
    once(&db, &who, request, body, move |tx, new| store::create_against_barrier(tx, *id, new)).await
}

/// List actions
///
/// Those of every case that the caller works in or supervises.
#[utoipa::path(tag = "Actions", params(List<ActionFilter>), responses((status = 200, body = Page<Action>)), security(("bearer" = ["actions:read"])))]
#[get("/actions")]
pub async fn list_actions(who: Allowed<ReadActions>, db: Data<Db>, list: List<ActionFilter>) -> Reply<Page<Action>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one action
///
/// Once it is decided, with `next_steps`: which actions may come next, and the clock of each where the catalogue has a rule for it. The day of a next step is computed from `decided_on`, as if that were the date on the notice: read the notice. No legal advice.
#[utoipa::path(tag = "Actions", params(("id" = ActionId, Path)), responses((status = 200, body = Action)), security(("bearer" = ["actions:read"])))]
#[get("/actions/{id}")]
pub async fn get_action(who: Allowed<ReadActions>, db: Data<Db>, id: Path<ActionId>) -> Reply<Action> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change an action
///
/// A JSON merge patch. `filed_on` files a draft, a decision with `decided_on` decides. What was withdrawn or entered in error does not go on. Its deadlines are satisfied by calls of their own.
#[utoipa::path(tag = "Actions", params(("id" = ActionId, Path)), request_body = ActionPatch, responses((status = 200, body = Action)), security(("bearer" = ["actions:write"])))]
#[patch("/actions/{id}")]
pub async fn update_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<ActionId>,
    version: IfMatch,
    patch: Body<ActionPatch>,
) -> Reply<Action> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
