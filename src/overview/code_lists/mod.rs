//! Code lists: the codes that records use, with labels. They are compiled in, so there is no store.

pub mod api;
pub mod model;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::list_code_lists).service(api::get_code_list);
}
