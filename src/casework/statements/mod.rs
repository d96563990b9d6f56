//! Needs and preferences statements: a client's needs in their own words, in versions that the client approves.

pub mod api;
pub mod diff;
pub mod model;
pub mod print;
pub mod sections;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_statements)
        .service(api::create_statement)
        .service(api::get_statement)
        .service(api::update_statement)
        .service(api::approve_statement)
        .service(api::compare_statements)
        .service(api::print_statement);
}
