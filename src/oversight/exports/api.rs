//! Handlers for exports.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadExports},
    db::Db,
    http::{List, Page, Reply, paged},
};
use actix_web::{get, web::Data};

/// List what was taken out
///
/// Reports as files, lists of the records behind them, and files of cases, each with who took it, how much it was, and the reason that they gave. The newest first.
#[utoipa::path(tag = "Audit", params(List<ExportFilter>), responses((status = 200, body = Page<Export>)), security(("bearer" = ["exports:read"])))]
#[get("/exports")]
pub async fn list_exports(who: Allowed<ReadExports>, db: Data<Db>, list: List<ExportFilter>) -> Reply<Page<Export>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
