//! An entry of an access log, in the database and in the API.

use crate::{
    audit::THROUGH_GLASS,
    auth::{Actor, OrganizationId, RequestId, Role, UserId},
    casework::{cases::model::CaseId, clients::model::ClientId},
    db::{
        dialect::Key,
        schema::{access_log, audit_events},
    },
    http::Filter,
    types::{Instant, Json},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

text_enum! {
    /// The kinds of records that belong to a client.
    pub enum RecordKind {
        Client = "client",
        Statement = "statement",
        Case = "case",
        Assignment = "assignment",
        Handover = "handover",
        BreakGlass = "break_glass",
        ConflictCheck = "conflict_check",
        Barrier = "barrier",
        Action = "action",
        Deadline = "deadline",
        Note = "note",
        Task = "task",
        Meeting = "meeting",
        PreparationItem = "preparation_item",
        Commitment = "commitment",
        Feedback = "feedback",
    }
}

impl RecordKind {
    /// What a client sees. For notes they see only that a confidential record was read or changed. They see neither who
    /// works on the case nor a colleague's relation to a provider.
    pub const FOR_CLIENTS: [Self; 11] = [
        Self::Client,
        Self::Statement,
        Self::Case,
        Self::Barrier,
        Self::Action,
        Self::Deadline,
        Self::Meeting,
        Self::PreparationItem,
        Self::Commitment,
        Self::Feedback,
        Self::Note,
    ];
}

/// A row of `access_log`: an entry of the audit log concerns a record of this client.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = access_log, treat_none_as_default_value = false)]
pub struct TouchRow {
    pub organization_id: OrganizationId,
    pub block: i64,
    pub client_id: ClientId,
    pub sequence: i64,
    pub subject_id: Key,
    pub kind: RecordKind,
    pub case_id: Option<CaseId>,
}

/// The columns of an audit entry that an access log shows.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct EntryRow {
    pub sequence: i64,
    pub at: Instant,
    pub actor_id: Option<UserId>,
    pub actor_role: Option<Role>,
    pub source: String,
    pub action: String,
    pub fields: Json<Vec<String>>,
    pub request_id: RequestId,
}

/// Who saw or changed the record.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessActor {
    /// Absent for the operator at the command line, and for the system.
    pub id: Option<UserId>,
    /// Their current name.
    pub display_name: String,
    /// The role in which they acted.
    pub role: Option<Role>,
}

/// The record that was seen or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessSubject {
    pub kind: RecordKind,
    pub id: Key,
}

/// The actions that change a note. Every other action on a note reads it.
const NOTE_CHANGES: &[&str] = &["note.created", "note.updated", "note.amended", "note.corrected"];

/// Somebody saw or changed a record of a client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/access_log_entry.json"))))]
pub struct AccessLogEntry {
    pub at: Instant,
    pub actor: AccessActor,
    /// `kind.verb`: `case.read`, `note.updated`, `search.performed` … For a confidential record, `confidential.read` or
    /// `confidential.changed`.
    pub action: String,
    /// Absent for a confidential record.
    pub subject: Option<AccessSubject>,
    /// Present if a client is shown only that a confidential record was read or changed, when, and in which role. One
    /// entry stands for all such records that one request showed.
    pub kept_in_confidence: Option<bool>,
    /// Entries from the same request have the same value.
    pub request_id: RequestId,
    /// Present if only break-glass access allowed it.
    pub break_glass: Option<bool>,
}
impl AccessLogEntry {
    pub fn of(mut row: EntryRow, subject: AccessSubject, mut name: Option<String>, reader: Actor) -> Self {
        // A client must not learn who else is a client: an account may once have been linked to the wrong person.
        let another = row.actor_role == Some(Role::Client) && row.actor_id != Some(reader.user);
        if reader.role == Role::Client && another {
            (row.actor_id, name) = (None, Some("Somebody else".to_owned()));
        }
        let in_confidence = reader.role == Role::Client && subject.kind == RecordKind::Note;
        if in_confidence {
            row.action =
                if NOTE_CHANGES.contains(&row.action.as_str()) { "confidential.changed" } else { "confidential.read" }
                    .to_owned();
            name = row.actor_id.take().map(|_| "Somebody of the organization".to_owned());
        }
        let nobody = if row.source == "cli" { "The operator" } else { "The system" };
        let display_name = name.unwrap_or_else(|| nobody.to_owned());
        Self {
            at: row.at,
            actor: AccessActor { id: row.actor_id, display_name, role: row.actor_role },
            action: row.action,
            subject: (!in_confidence).then_some(subject),
            kept_in_confidence: in_confidence.then_some(true),
            request_id: row.request_id,
            break_glass: row.fields.0.iter().any(|field| field == THROUGH_GLASS).then_some(true),
        }
    }
}

/// An access log has no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccessLogFilter {}
impl Filter for AccessLogFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}
