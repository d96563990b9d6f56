//! Queries for a user who has forgotten their password, and is not signed in.

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

/// The user to whom a token was sent, if the address is still theirs and they may sign in.
fn visible(tx: &mut Tx, found: &one_time_tokens::Found) -> Result<UserRow> {
    let row = users::store::find_able_to_sign_in(tx, found.subject())?.filter(|row| row.email == found.email);
    row.ok_or_else(one_time_tokens::refused)
}

/// Issues a token for the user who signs in with this address, if there is one and not too many were sent there.
pub fn begin(tx: &mut Tx, email: &Email) -> Result<Option<(UserRow, String)>> {
    tx.nothing_changed();
    if !throttle::may_send_email(tx, "to reset", email.as_str())? {
        return Ok(None);
    }
    let Some(row) = users::store::by_email(tx, email)? else { return Ok(None) };
    if !users::store::may_sign_in(tx, &row)? {
        return Ok(None);
    }
    let secret = one_time_tokens::issue(tx, Purpose::PasswordReset, row.id, &row.email)?;
    tx.record("user.password_forgotten", row.id, Vec::new());
    Ok(Some((row, secret)))
}

/// The words that the password must not be made of, if the token is valid. Does not use the token up.
pub fn check(tx: &mut Tx, token: &str) -> Result<OwnWords> {
    let found = one_time_tokens::look_up(tx, Purpose::PasswordReset, token)?;
    let row = visible(tx, &found)?;
    users::store::own_words(tx, &row.display_name, &row.email)
}

/// Sets the password. Does not sign the user in, so that the sign-in asks for all that it requires. Returns the address
/// to notify.
pub fn reset(tx: &mut Tx, token: &str, hash: &str) -> Result<Reachable> {
    let found = one_time_tokens::look_up(tx, Purpose::PasswordReset, token)?;
    // Locks the user first, as a change of password by a signed-in user does.
    users::store::lock_for_update(tx, found.subject())?;
    one_time_tokens::spend(tx, Purpose::PasswordReset, token)?;
    let row = visible(tx, &found)?;
    let row = users::store::reset_password(tx, row.id, hash)?;
    Reachable::find(tx, row.id, &row.email)
}
