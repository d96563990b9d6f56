//! Rate limit for password guessing (AU-06). An attempt is counted before it is checked: for its account, whether that
//! exists or not, and for its source, the address that it comes from. The database holds the counts, so they apply to
//! every server and survive a restart.
//!
//! If somebody has signed in to an account from a source before, the attempts from there are counted separately. So
//! somebody who guesses from elsewhere, and makes the account wait, does not lock its owner out.

use crate::{
    auth::UserId,
    db::{Conn, PortableDsl as _, Tx, schema::sign_in_tries as tries},
    error::{ApiError, Result},
    types::{Email, Instant},
};
use diesel::prelude::*;
use sha2::{Digest as _, Sha256};
use std::net::{IpAddr, Ipv6Addr};

/// How many failures are accepted, and for how long they are remembered.
struct Rule {
    /// From this failure on there is a wait, which doubles with each further failure.
    first_that_waits: i32,
    /// After this many failures in a row, attempts are refused until a new password is set.
    most: i32,
    /// Seconds from the first failure. `None` for an account, whose failures count until a right password.
    forgotten_after: Option<i64>,
}

/// SP 800-63B-4, 3.2.2: no more than a hundred failures in a row.
const OF_ACCOUNT: Rule = Rule { first_that_waits: 5, most: 100, forgotten_after: None };
/// Many users may share an IP address, and each may mistype.
const OF_SOURCE: Rule = Rule { first_that_waits: 100, most: i32::MAX, forgotten_after: Some(3600) };
/// Codes of a second factor. There is no final lockout: the right password may have been entered by somebody else, who
/// must not lock the owner out for good.
const OF_FACTOR: Rule = Rule { first_that_waits: 5, most: i32::MAX, forgotten_after: None };
/// E-mails that are requested: the fifth within an hour makes the sixth wait.
const OF_EMAILS: Rule = Rule { first_that_waits: 5, most: i32::MAX, forgotten_after: Some(3600) };
/// Seconds.
const FIRST_WAIT: i64 = 30;
pub const MAX_WAIT: i64 = 15 * 60;
/// For how many seconds a count is kept: with fewer failures than cause a wait; after a sign-in or a wait; and for an
/// account that is locked.
const KEPT: i64 = 24 * 3600;
const KEPT_LONGER: i64 = 90 * 24 * 3600;
const KEPT_ALWAYS: i64 = 100 * 365 * 24 * 3600;

impl Rule {
    /// Seconds until the next attempt is checked, after this many failures.
    fn wait(&self, failures: i32) -> Option<i64> {
        let doublings = failures.checked_sub(self.first_that_waits).filter(|more| *more >= 0)?;
        Some(MAX_WAIT.min(FIRST_WAIT << doublings.min(10)))
    }
    fn kept(&self, failures: i32) -> i64 {
        match failures {
            few if few < self.first_that_waits => KEPT,
            many if many < self.most => KEPT_LONGER,
            _ => KEPT_ALWAYS,
        }
    }
}

type Key = Vec<u8>;

fn of_account(email: &Email) -> Key {
    Sha256::new().chain_update("account ").chain_update(email.as_str()).finalize().to_vec()
}

/// A household or an office has 2⁶⁴ IPv6 addresses, so its whole /64 network is one source.
fn of_source(address: IpAddr) -> Key {
    let address = match address.to_canonical() {
        IpAddr::V6(six) => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        four => four,
    };
    Sha256::new().chain_update("source ").chain_update(address.to_string()).finalize().to_vec()
}

/// An account from one source. The row exists from the first sign-in to the account from there.
fn of_both(account: &Key, source: &Key) -> Key {
    Sha256::new().chain_update("both ").chain_update(account).chain_update(source).finalize().to_vec()
}

/// When a wait ends. A wait that was set while a clock was ahead is cut to the longest wait.
fn over(until: Option<Instant>, now: Instant) -> Option<Instant> {
    until.filter(|until| *until > now).map(|until| until.min(now.plus_seconds(MAX_WAIT)))
}

/// For how many more seconds attempts from the caller's source are refused without a check. A wait that was set while a
/// clock was ahead is ignored here: [`record_attempt`] corrects it.
pub fn source_waits(tx: &mut Tx) -> Result<Option<i64>> {
    let Some(source) = tx.caller_address() else { return Ok(None) };
    let until =
        tries::table.find(of_source(source)).select(tries::waits_until).first::<Option<Instant>>(tx.conn).optional()?;
    let now = Instant::now();
    let until = until.flatten().filter(|until| *until > now && *until <= now.plus_seconds(MAX_WAIT));
    Ok(until.map(|until| (until.micros() - now.micros()) / 1_000_000 + 1))
}

/// Counts an attempt as a failure, until [`clear_attempts`] removes it. Returns whether the attempt may be checked.
pub fn record_attempt(tx: &mut Tx, email: &Email) -> Result<bool> {
    tx.nothing_changed();
    let account = of_account(email);
    let Some(source) = tx.caller_address().map(of_source) else { return count(tx.conn, &account, &OF_ACCOUNT) };
    // Always in this order, so that no two transactions wait for each other.
    let may = count(tx.conn, &source, &OF_SOURCE)?;
    let both = of_both(&account, &source);
    let known = tries::table.find(&both).select(tries::key).first::<Key>(tx.conn).optional()?.is_some();
    Ok(may && count(tx.conn, if known { &both } else { &account }, &OF_ACCOUNT)?)
}

fn count(conn: &mut Conn, key: &Key, rule: &Rule) -> Result<bool> {
    let now = Instant::now();
    insert_if_missing(conn, key, None, now)?;
    let own = tries::table.find(key);
    let held = own.select((tries::failures, tries::since, tries::waits_until, tries::kept_until)).locked();
    let held = held.get_result::<(i32, Instant, Option<Instant>, Instant)>(conn).optional()?;
    // A right password may just have deleted the row: the transaction is repeated.
    let (failures, since, until, kept_until) = held.ok_or_else(ApiError::contention)?;
    if failures >= rule.most {
        return Ok(false);
    }
    if let Some(over) = over(until, now) {
        diesel::update(own).set(tries::waits_until.eq(Some(over))).execute(conn)?;
        return Ok(false);
    }
    let forgotten = rule.forgotten_after.is_some_and(|seconds| since.plus_seconds(seconds) <= now);
    let (failures, since) = if forgotten || failures == 0 { (1, now) } else { (failures + 1, since) };
    let waits_until = rule.wait(failures).map(|seconds| now.plus_seconds(seconds));
    let kept_until = kept_until.max(now.plus_seconds(rule.kept(failures)));
    let counted = (
        tries::failures.eq(failures),
        tries::since.eq(since),
        tries::waits_until.eq(waits_until),
        tries::kept_until.eq(kept_until),
    );
    diesel::update(own).set(counted).execute(conn)?;
    Ok(true)
}

/// Inserts the row of a count, if it does not exist.
fn insert_if_missing(conn: &mut Conn, key: &Key, account: Option<&Key>, now: Instant) -> Result<()> {
    let of = (tries::key.eq(key), tries::account.eq(account));
    diesel::insert_into(tries::table)
        .values((of, tries::failures.eq(0), tries::since.eq(now), tries::kept_until.eq(now.plus_seconds(KEPT))))
        .on_conflict_do_nothing()
        .portable()
        .execute(conn)?;
    Ok(())
}

/// The password was right: resets the account's failures, does not count this attempt for its source, and makes the
/// account known from there. Returns whether it was not known from there before, and was from another source.
pub fn clear_attempts(tx: &mut Tx, email: &Email) -> Result<bool> {
    let (account, now, none) = (of_account(email), Instant::now(), None::<Instant>);
    let source = tx.caller_address().map(of_source);
    if let Some(source) = &source {
        exempt_source(tx.conn, source)?;
    }
    diesel::delete(tries::table.find(&account)).execute(tx.conn)?;
    let mut is_new = false;
    if let Some(source) = &source {
        let both = of_both(&account, source);
        let places = tries::table.filter(tries::account.assume_not_null().eq(&account)).select(tries::key);
        let places: Vec<Key> = places.load(tx.conn)?;
        is_new = !places.is_empty() && !places.contains(&both);
        insert_if_missing(tx.conn, &both, Some(&account), now)?;
        let kept_until = now.plus_seconds(KEPT_LONGER);
        let fresh = (
            tries::failures.eq(0),
            tries::since.eq(now),
            tries::waits_until.eq(none),
            tries::kept_until.eq(kept_until),
        );
        diesel::update(tries::table.find(&both)).set(fresh).execute(tx.conn)?;
    }
    Ok(is_new)
}

/// Forgets the failures of an account from all sources, because its password is new.
pub fn forget(conn: &mut Conn, email: &Email) -> Result<()> {
    let account = of_account(email);
    diesel::delete(tries::table.filter(tries::key.eq(&account).or(tries::account.assume_not_null().eq(&account))))
        .execute(conn)?;
    Ok(())
}

fn of_factor(user: UserId) -> Key {
    Sha256::new().chain_update("factor ").chain_update(user.to_string()).finalize().to_vec()
}

/// Counts an attempt at a code of the second factor, separately: a caller who has the password guesses no faster
/// (AU-10). Returns whether the attempt may be checked.
pub fn record_factor_attempt(conn: &mut Conn, user: UserId) -> Result<bool> {
    count(conn, &of_factor(user), &OF_FACTOR)
}

pub fn forget_factor(conn: &mut Conn, user: UserId) -> Result<()> {
    diesel::delete(tries::table.find(of_factor(user))).execute(conn)?;
    Ok(())
}

/// Whether one more e-mail of a kind may be sent for a user, or to an address: a few an hour. Counted for each
/// organization separately, so that none learns what the others have sent.
pub fn may_send_email(tx: &mut Tx, kind: &str, whose: &str) -> Result<bool> {
    let key = Sha256::new().chain_update(format!("letters {} {kind} {whose}", tx.organization())).finalize().to_vec();
    count(tx.conn, &key, &OF_EMAILS)
}

/// Counts a request for an e-mail by a caller who is not signed in, for the source that it comes from. 429 if there
/// were very many.
pub fn may_ask(tx: &mut Tx) -> Result<()> {
    tx.nothing_changed();
    let Some(source) = tx.caller_address().map(of_source) else { return Ok(()) };
    let asks = Sha256::new().chain_update("asks ").chain_update(source).finalize().to_vec();
    if count(tx.conn, &asks, &OF_SOURCE)? { Ok(()) } else { Err(ApiError::too_many(MAX_WAIT)) }
}

/// The password was right, and a code is required: the attempt is no failure of the source. It remains a failure of the
/// account.
pub fn exempt_caller(tx: &mut Tx) -> Result<()> {
    if let Some(source) = tx.caller_address().map(of_source) {
        exempt_source(tx.conn, &source)?;
    }
    Ok(())
}

/// Also ends the wait of the source: this attempt caused it, or other attempts did, which then wait longer next time.
fn exempt_source(conn: &mut Conn, source: &Key) -> Result<()> {
    let own = tries::table.find(source).filter(tries::failures.gt(0));
    diesel::update(own)
        .set((tries::failures.eq(tries::failures - 1), tries::waits_until.eq(None::<Instant>)))
        .execute(conn)?;
    Ok(())
}

/// Deletes counts that are no longer needed.
pub fn purge(conn: &mut Conn) -> Result<usize> {
    Ok(diesel::delete(tries::table.filter(tries::kept_until.lt(Instant::now()))).execute(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_grows_from_the_fifth_failure_to_15_minutes() {
        let waits: Vec<_> = [1, 4, 5, 6, 7, 8, 9, 10, 11, 99].map(|failures| OF_ACCOUNT.wait(failures)).into();
        let seconds = [30, 60, 120, 240, 480, 900, 900, 900].map(Some);
        assert_eq!(waits, [&[None, None][..], &seconds].concat());
        assert_eq!((OF_SOURCE.wait(99), OF_SOURCE.wait(100)), (None, Some(30)));
    }

    #[test]
    fn wait_is_capped_at_the_longest_wait() {
        let now = Instant::now();
        let (soon, in_a_year) = (now.plus_seconds(30), now.plus_seconds(365 * 24 * 3600));
        assert_eq!(over(Some(soon), now), Some(soon));
        assert_eq!(over(Some(in_a_year), now), Some(now.plus_seconds(MAX_WAIT)));
        assert_eq!((over(Some(now), now), over(None, now)), (None, None));
    }

    #[test]
    fn ipv6_addresses_of_one_64_bit_network_are_one_source() {
        let key = |address: &str| of_source(address.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2::9"));
        assert_ne!(key("2001:db8:1:2::4"), key("2001:db8:1:3::4"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
    }
}
