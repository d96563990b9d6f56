//! Handlers for deadlines.

use super::{model::*, requests::*, review, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDeadlines, WriteDeadlines},
    },
    casework::actions::model::ActionId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the deadlines of an action
///
/// The soonest first.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = ActionId, Path), List<ActionDeadlineFilter>),
    responses((status = 200, body = Page<Deadline>)),
    security(("bearer" = ["deadlines:read"])),
)]
#[get("/actions/{id}/deadlines")]
pub async fn list_action_deadlines(
    who: Allowed<ReadDeadlines>,
    db: Data<Db>,
    id: Path<ActionId>,
    list: List<ActionDeadlineFilter>,
) -> Reply<Page<Deadline>> {
    ok_page(db.read(&who, move |tx| store::page_of_action(tx, *id, &list)).await?)
}

/// Create a deadline
///
/// Send either `rule_id` with `trigger_date`, and the server computes the due date; or `due_on` with `time_zone` and
/// `source`, where a notice states the date or the caller sets it. To compare with a date on the notice, send it with
/// the rule as `stated_due_on`: the earlier date counts, and a difference is flagged. If the trigger date is not known,
/// send `trigger_not_before`: the deadline is `pending_trigger`, with the earliest possible due date. A deadline is due
/// until the end of its day in the forum's time zone. This is not legal advice.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = ActionId, Path), IdempotencyKey),
    request_body = NewDeadline,
    responses((status = 201, body = Deadline)),
    security(("bearer" = ["deadlines:write"])),
)]
#[post("/actions/{id}/deadlines")]
pub async fn create_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<ActionId>,
    key: IdempotencyKey,
    body: Body<NewDeadline>,
) -> Reply<Deadline> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List deadlines
///
/// The deadlines of every case that the caller works on or supervises, the soonest first. A running deadline becomes
/// `missed` by itself once its day is over, here and in the filter.
#[utoipa::path(
    tag = "Deadlines",
    params(List<DeadlineFilter>),
    responses((status = 200, body = Page<Deadline>)),
    security(("bearer" = ["deadlines:read"])),
)]
#[get("/deadlines")]
pub async fn list_deadlines(
    who: Allowed<ReadDeadlines>,
    db: Data<Db>,
    list: List<DeadlineFilter>,
) -> Reply<Page<Deadline>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one deadline
///
/// Has the computation of the due date, step by step. `status`, `due_soon` and `overdue` are as of now and do not
/// change the version.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = DeadlineId, Path)),
    responses((status = 200, body = Deadline)),
    security(("bearer" = ["deadlines:read"])),
)]
#[get("/deadlines/{id}")]
pub async fn get_deadline(who: Allowed<ReadDeadlines>, db: Data<Db>, id: Path<DeadlineId>) -> Reply<Deadline> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a deadline
///
/// A JSON merge patch. A new `trigger_date` or `stated_due_on` computes the due date again; `due_on` with an
/// `override_reason` sets it manually. `status` accepts only `missed`: the day has passed and nothing was filed. A
/// deadline that has ended cannot change.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = DeadlineId, Path), IfMatch),
    request_body = DeadlinePatch,
    responses((status = 200, body = Deadline)),
    security(("bearer" = ["deadlines:write"])),
)]
#[patch("/deadlines/{id}")]
pub async fn update_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    version: IfMatch,
    patch: Body<DeadlinePatch>,
) -> Reply<Deadline> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Satisfy a deadline
///
/// By the deadline's own action unless another action of the case is named, on the day on which that action was filed
/// unless another day is given. After the due date the deadline is marked `late_filing`, and the good cause is
/// required.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = DeadlineId, Path), IdempotencyKey),
    request_body = Satisfaction,
    responses((status = 201, body = Deadline)),
    security(("bearer" = ["deadlines:write"])),
)]
#[post("/deadlines/{id}/satisfy")]
pub async fn satisfy_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    key: IdempotencyKey,
    body: Body<Satisfaction>,
) -> Reply<Deadline> {
    create_idempotent(&db, &who, key, body, move |tx, given| store::satisfy(tx, *id, given)).await
}

/// Waive a deadline
///
/// Nothing will be filed, for the given reason. The deadline becomes `excused`.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = DeadlineId, Path), IdempotencyKey),
    request_body = Waiver,
    responses((status = 201, body = Deadline)),
    security(("bearer" = ["deadlines:write"])),
)]
#[post("/deadlines/{id}/waive")]
pub async fn waive_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    key: IdempotencyKey,
    body: Body<Waiver>,
) -> Reply<Deadline> {
    create_idempotent(&db, &who, key, body, move |tx, given| store::waive(tx, *id, given)).await
}

/// Review a deadline after a rule change
///
/// For a deadline that a newer version of its rule would move: `adopt` takes the new due date, `keep` keeps the old one
/// and needs a reason. `GET /deadlines?needs_review=true` lists these deadlines.
#[utoipa::path(
    tag = "Deadlines",
    params(("id" = DeadlineId, Path), IdempotencyKey),
    request_body = ReviewVerdict,
    responses((status = 201, body = Deadline)),
    security(("bearer" = ["deadlines:write"])),
)]
#[post("/deadlines/{id}/review")]
pub async fn review_deadline(
    who: Allowed<WriteDeadlines>,
    db: Data<Db>,
    id: Path<DeadlineId>,
    key: IdempotencyKey,
    body: Body<ReviewVerdict>,
) -> Reply<Deadline> {
    create_idempotent(&db, &who, key, body, move |tx, given| review::decide(tx, *id, given)).await
}
