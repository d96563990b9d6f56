//! Handlers for meetings.

use super::{
    model::*,
    outcome::{self, NewOutcome},
    store,
};
use crate::{
    auth::{
        Allowed,
        policy::{ReadMeetings, WriteMeetings},
    },
    casework::cases::model::CaseId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the meetings of a case
///
/// Future and past meetings.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = CaseId, Path), List<CaseMeetingFilter>),
    responses((status = 200, body = Page<Meeting>)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/cases/{id}/meetings")]
pub async fn list_case_meetings(
    who: Allowed<ReadMeetings>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<CaseMeetingFilter>,
) -> Reply<Page<Meeting>> {
    ok_page(db.read(&who, move |tx| store::page_of_case(tx, *id, &list)).await?)
}

/// Create a meeting
///
/// The meeting is `booked` unless it is `proposed`. When it is booked, the checklist for its type is copied into it.
/// With `reschedules` it replaces an earlier meeting of the case.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = CaseId, Path), IdempotencyKey),
    request_body = NewMeeting,
    responses((status = 201, body = Meeting)),
    security(("bearer" = ["meetings:write"])),
)]
#[post("/cases/{id}/meetings")]
pub async fn create_meeting(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<CaseId>,
    key: IdempotencyKey,
    body: Body<NewMeeting>,
) -> Reply<Meeting> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// List meetings
///
/// The meetings of every case that the caller works on or supervises.
#[utoipa::path(
    tag = "Meetings",
    params(List<MeetingFilter>),
    responses((status = 200, body = Page<Meeting>)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/meetings")]
pub async fn list_meetings(
    who: Allowed<ReadMeetings>,
    db: Data<Db>,
    list: List<MeetingFilter>,
) -> Reply<Page<Meeting>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one meeting
///
/// `readiness` says how many mandatory preparation items are done.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path)),
    responses((status = 200, body = Meeting)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/meetings/{id}")]
pub async fn get_meeting(who: Allowed<ReadMeetings>, db: Data<Db>, id: Path<MeetingId>) -> Reply<Meeting> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a meeting
///
/// A JSON merge patch. A proposed meeting can become `booked`; use the outcome for everything after that. Once the
/// meeting is over, only `ratings_after` and `participants` can change.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path), IfMatch),
    request_body = MeetingPatch,
    responses((status = 200, body = Meeting)),
    security(("bearer" = ["meetings:write"])),
)]
#[patch("/meetings/{id}")]
pub async fn update_meeting(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    version: IfMatch,
    patch: Body<MeetingPatch>,
) -> Reply<Meeting> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Record the outcome of a meeting
///
/// In one transaction: whether the meeting was held, cancelled or missed, the commitments, and the follow-up tasks.
/// Returns the meeting with its commitments and the ids of the tasks.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path), IdempotencyKey),
    request_body = NewOutcome,
    responses((status = 201, body = Meeting)),
    security(("bearer" = ["meetings:write"])),
)]
#[post("/meetings/{id}/outcome")]
pub async fn create_meeting_outcome(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    key: IdempotencyKey,
    body: Body<NewOutcome>,
) -> Reply<Meeting> {
    create_idempotent(&db, &who, key, body, move |tx, new| outcome::perform(tx, *id, new)).await
}
