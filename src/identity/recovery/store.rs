//! Queries for whoever has forgotten their password, and is nobody yet.

use crate::{
    auth::password::OwnWords,
    db::Tx,
    error::Result,
    identity::{
        emails::Reachable,
        one_time_tokens::{self, Purpose},
        sessions::throttle,
        users::{self, model::UserRow},
    },
    types::Email,
};

/// The one person whom a secret was sent to, at the address that is still theirs, if they may come in.
fn visible(tx: &mut Tx, found: &one_time_tokens::Found) -> Result<UserRow> {
    let row = users::store::who_may_come_in(tx, found.subject())?.filter(|row| row.email == found.email);
    row.ok_or_else(one_time_tokens::refused)
}

/// A secret for whoever signs in with this address, if anybody does and not too many have been sent there.
pub fn begin(tx: &mut Tx, email: &Email) -> Result<Option<(UserRow, String)>> {
    tx.nothing_changed();
    if !throttle::may_write(tx, "to reset", email.as_str())? {
        return Ok(None);
    }
    let Some(row) = users::store::by_email(tx, email)? else { return Ok(None) };
    if !users::store::may_come_in(tx, &row)? {
        return Ok(None);
    }
    let secret = one_time_tokens::issue(tx, Purpose::PasswordReset, row.id, &row.email)?;
    tx.record("user.password_forgotten", row.id, Vec::new());
    Ok(Some((row, secret)))
}

/// The words that a password must not be made of, if the secret may be used; nothing is used up yet.
pub fn check(tx: &mut Tx, token: &str) -> Result<OwnWords> {
    let found = one_time_tokens::look_up(tx, Purpose::PasswordReset, token)?;
    let row = visible(tx, &found)?;
    users::store::own_words(tx, &row.display_name, &row.email)
}

/// Sets the password, and signs nobody in: what else signing in asks for is asked for then. Answers whom to tell of it.
pub fn reset(tx: &mut Tx, token: &str, hash: &str) -> Result<Reachable> {
    let found = one_time_tokens::look_up(tx, Purpose::PasswordReset, token)?;
    // First of all, as whoever changes the password from inside does.
    users::store::lock_for_update(tx, found.subject())?;
    one_time_tokens::spend(tx, Purpose::PasswordReset, token)?;
    let row = visible(tx, &found)?;
    let row = users::store::reset_password(tx, row.id, hash)?;
    Reachable::find(tx, row.id, &row.email)
}
