//! Queries over second factors: the caller's own, and the check of a code at sign-in.

use super::model::*;
use crate::{
    auth::{
        Actor, Role, UserId,
        secret_keys::{SecretKeys, SecretLocation, key_of},
        token::hash_secret,
        totp::{self, base32},
    },
    db::{
        Dialect, PortableDsl as _, Tx,
        schema::{recovery_codes, second_factors},
    },
    error::{ApiError, Result},
    identity::{
        emails::Reachable,
        organizations,
        sessions::{self, throttle},
        users,
    },
    types::Instant,
};
use diesel::prelude::*;

/// The factor of one user of the organization.
fn visible(tx: &Tx, user: UserId) -> second_factors::BoxedQuery<'static, Dialect> {
    second_factors::table
        .filter(second_factors::organization_id.eq(tx.organization()))
        .filter(second_factors::user_id.eq(user))
        .into_boxed()
}

fn lock_for_update(tx: &mut Tx, user: UserId) -> Result<Option<FactorRow>> {
    Ok(visible(tx, user).select(FactorRow::as_select()).locked().get_result(tx.conn).optional()?)
}

impl FactorRow {
    /// The location of the secret, for which it is encrypted: it does not decrypt in another row.
    const fn location(&self) -> SecretLocation {
        SecretLocation {
            organization: self.organization_id,
            user: self.user_id,
            table: "second_factors",
            column: "secret",
        }
    }
    /// Decrypts the secret; 503 if that fails, so that nobody signs in without the second factor.
    pub fn decrypt_secret(&self, secrets: &SecretKeys) -> Result<Vec<u8>> {
        secrets.decrypt(&self.location(), &self.secret)
    }
}

/// The ids of the keys that the secrets of this organization are encrypted with.
pub fn keys_in_use(tx: &mut Tx) -> Result<std::collections::BTreeSet<String>> {
    let own = second_factors::table.filter(second_factors::organization_id.eq(tx.organization()));
    let stored: Vec<Vec<u8>> = own.select(second_factors::secret).load(tx.conn)?;
    Ok(stored.iter().filter_map(|stored| key_of(stored)).collect())
}

/// How many secrets this organization has, and the errors for those that no key decrypts.
pub fn check_all(tx: &mut Tx, secrets: &SecretKeys) -> Result<(usize, Vec<String>)> {
    let own = second_factors::table.filter(second_factors::organization_id.eq(tx.organization()));
    let rows: Vec<FactorRow> = own.order(second_factors::user_id).select(FactorRow::as_select()).load(tx.conn)?;
    let wrong =
        rows.iter().filter_map(|row| row.decrypt_secret(secrets).err()).map(|error| match error.source_error() {
            Some(source) => source.to_string(),
            None => error.detail().to_owned(),
        });
    Ok((rows.len(), wrong.collect()))
}

/// Encrypts secrets that an older version stored unencrypted, and encrypts with the newest key those that have an older
/// one. Returns how many it encrypted. A second run finds nothing to do.
pub fn encrypt_all(tx: &mut Tx, secrets: &SecretKeys) -> Result<usize> {
    let own = second_factors::table.filter(second_factors::organization_id.eq(tx.organization()));
    let rows: Vec<FactorRow> =
        own.order(second_factors::user_id).select(FactorRow::as_select()).locked().load(tx.conn)?;
    let mut encrypted = 0;
    for row in rows.iter().filter(|row| !secrets.is_newest(&row.secret)) {
        let secret = match key_of(&row.secret) {
            None if row.secret.len() == totp::SECRET_BYTES => row.secret.clone(),
            _ => row.decrypt_secret(secrets)?,
        };
        let stored = secrets.encrypt(&row.location(), &secret)?;
        diesel::update(second_factors::table.find((row.organization_id, row.user_id)))
            .set(second_factors::secret.eq(stored))
            .execute(tx.conn)?;
        encrypted += 1;
    }
    Ok(encrypted)
}

/// Whether a user may do nothing until they have set up a second factor.
pub fn is_awaited(tx: &mut Tx, user: UserId, role: Role) -> Result<bool> {
    if !organizations::store::lock_reference(tx)?.needs_factor(role) {
        return Ok(false);
    }
    let has = visible(tx, user).filter(second_factors::confirmed_at.is_not_null()).select(second_factors::user_id);
    Ok(has.first::<UserId>(tx.conn).optional()?.is_none())
}

/// The result of checking the second factor at sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// There is no second factor, or the code was right.
    Given,
    /// A recovery code was right.
    Recovered,
    /// There is a second factor, and no code was sent.
    Lacking,
    Wrong,
}

impl Proof {
    pub const fn is_enough(self) -> bool {
        matches!(self, Self::Given | Self::Recovered)
    }
}

/// Checks a code against the user's factor. Attempts are counted separately, before the code is checked: a right
/// password does not reset the count.
pub fn prove(tx: &mut Tx, secrets: &SecretKeys, user: UserId, otp: Option<&str>) -> Result<Proof> {
    let Some(row) = lock_for_update(tx, user)?.filter(|row| row.confirmed_at.is_some()) else {
        return Ok(Proof::Given);
    };
    let Some(otp) = otp else {
        // A right password without a code: it is recorded in the audit log.
        tx.record("user.otp_asked", user, Vec::new());
        return Ok(Proof::Lacking);
    };
    if !throttle::record_factor_attempt(tx.conn, user)? {
        return Ok(Proof::Wrong);
    }
    let proof = spend_code(tx, secrets, &row, otp)?;
    if proof.is_enough() {
        throttle::forget_factor(tx.conn, user)?;
    }
    Ok(proof)
}

/// Uses the code up: neither an authenticator's code nor a recovery code is accepted twice.
fn spend_code(tx: &mut Tx, secrets: &SecretKeys, row: &FactorRow, otp: &str) -> Result<Proof> {
    if let Some(step) = totp::matching_step(&row.decrypt_secret(secrets)?, otp.trim(), row.last_step, Instant::now()) {
        let own = second_factors::table.find((row.organization_id, row.user_id));
        diesel::update(own).set(second_factors::last_step.eq(step)).execute(tx.conn)?;
        return Ok(Proof::Given);
    }
    let code = recovery_codes::table.find((row.organization_id, row.user_id, hash_secret(&totp::plain(otp))));
    let unspent = code.filter(recovery_codes::spent_at.is_null());
    let spent = diesel::update(unspent).set(recovery_codes::spent_at.eq(Instant::now())).execute(tx.conn)?;
    if spent == 0 {
        return Ok(Proof::Wrong);
    }
    tx.record("user.recovery_code_spent", row.user_id, Vec::new());
    Ok(Proof::Recovered)
}

pub fn own(tx: &mut Tx) -> Result<SecondFactor> {
    let actor = tx.actor()?;
    let row: Option<FactorRow> = visible(tx, actor.user).select(FactorRow::as_select()).first(tx.conn).optional()?;
    let codes = recovery_codes::table
        .filter(recovery_codes::organization_id.eq(actor.organization))
        .filter(recovery_codes::user_id.eq(actor.user))
        .filter(recovery_codes::spent_at.is_null());
    Ok(SecondFactor {
        required: organizations::store::find(tx)?.needs_factor(actor.role),
        confirmed_at: row.and_then(|row| row.confirmed_at),
        recovery_codes_left: codes.count().get_result(tx.conn)?,
    })
}

/// A secret for a new factor. It replaces one that was never confirmed.
pub fn begin(tx: &mut Tx, secrets: &SecretKeys) -> Result<NewFactor> {
    let actor = tx.actor()?;
    // Locked, so that a factor that is just being confirmed is not deleted.
    let user = users::store::lock_own(tx)?;
    if lock_for_update(tx, actor.user)?.is_some_and(|row| row.confirmed_at.is_some()) {
        return Err(ApiError::conflict("You already have a second factor. Remove it first."));
    }
    let secret = totp::new_secret()?;
    let mut row = FactorRow {
        organization_id: actor.organization,
        user_id: actor.user,
        secret: Vec::new(),
        confirmed_at: None,
        last_step: 0,
    };
    row.secret = secrets.encrypt(&row.location(), &secret)?;
    diesel::delete(second_factors::table.find((actor.organization, actor.user))).execute(tx.conn)?;
    diesel::insert_into(second_factors::table).values(&row).execute(tx.conn)?;
    tx.record("user.second_factor_begun", actor.user, Vec::new());
    Ok(NewFactor::new(base32(&secret), &user.email))
}

/// Signing in requires a code from now on. Ends every other session of the user, and lifts the restriction of this one.
pub fn confirm(tx: &mut Tx, secrets: &SecretKeys, otp: &str) -> Result<RecoveryCodes> {
    let actor = tx.actor()?;
    users::store::lock_own(tx)?;
    organizations::store::lock_reference(tx)?;
    let row = lock_for_update(tx, actor.user)?.filter(|row| row.confirmed_at.is_none());
    let row = row.ok_or_else(|| {
        ApiError::conflict("There is no second factor to confirm. Start with POST /me/second-factor.")
    })?;
    let step = totp::matching_step(&row.decrypt_secret(secrets)?, otp.trim(), row.last_step, Instant::now());
    let step = step.ok_or_else(|| ApiError::invalid("/otp", "wrong_code", "is not the current code"))?;
    diesel::update(second_factors::table.find((row.organization_id, row.user_id)))
        .set((second_factors::confirmed_at.eq(Some(Instant::now())), second_factors::last_step.eq(step)))
        .execute(tx.conn)?;
    sessions::store::end_all(tx, actor.user, Some(actor.session))?;
    sessions::store::awaits_factor(tx, actor.session, false)?;
    tx.record("user.second_factor_confirmed", actor.user, Vec::new());
    new_codes(tx, actor)
}

/// Ten new codes. The earlier ones become invalid.
pub fn renew_codes(tx: &mut Tx) -> Result<RecoveryCodes> {
    let actor = tx.actor()?;
    users::store::lock_own(tx)?;
    if lock_for_update(tx, actor.user)?.is_none_or(|row| row.confirmed_at.is_none()) {
        return Err(ApiError::conflict("There is no second factor yet."));
    }
    tx.record("user.recovery_codes_renewed", actor.user, Vec::new());
    new_codes(tx, actor)
}

fn new_codes(tx: &mut Tx, actor: Actor) -> Result<RecoveryCodes> {
    forget_codes(tx, actor.user)?;
    let codes = (0..RECOVERY_CODES).map(|_| totp::new_recovery_code()).collect::<Result<Vec<_>>>()?;
    for code in &codes {
        let row = (
            recovery_codes::organization_id.eq(actor.organization),
            recovery_codes::user_id.eq(actor.user),
            recovery_codes::hash.eq(hash_secret(&totp::plain(code))),
        );
        diesel::insert_into(recovery_codes::table).values(row).execute(tx.conn)?;
    }
    Ok(RecoveryCodes { recovery_codes: codes })
}

fn forget_codes(tx: &mut Tx, user: UserId) -> Result<()> {
    let of_user = recovery_codes::table.filter(recovery_codes::organization_id.eq(tx.organization()));
    diesel::delete(of_user.filter(recovery_codes::user_id.eq(user))).execute(tx.conn)?;
    Ok(())
}

/// Removes the caller's own factor. If their role must have one, they can do nothing else until they have set up
/// another. Returns the address to notify.
pub fn remove_own(tx: &mut Tx) -> Result<Reachable> {
    let actor = tx.actor()?;
    let user = users::store::lock_own(tx)?;
    let required = organizations::store::lock_reference(tx)?.needs_factor(actor.role);
    remove(tx, actor.user)?;
    sessions::store::end_all(tx, actor.user, Some(actor.session))?;
    sessions::store::awaits_factor(tx, actor.session, required)?;
    Reachable::find(tx, user.id, &user.email)
}

/// Removes the factor of a user who has lost it, and ends their sessions. They sign in without one next time, and set
/// up a new one if their role must have it.
pub fn remove_of(tx: &mut Tx, user: UserId) -> Result<Reachable> {
    let row = users::store::lock_visible(tx, user)?;
    remove(tx, user)?;
    sessions::store::end_all(tx, user, None)?;
    Reachable::find(tx, row.id, &row.email)
}

/// The same for the operator, who may see every user.
pub fn remove_for(tx: &mut Tx, user: UserId) -> Result<()> {
    users::store::lock_for_update(tx, user)?;
    remove(tx, user)?;
    sessions::store::end_all(tx, user, None)
}

fn remove(tx: &mut Tx, user: UserId) -> Result<()> {
    let own = second_factors::table.find((tx.organization(), user));
    if diesel::delete(own).execute(tx.conn)? == 0 {
        return Err(ApiError::conflict("There is no second factor."));
    }
    forget_codes(tx, user)?;
    throttle::forget_factor(tx.conn, user)?;
    tx.record("user.second_factor_removed", user, Vec::new());
    Ok(())
}
