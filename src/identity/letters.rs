//! What is written to people about their accounts. Nothing in a letter says what the service is for, or whose organization it is.

use crate::{
    identity::users::model::UserRow,
    mail::{Letter, Route, letter},
    types::Email,
};

fn to(user: &UserRow, subject: &'static str, text: &str) -> Letter {
    letter(user.email.clone(), subject, text)
}

/// What whoever did not do it themselves is told to do.
const NOT_YOU: &str = "If this was not you, set a new password at once, and tell your administrator.";

pub fn invitation(route: &Route, email: &Email, secret: &str) -> Letter {
    let link = route.leads_to("accept-invitation", secret);
    let text = format!(
        "An account has been made ready for you. Choose a password within three days:\n\n{link}\n\nIf you do not expect this, leave it alone."
    );
    letter(email.clone(), "Your account", &text)
}

pub fn password_reset(route: &Route, user: &UserRow, secret: &str) -> Letter {
    let link = route.leads_to("reset-password", secret);
    to(
        user,
        "Your password",
        &format!(
            "Somebody has asked for a new password for your account. Choose one within the hour:\n\n{link}\n\nIf this was not you, leave it alone: nothing has changed."
        ),
    )
}

pub fn password_was_reset(user: &UserRow) -> Letter {
    to(
        user,
        "Your password",
        &format!("Your account has a new password, and everybody who was signed in to it has been signed out.\n\n{NOT_YOU}"),
    )
}

pub fn email_change(route: &Route, new: &Email, secret: &str) -> Letter {
    let link = route.leads_to("confirm-email", secret);
    let text = format!(
        "This is to be the address that you sign in with. Confirm it within the hour:\n\n{link}\n\nIf you do not expect this, leave it alone: nothing has changed."
    );
    letter(new.clone(), "Your address", &text)
}

/// To the present address, which can still undo it.
pub fn email_change_was_asked_for(user: &UserRow) -> Letter {
    to(
        user,
        "Your address",
        "Somebody who is signed in to your account has asked for another e-mail address to sign in with.\n\nIf this was not you, set a new password within the hour: then it comes to nothing.",
    )
}

/// To the address from before.
pub fn email_was_changed(before: &Email) -> Letter {
    let text = "Your account has another e-mail address now, and this one signs in to it no more.\n\nIf this was not you, tell your administrator at once.";
    letter(before.clone(), "Your address", text)
}

pub fn second_factor_was_set(user: &UserRow) -> Letter {
    to(user, "Signing in", &format!("From now on your account asks for a code when you sign in.\n\n{NOT_YOU}"))
}

pub fn second_factor_was_removed(user: &UserRow) -> Letter {
    to(user, "Signing in", &format!("Your account asks for no code any more when you sign in.\n\n{NOT_YOU}"))
}

/// To the supervisors of a team whose case somebody of another team has opened for themselves.
pub fn glass_was_broken(supervisor: Email) -> Letter {
    letter(supervisor, "For your review", "Somebody has opened a record of your team in an emergency. It waits for your review.")
}

pub fn recovery_codes_were_renewed(user: &UserRow) -> Letter {
    to(user, "Signing in", &format!("Your account has new recovery codes, and those from before are worth nothing.\n\n{NOT_YOU}"))
}

pub fn recovery_code_was_spent(user: &UserRow) -> Letter {
    to(user, "Signing in", &format!("A recovery code of your account was used.\n\n{NOT_YOU}"))
}

pub fn signed_in_elsewhere(user: &UserRow) -> Letter {
    to(
        user,
        "Signing in",
        &format!("Your account was signed in to from somewhere that it has not been signed in to from before.\n\n{NOT_YOU}"),
    )
}
