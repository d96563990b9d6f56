//! Queries for a change of address.

use crate::{
    db::Tx,
    error::{ApiError, Result},
    identity::{
        emails::Reachable,
        one_time_tokens::{self, Purpose},
        sessions::throttle,
        users::{self, model::UserRow},
    },
    types::Email,
};

/// The user for whom a token was issued, if they may sign in.
fn visible(tx: &mut Tx, found: &one_time_tokens::Found) -> Result<UserRow> {
    users::store::find_able_to_sign_in(tx, found.subject())?.ok_or_else(one_time_tokens::refused)
}

/// Issues a token for the new address. Only a reader of its mailbox learns whether somebody signs in with it already.
pub fn begin(tx: &mut Tx, email: &Email) -> Result<(Reachable, String)> {
    let row = users::store::lock_own(tx)?;
    if row.email == *email {
        return Err(ApiError::invalid("/email", "unchanged", "is your address already"));
    }
    let (to, by) = ("to a new address", "for a new address");
    if !throttle::may_send_email(tx, to, email.as_str())? || !throttle::may_send_email(tx, by, &row.id.to_string())? {
        return Err(ApiError::too_many(throttle::MAX_WAIT));
    }
    let secret = one_time_tokens::issue(tx, Purpose::EmailChange, row.id, email)?;
    tx.record("user.email_change_begun", row.id, vec!["email".into()]);
    Ok((Reachable::find(tx, row.id, &row.email)?, secret))
}

/// Changes the address. Returns the previous one, if e-mail may be sent to it.
pub fn confirm(tx: &mut Tx, token: &str) -> Result<Reachable> {
    let found = one_time_tokens::look_up(tx, Purpose::EmailChange, token)?;
    // Locks the user first, as a change of password by a signed-in user does.
    users::store::lock_for_update(tx, found.subject())?;
    one_time_tokens::spend(tx, Purpose::EmailChange, token)?;
    let row = visible(tx, &found)?;
    let before = users::store::change_email(tx, row.id, &found.email)?;
    Reachable::find(tx, row.id, &before)
}
