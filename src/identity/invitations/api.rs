//! Handlers for invitations.

use super::{model::*, store};
use crate::{
    auth::{Allowed, Anyone, RecentlyAuthenticated, password::Hasher, policy::WriteUsers},
    db::{Db, Tx},
    http::{
        Body, IdempotencyKey, IfMatch, List, Page, Reply, body::LOGIN_LIMIT, create_idempotent, no_content, ok_json,
        ok_page, ok_record,
    },
    identity::{emails, users::model::User},
    mail::{Mailer, Outbox, OutgoingEmail},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List invitations
///
/// Who was invited and the outcome, the newest first.
#[utoipa::path(
    tag = "Users",
    params(List<InvitationFilter>),
    responses((status = 200, body = Page<Invitation>)),
    security(("bearer" = ["users:write"])),
)]
#[get("/invitations")]
pub async fn list_invitations(
    who: Allowed<WriteUsers>,
    db: Data<Db>,
    list: List<InvitationFilter>,
) -> Reply<Page<Invitation>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Invite a user
///
/// Sends a one-time token by e-mail. The recipient becomes a user once they choose a password, within three days,
/// provided that the person who invited them is still an administrator. Needs a password that was entered within the
/// last ten minutes.
#[utoipa::path(
    tag = "Users",
    params(IdempotencyKey),
    request_body = NewInvitation,
    responses(
        (status = 201, body = Invitation),
        (
            status = 429,
            description = "Too many e-mails were sent to this address. `Retry-After` says when to try again.",
        ),
    ),
    security(("bearer" = ["users:write"])),
)]
#[post("/invitations")]
pub async fn create_invitation(
    who: RecentlyAuthenticated<WriteUsers>,
    db: Data<Db>,
    mailer: Data<Mailer>,
    key: IdempotencyKey,
    body: Body<NewInvitation>,
) -> Reply<Invitation> {
    let (settings, outbox) = (mailer.settings(), Outbox::default());
    let pending = outbox.clone();
    let create = move |tx: &mut Tx<'_>, new: &Body<NewInvitation>| {
        let (view, email) = store::create(tx, new, &settings)?;
        pending.put(vec![email]);
        Ok(view)
    };
    let reply = create_idempotent(&db, &who, key, body, create).await;
    outbox.send_after(&reply, &mailer);
    reply
}

/// Fetch one invitation
///
/// With its outcome.
#[utoipa::path(
    tag = "Users",
    params(("id" = InvitationId, Path)),
    responses((status = 200, body = Invitation)),
    security(("bearer" = ["users:write"])),
)]
#[get("/invitations/{id}")]
pub async fn get_invitation(who: Allowed<WriteUsers>, db: Data<Db>, id: Path<InvitationId>) -> Reply<Invitation> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Send an invitation again
///
/// Valid for three more days. The earlier one-time token stops working. Needs a password that was entered within the
/// last ten minutes.
#[utoipa::path(
    tag = "Users",
    params(("id" = InvitationId, Path)),
    responses(
        (status = 200, body = Invitation),
        (status = 429, description = "The invitation was sent too often. `Retry-After` says when to try again."),
    ),
    security(("bearer" = ["users:write"])),
)]
#[post("/invitations/{id}/send-again")]
pub async fn send_invitation_again(
    who: RecentlyAuthenticated<WriteUsers>,
    db: Data<Db>,
    mailer: Data<Mailer>,
    id: Path<InvitationId>,
) -> Reply<Invitation> {
    let settings = mailer.settings();
    let send_again = move |tx: &mut Tx<'_>, out: &mut Vec<OutgoingEmail>| {
        let (view, email) = store::send_again(tx, *id, &settings)?;
        out.push(email);
        Ok(view)
    };
    ok_record(emails::write(&db, &who, &mailer, send_again).await?)
}

/// Withdraw an invitation
///
/// The one-time token stops working.
#[utoipa::path(
    tag = "Users",
    params(("id" = InvitationId, Path), IfMatch),
    responses((status = 204, description = "The invitation is withdrawn.")),
    security(("bearer" = ["users:write"])),
)]
#[delete("/invitations/{id}")]
pub async fn withdraw_invitation(
    who: Allowed<WriteUsers>,
    db: Data<Db>,
    id: Path<InvitationId>,
    version: IfMatch,
) -> Reply<()> {
    db.write(&who, move |tx| store::withdraw(tx, *id, &version)).await?;
    no_content()
}

/// Accept an invitation
///
/// Creates the user with the password that they chose. Does not sign them in.
#[utoipa::path(
    tag = "Signing in",
    request_body = Acceptance,
    responses(
        (status = 200, body = User),
        (status = 409, description = "Another user signs in with this address."),
    ),
    security(()),
)]
#[post("/auth/accept-invitation")]
pub async fn accept_invitation(
    who: Anyone,
    db: Data<Db>,
    hasher: Data<Hasher>,
    body: Body<Acceptance, LOGIN_LIMIT>,
) -> Reply<User> {
    let permit = hasher.permit()?;
    let token = body.token.clone();
    let own = db.read(&who, move |tx| store::check(tx, &token)).await?;
    permit.check_new(body.password.clone(), own, "/password").await?;
    let (token, hash) = (body.token.clone(), permit.hash(body.password.clone()).await?);
    ok_json(db.write(&who, move |tx| store::accept(tx, &token, &hash)).await?)
}
