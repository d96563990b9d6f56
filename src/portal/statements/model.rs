//! The view of the client's own statement.

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

/// The client's approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyApproval {
    /// How the client gave the approval; `in_writing` if they approved it in the portal.
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
    /// The number of this version, from 1.
    pub number: i32,
    pub status: StatementStatus,
    pub sections: Sections,
    /// Absent while it is a draft.
    pub approval: Option<MyApproval>,
    /// When a later version replaced it.
    pub superseded_at: Option<Instant>,
    /// The version of this record, for `If-Match`. The version of the statement is its `number`.
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

/// A version in a list, with the sections that have text, but without the text.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/my_statement_summary.json"))))]
pub struct MyStatementSummary {
    pub id: StatementId,
    /// The number of this version, from 1.
    pub number: i32,
    pub status: StatementStatus,
    /// The sections that have text, in order.
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

/// An approval that the client gives in the portal.
pub const GIVEN_HERE: NewStatementApproval =
    NewStatementApproval { approved_by: Approver::Client, method: ApprovalMethod::InWriting, on: None };
