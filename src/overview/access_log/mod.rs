//! Access logs: who saw or changed what there is of one client.
//!
//! The audit log is in the order of time, and a list leaves one entry there with all the ids that it showed. So an
//! index beside it says of each entry which clients it touches, and is kept afterwards ([`index`]): to write it with
//! the entry would cost a list of fifty records fifty rows of the index, before its answer. It holds nothing that the
//! audit log does not say.

pub mod api;
pub mod index;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_client_access_log);
}
