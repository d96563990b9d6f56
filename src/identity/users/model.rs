//! A user in the database and in the API.

use crate::{
    auth::{IntegrationPurpose, OrganizationId, Role, Scopes, UserId, password::Password, policy},
    db::schema::users,
    http::{Filter, OneOf, Resource},
    identity::teams::model::TeamId,
    types::{Change, Email, Id, Instant, Line, Patch},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

text_enum! {
    /// Whether the user may sign in. A change takes effect at the next request.
    pub enum UserStatus { Active = "active", Suspended = "suspended", Removed = "removed" }
}

/// A row of `users`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct UserRow {
    pub organization_id: OrganizationId,
    pub id: UserId,
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    pub status: UserStatus,
    pub password_hash: Option<String>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// What an integration may do; empty for every other role.
    pub scopes: Scopes,
    /// What an integration reads cases for; absent for every other role.
    pub purpose: Option<IntegrationPurpose>,
}

impl UserRow {
    pub fn new(
        organization_id: OrganizationId,
        email: Email,
        display_name: Line<120>,
        role: Role,
        password_hash: Option<String>,
    ) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            email,
            display_name,
            role,
            status: UserStatus::Active,
            password_hash,
            version: 1,
            created_at: now,
            updated_at: now,
            scopes: Scopes::NONE,
            purpose: None,
        }
    }
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }
    /// Whether they can be given work on a case.
    pub fn can_work(&self) -> bool {
        self.is_active() && matches!(self.role, Role::Advocate | Role::Supervisor)
    }
}

/// A person who signs in.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/user.json"))))]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    pub status: UserStatus,
    /// What an integration may do; absent for every other role.
    pub scopes: Option<Scopes>,
    /// What an integration reads cases for. If it is absent, none is recorded, and the integration sees no case.
    pub purpose: Option<IntegrationPurpose>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            status: row.status,
            scopes: (row.role == Role::Integration).then_some(row.scopes),
            purpose: row.purpose.filter(|_| row.role == Role::Integration),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for User {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/users/{}", self.id)
    }
}

/// The short view of a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserRef {
    pub id: UserId,
    pub display_name: Line<120>,
    /// Whether they may still sign in. If a lead advocate may not, the case needs another one.
    pub status: UserStatus,
}

/// The signed-in user, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/me.json"))))]
pub struct Me {
    pub id: UserId,
    pub organization_id: OrganizationId,
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    /// The teams that the user is in, and those that they are a deputy for now.
    pub team_ids: Vec<TeamId>,
    /// The permissions of the role, or the scopes of an integration.
    pub permissions: Vec<&'static str>,
    pub version: i32,
}

impl Me {
    pub fn new(row: UserRow, team_ids: Vec<TeamId>) -> Self {
        Self {
            id: row.id,
            organization_id: row.organization_id,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            team_ids,
            permissions: policy::permissions(row.role, row.scopes),
            version: row.version,
        }
    }
}
impl Resource for Me {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        "/api/v1/me".into()
    }
}

/// Changes to the caller's own user.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"display_name": "Ana L."}))]
pub struct MePatch {
    pub display_name: Change<Line<120>>,
}

/// A new password, and the current one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current_password": "three wet umbrellas", "new_password": "four dry umbrellas"}))]
pub struct PasswordChange {
    pub current_password: Password,
    /// At least 15 characters, hard to guess, and not made of the user's own name or of words common in this field.
    pub new_password: Password,
}

/// An administrator's changes to a user.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"status": "suspended"}))]
pub struct UserPatch {
    pub display_name: Change<Line<120>>,
    pub role: Change<Role>,
    pub status: Change<UserStatus>,
    /// What an integration may do from now on. It replaces all earlier scopes, and is allowed only for the role
    /// `integration`. Another role clears it.
    pub scopes: Change<Scopes>,
    /// What an integration reads cases for; `null` removes it, and the integration then sees no case. `internal`: what
    /// it reads stays within the organization. Allowed only for the role `integration`; another role clears it.
    pub purpose: Patch<IntegrationPurpose>,
}

/// Which users to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct UserFilter {
    /// One or several, separated by commas.
    #[param(value_type = Option<OneOf<Role>>, inline)]
    pub role: Option<OneOf<Role>>,
    #[param(value_type = Option<OneOf<UserStatus>>, inline)]
    pub status: Option<OneOf<UserStatus>>,
    /// Members of this team.
    pub team: Option<TeamId>,
}
impl Filter for UserFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
