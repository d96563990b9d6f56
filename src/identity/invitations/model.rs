//! An invitation in the database and in the API.

use crate::{
    auth::{OrganizationId, Role, UserId, password::Password},
    db::schema::invitations,
    http::{Filter, OneOf, Resource},
    identity::{one_time_tokens::Purpose, teams::model::TeamId},
    types::{Email, Id, Instant, Json, Line},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type InvitationId = Id<InvitationRow>;

text_enum! {
    /// The outcome. An open invitation may have expired: see `expires_at`.
    pub enum InvitationStatus { Open = "open", Accepted = "accepted", Withdrawn = "withdrawn" }
}

/// A row of `invitations`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations, treat_none_as_default_value = false)]
pub struct InvitationRow {
    pub organization_id: OrganizationId,
    pub id: InvitationId,
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    pub team_ids: Json<Vec<TeamId>>,
    pub status: InvitationStatus,
    pub expires_at: Instant,
    pub invited_by: UserId,
    pub user_id: Option<UserId>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl InvitationRow {
    pub fn new(organization_id: OrganizationId, invited_by: UserId, new: &NewInvitation) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            email: new.email.clone(),
            display_name: new.display_name.clone(),
            role: new.role,
            team_ids: Json(new.team_ids.iter().copied().collect()),
            status: InvitationStatus::Open,
            expires_at: now.plus_seconds(Purpose::Invitation.lasts()),
            invited_by,
            user_id: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A person who becomes a user once they have chosen a password.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/invitation.json"))))]
pub struct Invitation {
    pub id: InvitationId,
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    pub team_ids: Vec<TeamId>,
    pub status: InvitationStatus,
    /// An open invitation is invalid after this, until it is sent again.
    pub expires_at: Instant,
    pub invited_by: UserId,
    /// The user who was created from it.
    pub user_id: Option<UserId>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<InvitationRow> for Invitation {
    fn from(row: InvitationRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            team_ids: row.team_ids.0,
            status: row.status,
            expires_at: row.expires_at,
            invited_by: row.invited_by,
            user_id: row.user_id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Invitation {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/invitations/{}", self.id)
    }
}

/// Whom to invite, and in which role.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_invitation.json"))))]
pub struct NewInvitation {
    pub email: Email,
    pub display_name: Line<120>,
    pub role: Role,
    /// The teams that they will be in.
    #[serde(default)]
    #[validate(length(max = 100))]
    #[schema(max_items = 100)]
    pub team_ids: BTreeSet<TeamId>,
}

/// A password, and the one-time token from the e-mail.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/acceptance.json"))))]
pub struct Acceptance {
    #[validate(length(max = 120))]
    #[schema(max_length = 120)]
    pub token: String,
    /// At least 15 characters, not made of the user's own name.
    pub password: Password,
}

/// Which invitations to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InvitationFilter {
    #[param(value_type = Option<OneOf<InvitationStatus>>, inline)]
    pub status: Option<OneOf<InvitationStatus>>,
}
impl Filter for InvitationFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
