//! Handlers for tasks.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadTasks, WriteTasks},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the tasks of a case
///
/// The soonest first.
#[utoipa::path(
    tag = "Tasks",
    params(("id" = CaseId, Path), List<CaseTaskFilter>),
    responses((status = 200, body = Page<Task>)),
    security(("bearer" = ["tasks:read"])),
)]
#[get("/cases/{id}/tasks")]
pub async fn list_case_tasks(
    who: Allowed<ReadTasks>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<CaseTaskFilter>,
) -> Reply<Page<Task>> {
    ok_page(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Create a task
///
/// The caller is the assignee unless another one is named.
#[utoipa::path(
    tag = "Tasks",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewTask,
    responses((status = 201, body = Task)),
    security(("bearer" = ["tasks:write"])),
)]
#[post("/cases/{id}/tasks")]
pub async fn create_task(
    who: Allowed<WriteTasks>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewTask>,
) -> Reply<Task> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List tasks
///
/// The tasks of every case that the caller works on or supervises, the soonest first.
#[utoipa::path(
    tag = "Tasks",
    params(List<TaskFilter>),
    responses((status = 200, body = Page<Task>)),
    security(("bearer" = ["tasks:read"])),
)]
#[get("/tasks")]
pub async fn list_tasks(who: Allowed<ReadTasks>, db: Data<Db>, list: List<TaskFilter>) -> Reply<Page<Task>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one task
///
/// What is to be done, by whom and by when.
#[utoipa::path(
    tag = "Tasks",
    params(("id" = TaskId, Path)),
    responses((status = 200, body = Task)),
    security(("bearer" = ["tasks:read"])),
)]
#[get("/tasks/{id}")]
pub async fn get_task(who: Allowed<ReadTasks>, db: Data<Db>, id: Path<TaskId>) -> Reply<Task> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?.into())
}

/// Change a task
///
/// A JSON merge patch. `done` and `cancelled` end the task, `open` reopens it.
#[utoipa::path(
    tag = "Tasks",
    params(("id" = TaskId, Path), IfMatch),
    request_body = TaskPatch,
    responses((status = 200, body = Task)),
    security(("bearer" = ["tasks:write"])),
)]
#[patch("/tasks/{id}")]
pub async fn update_task(
    who: Allowed<WriteTasks>,
    db: Data<Db>,
    id: Path<TaskId>,
    version: IfMatch,
    patch: Body<TaskPatch>,
) -> Reply<Task> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
