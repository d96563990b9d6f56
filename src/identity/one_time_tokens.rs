//! One-time tokens that are sent by e-mail (AU-11): for an invitation, a forgotten password, a new address. A token has
//! 256 random bits. The database stores its hash, bound to a purpose and to the address that the token was sent to. A
//! newer token invalidates the older one.

use crate::{
    auth::{
        OrganizationId, UserId,
        token::{hash_secret, random_secret},
    },
    clock,
    db::{Conn, Tx, schema::mailed_secrets as secrets},
    error::{ApiError, Result},
    types::{Email, Id, Instant},
};
use diesel::prelude::*;
use uuid::Uuid;

text_enum! {
    /// The purpose of a token, which is the only one that it can be used for (TK-04).
    pub enum Purpose { Invitation = "invitation", PasswordReset = "password_reset", EmailChange = "email_change" }
}

impl Purpose {
    /// How long it can be used, in seconds.
    pub const fn lasts(self) -> i64 {
        match self {
            Self::Invitation => 72 * 3600,
            Self::PasswordReset | Self::EmailChange => 3600,
        }
    }
}

/// What a token was issued for.
#[derive(Debug, Clone)]
pub struct Found {
    subject: Id<()>,
    pub email: Email,
}

impl Found {
    pub fn subject<K>(&self) -> Id<K> {
        Id::from_uuid(self.subject.uuid())
    }
}

/// The id of an invitation or of a user, in the type of the column that holds both.
const fn untyped<K>(subject: Id<K>) -> Id<()> {
    Id::from_uuid(subject.uuid())
}

/// Issues a token for a subject, and invalidates any earlier one for the same purpose.
pub fn issue<K>(tx: &mut Tx, purpose: Purpose, subject: Id<K>, email: &Email) -> Result<String> {
    withdraw(tx, purpose, subject)?;
    let secret = random_secret()?;
    let row = (
        secrets::organization_id.eq(tx.organization()),
        secrets::hash.eq(hash_secret(&secret)),
        secrets::purpose.eq(purpose),
        secrets::subject_id.eq(untyped(subject)),
        secrets::email.eq(email),
        secrets::expires_at.eq(Instant::now().plus_seconds(purpose.lasts())),
    );
    diesel::insert_into(secrets::table).values(row).execute(tx.conn)?;
    Ok(format!("{}.{}.{secret}", purpose.as_str(), tx.organization().uuid().simple()))
}

/// Invalidates every token that was sent to a subject for this purpose.
pub fn withdraw<K>(tx: &mut Tx, purpose: Purpose, subject: Id<K>) -> Result<()> {
    let own = secrets::table
        .filter(secrets::organization_id.eq(tx.organization()))
        .filter(secrets::subject_id.eq(untyped(subject)));
    diesel::delete(own.filter(secrets::purpose.eq(purpose))).execute(tx.conn)?;
    Ok(())
}

/// The same for every token that was sent to a user, for example because their password or their address has changed.
pub fn withdraw_all(tx: &mut Tx, user: UserId) -> Result<()> {
    withdraw(tx, Purpose::PasswordReset, user)?;
    withdraw(tx, Purpose::EmailChange, user)
}

fn parse(purpose: Purpose, secret: &str) -> Option<(OrganizationId, Vec<u8>)> {
    let (organization, secret) = secret.strip_prefix(purpose.as_str())?.strip_prefix('.')?.split_once('.')?;
    Some((OrganizationId::from_uuid(Uuid::try_parse(organization).ok()?), hash_secret(secret)))
}

/// Switches to the organization that the token names, and returns what the token was issued for. Does not use it up.
pub fn look_up(tx: &mut Tx, purpose: Purpose, secret: &str) -> Result<Found> {
    let (organization, hash) = parse(purpose, secret).ok_or_else(refused)?;
    tx.switch_organization(organization)?;
    let now = Instant::now();
    let live = secrets::table
        .find((organization, hash))
        .filter(secrets::purpose.eq(purpose))
        .filter(secrets::expires_at.gt(now));
    // A token that was issued while a clock was wrong lasts no longer than any other.
    let live = live.filter(secrets::expires_at.le(now.plus_seconds(purpose.lasts() + clock::LEEWAY)));
    let found = live.select((secrets::subject_id, secrets::email)).first::<(Id<()>, Email)>(tx.conn).optional()?;
    let (subject, email) = found.ok_or_else(refused)?;
    Ok(Found { subject, email })
}

/// Uses the token up. If several requests try at once, one succeeds.
pub fn spend(tx: &mut Tx, purpose: Purpose, secret: &str) -> Result<Found> {
    let found = look_up(tx, purpose, secret)?;
    let (organization, hash) = parse(purpose, secret).ok_or_else(refused)?;
    if diesel::delete(secrets::table.find((organization, hash))).execute(tx.conn)? == 0 {
        return Err(refused());
    }
    Ok(found)
}

/// The same error, whatever is wrong with the token.
pub fn refused() -> ApiError {
    ApiError::invalid("/token", "invalid_token", "is unknown, has been used, has expired, or a newer one has been sent")
}

/// Deletes expired tokens, and those that were issued while a clock was wrong, which could become valid later.
pub fn purge(conn: &mut Conn) -> Result<usize> {
    let now = Instant::now();
    let of_wrong_clock = secrets::expires_at.gt(now.plus_seconds(Purpose::Invitation.lasts() + clock::LEEWAY));
    Ok(diesel::delete(secrets::table.filter(secrets::expires_at.lt(now).or(of_wrong_clock))).execute(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_token_is_valid_only_for_its_purpose() {
        let organization = Id::<()>::new().uuid().simple().to_string();
        let secret = format!("password_reset.{organization}.abc");
        assert!(parse(Purpose::PasswordReset, &secret).is_some());
        for (purpose, secret) in [
            (Purpose::Invitation, secret.clone()),
            (Purpose::EmailChange, secret.clone()),
            (Purpose::PasswordReset, format!("{organization}.abc")),
            (Purpose::PasswordReset, "password_reset.abc.abc".into()),
            (Purpose::PasswordReset, String::new()),
        ] {
            assert!(parse(purpose, &secret).is_none(), "{secret}");
        }
    }
}
