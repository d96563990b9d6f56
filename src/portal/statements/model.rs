//! What a client is shown of their statement.

use crate::{
    casework::statements::{
        model::{
            ApprovalMethod, Approver, NewStatementApproval, Statement, StatementApproval, StatementId, StatementStatus,
            StatementSummary,
        },
        sections::{Section, Sections},
    },
    http::Resource,
    types::{Day, Instant},
};
use serde::Serialize;
use utoipa::ToSchema;

/// That the client approved it, and when.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyApproval {
    /// How the client told us; `in_writing` where they approved it here.
    pub method: ApprovalMethod,
    pub on: Day,
}
impl From<StatementApproval> for MyApproval {
    fn from(approval: StatementApproval) -> Self {
        Self { method: approval.method, on: approval.on }
    }
}

/// One version of the client's own statement.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_statement.json"))))]
pub struct MyStatement {
    pub id: StatementId,
    /// Counts the versions, from 1.
    pub number: i32,
    pub status: StatementStatus,
    pub sections: Sections,
    /// Absent while it is a draft.
    pub approval: Option<MyApproval>,
    /// When a later version took its place.
    pub superseded_at: Option<Instant>,
    /// Of this record, for `If-Match`; the version of the statement is its `number`.
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<Statement> for MyStatement {
    fn from(statement: Statement) -> Self {
        Self {
            id: statement.id,
            number: statement.number,
            status: statement.status,
            sections: statement.sections,
            approval: statement.approval.map(MyApproval::from),
            superseded_at: statement.superseded_at,
            version: statement.version,
            created_at: statement.created_at,
            updated_at: statement.updated_at,
        }
    }
}
impl Resource for MyStatement {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/me/statements/{}", self.id)
    }
}

/// A version in a list: which sections say something, not what they say.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_statement_summary.json"))))]
pub struct MyStatementSummary {
    pub id: StatementId,
    /// Counts the versions, from 1.
    pub number: i32,
    pub status: StatementStatus,
    /// The sections that say something, in their order.
    pub filled: Vec<Section>,
    /// Absent while it is a draft.
    pub approval: Option<MyApproval>,
    pub superseded_at: Option<Instant>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<StatementSummary> for MyStatementSummary {
    fn from(summary: StatementSummary) -> Self {
        Self {
            id: summary.id,
            number: summary.number,
            status: summary.status,
            filled: summary.filled,
            approval: summary.approval.map(MyApproval::from),
            superseded_at: summary.superseded_at,
            version: summary.version,
            created_at: summary.created_at,
            updated_at: summary.updated_at,
        }
    }
}

/// The client's own word, given here.
pub const GIVEN_HERE: NewStatementApproval =
    NewStatementApproval { approved_by: Approver::Client, method: ApprovalMethod::InWriting, on: None };
