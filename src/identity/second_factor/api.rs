//! Handlers for second factors.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, Fresh, UserId,
        guard::Gate,
        policy::{OwnFactor, WriteUsers},
    },
    db::{Db, Tx},
    error::Result,
    http::{Answer, Body, Reply, body::LOGIN_LIMIT, no_content, plain},
    identity::emails::{self, Reachable},
    mail::{Letter, Post},
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
pub async fn begin_second_factor(who: Fresh<OwnFactor>, db: Data<Db>, gate: Data<Gate>) -> Reply<NewFactor> {
    plain(db.write(&who, move |tx| store::begin(tx, &gate.secrets)).await?)
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
    gate: Data<Gate>,
    post: Data<Post>,
    body: Body<Confirmation, LOGIN_LIMIT>,
) -> Reply<RecoveryCodes> {
    let confirm = move |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        let codes = store::confirm(tx, &gate.secrets, &body.otp)?;
        out.extend(emails::second_factor_was_set(&Reachable::own(tx)?));
        Ok(codes)
    };
    plain(emails::write(&db, &who, &post, confirm).await?)
}

/// Renew my recovery codes
///
/// Ten new ones, shown this once; those from before are worth nothing. Asks for a password that was said within the last ten minutes.
#[utoipa::path(tag = "Me", responses((status = 200, body = RecoveryCodes)), security(("bearer" = ["self:factor"])))]
#[post("/me/second-factor/recovery-codes")]
pub async fn renew_recovery_codes(who: Fresh<OwnFactor>, db: Data<Db>, post: Data<Post>) -> Reply<RecoveryCodes> {
    let renew = |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        let codes = store::renew_codes(tx)?;
        out.extend(emails::recovery_codes_were_renewed(&Reachable::own(tx)?));
        Ok(codes)
    };
    plain(emails::write(&db, &who, &post, renew).await?)
}

/// Remove my second factor
///
/// Every other session of the person ends. Where the role must have one, nothing else can be done until there is another. Asks for a
/// password that was said within the last ten minutes.
#[utoipa::path(tag = "Me", responses((status = 204, description = "No code is asked for any more.")), security(("bearer" = ["self:factor"])))]
#[delete("/me/second-factor")]
pub async fn remove_second_factor(who: Fresh<OwnFactor>, db: Data<Db>, post: Data<Post>) -> Result<Answer<()>> {
    let remove = |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        out.extend(emails::second_factor_was_removed(&store::remove_own(tx)?));
        Ok(())
    };
    emails::write(&db, &who, &post, remove).await?;
    no_content()
}

/// Remove a user's second factor
///
/// For somebody who has lost it, and whom the administrator knows to be themselves. Their sessions end. Asks for a password that was said
/// within the last ten minutes.
#[utoipa::path(tag = "Users", params(("id" = UserId, Path)), responses((status = 204, description = "No code is asked for any more.")), security(("bearer" = ["users:write"])))]
#[delete("/users/{id}/second-factor")]
pub async fn remove_user_second_factor(who: Fresh<WriteUsers>, db: Data<Db>, post: Data<Post>, id: Path<UserId>) -> Result<Answer<()>> {
    let remove = move |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        out.extend(emails::second_factor_was_removed(&store::remove_of(tx, *id)?));
        Ok(())
    };
    emails::write(&db, &who, &post, remove).await?;
    no_content()
}
