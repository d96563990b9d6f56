//! Handlers for preparation templates.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDirectory, WriteTemplates},
    },
    db::Db,
    http::{Body, OptionalIfMatch, Reply, ok_json, ok_record},
    types::code::MeetingType,
};
use actix_web::{
    get, put,
    web::{Data, Path},
};

/// List the preparation templates
///
/// One for each type of meeting, on one page: the organization's own or the built-in one.
#[utoipa::path(
    tag = "Directory",
    responses((status = 200, body = PreparationTemplates)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/preparation-templates")]
pub async fn list_preparation_templates(who: Allowed<ReadDirectory>, db: Data<Db>) -> Reply<PreparationTemplates> {
    ok_json(db.read(&who, store::all).await?)
}

/// Fetch one preparation template
///
/// The checklist that is copied when a meeting of this type is booked.
#[utoipa::path(
    tag = "Directory",
    params(("meeting_type" = MeetingType, Path)),
    responses((status = 200, body = PreparationTemplate)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/preparation-templates/{meeting_type}")]
pub async fn get_preparation_template(
    who: Allowed<ReadDirectory>,
    db: Data<Db>,
    meeting_type: Path<MeetingType>,
) -> Reply<PreparationTemplate> {
    ok_record(db.peek(&who, move |tx| store::find(tx, *meeting_type)).await?)
}

/// Replace a preparation template
///
/// Sets the organization's own checklist for this type of meeting, as a whole. Meetings that are already booked keep
/// theirs. `If-Match` is optional.
#[utoipa::path(
    tag = "Directory",
    params(("meeting_type" = MeetingType, Path), OptionalIfMatch),
    request_body = NewPreparationTemplate,
    responses((status = 200, body = PreparationTemplate)),
    security(("bearer" = ["templates:write"])),
)]
#[put("/preparation-templates/{meeting_type}")]
pub async fn replace_preparation_template(
    who: Allowed<WriteTemplates>,
    db: Data<Db>,
    meeting_type: Path<MeetingType>,
    version: OptionalIfMatch,
    body: Body<NewPreparationTemplate>,
) -> Reply<PreparationTemplate> {
    ok_record(db.write(&who, move |tx| store::replace(tx, *meeting_type, version.0.as_ref(), &body)).await?)
}
