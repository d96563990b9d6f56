//! The handler for timelines.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadBarriers},
    casework::cases::model::CaseId,
    db::Db,
    http::{List, Page, Reply, ok_page},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Read the timeline of a case
///
/// Everything that happened, the newest first: transitions, assignments, barriers, meetings, notes and tasks. Leaves
/// out notes that the caller may not read.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), List<TimelineFilter>),
    responses((status = 200, body = Page<TimelineEntry>)),
    security(("bearer" = ["barriers:read"])),
)]
#[get("/cases/{id}/timeline")]
pub async fn get_case_timeline(
    who: Allowed<ReadBarriers>,
    db: Data<Db>,
    id: Path<CaseId>,
    list: List<TimelineFilter>,
) -> Reply<Page<TimelineEntry>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}
