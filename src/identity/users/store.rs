//! Queries over users.

use super::model::*;
use crate::{
    auth::{
        Actor, Role, Scopes, UserId,
        password::{OwnWords, Password},
    },
    db::{
        Condition, Dialect, PortableDsl as _, Tx,
        lock::Purpose,
        save,
        schema::{login_names, team_members, users},
        versioned,
    },
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, IfMatch, List, Page},
    identity::{
        organizations, sessions,
        teams::{self, model::TeamId},
    },
    records::visibility,
    types::{Email, Instant, Line, Patch},
};
use diesel::prelude::*;

versioned! {
    UserRow, users, updated_at;
    always [email, display_name, password_hash, version, updated_at, scopes, purpose]
    if_changed [role, status, created_at]
}

/// The users that this caller may see: an administrator sees all of the organization, the others those whom they work
/// with.
fn visible(tx: &Tx) -> Result<users::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    let seen = match actor.role {
        Role::Admin => Condition::everything(),
        Role::Supervisor | Role::Advocate => Condition::sql("(users.id = ")
            .id(actor.user.uuid())
            .then(" OR users.id IN (SELECT theirs.user_id FROM team_members AS theirs WHERE theirs.organization_id = ")
            .id(actor.organization.uuid())
            .then(" AND ")
            .with(visibility::current_user_teams(tx, "theirs.team_id"))
            .then("))"),
        Role::Client | Role::Integration | Role::Auditor => Condition::nothing(),
    };
    Ok(users::table.filter(users::organization_id.eq(actor.organization)).filter(seen).into_boxed())
}

fn filtered(tx: &Tx, filter: &UserFilter) -> Result<users::BoxedQuery<'static, Dialect>> {
    let mut query = visible(tx)?;
    if let Some(roles) = &filter.role {
        query = query.filter(users::role.eq_any(roles.0.clone()));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(users::status.eq_any(statuses.0.clone()));
    }
    if let Some(team) = filter.team {
        // The filter must not reveal who is in a team that the caller does not see.
        let members = team_members::table
            .filter(team_members::organization_id.eq(tx.organization()))
            .filter(team_members::team_id.eq(team))
            .filter(teams::store::seen(tx, "team_members.team_id")?);
        query = query.filter(users::id.eq_any(members.select(team_members::user_id)));
    }
    Ok(query)
}

pub fn page(tx: &mut Tx, list: &List<UserFilter>) -> Result<Page<User>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter)?,
        (users::created_at, users::id),
        Instant::from_micros,
        UserId::from_uuid,
    )?;
    let rows: Vec<UserRow> = query.select(UserRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("user.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), User::from))
}

pub fn get(tx: &mut Tx, id: UserId) -> Result<UserRow> {
    let row: UserRow = visible(tx)?.filter(users::id.eq(id)).select(UserRow::as_select()).first(tx.conn)?;
    tx.audit_read("user.read", row.id);
    Ok(row)
}

/// The caller's own row.
pub fn own(tx: &mut Tx) -> Result<UserRow> {
    let actor = tx.actor()?;
    Ok(users::table.find((actor.organization, actor.user)).select(UserRow::as_select()).first(tx.conn)?)
}

/// The same, locked until the transaction ends: the whole row is written back, and no concurrent change may be lost.
pub fn lock_own(tx: &mut Tx) -> Result<UserRow> {
    let user = tx.user()?;
    lock_for_update(tx, user)
}

/// The same for a user who is not signed in and has proved their identity in another way, and for the operator.
pub fn lock_for_update(tx: &mut Tx, id: UserId) -> Result<UserRow> {
    Ok(users::table.find((tx.organization(), id)).select(UserRow::as_select()).locked().get_result(tx.conn)?)
}

/// A user whom the caller may see, locked likewise.
pub fn lock_visible(tx: &mut Tx, id: UserId) -> Result<UserRow> {
    Ok(visible(tx)?.filter(users::id.eq(id)).select(UserRow::as_select()).locked().get_result(tx.conn)?)
}

/// A user of the organization who can be given work: active, and an advocate or a supervisor. Any other user gives the
/// same error as an unknown id.
pub fn worker(tx: &mut Tx, id: UserId, pointer: &str) -> Result<UserRow> {
    let row =
        users::table.find((tx.organization(), id)).select(UserRow::as_select()).first::<UserRow>(tx.conn).optional()?;
    row.filter(UserRow::can_work).ok_or_else(|| ApiError::unknown_reference(pointer))
}

/// The role of a user who can be given work; `None` if they cannot.
pub fn working_role(tx: &mut Tx, id: UserId) -> Result<Option<Role>> {
    let row =
        users::table.find((tx.organization(), id)).select(UserRow::as_select()).first::<UserRow>(tx.conn).optional()?;
    Ok(row.filter(UserRow::can_work).map(|row| row.role))
}

/// The users of the organization who can no longer be given work: suspended, removed, or in a role without cases.
pub fn unable_to_work(tx: &mut Tx) -> Result<Vec<UserId>> {
    let of_organization = users::table.filter(users::organization_id.eq(tx.organization()));
    // Written exactly as in the definition of the index, so that the index applies.
    let gone = Condition::sql("(users.status <> 'active' OR users.role IN ('admin', 'auditor', 'integration'))");
    Ok(of_organization.filter(gone).select(users::id).load(tx.conn)?)
}

/// A user of the organization who can see a client's record as their own: active, with the role `client`. Any other
/// user gives the same error as an unknown id.
pub fn client(tx: &mut Tx, id: UserId, pointer: &str) -> Result<UserId> {
    let row =
        users::table.find((tx.organization(), id)).select(UserRow::as_select()).first::<UserRow>(tx.conn).optional()?;
    let client = row.filter(|row| row.is_active() && row.role == Role::Client);
    Ok(client.ok_or_else(|| ApiError::unknown_reference(pointer))?.id)
}

/// The e-mail addresses of the active supervisors of a team.
pub fn supervisors_of(tx: &mut Tx, team: TeamId) -> Result<Vec<Email>> {
    let members = team_members::table
        .filter(team_members::organization_id.eq(tx.organization()))
        .filter(team_members::team_id.eq(team));
    let those = users::table
        .filter(users::organization_id.eq(tx.organization()))
        .filter(users::role.eq(Role::Supervisor))
        .filter(users::status.eq(UserStatus::Active))
        .filter(users::id.eq_any(members.select(team_members::user_id)));
    Ok(those.order(users::id).select(users::email).load(tx.conn)?)
}

/// The short views of these users.
pub fn refs(tx: &mut Tx, ids: Vec<UserId>) -> Result<Vec<UserRef>> {
    let rows = users::table.filter(users::organization_id.eq(tx.organization())).filter(users::id.eq_any(ids));
    let rows: Vec<(UserId, Line<120>, UserStatus)> =
        rows.select((users::id, users::display_name, users::status)).load(tx.conn)?;
    Ok(rows.into_iter().map(|(id, display_name, status)| UserRef { id, display_name, status }).collect())
}

/// The words that this user's password must not be made of.
pub fn own_words(tx: &mut Tx, name: &Line<120>, email: &Email) -> Result<OwnWords> {
    let organization = organizations::store::find(tx)?.name;
    Ok(OwnWords::new([name.as_str(), email.as_str(), organization.as_str()]))
}

/// Checks whether a password is acceptable for this user. For the command line, where a thread may block.
pub fn check_password(tx: &mut Tx, password: &Password, name: &Line<120>, email: &Email) -> Result<()> {
    let own = own_words(tx, name, email)?;
    password.check_new(&own).map_err(|fault| ApiError::invalid("/password", fault.code, fault.detail))
}

/// The error for a wrong current password.
pub fn wrong_password() -> ApiError {
    ApiError::invalid("/current_password", "wrong_password", "is not the current password")
}

pub fn update_own(tx: &mut Tx, version: &IfMatch, patch: &Body<MePatch>) -> Result<Me> {
    let mut row = lock_own(tx)?;
    version.check(row.version)?;
    patch.display_name.clone().apply(&mut row.display_name);
    save(tx, &mut row)?;
    tx.record("user.updated", row.id, patch.members());
    let team_ids = teams::store::of_caller(tx)?;
    Ok(Me::new(row, team_ids))
}

/// Sets a new password, and ends every other session of the user (TK-07). `proved` is the hash that the current
/// password was verified against; if the hash has changed since, that password was not the current one.
pub fn set_password(tx: &mut Tx, proved: Option<&str>, hash: String) -> Result<()> {
    let actor = tx.actor()?;
    let mut row = lock_own(tx)?;
    if row.password_hash.as_deref() != proved {
        return Err(wrong_password());
    }
    row.password_hash = Some(hash);
    save(tx, &mut row)?;
    sessions::store::end_all(tx, row.id, Some(actor.session))?;
    sessions::throttle::clear_attempts(tx, &row.email)?;
    tx.record("user.password_changed", row.id, Vec::new());
    Ok(())
}

/// Stores the same password with a hash that makes guessing more expensive (AU-01). The version does not change, so no
/// client's copy of the record becomes stale.
pub fn rehash(tx: &mut Tx, actor: Actor, hash: &str) -> Result<()> {
    diesel::update(users::table.find((actor.organization, actor.user)))
        .set(users::password_hash.eq(hash))
        .execute(tx.conn)?;
    tx.record("user.password_rehashed", actor.user, Vec::new());
    Ok(())
}

/// Sets a password from outside the user's sessions: by an operator (AU-06), or with a one-time token from an e-mail.
/// Ends every session of the user, and forgets their failures.
pub fn reset_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<UserRow> {
    let mut row = lock_for_update(tx, id)?;
    row.password_hash = Some(hash.to_owned());
    save(tx, &mut row)?;
    sessions::store::end_all(tx, id, None)?;
    sessions::throttle::forget(tx.conn, &row.email)?;
    tx.record("user.password_reset", id, Vec::new());
    Ok(row)
}

/// Changes the address that the user signs in with, and returns the previous one. Ends every session, and invalidates
/// what was sent to the previous address.
pub fn change_email(tx: &mut Tx, id: UserId, email: &Email) -> Result<Email> {
    let mut row = lock_for_update(tx, id)?;
    lock_address(tx, email)?;
    let before = std::mem::replace(&mut row.email, email.clone());
    diesel::update(login_names::table.find(&before))
        .set(login_names::email.eq(email))
        .execute(tx.conn)
        .on_unique(name_taken)?;
    save(tx, &mut row)?;
    sessions::store::end_all(tx, id, None)?;
    sessions::throttle::forget(tx.conn, &before)?;
    tx.record("user.email_changed", id, vec!["email".into()]);
    Ok(before)
}

/// Whether a user may sign in at all: they and their organization are active (AZ-04). Call it after
/// [`Tx::switch_organization`].
pub fn may_sign_in(tx: &mut Tx, row: &UserRow) -> Result<bool> {
    Ok(row.is_active() && organizations::store::find(tx)?.status == organizations::model::OrganizationStatus::Active)
}

/// A user of the current organization, if they may sign in: for a caller who is not signed in and has proved their
/// identity in another way.
pub fn find_able_to_sign_in(tx: &mut Tx, id: UserId) -> Result<Option<UserRow>> {
    let row =
        users::table.find((tx.organization(), id)).select(UserRow::as_select()).first::<UserRow>(tx.conn).optional()?;
    Ok(match row {
        Some(row) if may_sign_in(tx, &row)? => Some(row),
        _ => None,
    })
}

fn name_taken() -> ApiError {
    ApiError::new(Code::AlreadyExists, "A user with this e-mail address already exists.")
}

/// Locks an address in this organization: until the transaction ends, nobody else can start to sign in with it, or be
/// invited to it.
pub fn lock_address(tx: &mut Tx, email: &Email) -> Result<()> {
    tx.lock(Purpose::Address, email.as_str().as_bytes())
}

/// 409 if a user of this organization has this address. For a suspended or removed user, the error says how to
/// reactivate them.
pub fn refuse_known(tx: &mut Tx, email: &Email) -> Result<()> {
    // Reads `users`, which row-level security limits to the organization, not `login_names`, which all share.
    let own = users::table.filter(users::organization_id.eq(tx.organization())).filter(users::email.eq(email));
    let Some((id, status)) =
        own.select((users::id, users::status)).first::<(UserId, UserStatus)>(tx.conn).optional()?
    else {
        return Ok(());
    };
    let known = match status {
        UserStatus::Active => return Err(name_taken()),
        UserStatus::Suspended => "suspended",
        UserStatus::Removed => "removed",
    };
    Err(ApiError::new(
        Code::AlreadyExists,
        format!(
            "A {known} user of the organization has this e-mail address: set them active again with PATCH /users/{id} \
             and {{\"status\": \"active\"}}."
        ),
    ))
}

/// AZ-08: nobody changes their own role or status, and the last administrator remains.
pub fn update(tx: &mut Tx, id: UserId, version: &IfMatch, patch: &Body<UserPatch>) -> Result<User> {
    let actor = tx.actor()?;
    // Locks every administrator's row, so that two of them cannot remove each other's role at the same moment.
    let admins: Vec<UserId> = users::table
        .filter(users::organization_id.eq(actor.organization))
        .filter(users::role.eq(Role::Admin))
        .filter(users::status.eq(UserStatus::Active))
        .select(users::id)
        .order(users::id)
        .locked()
        .load(tx.conn)?;
    if !admins.contains(&actor.user) {
        return Err(ApiError::unauthenticated()); // another administrator was faster
    }
    let mut row = lock_visible(tx, id)?;
    version.check(row.version)?;
    let (before, scopes, purpose) = ((row.role, row.status), row.scopes, row.purpose);
    let wanted = (patch.role.0.unwrap_or(row.role), patch.status.0.unwrap_or(row.status));
    if before != wanted && row.id == actor.user {
        return Err(ApiError::forbidden("You cannot change your own role or status."));
    }
    let loses_admin = before == (Role::Admin, UserStatus::Active) && wanted != before;
    if loses_admin && admins.len() <= 1 {
        return Err(ApiError::conflict("An organization must have at least one administrator."));
    }
    patch.display_name.clone().apply(&mut row.display_name);
    (row.role, row.status) = wanted;
    row.scopes = match (row.role, patch.scopes.0) {
        (Role::Integration, given) => given.unwrap_or(scopes),
        (_, Some(_)) => {
            return Err(ApiError::invalid("/scopes", "not_an_integration", "only an integration has scopes"));
        }
        (_, None) => Scopes::NONE,
    };
    match (row.role, &patch.purpose) {
        (Role::Integration, purpose) => purpose.clone().apply(&mut row.purpose),
        (_, Patch::Set(_)) => {
            return Err(ApiError::invalid("/purpose", "not_an_integration", "only an integration has a purpose"));
        }
        (_, Patch::Keep | Patch::Clear) => row.purpose = None,
    }
    save(tx, &mut row)?;
    if (before, scopes, purpose) != (wanted, row.scopes, row.purpose) {
        sessions::store::end_all(tx, row.id, None)?;
    }
    tx.record("user.updated", row.id, patch.members());
    Ok(row.into())
}

/// Ends every session of a user, who may sign in again.
pub fn sign_out(tx: &mut Tx, id: UserId) -> Result<()> {
    // Locked, so that a sign-in that is in progress is not missed.
    let user = lock_visible(tx, id)?.id;
    sessions::store::end_all(tx, user, None)?;
    tx.record("user.signed_out", user, Vec::new());
    Ok(())
}

pub fn insert(tx: &mut Tx, row: &UserRow) -> Result<()> {
    lock_address(tx, &row.email)?;
    diesel::insert_into(users::table).values(row).execute(tx.conn)?;
    diesel::insert_into(login_names::table)
        .values((
            login_names::email.eq(&row.email),
            login_names::organization_id.eq(row.organization_id),
            login_names::user_id.eq(row.id),
        ))
        .execute(tx.conn)
        .on_unique(name_taken)?;
    tx.record("user.created", row.id, Vec::new());
    Ok(())
}

/// The user who signs in with this address. The only query that runs before the caller is known.
pub fn by_email(tx: &mut Tx, email: &Email) -> Result<Option<UserRow>> {
    let named = login_names::table.find(email).select((login_names::organization_id, login_names::user_id));
    let Some((organization, user)) = named.first::<(crate::auth::OrganizationId, UserId)>(tx.conn).optional()? else {
        return Ok(None);
    };
    tx.switch_organization(organization)?;
    Ok(users::table.find((organization, user)).select(UserRow::as_select()).first(tx.conn).optional()?)
}
