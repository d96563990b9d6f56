//! The request bodies for a forgotten password.

use crate::{auth::password::Password, types::Email};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

/// The address of the user who has forgotten their password.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ana@example.org"}))]
pub struct Forgotten {
    pub email: Email,
}

/// A new password, and the one-time token from the e-mail.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/password_reset.json"))))]
pub struct PasswordReset {
    #[validate(length(max = 120))]
    #[schema(max_length = 120)]
    pub token: String,
    /// At least 15 characters, not made of the user's own name.
    pub password: Password,
}
