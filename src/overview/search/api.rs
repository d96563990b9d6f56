//! The handler of search.

use crate::{
    auth::{Allowed, policy::ReadSearch},
    db::Db,
    http::{List, Page, Reply, ok_page},
    records::search::{model::*, store},
};
use actix_web::{get, web::Data};

/// Search records
///
/// Finds clients, cases, barriers, meetings and notes that the caller may see and that have, for each word of `q`, a
/// word that begins with it. Accents and case do not matter. The best match first. If very many records match, only the
/// newest fifty of each kind are ranked: add a word to find older ones. `snippet` marks the found words with `<mark>`
/// and is otherwise escaped for HTML.
#[utoipa::path(
    tag = "Search",
    params(List<SearchFilter>),
    responses((status = 200, body = Page<SearchResult>)),
    security(("bearer" = ["search:read"])),
)]
#[get("/search")]
pub async fn search_records(
    who: Allowed<ReadSearch>,
    db: Data<Db>,
    list: List<SearchFilter>,
) -> Reply<Page<SearchResult>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
