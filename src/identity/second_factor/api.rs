//! Handlers for second factors.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, Fresh, UserId,
        policy::{OwnFactor, WriteUsers},
    },
    db::Db,
    error::Result,
    http::{Answer, Body, Reply, body::LOGIN_LIMIT, no_content, plain},
    identity::{letters, users},
    mail::Post,
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// Whether I have a second factor
///
/// And whether my role must have one.
#[utoipa::path(tag = "Me", responses((status = 200, body = SecondFactor)), security(("bearer" = ["self:factor"])))]
#[get("/me/second-factor")]
pub async fn get_second_factor(who: Allowed<OwnFactor>, db: Data<Db>) -> Reply<SecondFactor> {
    plain(db.read(&who, store::own).await?)
}

/// Begin a second factor
///
/// Shows the secret for an authenticator (RFC 6238), this once. Nothing is asked for until a code has confirmed it. Asks for a password
/// that was said within the last ten minutes.
#[utoipa::path(tag = "Me", responses((status = 200, body = NewFactor)), security(("bearer" = ["self:factor"])))]
#[post("/me/second-factor")]
pub async fn begin_second_factor(who: Fresh<OwnFactor>, db: Data<Db>) -> Reply<NewFactor> {
    plain(db.write(&who, store::begin).await?)
}

/// Confirm my second factor
///
/// With a code that the authenticator shows. From now on one is asked for when signing in. Every other session of the person ends. The
/// recovery codes are shown this once.
#[utoipa::path(tag = "Me", request_body = Confirmation, responses((status = 200, body = RecoveryCodes)), security(("bearer" = ["self:factor"])))]
#[post("/me/second-factor/confirmation")]
pub async fn confirm_second_factor(
    who: Fresh<OwnFactor>,
    db: Data<Db>,
    post: Data<Post>,
    body: Body<Confirmation, LOGIN_LIMIT>,
) -> Reply<RecoveryCodes> {
    let (codes, user) = db.write(&who, move |tx| Ok((store::confirm(tx, &body.otp)?, users::store::own(tx)?))).await?;
    post.send(letters::second_factor_was_set(&user));
    plain(codes)
}

/// Renew my recovery codes
///
/// Ten new ones, shown this once; those from before are worth nothing. Asks for a password that was said within the last ten minutes.
#[utoipa::path(tag = "Me", responses((status = 200, body = RecoveryCodes)), security(("bearer" = ["self:factor"])))]
#[post("/me/second-factor/recovery-codes")]
pub async fn renew_recovery_codes(who: Fresh<OwnFactor>, db: Data<Db>, post: Data<Post>) -> Reply<RecoveryCodes> {
    let (codes, user) = db.write(&who, |tx| Ok((store::renew_codes(tx)?, users::store::own(tx)?))).await?;
    post.send(letters::recovery_codes_were_renewed(&user));
    plain(codes)
}

/// Remove my second factor
///
/// Every other session of the person ends. Where the role must have one, nothing else can be done until there is another. Asks for a
/// password that was said within the last ten minutes.
#[utoipa::path(tag = "Me", responses((status = 204, description = "No code is asked for any more.")), security(("bearer" = ["self:factor"])))]
#[delete("/me/second-factor")]
pub async fn remove_second_factor(who: Fresh<OwnFactor>, db: Data<Db>, post: Data<Post>) -> Result<Answer<()>> {
    let user = db.write(&who, store::remove_own).await?;
    post.send(letters::second_factor_was_removed(&user));
    no_content()
}

/// Remove a user's second factor
///
/// For somebody who has lost it, and whom the administrator knows to be themselves. Their sessions end. Asks for a password that was said
/// within the last ten minutes.
#[utoipa::path(tag = "Users", params(("id" = UserId, Path)), responses((status = 204, description = "No code is asked for any more.")), security(("bearer" = ["users:write"])))]
#[delete("/users/{id}/second-factor")]
pub async fn remove_user_second_factor(who: Fresh<WriteUsers>, db: Data<Db>, post: Data<Post>, id: Path<UserId>) -> Result<Answer<()>> {
    let user = db.write(&who, move |tx| store::remove_of(tx, *id)).await?;
    post.send(letters::second_factor_was_removed(&user));
    no_content()
}
