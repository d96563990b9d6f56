//! The handler of search.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadSearch},
    db::Db,
    http::{List, Page, Reply, paged},
};
use actix_web::{get, web::Data};

/// Search the records that one may see
///
/// Finds clients, cases, barriers, meetings and notes that have, for each word of `q`, a word that begins with it; accents and
/// upper or lower case make no difference. Best first. Where very many records match, the newest fifty
/// of each kind are ranked: one word more finds the older ones. In `snippet` the found words stand between `<mark>` and `</mark>`, and everything else is
/// escaped for HTML.
#[utoipa::path(tag = "Search", params(List<SearchFilter>), responses((status = 200, body = Page<SearchResult>)), security(("bearer" = ["search:read"])))]
#[get("/search")]
pub async fn search_records(who: Allowed<ReadSearch>, db: Data<Db>, list: List<SearchFilter>) -> Reply<Page<SearchResult>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}
