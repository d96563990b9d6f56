//! Queries over deadlines. Every query that returns data to the caller starts from [`visible`].

use super::{model::*, requests::*};
use crate::{
    casework::{
        actions::{
            self,
            model::{ActionId, ActionStatus},
        },
        cases::{
            self,
            model::{CaseId, CaseRow, CaseStatus},
        },
    },
    db::{
        Dialect, PortableDsl as _, Tx, save,
        schema::{cases as case_rows, deadlines},
        versioned,
    },
    directory::deadline_rules::{
        self,
        compute::{Computation, Trigger, compute},
        holidays::Holidays,
        model::{DeadlineParty, DeadlineRule, DeadlineRuleId},
    },
    error::{ApiError, Result},
    http::{Body, Filter, IfMatch, List, Page},
    identity::organizations,
    records::{Capped, timeline, visibility},
    types::{Day, Instant, Json, Text, Zone},
};
use diesel::prelude::*;

versioned! {
    DeadlineRow, deadlines, updated_at;
    always [
        rule_version, trigger_date, trigger_not_before, stated_due_on, source, differs_from_notice, computation,
        override_reason, note, satisfied_on, late_filing, good_cause, excused_reason, version, created_at,
        updated_at,
    ]
    if_changed [
        case_id, action_id, rule_id, due_on, due_at, time_zone, status, satisfied_by, superseded_by, review,
        created_by,
    ]
}

/// The deadlines of the cases that this caller may work in.
fn visible(tx: &Tx) -> deadlines::BoxedQuery<'static, Dialect> {
    all_in_organization(tx).filter(visibility::in_visible_case(tx, "deadlines"))
}

/// All deadlines of the organization, for changes and counts that must include them all and return none of them.
fn all_in_organization(tx: &Tx) -> deadlines::BoxedQuery<'static, Dialect> {
    deadlines::table.filter(deadlines::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &DeadlineFilter, action: Option<ActionId>) -> deadlines::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(case) = filter.case {
        query = query.filter(deadlines::case_id.eq(case));
    }
    if let Some(action) = action {
        query = query.filter(deadlines::action_id.eq(action));
    }
    if let Some(advocate) = filter.advocate {
        let led = case_rows::table
            .filter(case_rows::organization_id.eq(tx.organization()))
            .filter(case_rows::lead_advocate_id.eq(advocate));
        query = query.filter(deadlines::case_id.eq_any(led.select(case_rows::id)));
    }
    if let Some(from) = filter.due_from {
        query = query.filter(deadlines::due_on.ge(from));
    }
    if let Some(before) = filter.due_before {
        query = query.filter(deadlines::due_on.lt(before));
    }
    match filter.needs_review {
        Some(true) => query = query.filter(deadlines::review.is_not_null()),
        Some(false) => query = query.filter(deadlines::review.is_null()),
        None => {}
    }
    match &filter.status {
        Some(statuses) => in_status(query, &statuses.0),
        None => query,
    }
}

/// Filters by the current status: a running deadline is missed after its due date.
fn in_status(
    mut query: deadlines::BoxedQuery<'static, Dialect>,
    wanted: &[DeadlineStatus],
) -> deadlines::BoxedQuery<'static, Dialect> {
    let (running, missed) = (wanted.contains(&DeadlineStatus::Running), wanted.contains(&DeadlineStatus::Missed));
    let mut stored = wanted.to_vec();
    if missed && !running {
        stored.push(DeadlineStatus::Running);
    }
    query = match stored.as_slice() {
        // With `=` instead of `IN`, the index on the status also gives the order.
        [one] => query.filter(deadlines::status.eq(*one)),
        _ => query.filter(deadlines::status.eq_any(stored)),
    };
    let (now, settled) = (Instant::now(), deadlines::status.ne(DeadlineStatus::Running));
    match (running, missed) {
        (true, false) => query.filter(settled.or(deadlines::due_at.ge(now))),
        (false, true) => query.filter(settled.or(deadlines::due_at.lt(now))),
        _ => query,
    }
}

fn listed<F: Filter>(
    tx: &mut Tx,
    list: &List<F>,
    filter: &DeadlineFilter,
    action: Option<ActionId>,
) -> Result<Page<Deadline>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, filter, action),
        (deadlines::due_on, deadlines::id),
        Day::from_cursor,
        DeadlineId::from_uuid,
    )?;
    let rows: Vec<DeadlineRow> = query.select(DeadlineRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, filter, action).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.due_on.epoch_day(), row.id.uuid()), Deadline::from);
    tx.audit_read_all("deadline.listed", page.items.iter().map(|deadline| deadline.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, list: &List<DeadlineFilter>) -> Result<Page<Deadline>> {
    listed(tx, list, &list.filter, None)
}

pub fn page_of_action(tx: &mut Tx, action: ActionId, list: &List<ActionDeadlineFilter>) -> Result<Page<Deadline>> {
    let action = actions::store::find(tx, action)?;
    let filter = DeadlineFilter { status: list.filter.status.clone(), ..DeadlineFilter::default() };
    listed(tx, list, &filter, Some(action.id))
}

/// The newest deadlines of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<DeadlineRow>> {
    let newest = crate::newest!(
        tx,
        DeadlineRow,
        (deadlines::due_on.desc(), deadlines::id.desc()),
        visible(tx).filter(deadlines::case_id.eq(case))
    );
    tx.audit_read_all("deadline.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

fn find(tx: &mut Tx, id: DeadlineId) -> Result<DeadlineRow> {
    Ok(visible(tx).filter(deadlines::id.eq(id)).select(DeadlineRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: DeadlineId) -> Result<Deadline> {
    let row = find(tx, id)?;
    tx.audit_read("deadline.read", row.id);
    Ok(row.into())
}

/// The deadline with its rule and its case, all locked. The lock order is rule, case, deadline, as everywhere.
pub(super) fn lock_for_update(tx: &mut Tx, id: DeadlineId) -> Result<(CaseRow, DeadlineRow)> {
    let row = find(tx, id)?;
    if let Some(rule) = row.rule_id {
        deadline_rules::store::lock_against_new_versions(tx, rule)?;
    }
    let case = cases::store::lock_for_update(tx, row.case_id)?;
    let row = visible(tx).filter(deadlines::id.eq(id)).select(DeadlineRow::as_select()).locked().get_result(tx.conn)?;
    Ok((case, row))
}

/// The open deadlines of a case, soonest first.
pub fn open_of_case(tx: &mut Tx, case: CaseId) -> Result<Vec<(DeadlineId, Day)>> {
    let open = visible(tx).filter(deadlines::case_id.eq(case)).filter(deadlines::status.eq_any(DeadlineStatus::OPEN));
    Ok(open
        .order((deadlines::due_on.asc(), deadlines::id.asc()))
        .select((deadlines::id, deadlines::due_on))
        .limit(200)
        .load(tx.conn)?)
}

/// Recounts the open deadlines, in the case row that the caller has locked. The case gets a new version only if the
/// answer to "may it be closed?" changes, because clients of the API see nothing else of the count.
pub(super) fn recount(tx: &mut Tx, case: &mut CaseRow) -> Result<()> {
    // Counts all deadlines without [`visible`]: the caller has locked the case, and the count must not depend on an
    // access right that ends at this moment.
    let open = all_in_organization(tx)
        .filter(deadlines::case_id.eq(case.id))
        .filter(deadlines::status.eq_any(DeadlineStatus::OPEN));
    let days: Vec<Day> = open.select(deadlines::due_on).load(tx.conn)?;
    let open = i32::try_from(days.len()).map_err(ApiError::internal)?;
    let before = (case.open_deadlines, case.next_deadline_on);
    (case.open_deadlines, case.next_deadline_on) = (open, days.into_iter().min());
    if case.status == CaseStatus::Active && (before.0 == 0) != (open == 0) {
        Ok(save(tx, case)?)
    } else if before != (case.open_deadlines, case.next_deadline_on) {
        cases::store::save_without_version(tx, case)
    } else {
        Ok(())
    }
}

/// Writes an event to the case's timeline and the audit log, and recounts.
pub(super) fn record_event(
    tx: &mut Tx,
    case: &mut CaseRow,
    row: &DeadlineRow,
    event: &'static str,
    detail: Option<&'static str>,
    members: Vec<String>,
) -> Result<()> {
    recount(tx, case)?;
    timeline::add(tx, case.id, event, row.id, detail)?;
    tx.record(event, row.id, members);
    Ok(())
}

/// Applies the version of the rule that is in force on the deadline's trigger date.
pub(super) fn computed(tx: &mut Tx, rule: DeadlineRuleId, row: &DeadlineRow) -> Result<(DeadlineRule, Computation)> {
    let trigger = trigger_of(row.trigger_date, row.trigger_not_before)?;
    let rule = deadline_rules::store::effective(tx, rule, trigger.day())?;
    let computation = compute(&rule, trigger, &row.time_zone, row.stated_due_on, Holidays::built_in())?;
    Ok((rule, computation))
}

/// Repeats the computation with the same version of the rule as before, so that a newer version does not move the due
/// date as a side effect.
fn compute_again(tx: &mut Tx, rule: DeadlineRuleId, row: &mut DeadlineRow) -> Result<()> {
    let trigger = trigger_of(row.trigger_date, row.trigger_not_before)?;
    let Some(rule) =
        deadline_rules::store::find(tx, rule)?.into_iter().find(|rule| Some(rule.version) == row.rule_version)
    else {
        return Ok(());
    };
    let computation = compute(&rule, trigger, &row.time_zone, row.stated_due_on, Holidays::built_in())?;
    let review = row.review.take();
    row.apply_rule(&rule, computation);
    row.review = review;
    Ok(())
}

fn trigger_of(date: Option<Day>, not_before: Option<Day>) -> Result<Trigger> {
    match (date, not_before) {
        (Some(day), _) => Ok(Trigger::On(day)),
        (None, Some(not_before)) => Ok(Trigger::Unknown { not_before }),
        (None, None) => Err(ApiError::invalid("/trigger_date", "required", "a rule counts from a day")),
    }
}

/// Checks that a day has come in the forum's or in the organization's time zone.
fn check_day(tx: &mut Tx, day: Option<Day>, zone: &Zone, pointer: &str) -> Result<()> {
    let Some(day) = day else { return Ok(()) };
    let today = Day::latest_today([zone, &organizations::store::find(tx)?.time_zone]);
    day.has_come(today).map_err(|fault| ApiError::invalid(pointer, fault.code, fault.detail))
}

/// The time zones of an action's deadlines.
pub fn zones_of(tx: &mut Tx, action: ActionId) -> Result<Vec<Zone>> {
    Ok(visible(tx).filter(deadlines::action_id.eq(action)).select(deadlines::time_zone).load(tx.conn)?)
}

pub fn create(tx: &mut Tx, action: ActionId, new: &Body<NewDeadline>) -> Result<Deadline> {
    if let Some(rule) = new.rule_id {
        deadline_rules::store::lock_against_new_versions(tx, rule)?;
    }
    let action = actions::store::find(tx, action)?;
    let mut case = cases::store::lock_for_update(tx, action.case_id)?;
    // Reads the action again, because only now the case is locked.
    let action = actions::store::find(tx, action.id)?;
    if matches!(action.status, ActionStatus::Withdrawn | ActionStatus::EnteredInError) {
        return Err(ApiError::conflict("The action was withdrawn or entered in error."));
    }
    new.check()?;
    let zone = match &new.time_zone {
        Some(zone) => zone.clone(),
        None => organizations::store::find(tx)?.time_zone,
    };
    check_day(tx, new.trigger_date, &zone, "/trigger_date")?;
    // With a rule, this day is a placeholder until the rule gives the due date.
    let day = new.due_on.or(new.trigger_date).or(new.trigger_not_before).unwrap_or_else(|| Day::today(&zone));
    let mut row = DeadlineRow::new(&action, tx.user()?, zone, day, new)?;
    if let Some(rule) = new.rule_id {
        let (rule, computation) =
            computed(tx, rule, &row).map_err(|error| error.not_found_as_unknown_reference("/rule_id"))?;
        row.apply_rule(&rule, computation);
    }
    let replaced = new.supersedes.map(|id| replaceable(tx, id, case.id)).transpose()?;
    diesel::insert_into(deadlines::table).values(&row).execute(tx.conn)?;
    if let Some(mut old) = replaced {
        old.set_status(DeadlineStatus::Superseded)?;
        old.superseded_by = Some(row.id);
        save(tx, &mut old)?;
        record_event(tx, &mut case, &old, "deadline.superseded", None, Vec::new())?;
    }
    record_event(tx, &mut case, &row, "deadline.created", Some(row.status.as_str()), new.members())?;
    Ok(row.into())
}

/// Finds the deadline of this case that a new one is to replace. The caller has locked the case.
fn replaceable(tx: &mut Tx, id: DeadlineId, case: CaseId) -> Result<DeadlineRow> {
    const POINTER: &str = "/supersedes";
    let row: Option<DeadlineRow> = visible(tx)
        .filter(deadlines::id.eq(id))
        .select(DeadlineRow::as_select())
        .locked()
        .get_result(tx.conn)
        .optional()?;
    match row {
        None => Err(ApiError::unknown_reference(POINTER)),
        Some(row) if row.case_id != case => {
            Err(ApiError::invalid(POINTER, "other_case", "must belong to the same case"))
        }
        Some(row) if !row.status.may_become(DeadlineStatus::Superseded) => {
            Err(ApiError::invalid(POINTER, "not_open", "must name an open deadline"))
        }
        Some(row) => Ok(row),
    }
}

pub fn update(tx: &mut Tx, id: DeadlineId, version: &IfMatch, patch: &Body<DeadlinePatch>) -> Result<Deadline> {
    let (mut case, mut row) = lock_for_update(tx, id)?;
    version.check(row.version)?;
    if patch.moves() && !row.status.is_open() {
        return Err(ApiError::conflict(format!(
            "The deadline is {}: its day does not change any more.",
            row.status.as_str()
        )));
    }
    if let Some(zone) = &patch.time_zone.0 {
        row.set_zone(zone.clone())?;
    }
    patch.check(&row)?;
    check_day(tx, patch.trigger_date.0, &row.time_zone, "/trigger_date")?;
    if let Some(day) = patch.trigger_date.0 {
        (row.trigger_date, row.trigger_not_before) = (Some(day), None);
    }
    patch.stated_due_on.clone().apply(&mut row.stated_due_on);
    if let Some((day, reason)) = patch.due_on.0.zip(patch.override_reason.0.clone()) {
        row.override_day(day, reason)?;
    } else if let Some(rule) = row.rule_id {
        if patch.computes() {
            let (rule, computation) = computed(tx, rule, &row)?;
            row.apply_rule(&rule, computation);
        } else if patch.time_zone.0.is_some() && row.override_reason.is_none() {
            compute_again(tx, rule, &mut row)?;
        }
    }
    patch.note.clone().apply(&mut row.note);
    let mut event = "deadline.updated";
    if patch.status.0.is_some() {
        row.set_status(DeadlineStatus::Missed)?;
        event = "deadline.missed";
    }
    save(tx, &mut row)?;
    record_event(tx, &mut case, &row, event, None, patch.members())?;
    Ok(row.into())
}

pub fn satisfy(tx: &mut Tx, id: DeadlineId, given: &Body<Satisfaction>) -> Result<Deadline> {
    let (mut case, mut row) = lock_for_update(tx, id)?;
    row.set_status(DeadlineStatus::Satisfied)?;
    let action = match given.action_id {
        Some(named) => actions::store::find_in_case(tx, named, case.id, "/action_id")?,
        None => actions::store::find(tx, row.action_id)?,
    };
    check_day(tx, given.on, &row.time_zone, "/on")?;
    if action.filed_on.is_none() || action.status == ActionStatus::EnteredInError {
        let detail = "was never filed, and so meets no deadline";
        return Err(ApiError::invalid("/action_id", "not_filed", detail));
    }
    // A deadline for the other side is satisfied when that side decides. A delay of theirs needs no good cause from us.
    let theirs = row.computation.as_ref().is_some_and(|Json(basis)| basis.party == DeadlineParty::OtherSide);
    let done = if theirs { action.decided_on } else { action.filed_on };
    let on = given.on.or(done).unwrap_or_else(|| Day::today(&row.time_zone));
    if row.trigger_date.is_some_and(|trigger| on < trigger) {
        return Err(ApiError::invalid("/on", "before_trigger", "must not lie before what started the clock"));
    }
    let late = on > row.due_on;
    if late && !theirs && given.good_cause.is_none() {
        return Err(ApiError::invalid("/good_cause", "required", "is required when the filing is after the last day"));
    }
    (row.satisfied_by, row.satisfied_on) = (Some(action.id), Some(on));
    (row.late_filing, row.good_cause) = (late, given.good_cause.clone());
    save(tx, &mut row)?;
    record_event(tx, &mut case, &row, "deadline.satisfied", late.then_some("late_filing"), given.members())?;
    Ok(row.into())
}

pub fn waive(tx: &mut Tx, id: DeadlineId, given: &Body<Waiver>) -> Result<Deadline> {
    let (mut case, mut row) = lock_for_update(tx, id)?;
    row.set_status(DeadlineStatus::Excused)?;
    row.excused_reason = Some(given.reason.clone());
    save(tx, &mut row)?;
    record_event(tx, &mut case, &row, "deadline.excused", None, given.members())?;
    Ok(row.into())
}

/// Waives every open deadline of a case that closes in spite of them. The caller has locked the case, and saves it.
pub fn waive_open(tx: &mut Tx, case: &mut CaseRow, reason: &Text<2000>) -> Result<()> {
    let open =
        visible(tx).filter(deadlines::case_id.eq(case.id)).filter(deadlines::status.eq_any(DeadlineStatus::OPEN));
    let rows: Vec<DeadlineRow> = open.order(deadlines::id).select(DeadlineRow::as_select()).locked().load(tx.conn)?;
    for mut row in rows {
        row.set_status(DeadlineStatus::Excused)?;
        row.excused_reason = Some(reason.clone());
        save(tx, &mut row)?;
        timeline::add(tx, case.id, "deadline.excused", row.id, None)?;
        tx.record("deadline.excused", row.id, vec!["status".into(), "excused_reason".into()]);
    }
    (case.open_deadlines, case.next_deadline_on) = (0, None);
    Ok(())
}
