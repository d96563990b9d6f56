//! The model of a client account: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::clients::model::ClientId,
    db::schema::client_accounts,
    types::Instant,
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// A row of `client_accounts`. A client has at most one account, and so has a user.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = client_accounts, treat_none_as_default_value = false)]
pub struct AccountRow {
    pub organization_id: OrganizationId,
    pub client_id: ClientId,
    pub user_id: UserId,
    pub created_at: Instant,
}

/// The user account of a client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/client_account.json"))))]
pub struct ClientAccount {
    pub client_id: ClientId,
    pub user_id: UserId,
    /// When the user was linked.
    pub created_at: Instant,
}
impl From<AccountRow> for ClientAccount {
    fn from(row: AccountRow) -> Self {
        Self { client_id: row.client_id, user_id: row.user_id, created_at: row.created_at }
    }
}

/// The user to link to the client.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "019ab3c4-0000-7000-8000-000000000008"}))]
pub struct NewClientAccount {
    /// An active user of the organization with the role `client`, who is not linked to another client.
    pub user_id: UserId,
}
