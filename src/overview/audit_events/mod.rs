//! Audit events: the audit log as an auditor reads and verifies it.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_audit_events).service(api::verify_audit_events);
}
