//! Handlers for a change of address.

use super::{model::*, store};
use crate::{
    auth::{Anyone, Fresh, policy::WriteSelf},
    db::{Db, Tx},
    error::Result,
    http::{Answer, Body, body::LOGIN_LIMIT, no_content, received},
    identity::emails,
    mail::{Letter, Post},
};
use actix_web::{post, web::Data};

/// Change the address that I sign in with
///
/// A secret is sent to the new address; once it is confirmed from there, within the hour, the new one signs in and the old one is told.
/// Until then nothing changes, but that the old one is told that it was asked for. Asks for a password that was said within the last ten minutes.
#[utoipa::path(tag = "Me", request_body = NewEmail, responses((status = 202, description = "A letter is sent to the new address."), (status = 429, description = "Too many letters were sent to this address; `Retry-After` says when to come back.")), security(("bearer" = ["self:write"])))]
#[post("/me/email")]
pub async fn change_email(who: Fresh<WriteSelf>, db: Data<Db>, post: Data<Post>, body: Body<NewEmail, LOGIN_LIMIT>) -> Result<Answer<()>> {
    let new = body.into_inner().email;
    let route = post.route();
    let begin = move |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        let (present, secret) = store::begin(tx, &new)?;
        out.extend(emails::email_change_was_asked_for(&present));
        out.push(emails::email_change(&route, &new, &secret));
        Ok(())
    };
    emails::write(&db, &who, &post, begin).await?;
    received()
}

/// Confirm a new address
///
/// With the secret that was sent there. Every session of the person ends.
#[utoipa::path(tag = "Signing in", request_body = EmailConfirmation, responses((status = 204, description = "The new address signs in."), (status = 409, description = "Somebody signs in with this address already.")), security(()))]
#[post("/auth/confirm-email")]
pub async fn confirm_email(who: Anyone, db: Data<Db>, post: Data<Post>, body: Body<EmailConfirmation, LOGIN_LIMIT>) -> Result<Answer<()>> {
    let confirm = move |tx: &mut Tx<'_>, out: &mut Vec<Letter>| {
        out.extend(emails::email_was_changed(&store::confirm(tx, &body.token)?));
        Ok(())
    };
    emails::write(&db, &who, &post, confirm).await?;
    no_content()
}
