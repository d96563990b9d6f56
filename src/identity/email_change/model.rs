//! The request bodies for a change of address.

use crate::types::Email;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

/// The address to sign in with from now on.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ana.lopez@example.org"}))]
pub struct NewEmail {
    pub email: Email,
}

/// The one-time token that was sent to the new address.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/email_confirmation.json"))))]
pub struct EmailConfirmation {
    #[validate(length(max = 120))]
    #[schema(max_length = 120)]
    pub token: String,
}
