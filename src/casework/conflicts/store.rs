//! Queries over conflict checks, each through its case.

use super::{interests::model::InterestKind, model::*};
use crate::{
    auth::UserId,
    casework::cases::{
        self,
        model::{CaseId, CaseRow, CaseStatus},
    },
    db::{
        Dialect, PortableDsl as _, Tx, save,
        schema::{actions, assignments, barriers, cases as case_rows, conflict_checks, interests, meetings, services},
        versioned,
    },
    directory::providers::{self, model::ProviderId},
    error::{ApiError, Result},
    http::{Body, List, Page},
    identity::{organizations, users},
    records::{timeline, visibility},
    types::{Day, Id, Instant, Json},
};
use diesel::prelude::*;

versioned! {
    ConflictCheckRow, conflict_checks;
    always [occasion, conflicts, decision, decision_reason, decided_at, version]
    if_changed [case_id, run_by, run_at, decided_by]
}

/// The checks of the cases that this caller may work in.
fn visible(tx: &Tx) -> conflict_checks::BoxedQuery<'static, Dialect> {
    conflict_checks::table
        .filter(conflict_checks::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "conflict_checks"))
        .into_boxed()
}

pub fn page(tx: &mut Tx, case: CaseId, list: &List<ConflictCheckFilter>) -> Result<Page<ConflictCheck>> {
    let (actor, case) = (tx.actor()?, cases::store::find(tx, case)?);
    let all = |tx: &Tx| visible(tx).filter(conflict_checks::case_id.eq(case.id));
    let query = list.keyset(
        actor,
        all(tx),
        (conflict_checks::run_at, conflict_checks::id),
        Instant::from_micros,
        ConflictCheckId::from_uuid,
    )?;
    let rows: Vec<ConflictCheckRow> = query.select(ConflictCheckRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(all(tx).count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("conflict_check.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.run_at.micros(), row.id.uuid()), ConflictCheck::from))
}

pub fn get(tx: &mut Tx, id: ConflictCheckId) -> Result<ConflictCheck> {
    let row: ConflictCheckRow =
        visible(tx).filter(conflict_checks::id.eq(id)).select(ConflictCheckRow::as_select()).first(tx.conn)?;
    tx.audit_read("conflict_check.read", row.id);
    Ok(row.into())
}

/// The latest check of a case that the caller has locked. Ids of merged providers are replaced with the ids that they
/// were merged into.
fn latest(tx: &mut Tx, case: &CaseRow) -> Result<Option<ConflictCheckRow>> {
    let mut latest: Option<ConflictCheckRow> = conflict_checks::table
        .filter(conflict_checks::organization_id.eq(case.organization_id))
        .filter(conflict_checks::case_id.eq(case.id))
        .order((conflict_checks::run_at.desc(), conflict_checks::id.desc()))
        .select(ConflictCheckRow::as_select())
        .first(tx.conn)
        .optional()?;
    for conflict in latest.iter_mut().flat_map(|check| &mut check.conflicts.0) {
        conflict.provider_id = providers::store::merged_into(tx, conflict.provider_id)?.unwrap_or(conflict.provider_id);
    }
    Ok(latest)
}

/// The conflicts of everybody who works on a case with its providers today, in one query. With `lead`, as if that user
/// were the lead.
fn conflicts(tx: &mut Tx, case: &CaseRow, lead: Option<UserId>) -> Result<Vec<Conflict>> {
    let today = Day::today(&organizations::store::find(tx)?.time_zone);
    let organization = case.organization_id;
    let people = assignments::table
        .filter(assignments::organization_id.eq(organization))
        .filter(assignments::case_id.eq(case.id))
        .filter(assignments::ended_at.is_null().or(assignments::ended_at.gt(Instant::now())))
        .select(assignments::user_id);
    let stood =
        barriers::table.filter(barriers::organization_id.eq(organization)).filter(barriers::case_id.eq(case.id));
    let at_services = stood.filter(barriers::service_id.is_not_null()).select(barriers::service_id.assume_not_null());
    let offered =
        services::table.filter(services::organization_id.eq(organization)).filter(services::id.eq_any(at_services));
    let stood = stood.filter(barriers::provider_id.is_not_null());
    let met = meetings::table
        .filter(meetings::organization_id.eq(organization))
        .filter(meetings::case_id.eq(case.id))
        .filter(meetings::provider_id.is_not_null());
    let acted = actions::table
        .filter(actions::organization_id.eq(organization))
        .filter(actions::case_id.eq(case.id))
        .filter(actions::provider_id.is_not_null());
    let own = interests::table.filter(interests::organization_id.eq(organization)).into_boxed::<Dialect>();
    let own = match lead {
        None => own.filter(interests::user_id.eq_any(people)),
        Some(lead) => own.filter(interests::user_id.eq_any(people).or(interests::user_id.eq(lead))),
    };
    let found: Vec<(UserId, ProviderId, InterestKind)> = own
        .filter(
            interests::provider_id
                .eq_any(stood.select(barriers::provider_id.assume_not_null()))
                .or(interests::provider_id.eq_any(met.select(meetings::provider_id.assume_not_null())))
                .or(interests::provider_id.eq_any(acted.select(actions::provider_id.assume_not_null())))
                .or(interests::provider_id.eq_any(offered.select(services::provider_id))),
        )
        .filter(interests::from_on.is_null().or(interests::from_on.le(today)))
        .filter(interests::to_on.is_null().or(interests::to_on.ge(today)))
        .select((interests::user_id, interests::provider_id, interests::kind))
        .load(tx.conn)?;
    // Ignores the interests of the lead who would be replaced.
    let replaced = case.lead_advocate_id.filter(|present| lead.is_some_and(|lead| lead != *present));
    let mut found: Vec<Conflict> = found
        .into_iter()
        .filter(|(user, ..)| Some(*user) != replaced)
        .map(|(user_id, provider_id, kind)| Conflict { user_id, provider_id, kind: kind.tie() })
        .collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Inserts a check, and updates the case row that the caller has locked.
fn insert(tx: &mut Tx, case: &mut CaseRow, occasion: Occasion, found: Vec<Conflict>) -> Result<ConflictCheckRow> {
    let row = ConflictCheckRow {
        organization_id: case.organization_id,
        id: Id::new(),
        case_id: case.id,
        occasion,
        conflicts: Json(found),
        run_by: tx.user()?,
        run_at: Instant::now(),
        decision: None,
        decision_reason: None,
        decided_by: None,
        decided_at: None,
        version: 1,
    };
    diesel::insert_into(conflict_checks::table).values(&row).execute(tx.conn)?;
    save_conflicts_settled(tx, case, row.result() == ConflictResult::Clear)?;
    Ok(row)
}

/// Saves whether the conflicts of the case are settled. Does not increase the version of the case, because advocates
/// may not see the result of a check, and a new version would reveal it.
fn save_conflicts_settled(tx: &mut Tx, case: &mut CaseRow, settled: bool) -> Result<()> {
    if case.conflicts_settled.replace(settled) == Some(settled) {
        Ok(())
    } else {
        cases::store::save_without_version(tx, case)
    }
}

/// Runs a check on request.
pub fn run(tx: &mut Tx, case: CaseId, new: &Body<NewConflictCheck>) -> Result<ConflictCheck> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    if let Some(lead) = new.lead_advocate_id {
        users::store::worker(tx, lead, "/lead_advocate_id")?;
    }
    let found = conflicts(tx, &case, new.lead_advocate_id)?;
    let row = insert(tx, &mut case, Occasion::AskedFor, found)?;
    timeline::add(tx, case.id, "conflict_check.run", row.id, Some(row.result().as_str()))?;
    tx.record("conflict_check.run", row.id, new.members());
    Ok(row.into())
}

/// Runs the check automatically, in the transaction of the change that causes it, on the case row that the caller has
/// locked. Records a check only if the result is new: a conflict that the latest check did not find, or the end of an
/// open conflict.
pub fn check_automatically(tx: &mut Tx, case: &mut CaseRow, occasion: Occasion) -> Result<()> {
    let found = conflicts(tx, case, None)?;
    let event = match (found.is_empty(), case.conflicts_settled) {
        (true, Some(false)) => "conflict_check.run",
        (true, _) => return Ok(()),
        (false, _) => "conflict_check.found",
    };
    if !found.is_empty() && latest(tx, case)?.is_some_and(|latest| latest.knows(&found)) {
        return Ok(());
    }
    let row = insert(tx, case, occasion, found)?;
    timeline::add(tx, case.id, event, row.id, Some(row.result().as_str()))?;
    tx.record(event, row.id, Vec::new());
    Ok(())
}

/// Checks again the running cases of everybody who has an interest in a provider that another provider was just merged
/// into, because interests in the merged provider now concern this one. The caller who merges may not be allowed to see
/// these cases, and gets no data of them.
pub fn recheck_after_merge(tx: &mut Tx<'_>, provider: ProviderId) -> Result<()> {
    let organization = tx.organization();
    let concerned = interests::table
        .filter(interests::organization_id.eq(organization))
        .filter(interests::provider_id.eq(provider));
    let theirs = assignments::table
        .filter(assignments::organization_id.eq(organization))
        .filter(assignments::user_id.eq_any(concerned.select(interests::user_id)))
        .filter(assignments::ended_at.is_null().or(assignments::ended_at.gt(Instant::now())));
    let over = [CaseStatus::Closed, CaseStatus::Declined, CaseStatus::EnteredInError];
    let running = case_rows::table
        .filter(case_rows::organization_id.eq(organization))
        .filter(case_rows::id.eq_any(theirs.select(assignments::case_id)))
        .filter(case_rows::status.ne_all(over));
    let rows: Vec<CaseRow> = running.order(case_rows::id).select(CaseRow::as_select()).locked().load(tx.conn)?;
    for mut case in rows {
        check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    Ok(())
}

/// Whether the case, if led by `lead`, has a conflict that the client has not agreed to.
pub fn has_open_conflict(tx: &mut Tx, case: &CaseRow, lead: Option<UserId>) -> Result<bool> {
    let found = conflicts(tx, case, lead)?;
    Ok(!found.is_empty() && !latest(tx, case)?.is_some_and(|latest| latest.consents_to(&found)))
}

pub fn decide(tx: &mut Tx, id: ConflictCheckId, new: &Body<NewConflictDecision>) -> Result<ConflictCheck> {
    let actor = tx.actor()?;
    // Locks the case before the check, as everywhere.
    let case: CaseId =
        visible(tx).filter(conflict_checks::id.eq(id)).select(conflict_checks::case_id).first(tx.conn)?;
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row: ConflictCheckRow = visible(tx)
        .filter(conflict_checks::id.eq(id))
        .select(ConflictCheckRow::as_select())
        .locked()
        .get_result(tx.conn)?;
    if row.result() == ConflictResult::Clear {
        return Err(ApiError::conflict("The check found no conflict, so there is nothing to decide."));
    }
    if row.decision.is_some() {
        return Err(ApiError::conflict("This check already has a decision. Run another check to decide again."));
    }
    if latest(tx, &case)?.is_some_and(|latest| latest.id != row.id) {
        return Err(ApiError::conflict("The case has a later check. Decide on that check."));
    }
    if row.concerns(actor.user) {
        return Err(ApiError::forbidden("You cannot decide on your own conflict of interest."));
    }
    row.decide(actor.user, new);
    save(tx, &mut row)?;
    // After `reassign`, the conflict is settled only when the case has another lead and a new check finds no conflict.
    save_conflicts_settled(tx, &mut case, new.decision == ConflictDecision::ProceedWithConsent)?;
    timeline::add(tx, case.id, "conflict_check.decided", row.id, Some(new.decision.as_str()))?;
    tx.record("conflict_check.decided", row.id, new.members());
    Ok(row.into())
}
