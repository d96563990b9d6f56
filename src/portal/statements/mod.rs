//! A client's own needs and preferences statement. The client may write and approve it. The rules and the rows are
//! those of `casework::statements`.

pub mod api;
pub mod model;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_my_statements)
        .service(api::create_my_statement)
        .service(api::get_my_statement)
        .service(api::update_my_statement)
        .service(api::approve_my_statement);
}
