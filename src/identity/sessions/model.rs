//! A session in the database and in the API.

use crate::{
    auth::{OrganizationId, SessionId, UserId, password::Password},
    db::schema::{refresh_tokens, sessions},
    identity::users::model::User,
    types::{Email, Id, Instant},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// TK-06, for staff: the longest duration of a session, in seconds.
pub const SESSION_SECONDS: i64 = 24 * 3600;
/// TK-06, for staff: how long a session may be unused, in seconds.
pub const IDLE_SECONDS: i64 = 3600;

/// For this many seconds, the refresh token that was spent last returns the same successor again: a response was lost,
/// or several windows of one browser refresh at the same moment. It equals the time that a client waits for a response
/// before it tries again.
pub const GRACE_SECONDS: i64 = 30;

/// A row of `sessions`.
#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionRow {
    pub organization_id: OrganizationId,
    pub id: SessionId,
    pub user_id: UserId,
    pub created_at: Instant,
    pub expires_at: Instant,
    pub ended_at: Option<Instant>,
    /// When the user last entered their password in it.
    pub proved_at: Instant,
    /// Whether the session allows nothing until a second factor has been set up.
    pub awaits_factor: bool,
}

/// TK-10: the most sessions of one user at a time. One more ends the oldest.
pub const MAX_SESSIONS: i64 = 10;

/// A session of the caller that has not ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/session.json"))))]
pub struct Session {
    pub id: SessionId,
    pub started_at: Instant,
    /// The latest time at which it ends, however much it is used.
    pub expires_at: Instant,
    /// Whether the request was made in it.
    pub is_this: bool,
}

/// The sessions of the user, the newest first: at most ten.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/sessions.json"))))]
pub struct Sessions {
    pub items: Vec<Session>,
}

impl SessionRow {
    pub fn start(organization_id: OrganizationId, user_id: UserId, awaits_factor: bool) -> Self {
        let now = Instant::now();
        Self {
            organization_id,
            id: Id::new(),
            user_id,
            created_at: now,
            expires_at: now.plus_seconds(SESSION_SECONDS),
            ended_at: None,
            proved_at: now,
            awaits_factor,
        }
    }
}

/// A row of `refresh_tokens`: one token in the chain of a session.
#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens, treat_none_as_default_value = false)]
pub struct RefreshRow {
    pub organization_id: OrganizationId,
    pub hash: Vec<u8>,
    pub session_id: SessionId,
    pub issued_at: Instant,
    pub expires_at: Instant,
    pub spent_at: Option<Instant>,
    /// For the token that was spent last: the secret of the next one, encrypted with a key that only the spent token
    /// yields.
    pub successor: Option<Vec<u8>>,
}

/// The credentials for signing in.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ana@example.org", "password": "three wet umbrellas"}))]
pub struct Login {
    pub email: Email,
    pub password: Password,
    /// The code of the second factor, or a recovery code, if the user has a second factor.
    #[validate(length(max = 40))]
    #[schema(max_length = 40)]
    pub otp: Option<String>,
}

/// The refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/refresh.json"))))]
pub struct Refresh {
    #[validate(length(max = 200))]
    #[schema(max_length = 200)]
    pub refresh_token: String,
}

/// The password once more, for operations that require it.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "three wet umbrellas"}))]
pub struct Reauthentication {
    pub password: Password,
    /// The code of the second factor, or a recovery code, if the user has a second factor.
    #[validate(length(max = 40))]
    #[schema(max_length = 40)]
    pub otp: Option<String>,
}

/// An access token, and the refresh token for the next pair.
#[derive(Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/tokens.json"))))]
pub struct Tokens {
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: i64,
    /// For one use. For 30 seconds, and until the next one is used, it returns the same next one; after that, using it
    /// ends the session.
    pub refresh_token: String,
    pub user: User,
}
