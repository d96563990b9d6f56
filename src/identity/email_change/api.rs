//! Handlers for a change of address.

use super::{model::*, store};
use crate::{
    auth::{Anyone, RecentlyAuthenticated, policy::WriteSelf},
    db::{Db, Tx},
    error::Result,
    http::{Answer, Body, accepted, body::LOGIN_LIMIT, no_content},
    identity::emails,
    mail::{Mailer, OutgoingEmail},
};
use actix_web::{post, web::Data};

/// Change my e-mail address
///
/// Sends a one-time token to the new address. Once it is confirmed, within an hour, I sign in with the new address, and
/// an e-mail about it goes to the old address. Until then only an e-mail goes to the old address to say that the change
/// was requested. Needs a password that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Me",
    request_body = NewEmail,
    responses(
        (status = 202, description = "An e-mail is sent to the new address."),
        (
            status = 429,
            description = "Too many e-mails were sent to this address. `Retry-After` says when to try again.",
        ),
    ),
    security(("bearer" = ["self:write"])),
)]
#[post("/me/email")]
pub async fn change_email(
    who: RecentlyAuthenticated<WriteSelf>,
    db: Data<Db>,
    mailer: Data<Mailer>,
    body: Body<NewEmail, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    let new = body.into_inner().email;
    let settings = mailer.settings();
    let begin = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        let (present, secret) = store::begin(tx, &new)?;
        out.extend(emails::email_change_was_asked_for(&present));
        out.push(emails::email_change(&settings, &new, &secret));
        Ok(())
    };
    emails::write(&db, &who, &mailer, begin).await?;
    accepted()
}

/// Confirm a new e-mail address
///
/// Send the one-time token from the e-mail. All sessions of the user end.
#[utoipa::path(
    tag = "Signing in",
    request_body = EmailConfirmation,
    responses(
        (status = 204, description = "The new address signs in."),
        (status = 409, description = "Another user signs in with this address."),
    ),
    security(()),
)]
#[post("/auth/confirm-email")]
pub async fn confirm_email(
    who: Anyone,
    db: Data<Db>,
    mailer: Data<Mailer>,
    body: Body<EmailConfirmation, LOGIN_LIMIT>,
) -> Result<Answer<()>> {
    let confirm = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        out.extend(emails::email_was_changed(&store::confirm(tx, &body.token)?));
        Ok(())
    };
    emails::write(&db, &who, &mailer, confirm).await?;
    no_content()
}
