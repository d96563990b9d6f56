//! Queries over interests. They read only the caller's own interests.

use super::model::*;
use crate::{
    db::{Dialect, PortableDsl as _, Tx, schema::interests},
    directory::providers,
    error::Result,
    http::{Body, IfMatch, List, Page},
    types::Instant,
};
use diesel::prelude::*;

/// The interests that this caller has declared.
fn visible(tx: &Tx) -> Result<interests::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    Ok(interests::table
        .filter(interests::organization_id.eq(actor.organization))
        .filter(interests::user_id.eq(actor.user))
        .into_boxed())
}

pub fn page(tx: &mut Tx, list: &List<InterestFilter>) -> Result<Page<Interest>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        visible(tx)?,
        (interests::created_at, interests::id),
        Instant::from_micros,
        InterestId::from_uuid,
    )?;
    let rows: Vec<InterestRow> = query.select(InterestRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(visible(tx)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("interest.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Interest::from))
}

pub fn create(tx: &mut Tx, new: &Body<NewInterest>) -> Result<Interest> {
    let mut row = InterestRow::new(tx.organization(), tx.user()?, new);
    row.check()?;
    if let Some(provider) = providers::store::lock_reference(tx, Some(row.provider_id), "/provider_id")? {
        row.provider_id = provider;
    }
    diesel::insert_into(interests::table).values(&row).execute(tx.conn)?;
    tx.record("interest.declared", row.id, new.members());
    Ok(row.into())
}

pub fn withdraw(tx: &mut Tx, id: InterestId, version: &IfMatch) -> Result<()> {
    let row: InterestRow =
        visible(tx)?.filter(interests::id.eq(id)).select(InterestRow::as_select()).locked().get_result(tx.conn)?;
    version.check(row.version)?;
    diesel::delete(interests::table.find((row.organization_id, row.id))).execute(tx.conn)?;
    tx.record("interest.withdrawn", row.id, Vec::new());
    Ok(())
}
