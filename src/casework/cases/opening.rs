//! Opening a case.

use super::{model::*, transition};
use crate::{
    auth::{Role, UserId},
    casework::{assignments, clients},
    db::{
        PortableDsl as _, Tx,
        schema::{case_counters, cases},
    },
    error::{ApiError, Result},
    http::Body,
    identity::{organizations, teams, users},
    records::{search, timeline},
    types::{Day, Zone},
};
use diesel::prelude::*;

/// The next case number of the year. The year is that of the organization's day.
fn next_number(tx: &mut Tx) -> Result<String> {
    let zone: Zone = organizations::store::find(tx)?.time_zone;
    let (organization, year) = (tx.organization(), Day::today(&zone).year());
    let next: i32 = diesel::insert_into(case_counters::table)
        .values((
            case_counters::organization_id.eq(organization),
            case_counters::year.eq(year),
            case_counters::last.eq(1),
        ))
        .on_conflict((case_counters::organization_id, case_counters::year))
        .do_update()
        .set(case_counters::last.eq(case_counters::last + 1))
        .returning(case_counters::last)
        .portable()
        .get_result(tx.conn)?;
    Ok(format!("{year}-{next:06}"))
}

/// Opens a case: its number, its first episode, its lead, and its first entry in the timeline.
pub fn create(tx: &mut Tx, new: &Body<NewCase>) -> Result<Case> {
    let actor = tx.actor()?;
    let client = clients::store::lock_reference(tx, new.client_id)
        .map_err(|error| error.not_found_as_unknown_reference("/client_id"))?;
    let team = teams::store::choose(tx, new.team_id)?;
    let lead = lead_of_new(tx, actor.role, new.lead_advocate_id)?;
    let number = next_number(tx)?;
    let row = CaseRow { client_id: client, ..CaseRow::open(actor.organization, team, number, lead, new) };
    row.check()?;
    diesel::insert_into(cases::table).values(&row).execute(tx.conn)?;
    transition::begin_episode(tx, &row)?;
    transition::insert_transition(tx, &row, None, None, transition::Given::default())?;
    if let Some(lead) = lead {
        assignments::store::begin(tx, &row, lead, assignments::model::AssignmentRole::Lead)?;
    }
    search::store::add(tx, row.team_id, &row)?;
    timeline::add(tx, row.id, "case.opened", row.id, None)?;
    tx.record("case.created", row.id, new.members());
    Ok(Case::with_transitions(row, actor))
}

fn lead_of_new(tx: &mut Tx, role: Role, named: Option<UserId>) -> Result<Option<UserId>> {
    let own = tx.user()?;
    match (role, named) {
        (Role::Advocate, None) => Ok(Some(own)),
        (Role::Advocate, Some(lead)) if lead == own => Ok(Some(own)),
        (Role::Advocate, Some(_)) => Err(ApiError::invalid(
            "/lead_advocate_id",
            "not_yours",
            "an advocate leads the case that they open; a supervisor may name somebody else",
        )),
        (_, Some(lead)) => Ok(Some(users::store::worker(tx, lead, "/lead_advocate_id")?.id)),
        (_, None) => Ok(None),
    }
}
