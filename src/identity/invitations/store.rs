//! Queries over invitations: for administrators, and for a person who holds a one-time token.

use super::model::*;
use crate::{
    auth::{Role, password::OwnWords},
    db::{Condition, Dialect, PortableDsl as _, Tx, save, schema::invitations, versioned},
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, IfMatch, List, Page},
    identity::{
        emails,
        one_time_tokens::{self, Purpose},
        sessions::throttle,
        teams,
        users::{
            self,
            model::{User, UserRow},
        },
    },
    mail::{MailSettings, OutgoingEmail},
    types::Instant,
};
use diesel::prelude::*;

versioned! {
    InvitationRow, invitations, updated_at;
    always [display_name, role, team_ids, expires_at, version, updated_at]
    if_changed [email, status, invited_by, user_id, created_at]
}

/// The invitations that this caller may see: an administrator sees all of the organization.
fn visible(tx: &Tx) -> Result<invitations::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    let own = invitations::table.filter(invitations::organization_id.eq(actor.organization)).into_boxed();
    Ok(match actor.role {
        Role::Admin => own,
        Role::Supervisor | Role::Advocate | Role::Client | Role::Integration | Role::Auditor => {
            own.filter(Condition::nothing())
        }
    })
}

fn filtered(tx: &Tx, filter: &InvitationFilter) -> Result<invitations::BoxedQuery<'static, Dialect>> {
    let query = visible(tx)?;
    Ok(match &filter.status {
        Some(statuses) => query.filter(invitations::status.eq_any(statuses.0.clone())),
        None => query,
    })
}

pub fn page(tx: &mut Tx, list: &List<InvitationFilter>) -> Result<Page<Invitation>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter)?,
        (invitations::created_at, invitations::id),
        Instant::from_micros,
        InvitationId::from_uuid,
    )?;
    let rows: Vec<InvitationRow> = query.select(InvitationRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("invitation.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Invitation::from))
}

pub fn get(tx: &mut Tx, id: InvitationId) -> Result<Invitation> {
    let row: InvitationRow =
        visible(tx)?.filter(invitations::id.eq(id)).select(InvitationRow::as_select()).first(tx.conn)?;
    tx.audit_read("invitation.read", row.id);
    Ok(row.into())
}

/// Invites a person by e-mail. Only they learn that they already sign in to another organization, when they accept.
pub fn create(tx: &mut Tx, new: &Body<NewInvitation>, settings: &MailSettings) -> Result<(Invitation, OutgoingEmail)> {
    let row = InvitationRow::new(tx.organization(), tx.user()?, new);
    for (place, team) in new.team_ids.iter().enumerate() {
        teams::store::find(tx, *team)
            .map_err(|error| error.not_found_as_unknown_reference(&format!("/team_ids/{place}")))?;
    }
    users::store::lock_address(tx, &row.email)?;
    users::store::refuse_known(tx, &row.email)?;
    let open =
        || ApiError::new(Code::AlreadyExists, "This address has an open invitation. Send it again or withdraw it.");
    diesel::insert_into(invitations::table).values(&row).execute(tx.conn).on_unique(open)?;
    tx.record("invitation.created", row.id, new.members());
    let email = write(tx, &row, settings)?;
    Ok((row.into(), email))
}

fn write(tx: &mut Tx, row: &InvitationRow, settings: &MailSettings) -> Result<OutgoingEmail> {
    if !throttle::may_send_email(tx, "to invite", row.email.as_str())? {
        return Err(ApiError::too_many(throttle::MAX_WAIT));
    }
    let secret = one_time_tokens::issue(tx, Purpose::Invitation, row.id, &row.email)?;
    Ok(emails::invitation(settings, &row.email, &secret))
}

/// An open invitation, locked.
fn lock_for_update(tx: &mut Tx, id: InvitationId) -> Result<InvitationRow> {
    let row = visible(tx)?.filter(invitations::id.eq(id)).select(InvitationRow::as_select()).locked();
    let row: InvitationRow = row.get_result(tx.conn)?;
    if row.status != InvitationStatus::Open {
        return Err(ApiError::conflict("The invitation is no longer open."));
    }
    Ok(row)
}

/// Sends the e-mail again. The earlier token becomes invalid.
pub fn send_again(tx: &mut Tx, id: InvitationId, settings: &MailSettings) -> Result<(Invitation, OutgoingEmail)> {
    let mut row = lock_for_update(tx, id)?;
    row.expires_at = Instant::now().plus_seconds(Purpose::Invitation.lasts());
    row.invited_by = tx.user()?;
    save(tx, &mut row)?;
    tx.record("invitation.sent_again", row.id, vec!["expires_at".into(), "invited_by".into()]);
    let email = write(tx, &row, settings)?;
    Ok((row.into(), email))
}

pub fn withdraw(tx: &mut Tx, id: InvitationId, version: &IfMatch) -> Result<()> {
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    row.status = InvitationStatus::Withdrawn;
    save(tx, &mut row)?;
    one_time_tokens::withdraw(tx, Purpose::Invitation, row.id)?;
    tx.record("invitation.withdrawn", row.id, vec!["status".into()]);
    Ok(())
}

/// The open invitation that a token was issued for; locked if `lock` is set.
fn sent(tx: &mut Tx, found: &one_time_tokens::Found, lock: bool) -> Result<InvitationRow> {
    let own = invitations::table
        .find((tx.organization(), found.subject::<InvitationRow>()))
        .select(InvitationRow::as_select());
    let row: Option<InvitationRow> =
        if lock { own.locked().get_result(tx.conn).optional()? } else { own.first(tx.conn).optional()? };
    row.filter(|row| row.status == InvitationStatus::Open && row.email == found.email)
        .ok_or_else(one_time_tokens::refused)
}

/// The words that the password must not be made of, if the token is valid. Does not use the token up.
pub fn check(tx: &mut Tx, token: &str) -> Result<OwnWords> {
    let found = one_time_tokens::look_up(tx, Purpose::Invitation, token)?;
    let row = sent(tx, &found, false)?;
    users::store::own_words(tx, &row.display_name, &row.email)
}

/// Creates the user. If several requests accept at once, one succeeds.
pub fn accept(tx: &mut Tx, token: &str, hash: &str) -> Result<User> {
    let found = one_time_tokens::look_up(tx, Purpose::Invitation, token)?;
    users::store::lock_address(tx, &found.email)?;
    // The first row to be locked, as when an invitation is withdrawn.
    let mut row = sent(tx, &found, true)?;
    one_time_tokens::spend(tx, Purpose::Invitation, token)?;
    // An invitation is invalid if the person who sent it is no longer an active administrator.
    users::store::lock_for_update(tx, row.invited_by)?;
    let host = users::store::find_able_to_sign_in(tx, row.invited_by)?;
    if host.is_none_or(|host| host.role != Role::Admin) {
        return Err(one_time_tokens::refused());
    }
    let user =
        UserRow::new(row.organization_id, row.email.clone(), row.display_name.clone(), row.role, Some(hash.to_owned()));
    users::store::insert(tx, &user)?;
    for team in row.team_ids.0.clone() {
        teams::store::add_member(tx, team, user.id)?;
    }
    row.status = InvitationStatus::Accepted;
    row.user_id = Some(user.id);
    save(tx, &mut row)?;
    tx.record("invitation.accepted", row.id, vec!["status".into(), "user_id".into()]);
    Ok(user.into())
}
