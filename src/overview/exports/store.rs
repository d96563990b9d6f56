//! Queries over exports. Every query that returns exports starts from [`visible`].

use super::model::*;
use crate::{
    casework::clients::{self, model::ClientId},
    db::{
        Dialect, Tx,
        schema::{export_clients, exports},
    },
    error::Result,
    http::{List, Page},
    records::exports::model::{ExportId, ExportRow},
    types::Instant,
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// The exports of the caller's organization. The policy decides who may list them.
fn visible(tx: &Tx) -> exports::BoxedQuery<'static, Dialect> {
    exports::table.filter(exports::organization_id.eq(tx.organization())).into_boxed()
}

fn filtered(tx: &Tx, filter: &ExportFilter) -> exports::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(user) = filter.user_id {
        query = query.filter(exports::user_id.eq(user));
    }
    if let Some(client) = filter.client_id {
        let with = export_clients::table.filter(export_clients::organization_id.eq(tx.organization()));
        // An export from before a merge is stored under the id that the client had then.
        let theirs = with.filter(clients::store::any_id_of(tx, "export_clients.client_id", client));
        query = query.filter(exports::id.eq_any(theirs.select(export_clients::export_id)));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<ExportFilter>) -> Result<Page<Export>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (exports::at, exports::id),
        Instant::from_micros,
        ExportId::from_uuid,
    )?;
    let rows: Vec<ExportRow> = query.select(ExportRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    let mut clients = clients_of(tx, &rows)?;
    let page = list.page(
        actor,
        rows,
        total,
        |row| (row.at.micros(), row.id.uuid()),
        |row| {
            let listed = row.client_count.is_some_and(|count| count <= MAX_CLIENTS);
            let ids = clients.remove(&row.id).unwrap_or_default();
            Export::from_row(row, listed.then_some(ids))
        },
    );
    if page.items.is_empty() {
        // An empty page is audited too, because it says that no export of the client exists.
        tx.audit_read_fields(
            "export.listed",
            list.filter.client_id.iter().map(|id| format!("client_id={id}")).collect(),
        );
    }
    tx.audit_read_all("export.listed", page.items.iter().map(|export| export.id));
    Ok(page)
}

/// The clients of those exports that have at most [`MAX_CLIENTS`].
fn clients_of(tx: &mut Tx, rows: &[ExportRow]) -> Result<BTreeMap<ExportId, Vec<ClientId>>> {
    let few = rows.iter().filter(|row| row.client_count.is_some_and(|count| (1..=MAX_CLIENTS).contains(&count)));
    let few: Vec<ExportId> = few.map(|row| row.id).collect();
    let mut of_exports: BTreeMap<ExportId, Vec<ClientId>> = BTreeMap::new();
    if few.is_empty() {
        return Ok(of_exports);
    }
    let theirs = export_clients::table.filter(export_clients::organization_id.eq(tx.organization()));
    let theirs = theirs
        .filter(export_clients::export_id.eq_any(few))
        .order((export_clients::export_id, export_clients::client_id));
    let pairs: Vec<(ExportId, ClientId)> =
        theirs.select((export_clients::export_id, export_clients::client_id)).load(tx.conn)?;
    for (export, client) in pairs {
        of_exports.entry(export).or_default().push(client);
    }
    Ok(of_exports)
}
