//! Search: clients, cases, barriers, meetings and notes by the words in them, as far as the caller may see them.

pub mod api;
pub mod indexer;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::search_records);
}
