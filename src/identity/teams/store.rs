//! Queries over teams and their members.

use super::model::*;
use crate::{
    auth::{Role, UserId},
    db::{
        Condition, Dialect, PortableDsl as _, Tx, save,
        schema::{team_members, teams, users},
        versioned,
    },
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, IfMatch, List, Page},
    records::visibility,
    types::{Instant, Line},
};
use diesel::prelude::*;

versioned! {
    TeamRow, teams, updated_at;
    always [version, updated_at]
    if_changed [name, created_at]
}

/// A condition: the column holds a team that the caller may see. An administrator and an integration see all teams, the
/// others their own.
pub fn seen(tx: &Tx, column: &'static str) -> Result<Condition> {
    Ok(match tx.actor()?.role {
        Role::Admin | Role::Integration => Condition::everything(),
        _ => visibility::current_user_teams(tx, column),
    })
}

/// The teams that this caller may see.
fn visible(tx: &Tx) -> Result<teams::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    Ok(teams::table.filter(teams::organization_id.eq(actor.organization)).filter(seen(tx, "teams.id")?).into_boxed())
}

fn filtered(tx: &Tx, filter: &TeamFilter) -> Result<teams::BoxedQuery<'static, Dialect>> {
    let mut query = visible(tx)?;
    if let Some(member) = filter.member {
        let theirs = team_members::table
            .filter(team_members::organization_id.eq(tx.organization()))
            .filter(team_members::user_id.eq(member));
        query = query.filter(teams::id.eq_any(theirs.select(team_members::team_id)));
    }
    Ok(query)
}

pub fn page(tx: &mut Tx, list: &List<TeamFilter>) -> Result<Page<Team>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter)?,
        (teams::created_at, teams::id),
        Instant::from_micros,
        TeamId::from_uuid,
    )?;
    let rows: Vec<TeamRow> = query.select(TeamRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter)?.count().get_result(tx.conn)?) } else { None };
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Team::from))
}

pub fn find(tx: &mut Tx, id: TeamId) -> Result<TeamRow> {
    Ok(visible(tx)?.filter(teams::id.eq(id)).select(TeamRow::as_select()).first(tx.conn)?)
}

/// The team that a new record belongs to: the one named, which must be the caller's, or the caller's only one.
pub fn choose(tx: &mut Tx, named: Option<TeamId>) -> Result<TeamId> {
    let own = of_caller(tx)?;
    match (named, own.as_slice()) {
        (Some(team), own) if own.contains(&team) => Ok(team),
        (Some(_), _) => Err(ApiError::unknown_reference("/team_id")),
        (None, [only]) => Ok(*only),
        (None, []) => Err(ApiError::invalid(
            "/team_id",
            "no_team",
            "cannot be chosen for you: you are in no team; ask an administrator to add you to one",
        )),
        (None, _) => Err(ApiError::invalid("/team_id", "required", "is required: you are in several teams")),
    }
}

/// Every team of the organization.
pub fn all(tx: &mut Tx) -> Result<Vec<TeamId>> {
    let all = teams::table.filter(teams::organization_id.eq(tx.organization()));
    Ok(all.select(teams::id).order(teams::id).load(tx.conn)?)
}

/// The caller's own teams, including those that they are a deputy for.
pub fn of_caller(tx: &mut Tx) -> Result<Vec<TeamId>> {
    let mine = teams::table
        .filter(teams::organization_id.eq(tx.organization()))
        .filter(visibility::current_user_teams(tx, "teams.id"));
    Ok(mine.select(teams::id).order(teams::id).load(tx.conn)?)
}

/// Whether a user is a member of a team, and not only its deputy.
pub fn has_member(tx: &mut Tx, team: TeamId, user: UserId) -> Result<bool> {
    let member = team_members::table.find((tx.organization(), team, user));
    Ok(diesel::select(diesel::dsl::exists(member)).get_result(tx.conn)?)
}

/// A team that the caller may see, locked until the transaction ends.
pub fn lock_for_update(tx: &mut Tx, id: TeamId) -> Result<TeamRow> {
    Ok(visible(tx)?.filter(teams::id.eq(id)).select(TeamRow::as_select()).locked().get_result(tx.conn)?)
}

pub fn insert(tx: &mut Tx, row: &TeamRow) -> Result<()> {
    diesel::insert_into(teams::table).values(row).execute(tx.conn).on_unique(taken)?;
    tx.record("team.created", row.id, Vec::new());
    Ok(())
}

/// The team of this name, created if it does not exist.
pub fn named(tx: &mut Tx, name: Line<120>) -> Result<TeamId> {
    let found = teams::table.filter(teams::organization_id.eq(tx.organization())).filter(teams::name.eq(&name));
    if let Some(id) = found.select(teams::id).first(tx.conn).optional()? {
        return Ok(id);
    }
    let row = TeamRow::new(tx.organization(), name);
    insert(tx, &row)?;
    Ok(row.id)
}

pub fn update(tx: &mut Tx, id: TeamId, version: &IfMatch, patch: &Body<TeamPatch>) -> Result<Team> {
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    patch.name.clone().apply(&mut row.name);
    save(tx, &mut row).on_unique(taken)?;
    tx.record("team.updated", row.id, patch.members());
    Ok(row.into())
}

fn taken() -> ApiError {
    ApiError::new(Code::AlreadyExists, "A team with this name already exists.")
}

pub fn members(tx: &mut Tx, id: TeamId, list: &List<MemberFilter>) -> Result<Page<TeamMember>> {
    let (actor, team) = (tx.actor()?, find(tx, id)?);
    let all =
        || {
            team_members::table
                .inner_join(users::table.on(
                    users::organization_id.eq(team_members::organization_id).and(users::id.eq(team_members::user_id)),
                ))
                .filter(team_members::organization_id.eq(team.organization_id))
                .filter(team_members::team_id.eq(team.id))
                .into_boxed::<Dialect>()
        };
    let query = list.keyset(
        actor,
        all(),
        (team_members::added_at, team_members::user_id),
        Instant::from_micros,
        UserId::from_uuid,
    )?;
    let columns = (team_members::user_id, users::display_name, users::role, team_members::added_at);
    let rows: Vec<(UserId, Line<120>, Role, Instant)> = query.select(columns).load(tx.conn)?;
    let total = if list.include_total { Some(all().count().get_result(tx.conn)?) } else { None };
    let view = |(user_id, display_name, role, added_at)| TeamMember { user_id, display_name, role, added_at };
    Ok(list.page(actor, rows, total, |row| (row.3.micros(), row.0.uuid()), view))
}

/// Adds a user of the organization to a team. Adding them again changes nothing.
pub fn add_member(tx: &mut Tx, team: TeamId, user: UserId) -> Result<()> {
    let known: bool =
        diesel::select(diesel::dsl::exists(users::table.find((tx.organization(), user)))).get_result(tx.conn)?;
    if !known {
        return Err(ApiError::not_found());
    }
    let row = MemberRow { organization_id: tx.organization(), team_id: team, user_id: user, added_at: Instant::now() };
    let added =
        diesel::insert_into(team_members::table).values(&row).on_conflict_do_nothing().portable().execute(tx.conn)?;
    match added {
        0 => tx.nothing_changed(),
        _ => tx.record("team.member_added", team, vec![user.to_string()]),
    }
    Ok(())
}

pub fn remove_member(tx: &mut Tx, id: TeamId, user: UserId) -> Result<()> {
    let team = find(tx, id)?;
    match diesel::delete(team_members::table.find((team.organization_id, team.id, user))).execute(tx.conn)? {
        0 => Err(ApiError::not_found()),
        _ => {
            tx.record("team.member_removed", team.id, vec![user.to_string()]);
            Ok(())
        }
    }
}
