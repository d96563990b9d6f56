//! Queries over access logs, each through its client.

use super::model::*;
use crate::{
    auth::Role,
    casework::clients::{
        self,
        model::{ClientId, ClientRow},
    },
    db::{
        Condition, Dialect, Tx,
        dialect::{Key, row_after},
        schema::{access_log, audit_events as events},
    },
    error::{ApiError, Result},
    http::{List, Page},
    identity::users,
    of_visible_case,
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// What touches a client whom the caller sees: of what hangs on a case, only where they see that case too.
fn visible(tx: &Tx, client: &ClientRow) -> Result<access_log::BoxedQuery<'static, Dialect>> {
    let own = access_log::table.filter(access_log::organization_id.eq(client.organization_id)).filter(access_log::client_id.eq(client.id));
    match tx.actor()?.role {
        // An emergency needs to know what is written, not who has read it.
        Role::Supervisor if !tx.through_glass() => {
            let seen = Condition::sql("(access_log.case_id IS NULL OR ").with(of_visible_case!(tx, "access_log")).then(")");
            Ok(own.filter(seen).into_boxed())
        }
        Role::Client => Ok(own.filter(access_log::kind.eq_any(RecordKind::FOR_CLIENTS.to_vec())).into_boxed()),
        _ => Err(ApiError::not_found()),
    }
}

/// What the trace says of these numbers.
fn entries(tx: &mut Tx, numbers: Vec<i64>) -> Result<BTreeMap<i64, EntryRow>> {
    let own = events::table.filter(events::organization_id.eq(tx.organization())).filter(events::sequence.eq_any(numbers));
    let rows: Vec<EntryRow> = own.select(EntryRow::as_select()).load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.sequence, row)).collect())
}

pub fn page(tx: &mut Tx, client: ClientId, list: &List<AccessLogFilter>) -> Result<Page<AccessLogEntry>> {
    let (actor, client) = (tx.actor()?, clients::store::find(tx, client)?);
    let mut query = visible(tx, &client)?;
    if let Some((sequence, id)) = list.after(actor)? {
        query = query.filter(row_after((access_log::sequence, access_log::subject_id), (sequence, Key::from_uuid(id)), list.down()));
    }
    query = match list.down() {
        true => query.order((access_log::sequence.desc(), access_log::subject_id.desc())),
        false => query.order((access_log::sequence.asc(), access_log::subject_id.asc())),
    };
    let columns = (access_log::sequence, access_log::subject_id, access_log::kind);
    let rows: Vec<(i64, Key, RecordKind)> = query.select(columns).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(visible(tx, &client)?.count().get_result(tx.conn)?) } else { None };
    let entries = entries(tx, rows.iter().map(|(sequence, ..)| *sequence).collect())?;
    let names = users::store::refs(tx, entries.values().filter_map(|entry| entry.actor_id).collect())?;
    let view = |(sequence, id, kind): (i64, Key, RecordKind)| {
        let entry = entries.get(&sequence).cloned()?;
        let name = names.iter().find(|user| Some(user.id) == entry.actor_id).map(|user| user.display_name.to_string());
        Some(AccessLogEntry::of(entry, AccessSubject { kind, id }, name))
    };
    tx.saw("client.access_log_read", client.id);
    let page = list.page(actor, rows, total, |(sequence, id, _)| (*sequence, id.uuid()), view);
    page.whole().ok_or_else(|| ApiError::internal("an access log names an entry that the trace has not"))
}
