//! Access logs: who saw or changed the records of one client.
//!
//! The audit log is ordered by time, and a list adds one entry with the ids of all records that it showed. So a
//! separate index states which clients each entry concerns. It is updated later ([`index`]): if it were updated with
//! the entry, a list of fifty records would write fifty index rows before it could respond. The index holds nothing
//! that the audit log does not contain.

pub mod api;
pub mod index;
pub mod model;
pub mod store;

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes.service(api::get_client_access_log);
}
