//! Queries over sessions and their refresh tokens.

use super::model::*;
use crate::{
    auth::{
        Actor, OrganizationId, Role, SessionId, UserId,
        guard::Sessions,
        token::{Claims, hash_secret, random_secret},
    },
    db::{
        Conn, Db, Dialect, Tx,
        schema::{organizations, refresh_tokens, sessions, users},
    },
    error::{ApiError, Result},
    identity::{
        organizations::model::OrganizationStatus,
        users::model::{UserRow, UserStatus},
    },
    types::Instant,
};
use diesel::prelude::*;
use std::{future::Future, pin::Pin};

/// The sessions that this caller may see: their own.
fn visible(tx: &Tx) -> Result<sessions::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    Ok(sessions::table.filter(sessions::organization_id.eq(actor.organization)).filter(sessions::user_id.eq(actor.user)).into_boxed())
}

/// A session as the guard needs it: whose, in what role, and until when. Only where user and organization are active.
type Live = (UserId, Role, Instant);

fn live(conn: &mut Conn, organization: OrganizationId, session: SessionId) -> Result<Option<Live>> {
    let found = sessions::table
        .inner_join(users::table.on(users::organization_id.eq(sessions::organization_id).and(users::id.eq(sessions::user_id))))
        .inner_join(organizations::table.on(organizations::id.eq(sessions::organization_id)))
        .filter(sessions::organization_id.eq(organization))
        .filter(sessions::id.eq(session))
        .filter(sessions::ended_at.is_null())
        .filter(users::status.eq(UserStatus::Active))
        .filter(organizations::status.eq(OrganizationStatus::Active))
        .select((users::id, users::role, sessions::expires_at));
    Ok(found.first(conn).optional()?)
}

/// The guard's look at the session, at every request.
impl Sessions for Db {
    fn actor<'a>(&'a self, claims: &'a Claims) -> Pin<Box<dyn Future<Output = Result<Actor>> + 'a>> {
        let (organization, session, subject) = (claims.org, claims.sid, claims.sub);
        Box::pin(async move {
            let live = self.engine().peek(move |conn| live(conn, organization, session)).await?;
            match live {
                Some((user, role, expires_at)) if user == subject && expires_at > Instant::now() => {
                    Ok(Actor { organization, user, role, session })
                }
                _ => Err(ApiError::unauthenticated()),
            }
        })
    }
}

/// Starts a session for somebody who has proved who they are, unless they may no longer sign in.
pub fn start(tx: &mut Tx, user: UserId) -> Result<Option<(Actor, String)>> {
    let session = SessionRow::start(tx.organization(), user);
    diesel::insert_into(sessions::table).values(&session).execute(tx.conn)?;
    let Some((_, role, _)) = live(tx.conn, session.organization_id, session.id)? else {
        diesel::delete(sessions::table.find((session.organization_id, session.id))).execute(tx.conn)?;
        tx.nothing_changed();
        return Ok(None);
    };
    let actor = Actor { organization: session.organization_id, user, role, session: session.id };
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
    let Some((user, role, session_expires_at)) = live(tx.conn, organization, row.session_id)? else { return Ok(None) };
    let actor = Actor { organization, user, role, session: row.session_id };
    let now = Instant::now();
    let unspent = refresh_tokens::table.find((organization, &hash)).filter(refresh_tokens::spent_at.is_null());
    if diesel::update(unspent).set(refresh_tokens::spent_at.eq(now)).execute(tx.conn)? == 0 {
        end(tx, row.session_id)?;
        tx.record_as(actor, "session.refresh_reused");
        return Ok(None);
    }
    if row.expires_at <= now || session_expires_at <= now {
        return Ok(None);
    }
    let token = issue(tx, actor, session_expires_at)?;
    tx.record_as(actor, "session.refreshed");
    Ok(Some((actor, token)))
}

fn end(tx: &mut Tx, session: SessionId) -> Result<usize> {
    let open = sessions::table.find((tx.organization(), session)).filter(sessions::ended_at.is_null());
    Ok(diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?)
}

/// Ends the caller's own session.
pub fn end_own(tx: &mut Tx) -> Result<()> {
    let actor = tx.actor()?;
    let own: SessionId = visible(tx)?.filter(sessions::id.eq(actor.session)).select(sessions::id).first(tx.conn)?;
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
        .filter(sessions::id.ne(but.unwrap_or(SessionId::from_uuid(uuid::Uuid::nil()))));
    diesel::update(open).set(sessions::ended_at.eq(Instant::now())).execute(tx.conn)?;
    Ok(())
}

/// The user of a session that has just been started or refreshed.
pub fn user(tx: &mut Tx, actor: Actor) -> Result<UserRow> {
    Ok(users::table.find((actor.organization, actor.user)).select(UserRow::as_select()).first(tx.conn)?)
}
