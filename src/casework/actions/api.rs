//! Handlers for actions.

use super::{model::*, requests::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadActions, WriteActions},
    },
    casework::{barriers::model::BarrierId, cases::model::CaseId},
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the actions of a case
///
/// The newest first: the actions against its barriers and those against the case itself.
#[utoipa::path(
    tag = "Actions",
    params(("id" = CaseId, Path), List<LadderFilter>),
    responses((status = 200, body = Page<Action>)),
    security(("bearer" = ["actions:read"])),
)]
#[get("/cases/{id}/actions")]
pub async fn list_case_actions(
    who: Allowed<ReadActions>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<LadderFilter>,
) -> Reply<Page<Action>> {
    ok_page(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Create an action in a case
///
/// For an action against no single barrier. Needs a type and a forum. Starts as `draft`, or as `filed` if `filed_on` is
/// given.
#[utoipa::path(
    tag = "Actions",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewAction,
    responses((status = 201, body = Action)),
    security(("bearer" = ["actions:write"])),
)]
#[post("/cases/{id}/actions")]
pub async fn create_case_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewAction>,
) -> Reply<Action> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create_in_case(tx, *id, new)).await
}

/// List the actions against a barrier
///
/// The newest first.
#[utoipa::path(
    tag = "Actions",
    params(("id" = BarrierId, Path), List<LadderFilter>),
    responses((status = 200, body = Page<Action>)),
    security(("bearer" = ["actions:read"])),
)]
#[get("/barriers/{id}/actions")]
pub async fn list_barrier_actions(
    who: Allowed<ReadActions>,
    db: Data<Db>,
    id: Path<BarrierId>,
    list: List<LadderFilter>,
) -> Reply<Page<Action>> {
    ok_page(db.read(&who, move |tx| store::page_of_barrier(tx, *id, &list)).await?)
}

/// Create an action against a barrier
///
/// Needs a type and a forum. Starts as `draft`, or as `filed` if `filed_on` is given. An action that follows another
/// says why.
#[utoipa::path(
    tag = "Actions",
    params(("id" = BarrierId, Path), IdempotencyKey),
    request_body = NewAction,
    responses((status = 201, body = Action)),
    security(("bearer" = ["actions:write"])),
)]
#[post("/barriers/{id}/actions")]
pub async fn create_barrier_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<BarrierId>,
    key: IdempotencyKey,
    body: Body<NewAction>,
) -> Reply<Action> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create_against_barrier(tx, *id, new)).await
}

/// List actions
///
/// The actions of every case that the caller works on or supervises.
#[utoipa::path(
    tag = "Actions",
    params(List<ActionFilter>),
    responses((status = 200, body = Page<Action>)),
    security(("bearer" = ["actions:read"])),
)]
#[get("/actions")]
pub async fn list_actions(who: Allowed<ReadActions>, db: Data<Db>, list: List<ActionFilter>) -> Reply<Page<Action>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one action
///
/// A decided action has `next_steps`: the actions that may follow, with a due date where the catalogue has a rule. Each
/// due date is computed from `decided_on`, as if that were the date on the notice: read the notice. This is not legal
/// advice.
#[utoipa::path(
    tag = "Actions",
    params(("id" = ActionId, Path)),
    responses((status = 200, body = Action)),
    security(("bearer" = ["actions:read"])),
)]
#[get("/actions/{id}")]
pub async fn get_action(who: Allowed<ReadActions>, db: Data<Db>, id: Path<ActionId>) -> Reply<Action> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change an action
///
/// A JSON merge patch. `filed_on` files a draft; a decision with `decided_on` decides the action. A withdrawn action,
/// or one that was entered in error, cannot change. Satisfy its deadlines with their own operation.
#[utoipa::path(
    tag = "Actions",
    params(("id" = ActionId, Path), IfMatch),
    request_body = ActionPatch,
    responses((status = 200, body = Action)),
    security(("bearer" = ["actions:write"])),
)]
#[patch("/actions/{id}")]
pub async fn update_action(
    who: Allowed<WriteActions>,
    db: Data<Db>,
    id: Path<ActionId>,
    version: IfMatch,
    patch: Body<ActionPatch>,
) -> Reply<Action> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
