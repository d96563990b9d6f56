//! Handlers for deadlines.

use super::{model::*, requests::*, review, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDeadlines, WriteDeadlines},
    },
    casework::actions::model::ActionId,
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the deadlines of an action
///
/// Soonest first.
#[utoipa::path(tag = "Deadlines", params(("id" = ActionId, Path), List<ActionDeadlineFilter>), responses((status = 200, body = Page<Deadline>)), security(("bearer" = ["deadlines:read"])))]
#[get("/actions/{id}/deadlines")]
pub async fn list_action_deadlines(
    who: Allowed<ReadDeadlines>,
    db: Data<Db>,
    id: Path<ActionId>,
    list: List<ActionDeadlineFilter>,
) -> Reply<Page<Deadline>> {
    paged(db.read(&who, move |tx| store::page_of_action(tx, *id, &list)).await?)
}

/// Enter a deadline
///
/// Either `rule_id` with `trigger_date`, and the day is computed; or `due_on` with `time_zone` and `source`, where a notice prints it or somebody here sets it. A date printed on the notice is given with a rule as `stated_due_on`: where the two differ the earlier counts, and the difference is flagged. Where the day of the trigger is not known, `trigger_not_before` stands for it: the deadline is `pending_trigger`, with the earliest possible day. It is due until the end of its day in the forum's time zone. No legal advice.
#[utoipa::path(tag = "Deadlines", params(("id" = ActionId, Path)), request_body = NewDeadline, responses((status = 201, body = Deadline)), security(("bearer" = ["deadlines:write"])))]
#[post("/actions/{id}/deadlines")]
pub async fn create_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<ActionId>,
    request: Once,
    body: Body<NewDeadline>,
) -> Reply<Deadline> {
    once(&db, &who, request, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List deadlines
///
/// Those of every case that the caller works in or supervises, soonest first. A running deadline whose day is over is `missed` from that moment on, here and in the filter, without anybody's doing.
#[utoipa::path(tag = "Deadlines", params(List<DeadlineFilter>), responses((status = 200, body = Page<Deadline>)), security(("bearer" = ["deadlines:read"])))]
#[get("/deadlines")]
pub async fn list_deadlines(who: Allowed<ReadDeadlines>, db: Data<Db>, list: List<DeadlineFilter>) -> Reply<Page<Deadline>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one deadline
///
/// With how its day was come by, step by step. `status`, `due_soon` and `overdue` are as of now, and do not make a new version.
#[utoipa::path(tag = "Deadlines", params(("id" = DeadlineId, Path)), responses((status = 200, body = Deadline)), security(("bearer" = ["deadlines:read"])))]
#[get("/deadlines/{id}")]
pub async fn get_deadline(who: Allowed<ReadDeadlines>, db: Data<Db>, id: Path<DeadlineId>) -> Reply<Deadline> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a deadline
///
/// A JSON merge patch. A new `trigger_date` or `stated_due_on` computes the day anew; `due_on` sets it by hand, with an `override_reason`. `status` takes `missed` alone: that the day has passed, and nothing was filed. A deadline that is over is not changed.
#[utoipa::path(tag = "Deadlines", params(("id" = DeadlineId, Path)), request_body = DeadlinePatch, responses((status = 200, body = Deadline)), security(("bearer" = ["deadlines:write"])))]
#[patch("/deadlines/{id}")]
pub async fn update_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    version: IfMatch,
    patch: Body<DeadlinePatch>,
) -> Reply<Deadline> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Satisfy a deadline
///
/// By the action that it hangs on, unless another of the case is named; on the day that this was filed, unless said. After the last day it is recorded with `late_filing`, and asks for the good cause.
#[utoipa::path(tag = "Deadlines", params(("id" = DeadlineId, Path)), request_body = Satisfaction, responses((status = 201, body = Deadline)), security(("bearer" = ["deadlines:write"])))]
#[post("/deadlines/{id}/satisfy")]
pub async fn satisfy_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    request: Once,
    body: Body<Satisfaction>,
) -> Reply<Deadline> {
    once(&db, &who, request, body, move |tx, given| store::satisfy(tx, *id, given)).await
}

/// Waive a deadline
///
/// Nothing will be filed, for the reason that is given: the deadline is `excused`.
#[utoipa::path(tag = "Deadlines", params(("id" = DeadlineId, Path)), request_body = Waiver, responses((status = 201, body = Deadline)), security(("bearer" = ["deadlines:write"])))]
#[post("/deadlines/{id}/waive")]
pub async fn waive_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    request: Once,
    body: Body<Waiver>,
) -> Reply<Deadline> {
    once(&db, &who, request, body, move |tx, given| store::waive(tx, *id, given)).await
}

/// Review a deadline
///
/// Where a newer version of its rule would move the day: `adopt` takes the new day, `keep` stays with the old one, for a reason. Until then nothing moves. `GET /deadlines?needs_review=true` lists what is to be decided.
#[utoipa::path(tag = "Deadlines", params(("id" = DeadlineId, Path)), request_body = ReviewVerdict, responses((status = 201, body = Deadline)), security(("bearer" = ["deadlines:write"])))]
#[post("/deadlines/{id}/review")]
pub async fn review_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    request: Once,
    body: Body<ReviewVerdict>,
) -> Reply<Deadline> {
    once(&db, &who, request, body, move |tx, given| review::decide(tx, *id, given)).await
}
