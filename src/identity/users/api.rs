//! Handlers for users; the caller's own user first.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated, UserId,
        password::Hasher,
        policy::{ReadSelf, ReadUsers, WriteSelf, WriteUsers},
    },
    db::{Db, Tx},
    error::Result,
    http::{Answer, Body, IfMatch, List, Page, Reply, body::LOGIN_LIMIT, no_content, ok_page, ok_record},
    identity::{sessions::throttle, teams},
};
use actix_web::{
    get, patch, put,
    web::{Data, Path},
};

/// Fetch my user
///
/// The signed-in user with role, teams and permissions.
#[utoipa::path(
    tag = "Me",
    responses((status = 200, body = Me)),
    security(("bearer" = ["self:read"])),
)]
#[get("/me")]
pub async fn get_me(who: Allowed<ReadSelf>, db: Data<Db>) -> Reply<Me> {
    let read = |tx: &mut crate::db::Tx<'_>| -> Result<Me> {
        let row = store::own(tx)?;
        let team_ids = teams::store::of_caller(tx)?;
        Ok(Me::new(row, team_ids))
    };
    ok_record(db.peek(&who, read).await?)
}

/// Change my user
///
/// The name that colleagues see.
#[utoipa::path(
    tag = "Me",
    params(IfMatch),
    request_body = MePatch,
    responses((status = 200, body = Me)),
    security(("bearer" = ["self:write"])),
)]
#[patch("/me")]
pub async fn update_me(who: Allowed<WriteSelf>, db: Data<Db>, version: IfMatch, patch: Body<MePatch>) -> Reply<Me> {
    ok_record(db.write(&who, move |tx| store::update_own(tx, &version, &patch)).await?)
}

/// Change my password
///
/// Needs the current password. Ends all my other sessions.
#[utoipa::path(
    tag = "Me",
    request_body = PasswordChange,
    responses((status = 204, description = "The password is changed.")),
    security(("bearer" = ["self:write"])),
)]
#[put("/me/password")]
pub async fn change_password(
    who: Allowed<WriteSelf>,
    db: Data<Db>,
    hasher: Data<Hasher>,
    body: Body<PasswordChange, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    let permit = hasher.permit()?;
    let present = |tx: &mut Tx<'_>| {
        let row = store::own(tx)?;
        let own = store::own_words(tx, &row.display_name, &row.email)?;
        Ok((row, own))
    };
    let (row, own) = db.peek(&who, present).await?;
    permit.check_new(body.new_password.clone(), own, "/new_password").await?;
    // A caller who has stolen a session must not guess the password faster than at sign-in.
    let (email, id) = (row.email.clone(), row.id);
    let turn =
        move |tx: &mut Tx<'_>| Ok((throttle::record_attempt(tx, &email)?, tx.refusal("user.password_refused", id)));
    let (may, refusal) = db.write(&who, turn).await?;
    if !permit.verify(body.current_password.clone(), row.password_hash.clone().filter(|_| may)).await? {
        db.audit_without_waiting(vec![refusal]);
        return Err(store::wrong_password());
    }
    let hash = permit.hash(body.new_password.clone()).await?;
    db.write(&who, move |tx| store::set_password(tx, row.password_hash.as_deref(), hash.clone())).await?;
    no_content()
}

/// List users
///
/// An administrator sees every user of the organization; supervisors and advocates see those who share a team with
/// them.
#[utoipa::path(
    tag = "Users",
    params(List<UserFilter>),
    responses((status = 200, body = Page<User>)),
    security(("bearer" = ["users:read"])),
)]
#[get("/users")]
pub async fn list_users(who: Allowed<ReadUsers>, db: Data<Db>, list: List<UserFilter>) -> Reply<Page<User>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Fetch one user
///
/// A user of the organization whom the caller may see.
#[utoipa::path(
    tag = "Users",
    params(("id" = UserId, Path)),
    responses((status = 200, body = User)),
    security(("bearer" = ["users:read"])),
)]
#[get("/users/{id}")]
pub async fn get_user(who: Allowed<ReadUsers>, db: Data<Db>, id: Path<UserId>) -> Reply<User> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?.into())
}

/// Change a user
///
/// A changed role, status, scope or purpose ends the user's sessions. You cannot change your own, and an organization
/// must keep one administrator. Needs a password that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Users",
    params(("id" = UserId, Path), IfMatch),
    request_body = UserPatch,
    responses((status = 200, body = User)),
    security(("bearer" = ["users:write"])),
)]
#[patch("/users/{id}")]
pub async fn update_user(
    who: RecentlyAuthenticated<WriteUsers>,
    db: Data<Db>,
    id: Path<UserId>,
    version: IfMatch,
    patch: Body<UserPatch>,
) -> Reply<User> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
