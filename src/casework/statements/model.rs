//! The model of a statement: the database row, the API view, and the rules for changes and approval.

use super::sections::{Section, Sections, SectionsPatch};
use crate::{
    auth::{OrganizationId, UserId},
    casework::clients::model::ClientId,
    db::schema::statements,
    error::{ApiError, Code, FieldPath, Issue, Result},
    http::{Filter, OneOf, Resource},
    types::{Change, Day, Id, Instant, Json, fault::Fault},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type StatementId = Id<StatementRow>;

text_enum! {
    /// The status of a version: a draft, then approved, then superseded by the next approved version.
    pub enum StatementStatus { Draft = "draft", Approved = "approved", Superseded = "superseded" }
}
text_enum! {
    /// Who approved the statement. Only the client can approve it.
    pub enum Approver { Client = "client" }
}
text_enum! {
    /// How the client gave the approval.
    pub enum ApprovalMethod { InPerson = "in_person", Phone = "phone", Video = "video", InWriting = "in_writing" }
}
text_enum! {
    /// The text of a new version.
    pub enum StatementSource {
        /// A copy of the latest version.
        Latest = "latest",
    }
}

/// A row of `statements`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = statements, treat_none_as_default_value = false)]
pub struct StatementRow {
    pub organization_id: OrganizationId,
    pub id: StatementId,
    pub client_id: ClientId,
    pub number: i32,
    pub status: StatementStatus,
    pub sections: Json<Sections>,
    pub created_by: UserId,
    pub approved_by: Option<Approver>,
    pub approval_method: Option<ApprovalMethod>,
    pub approved_on: Option<Day>,
    pub recorded_by: Option<UserId>,
    pub recorded_at: Option<Instant>,
    pub superseded_at: Option<Instant>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl StatementRow {
    /// A draft that follows `latest`. It copies the text of `latest` if `new` asks for it.
    pub fn new(
        organization_id: OrganizationId,
        client_id: ClientId,
        created_by: UserId,
        latest: Option<&Self>,
        new: &NewStatement,
    ) -> Result<Self> {
        let copied = match (new.from, latest) {
            (None, _) => Sections::default(),
            (Some(StatementSource::Latest), Some(latest)) => latest.sections.0.clone(),
            (Some(StatementSource::Latest), None) => {
                return Err(ApiError::invalid("/from", "nothing_to_copy", "must be left out: there is no version yet"));
            }
        };
        let now = Instant::now();
        Ok(Self {
            organization_id,
            id: Id::new(),
            client_id,
            number: latest.map_or(1, |latest| latest.number + 1),
            status: StatementStatus::Draft,
            sections: Json(new.sections.clone().over(copied)),
            created_by,
            approved_by: None,
            approval_method: None,
            approved_on: None,
            recorded_by: None,
            recorded_at: None,
            superseded_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// An approved version never changes, neither its text nor its approval.
    pub fn check_draft(&self) -> Result<()> {
        match self.status {
            StatementStatus::Draft => Ok(()),
            _ => Err(ApiError::new(Code::StatementSettled, "An approved version cannot change. Create a new version.")),
        }
    }

    /// Records the client's approval.
    pub fn approve(&mut self, by: UserId, approval: &NewStatementApproval, today: Day) -> Result<()> {
        self.check_draft()?;
        if self.sections.0.is_empty() {
            let fault = Fault::new("section_filled", "at least one section must say something");
            return Err(ApiError::new(Code::GuardsUnmet, "There is nothing to approve yet.")
                .issues(vec![Issue { path: FieldPath::Pointer(String::new()), fault }]));
        }
        let on = approval.on.unwrap_or(today);
        on.has_come(today).map_err(|fault| ApiError::invalid("/on", fault.code, fault.detail))?;
        self.status = StatementStatus::Approved;
        self.approved_by = Some(approval.approved_by);
        self.approval_method = Some(approval.method);
        self.approved_on = Some(on);
        self.recorded_by = Some(by);
        self.recorded_at = Some(Instant::now());
        Ok(())
    }

    pub fn supersede(&mut self) {
        self.status = StatementStatus::Superseded;
        self.superseded_at = Some(Instant::now());
    }

    pub fn approval(&self) -> Option<StatementApproval> {
        Some(StatementApproval {
            approved_by: self.approved_by?,
            method: self.approval_method?,
            on: self.approved_on?,
            recorded_by: self.recorded_by?,
            recorded_at: self.recorded_at?,
        })
    }
}

/// The client's approval, and who recorded it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/statement_approval.json"))))]
pub struct StatementApproval {
    pub approved_by: Approver,
    pub method: ApprovalMethod,
    pub on: Day,
    pub recorded_by: UserId,
    pub recorded_at: Instant,
}

/// One version of a client's needs and preferences statement.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/statement.json"))))]
pub struct Statement {
    pub id: StatementId,
    pub client_id: ClientId,
    /// The number of this version, from 1.
    pub number: i32,
    pub status: StatementStatus,
    pub sections: Sections,
    pub created_by: UserId,
    /// Absent while it is a draft.
    pub approval: Option<StatementApproval>,
    /// When a later version replaced it.
    pub superseded_at: Option<Instant>,
    /// The version of this record, for `If-Match`. The version of the statement is its `number`.
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<StatementRow> for Statement {
    fn from(row: StatementRow) -> Self {
        Self {
            approval: row.approval(),
            id: row.id,
            client_id: row.client_id,
            number: row.number,
            status: row.status,
            sections: row.sections.0,
            created_by: row.created_by,
            superseded_at: row.superseded_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Statement {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/statements/{}", self.id)
    }
}

/// A version in a list, with the sections that have text, but without the text.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/statement_summary.json"))))]
pub struct StatementSummary {
    pub id: StatementId,
    pub client_id: ClientId,
    /// The number of this version, from 1.
    pub number: i32,
    pub status: StatementStatus,
    /// The sections that have text, in order.
    pub filled: Vec<Section>,
    pub created_by: UserId,
    /// Absent while it is a draft.
    pub approval: Option<StatementApproval>,
    pub superseded_at: Option<Instant>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<StatementRow> for StatementSummary {
    fn from(row: StatementRow) -> Self {
        Self {
            approval: row.approval(),
            filled: row.sections.0.filled().map(|(section, _)| section).collect(),
            id: row.id,
            client_id: row.client_id,
            number: row.number,
            status: row.status,
            created_by: row.created_by,
            superseded_at: row.superseded_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A new version, as a draft. Sections in the request replace the copied ones.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_statement.json"))))]
pub struct NewStatement {
    pub from: Option<StatementSource>,
    #[serde(default)]
    pub sections: Sections,
}

/// Changes to a draft.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/statement_patch.json"))))]
pub struct StatementPatch {
    pub sections: Change<SectionsPatch>,
}

/// The client's approval, as recorded by staff.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approved_by": "client", "method": "in_person"}))]
pub struct NewStatementApproval {
    pub approved_by: Approver,
    pub method: ApprovalMethod,
    /// By default today, by the organization's calendar.
    pub on: Option<Day>,
}

/// Which versions to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct StatementFilter {
    #[param(value_type = Option<OneOf<StatementStatus>>, inline)]
    pub status: Option<OneOf<StatementStatus>>,
}
impl Filter for StatementFilter {
    const SORTS: &'static [&'static str] = &["-number", "number"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(json: serde_json::Value, latest: Option<&StatementRow>) -> Result<StatementRow> {
        StatementRow::new(Id::new(), Id::new(), Id::new(), latest, &serde_json::from_value(json).unwrap())
    }
    fn said() -> NewStatementApproval {
        NewStatementApproval { approved_by: Approver::Client, method: ApprovalMethod::Phone, on: None }
    }

    #[test]
    fn copy_merges_sent_sections_over_the_latest_version() {
        let first = draft(serde_json::json!({"sections": {"needs": "a", "helps": "b"}}), None).unwrap();
        let second = draft(serde_json::json!({"from": "latest", "sections": {"helps": "c"}}), Some(&first)).unwrap();
        assert_eq!(second.number, 2);
        assert_eq!(serde_json::to_value(&second.sections).unwrap(), serde_json::json!({"needs": "a", "helps": "c"}));
        assert!(draft(serde_json::json!({"from": "latest"}), None).is_err());
    }

    #[test]
    fn only_a_nonempty_draft_is_approved_and_only_once() {
        let today = Day::parse("2026-11-24").unwrap();
        let mut empty = draft(serde_json::json!({}), None).unwrap();
        assert_eq!(empty.approve(Id::new(), &said(), today).unwrap_err().code(), Code::GuardsUnmet);
        let mut row = draft(serde_json::json!({"sections": {"needs": "a"}}), None).unwrap();
        let tomorrow = NewStatementApproval { on: Some(today.plus_days(1)), ..said() };
        assert_eq!(row.approve(Id::new(), &tomorrow, today).unwrap_err().code(), Code::Invalid);
        row.approve(Id::new(), &said(), today).unwrap();
        assert_eq!(row.approval().map(|approval| approval.on), Some(today));
        assert_eq!(row.approve(Id::new(), &said(), today).unwrap_err().code(), Code::StatementSettled);
    }
}
