//! The model of an assignment: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::schema::assignments,
    error::{ApiError, Result},
    http::{Filter, Resource},
    types::{Day, Id, Instant, Zone},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type AssignmentId = Id<AssignmentRow>;

/// An end date may be at most this many days in the future.
const MAX_DAYS: i32 = 366;

text_enum! {
    /// The part that a user has in a case.
    pub enum AssignmentRole { Lead = "lead", Co = "co", Mentor = "mentor", Cover = "cover" }
}

/// A row of `assignments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = assignments, treat_none_as_default_value = false)]
pub struct AssignmentRow {
    pub organization_id: OrganizationId,
    pub id: AssignmentId,
    pub case_id: CaseId,
    pub user_id: UserId,
    pub role: AssignmentRole,
    pub assigned_by: UserId,
    pub started_at: Instant,
    pub ended_at: Option<Instant>,
    pub version: i32,
}

/// Who works on a case, and when.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/assignment.json"))))]
pub struct Assignment {
    pub id: AssignmentId,
    pub case_id: CaseId,
    pub user_id: UserId,
    pub role: AssignmentRole,
    pub assigned_by: UserId,
    pub started_at: Instant,
    /// When the assignment ended or will end; absent if no end is set.
    pub ended_at: Option<Instant>,
    pub version: i32,
}
impl AssignmentRow {
    /// Whether the assignment is in force at this time.
    pub fn lasts(&self, at: Instant) -> bool {
        self.ended_at.is_none_or(|end| end > at)
    }
}
impl From<AssignmentRow> for Assignment {
    fn from(row: AssignmentRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            user_id: row.user_id,
            role: row.role,
            assigned_by: row.assigned_by,
            started_at: row.started_at,
            ended_at: row.ended_at,
            version: row.version,
        }
    }
}
impl Resource for Assignment {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/cases/{}/assignments", self.case_id)
    }
}

/// A new assignment.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "019ab3c4-0000-7000-8000-000000000002", "role": "co"}))]
pub struct NewAssignment {
    /// An active advocate or supervisor of the organization.
    pub user_id: UserId,
    /// A new lead replaces the present one.
    pub role: AssignmentRole,
    /// The last day of the assignment, by the organization's calendar, at most 366 days from now. Access ends
    /// automatically after it. Not allowed for a lead.
    pub ends_on: Option<Day>,
}

impl NewAssignment {
    /// The time at which the assignment ends automatically, if an end is set.
    pub fn end(&self, zone: &Zone) -> Result<Option<Instant>> {
        let Some(last) = self.ends_on else { return Ok(None) };
        let today = Day::today(zone);
        if self.role == AssignmentRole::Lead {
            return Err(ApiError::invalid(
                "/ends_on",
                "lead_has_no_end",
                "a case must have a lead: assign another lead first",
            ));
        }
        if last < today || last > today.plus_days(MAX_DAYS) {
            return Err(ApiError::invalid("/ends_on", "out_of_range", "must lie between today and 366 days from now"));
        }
        Ok(Some(last.plus_days(1).begins(zone)))
    }
}

/// Which assignments to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AssignmentFilter {
    /// Only assignments that are in force.
    pub current: Option<bool>,
}
impl Filter for AssignmentFilter {
    const SORTS: &'static [&'static str] = &["-started_at", "started_at"];
}
