//! Handlers for commitments.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadMeetings, WriteMeetings},
    },
    casework::meetings::model::MeetingId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the commitments of a meeting
///
/// What each party promised in the meeting.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path), List<CommitmentFilter>),
    responses((status = 200, body = Page<Commitment>)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/meetings/{id}/commitments")]
pub async fn list_commitments(
    who: Allowed<ReadMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    list: List<CommitmentFilter>,
) -> Reply<Page<Commitment>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Create a commitment
///
/// What a party promised in the meeting, and by when. Starts as `open`.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path), IdempotencyKey),
    request_body = NewCommitment,
    responses((status = 201, body = Commitment)),
    security(("bearer" = ["meetings:write"])),
)]
#[post("/meetings/{id}/commitments")]
pub async fn create_commitment(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    key: IdempotencyKey,
    body: Body<NewCommitment>,
) -> Reply<Commitment> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// Fetch one commitment
///
/// What was promised, and whether it was kept.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = CommitmentId, Path)),
    responses((status = 200, body = Commitment)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/commitments/{id}")]
pub async fn get_commitment(who: Allowed<ReadMeetings>, db: Data<Db>, id: Path<CommitmentId>) -> Reply<Commitment> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a commitment
///
/// A JSON merge patch: the outcome, or a corrected text or date.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = CommitmentId, Path), IfMatch),
    request_body = CommitmentPatch,
    responses((status = 200, body = Commitment)),
    security(("bearer" = ["meetings:write"])),
)]
#[patch("/commitments/{id}")]
pub async fn update_commitment(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<CommitmentId>,
    version: IfMatch,
    patch: Body<CommitmentPatch>,
) -> Reply<Commitment> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
