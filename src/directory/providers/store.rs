//! Queries over providers.

use super::model::*;
use crate::{
    db::{
        Dialect, PortableDsl as _, Tx,
        dialect::{contains, row_after},
        schema::providers,
    },
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    types::Instant,
};
use diesel::prelude::*;

/// The providers that this caller may see: all of the organization's.
fn visible(tx: &Tx) -> providers::BoxedQuery<'static, Dialect> {
    providers::table.filter(providers::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ProviderFilter) -> providers::BoxedQuery<'static, Dialect> {
    match &filter.q {
        None => visible(tx),
        Some(part) => visible(tx).filter(contains(providers::name, part.as_str())),
    }
}

pub fn page(tx: &mut Tx, list: &List<ProviderFilter>) -> Result<Page<Provider>> {
    let actor = tx.actor()?;
    let mut query = filtered(tx, &list.filter);
    if let Some((at, id)) = list.after(actor)? {
        query = query.filter(row_after(
            (providers::created_at, providers::id),
            (Instant::from_micros(at), ProviderId::from_uuid(id)),
            list.down(),
        ));
    }
    query = match list.down() {
        true => query.order((providers::created_at.desc(), providers::id.desc())),
        false => query.order((providers::created_at.asc(), providers::id.asc())),
    };
    let rows: Vec<ProviderRow> = query.select(ProviderRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Provider::from))
}

pub fn find(tx: &mut Tx, id: ProviderId) -> Result<ProviderRow> {
    Ok(visible(tx).filter(providers::id.eq(id)).select(ProviderRow::as_select()).first(tx.conn)?)
}

/// That a body names a provider of the organization, where it names one.
pub fn check_reference(tx: &mut Tx, id: Option<ProviderId>, pointer: &str) -> Result<()> {
    match id {
        Some(id) => find(tx, id).map(drop).map_err(|_| ApiError::unknown_reference(pointer)),
        None => Ok(()),
    }
}

pub fn create(tx: &mut Tx, new: &Body<NewProvider>) -> Result<Provider> {
    let row = ProviderRow::new(tx.organization(), new);
    diesel::insert_into(providers::table).values(&row).execute(tx.conn)?;
    tx.record("provider.created", row.id, new.members());
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: ProviderId, version: &IfMatch, patch: &Body<ProviderPatch>) -> Result<Provider> {
    let mut row = visible(tx).filter(providers::id.eq(id)).select(ProviderRow::as_select()).locked().get_result::<ProviderRow>(tx.conn)?;
    version.check(row.version)?;
    row.apply(patch);
    row.version += 1;
    row.updated_at = Instant::now();
    diesel::update(providers::table.find((row.organization_id, row.id))).set(&row).execute(tx.conn)?;
    tx.record("provider.updated", row.id, patch.members());
    Ok(row.into())
}
