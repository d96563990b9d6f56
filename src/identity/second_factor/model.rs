//! A second factor in the database and in the API. Types that hold a secret do not implement `Debug` (LG-06).

use crate::{
    auth::{OrganizationId, UserId},
    db::schema::second_factors,
    types::{Email, Instant},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// How many recovery codes are issued at a time.
pub const RECOVERY_CODES: usize = 10;

/// A row of `second_factors`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = second_factors, treat_none_as_default_value = false)]
pub struct FactorRow {
    pub organization_id: OrganizationId,
    pub user_id: UserId,
    /// Encrypted: see `auth::secret_keys`.
    pub secret: Vec<u8>,
    pub confirmed_at: Option<Instant>,
    pub last_step: i64,
}

/// Whether I have a second factor.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"required": true, "confirmed_at": "2026-11-26T09:00:00.000Z", "recovery_codes_left": 9}))]
pub struct SecondFactor {
    /// Whether my role must have one.
    pub required: bool,
    /// Since when signing in requires a code. Absent if it requires none.
    pub confirmed_at: Option<Instant>,
    pub recovery_codes_left: i64,
}

/// The data for an authenticator app, returned once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_factor.json"))))]
pub struct NewFactor {
    /// For typing in by hand.
    pub secret: String,
    /// For a QR code.
    pub otpauth_uri: String,
}

impl NewFactor {
    pub fn new(secret: String, email: &Email) -> Self {
        let account: String = form_urlencoded::byte_serialize(email.as_str().as_bytes()).collect();
        let otpauth_uri = format!("otpauth://totp/Alongside:{account}?secret={secret}&issuer=Alongside");
        Self { secret, otpauth_uri }
    }
}

/// A code of the new factor.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"otp": "287082"}))]
pub struct Confirmation {
    #[validate(length(max = 40))]
    #[schema(max_length = 40)]
    pub otp: String,
}

/// Recovery codes for when the authenticator is lost. Each signs in once. They are shown only this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"recovery_codes": ["JBSWY3D-PEHPK3P-XPJBSWY-3DPEH"]}))]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}
