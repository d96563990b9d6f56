//! Queries over services.

use super::model::*;
use crate::{
    db::{
        Dialect, PortableDsl as _, Tx,
        dialect::{contains, row_after},
        schema::services,
    },
    directory::providers,
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    types::Instant,
};
use diesel::prelude::*;

/// The services that this caller may see: all of the organization's.
fn visible(tx: &Tx) -> services::BoxedQuery<'static, Dialect> {
    services::table.filter(services::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ServiceFilter) -> services::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(provider) = filter.provider {
        query = query.filter(services::provider_id.eq(provider));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(services::status.eq_any(statuses.0.clone()));
    }
    if let Some(part) = &filter.q {
        query = query.filter(contains(services::name, part.as_str()));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<ServiceFilter>) -> Result<Page<Service>> {
    let actor = tx.actor()?;
    let mut query = filtered(tx, &list.filter);
    if let Some((at, id)) = list.after(actor)? {
        query = query.filter(row_after(
            (services::created_at, services::id),
            (Instant::from_micros(at), ServiceId::from_uuid(id)),
            list.down(),
        ));
    }
    query = match list.down() {
        true => query.order((services::created_at.desc(), services::id.desc())),
        false => query.order((services::created_at.asc(), services::id.asc())),
    };
    let rows: Vec<ServiceRow> = query.select(ServiceRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Service::from))
}

pub fn find(tx: &mut Tx, id: ServiceId) -> Result<ServiceRow> {
    Ok(visible(tx).filter(services::id.eq(id)).select(ServiceRow::as_select()).first(tx.conn)?)
}

/// That a body names a service of the organization, where it names one.
pub fn check_reference(tx: &mut Tx, id: Option<ServiceId>, pointer: &str) -> Result<()> {
    match id {
        Some(id) => find(tx, id).map(drop).map_err(|_| ApiError::unknown_reference(pointer)),
        None => Ok(()),
    }
}

pub fn create(tx: &mut Tx, new: &Body<NewService>) -> Result<Service> {
    check_type(new.service_type.as_ref())?;
    providers::store::check_reference(tx, Some(new.provider_id), "/provider_id")?;
    let row = ServiceRow::new(tx.organization(), new);
    diesel::insert_into(services::table).values(&row).execute(tx.conn)?;
    tx.record("service.created", row.id, new.members());
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: ServiceId, version: &IfMatch, patch: &Body<ServicePatch>) -> Result<Service> {
    check_type(patch.service_type.set())?;
    let mut row = visible(tx).filter(services::id.eq(id)).select(ServiceRow::as_select()).locked().get_result::<ServiceRow>(tx.conn)?;
    version.check(row.version)?;
    row.apply(patch);
    row.version += 1;
    row.updated_at = Instant::now();
    diesel::update(services::table.find((row.organization_id, row.id))).set(&row).execute(tx.conn)?;
    tx.record("service.updated", row.id, patch.members());
    Ok(row.into())
}
