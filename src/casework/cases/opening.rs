//! Opening a case.

use super::{model::*, transition};
use crate::{
    auth::{Role, UserId},
    casework::{assignments, clients},
    db::{
        PortableDsl as _, Tx, rewrite,
        schema::{case_counters as slots, cases},
    },
    error::{ApiError, Result},
    http::Body,
    identity::{organizations, teams, users},
    records::{search, timeline},
    types::{Day, Zone},
};
use diesel::prelude::*;

/// The rows that hold the next case numbers of a year. The numbers of one row are this far apart.
const SLOTS: i32 = 64;

/// The next case number of the year. The year is that of the organization's day.
fn next_number(tx: &mut Tx) -> Result<String> {
    let zone: Zone = organizations::store::find(tx)?.time_zone;
    let (organization, year) = (tx.organization(), Day::today(&zone).year());
    let lowest = || {
        let of_year = slots::table.filter(slots::organization_id.eq(organization)).filter(slots::year.eq(year));
        of_year.order((slots::next, slots::slot)).select((slots::slot, slots::next)).limit(1)
    };
    // The lowest number that no other transaction holds, so that cases can be opened at the same time. If another
    // transaction has just taken it, PostgreSQL returns the next number of its slot, which is 64 higher.
    let free = |tx: &mut Tx| lowest().skipping_locked().get_result::<(i32, i32)>(tx.conn).optional();
    let (slot, next) = match free(tx)? {
        Some(free) => free,
        None => {
            start_numbers(tx, year, 1)?;
            // The transactions that open cases at this moment may hold every slot.
            free(tx)?.map_or_else(|| lowest().locked().get_result(tx.conn), Ok)?
        }
    };
    rewrite(slots::table.find((organization, year, slot)), slots::next.eq(next + SLOTS)).execute(tx.conn)?;
    Ok(format!("{year}-{next:06}"))
}

/// Lets the case numbers of a year begin with this one, unless they have begun.
pub fn start_numbers(tx: &mut Tx, year: i32, first: i32) -> Result<()> {
    let organization = tx.organization();
    let row = |slot| {
        let next = slots::next.eq(first + slot);
        (slots::organization_id.eq(organization), slots::year.eq(year), next, slots::slot.eq(slot))
    };
    let rows: Vec<_> = (0..SLOTS).map(row).collect();
    crate::on_engine!(tx.conn, |c| {
        rows.into_iter().try_for_each(|row| {
            diesel::insert_into(slots::table).values(row).on_conflict_do_nothing().execute(c).map(drop)
        })
    })?;
    Ok(())
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
