//! Queries over services.

use super::model::*;
use crate::{
    db::{
        self, Condition, Dialect, PortableDsl as _, Tx,
        dialect::Key,
        schema::{barriers, service_merges, services},
        versioned,
    },
    directory::providers,
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    records::merges::{self, merge_table},
    types::{Instant, fold},
};
use diesel::prelude::*;

// Saved by [`save`] below, which also updates the words.
versioned! {
    ServiceRow, services, updated_at;
    always [
        name, status, description, url, service_type, eligibility_description, application_process,
        fees_description, wait_time, accessibility, version, updated_at, words,
    ]
    if_changed [provider_id, created_at]
}
merge_table!(service_merges, service_id, ServiceId);

/// The services that this caller may see: all of the organization, merged or not.
fn visible(tx: &Tx) -> services::BoxedQuery<'static, Dialect> {
    services::table.filter(services::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ServiceFilter) -> services::BoxedQuery<'static, Dialect> {
    const NOT_MERGED: &[&str] = &[
        "NOT EXISTS (SELECT 1 FROM service_merges WHERE service_merges.organization_id = services.organization_id AND \
         service_merges.service_id = services.id)",
    ];
    let mut query = visible(tx).filter(Condition::new(NOT_MERGED, &[]));
    if let Some(provider) = filter.provider {
        query = query.filter(providers::store::column_is(tx, "services.provider_id", provider));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(services::status.eq_any(statuses.0.clone()));
    }
    if let Some(part) = &filter.q {
        query = query.filter(Condition::matches_terms("services.words", &fold::parse_query(part.as_str()), true));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<ServiceFilter>) -> Result<Page<Service>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (services::created_at, services::id),
        Instant::from_micros,
        ServiceId::from_uuid,
    )?;
    let rows: Vec<ServiceRow> = query.select(ServiceRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    let mut page = list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Service::from);
    add_merged(tx, &mut page.items)?;
    Ok(page)
}

/// Adds to each service the duplicates that were merged into it.
fn add_merged(tx: &mut Tx, views: &mut [Service]) -> Result<()> {
    let merged = merged(tx, views.iter().map(|view| view.id).collect())?;
    for view in views {
        view.merged_ids = merged.iter().filter(|(into, _)| *into == view.id).map(|(_, id)| *id).collect();
    }
    Ok(())
}

fn view(tx: &mut Tx, row: ServiceRow) -> Result<Service> {
    let mut view = Service::from(row);
    add_merged(tx, std::slice::from_mut(&mut view))?;
    Ok(view)
}

/// The service to which an id refers: the one with this id, or the one that it was merged into.
pub fn find(tx: &mut Tx, id: ServiceId) -> Result<ServiceRow> {
    let id = merged_into(tx, id)?.unwrap_or(id);
    Ok(visible(tx).filter(services::id.eq(id)).select(ServiceRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: ServiceId) -> Result<Service> {
    let row = find(tx, id)?;
    view(tx, row)
}

/// The service that a request body refers to: one of the organization and, for a merged one, the service that it was
/// merged into. It cannot be merged before this transaction ends.
pub fn lock_reference(tx: &mut Tx, mut id: ServiceId, pointer: &str) -> Result<ServiceRow> {
    loop {
        let row: Option<ServiceRow> = visible(tx)
            .filter(services::id.eq(id))
            .select(ServiceRow::as_select())
            .for_reference()
            .get_result(tx.conn)
            .optional()?;
        let row = row.ok_or_else(|| ApiError::unknown_reference(pointer))?;
        match merged_into(tx, id)? {
            Some(into) => id = into,
            None => return Ok(row),
        }
    }
}

/// These services, locked until the transaction ends. None of them is merged.
fn lock_for_update(tx: &mut Tx, ids: &[ServiceId]) -> Result<Vec<ServiceRow>> {
    // Always in the order of their ids, so that two merges cannot deadlock.
    let rows: Vec<ServiceRow> = visible(tx)
        .filter(services::id.eq_any(ids.to_vec()))
        .order(services::id)
        .select(ServiceRow::as_select())
        .locked()
        .load(tx.conn)?;
    for id in ids {
        if merged_into(tx, *id)?.is_some() {
            return Err(merges::contention("service"));
        }
    }
    Ok(rows)
}

fn save(tx: &mut Tx, row: &mut ServiceRow) -> Result<()> {
    row.update_words();
    db::save(tx, row)?;
    Ok(())
}

pub fn create(tx: &mut Tx, new: &Body<NewService>) -> Result<Service> {
    check_type(new.service_type.as_ref())?;
    let mut row = ServiceRow::new(tx.organization(), new);
    if let Some(provider) = providers::store::lock_reference(tx, Some(row.provider_id), "/provider_id")? {
        row.provider_id = provider;
    }
    row.update_words();
    diesel::insert_into(services::table).values(&row).execute(tx.conn)?;
    tx.record("service.created", row.id, new.members());
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: ServiceId, version: &IfMatch, patch: &Body<ServicePatch>) -> Result<Service> {
    check_type(patch.service_type.set())?;
    let id = find(tx, id)?.id;
    let mut row = lock_for_update(tx, &[id])?.pop().ok_or_else(ApiError::not_found)?;
    version.check(row.version)?;
    row.apply(patch);
    save(tx, &mut row)?;
    tx.record("service.updated", row.id, patch.members());
    view(tx, row)
}

/// The tables that refer to a service, which a merge updates. A test compares this list with the foreign keys of the
/// schema.
pub const REFERENCING_TABLES: &[&str] = &["barriers"];

/// Replaces every reference to one service by the other. Rows with a version get a new one, because their content
/// changes.
fn replace_references(tx: &mut Tx, from: ServiceId, into: ServiceId) -> Result<()> {
    let (from, into) = (Key::from_uuid(from.uuid()), Key::from_uuid(into.uuid()));
    diesel::update(
        barriers::table.filter(barriers::organization_id.eq(tx.organization())).filter(barriers::service_id.eq(from)),
    )
    .set((
        barriers::service_id.eq(into),
        barriers::version.eq(barriers::version + 1),
        barriers::updated_at.eq(Instant::now()),
    ))
    .execute(tx.conn)?;
    Ok(())
}

/// Merges a duplicate into the surviving service. The row of the duplicate remains, and its id refers to the survivor.
pub fn merge(tx: &mut Tx, id: ServiceId, wanted: &Body<ServiceMerge>) -> Result<Service> {
    // Very many rows may refer to the duplicate, so a statement may take longer than usual. The whole write still has
    // ten seconds.
    tx.conn.set_statement_timeout(60)?;
    let resolved = find(tx, id)?.id;
    let into = find(tx, wanted.into).map_err(|error| error.not_found_as_unknown_reference("/into"))?.id;
    merges::check_pair("service", id, resolved, into)?;
    let rows = lock_for_update(tx, &[id, into])?;
    let (mut row, duplicate) = merges::survivor_and_duplicate("service", rows, |row| row.id == into)?;
    if row.provider_id != duplicate.provider_id {
        return Err(ApiError::invalid(
            "/into",
            "wrong_provider",
            "must be a service of the same provider; merge the providers first",
        ));
    }
    // The survivor's new version must not match any ETag that was returned for either id.
    row.version = row.version.max(duplicate.version);
    row.fill_missing_from(duplicate);
    save(tx, &mut row)?;
    insert_merge(tx, id, into, wanted.reason.as_ref(), row.updated_at)?;
    replace_references(tx, id, into)?;
    tx.record("service.merged", id, wanted.members());
    tx.record("service.updated", into, vec!["merged_ids".into()]);
    view(tx, row)
}
