//! Queries over exports. Every one that shows something starts from [`visible`].

use super::model::*;
use crate::{
    db::{Dialect, Tx, dialect::row_after, schema::exports},
    error::Result,
    http::{List, Page},
    types::{Id, Instant},
};
use diesel::prelude::*;

/// Those of the organization: who may ask at all, the policy says.
fn visible(tx: &Tx) -> exports::BoxedQuery<'static, Dialect> {
    exports::table.filter(exports::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ExportFilter) -> exports::BoxedQuery<'static, Dialect> {
    match filter.user_id {
        Some(user) => visible(tx).filter(exports::user_id.eq(user)),
        None => visible(tx),
    }
}

pub fn page(tx: &mut Tx, list: &List<ExportFilter>) -> Result<Page<Export>> {
    let actor = tx.actor()?;
    let mut query = filtered(tx, &list.filter);
    if let Some((at, id)) = list.after(actor)? {
        query = query.filter(row_after((exports::at, exports::id), (Instant::from_micros(at), ExportId::from_uuid(id)), list.down()));
    }
    query = match list.down() {
        true => query.order((exports::at.desc(), exports::id.desc())),
        false => query.order((exports::at.asc(), exports::id.asc())),
    };
    let rows: Vec<ExportRow> = query.select(ExportRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.at.micros(), row.id.uuid()), Export::from);
    tx.saw_all("export.listed", page.items.iter().map(|export| export.id));
    Ok(page)
}

/// Enters what is about to be taken out, before its first byte: here with the reason, and in the trace without.
pub fn enter(tx: &mut Tx, taken: &Taken) -> Result<()> {
    let row = ExportRow {
        organization_id: tx.organization(),
        id: Id::new(),
        user_id: tx.user()?,
        at: Instant::now(),
        what: taken.what.to_owned(),
        subject_id: taken.subject,
        filter: taken.filter.join(" "),
        format: taken.format.to_owned(),
        rows: taken.rows,
        reason: taken.reason.clone(),
    };
    diesel::insert_into(exports::table).values(&row).execute(tx.conn)?;
    let mut told = vec![taken.what.to_owned(), format!("format={}", taken.format), format!("rows={}", taken.rows)];
    told.extend(taken.filter.iter().cloned());
    tx.record("export.made", row.id, told);
    Ok(())
}
