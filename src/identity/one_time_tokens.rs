//! Secrets that go out by mail and are used once (AU-11): for an invitation, a forgotten password, a new address. 256
//! random bits, kept as their hash, bound to what they are for and to the address that they were sent to; a newer one
//! makes the older worthless.

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
    /// What a secret is for, and for nothing else (TK-04).
    pub enum Purpose { Invitation = "invitation", PasswordReset = "password_reset", EmailChange = "email_change" }
}

impl Purpose {
    /// Seconds for which it may be used.
    pub const fn lasts(self) -> i64 {
        match self {
            Self::Invitation => 72 * 3600,
            Self::PasswordReset | Self::EmailChange => 3600,
        }
    }
}

/// What a secret was made for.
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

/// The id of an invitation or of a user, as the one column has it.
const fn anything<K>(subject: Id<K>) -> Id<()> {
    Id::from_uuid(subject.uuid())
}

/// Makes a secret for a subject, in the place of any from before.
pub fn issue<K>(tx: &mut Tx, purpose: Purpose, subject: Id<K>, email: &Email) -> Result<String> {
    withdraw(tx, purpose, subject)?;
    let secret = random_secret()?;
    let row = (
        secrets::organization_id.eq(tx.organization()),
        secrets::hash.eq(hash_secret(&secret)),
        secrets::purpose.eq(purpose),
        secrets::subject_id.eq(anything(subject)),
        secrets::email.eq(email),
        secrets::expires_at.eq(Instant::now().plus_seconds(purpose.lasts())),
    );
    diesel::insert_into(secrets::table).values(row).execute(tx.conn)?;
    Ok(format!("{}.{}.{secret}", purpose.as_str(), tx.organization().uuid().simple()))
}

/// Makes whatever a subject was sent for this purpose worthless.
pub fn withdraw<K>(tx: &mut Tx, purpose: Purpose, subject: Id<K>) -> Result<()> {
    let own = secrets::table
        .filter(secrets::organization_id.eq(tx.organization()))
        .filter(secrets::subject_id.eq(anything(subject)));
    diesel::delete(own.filter(secrets::purpose.eq(purpose))).execute(tx.conn)?;
    Ok(())
}

/// The same for all that a person was sent: their password or their address is another now.
pub fn withdraw_all(tx: &mut Tx, user: UserId) -> Result<()> {
    withdraw(tx, Purpose::PasswordReset, user)?;
    withdraw(tx, Purpose::EmailChange, user)
}

fn parse(purpose: Purpose, secret: &str) -> Option<(OrganizationId, Vec<u8>)> {
    let (organization, secret) = secret.strip_prefix(purpose.as_str())?.strip_prefix('.')?.split_once('.')?;
    Some((OrganizationId::from_uuid(Uuid::try_parse(organization).ok()?), hash_secret(secret)))
}

/// Goes on in the secret's organization, if it is one; what it was made for.
pub fn look_up(tx: &mut Tx, purpose: Purpose, secret: &str) -> Result<Found> {
    let (organization, hash) = parse(purpose, secret).ok_or_else(refused)?;
    tx.enter(organization)?;
    let now = Instant::now();
    let live = secrets::table
        .find((organization, hash))
        .filter(secrets::purpose.eq(purpose))
        .filter(secrets::expires_at.gt(now));
    // One that a wrong clock has made lasts no longer than any other.
    let live = live.filter(secrets::expires_at.le(now.plus_seconds(purpose.lasts() + clock::LEEWAY)));
    let found = live.select((secrets::subject_id, secrets::email)).first::<(Id<()>, Email)>(tx.conn).optional()?;
    let (subject, email) = found.ok_or_else(refused)?;
    Ok(Found { subject, email })
}

/// Uses it up. Of many who try at once one does.
pub fn spend(tx: &mut Tx, purpose: Purpose, secret: &str) -> Result<Found> {
    let found = look_up(tx, purpose, secret)?;
    let (organization, hash) = parse(purpose, secret).ok_or_else(refused)?;
    if diesel::delete(secrets::table.find((organization, hash))).execute(tx.conn)? == 0 {
        return Err(refused());
    }
    Ok(found)
}

/// One answer, whatever is wrong with it.
pub fn refused() -> ApiError {
    ApiError::invalid("/token", "invalid_token", "is unknown, has been used, has expired, or a newer one has been sent")
}

/// Takes away what has expired, and what a wrong clock has made: its time would come.
pub fn purge(conn: &mut Conn) -> Result<usize> {
    let now = Instant::now();
    let untimely = secrets::expires_at.gt(now.plus_seconds(Purpose::Invitation.lasts() + clock::LEEWAY));
    Ok(diesel::delete(secrets::table.filter(secrets::expires_at.lt(now).or(untimely))).execute(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_its_own_purpose() {
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
