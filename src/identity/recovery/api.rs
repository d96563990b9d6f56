//! Handlers for forgotten passwords.

use super::{model::*, store};
use crate::{
    auth::{Anyone, password::Hasher},
    db::{Db, Tx},
    error::{ApiError, Result},
    http::{Answer, Body, accepted, body::LOGIN_LIMIT, no_content},
    identity::{emails, sessions::throttle},
    mail::{Mailer, OutgoingEmail},
};
use actix_web::{post, web::Data};

/// Ask for a password reset
///
/// Sends a one-time token to the user with this address. The token sets a new password, once, within an hour. The
/// answer and its time are the same whether the user exists or not. Each address gets only a few e-mails an hour.
#[utoipa::path(
    tag = "Signing in",
    request_body = Forgotten,
    responses(
        (
            status = 429,
            description = "Too many requests came from this address. `Retry-After` says when to try again.",
        ),
        (status = 202, description = "If a user signs in with this address, they receive an e-mail."),
    ),
    security(()),
)]
#[post("/auth/forgot-password")]
pub async fn forgot_password(
    who: Anyone,
    db: Data<Db>,
    mailer: Data<Mailer>,
    body: Body<Forgotten, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    db.write(&who, throttle::may_ask).await?;
    let (db, email) = (db.get_ref().clone(), body.into_inner().email);
    let taken = mailer.run(move |settings| {
        let begun = db.write_blocking(&who, move |tx| store::begin(tx, &email));
        if let Err(error) = &begun {
            tracing::error!(%error, "a forgotten password could not be looked after");
        }
        begun.ok().flatten().map(|(row, secret)| emails::password_reset(settings, &row, &secret))
    });
    if taken {
        accepted()
    } else {
        Err(ApiError::overloaded("Too many e-mails are waiting to be sent. Try again later."))
    }
}

/// Set a new password with a one-time token
///
/// Ends all sessions of the user and does not sign them in: the next sign-in asks for the second factor, if there is
/// one.
#[utoipa::path(
    tag = "Signing in",
    request_body = PasswordReset,
    responses((status = 204, description = "The password is changed.")),
    security(()),
)]
#[post("/auth/reset-password")]
pub async fn reset_password(
    who: Anyone,
    db: Data<Db>,
    hasher: Data<Hasher>,
    mailer: Data<Mailer>,
    body: Body<PasswordReset, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    let permit = hasher.permit()?;
    let token = body.token.clone();
    let own = db.read(&who, move |tx| store::check(tx, &token)).await?;
    permit.check_new(body.password.clone(), own, "/password").await?;
    let (token, hash) = (body.token.clone(), permit.hash(body.password.clone()).await?);
    let reset = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        out.extend(emails::password_was_reset(&store::reset(tx, &token, &hash)?));
        Ok(())
    };
    emails::write(&db, &who, &mailer, reset).await?;
    no_content()
}
