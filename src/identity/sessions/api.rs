//! Handlers for signing in and out.

use super::{model::*, store};
use crate::{
    auth::{Actor, Allowed, Anyone, guard::Gate, password::Hasher, policy::ReadSelf, token::ACCESS_SECONDS},
    db::{Db, Tx},
    error::{ApiError, Code, Result},
    http::{Answer, Body, Reply, body::LOGIN_LIMIT, no_content, plain},
    identity::users,
};
use actix_web::{post, web::Data};

/// One answer for every reason (AU-02).
fn refused() -> ApiError {
    ApiError::new(Code::InvalidCredentials, "The e-mail address or the password is wrong, or the account is not active.")
        .header("www-authenticate", "Bearer")
}

fn tokens(gate: &Gate, actor: Actor, refresh_token: String, row: users::model::UserRow) -> Result<Tokens> {
    Ok(Tokens { access_token: gate.keys.mint(actor)?, token_type: "Bearer", expires_in: ACCESS_SECONDS, refresh_token, user: row.into() })
}

/// Sign in
///
/// Answers an access token for ten minutes and a refresh token. An unknown address costs the same time as a wrong password, and is answered the same.
#[utoipa::path(tag = "Signing in", request_body = Login, responses((status = 200, body = Tokens), (status = 401, description = "The e-mail address or the password is wrong, or the account is not active.")), security(()))]
#[post("/auth/login")]
pub async fn login(who: Anyone, db: Data<Db>, gate: Data<Gate>, hasher: Data<Hasher>, body: Body<Login, LOGIN_LIMIT>) -> Reply<Tokens> {
    let email = body.email.clone();
    let found = db
        .read(&who, move |tx| {
            let row = users::store::by_email(tx, &email)?.filter(users::model::UserRow::is_active);
            let refusal = row.as_ref().map(|row| tx.refusal("session.refused", row.id));
            Ok(row.zip(refusal))
        })
        .await?;
    let hash = found.as_ref().and_then(|(row, _)| row.password_hash.clone());
    let right = hasher.verify(body.password.clone(), hash.clone()).await?;
    let Some((row, refusal)) = found else { return Err(refused()) };
    if !right {
        // Nobody waits for the entry, so that a known name takes no longer than an unknown one.
        db.note(vec![refusal]);
        return Err(refused());
    }
    let (organization, user) = (row.organization_id, row.id);
    let begin = move |tx: &mut Tx<'_>| {
        tx.enter(organization)?;
        store::start(tx, user, hash.as_deref())
    };
    let (actor, refresh_token) = db.write(&who, begin).await?.ok_or_else(refused)?;
    plain(tokens(&gate, actor, refresh_token, row)?)
}

/// Stay signed in
///
/// Spends the refresh token for a new pair. A refresh token that was spent before ends the session: somebody has copied it.
#[utoipa::path(tag = "Signing in", request_body = Refresh, responses((status = 200, body = Tokens), (status = 401, description = "The refresh token is unknown, spent or expired, or the session has ended.")), security(()))]
#[post("/auth/refresh")]
pub async fn refresh(who: Anyone, db: Data<Db>, gate: Data<Gate>, body: Body<Refresh, LOGIN_LIMIT>) -> Reply<Tokens> {
    let rotated = db
        .write(&who, move |tx| match store::rotate(tx, &body.refresh_token)? {
            Some((actor, token)) => Ok(Some((actor, token, store::user(tx, actor)?))),
            None => Ok(None),
        })
        .await?;
    let (actor, refresh_token, row) = rotated.ok_or_else(refused)?;
    plain(tokens(&gate, actor, refresh_token, row)?)
}

/// Sign out
///
/// Ends the session: its access and refresh tokens are dead at the next request.
#[utoipa::path(tag = "Signing in", responses((status = 204, description = "The session has ended.")), security(("bearer" = ["self:read"])))]
#[post("/auth/logout")]
pub async fn logout(who: Allowed<ReadSelf>, db: Data<Db>) -> Result<Answer<()>> {
    db.write(&who, store::end_own).await?;
    no_content()
}
