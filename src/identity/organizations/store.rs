//! Queries over organizations. A caller reads only their own.

use super::model::*;
use crate::{
    auth::OrganizationId,
    db::{Conn, Dialect, PortableDsl as _, Tx, Versioned, rewrite, save, schema::organizations},
    error::Result,
    http::{Body, IfMatch},
    identity::sessions,
    types::Instant,
};
use diesel::prelude::*;

/// The one organization that this caller may see.
fn visible(tx: &Tx) -> organizations::BoxedQuery<'static, Dialect> {
    organizations::table.filter(organizations::id.eq(tx.organization())).into_boxed()
}

pub fn find(tx: &mut Tx) -> Result<OrganizationRow> {
    Ok(visible(tx).select(OrganizationRow::as_select()).first(tx.conn)?)
}

/// The same, for a change that depends on its settings: they cannot change before the transaction ends.
pub fn lock_reference(tx: &mut Tx) -> Result<OrganizationRow> {
    Ok(visible(tx).select(OrganizationRow::as_select()).for_reference().get_result(tx.conn)?)
}

impl Versioned for OrganizationRow {
    fn next_version(&mut self) {
        self.version += 1;
        self.updated_at = Instant::now();
    }
    fn write_row(&self, conn: &mut Conn) -> QueryResult<usize> {
        rewrite(organizations::table.find(self.id), self).execute(conn)
    }
}

pub fn update(tx: &mut Tx, version: &IfMatch, patch: &Body<OrganizationPatch>) -> Result<Organization> {
    let mut row = visible(tx).select(OrganizationRow::as_select()).locked().get_result::<OrganizationRow>(tx.conn)?;
    version.check(row.version)?;
    row.apply(patch);
    if patch.second_factor_roles.is_some() {
        sessions::store::all_await_factor(tx, &row.second_factor_roles.0)?;
    }
    save(tx, &mut row)?;
    tx.record("organization.updated", row.id, patch.members());
    Ok(row.into())
}

/// The first two organizations of this name: for the operator, who may see all of them.
pub fn named(tx: &mut Tx, name: &str) -> Result<Vec<OrganizationId>> {
    Ok(organizations::table.filter(organizations::name.eq(name)).select(organizations::id).limit(2).load(tx.conn)?)
}

pub fn insert(tx: &mut Tx, row: &OrganizationRow) -> Result<()> {
    diesel::insert_into(organizations::table).values(row).execute(tx.conn)?;
    tx.switch_organization(row.id)?;
    tx.record("organization.created", row.id, Vec::new());
    Ok(())
}
