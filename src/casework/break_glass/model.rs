//! The model of break-glass access: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::schema::break_glass,
    error::{ApiError, Result},
    http::{Filter, Resource},
    types::{Id, Instant, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type BreakGlassId = Id<BreakGlassRow>;

/// How long the access lasts, unless it is ended earlier.
const OPEN_SECONDS: i64 = 4 * 3600;
const MIN_REASON: usize = 10;

/// A row of `break_glass`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = break_glass, treat_none_as_default_value = false)]
pub struct BreakGlassRow {
    pub organization_id: OrganizationId,
    pub id: BreakGlassId,
    pub case_id: CaseId,
    pub user_id: UserId,
    pub reason: Text<2000>,
    pub opened_at: Instant,
    pub expires_at: Instant,
    pub ended_at: Option<Instant>,
    pub reviewed_by: Option<UserId>,
    pub reviewed_at: Option<Instant>,
    pub finding: Option<Text<2000>>,
    pub version: i32,
}

impl BreakGlassRow {
    pub fn new(organization_id: OrganizationId, user_id: UserId, new: &NewBreakGlass) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            case_id: new.case_id,
            user_id,
            reason: new.reason.clone(),
            opened_at: now,
            expires_at: now.plus_seconds(OPEN_SECONDS),
            ended_at: None,
            reviewed_by: None,
            reviewed_at: None,
            finding: None,
            version: 1,
        }
    }

    /// Whether the access is in force at this time.
    pub fn is_open(&self, at: Instant) -> bool {
        self.ended_at.is_none() && self.expires_at > at
    }

    pub fn end(&mut self) -> Result<()> {
        let now = Instant::now();
        if !self.is_open(now) {
            return Err(ApiError::conflict("It is over already."));
        }
        self.ended_at = Some(now);
        Ok(())
    }

    pub fn review(&mut self, by: UserId, review: &BreakGlassReview) -> Result<()> {
        let now = Instant::now();
        if by == self.user_id {
            return Err(ApiError::forbidden("You cannot review break-glass access that you opened yourself."));
        }
        if self.reviewed_at.is_some() {
            return Err(ApiError::conflict("It is reviewed already."));
        }
        if self.is_open(now) {
            return Err(ApiError::conflict("This break-glass access is still open. End it before you review it."));
        }
        (self.reviewed_by, self.reviewed_at) = (Some(by), Some(now));
        self.finding.clone_from(&review.finding);
        Ok(())
    }
}

/// Read access of another team's supervisor to a case, until `expires_at` or `ended_at`.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/break_glass.json"))))]
pub struct BreakGlass {
    pub id: BreakGlassId,
    pub case_id: CaseId,
    /// The user who opened the access.
    pub user_id: UserId,
    pub reason: Text<2000>,
    pub opened_at: Instant,
    pub expires_at: Instant,
    /// When the access was ended early.
    pub ended_at: Option<Instant>,
    /// Absent until a supervisor of the case has reviewed the access.
    pub reviewed_by: Option<UserId>,
    pub reviewed_at: Option<Instant>,
    pub finding: Option<Text<2000>>,
    pub version: i32,
}
impl From<BreakGlassRow> for BreakGlass {
    fn from(row: BreakGlassRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            user_id: row.user_id,
            reason: row.reason,
            opened_at: row.opened_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            reviewed_by: row.reviewed_by,
            reviewed_at: row.reviewed_at,
            finding: row.finding,
            version: row.version,
        }
    }
}
impl Resource for BreakGlass {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/break-glass/{}", self.id)
    }
}

/// A new break-glass access.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_break_glass.json"))))]
pub struct NewBreakGlass {
    /// A case of the organization that belongs to none of the caller's teams.
    pub case_id: CaseId,
    /// Why the access cannot wait, in at least 10 characters. The reviewer reads it.
    pub reason: Text<2000>,
}

impl NewBreakGlass {
    pub fn check(&self) -> Result<()> {
        if self.reason.as_str().trim().chars().count() < MIN_REASON {
            return Err(ApiError::invalid("/reason", "too_short", format!("must be at least {MIN_REASON} characters")));
        }
        Ok(())
    }
}

/// The finding of the reviewer.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"finding": "Kim needed the clinic's number, and read nothing else."}))]
pub struct BreakGlassReview {
    pub finding: Option<Text<2000>>,
}

/// Which break-glass accesses to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BreakGlassFilter {
    /// With `false`: only those that are not reviewed yet, whether they have ended or not.
    pub reviewed: Option<bool>,
}
impl Filter for BreakGlassFilter {
    const SORTS: &'static [&'static str] = &["-opened_at", "opened_at"];
}
