//! Handlers for second factors.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated, UserId,
        guard::AuthContext,
        policy::{OwnFactor, WriteUsers},
    },
    db::{Db, Tx},
    error::Result,
    http::{Answer, Body, Reply, body::LOGIN_LIMIT, no_content, ok_json},
    identity::emails::{self, Reachable},
    mail::{Mailer, OutgoingEmail},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// Fetch the state of my second factor
///
/// Whether I have one, and whether my role must have one.
#[utoipa::path(
    tag = "Me",
    responses((status = 200, body = SecondFactor)),
    security(("bearer" = ["self:factor"])),
)]
#[get("/me/second-factor")]
pub async fn get_second_factor(who: Allowed<OwnFactor>, db: Data<Db>) -> Reply<SecondFactor> {
    ok_json(db.read(&who, store::own).await?)
}

/// Start to set up a second factor
///
/// Returns the secret for an authenticator app (RFC 6238), once. No code is needed before one has confirmed it. Needs a
/// password that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Me",
    responses((status = 200, body = NewFactor)),
    security(("bearer" = ["self:factor"])),
)]
#[post("/me/second-factor")]
pub async fn begin_second_factor(
    who: RecentlyAuthenticated<OwnFactor>,
    db: Data<Db>,
    auth: Data<AuthContext>,
) -> Reply<NewFactor> {
    ok_json(db.write(&who, move |tx| store::begin(tx, &auth.secrets)).await?)
}

/// Confirm my second factor
///
/// Send a code from the authenticator app. From now on every sign-in needs a code. Ends all my other sessions. Returns
/// the recovery codes, once.
#[utoipa::path(
    tag = "Me",
    request_body = Confirmation,
    responses((status = 200, body = RecoveryCodes)),
    security(("bearer" = ["self:factor"])),
)]
#[post("/me/second-factor/confirmation")]
pub async fn confirm_second_factor(
    who: RecentlyAuthenticated<OwnFactor>,
    db: Data<Db>,
    auth: Data<AuthContext>,
    mailer: Data<Mailer>,
    body: Body<Confirmation, LOGIN_LIMIT>,
) -> Reply<RecoveryCodes> {
    let confirm = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        let codes = store::confirm(tx, &auth.secrets, &body.otp)?;
        out.extend(emails::second_factor_was_set(&Reachable::own(tx)?));
        Ok(codes)
    };
    ok_json(emails::write(&db, &who, &mailer, confirm).await?)
}

/// Renew my recovery codes
///
/// Returns ten new codes, once. The earlier codes stop working. Needs a password that was entered within the last ten
/// minutes.
#[utoipa::path(
    tag = "Me",
    responses((status = 200, body = RecoveryCodes)),
    security(("bearer" = ["self:factor"])),
)]
#[post("/me/second-factor/recovery-codes")]
pub async fn renew_recovery_codes(
    who: RecentlyAuthenticated<OwnFactor>,
    db: Data<Db>,
    mailer: Data<Mailer>,
) -> Reply<RecoveryCodes> {
    let renew = |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        let codes = store::renew_codes(tx)?;
        out.extend(emails::recovery_codes_were_renewed(&Reachable::own(tx)?));
        Ok(codes)
    };
    ok_json(emails::write(&db, &who, &mailer, renew).await?)
}

/// Remove my second factor
///
/// Ends all my other sessions. If my role must have a second factor, nothing else works until I set up another. Needs a
/// password that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Me",
    responses((status = 204, description = "Signing in no longer requires a code.")),
    security(("bearer" = ["self:factor"])),
)]
#[delete("/me/second-factor")]
pub async fn remove_second_factor(
    who: RecentlyAuthenticated<OwnFactor>,
    db: Data<Db>,
    mailer: Data<Mailer>,
) -> Result<Answer<()>> {
    let remove = |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        out.extend(emails::second_factor_was_removed(&store::remove_own(tx)?));
        Ok(())
    };
    emails::write(&db, &who, &mailer, remove).await?;
    no_content()
}

/// Remove a user's second factor
///
/// For a user who lost it and whose identity the administrator has checked. Ends the user's sessions. Needs a password
/// that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Users",
    params(("id" = UserId, Path)),
    responses((status = 204, description = "Signing in no longer requires a code.")),
    security(("bearer" = ["users:write"])),
)]
#[delete("/users/{id}/second-factor")]
pub async fn remove_user_second_factor(
    who: RecentlyAuthenticated<WriteUsers>,
    db: Data<Db>,
    mailer: Data<Mailer>,
    id: Path<UserId>,
) -> Result<Answer<()>> {
    let remove = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        out.extend(emails::second_factor_was_removed(&store::remove_of(tx, *id)?));
        Ok(())
    };
    emails::write(&db, &who, &mailer, remove).await?;
    no_content()
}
