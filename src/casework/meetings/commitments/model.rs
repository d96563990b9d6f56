//! The model of a commitment: the database row and the API view.

use crate::{
    auth::OrganizationId,
    casework::meetings::model::MeetingId,
    db::schema::commitments,
    http::{Filter, OneOf, Resource},
    types::{Change, Day, Id, Instant, Patch, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type CommitmentId = Id<CommitmentRow>;

text_enum! {
    /// The party that made the promise.
    pub enum CommitmentParty { Provider = "provider", Client = "client", Advocate = "advocate" }
}
text_enum! {
    /// The status of a promise.
    pub enum CommitmentStatus {
        Open = "open",
        Kept = "kept",
        /// Kept, but after the due date.
        Late = "late",
        Broken = "broken",
        /// The promise is no longer needed.
        Waived = "waived",
    }
}

/// A row of `commitments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = commitments, treat_none_as_default_value = false)]
pub struct CommitmentRow {
    pub organization_id: OrganizationId,
    pub id: CommitmentId,
    pub meeting_id: MeetingId,
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Option<Day>,
    pub status: CommitmentStatus,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl CommitmentRow {
    pub fn new(organization_id: OrganizationId, meeting_id: MeetingId, new: &NewCommitment) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            meeting_id,
            party: new.party,
            text: new.text.clone(),
            due_on: new.due_on,
            status: CommitmentStatus::Open,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn apply(&mut self, patch: &CommitmentPatch) {
        let patch = patch.clone();
        patch.text.apply(&mut self.text);
        patch.due_on.apply(&mut self.due_on);
        patch.status.apply(&mut self.status);
    }
}

/// A promise that a party made in a meeting, with its due date.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/commitment.json"))))]
pub struct Commitment {
    pub id: CommitmentId,
    pub meeting_id: MeetingId,
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Option<Day>,
    pub status: CommitmentStatus,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<CommitmentRow> for Commitment {
    fn from(row: CommitmentRow) -> Self {
        Self {
            id: row.id,
            meeting_id: row.meeting_id,
            party: row.party,
            text: row.text,
            due_on: row.due_on,
            status: row.status,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Commitment {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/commitments/{}", self.id)
    }
}

/// A new commitment. It starts as `open`.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"party": "provider", "text": "Send the discharge plan in writing.", "due_on": "2026-11-27"}))]
pub struct NewCommitment {
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Option<Day>,
}

/// Changes to a commitment.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"status": "kept"}))]
pub struct CommitmentPatch {
    pub text: Change<Text<2000>>,
    pub due_on: Patch<Day>,
    pub status: Change<CommitmentStatus>,
}

/// Which commitments to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CommitmentFilter {
    #[param(value_type = Option<OneOf<CommitmentStatus>>, inline)]
    pub status: Option<OneOf<CommitmentStatus>>,
}
impl Filter for CommitmentFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
