//! What a timeline entry is, in the database and on the wire.

use crate::{
    auth::{OrganizationId, UserId},
    casework::{cases::model::CaseId, notes::model::NoteKind},
    db::{dialect::Key, schema::timeline_entries},
    http::Filter,
    types::{Id, Instant},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub type TimelineId = Id<TimelineRow>;

/// A row of `timeline_entries`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = timeline_entries, treat_none_as_default_value = false)]
pub struct TimelineRow {
    pub organization_id: OrganizationId,
    pub id: TimelineId,
    pub case_id: CaseId,
    pub at: Instant,
    pub event: String,
    pub subject_id: Key,
    pub actor_id: UserId,
    pub detail: Option<String>,
    pub note_kind: Option<NoteKind>,
}

/// One thing that happened. What it names is fetched where it is kept.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/timeline_entry.json"))))]
pub struct TimelineEntry {
    pub id: TimelineId,
    pub at: Instant,
    /// `kind.verb`: `case.transitioned`, `barrier.created`, `meeting.held` …
    pub event: String,
    /// The record that it happened to.
    pub subject_id: Key,
    pub actor_id: UserId,
    /// A code that says more: the new status, the role of an assignment, the kind of a note.
    pub detail: Option<String>,
}
impl From<TimelineRow> for TimelineEntry {
    fn from(row: TimelineRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            event: row.event,
            subject_id: row.subject_id,
            actor_id: row.actor_id,
            detail: row.detail,
        }
    }
}

/// The timeline has no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TimelineFilter {}
impl Filter for TimelineFilter {
    const SORTS: &'static [&'static str] = &["-at", "at"];
}
