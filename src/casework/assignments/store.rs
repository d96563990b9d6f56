//! Queries over assignments, each through its case.

use super::model::*;
use crate::{
    auth::{Role, UserId},
    casework::{
        cases::{
            self,
            model::{CaseId, CaseRow},
        },
        conflicts::{self, model::Occasion},
        handovers, tasks,
    },
    db::{Dialect, Tx, save, schema::assignments, versioned},
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    identity::{organizations, teams, users},
    records::{Capped, timeline},
    types::{Id, Instant},
};
use diesel::prelude::*;

versioned! {
    AssignmentRow, assignments;
    always [role, version]
    if_changed [case_id, user_id, assigned_by, started_at, ended_at]
}

/// The assignments of a case that the caller may see.
fn visible(case: &CaseRow) -> assignments::BoxedQuery<'static, Dialect> {
    assignments::table
        .filter(assignments::organization_id.eq(case.organization_id))
        .filter(assignments::case_id.eq(case.id))
        .into_boxed()
}

fn filtered(case: &CaseRow, filter: &AssignmentFilter) -> assignments::BoxedQuery<'static, Dialect> {
    match filter.current {
        None => visible(case),
        Some(true) => current(case),
        Some(false) => visible(case).filter(assignments::ended_at.le(Instant::now())),
    }
}

/// The assignments that are in force now.
fn current(case: &CaseRow) -> assignments::BoxedQuery<'static, Dialect> {
    visible(case).filter(assignments::ended_at.is_null().or(assignments::ended_at.gt(Instant::now())))
}

pub fn page(tx: &mut Tx, case: CaseId, list: &List<AssignmentFilter>) -> Result<Page<Assignment>> {
    let (actor, case) = (tx.actor()?, cases::store::find(tx, case)?);
    let query = list.keyset(
        actor,
        filtered(&case, &list.filter),
        (assignments::started_at, assignments::id),
        Instant::from_micros,
        AssignmentId::from_uuid,
    )?;
    let rows: Vec<AssignmentRow> = query.select(AssignmentRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(&case, &list.filter).count().get_result(tx.conn)?) } else { None };
    tx.audit_read("case.assignments_read", case.id);
    Ok(list.page(actor, rows, total, |row| (row.started_at.micros(), row.id.uuid()), Assignment::from))
}

/// The newest assignments of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: &CaseRow) -> Result<Capped<AssignmentRow>> {
    tx.audit_read("case.assignments_read", case.id);
    Ok(crate::newest!(tx, AssignmentRow, (assignments::started_at.desc(), assignments::id.desc()), visible(case)))
}

/// Begins an assignment without an end date, and writes it to the audit log and the timeline.
pub fn begin(tx: &mut Tx, case: &CaseRow, user: UserId, role: AssignmentRole) -> Result<AssignmentRow> {
    begin_until(tx, case, user, role, None)
}

/// The same with an end date.
pub fn begin_until(
    tx: &mut Tx,
    case: &CaseRow,
    user: UserId,
    role: AssignmentRole,
    end: Option<Instant>,
) -> Result<AssignmentRow> {
    let row = AssignmentRow {
        organization_id: case.organization_id,
        id: Id::new(),
        case_id: case.id,
        user_id: user,
        role,
        assigned_by: tx.user()?,
        started_at: Instant::now(),
        ended_at: end,
        version: 1,
    };
    diesel::insert_into(assignments::table).values(&row).execute(tx.conn)?;
    timeline::add(tx, case.id, "assignment.started", row.id, Some(role.as_str()))?;
    tx.record("assignment.created", row.id, Vec::new());
    Ok(row)
}

fn finish(tx: &mut Tx, mut row: AssignmentRow) -> Result<()> {
    row.ended_at = Some(Instant::now());
    save(tx, &mut row)?;
    timeline::add(tx, row.case_id, "assignment.ended", row.id, Some(row.role.as_str()))?;
    tx.record("assignment.ended", row.id, vec!["ended_at".into()]);
    Ok(())
}

/// Whether a user works on a case now: an active advocate who is assigned to it, or an active supervisor in its team.
/// If not, other users take over the user's unfinished work on the case.
pub fn is_working_on(tx: &mut Tx, case: &CaseRow, user: UserId) -> Result<bool> {
    match users::store::working_role(tx, user)? {
        Some(Role::Supervisor) => teams::store::has_member(tx, case.team_id, user),
        Some(_) => {
            let own = current(case).filter(assignments::user_id.eq(user)).select(assignments::id);
            Ok(own.first::<AssignmentId>(tx.conn).optional()?.is_some())
        }
        None => Ok(false),
    }
}

/// Replaces the present lead in the case row, which the caller has locked and will save. The new lead takes over the
/// open tasks of the previous lead and of everybody who can no longer work. Every change of the lead uses this
/// function: an assignment, an acceptance, and a handover.
pub fn replace_lead(tx: &mut Tx, case: &mut CaseRow, lead: UserId) -> Result<AssignmentRow> {
    let present: Vec<AssignmentRow> = current(case).select(AssignmentRow::as_select()).load(tx.conn)?;
    for row in present.into_iter().filter(|row| row.role == AssignmentRole::Lead || row.user_id == lead) {
        finish(tx, row)?;
    }
    handovers::store::withdraw_open_offer(tx, case)?;
    let before = case.lead_advocate_id.replace(lead);
    let row = begin(tx, case, lead, AssignmentRole::Lead)?;
    let left = users::store::unable_to_work(tx)?;
    tasks::store::reassign_open(
        tx,
        case.id,
        before.into_iter().chain(left).filter(|user| *user != lead).collect(),
        lead,
    )?;
    conflicts::store::check_automatically(tx, case, Occasion::Assignment)?;
    Ok(row)
}

pub fn create(tx: &mut Tx, case: CaseId, new: &Body<NewAssignment>) -> Result<Assignment> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    let user = users::store::worker(tx, new.user_id, "/user_id")?.id;
    let end = new.end(&organizations::store::find(tx)?.time_zone)?;
    if new.role == AssignmentRole::Lead && case.lead_advocate_id != Some(user) {
        let row = replace_lead(tx, &mut case, user)?;
        save(tx, &mut case)?;
        return Ok(row.into());
    }
    let existing = current(&case).filter(assignments::user_id.eq(user));
    if existing.select(assignments::id).first::<AssignmentId>(tx.conn).optional()?.is_some() {
        return Err(ApiError::new(Code::AlreadyExists, "This person is already assigned to the case."));
    }
    let row = begin_until(tx, &case, user, new.role, end)?;
    conflicts::store::check_automatically(tx, &mut case, Occasion::Assignment)?;
    Ok(row.into())
}

pub fn end(tx: &mut Tx, case: CaseId, id: AssignmentId, version: &IfMatch) -> Result<()> {
    // Access to a case that was entered in error can still be ended.
    let case = cases::store::lock_in_any_status(tx, case)?;
    let row: AssignmentRow =
        visible(&case).filter(assignments::id.eq(id)).select(AssignmentRow::as_select()).first(tx.conn)?;
    version.check(row.version)?;
    if !row.lasts(Instant::now()) {
        return Err(ApiError::conflict("The assignment has already ended."));
    }
    if row.role == AssignmentRole::Lead {
        return Err(ApiError::conflict("A case must have a lead. Assign another lead first."));
    }
    finish(tx, row)
}
