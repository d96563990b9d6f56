//! Handlers for the preparation of meetings.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadMeetings, WriteMeetings},
    },
    casework::meetings::model::MeetingId,
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, Reply, create_idempotent, ok_json, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the preparation items of a meeting
///
/// The whole checklist on one page, in its order, with `readiness`.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path)),
    responses((status = 200, body = Preparation)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/meetings/{id}/preparation")]
pub async fn list_preparation_items(
    who: Allowed<ReadMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
) -> Reply<Preparation> {
    ok_json(db.read(&who, move |tx| store::list(tx, *id)).await?)
}

/// Add a preparation item to a meeting
///
/// The item comes last. A mandatory item counts for `readiness` and so creates a new version of the meeting.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = MeetingId, Path), IdempotencyKey),
    request_body = NewPreparationItem,
    responses((status = 201, body = PreparationItem)),
    security(("bearer" = ["meetings:write"])),
)]
#[post("/meetings/{id}/preparation")]
pub async fn create_preparation_item(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    key: IdempotencyKey,
    body: Body<NewPreparationItem>,
) -> Reply<PreparationItem> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// Change a preparation item
///
/// A JSON merge patch. `done` marks the item as done now, by the caller. Preparation cannot change once the meeting is
/// over.
#[utoipa::path(
    tag = "Meetings",
    params(("id" = PreparationItemId, Path), IfMatch),
    request_body = PreparationItemPatch,
    responses((status = 200, body = PreparationItem)),
    security(("bearer" = ["meetings:write"])),
)]
#[patch("/preparation-items/{id}")]
pub async fn update_preparation_item(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<PreparationItemId>,
    version: IfMatch,
    patch: Body<PreparationItemPatch>,
) -> Reply<PreparationItem> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
