//! Queries over actions. Every one starts from [`visible`].

use super::{ladder, model::*, requests::*};
use crate::{
    casework::{
        barriers::{self, model::BarrierId},
        cases::{
            self,
            model::{CaseId, CaseRow},
        },
        conflicts::{self, model::Occasion},
        deadlines,
    },
    db::{Dialect, PortableDsl as _, Tx, save, schema::actions, versioned},
    directory::providers::{self, model::ProviderId},
    error::{ApiError, Result},
    http::{Body, Filter, IfMatch, List, Page},
    identity::organizations,
    records::{Capped, timeline, visibility},
    types::{Day, Instant},
};
use diesel::prelude::*;

versioned! {
    ActionRow, actions, updated_at;
    always [
        type_, forum, scheme, level, escalation_reason, description, status, filed_on, method, external_reference,
        decision, decided_on, late_filing, good_cause, version, updated_at,
    ]
    if_changed [case_id, barrier_id, provider_id, parent_action_id, created_by, created_at]
}

/// A new barrier counts as possible retaliation for this many days after an action against the same provider.
const RETALIATION_DAYS: i32 = 90;

/// The maximum length of a chain of actions. No ladder has so many steps, and each link costs a query.
const MAX_CHAIN: usize = 50;

/// The actions of the cases that this caller may work in.
fn visible(tx: &Tx) -> actions::BoxedQuery<'static, Dialect> {
    actions::table
        .filter(actions::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "actions"))
        .into_boxed()
}

fn filtered(tx: &Tx, filter: &ActionFilter, barrier: Option<BarrierId>) -> actions::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(case) = filter.case {
        query = query.filter(actions::case_id.eq(case));
    }
    if let Some(barrier) = barrier {
        query = query.filter(actions::barrier_id.eq(barrier));
    }
    if let Some(kinds) = &filter.kind {
        query = query.filter(actions::type_.eq_any(kinds.0.clone()));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(actions::status.eq_any(statuses.0.clone()));
    }
    if let Some(provider) = filter.provider {
        query = query.filter(providers::store::column_is(tx, "actions.provider_id", provider));
    }
    query
}

fn listed<F: Filter>(
    tx: &mut Tx,
    list: &List<F>,
    filter: &ActionFilter,
    barrier: Option<BarrierId>,
) -> Result<Page<Action>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, filter, barrier),
        (actions::created_at, actions::id),
        Instant::from_micros,
        ActionId::from_uuid,
    )?;
    let rows: Vec<ActionRow> = query.select(ActionRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(tx, filter, barrier).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Action::from);
    tx.audit_read_all("action.listed", page.items.iter().map(|action| action.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, list: &List<ActionFilter>) -> Result<Page<Action>> {
    listed(tx, list, &list.filter, None)
}

fn action_filter(case: Option<CaseId>, filter: &LadderFilter) -> ActionFilter {
    ActionFilter { case, kind: filter.kind.clone(), status: filter.status.clone(), provider: None }
}

pub fn page_of_case(tx: &mut Tx, case: CaseId, list: &List<LadderFilter>) -> Result<Page<Action>> {
    let case = cases::store::find(tx, case)?;
    listed(tx, list, &action_filter(Some(case.id), &list.filter), None)
}

pub fn page_of_barrier(tx: &mut Tx, barrier: BarrierId, list: &List<LadderFilter>) -> Result<Page<Action>> {
    let barrier = barriers::store::find(tx, barrier)?;
    listed(tx, list, &action_filter(None, &list.filter), Some(barrier.id))
}

/// The newest actions of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<ActionRow>> {
    let newest = crate::newest!(
        tx,
        ActionRow,
        (actions::created_at.desc(), actions::id.desc()),
        visible(tx).filter(actions::case_id.eq(case))
    );
    tx.audit_read_all("action.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

/// Finds the action without an audit entry, for stores of records that belong to it. Use [`get`] to show it.
pub fn find(tx: &mut Tx, id: ActionId) -> Result<ActionRow> {
    Ok(visible(tx).filter(actions::id.eq(id)).select(ActionRow::as_select()).first(tx.conn)?)
}

/// Checks that an id in a request body names an action of this case, and returns the row.
pub fn find_in_case(tx: &mut Tx, id: ActionId, case: CaseId, pointer: &str) -> Result<ActionRow> {
    let row = find(tx, id).map_err(|error| error.not_found_as_unknown_reference(pointer))?;
    if row.case_id == case {
        Ok(row)
    } else {
        Err(ApiError::invalid(pointer, "other_case", "must belong to the same case"))
    }
}

pub fn get(tx: &mut Tx, id: ActionId) -> Result<Action> {
    let row = find(tx, id)?;
    tx.audit_read("action.read", row.id);
    with_next_steps(tx, row)
}

/// The action as its own endpoint shows it.
fn with_next_steps(tx: &mut Tx, row: ActionRow) -> Result<Action> {
    let next_steps = ladder::next_steps(tx, &row)?;
    Ok(Action { next_steps, ..row.into() })
}

/// Whether an action against this provider was filed in this case shortly before the day. The client's other cases are
/// not checked, because a reader of the flag may not be allowed to know of them.
pub fn filed_shortly_before(tx: &mut Tx, case: &CaseRow, provider: ProviderId, day: Day) -> Result<bool> {
    let filed = actions::table
        .filter(actions::organization_id.eq(case.organization_id))
        .filter(actions::case_id.eq(case.id))
        .filter(actions::provider_id.eq(provider))
        .filter(actions::status.ne(ActionStatus::EnteredInError))
        .filter(actions::filed_on.between(day.plus_days(-RETALIATION_DAYS), day));
    let first: Option<ActionId> = filed.select(actions::id).first(tx.conn).optional()?;
    Ok(first.is_some())
}

/// Checks that the parent belongs to the same case and that the chain has no cycle. The caller has locked the case, so
/// no other request can change the chain meanwhile.
fn check_parent(tx: &mut Tx, row: &ActionRow) -> Result<()> {
    const POINTER: &str = "/parent_action_id";
    let mut above = row.parent_action_id;
    let mut steps = 0;
    while let Some(id) = above {
        steps += 1;
        if steps > MAX_CHAIN {
            return Err(ApiError::invalid(
                POINTER,
                "out_of_range",
                format!("would make a chain of more than {MAX_CHAIN} actions"),
            ));
        }
        if id == row.id {
            return Err(ApiError::invalid(POINTER, "cycle", "must not be the action itself or one that follows it"));
        }
        above = find_in_case(tx, id, row.case_id, POINTER)?.parent_action_id;
    }
    Ok(())
}

fn check_days(tx: &mut Tx, row: &ActionRow) -> Result<()> {
    let mut zones = vec![organizations::store::find(tx)?.time_zone];
    let today = Day::latest_today(&zones);
    // The forum may be in a time zone in which this day has already begun.
    if row.filed_on.max(row.decided_on).is_some_and(|day| day > today) {
        zones.extend(deadlines::store::zones_of(tx, row.id)?);
    }
    row.check(Day::latest_today(&zones))
}

pub fn create_in_case(tx: &mut Tx, case: CaseId, new: &Body<NewAction>) -> Result<Action> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    create(tx, &mut case, None, None, new)
}

pub fn create_against_barrier(tx: &mut Tx, barrier: BarrierId, new: &Body<NewAction>) -> Result<Action> {
    let barrier = barriers::store::find(tx, barrier)?;
    let mut case = cases::store::lock_for_update(tx, barrier.case_id)?;
    create(tx, &mut case, Some(barrier.id), barrier.provider_id, new)
}

fn create(
    tx: &mut Tx,
    case: &mut CaseRow,
    barrier: Option<BarrierId>,
    provider: Option<ProviderId>,
    new: &Body<NewAction>,
) -> Result<Action> {
    let mut row = ActionRow::new(case.organization_id, case.id, barrier, tx.user()?, new)?;
    row.provider_id = row.provider_id.or(provider);
    check_days(tx, &row)?;
    row.provider_id = providers::store::lock_reference(tx, row.provider_id, "/provider_id")?;
    check_parent(tx, &row)?;
    diesel::insert_into(actions::table).values(&row).execute(tx.conn)?;
    timeline::add(tx, case.id, "action.created", row.id, Some(row.type_.as_str()))?;
    if row.status != ActionStatus::Draft {
        timeline::add(tx, case.id, row.status.event(), row.id, row.decision.map(Decision::as_str))?;
    }
    tx.record("action.created", row.id, new.members());
    if row.provider_id.is_some() {
        conflicts::store::check_automatically(tx, case, Occasion::ProviderAdded)?;
    }
    with_next_steps(tx, row)
}

pub fn update(tx: &mut Tx, id: ActionId, version: &IfMatch, patch: &Body<ActionPatch>) -> Result<Action> {
    let case = find(tx, id)?.case_id;
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = visible(tx)
        .filter(actions::id.eq(id))
        .select(ActionRow::as_select())
        .locked()
        .get_result::<ActionRow>(tx.conn)?;
    version.check(row.version)?;
    let before = row.status;
    row.apply(patch)?;
    check_days(tx, &row)?;
    if patch.provider_id.set().is_some() {
        row.provider_id = providers::store::lock_reference(tx, row.provider_id, "/provider_id")?;
    }
    if patch.parent_action_id.set().is_some() {
        check_parent(tx, &row)?;
    }
    save(tx, &mut row)?;
    let event = if row.status == before { "action.updated" } else { row.status.event() };
    timeline::add(tx, case.id, event, row.id, row.decision.map(Decision::as_str))?;
    tx.record(event, row.id, patch.members());
    if patch.provider_id.set().is_some() {
        conflicts::store::check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    with_next_steps(tx, row)
}
