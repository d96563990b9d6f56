//! A team in the database and in the API.

use crate::{
    auth::{OrganizationId, Role, UserId},
    db::schema::{team_members, teams},
    http::{Filter, Resource},
    types::{Change, Id, Instant, Line},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub use crate::auth::TeamId;

/// A row of `teams`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = teams, treat_none_as_default_value = false)]
pub struct TeamRow {
    pub organization_id: OrganizationId,
    pub id: TeamId,
    pub name: Line<120>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl TeamRow {
    pub fn new(organization_id: OrganizationId, name: Line<120>) -> Self {
        let now = Instant::now();
        Self { organization_id, id: Id::new(), name, version: 1, created_at: now, updated_at: now }
    }
}

/// A row of `team_members`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = team_members, treat_none_as_default_value = false)]
pub struct MemberRow {
    pub organization_id: OrganizationId,
    pub team_id: TeamId,
    pub user_id: UserId,
    pub added_at: Instant,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/team.json"))))]
pub struct Team {
    pub id: TeamId,
    pub name: Line<120>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<TeamRow> for Team {
    fn from(row: TeamRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Team {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/teams/{}", self.id)
    }
}

/// A member of a team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/team_member.json"))))]
pub struct TeamMember {
    pub user_id: UserId,
    pub display_name: Line<120>,
    pub role: Role,
    pub added_at: Instant,
}

/// A new team.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "South side"}))]
pub struct NewTeam {
    pub name: Line<120>,
}

/// Changes to a team.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"name": "South side and riverbank"}))]
pub struct TeamPatch {
    pub name: Change<Line<120>>,
}

/// Which teams to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct TeamFilter {
    /// Teams that this user is in.
    pub member: Option<UserId>,
}
impl Filter for TeamFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

/// Members have no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MemberFilter {}
impl Filter for MemberFilter {
    const SORTS: &'static [&'static str] = &["added_at", "-added_at"];
}
