//! The model of a conflict check: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::schema::conflict_checks,
    directory::providers::model::ProviderId,
    http::{Filter, Resource},
    types::{Id, Instant, Json, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type ConflictCheckId = Id<ConflictCheckRow>;

text_enum! {
    /// The category of an interest. Only the owner of the interest sees more.
    pub enum Tie { Work = "work", Financial = "financial", Personal = "personal" }
}
text_enum! {
    /// Why a check was run.
    pub enum Occasion {
        AskedFor = "asked_for",
        /// A provider was added to the case, by a barrier or a meeting.
        ProviderAdded = "provider_added",
        /// Somebody was assigned to the case.
        Assignment = "assignment",
    }
}
text_enum! {
    /// The result of a check.
    pub enum ConflictResult { Clear = "clear", Conflicts = "conflicts" }
}
text_enum! {
    /// The decision about a case with conflicts.
    pub enum ConflictDecision {
        /// The client knows of the conflict, and agrees.
        ProceedWithConsent = "proceed_with_consent",
        /// Another advocate takes the case.
        Reassign = "reassign",
    }
}

/// An interest in one of the case's providers, of a person who works on the case. Only that person sees the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    pub user_id: UserId,
    pub provider_id: ProviderId,
    pub kind: Tie,
}

/// A row of `conflict_checks`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = conflict_checks, treat_none_as_default_value = false)]
pub struct ConflictCheckRow {
    pub organization_id: OrganizationId,
    pub id: ConflictCheckId,
    pub case_id: CaseId,
    pub occasion: Occasion,
    pub conflicts: Json<Vec<Conflict>>,
    pub run_by: UserId,
    pub run_at: Instant,
    pub decision: Option<ConflictDecision>,
    pub decision_reason: Option<Text<2000>>,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<Instant>,
    pub version: i32,
}

impl ConflictCheckRow {
    pub fn result(&self) -> ConflictResult {
        if self.conflicts.0.is_empty() { ConflictResult::Clear } else { ConflictResult::Conflicts }
    }
    /// Whether this check already found all of these conflicts.
    pub fn knows(&self, found: &[Conflict]) -> bool {
        found.iter().all(|conflict| self.conflicts.0.contains(conflict))
    }
    /// Whether the client agrees to continue the case with these conflicts.
    pub fn consents_to(&self, found: &[Conflict]) -> bool {
        self.decision == Some(ConflictDecision::ProceedWithConsent) && self.knows(found)
    }
    pub fn concerns(&self, user: UserId) -> bool {
        self.conflicts.0.iter().any(|conflict| conflict.user_id == user)
    }
    pub fn decide(&mut self, by: UserId, new: &NewConflictDecision) {
        self.decision = Some(new.decision);
        self.decision_reason = Some(new.reason.clone());
        self.decided_by = Some(by);
        self.decided_at = Some(Instant::now());
    }
}

/// The result of a check whether a person who works on a case has an interest in one of its providers.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/conflict_check.json"))))]
pub struct ConflictCheck {
    pub id: ConflictCheckId,
    pub case_id: CaseId,
    pub occasion: Occasion,
    pub result: ConflictResult,
    pub conflicts: Vec<Conflict>,
    pub run_by: UserId,
    pub run_at: Instant,
    /// Absent until a decision is made.
    pub decision: Option<ConflictDecision>,
    pub decision_reason: Option<Text<2000>>,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<Instant>,
    pub version: i32,
}
impl From<ConflictCheckRow> for ConflictCheck {
    fn from(row: ConflictCheckRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            occasion: row.occasion,
            result: row.result(),
            conflicts: row.conflicts.0,
            run_by: row.run_by,
            run_at: row.run_at,
            decision: row.decision,
            decision_reason: row.decision_reason,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            version: row.version,
        }
    }
}
impl Resource for ConflictCheck {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/conflict-checks/{}", self.id)
    }
}

/// A new conflict check.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"lead_advocate_id": "019ab3c4-0000-7000-8000-000000000002"}))]
pub struct NewConflictCheck {
    /// The user who is to replace the current lead: an active advocate or supervisor of the organization.
    pub lead_advocate_id: Option<UserId>,
}

/// A decision about the conflicts that a check found.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_conflict_decision.json"))))]
pub struct NewConflictDecision {
    pub decision: ConflictDecision,
    pub reason: Text<2000>,
}

/// The checks have no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ConflictCheckFilter {}
impl Filter for ConflictCheckFilter {
    const SORTS: &'static [&'static str] = &["-run_at", "run_at"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_covers_only_the_conflicts_found() {
        let conflict = |kind| Conflict { user_id: Id::new(), provider_id: Id::new(), kind };
        let (known, new) = (conflict(Tie::Work), conflict(Tie::Personal));
        let mut row = ConflictCheckRow {
            organization_id: Id::new(),
            id: Id::new(),
            case_id: Id::new(),
            occasion: Occasion::AskedFor,
            conflicts: Json(vec![known]),
            run_by: Id::new(),
            run_at: Instant::now(),
            decision: None,
            decision_reason: None,
            decided_by: None,
            decided_at: None,
            version: 1,
        };
        assert!(row.knows(&[known]) && !row.consents_to(&[known]));
        let decision =
            |code: &str| serde_json::from_value(serde_json::json!({"decision": code, "reason": "r"})).unwrap();
        row.decide(Id::new(), &decision("reassign"));
        assert!(!row.consents_to(&[known]));
        row.decide(Id::new(), &decision("proceed_with_consent"));
        assert!(row.consents_to(&[known]) && !row.consents_to(&[known, new]));
        assert!(row.concerns(known.user_id) && !row.concerns(new.user_id));
    }
}
