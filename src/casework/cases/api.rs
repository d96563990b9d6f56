//! Handlers for cases.

use super::{
    model::*,
    opening, store,
    transition::{self, CaseTransition, Transition, TransitionFilter},
};
use crate::{
    auth::{
        Allowed,
        policy::{MoveCases, ReadCases, WriteCases},
    },
    db::Db,
    http::{
        Body, IdempotencyKey, IfMatch, List, OptionalIfMatch, Page, Query, Reply, create_idempotent, ok_page, ok_record,
    },
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List cases
///
/// A supervisor sees the cases of their own teams and of the teams to which they are currently a deputy; an advocate
/// sees the cases that they are assigned to; an administrator sees all cases without their content.
#[utoipa::path(
    tag = "Cases",
    params(List<CaseFilter>),
    responses((status = 200, body = Page<Case>)),
    security(("bearer" = ["cases:read"])),
)]
#[get("/cases")]
pub async fn list_cases(who: Allowed<ReadCases>, db: Data<Db>, list: List<CaseFilter>) -> Reply<Page<Case>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Open a case
///
/// The case starts as `referred`. An advocate who opens a case becomes its lead.
#[utoipa::path(
    tag = "Cases",
    params(IdempotencyKey),
    request_body = NewCase,
    responses((status = 201, body = Case)),
    security(("bearer" = ["cases:write"])),
)]
#[post("/cases")]
pub async fn create_case(
    who: Allowed<WriteCases>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewCase>,
) -> Reply<Case> {
    create_idempotent(&db, &who, key, body, opening::create).await
}

/// Fetch one case
///
/// Has `available_transitions`: the possible next statuses, which roles may set them, and which guards are not met yet.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), CaseView),
    responses((status = 200, body = Case)),
    security(("bearer" = ["cases:read"])),
)]
#[get("/cases/{id}")]
pub async fn get_case(who: Allowed<ReadCases>, db: Data<Db>, id: Path<CaseId>, view: Query<CaseView>) -> Reply<Case> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id, &view)).await?)
}

/// Change a case
///
/// A JSON merge patch. Use a transition to change the status, and an assignment to change the lead.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), IfMatch),
    request_body = CasePatch,
    responses((status = 200, body = Case)),
    security(("bearer" = ["cases:write"])),
)]
#[patch("/cases/{id}")]
pub async fn update_case(
    who: Allowed<WriteCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    version: IfMatch,
    patch: Body<CasePatch>,
) -> Reply<Case> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// List the transitions of a case
///
/// The changes of the status with user, time, old and new status and reason, the newest first.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), List<TransitionFilter>),
    responses((status = 200, body = Page<CaseTransition>)),
    security(("bearer" = ["cases:read"])),
)]
#[get("/cases/{id}/transitions")]
pub async fn list_case_transitions(
    who: Allowed<ReadCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<TransitionFilter>,
) -> Reply<Page<CaseTransition>> {
    ok_page(db.read(&who, move |tx| transition::history(tx, *id, &list)).await?)
}

/// Change the status of a case
///
/// Returns the case. Answers 409 with each reason if the lifecycle does not allow the step or a guard is not met.
/// `If-Match` is optional.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), OptionalIfMatch, IdempotencyKey),
    request_body = Transition,
    responses((status = 201, body = Case)),
    security(("bearer" = ["cases:transition"])),
)]
#[post("/cases/{id}/transitions")]
pub async fn transition_case(
    who: Allowed<MoveCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    version: OptionalIfMatch,
    key: IdempotencyKey,
    body: Body<Transition>,
) -> Reply<Case> {
    create_idempotent(&db, &who, key, body, move |tx, wanted| transition::perform(tx, *id, version.0.as_ref(), wanted))
        .await
}
