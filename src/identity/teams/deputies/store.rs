//! Queries over the deputyships of a team. `records::visibility::current_user_teams` decides what a deputy may see.

use super::model::*;
use crate::{
    auth::Role,
    db::{Dialect, PortableDsl as _, Tx, save, schema::team_deputies as deputies, versioned},
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    identity::{
        organizations,
        teams::{
            self,
            model::{TeamId, TeamRow},
        },
        users,
    },
    types::{Day, Instant},
};
use diesel::prelude::*;

versioned! {
    DeputyRow, deputies, updated_at;
    always [starts_on, ends_on, reason, version, created_at, updated_at]
    if_changed [team_id, user_id, starts_at, ends_at, created_by]
}

/// The deputyships of a team that the caller may see.
fn visible(team: &TeamRow) -> deputies::BoxedQuery<'static, Dialect> {
    deputies::table
        .filter(deputies::organization_id.eq(team.organization_id))
        .filter(deputies::team_id.eq(team.id))
        .into_boxed()
}

fn filtered(team: &TeamRow, filter: &DeputyFilter) -> deputies::BoxedQuery<'static, Dialect> {
    let now = Instant::now();
    match filter.current {
        None => visible(team),
        Some(true) => visible(team).filter(deputies::starts_at.le(now)).filter(deputies::ends_at.gt(now)),
        Some(false) => visible(team).filter(deputies::starts_at.gt(now).or(deputies::ends_at.le(now))),
    }
}

pub fn page(tx: &mut Tx, team: TeamId, list: &List<DeputyFilter>) -> Result<Page<Deputy>> {
    let (actor, team) = (tx.actor()?, teams::store::find(tx, team)?);
    let query = list.keyset(
        actor,
        filtered(&team, &list.filter),
        (deputies::starts_at, deputies::id),
        Instant::from_micros,
        DeputyId::from_uuid,
    )?;
    let rows: Vec<DeputyRow> = query.select(DeputyRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(&team, &list.filter).count().get_result(tx.conn)?) } else { None };
    let names = users::store::refs(tx, rows.iter().map(|row| row.user_id).collect())?;
    tx.audit_read_all("deputy.listed", rows.iter().map(|row| row.id));
    let view = |row: DeputyRow| {
        let name = names.iter().find(|user| user.id == row.user_id).map(|user| user.display_name.clone());
        Deputy::of(row, name, actor)
    };
    Ok(list.page(actor, rows, total, |row| (row.starts_at.micros(), row.id.uuid()), view))
}

pub fn create(tx: &mut Tx, team: TeamId, new: &Body<NewDeputy>) -> Result<Deputy> {
    // Locked, so that if two requests add the same deputy at once, the second sees the first.
    let (actor, team) = (tx.actor()?, teams::store::lock_for_update(tx, team)?);
    let zone = organizations::store::find(tx)?.time_zone;
    let user = users::store::worker(tx, new.user_id, "/user_id")?;
    if user.role != Role::Supervisor {
        return Err(ApiError::invalid("/user_id", "not_a_supervisor", "must be a supervisor"));
    }
    new.check(Day::today(&zone))?;
    let row = DeputyRow::new(team.organization_id, team.id, actor.user, new, &zone);
    let at_the_same_time = visible(&team)
        .filter(deputies::user_id.eq(user.id))
        .filter(deputies::starts_at.lt(row.ends_at))
        .filter(deputies::ends_at.gt(row.starts_at.max(Instant::now())))
        .filter(deputies::ends_at.gt(deputies::starts_at));
    if at_the_same_time.select(deputies::id).first::<DeputyId>(tx.conn).optional()?.is_some() {
        return Err(ApiError::new(
            Code::AlreadyExists,
            "This person is already a deputy of the team on some of these days.",
        ));
    }
    diesel::insert_into(deputies::table).values(&row).execute(tx.conn)?;
    tx.record("deputy.created", row.id, new.members());
    Ok(Deputy::of(row, Some(user.display_name), actor))
}

pub fn end(tx: &mut Tx, team: TeamId, id: DeputyId, version: &IfMatch) -> Result<()> {
    let team = teams::store::find(tx, team)?;
    let mut row = visible(&team)
        .filter(deputies::id.eq(id))
        .select(DeputyRow::as_select())
        .locked()
        .get_result::<DeputyRow>(tx.conn)?;
    version.check(row.version)?;
    if !row.end(Instant::now()) {
        return Err(ApiError::conflict("The deputyship has already ended."));
    }
    save(tx, &mut row)?;
    tx.record("deputy.ended", row.id, vec!["ends_at".into()]);
    Ok(())
}
