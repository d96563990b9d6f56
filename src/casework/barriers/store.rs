//! Queries over barriers. Every one starts from [`visible`].

use super::{model::*, requests::*};
use crate::{
    casework::{
        actions,
        cases::{
            self,
            model::{CaseId, CaseRow, CaseStatus},
        },
        clients::{self, model::ClientId},
        conflicts::{self, model::Occasion},
    },
    db::{
        Dialect, PortableDsl as _, Tx,
        dialect::{Key, has_element},
        save,
        schema::barriers,
        versioned,
    },
    directory::{
        providers,
        services::{self, model::ServiceId},
    },
    error::{ApiError, Result},
    http::{Body, Filter, IfMatch, List, Page},
    identity::organizations,
    records::{Capped, search, timeline, visibility},
    types::{Day, Instant, Patch},
};
use diesel::prelude::*;

versioned! {
    BarrierRow, barriers, updated_at;
    always [
        type_, type_text, bases, basis_text, service_type, occurred_on, ongoing, description, severity,
        verification, status, judged_by, resolved_at, version, updated_at,
    ]
    if_changed [case_id, provider_id, service_id, disposition, opened_at, created_by, possible_retaliation]
}

/// The barriers of the cases that this caller may work in.
fn visible(tx: &Tx) -> barriers::BoxedQuery<'static, Dialect> {
    barriers::table
        .filter(barriers::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "barriers"))
        .into_boxed()
}

fn filtered(tx: &Tx, filter: &BarrierFilter) -> barriers::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(case) = filter.case {
        query = query.filter(barriers::case_id.eq(case));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(barriers::type_.eq(kind));
    }
    if let Some(basis) = filter.basis {
        query = query.filter(has_element(barriers::bases, basis.as_str().to_owned()));
    }
    if let Some(provider) = filter.provider {
        query = query.filter(providers::store::column_is(tx, "barriers.provider_id", provider));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(barriers::status.eq_any(statuses.0.clone()));
    }
    if let Some(severities) = &filter.severity {
        query = query.filter(barriers::severity.eq_any(severities.0.clone()));
    }
    if let Some(flagged) = filter.possible_retaliation {
        query = query.filter(barriers::possible_retaliation.eq(flagged));
    }
    query
}

fn listed<F: Filter>(tx: &mut Tx, list: &List<F>, filter: &BarrierFilter) -> Result<Page<Barrier>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, filter),
        (barriers::opened_at, barriers::id),
        Instant::from_micros,
        BarrierId::from_uuid,
    )?;
    let rows: Vec<BarrierRow> = query.select(BarrierRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, filter).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.opened_at.micros(), row.id.uuid()), Barrier::from);
    tx.audit_read_all("barrier.listed", page.items.iter().map(|barrier| barrier.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, list: &List<BarrierFilter>) -> Result<Page<Barrier>> {
    listed(tx, list, &list.filter)
}

pub fn page_of_case(tx: &mut Tx, case: CaseId, list: &List<CaseBarrierFilter>) -> Result<Page<Barrier>> {
    let case = cases::store::find(tx, case)?;
    let filter = BarrierFilter { case: Some(case.id), status: list.filter.status.clone(), ..BarrierFilter::default() };
    listed(tx, list, &filter)
}

/// The newest barriers of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<BarrierRow>> {
    let newest = crate::newest!(
        tx,
        BarrierRow,
        (barriers::opened_at.desc(), barriers::id.desc()),
        visible(tx).filter(barriers::case_id.eq(case))
    );
    tx.audit_read_all("barrier.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

/// Finds the barrier without an audit entry, for stores of records that belong to it. Use [`get`] to show it.
pub fn find(tx: &mut Tx, id: BarrierId) -> Result<BarrierRow> {
    Ok(visible(tx).filter(barriers::id.eq(id)).select(BarrierRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: BarrierId) -> Result<BarrierRow> {
    let row = find(tx, id)?;
    tx.audit_read("barrier.read", row.id);
    Ok(row)
}

/// Checks that a day is not in the future, by the organization's calendar, and not before the client's birth.
fn check_day(tx: &mut Tx, day: Option<Day>, client: ClientId) -> Result<()> {
    let Some(day) = day else { return Ok(()) };
    let today = Day::latest_today([&organizations::store::find(tx)?.time_zone]);
    day.has_come(today).map_err(|fault| ApiError::invalid("/occurred_on", fault.code, fault.detail))?;
    clients::store::check_born(tx, client, day, "/occurred_on")
}

/// Checks that the provider and the service of a barrier belong to the organization, and the service to the provider.
/// Replaces the id of a merged provider or service with the id that it was merged into.
fn check_references(tx: &mut Tx, row: &mut BarrierRow) -> Result<()> {
    row.provider_id = providers::store::lock_reference(tx, row.provider_id, "/provider_id")?;
    let Some(service) = row.service_id else { return Ok(()) };
    let service = services::store::lock_reference(tx, ServiceId::from_uuid(service.uuid()), "/service_id")?;
    if row.provider_id.is_some_and(|provider| provider != service.provider_id) {
        return Err(ApiError::invalid("/service_id", "wrong_provider", "must be a service of the provider"));
    }
    row.service_id = Some(Key::from_uuid(service.id.uuid()));
    Ok(())
}

/// Marks a barrier as possible retaliation if it follows soon after an action against its provider.
fn mark_possible_retaliation(tx: &mut Tx, case: &CaseRow, row: &mut BarrierRow) -> Result<()> {
    row.possible_retaliation = match row.provider_id {
        None => false,
        Some(provider) => {
            let zone = organizations::store::find(tx)?.time_zone;
            let day = row.occurred_on.unwrap_or_else(|| Day::of(row.opened_at, &zone));
            actions::store::filed_shortly_before(tx, case, provider, day)?
        }
    };
    Ok(())
}

/// Recounts the barriers without a disposition, in the case row that the caller has locked. The case gets a new version
/// only if the answer to "may it be closed?" changes, because clients of the API see nothing else of the count.
fn recount(tx: &mut Tx, case: &mut CaseRow) -> Result<()> {
    // Counts all barriers without [`visible`]: the caller has locked the case, and the count must not depend on an
    // access right that ends at this moment.
    let open = barriers::table
        .filter(barriers::organization_id.eq(case.organization_id))
        .filter(barriers::case_id.eq(case.id));
    let open = open.filter(barriers::disposition.is_null());
    let open: i64 = open.count().get_result(tx.conn)?;
    let open = i32::try_from(open).map_err(ApiError::internal)?;
    let before = std::mem::replace(&mut case.undisposed_barriers, open);
    if case.status == CaseStatus::Active && (before == 0) != (open == 0) {
        Ok(save(tx, case)?)
    } else if before != open {
        cases::store::save_without_version(tx, case)
    } else {
        Ok(())
    }
}

pub fn create(tx: &mut Tx, case: CaseId, new: &Body<NewBarrier>) -> Result<Barrier> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = BarrierRow::new(case.organization_id, case.id, tx.user()?, new);
    row.check()?;
    if let Some(service_type) = &new.service_type {
        service_type.check("/service_type")?;
    }
    check_day(tx, row.occurred_on, case.client_id)?;
    check_references(tx, &mut row)?;
    mark_possible_retaliation(tx, &case, &mut row)?;
    diesel::insert_into(barriers::table).values(&row).execute(tx.conn)?;
    search::store::add(tx, case.team_id, &row)?;
    recount(tx, &mut case)?;
    timeline::add(tx, case.id, "barrier.created", row.id, None)?;
    tx.record("barrier.created", row.id, new.members());
    if row.provider_id.is_some() || row.service_id.is_some() {
        conflicts::store::check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: BarrierId, version: &IfMatch, patch: &Body<BarrierPatch>) -> Result<Barrier> {
    // Locks the case before the barrier, as everywhere, so that two requests cannot deadlock.
    let case = find(tx, id)?.case_id;
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = visible(tx)
        .filter(barriers::id.eq(id))
        .select(BarrierRow::as_select())
        .locked()
        .get_result::<BarrierRow>(tx.conn)?;
    version.check(row.version)?;
    let before = row.clone();
    row.apply(patch);
    row.check()?;
    if let Some(service_type) = patch.service_type.set() {
        service_type.check("/service_type")?;
    }
    check_day(tx, patch.occurred_on.set().copied(), case.client_id)?;
    if patch.provider_id.set().is_some() || patch.service_id.set().is_some() {
        check_references(tx, &mut row)?;
    }
    if patch.provider_id != Patch::Keep || patch.occurred_on != Patch::Keep {
        mark_possible_retaliation(tx, &case, &mut row)?;
    }
    save(tx, &mut row)?;
    search::store::replace_if_changed(tx, &before, &row)?;
    recount(tx, &mut case)?;
    let status = (row.status != before.status).then(|| row.status.as_str());
    timeline::add(tx, case.id, "barrier.updated", row.id, status)?;
    tx.record("barrier.updated", row.id, patch.members());
    if patch.provider_id.set().is_some() || patch.service_id.set().is_some() {
        conflicts::store::check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    Ok(row.into())
}
