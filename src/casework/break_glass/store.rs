//! Queries over break-glass accesses, and the condition that they add to other queries.

use super::model::*;
use crate::{
    auth::CaseAccess,
    casework::cases::{self, model::CaseId},
    db::{Condition, Dialect, PortableDsl as _, Tx, lock::Purpose, save, schema::break_glass, versioned},
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    identity::users,
    records::{timeline, visibility},
    types::{Email, Instant},
};
use diesel::prelude::*;

versioned! {
    BreakGlassRow, break_glass;
    always [reason, ended_at, reviewed_at, finding, version]
    if_changed [case_id, user_id, opened_at, expires_at, reviewed_by]
}

/// The caller's own accesses, and those to cases of the caller's teams.
fn visible(tx: &Tx) -> break_glass::BoxedQuery<'static, Dialect> {
    let condition = match tx.case_access() {
        CaseAccess::Teams(user) => Condition::sql("(break_glass.user_id = ")
            .id(user.uuid())
            .then(
                " OR EXISTS (SELECT 1 FROM cases WHERE cases.organization_id = break_glass.organization_id AND \
                 cases.id = break_glass.case_id AND ",
            )
            .with(visibility::current_user_teams(tx, "cases.team_id"))
            .then("))"),
        _ => Condition::nothing(),
    };
    break_glass::table.filter(break_glass::organization_id.eq(tx.organization())).filter(condition).into_boxed()
}

fn filtered(tx: &Tx, filter: &BreakGlassFilter) -> break_glass::BoxedQuery<'static, Dialect> {
    match filter.reviewed {
        None => visible(tx),
        Some(true) => visible(tx).filter(break_glass::reviewed_at.is_not_null()),
        Some(false) => visible(tx).filter(break_glass::reviewed_at.is_null()),
    }
}

pub fn page(tx: &mut Tx, list: &List<BreakGlassFilter>) -> Result<Page<BreakGlass>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (break_glass::opened_at, break_glass::id),
        Instant::from_micros,
        BreakGlassId::from_uuid,
    )?;
    let rows: Vec<BreakGlassRow> = query.select(BreakGlassRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("break_glass.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.opened_at.micros(), row.id.uuid()), BreakGlass::from))
}

pub fn get(tx: &mut Tx, id: BreakGlassId) -> Result<BreakGlass> {
    let row: BreakGlassRow =
        visible(tx).filter(break_glass::id.eq(id)).select(BreakGlassRow::as_select()).first(tx.conn)?;
    tx.audit_read("break_glass.read", row.id);
    Ok(row.into())
}

fn lock_for_update(tx: &mut Tx, id: BreakGlassId) -> Result<BreakGlassRow> {
    Ok(visible(tx).filter(break_glass::id.eq(id)).select(BreakGlassRow::as_select()).locked().get_result(tx.conn)?)
}

/// The maximum number of unreviewed accesses of one user.
const MAX_UNREVIEWED: i64 = 3;

/// Opens the access, and returns the e-mails to the supervisors of the case's team.
pub fn create(tx: &mut Tx, new: &Body<NewBreakGlass>) -> Result<(BreakGlass, Vec<Email>)> {
    new.check()?;
    // Locked, so that two parallel requests of one user open only one access.
    let case = cases::store::lock_without_access_check(tx, new.case_id)
        .map_err(|error| error.not_found_as_unknown_reference("/case_id"))?;
    if !cases::store::filter_visible(tx, vec![case.id])?.is_empty() {
        return Err(ApiError::conflict("You can already see this case."));
    }
    let user = tx.user()?;
    // Serializes the requests of this user, so that the count of unreviewed accesses is exact. Taken after the lock of
    // the case, because another request of this user may hold this lock while it opens another case.
    tx.lock(Purpose::BreakGlass, user.uuid().as_bytes())?;
    // An access in force also counts as unreviewed.
    let own = visible(tx).filter(break_glass::user_id.eq(user)).filter(break_glass::reviewed_at.is_null());
    let unreviewed: Vec<CaseId> = own.select(break_glass::case_id).limit(MAX_UNREVIEWED).load(tx.conn)?;
    if unreviewed.contains(&case.id) {
        return Err(ApiError::new(
            Code::AlreadyExists,
            "You already used break-glass access to this case, and it has not been reviewed yet.",
        ));
    }
    if unreviewed.len() as i64 >= MAX_UNREVIEWED {
        return Err(ApiError::conflict(
            "You already used break-glass access to three cases, and it has not been reviewed yet.",
        ));
    }
    let row = BreakGlassRow::new(case.organization_id, user, new);
    diesel::insert_into(break_glass::table).values(&row).execute(tx.conn)?;
    timeline::add(tx, case.id, "break_glass.opened", row.id, None)?;
    tx.record("break_glass.opened", row.id, new.members());
    let supervisors = users::store::supervisors_of(tx, case.team_id)?;
    Ok((row.into(), supervisors))
}

/// Saves a changed access, and writes it to the timeline and the audit log.
fn changed(tx: &mut Tx, row: &mut BreakGlassRow, event: &'static str, members: Vec<String>) -> Result<()> {
    save(tx, row)?;
    timeline::add(tx, row.case_id, event, row.id, None)?;
    tx.record(event, row.id, members);
    Ok(())
}

pub fn end(tx: &mut Tx, id: BreakGlassId, version: &IfMatch) -> Result<()> {
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    row.end()?;
    changed(tx, &mut row, "break_glass.ended", vec!["ended_at".into()])
}

pub fn review(tx: &mut Tx, id: BreakGlassId, review: &Body<BreakGlassReview>) -> Result<BreakGlass> {
    let mut row = lock_for_update(tx, id)?;
    row.review(tx.user()?, review)?;
    changed(tx, &mut row, "break_glass.reviewed", review.members())?;
    Ok(row.into())
}
