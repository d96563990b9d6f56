//! E-mails to users about their accounts. No e-mail says what the service is for, or to which organization it belongs.

use crate::{
    auth::{Caller, UserId},
    db::{Db, Tx},
    error::Result,
    identity::users::{self, model::UserRow},
    mail::{MailSettings, Mailer, Outbox, OutgoingEmail},
    records::visibility,
    types::Email,
};

/// The address for an e-mail that the user did not request: none for a client for whom e-mail is not safe
/// (`safe_contact.email`). Somebody else may read the mail of such a client, possibly the person they must be protected
/// from.
///
/// E-mails that users request themselves are sent anyway: for a new password, and a confirmation to an address that
/// they name. So is an invitation, because nobody knows yet which client it is for.
#[derive(Debug, Clone)]
pub struct Reachable(Option<Email>);

impl Reachable {
    /// Called in the transaction of the change that the e-mail is about.
    pub fn find(tx: &mut Tx, user: UserId, email: &Email) -> Result<Self> {
        let unsafe_there = visibility::is_unsafe_to_email(tx, user)?;
        Ok(Self((!unsafe_there).then(|| email.clone())))
    }
    /// The same for the caller.
    pub fn own(tx: &mut Tx) -> Result<Self> {
        let user = users::store::own(tx)?;
        Self::find(tx, user.id, &user.email)
    }
}

/// Makes a change that writes e-mails, and sends them after it is committed. See [`Outbox::send_after`] for a change
/// whose outcome is unknown.
pub async fn write<T: Send + 'static>(
    db: &Db,
    who: &impl Caller,
    mailer: &Mailer,
    mut change: impl FnMut(&mut Tx<'_>, &mut Vec<OutgoingEmail>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let outbox = Outbox::default();
    let out = outbox.clone();
    let done = db
        .write(who, move |tx| {
            let mut emails = Vec::new();
            let value = change(tx, &mut emails)?;
            out.put(emails);
            Ok(value)
        })
        .await;
    outbox.send_after(&done, mailer);
    done
}

/// An e-mail that the recipient did not request, if it may be sent.
fn unasked(to: &Reachable, subject: &'static str, text: &str) -> Option<OutgoingEmail> {
    Some(OutgoingEmail::new(to.0.clone()?, subject, text))
}

/// Advice for a recipient who did not make the change themselves.
const NOT_YOU: &str = "If this was not you, set a new password at once, and tell your administrator.";

pub fn invitation(settings: &MailSettings, email: &Email, secret: &str) -> OutgoingEmail {
    let link = settings.leads_to("accept-invitation", secret);
    let text = format!(
        "An account has been made ready for you. Choose a password within three days:\n\n{link}\n\nIf you do not \
         expect this, leave it alone."
    );
    OutgoingEmail::new(email.clone(), "Your account", &text)
}

pub fn password_reset(settings: &MailSettings, user: &UserRow, secret: &str) -> OutgoingEmail {
    let link = settings.leads_to("reset-password", secret);
    OutgoingEmail::new(
        user.email.clone(),
        "Your password",
        &format!(
            "Somebody has asked for a new password for your account. Choose one within the hour:\n\n{link}\n\nIf this \
             was not you, leave it alone: nothing has changed."
        ),
    )
}

pub fn password_was_reset(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(
        user,
        "Your password",
        &format!(
            "Your account has a new password, and everybody who was signed in to it has been signed out.\n\n{NOT_YOU}"
        ),
    )
}

pub fn email_change(settings: &MailSettings, new: &Email, secret: &str) -> OutgoingEmail {
    let link = settings.leads_to("confirm-email", secret);
    let text = format!(
        "This is to be the address that you sign in with. Confirm it within the hour:\n\n{link}\n\nIf you do not \
         expect this, leave it alone: nothing has changed."
    );
    OutgoingEmail::new(new.clone(), "Your address", &text)
}

/// To the present address, whose owner can still prevent the change.
pub fn email_change_was_asked_for(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(
        user,
        "Your address",
        "Somebody who is signed in to your account has asked for another e-mail address to sign in with.\n\nIf this \
         was not you, set a new password within the hour: then it comes to nothing.",
    )
}

/// To the previous address.
pub fn email_was_changed(before: &Reachable) -> Option<OutgoingEmail> {
    let text = "Your account has another e-mail address now, and this one signs in to it no more.\n\nIf this was not \
         you, tell your administrator at once.";
    unasked(before, "Your address", text)
}

pub fn second_factor_was_set(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(user, "Signing in", &format!("From now on your account asks for a code when you sign in.\n\n{NOT_YOU}"))
}

pub fn second_factor_was_removed(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(user, "Signing in", &format!("Your account asks for no code any more when you sign in.\n\n{NOT_YOU}"))
}

/// To the supervisors of a team, when a user of another team has opened one of its cases by break-glass access.
pub fn break_glass_opened(supervisor: Email) -> OutgoingEmail {
    OutgoingEmail::new(
        supervisor,
        "For your review",
        "Somebody has opened a record of your team in an emergency. It waits for your review.",
    )
}

pub fn recovery_codes_were_renewed(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(
        user,
        "Signing in",
        &format!("Your account has new recovery codes, and those from before are worth nothing.\n\n{NOT_YOU}"),
    )
}

pub fn recovery_code_was_spent(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(user, "Signing in", &format!("A recovery code of your account was used.\n\n{NOT_YOU}"))
}

pub fn refresh_token_was_reused(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(
        user,
        "Signing in",
        "One of your sessions was ended, because an old sign-in key of it was used again. That can follow a lost \
         connection; or somebody has copied the key. Sign in again to go on.\n\nIf you did not expect this, set a new \
         password, and tell your administrator.",
    )
}

pub fn signed_in_elsewhere(user: &Reachable) -> Option<OutgoingEmail> {
    unasked(
        user,
        "Signing in",
        &format!(
            "Your account was signed in to from somewhere that it has not been signed in to from before.\n\n{NOT_YOU}"
        ),
    )
}
