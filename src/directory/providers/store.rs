//! Queries over providers.

use super::model::*;
use crate::{
    db::{
        Condition, Dialect, PortableDsl as _, Tx, rewrite,
        schema::{actions, barriers, interests, meetings, provider_merges, providers, services},
    },
    directory::Dependents,
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    types::{Instant, fold},
};
use diesel::prelude::*;

/// A condition: the column refers to the provider with this id, or to the one that it was merged into.
#[macro_export]
macro_rules! is_provider {
    ($tx:expr, $column:literal, $id:expr) => {
        $crate::db::Condition::new(
            &[
                concat!(
                    $column,
                    " = coalesce((SELECT provider_merges.into_id FROM provider_merges WHERE \
                     provider_merges.organization_id = "
                ),
                " AND provider_merges.provider_id = ",
                "), ",
                ")",
            ],
            &[$tx.organization().uuid(), $id.uuid(), $id.uuid()],
        )
    };
}

/// The providers that this caller may see: all of the organization, merged or not.
fn visible(tx: &Tx) -> providers::BoxedQuery<'static, Dialect> {
    providers::table.filter(providers::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ProviderFilter) -> providers::BoxedQuery<'static, Dialect> {
    const STANDS_FOR_ITSELF: &[&str] = &[
        "NOT EXISTS (SELECT 1 FROM provider_merges WHERE provider_merges.organization_id = providers.organization_id \
         AND provider_merges.provider_id = providers.id)",
    ];
    let query = visible(tx).filter(Condition::new(STANDS_FOR_ITSELF, &[]));
    match &filter.q {
        None => query,
        Some(part) => query.filter(Condition::answers("providers.words", &fold::question(part.as_str()), true)),
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
    let ids: Vec<ProviderId> = views.iter().map(|view| view.id).collect();
    let merged: Vec<(ProviderId, ProviderId)> = provider_merges::table
        .filter(provider_merges::organization_id.eq(tx.organization()))
        .filter(provider_merges::into_id.eq_any(ids))
        .order(provider_merges::provider_id)
        .select((provider_merges::into_id, provider_merges::provider_id))
        .load(tx.conn)?;
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

/// The provider that this id was merged into, if any.
pub fn merged_into(tx: &mut Tx, id: ProviderId) -> Result<Option<ProviderId>> {
    let merge = provider_merges::table.find((tx.organization(), id));
    Ok(merge.select(provider_merges::into_id).first(tx.conn).optional()?)
}

/// The names of those of these providers that the caller may see. A merged provider is found by the id that it was
/// merged into.
pub fn names(tx: &mut Tx, ids: Vec<ProviderId>) -> Result<Vec<(ProviderId, crate::types::Line<200>)>> {
    Ok(visible(tx).filter(providers::id.eq_any(ids)).select((providers::id, providers::name)).load(tx.conn)?)
}

/// The provider that an id stands for: the one with this id, or the one that it was merged into.
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
            // Another request was faster while this one waited: the whole transaction runs again, and sees the change.
            return Err(
                ApiError::new(Code::Contention, "Another request is merging this provider.").header("retry-after", "1")
            );
        }
    }
    Ok(rows)
}

fn save(tx: &mut Tx, row: &mut ProviderRow) -> Result<()> {
    row.version += 1;
    row.updated_at = Instant::now();
    row.refold();
    rewrite(providers::table.find((row.organization_id, row.id)), &*row).execute(tx.conn)?;
    Ok(())
}

pub fn create(tx: &mut Tx, new: &Body<NewProvider>) -> Result<Provider> {
    let mut row = ProviderRow::new(tx.organization(), new);
    row.refold();
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
fn follow(tx: &mut Tx, from: ProviderId, into: ProviderId) -> Result<()> {
    macro_rules! versioned {
        ($($table:ident),+) => {$(
            // By ids that the index alone yields: without statistics, SQLite would otherwise read every row of the
            // organization.
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
    versioned!(actions, barriers, meetings, services);
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
    tx.conn.take_time(60)?; // however much follows the duplicate
    let own = find(tx, id)?.id;
    let into = find(tx, wanted.into).map_err(|error| error.named_by("/into"))?.id;
    if into == own {
        return Err(ApiError::invalid("/into", "same_record", "names the provider itself"));
    }
    if own != id {
        return Err(ApiError::conflict("This provider was already merged. Merge the surviving provider instead."));
    }
    let rows = lock_for_update(tx, &[id, into])?;
    let (survivors, duplicates): (Vec<ProviderRow>, Vec<ProviderRow>) =
        rows.into_iter().partition(|row| row.id == into);
    let (Some(mut row), Some(duplicate)) = (survivors.into_iter().next(), duplicates.into_iter().next()) else {
        return Err(ApiError::not_found());
    };
    // The survivor's new version must not match any ETag that was returned for either id.
    row.version = row.version.max(duplicate.version);
    row.complete(duplicate);
    save(tx, &mut row)?;
    let merge = (
        provider_merges::organization_id.eq(row.organization_id),
        provider_merges::provider_id.eq(id),
        provider_merges::into_id.eq(into),
        provider_merges::reason.eq(&wanted.reason),
        provider_merges::merged_by.eq(tx.user()?),
        provider_merges::merged_at.eq(row.updated_at),
    );
    // Duplicates that were merged into this one are now merged into the survivor: one step leads from any id to the
    // provider.
    diesel::update(
        provider_merges::table
            .filter(provider_merges::organization_id.eq(row.organization_id))
            .filter(provider_merges::into_id.eq(id)),
    )
    .set(provider_merges::into_id.eq(into))
    .execute(tx.conn)?;
    diesel::insert_into(provider_merges::table).values(merge).execute(tx.conn)?;
    follow(tx, id, into)?;
    (dependents.provider_merged)(tx, into)?;
    tx.record("provider.merged", id, wanted.members());
    tx.record("provider.updated", into, vec!["merged_ids".into()]);
    view(tx, row)
}
