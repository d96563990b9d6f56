//! The model of a timeline entry: the database row and the API view.

use crate::{
    auth::UserId,
    db::dialect::Key,
    http::Filter,
    records::timeline::{TimelineId, TimelineRow},
    types::Instant,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One event. Fetch the record that it names from its own endpoint.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/timeline_entry.json"))))]
pub struct TimelineEntry {
    pub id: TimelineId,
    pub at: Instant,
    /// `kind.verb`: `case.transitioned`, `barrier.created`, `meeting.held` …
    pub event: String,
    /// The record that the event is about.
    pub subject_id: Key,
    pub actor_id: UserId,
    /// A code with a detail: the new status, the role of an assignment, or the kind of a note.
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
