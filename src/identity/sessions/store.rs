//! Queries over sessions and their refresh tokens.

use super::model::*;
use crate::{
    audit::{Entry, chain},
    auth::{
        Actor, IntegrationPurpose, OrganizationId, Origin, RequestId, Role, Scopes, SessionId, UserId,
        secret_keys::{self, SecretKeys},
        token::{hash_secret, random_secret},
    },
    clock,
    db::{
        Condition, Conn, Dialect, PortableDsl as _, Tx,
        dialect::SessionEndsInTime,
        schema::{organizations, refresh_tokens, second_factors, sessions, users},
    },
    error::Result,
    identity::{
        emails::Reachable,
        one_time_tokens,
        organizations::model::OrganizationStatus,
        second_factor::{self, store::Proof},
        users::{
            self as people,
            model::{UserRow, UserStatus},
        },
    },
    types::Instant,
};
use diesel::{dsl, prelude::*};
use sha2::{Digest as _, Sha256};

/// The sessions that this caller may see: their own.
fn visible(tx: &Tx) -> Result<sessions::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    Ok(sessions::table
        .filter(sessions::organization_id.eq(actor.organization))
        .filter(sessions::user_id.eq(actor.user))
        .into_boxed())
}

/// A session as the guard needs it: its user, their role, and when it ends.
#[derive(Debug, Clone, Copy, Queryable)]
pub struct ActiveSession {
    pub session: SessionId,
    pub user: UserId,
    pub role: Role,
    pub scopes: Scopes,
    pub purpose: Option<IntegrationPurpose>,
    pub expires_at: Instant,
    pub proved_at: Instant,
    pub awaits_factor: bool,
}

impl ActiveSession {
    pub const fn actor(&self, organization: OrganizationId) -> Actor {
        let Self { session, user, role, scopes, purpose, proved_at, awaits_factor, .. } = *self;
        Actor { organization, user, role, scopes, purpose, session, proved_at, awaits_factor }
    }
}

/// The latest times at which a session can have begun and can end.
fn latest() -> (Instant, Instant) {
    let latest = Instant::now().plus_seconds(clock::LEEWAY);
    (latest, latest.plus_seconds(SESSION_SECONDS))
}

/// Ends the sessions that were created while a clock was wrong, so that none of them becomes valid later. Returns how
/// many.
///
/// PostgreSQL recognizes them by its own clock. SQLite has no clock of its own: there, a wrong clock is recognized by
/// an organization's newest audit entry, if that is in the future. Then the clock was wrong before or is wrong now.
/// Nobody can tell which, so every session of the organization ends. The entry that records this is then the newest, so
/// that this happens once.
pub fn end_sessions_of_wrong_clock(conn: &mut Conn) -> Result<usize> {
    let (now, (latest, _), has_a_clock) = (Instant::now(), latest(), conn.has_row_locks());
    let mut ended = 0;
    for organization in chain::organizations(conn)? {
        conn.set_organization(organization)?;
        let went_back =
            !has_a_clock && chain::newest_entry_at(conn, organization)?.is_some_and(|newest| newest > latest);
        let of_wrong_clock = match has_a_clock {
            true => Condition::sql("sessions.created_at > now() + interval '5 minutes'"),
            false if went_back => Condition::everything(),
            false => Condition::sql("sessions.created_at > ").at(latest),
        };
        let open =
            sessions::table.filter(sessions::organization_id.eq(organization)).filter(sessions::ended_at.is_null());
        let count = diesel::update(open.filter(of_wrong_clock)).set(sessions::ended_at.eq(now)).execute(conn)?;
        if went_back || count > 0 {
            let origin = Origin { request: RequestId::new(), source: "server".into(), own_address: None };
            chain::append(
                conn,
                Some(organization),
                vec![Entry::new(None, organization, &origin, "session.ended_by_clock", None)],
            )?;
            ended += count;
        }
    }
    Ok(ended)
}

/// The sessions that have not been ended, and whose user and organization are active.
#[dsl::auto_type]
fn active_sessions(organization: OrganizationId) -> _ {
    let (user, owner): (UserStatus, OrganizationStatus) = (UserStatus::Active, OrganizationStatus::Active);
    // At most the duration of a session from now: one that ends later was created while a clock was wrong, and is
    // invalid.
    let (latest, longest): (Instant, Instant) = latest();
    let in_time: SessionEndsInTime = SessionEndsInTime;
    sessions::table
        .inner_join(
            users::table.on(users::organization_id.eq(sessions::organization_id).and(users::id.eq(sessions::user_id))),
        )
        .inner_join(organizations::table.on(organizations::id.eq(sessions::organization_id)))
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::created_at.le(latest))
        .filter(sessions::expires_at.le(longest))
        .filter(in_time)
        .filter(users::status.eq(user))
        .filter(organizations::status.eq(owner))
        .select((
            sessions::id,
            users::id,
            users::role,
            users::scopes,
            users::purpose,
            sessions::expires_at,
            sessions::proved_at,
            sessions::awaits_factor,
        ))
}

pub fn find_active(conn: &mut Conn, organization: OrganizationId, session: SessionId) -> Result<Option<ActiveSession>> {
    Ok(active_sessions(organization).filter(sessions::id.eq(session)).first(conn).optional()?)
}

/// The same for many sessions.
pub fn find_all_active(
    conn: &mut Conn,
    organization: OrganizationId,
    these: Vec<SessionId>,
) -> Result<Vec<ActiveSession>> {
    Ok(active_sessions(organization).filter(sessions::id.eq_any(these)).load(conn)?)
}

/// Whether this user has such a session, ended or not, that has not expired.
pub fn exists_for_user(
    conn: &mut Conn,
    organization: OrganizationId,
    session: SessionId,
    user: UserId,
) -> Result<bool> {
    let theirs = sessions::table.find((organization, session)).filter(sessions::user_id.eq(user));
    Ok(diesel::select(dsl::exists(theirs.filter(sessions::expires_at.gt(Instant::now())))).get_result(conn)?)
}

/// Whether a caller's session is still valid, with the role and the scopes with which the request was admitted.
pub fn revalidate_session(conn: &mut Conn, actor: Actor) -> Result<bool> {
    let live = find_active(conn, actor.organization, actor.session)?;
    Ok(live.is_some_and(|live| {
        let same =
            (live.user, live.role, live.scopes, live.purpose) == (actor.user, actor.role, actor.scopes, actor.purpose);
        same && live.expires_at > Instant::now()
    }))
}

/// The caller's own sessions that have not ended.
pub fn own(tx: &mut Tx) -> Result<Sessions> {
    let this = tx.actor()?.session;
    let open = visible(tx)?.filter(sessions::ended_at.is_null()).filter(sessions::expires_at.gt(Instant::now()));
    let rows: Vec<SessionRow> =
        open.order((sessions::created_at.desc(), sessions::id.desc())).select(SessionRow::as_select()).load(tx.conn)?;
    tx.audit_read_all("session.listed", rows.iter().map(|row| row.id));
    let shown = |row: SessionRow| Session {
        id: row.id,
        started_at: row.created_at,
        expires_at: row.expires_at,
        is_this: row.id == this,
    };
    Ok(Sessions { items: rows.into_iter().map(shown).collect() })
}

/// The result for a user who has entered the right password.
pub enum Start {
    Begun {
        actor: Actor,
        refresh_token: String,
        recovered: bool,
    },
    /// A code of the second factor is required.
    OtpRequired,
    /// The code is wrong, or the user may no longer sign in.
    Refused,
    /// The password that they entered is no longer theirs.
    PasswordChanged,
}

/// Starts a session for a user who has proved their identity, with the second factor if they have one. Refuses it if
/// they may no longer sign in, or if `proved`, the password hash that they were checked against, is no longer theirs.
pub fn start(
    tx: &mut Tx,
    secrets: &SecretKeys,
    user: UserId,
    proved: Option<&str>,
    otp: Option<&str>,
) -> Result<Start> {
    tx.nothing_changed();
    // Locked until the session exists, so that it is ended and counted together with the others.
    let row = people::store::lock_for_update(tx, user)?;
    if row.password_hash.as_deref() != proved {
        return Ok(Start::PasswordChanged);
    }
    // Checked before the code, so that a user who may not sign in does not use one up.
    if !people::store::may_sign_in(tx, &row)? {
        return Ok(Start::Refused);
    }
    let proof = second_factor::store::prove(tx, secrets, user, otp)?;
    match proof {
        Proof::Given | Proof::Recovered => {}
        Proof::Lacking => return Ok(Start::OtpRequired),
        Proof::Wrong => return Ok(Start::Refused),
    }
    let awaits_factor = second_factor::store::is_awaited(tx, user, row.role)?;
    let session = SessionRow::start(tx.organization(), user, awaits_factor);
    diesel::insert_into(sessions::table).values(&session).execute(tx.conn)?;
    let Some(live) = find_active(tx.conn, session.organization_id, session.id)? else {
        diesel::delete(sessions::table.find((session.organization_id, session.id))).execute(tx.conn)?;
        return Ok(Start::Refused);
    };
    end_oldest(tx, user, session.id)?;
    let actor = live.actor(session.organization_id);
    let secret = issue(tx, actor, session.expires_at)?;
    let refresh_token = refresh_token(session.organization_id, &secret);
    tx.record_as(actor, "session.started");
    Ok(Start::Begun { actor, refresh_token, recovered: proof == Proof::Recovered })
}

/// Records that the user has just entered their password in this session, if the code is right too.
pub fn prove(tx: &mut Tx, secrets: &SecretKeys, proved: Option<&str>, otp: Option<&str>) -> Result<Proof> {
    tx.nothing_changed();
    let actor = tx.actor()?;
    let row = people::store::lock_own(tx)?;
    if row.password_hash.as_deref() != proved {
        return Ok(Proof::Wrong);
    }
    let proof = second_factor::store::prove(tx, secrets, actor.user, otp)?;
    if proof.is_enough() {
        let own = sessions::table.find((actor.organization, actor.session));
        diesel::update(own).set(sessions::proved_at.eq(Instant::now())).execute(tx.conn)?;
        tx.record("session.reauthenticated", actor.session, Vec::new());
    }
    Ok(proof)
}

/// Sets whether the session allows nothing until a second factor has been set up.
pub fn awaits_factor(tx: &mut Tx, session: SessionId, awaits: bool) -> Result<()> {
    diesel::update(sessions::table.find((tx.organization(), session)))
        .set(sessions::awaits_factor.eq(awaits))
        .execute(tx.conn)?;
    Ok(())
}

/// The same for every session of the organization, according to the roles that must have a second factor.
pub fn all_await_factor(tx: &mut Tx, roles: &[Role]) -> Result<()> {
    let organization = tx.organization();
    let open = sessions::table.filter(sessions::organization_id.eq(organization)).filter(sessions::ended_at.is_null());
    diesel::update(open.filter(sessions::awaits_factor)).set(sessions::awaits_factor.eq(false)).execute(tx.conn)?;
    let named = users::table.filter(users::organization_id.eq(organization)).filter(users::role.eq_any(roles.to_vec()));
    let have = second_factors::table
        .filter(second_factors::organization_id.eq(organization))
        .filter(second_factors::confirmed_at.is_not_null())
        .select(second_factors::user_id);
    let lack = named.filter(users::id.ne_all(have)).select(users::id);
    diesel::update(open.filter(sessions::user_id.eq_any(lack)))
        .set(sessions::awaits_factor.eq(true))
        .execute(tx.conn)?;
    Ok(())
}

/// A refresh token names its organization, so that it is looked up only there. The rest of it is the secret.
fn refresh_token(organization: OrganizationId, secret: &str) -> String {
    format!("{}.{secret}", organization.uuid().simple())
}

/// Creates the next refresh token of a session, and returns its secret.
fn issue(tx: &mut Tx, actor: Actor, session_expires_at: Instant) -> Result<String> {
    let secret = random_secret()?;
    let now = Instant::now();
    let row = RefreshRow {
        organization_id: actor.organization,
        hash: hash_secret(&secret),
        session_id: actor.session,
        issued_at: now,
        expires_at: session_expires_at.min(now.plus_seconds(IDLE_SECONDS)),
        spent_at: None,
        successor: None,
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(tx.conn)?;
    Ok(secret)
}

/// The key that encrypts the successor of a spent token. The database holds only a hash of the token, and so cannot
/// decrypt it.
fn successor_key(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"alongside refresh successor").chain_update(secret).finalize().into()
}

/// The result of using a refresh token.
pub enum Rotated {
    /// The caller, and the next refresh token.
    Next(Actor, String),
    /// It was spent before, so somebody has copied it. The session has ended, and its user gets an e-mail.
    Reused(Reachable),
    Refused,
}

/// Exchanges a refresh token for the next one.
///
/// A response can be lost, and several windows of one browser refresh at the same moment. So the token that was spent
/// last returns the *same* successor for [`GRACE_SECONDS`]. A second successor is never created: a session has one
/// chain of tokens, so if two parties have copies of one token, one of them sooner or later uses a spent token. Any
/// other use of a spent token ends the session, because somebody has copied it.
pub fn rotate(tx: &mut Tx, token: &str) -> Result<Rotated> {
    tx.nothing_changed();
    let Some((organization, secret)) = token.split_once('.') else { return Ok(Rotated::Refused) };
    let Ok(organization) = uuid::Uuid::try_parse(organization) else { return Ok(Rotated::Refused) };
    let organization = OrganizationId::from_uuid(organization);
    tx.switch_organization(organization)?;
    // Locked: of many requests at the same moment one creates the successor, and the others find it.
    let found =
        refresh_tokens::table.find((organization, hash_secret(secret))).select(RefreshRow::as_select()).locked();
    let Some(row) = found.get_result::<RefreshRow>(tx.conn).optional()? else { return Ok(Rotated::Refused) };
    let Some(live) = find_active(tx.conn, organization, row.session_id)? else { return Ok(Rotated::Refused) };
    let (actor, now) = (live.actor(organization), Instant::now());
    if row.spent_at.is_some() {
        return Ok(match successor(tx, &row, secret, now)? {
            Some(next) => {
                tx.record_as(actor, "session.refresh_repeated");
                Rotated::Next(actor, refresh_token(organization, &next))
            }
            None => {
                // If several spent tokens are used at the same moment, one of them ends the session.
                if end(tx, row.session_id)? == 0 {
                    return Ok(Rotated::Refused);
                }
                tx.record_as(actor, "session.refresh_reused");
                let row = user(tx, actor)?;
                Rotated::Reused(Reachable::find(tx, row.id, &row.email)?)
            }
        });
    }
    if row.expires_at <= now || live.expires_at <= now || row.issued_at > now.plus_seconds(clock::LEEWAY) {
        return Ok(Rotated::Refused);
    }
    let next = issue(tx, actor, live.expires_at)?;
    let encrypted = secret_keys::encrypt(&successor_key(secret), &row.hash, next.as_bytes())?;
    // The token that was spent before this one no longer returns a successor.
    let before = refresh_tokens::table
        .filter(refresh_tokens::organization_id.eq(organization))
        .filter(refresh_tokens::session_id.eq(row.session_id))
        .filter(refresh_tokens::successor.is_not_null());
    diesel::update(before).set(refresh_tokens::successor.eq(None::<Vec<u8>>)).execute(tx.conn)?;
    let spent = (refresh_tokens::spent_at.eq(Some(now)), refresh_tokens::successor.eq(Some(encrypted)));
    diesel::update(refresh_tokens::table.find((organization, &row.hash))).set(spent).execute(tx.conn)?;
    tx.record_as(actor, "session.refreshed");
    Ok(Rotated::Next(actor, refresh_token(organization, &next)))
}

/// The secret of the token after a spent one, if it may still be returned: within the grace period, and not spent
/// itself.
fn successor(tx: &mut Tx, row: &RefreshRow, secret: &str, now: Instant) -> Result<Option<String>> {
    // Another server's clock may be a little ahead.
    let in_grace =
        |spent_at: Instant| spent_at <= now.plus_seconds(GRACE_SECONDS) && now <= spent_at.plus_seconds(GRACE_SECONDS);
    if !row.spent_at.is_some_and(in_grace) {
        return Ok(None);
    }
    let decrypted =
        row.successor.as_ref().and_then(|encrypted| secret_keys::decrypt(&successor_key(secret), &row.hash, encrypted));
    let Some(next) = decrypted.and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(None) };
    let unspent = refresh_tokens::table
        .find((row.organization_id, hash_secret(&next)))
        .filter(refresh_tokens::session_id.eq(row.session_id))
        .filter(refresh_tokens::spent_at.is_null())
        .filter(refresh_tokens::expires_at.gt(now));
    let is_unspent = diesel::select(dsl::exists(unspent)).get_result(tx.conn)?;
    Ok(Some(next).filter(|_| is_unspent))
}

fn end(tx: &mut Tx, session: SessionId) -> Result<usize> {
    let open = sessions::table.find((tx.organization(), session)).filter(sessions::ended_at.is_null());
    Ok(diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?)
}

/// Ends the oldest sessions of a user who has too many with this one.
fn end_oldest(tx: &mut Tx, user: UserId, except: SessionId) -> Result<()> {
    let open = sessions::table
        .filter(sessions::organization_id.eq(tx.organization()))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::id.ne(except))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::now()));
    let newest_first =
        open.order((sessions::created_at.desc(), sessions::id.desc())).offset(MAX_SESSIONS - 1).limit(i64::MAX);
    for surplus in newest_first.select(sessions::id).load::<SessionId>(tx.conn)? {
        end(tx, surplus)?;
        tx.record("session.ended", surplus, Vec::new());
    }
    Ok(())
}

/// Ends one of the caller's own sessions.
pub fn end_own(tx: &mut Tx, session: SessionId) -> Result<()> {
    let own = visible(tx)?.filter(sessions::id.eq(session)).filter(sessions::ended_at.is_null());
    let own: SessionId = own.select(sessions::id).first(tx.conn)?;
    end(tx, own)?;
    let actor = tx.actor()?;
    if own != actor.session {
        // Somebody else may have used the other session: what was requested in it must not take effect.
        one_time_tokens::withdraw_all(tx, actor.user)?;
    }
    tx.record("session.ended", own, Vec::new());
    Ok(())
}

/// Ends every session of a user but `except`, and invalidates every one-time token that was sent to them or requested
/// in one of these sessions.
pub fn end_all(tx: &mut Tx, user: UserId, except: Option<SessionId>) -> Result<()> {
    let open = sessions::table
        .filter(sessions::organization_id.eq(tx.organization()))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(except.unwrap_or(SessionId::NIL)));
    diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?;
    one_time_tokens::withdraw_all(tx, user)
}

/// The user of a session that has just been started or refreshed.
pub fn user(tx: &mut Tx, actor: Actor) -> Result<UserRow> {
    Ok(users::table.find((actor.organization, actor.user)).select(UserRow::as_select()).first(tx.conn)?)
}
