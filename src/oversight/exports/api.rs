//! Handlers for exports.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadExports},
    db::Db,
    http::{List, Page, Reply, paged},
};
use actix_web::{get, web::Data};

/// List exports
///
/// Reports as files, the lists of records behind them, and prints of case files and statements. Each says who made it, for whom and why, on what basis, how much it was, and whose records were in it. The newest first.
#[utoipa::path(tag = "Audit", params(List<ExportFilter>), responses((status = 200, body = Page<Export>)), security(("bearer" = ["exports:read"])))]
#[get("/exports")]
pub async fn list_exports(who: Allowed<ReadExports>, db: Data<Db>, list: List<ExportFilter>) -> Reply<Page<Export>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
