//! Signing in: the password, the second factor, the throttle, and the e-mails that follow.

use super::{
    model::{Login, Tokens},
    store::{self, Start},
    throttle,
};
use crate::{
    audit::Entry,
    auth::{Actor, Anyone, guard::AuthContext, password::Hasher, token::ACCESS_SECONDS},
    db::{Db, Tx},
    error::{ApiError, Code, Result},
    identity::{
        emails::{self, Reachable},
        users::{self, model::UserRow},
    },
    mail::{Mailer, OutgoingEmail},
};
use std::sync::Arc;

/// The same response for every reason (AU-02).
fn refused() -> ApiError {
    let detail = "The e-mail address or the password is wrong, the account is not active, or it must wait after too \
         many failures.";
    ApiError::new(Code::InvalidCredentials, detail).header("www-authenticate", "Bearer")
}

/// The password was right, and the response reveals it: it asks for a code. A wrong code is refused like anything else.
fn otp_required() -> ApiError {
    ApiError::new(Code::OtpRequired, "Also send the code of the second factor as otp.")
        .header("www-authenticate", "Bearer")
}

/// The response to a sign-in or a refresh.
pub fn tokens(auth: &AuthContext, actor: Actor, refresh_token: String, row: UserRow) -> Result<Tokens> {
    Ok(Tokens {
        access_token: auth.keys.mint(actor)?,
        token_type: "Bearer",
        expires_in: ACCESS_SECONDS,
        refresh_token,
        user: row.into(),
    })
}

/// Signs a user in. Every attempt is counted first, and the time and the response do not depend on whether the address
/// is known (AU-02, AU-07).
///
/// # Errors 401 `invalid_credentials` for every reason, or `otp_required` after the right password; 429 for the source;
/// 503 while too many passwords are being checked.
pub async fn sign_in(
    who: &Anyone,
    db: &Db,
    auth: &AuthContext,
    hasher: &Hasher,
    mailer: &Mailer,
    login: &Login,
) -> Result<Tokens> {
    let permit = hasher.permit()?;
    let mut found = look_up(db, who, login).await?;
    // Counted before it is known whether the password is right, so that parallel guesses get no more attempts than
    // successive ones.
    let email = login.email.clone();
    let may = db.write(who, move |tx| throttle::record_attempt(tx, &email)).await?;
    loop {
        let hash = found.as_ref().and_then(|(row, _)| row.password_hash.clone());
        let right = permit.verify(login.password.clone(), hash.clone().filter(|_| may)).await?;
        let Some((row, refusal)) = found else { return Err(refused()) };
        if !right {
            // The request does not wait for the entry, so a known address takes no longer than an unknown one.
            db.audit_without_waiting(vec![refusal]);
            return Err(refused());
        }
        let better = match &hash {
            Some(hash) if hasher.needs_rehash(hash) => Some(permit.hash(login.password.clone()).await?),
            _ => None,
        };
        let (user, proved, otp) = (row.clone(), hash.clone(), login.otp.clone());
        let secrets = Arc::clone(&auth.secrets);
        let begin = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
            tx.switch_organization(user.organization_id)?;
            let begun = store::start(tx, &secrets, user.id, proved.as_deref(), otp.as_deref())?;
            match &begun {
                Start::Begun { actor, recovered, .. } => {
                    let reachable = Reachable::find(tx, user.id, &user.email)?;
                    if throttle::clear_attempts(tx, &user.email)? {
                        out.extend(emails::signed_in_elsewhere(&reachable));
                    }
                    if *recovered {
                        out.extend(emails::recovery_code_was_spent(&reachable));
                    }
                    if let Some(better) = &better {
                        users::store::rehash(tx, *actor, better)?;
                    }
                }
                Start::OtpRequired => throttle::exempt_caller(tx)?,
                Start::Refused | Start::PasswordChanged => {}
            }
            Ok(begun)
        };
        match emails::write(db, who, mailer, begin).await? {
            Start::Begun { actor, refresh_token, .. } => return tokens(auth, actor, refresh_token, row),
            Start::OtpRequired => return Err(otp_required()),
            Start::Refused => {
                db.audit_without_waiting(vec![refusal]);
                return Err(refused());
            }
            // Another sign-in may just have stored a new hash of the same password: then this one is checked against
            // that.
            Start::PasswordChanged => {
                found = look_up(db, who, login).await?;
                if found.as_ref().is_none_or(|(row, _)| row.password_hash == hash) {
                    return Err(refused());
                }
            }
        }
    }
}

/// The user who signs in with this address, if they may, and the audit entry for a refusal.
async fn look_up(db: &Db, who: &Anyone, login: &Login) -> Result<Option<(UserRow, Entry)>> {
    let email = login.email.clone();
    db.read(who, move |tx| {
        if let Some(seconds) = throttle::source_waits(tx)? {
            return Err(ApiError::too_many(seconds));
        }
        let row = users::store::by_email(tx, &email)?.filter(UserRow::is_active);
        let refusal = row.as_ref().map(|row| tx.refusal("session.refused", row.id));
        Ok(row.zip(refusal))
    })
    .await
}
