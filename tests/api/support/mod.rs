//! A server and a database for every test, and callers that check every reply against the OpenAPI document.

pub mod conforms;
pub mod database;
pub mod harness;
pub mod history_fixtures;
pub mod members;
pub mod records;

/// The name that `kinds.rs` still uses.
pub use harness::{PASSWORD, Reply, TestServer, User, active_case, body, db_options, operator, pages};

/// Each function becomes one test on SQLite and one on PostgreSQL.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite { $(#[actix_web::test] async fn $name() {
            super::$name(&$crate::support::TestServer::start($crate::support::database::Engine::Sqlite).await).await
        })* }
        mod postgres { $(#[actix_web::test] async fn $name() {
            super::$name(&$crate::support::TestServer::start($crate::support::database::Engine::Postgres).await).await
        })* }
    };
}
