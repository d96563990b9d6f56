//! Handlers for exports.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadExports},
    db::Db,
    http::{List, Page, Reply, ok_page},
};
use actix_web::{get, web::Data};

/// List exports
///
/// Files of reports, lists of records, and prints of case files and statements, the newest first. Each says who made
/// it, for whom, why, on what basis, how many rows it has, and which clients' records are in it.
#[utoipa::path(
    tag = "Audit",
    params(List<ExportFilter>),
    responses((status = 200, body = Page<Export>)),
    security(("bearer" = ["exports:read"])),
)]
#[get("/exports")]
pub async fn list_exports(who: Allowed<ReadExports>, db: Data<Db>, list: List<ExportFilter>) -> Reply<Page<Export>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
