//! Queries over sessions and their refresh tokens.

use super::model::*;
use crate::{
    auth::{
        Actor, OrganizationId, Role, SessionId, UserId,
        token::{hash_secret, random_secret},
    },
    db::{
        Conn, Dialect, PortableDsl as _, Tx,
        schema::{organizations, refresh_tokens, sessions, users},
    },
    error::Result,
    identity::{
        organizations::model::OrganizationStatus,
        users::model::{UserRow, UserStatus},
    },
    types::Instant,
};
use diesel::{dsl, prelude::*};

/// The sessions that this caller may see: their own.
fn visible(tx: &Tx) -> Result<sessions::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    Ok(sessions::table.filter(sessions::organization_id.eq(actor.organization)).filter(sessions::user_id.eq(actor.user)).into_boxed())
}

/// A session as the guard needs it: whose, in what role, and until when.
#[derive(Debug, Clone, Copy, Queryable)]
pub struct Live {
    pub session: SessionId,
    pub user: UserId,
    pub role: Role,
    pub expires_at: Instant,
}

/// The sessions that have not been ended, and whose user and organization are active.
#[dsl::auto_type]
fn alive(organization: OrganizationId) -> _ {
    let (user, owner): (UserStatus, OrganizationStatus) = (UserStatus::Active, OrganizationStatus::Active);
    sessions::table
        .inner_join(users::table.on(users::organization_id.eq(sessions::organization_id).and(users::id.eq(sessions::user_id))))
        .inner_join(organizations::table.on(organizations::id.eq(sessions::organization_id)))
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::ended_at.is_null())
        .filter(users::status.eq(user))
        .filter(organizations::status.eq(owner))
        .select((sessions::id, users::id, users::role, sessions::expires_at))
}

pub fn live(conn: &mut Conn, organization: OrganizationId, session: SessionId) -> Result<Option<Live>> {
    Ok(alive(organization).filter(sessions::id.eq(session)).first(conn).optional()?)
}

/// The same of many.
pub fn all_live(conn: &mut Conn, organization: OrganizationId, these: Vec<SessionId>) -> Result<Vec<Live>> {
    Ok(alive(organization).filter(sessions::id.eq_any(these)).load(conn)?)
}

/// Whether there is such a session of this user, ended or not, whose time is not over.
pub fn is_ours(conn: &mut Conn, organization: OrganizationId, session: SessionId, user: UserId) -> Result<bool> {
    let theirs = sessions::table.find((organization, session)).filter(sessions::user_id.eq(user));
    Ok(diesel::select(dsl::exists(theirs.filter(sessions::expires_at.gt(Instant::now())))).get_result(conn)?)
}

/// Whether somebody's session goes on, in the role in which they were let in.
pub fn stands(conn: &mut Conn, actor: Actor) -> Result<bool> {
    let live = live(conn, actor.organization, actor.session)?;
    Ok(live.is_some_and(|live| live.user == actor.user && live.role == actor.role && live.expires_at > Instant::now()))
}

/// The caller's own sessions that go on.
pub fn own(tx: &mut Tx) -> Result<Sessions> {
    let this = tx.actor()?.session;
    let open = visible(tx)?.filter(sessions::ended_at.is_null()).filter(sessions::expires_at.gt(Instant::now()));
    let rows: Vec<SessionRow> =
        open.order((sessions::created_at.desc(), sessions::id.desc())).select(SessionRow::as_select()).load(tx.conn)?;
    tx.saw_all("session.listed", rows.iter().map(|row| row.id));
    let shown = |row: SessionRow| Session { id: row.id, started_at: row.created_at, expires_at: row.expires_at, is_this: row.id == this };
    Ok(Sessions { items: rows.into_iter().map(shown).collect() })
}

/// Starts a session for somebody who has proved who they are, unless they may no longer sign in, or what they have proved it by, the
/// hash of a password, is theirs no more.
pub fn start(tx: &mut Tx, user: UserId, proved: Option<&str>) -> Result<Option<(Actor, String)>> {
    // Held until the session is there to be ended with the others, and to be counted with them.
    let present = users::table.find((tx.organization(), user)).select(users::password_hash).locked();
    if present.get_result::<Option<String>>(tx.conn).optional()?.flatten().as_deref() != proved {
        tx.nothing_changed();
        return Ok(None);
    }
    let session = SessionRow::start(tx.organization(), user);
    diesel::insert_into(sessions::table).values(&session).execute(tx.conn)?;
    let Some(live) = live(tx.conn, session.organization_id, session.id)? else {
        diesel::delete(sessions::table.find((session.organization_id, session.id))).execute(tx.conn)?;
        tx.nothing_changed();
        return Ok(None);
    };
    end_surplus(tx, user, session.id)?;
    let actor = Actor { organization: session.organization_id, user, role: live.role, session: session.id };
    let token = issue(tx, actor, session.expires_at)?;
    tx.record_as(actor, "session.started");
    Ok(Some((actor, token)))
}

/// A refresh token names its organization, so that it is looked for there and nowhere else; the rest of it is the secret.
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
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(tx.conn)?;
    Ok(format!("{}.{secret}", actor.organization.uuid().simple()))
}

/// Spends a refresh token for the next one. Of several uses one wins; any other ends the session, for the token has been copied.
pub fn rotate(tx: &mut Tx, token: &str) -> Result<Option<(Actor, String)>> {
    tx.nothing_changed();
    let Some((organization, secret)) = token.split_once('.') else { return Ok(None) };
    let Ok(organization) = uuid::Uuid::try_parse(organization) else { return Ok(None) };
    let organization = OrganizationId::from_uuid(organization);
    tx.enter(organization)?;
    let hash = hash_secret(secret);
    let found = refresh_tokens::table.find((organization, &hash)).select(RefreshRow::as_select());
    let Some(row) = found.first::<RefreshRow>(tx.conn).optional()? else { return Ok(None) };
    let Some(live) = live(tx.conn, organization, row.session_id)? else { return Ok(None) };
    let actor = Actor { organization, user: live.user, role: live.role, session: row.session_id };
    let now = Instant::now();
    let unspent = refresh_tokens::table.find((organization, &hash)).filter(refresh_tokens::spent_at.is_null());
    if diesel::update(unspent).set(refresh_tokens::spent_at.eq(now)).execute(tx.conn)? == 0 {
        end(tx, row.session_id)?;
        tx.record_as(actor, "session.refresh_reused");
        return Ok(None);
    }
    if row.expires_at <= now || live.expires_at <= now {
        return Ok(None);
    }
    let token = issue(tx, actor, live.expires_at)?;
    tx.record_as(actor, "session.refreshed");
    Ok(Some((actor, token)))
}

fn end(tx: &mut Tx, session: SessionId) -> Result<usize> {
    let open = sessions::table.find((tx.organization(), session)).filter(sessions::ended_at.is_null());
    Ok(diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?)
}

/// Ends the oldest sessions of a person who has one too many with this one.
fn end_surplus(tx: &mut Tx, user: UserId, but: SessionId) -> Result<()> {
    let open = sessions::table
        .filter(sessions::organization_id.eq(tx.organization()))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::id.ne(but))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(Instant::now()));
    let newest_first = open.order((sessions::created_at.desc(), sessions::id.desc())).offset(MOST_SESSIONS - 1).limit(i64::MAX);
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
    tx.record("session.ended", own, Vec::new());
    Ok(())
}

/// Ends every session of a person, but for one.
pub fn end_all(tx: &mut Tx, user: UserId, but: Option<SessionId>) -> Result<()> {
    let open = sessions::table
        .filter(sessions::organization_id.eq(tx.organization()))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::id.ne(but.unwrap_or(SessionId::NOBODYS)));
    diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?;
    Ok(())
}

/// The user of a session that has just been started or refreshed.
pub fn user(tx: &mut Tx, actor: Actor) -> Result<UserRow> {
    Ok(users::table.find((actor.organization, actor.user)).select(UserRow::as_select()).first(tx.conn)?)
}
