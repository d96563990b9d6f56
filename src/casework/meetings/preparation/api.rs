//! Handlers for the preparation of meetings.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadMeetings, WriteMeetings},
    },
    casework::meetings::model::MeetingId,
    db::Db,
    http::{Body, IfMatch, Once, Reply, ok, once, plain},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the preparation of a meeting
///
/// The whole checklist on one page, in its order, with `readiness`.
#[utoipa::path(tag = "Meetings", params(("id" = MeetingId, Path)), responses((status = 200, body = Preparation)), security(("bearer" = ["meetings:read"])))]
#[get("/meetings/{id}/preparation")]
pub async fn list_preparation_items(who: Allowed<ReadMeetings>, db: Data<Db>, id: Path<MeetingId>) -> Reply<Preparation> {
    plain(db.read(&who, move |tx| store::list(tx, *id)).await?)
}

/// Add to the preparation of a meeting
///
/// The item comes last. A mandatory one counts for `readiness`, and so makes a new version of the meeting.
#[utoipa::path(tag = "Meetings", params(("id" = MeetingId, Path)), request_body = NewPreparationItem, responses((status = 201, body = PreparationItem)), security(("bearer" = ["meetings:write"])))]
#[post("/meetings/{id}/preparation")]
pub async fn create_preparation_item(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<MeetingId>,
    request: Once,
    body: Body<NewPreparationItem>,
) -> Reply<PreparationItem> {
    once(&db, &who, request, body, move |tx, new| store::create(tx, *id, new)).await
}

/// Change a preparation item
///
/// A JSON merge patch. `done` says that it has been seen to, now and by the caller. Once the meeting is over, its preparation stays as it was.
#[utoipa::path(tag = "Meetings", params(("id" = PreparationItemId, Path)), request_body = PreparationItemPatch, responses((status = 200, body = PreparationItem)), security(("bearer" = ["meetings:write"])))]
#[patch("/preparation-items/{id}")]
pub async fn update_preparation_item(
    who: Allowed<WriteMeetings>,
    db: Data<Db>,
    id: Path<PreparationItemId>,
    version: IfMatch,
    patch: Body<PreparationItemPatch>,
) -> Reply<PreparationItem> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
