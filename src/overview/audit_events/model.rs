//! An audit event in the API.

use crate::{
    audit::{
        Outcome,
        chain::{EventRow, Finding, hex},
    },
    auth::{RequestId, Role, SessionId, UserId},
    db::dialect::Key,
    http::Filter,
    types::{Instant, Line},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One entry of the audit log: who did what to which record. It holds ids and names of members, never content.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/audit_event.json"))))]
pub struct AuditEvent {
    /// Numbers the organization's entries, without gaps.
    pub sequence: i64,
    pub at: Instant,
    pub actor_id: Option<UserId>,
    pub actor_role: Option<Role>,
    pub session_id: Option<SessionId>,
    /// The address that the request came from; `cli` for the command line; `server` for what the server does without a request.
    pub source: String,
    /// `kind.verb`; the subject is a record of that kind.
    pub action: String,
    pub subject_id: Option<Key>,
    pub outcome: Outcome,
    /// The names of the members that changed.
    pub fields: Vec<String>,
    /// The ids of the records on a page that was read.
    pub subject_ids: Vec<String>,
    pub request_id: RequestId,
    /// SHA-256 over the hash of the previous entry and this entry, in hexadecimal.
    pub hash: String,
}
impl From<EventRow> for AuditEvent {
    fn from(row: EventRow) -> Self {
        Self {
            sequence: row.sequence,
            at: row.at,
            actor_id: row.actor_id,
            actor_role: row.actor_role,
            session_id: row.session_id,
            source: row.source,
            action: row.action,
            subject_id: row.subject_id,
            outcome: row.outcome,
            fields: row.fields.0,
            subject_ids: row.subjects.0,
            request_id: row.request_id,
            hash: hex(&row.hash),
        }
    }
}

/// Which entries to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    pub actor_id: Option<UserId>,
    pub subject_id: Option<Key>,
    /// Entries of one session.
    pub session_id: Option<SessionId>,
    /// An address, or `cli` for the command line on the server.
    pub source: Option<Line<60>>,
    /// For example `case.read`.
    pub action: Option<Line<60>>,
    pub at_gte: Option<Instant>,
    pub at_lt: Option<Instant>,
}
impl Filter for AuditFilter {
    const SORTS: &'static [&'static str] = &["-sequence", "sequence"];
}

/// The result of verifying the hash chain.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/verification.json"))))]
pub struct Verification {
    pub verified: bool,
    /// How many entries are intact, counted from the first.
    pub entries: i64,
    pub first_broken: Option<Broken>,
    /// The hash of the last intact entry. Keep it elsewhere, as proof of the state of the chain.
    pub checkpoint: String,
}

/// Where a hash chain is broken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Broken {
    pub sequence: i64,
    /// `altered`, `missing`, `inserted`, `head_differs`.
    pub reason: &'static str,
}

impl From<Finding> for Verification {
    fn from(finding: Finding) -> Self {
        Self {
            verified: finding.broken.is_none(),
            entries: finding.entries,
            first_broken: finding.broken.map(|(sequence, reason)| Broken { sequence, reason }),
            checkpoint: finding.head_hash,
        }
    }
}
