//! Handlers for signing in and out.

use super::{
    model::*,
    sign_in,
    store::{self, Rotated},
    throttle,
};
use crate::{
    auth::{
        Allowed, Anyone, SessionId, UserId,
        guard::AuthContext,
        password::Hasher,
        policy::{OwnFactor, ReadSelf, WriteUsers},
    },
    db::{Db, Tx},
    error::{ApiError, Code, Result},
    http::{Answer, Body, Reply, body::LOGIN_LIMIT, no_content, ok_json},
    identity::{
        emails::{self, Reachable},
        second_factor::store::Proof,
        users,
    },
    mail::{Mailer, OutgoingEmail},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// For 401 at `/auth/refresh`: only a new sign-in helps.
fn not_refreshed() -> ApiError {
    let detail = "The refresh token is unknown, spent or expired, or the session has ended: sign in again.";
    ApiError::new(Code::InvalidRefreshToken, detail).header("www-authenticate", "Bearer")
}

/// Sign in
///
/// Returns an access token for ten minutes and a refresh token. An unknown address takes the same time as a wrong
/// password, and gets the same response.
///
/// From the fifth failure in a row, the account must wait half a minute, then a minute, and so on up to a quarter of an
/// hour. During the wait the right password is refused like a wrong one. This does not apply to an IP address from
/// which somebody has signed in to the account before: its failures are counted separately. After a hundred failures
/// the password is no longer accepted, until a new one is set. An attempt counts as a failure until the sign-in has
/// succeeded, so at most five can be in progress at once. Very many failures from one IP address make that address wait
/// (429).
///
/// A user with a second factor also sends its code as `otp`; without it, the right password gets 401 `otp_required`. A
/// code is accepted once. A recovery code can be used instead, also once.
#[utoipa::path(
    tag = "Signing in",
    request_body = Login,
    responses(
        (status = 200, body = Tokens),
        (
            status = 401,
            description = "The e-mail address or the password is wrong, the account is not active, or it must wait \
                 after too many failures.",
        ),
        (
            status = 429,
            description = "Too many attempts from this address failed. `Retry-After` says when to try again.",
        ),
    ),
    security(()),
)]
#[post("/auth/login")]
pub async fn login(
    who: Anyone,
    db: Data<Db>,
    auth: Data<AuthContext>,
    hasher: Data<Hasher>,
    mailer: Data<Mailer>,
    body: Body<Login, LOGIN_LIMIT>,
) -> Reply<Tokens> {
    ok_json(sign_in::sign_in(&who, &db, &auth, &hasher, &mailer, &body).await?)
}

/// Stay signed in
///
/// Exchanges the refresh token for a new pair (rotation). For a 30-second grace period, until the new refresh token is
/// used, the old one returns the same new one: a response can be lost, and several windows of one browser refresh at
/// once. Reuse after that ends the session as a suspected theft, and the user gets an e-mail. Every refusal is 401
/// `invalid_refresh_token`.
#[utoipa::path(
    tag = "Signing in",
    request_body = Refresh,
    responses(
        (status = 200, body = Tokens),
        (status = 401, description = "The refresh token is unknown, spent or expired, or the session has ended."),
    ),
    security(()),
)]
#[post("/auth/refresh")]
pub async fn refresh(
    who: Anyone,
    db: Data<Db>,
    auth: Data<AuthContext>,
    mailer: Data<Mailer>,
    body: Body<Refresh, LOGIN_LIMIT>,
) -> Reply<Tokens> {
    let rotate = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| match store::rotate(tx, &body.refresh_token)? {
        Rotated::Next(actor, token) => Ok(Some((actor, token, store::user(tx, actor)?))),
        Rotated::Reused(user) => {
            out.extend(emails::refresh_token_was_reused(&user));
            Ok(None)
        }
        Rotated::Refused => Ok(None),
    };
    let (actor, refresh_token, row) = emails::write(&db, &who, &mailer, rotate).await?.ok_or_else(not_refreshed)?;
    ok_json(sign_in::tokens(&auth, actor, refresh_token, row)?)
}

/// Sign out
///
/// Ends the session. Its access token and refresh token stop working with the next request.
#[utoipa::path(
    tag = "Signing in",
    responses((status = 204, description = "The session has ended.")),
    security(("bearer" = ["self:read"])),
)]
#[post("/auth/logout")]
pub async fn logout(who: Allowed<ReadSelf>, db: Data<Db>) -> Result<Answer<()>> {
    let this = who.who().session;
    db.write(&who, move |tx| store::end_own(tx, this)).await?;
    no_content()
}

/// Enter my password again
///
/// Operations on accounts and exports need a password that was entered within the last ten minutes; otherwise they
/// answer 403 `reauthentication_required`. A user with a second factor also sends its code.
#[utoipa::path(
    tag = "Signing in",
    request_body = Reauthentication,
    responses((status = 204, description = "The password is correct. It is not required again for ten minutes.")),
    security(("bearer" = ["self:factor"])),
)]
#[post("/auth/reauthenticate")]
pub async fn reauthenticate(
    who: Allowed<OwnFactor>,
    db: Data<Db>,
    auth: Data<AuthContext>,
    hasher: Data<Hasher>,
    mailer: Data<Mailer>,
    body: Body<Reauthentication, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    let permit = hasher.permit()?;
    let row = db.peek(&who, users::store::own).await?;
    // A caller who has stolen a session must not guess the password faster than at sign-in.
    let (email, id) = (row.email.clone(), row.id);
    let turn =
        move |tx: &mut Tx<'_>| Ok((throttle::record_attempt(tx, &email)?, tx.refusal("user.password_refused", id)));
    let (may, refusal) = db.write(&who, turn).await?;
    let hash = row.password_hash.clone().filter(|_| may);
    let mut proof = Proof::Wrong;
    if permit.verify(body.password.clone(), hash.clone()).await? {
        let (email, otp) = (row.email.clone(), body.otp.clone());
        let prove = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
            let proof = store::prove(tx, &auth.secrets, hash.as_deref(), otp.as_deref())?;
            match proof {
                Proof::Given | Proof::Recovered => drop(throttle::clear_attempts(tx, &email)?),
                Proof::Lacking => throttle::exempt_caller(tx)?,
                Proof::Wrong => {}
            }
            if matches!(proof, Proof::Recovered) {
                out.extend(emails::recovery_code_was_spent(&Reachable::find(tx, id, &email)?));
            }
            Ok(proof)
        };
        proof = emails::write(&db, &who, &mailer, prove).await?;
    }
    match proof {
        Proof::Given | Proof::Recovered => no_content(),
        Proof::Lacking => Err(ApiError::invalid("/otp", "required", "must be the code of the second factor")),
        Proof::Wrong => {
            db.audit_without_waiting(vec![refusal]);
            Err(ApiError::invalid("/password", "wrong_password", "is not the current password, or the code is wrong"))
        }
    }
}

/// List my sessions
///
/// At most ten: another sign-in ends the oldest.
#[utoipa::path(
    tag = "Me",
    responses((status = 200, body = Sessions)),
    security(("bearer" = ["self:read"])),
)]
#[get("/me/sessions")]
pub async fn list_my_sessions(who: Allowed<ReadSelf>, db: Data<Db>) -> Reply<Sessions> {
    ok_json(db.read(&who, store::own).await?)
}

/// End one of my sessions
///
/// Its access token and refresh token stop working with the next request.
#[utoipa::path(
    tag = "Me",
    params(("id" = SessionId, Path)),
    responses((status = 204, description = "The session has ended.")),
    security(("bearer" = ["self:read"])),
)]
#[delete("/me/sessions/{id}")]
pub async fn end_my_session(who: Allowed<ReadSelf>, db: Data<Db>, id: Path<SessionId>) -> Result<Answer<()>> {
    db.write(&who, move |tx| store::end_own(tx, *id)).await?;
    no_content()
}

/// End all sessions of a user
///
/// From the next request on: for a lost device. The user can sign in again.
#[utoipa::path(
    tag = "Users",
    params(("id" = UserId, Path)),
    responses((status = 204, description = "Every session of the person has ended.")),
    security(("bearer" = ["users:write"])),
)]
#[delete("/users/{id}/sessions")]
pub async fn end_user_sessions(who: Allowed<WriteUsers>, db: Data<Db>, id: Path<UserId>) -> Result<Answer<()>> {
    db.write(&who, move |tx| users::store::sign_out(tx, *id)).await?;
    no_content()
}
