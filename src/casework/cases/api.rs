//! Handlers for cases.

use super::{
    model::*,
    store,
    transition::{self, CaseTransition, Transition, TransitionFilter},
};
use crate::{
    auth::{
        Allowed,
        policy::{MoveCases, ReadCases, WriteCases},
    },
    db::Db,
    http::{Body, IfMatch, List, Once, OptionalIfMatch, Page, Query, Reply, ok, once, paged},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List cases
///
/// A supervisor sees the cases of the own teams and of those that they are deputised to now, an advocate those they are assigned to, an administrator all of them without their content.
#[utoipa::path(tag = "Cases", params(List<CaseFilter>), responses((status = 200, body = Page<Case>)), security(("bearer" = ["cases:read"])))]
#[get("/cases")]
pub async fn list_cases(who: Allowed<ReadCases>, db: Data<Db>, list: List<CaseFilter>) -> Reply<Page<Case>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Open a case
///
/// It starts as `referred`. An advocate who opens a case becomes its lead.
#[utoipa::path(tag = "Cases", request_body = NewCase, responses((status = 201, body = Case)), security(("bearer" = ["cases:write"])))]
#[post("/cases")]
pub async fn create_case(who: Allowed<WriteCases>, db: Data<Db>, request: Once, body: Body<NewCase>) -> Reply<Case> {
    once(&db, &who, request, body, store::create).await
}

/// Fetch one case
///
/// With `available_transitions`: where it may go, who may take it there, and which guards are still unmet.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path), CaseView), responses((status = 200, body = Case)), security(("bearer" = ["cases:read"])))]
#[get("/cases/{id}")]
pub async fn get_case(who: Allowed<ReadCases>, db: Data<Db>, id: Path<CaseId>, view: Query<CaseView>) -> Reply<Case> {
    ok(db.peek(&who, move |tx| store::get(tx, *id, &view)).await?)
}

/// Change a case
///
/// A JSON merge patch. The status is changed by a transition, the lead by an assignment.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path)), request_body = CasePatch, responses((status = 200, body = Case)), security(("bearer" = ["cases:write"])))]
#[patch("/cases/{id}")]
pub async fn update_case(
    who: Allowed<WriteCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    version: IfMatch,
    patch: Body<CasePatch>,
) -> Reply<Case> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// List the transitions of a case
///
/// Who moved it, when, from where to where and why, newest first.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path), List<TransitionFilter>), responses((status = 200, body = Page<CaseTransition>)), security(("bearer" = ["cases:read"])))]
#[get("/cases/{id}/transitions")]
pub async fn list_case_transitions(
    who: Allowed<ReadCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<TransitionFilter>,
) -> Reply<Page<CaseTransition>> {
    paged(db.read(&who, move |tx| transition::history(tx, *id, &list)).await?)
}

/// Move a case
///
/// Answers the case as it is now. A step that the lifecycle has not, or a guard that does not hold, is a 409 that names each reason. `If-Match` may be sent.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path)), request_body = Transition, responses((status = 201, body = Case)), security(("bearer" = ["cases:transition"])))]
#[post("/cases/{id}/transitions")]
pub async fn transition_case(
    who: Allowed<MoveCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    version: OptionalIfMatch,
    request: Once,
    body: Body<Transition>,
) -> Reply<Case> {
    once(&db, &who, request, body, move |tx, wanted| transition::perform(tx, *id, version.0.as_ref(), wanted)).await
}
