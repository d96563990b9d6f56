//! Handlers for the audit log.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadAudit},
    db::Db,
    http::{List, Page, Reply, ok_json, ok_page},
};
use actix_web::{get, post, web::Data};

/// List audit events
///
/// Who did what to which record, the newest first. Entries hold ids and names of members, never content. Reading the
/// audit log adds an entry to it.
#[utoipa::path(
    tag = "Audit",
    params(List<AuditFilter>),
    responses((status = 200, body = Page<AuditEvent>)),
    security(("bearer" = ["audit:read"])),
)]
#[get("/audit-events")]
pub async fn list_audit_events(
    who: Allowed<ReadAudit>,
    db: Data<Db>,
    list: List<AuditFilter>,
) -> Reply<Page<AuditEvent>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Verify the audit log
///
/// Recomputes the organization's hash chain from its first entry to its last. Finds an entry that was altered, removed,
/// inserted or moved.
#[utoipa::path(
    tag = "Audit",
    responses((status = 200, body = Verification)),
    security(("bearer" = ["audit:read"])),
)]
#[post("/audit-events/verification")]
pub async fn verify_audit_events(who: Allowed<ReadAudit>, db: Data<Db>) -> Reply<Verification> {
    ok_json(db.read(&who, store::verify).await?)
}
