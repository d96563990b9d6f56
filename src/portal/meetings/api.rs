//! Handlers for a client's own meetings.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadPortal},
    db::Db,
    http::{List, Page, Reply, ok_page},
};
use actix_web::{get, web::Data};

/// List my meetings
///
/// Future and past meetings of all my cases.
#[utoipa::path(
    tag = "Portal",
    params(List<MyMeetingFilter>),
    responses(
        (status = 200, body = Page<MyMeeting>),
        (status = 404, description = "The caller is not linked to a client."),
    ),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/meetings")]
pub async fn list_my_meetings(
    who: Allowed<ReadPortal>,
    db: Data<Db>,
    list: List<MyMeetingFilter>,
) -> Reply<Page<MyMeeting>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
