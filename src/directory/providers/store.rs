//! Queries over providers.

use super::model::*;
use crate::{
    db::{
        self, Condition, Dialect, PortableDsl as _, Tx,
        schema::{actions, barriers, interests, meetings, provider_merges, providers, services},
        versioned,
    },
    directory::Dependents,
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    records::merges::{self, merge_table},
    types::{Instant, fold},
};
use diesel::prelude::*;

// Saved by [`save`] below, which also updates the words.
versioned! {
    ProviderRow, providers, updated_at;
    always [name, alternate_name, description, url, email, phone, address, version, updated_at, words]
    if_changed [created_at]
}
merge_table!(provider_merges, provider_id, ProviderId);

/// The providers that this caller may see: all of the organization, merged or not.
fn visible(tx: &Tx) -> providers::BoxedQuery<'static, Dialect> {
    providers::table.filter(providers::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ProviderFilter) -> providers::BoxedQuery<'static, Dialect> {
    const NOT_MERGED: &[&str] = &[
        "NOT EXISTS (SELECT 1 FROM provider_merges WHERE provider_merges.organization_id = providers.organization_id \
         AND provider_merges.provider_id = providers.id)",
    ];
    let query = visible(tx).filter(Condition::new(NOT_MERGED, &[]));
    match &filter.q {
        None => query,
        Some(part) => {
            query.filter(Condition::matches_terms("providers.words", &fold::parse_query(part.as_str()), true))
        }
    }
}

pub fn page(tx: &mut Tx, list: &List<ProviderFilter>) -> Result<Page<Provider>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (providers::created_at, providers::id),
        Instant::from_micros,
        ProviderId::from_uuid,
    )?;
    let rows: Vec<ProviderRow> = query.select(ProviderRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    let mut page = list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Provider::from);
    add_merged(tx, &mut page.items)?;
    Ok(page)
}

/// Adds to each provider the duplicates that were merged into it.
fn add_merged(tx: &mut Tx, views: &mut [Provider]) -> Result<()> {
    let merged = merged(tx, views.iter().map(|view| view.id).collect())?;
    for view in views {
        view.merged_ids = merged.iter().filter(|(into, _)| *into == view.id).map(|(_, id)| *id).collect();
    }
    Ok(())
}

fn view(tx: &mut Tx, row: ProviderRow) -> Result<Provider> {
    let mut view = Provider::from(row);
    add_merged(tx, std::slice::from_mut(&mut view))?;
    Ok(view)
}

/// The names of those of these providers that the caller may see. A merged provider is found by the id that it was
/// merged into.
pub fn names(tx: &mut Tx, ids: Vec<ProviderId>) -> Result<Vec<(ProviderId, crate::types::Line<200>)>> {
    Ok(visible(tx).filter(providers::id.eq_any(ids)).select((providers::id, providers::name)).load(tx.conn)?)
}

/// The provider to which an id refers: the one with this id, or the one that it was merged into.
pub fn find(tx: &mut Tx, id: ProviderId) -> Result<ProviderRow> {
    let id = merged_into(tx, id)?.unwrap_or(id);
    Ok(visible(tx).filter(providers::id.eq(id)).select(ProviderRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: ProviderId) -> Result<Provider> {
    let row = find(tx, id)?;
    view(tx, row)
}

/// The provider that a request body refers to, if any: one of the organization and, for a merged one, the provider that
/// it was merged into. It cannot be merged before this transaction ends.
pub fn lock_reference(tx: &mut Tx, id: Option<ProviderId>, pointer: &str) -> Result<Option<ProviderId>> {
    let Some(mut id) = id else { return Ok(None) };
    loop {
        let row: Option<ProviderId> = visible(tx)
            .filter(providers::id.eq(id))
            .select(providers::id)
            .for_reference()
            .get_result(tx.conn)
            .optional()?;
        row.ok_or_else(|| ApiError::unknown_reference(pointer))?;
        match merged_into(tx, id)? {
            Some(into) => id = into,
            None => return Ok(Some(id)),
        }
    }
}

/// These providers, locked until the transaction ends. None of them is merged.
fn lock_for_update(tx: &mut Tx, ids: &[ProviderId]) -> Result<Vec<ProviderRow>> {
    // Always in the order of their ids, so that two merges cannot deadlock.
    let rows: Vec<ProviderRow> = visible(tx)
        .filter(providers::id.eq_any(ids.to_vec()))
        .order(providers::id)
        .select(ProviderRow::as_select())
        .locked()
        .load(tx.conn)?;
    for id in ids {
        if merged_into(tx, *id)?.is_some() {
            return Err(merges::contention("provider"));
        }
    }
    Ok(rows)
}

fn save(tx: &mut Tx, row: &mut ProviderRow) -> Result<()> {
    row.update_words();
    db::save(tx, row)?;
    Ok(())
}

pub fn create(tx: &mut Tx, new: &Body<NewProvider>) -> Result<Provider> {
    let mut row = ProviderRow::new(tx.organization(), new);
    row.update_words();
    diesel::insert_into(providers::table).values(&row).execute(tx.conn)?;
    tx.record("provider.created", row.id, new.members());
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: ProviderId, version: &IfMatch, patch: &Body<ProviderPatch>) -> Result<Provider> {
    let id = find(tx, id)?.id;
    let mut row = lock_for_update(tx, &[id])?.pop().ok_or_else(ApiError::not_found)?;
    version.check(row.version)?;
    row.apply(patch);
    save(tx, &mut row)?;
    tx.record("provider.updated", row.id, patch.members());
    view(tx, row)
}

/// The tables that refer to a provider, which a merge updates. A test compares this list with the foreign keys of the
/// schema.
pub const REFERENCING_TABLES: &[&str] = &["actions", "barriers", "interests", "meetings", "services"];

/// Replaces every reference to one provider by the other. Rows with a version get a new one, because their content
/// changes.
fn replace_references(tx: &mut Tx, from: ProviderId, into: ProviderId) -> Result<()> {
    macro_rules! move_references {
        ($($table:ident),+) => {$(
            // By ids that the index alone yields: otherwise SQLite may read every row of the organization.
            let named = Condition::new(
                &[
                    concat!(stringify!($table), ".id IN (SELECT named.id FROM ", stringify!($table), " AS named WHERE \
                         named.organization_id = "),
                    " AND named.provider_id = ",
                    ")",
                ],
                &[tx.organization().uuid(), from.uuid()],
            );
            let own = $table::table.filter($table::organization_id.eq(tx.organization())).filter($table::provider_id.eq(from));
            diesel::update(own.filter(named))
                .set(($table::provider_id.eq(into), $table::version.eq($table::version + 1), $table::updated_at.eq(Instant::now())))
                .execute(tx.conn)?;
        )+};
    }
    move_references!(actions, barriers, meetings, services);
    diesel::update(
        interests::table
            .filter(interests::organization_id.eq(tx.organization()))
            .filter(interests::provider_id.eq(from)),
    )
    .set((interests::provider_id.eq(into), interests::version.eq(interests::version + 1)))
    .execute(tx.conn)?;
    Ok(())
}

/// Merges a duplicate into the surviving provider. The row of the duplicate remains, and its id refers to the survivor.
pub fn merge(tx: &mut Tx, id: ProviderId, wanted: &Body<ProviderMerge>, dependents: &Dependents) -> Result<Provider> {
    // Very many rows may refer to the duplicate, so a statement may take longer than usual. The whole write still has
    // ten seconds.
    tx.conn.set_statement_timeout(60)?;
    let resolved = find(tx, id)?.id;
    let into = find(tx, wanted.into).map_err(|error| error.not_found_as_unknown_reference("/into"))?.id;
    merges::check_pair("provider", id, resolved, into)?;
    let rows = lock_for_update(tx, &[id, into])?;
    let (mut row, duplicate) = merges::survivor_and_duplicate("provider", rows, |row| row.id == into)?;
    // The survivor's new version must not match any ETag that was returned for either id.
    row.version = row.version.max(duplicate.version);
    row.fill_missing_from(duplicate);
    save(tx, &mut row)?;
    insert_merge(tx, id, into, wanted.reason.as_ref(), row.updated_at)?;
    replace_references(tx, id, into)?;
    (dependents.provider_merged)(tx, into)?;
    tx.record("provider.merged", id, wanted.members());
    tx.record("provider.updated", into, vec!["merged_ids".into()]);
    view(tx, row)
}
