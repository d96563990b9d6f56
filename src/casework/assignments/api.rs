//! Handlers for assignments.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{AssignCases, ReadCases},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, no_content, ok_page},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List the assignments of a case
///
/// Who works on the case now, and who did.
#[utoipa::path(
    tag = "Assignments",
    params(("id" = CaseId, Path), List<AssignmentFilter>),
    responses((status = 200, body = Page<Assignment>)),
    security(("bearer" = ["cases:read"])),
)]
#[get("/cases/{id}/assignments")]
pub async fn list_assignments(
    who: Allowed<ReadCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<AssignmentFilter>,
) -> Reply<Page<Assignment>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Assign a user to a case
///
/// The user sees the case from now on or, if `ends_on` is set, until the end of that day. A new lead replaces the
/// current lead, whose access ends, and takes over the open tasks of that lead and of everybody who has left.
#[utoipa::path(
    tag = "Assignments",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewAssignment,
    responses((status = 201, body = Assignment)),
    security(("bearer" = ["cases:assign"])),
)]
#[post("/cases/{id}/assignments")]
pub async fn create_assignment(
    who: Allowed<AssignCases>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewAssignment>,
) -> Reply<Assignment> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// End an assignment
///
/// The user's access ends. The lead's assignment ends only when another lead is assigned.
#[utoipa::path(
    tag = "Assignments",
    params(("id" = CaseId, Path), ("assignment_id" = AssignmentId, Path), IfMatch),
    responses((status = 204, description = "The assignment has ended.")),
    security(("bearer" = ["cases:assign"])),
)]
#[delete("/cases/{id}/assignments/{assignment_id}")]
pub async fn end_assignment(
    who: Allowed<AssignCases>,
    db: Data<Db>,
    path: Path<(CaseId, AssignmentId)>,
    version: IfMatch,
) -> Reply<()> {
    let (case, id) = path.into_inner();
    db.write(&who, move |tx| store::end(tx, case, id, &version)).await?;
    no_content()
}
