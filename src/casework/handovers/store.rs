//! Queries over handovers. Every one starts from [`visible`].

use super::model::*;
use crate::{
    auth::Role,
    casework::{
        assignments::{self, model::AssignmentRole},
        cases::{
            self,
            lifecycle::{self, Mover},
            model::{CaseId, CaseRow, CaseStatus},
        },
        deadlines, meetings, tasks,
    },
    db::{Condition, Dialect, PortableDsl as _, Tx, save, schema::handovers, versioned},
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, Filter, List, Page},
    identity::{organizations, teams, users},
    records::{timeline, visibility},
    types::{Day, Instant},
};
use diesel::prelude::*;

versioned! {
    HandoverRow, handovers;
    always [note, keep_until, reason, open_work, answered_at, version]
    if_changed [case_id, from_user_id, to_user_id, offered_by, status, offered_at]
}

/// The handovers of the cases that this caller may work in, and those that are offered to the caller now.
fn visible(tx: &Tx) -> Result<handovers::BoxedQuery<'static, Dialect>> {
    let condition = Condition::sql("(")
        .with(visibility::in_visible_case(tx, "handovers"))
        .then(" OR (handovers.status = 'offered' AND handovers.to_user_id = ")
        .id(tx.user()?.uuid())
        .then("))");
    Ok(handovers::table.filter(handovers::organization_id.eq(tx.organization())).filter(condition).into_boxed())
}

fn filtered(tx: &Tx, filter: &HandoverFilter) -> Result<handovers::BoxedQuery<'static, Dialect>> {
    let mut query = visible(tx)?;
    if let Some(case) = filter.case {
        query = query.filter(handovers::case_id.eq(case));
    }
    if filter.mine == Some(true) {
        query = query.filter(handovers::to_user_id.eq(tx.user()?));
    }
    if let Some(statuses) = &filter.status {
        // With `=` instead of `IN`, the index on the status also gives the order.
        query = match statuses.0.as_slice() {
            [one] => query.filter(handovers::status.eq(*one)),
            several => query.filter(handovers::status.eq_any(several.to_vec())),
        };
    }
    Ok(query)
}

fn listed<F: Filter>(tx: &mut Tx, list: &List<F>, filter: &HandoverFilter) -> Result<Page<Handover>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, filter)?,
        (handovers::offered_at, handovers::id),
        Instant::from_micros,
        HandoverId::from_uuid,
    )?;
    let rows: Vec<HandoverRow> = query.select(HandoverRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, filter)?.count().get_result(tx.conn)?) } else { None };
    let views = views(tx, rows)?;
    let page = list.page(actor, views, total, |view| (view.offered_at.micros(), view.id.uuid()), |view| view);
    tx.audit_read_all("handover.listed", page.items.iter().map(|view| view.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, list: &List<HandoverFilter>) -> Result<Page<Handover>> {
    listed(tx, list, &list.filter)
}

pub fn page_of_case(tx: &mut Tx, case: CaseId, list: &List<CaseHandoverFilter>) -> Result<Page<Handover>> {
    let case = cases::store::find(tx, case)?;
    let filter = HandoverFilter { case: Some(case.id), status: list.filter.status.clone(), mine: None };
    listed(tx, list, &filter)
}

/// The API views: callers who see the case get the open work, others only its counts.
fn views(tx: &mut Tx, rows: Vec<HandoverRow>) -> Result<Vec<Handover>> {
    let cases: Vec<CaseId> = rows.iter().map(|row| row.case_id).collect();
    let numbers_and_teams = cases::store::numbers_and_teams(tx, &cases)?;
    let visible_cases = cases::store::filter_visible(tx, cases)?;
    let view = |row: HandoverRow| {
        let (case, case_number, team_id) = numbers_and_teams.iter().find(|(case, ..)| *case == row.case_id).cloned()?;
        Some(Handover::from_row(row, HandoverCase { case_number, team_id, is_visible: visible_cases.contains(&case) }))
    };
    Ok(rows.into_iter().filter_map(view).collect())
}

fn view(tx: &mut Tx, row: HandoverRow) -> Result<Handover> {
    views(tx, vec![row])?.pop().ok_or_else(ApiError::not_found)
}

pub fn get(tx: &mut Tx, id: HandoverId) -> Result<Handover> {
    let row: HandoverRow = visible(tx)?.filter(handovers::id.eq(id)).select(HandoverRow::as_select()).first(tx.conn)?;
    tx.audit_read("handover.read", row.id);
    view(tx, row)
}

/// The handover and its case, both locked until the transaction ends. Locks the case first, as everywhere, also for a
/// recipient who does not see the case. So parallel answers run one after the other, and each sees the result of the
/// one before.
fn lock_for_update(tx: &mut Tx, id: HandoverId) -> Result<(CaseRow, HandoverRow)> {
    let case: CaseId = visible(tx)?.filter(handovers::id.eq(id)).select(handovers::case_id).first(tx.conn)?;
    let case = cases::store::lock_without_access_check(tx, case)?;
    let row =
        visible(tx)?.filter(handovers::id.eq(id)).select(HandoverRow::as_select()).locked().get_result(tx.conn)?;
    Ok((case, row))
}

/// The open work in a case now.
fn open_work(tx: &mut Tx, case: CaseId) -> Result<OpenWork> {
    Ok(OpenWork {
        deadlines: deadlines::store::open_of_case(tx, case)?
            .into_iter()
            .map(|(id, due)| OpenItem::due(id, Some(due)))
            .collect(),
        meetings: meetings::store::ahead_of_case(tx, case)?
            .into_iter()
            .map(|(id, at)| OpenItem::starting(id, at))
            .collect(),
        tasks: tasks::store::open_of_case(tx, case)?
            .into_iter()
            .map(|(id, due)| OpenItem::due(id, Some(due)))
            .collect(),
        commitments: meetings::commitments::store::open_of_case(tx, case)?
            .into_iter()
            .map(|(id, due)| OpenItem::due(id, due))
            .collect(),
    })
}

pub fn create(tx: &mut Tx, case: CaseId, new: &Body<NewHandover>) -> Result<Handover> {
    let actor = tx.actor()?;
    let case = cases::store::lock_for_update(tx, case)?;
    if !lifecycle::may_perform(actor, case.lead_advocate_id, &[Mover::Lead, Mover::Supervisor]) {
        return Err(ApiError::forbidden("Only the lead or a supervisor can offer a handover of this case."));
    }
    let lead = case.lead_advocate_id.ok_or_else(|| ApiError::conflict("The case has no lead. Assign one instead."))?;
    let target = users::store::worker(tx, new.to_user_id, "/to_user_id")?;
    new.check(actor.user, lead, Day::today(&organizations::store::find(tx)?.time_zone))?;
    if target.role == Role::Supervisor && !teams::store::has_member(tx, case.team_id, target.id)? {
        return Err(ApiError::invalid("/to_user_id", "not_in_team", "is a supervisor who is not in the case's team"));
    }
    let open_work = open_work(tx, case.id)?;
    let row = HandoverRow::new(&case, lead, actor.user, new, open_work);
    let already_open = || ApiError::new(Code::AlreadyExists, "The case already has an open handover.");
    diesel::insert_into(handovers::table).values(&row).execute(tx.conn).on_unique(already_open)?;
    timeline::add(tx, case.id, "handover.offered", row.id, None)?;
    tx.record("handover.offered", row.id, new.members());
    view(tx, row)
}

/// Saves an answered offer, and writes it to the timeline and the audit log.
fn answered(tx: &mut Tx, row: &mut HandoverRow, event: &'static str, members: Vec<String>) -> Result<()> {
    save(tx, row)?;
    timeline::add(tx, row.case_id, event, row.id, None)?;
    tx.record(event, row.id, members);
    Ok(())
}

fn only_target(tx: &Tx, row: &HandoverRow) -> Result<()> {
    if row.to_user_id == tx.user()? {
        return Ok(());
    }
    Err(ApiError::forbidden("Only the person to whom the handover is offered can answer it."))
}

pub fn accept(tx: &mut Tx, id: HandoverId) -> Result<Handover> {
    let actor = tx.actor()?;
    let (mut case, mut row) = lock_for_update(tx, id)?;
    only_target(tx, &row)?;
    row.answer(HandoverStatus::Accepted, None)?;
    if case.status == CaseStatus::EnteredInError {
        return Err(ApiError::conflict("The case was entered in error."));
    }
    if actor.role == Role::Supervisor && !teams::store::has_member(tx, case.team_id, actor.user)? {
        return Err(ApiError::conflict("You are no longer in the case's team."));
    }
    answered(tx, &mut row, "handover.accepted", vec!["status".into()])?;
    assignments::store::replace_lead(tx, &mut case, actor.user)?;
    save(tx, &mut case)?;
    if let Some(last) = row.keep_until {
        let end = last.plus_days(1).begins(&organizations::store::find(tx)?.time_zone);
        if end > Instant::now() {
            assignments::store::begin_until(tx, &case, row.from_user_id, AssignmentRole::Cover, Some(end))?;
        }
    }
    view(tx, row)
}

pub fn refuse(tx: &mut Tx, id: HandoverId, refusal: &Body<HandoverRefusal>) -> Result<Handover> {
    let (_, mut row) = lock_for_update(tx, id)?;
    only_target(tx, &row)?;
    row.answer(HandoverStatus::Refused, Some(refusal.reason.clone()))?;
    answered(tx, &mut row, "handover.refused", refusal.members())?;
    view(tx, row)
}

pub fn withdraw(tx: &mut Tx, id: HandoverId) -> Result<Handover> {
    let actor = tx.actor()?;
    let (case, mut row) = lock_for_update(tx, id)?;
    let supervises =
        actor.role == Role::Supervisor && cases::store::filter_visible(tx, vec![case.id])?.contains(&case.id);
    if row.offered_by != actor.user && !supervises {
        return Err(ApiError::forbidden(
            "Only the person who offered the handover, or a supervisor of the case, can withdraw it.",
        ));
    }
    row.answer(HandoverStatus::Withdrawn, None)?;
    answered(tx, &mut row, "handover.withdrawn", vec!["status".into()])?;
    view(tx, row)
}

/// Withdraws the open offer of a case that gets another lead or was entered in error. The caller has locked the case.
pub fn withdraw_open_offer(tx: &mut Tx, case: &CaseRow) -> Result<()> {
    let of_case = handovers::table
        .filter(handovers::organization_id.eq(case.organization_id))
        .filter(handovers::case_id.eq(case.id));
    let open = of_case.filter(handovers::status.eq(HandoverStatus::Offered));
    let open: Option<HandoverRow> = open.select(HandoverRow::as_select()).first(tx.conn).optional()?;
    if let Some(mut row) = open {
        row.answer(HandoverStatus::Withdrawn, None)?;
        answered(tx, &mut row, "handover.withdrawn", vec!["status".into()])?;
    }
    Ok(())
}
