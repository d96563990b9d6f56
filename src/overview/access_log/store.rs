//! Queries over the access logs of clients.

use super::{index, model::*};
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
    records::visibility,
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// A client, and the ids of the duplicates that were merged into it. Entries from before a merge keep the id that they
/// were recorded with.
struct ClientWithDuplicates {
    row: ClientRow,
    ids: Vec<ClientId>,
}

fn with_duplicates(tx: &mut Tx, client: ClientId) -> Result<ClientWithDuplicates> {
    let row = clients::store::find(tx, client)?;
    let merged = clients::store::merged(tx, vec![row.id])?;
    let ids = std::iter::once(row.id).chain(merged.into_iter().map(|(_, duplicate)| duplicate)).collect();
    Ok(ClientWithDuplicates { row, ids })
}

/// The index rows of a client whom the caller may see. A supervisor gets the rows of a case only if they may see that
/// case too.
fn visible(tx: &Tx, client: &ClientWithDuplicates) -> Result<access_log::BoxedQuery<'static, Dialect>> {
    let own = access_log::table.filter(access_log::organization_id.eq(client.row.organization_id));
    let own = own.filter(access_log::client_id.eq_any(client.ids.clone()));
    match tx.actor()?.role {
        // A caller with break-glass access needs to know what is written, not who has read it.
        Role::Supervisor if !tx.by_break_glass() => {
            let visible_case = Condition::sql("(access_log.case_id IS NULL OR ")
                .with(visibility::in_visible_case(tx, "access_log"))
                .then(")");
            Ok(own.filter(visible_case).into_boxed())
        }
        Role::Client => {
            // If one entry concerns several confidential records, only the first is shown: a client must not learn how
            // many there are.
            let names: Vec<&str> =
                RecordKind::all().filter(|kind| kind.is_confidential()).map(RecordKind::name).collect();
            let is_confidential_kind = |column: &'static str| {
                names.iter().fold(Condition::sql("(1 = 0"), |any, name| {
                    any.then(" OR ").then(column).then(" = '").then(name).then("'")
                })
            };
            let first = Condition::sql("(NOT ")
                .with(is_confidential_kind("access_log.kind"))
                .then(") OR NOT EXISTS (SELECT 1 FROM access_log AS earlier")
                .then(" WHERE earlier.organization_id = access_log.organization_id")
                .then(" AND earlier.block = access_log.block AND earlier.client_id = access_log.client_id")
                .then(" AND earlier.sequence = access_log.sequence AND ")
                .with(is_confidential_kind("earlier.kind"))
                .then(") AND earlier.subject_id < access_log.subject_id))");
            Ok(own.filter(access_log::kind.eq_any(RecordKind::for_clients())).filter(first).into_boxed())
        }
        _ => Err(ApiError::not_found()),
    }
}

/// The audit entries with these sequence numbers.
fn entries(tx: &mut Tx, numbers: Vec<i64>) -> Result<BTreeMap<i64, EntryRow>> {
    let own =
        events::table.filter(events::organization_id.eq(tx.organization())).filter(events::sequence.eq_any(numbers));
    let rows: Vec<EntryRow> = own.select(EntryRow::as_select()).load(tx.conn)?;
    Ok(rows.into_iter().map(|row| (row.sequence, row)).collect())
}

/// How many blocks the first query covers, the factor by which that number grows, and its maximum.
const INITIAL_BLOCKS: i64 = 16;
const GROWTH_FACTOR: i64 = 4;
const MAX_BLOCKS: i64 = 1_024;

/// The blocks from `from` up to `last`, or down to the first, in ranges that grow. The first range is small, because a
/// few blocks fill a page if the records of the client are read often.
fn block_ranges(from: i64, last: i64, down: bool) -> impl Iterator<Item = Vec<i64>> {
    let (mut next, mut length) = (from, INITIAL_BLOCKS);
    std::iter::from_fn(move || {
        let part: Vec<i64> = match down {
            true => ((next - length + 1).max(0)..=next).collect(),
            false => (next..(next + length).min(last + 1)).collect(),
        };
        next += if down { -length } else { length };
        length = (length * GROWTH_FACTOR).min(MAX_BLOCKS);
        (!part.is_empty()).then_some(part)
    })
}

/// A row of the index: the sequence number of the entry, and the record.
type IndexedEntry = (i64, Key, RecordKind);

fn indexed_entries(
    tx: &mut Tx,
    client: &ClientWithDuplicates,
    list: &List<AccessLogFilter>,
) -> Result<Vec<IndexedEntry>> {
    let (after, last) = (list.after(tx.actor()?)?, index::last_block(tx.conn, client.row.organization_id)?);
    let start = if list.down() { last } else { 0 };
    let mut rows: Vec<IndexedEntry> = Vec::new();
    for part in block_ranges(after.map_or(start, |(sequence, _)| index::block(sequence)), last, list.down()) {
        let mut query = visible(tx, client)?.filter(access_log::block.eq_any(part));
        if let Some((sequence, id)) = after {
            query = query.filter(row_after(
                (access_log::sequence, access_log::subject_id),
                (sequence, Key::from_uuid(id)),
                list.down(),
            ));
        }
        query = match list.down() {
            true => query.order((access_log::sequence.desc(), access_log::subject_id.desc())),
            false => query.order((access_log::sequence.asc(), access_log::subject_id.asc())),
        };
        let columns = (access_log::sequence, access_log::subject_id, access_log::kind);
        let lacking = list.fetch() - i64::try_from(rows.len()).unwrap_or(i64::MAX);
        rows.extend(query.select(columns).limit(lacking).load::<IndexedEntry>(tx.conn)?);
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) >= list.fetch() {
            break;
        }
    }
    Ok(rows)
}

fn count(tx: &mut Tx, client: &ClientWithDuplicates) -> Result<i64> {
    let last = index::last_block(tx.conn, client.row.organization_id)?;
    let mut total = 0;
    for part in block_ranges(0, last, false) {
        let in_range: i64 = visible(tx, client)?.filter(access_log::block.eq_any(part)).count().get_result(tx.conn)?;
        total += in_range;
    }
    Ok(total)
}

/// How far the audit log goes, and how far the index has processed it, for a caller who may see the client's log.
pub fn index_progress(tx: &mut Tx, client: ClientId) -> Result<(i64, i64)> {
    let client = with_duplicates(tx, client)?;
    visible(tx, &client)?;
    index::index_progress(tx.conn, client.row.organization_id)
}

pub fn page(tx: &mut Tx, client: ClientId, list: &List<AccessLogFilter>) -> Result<Page<AccessLogEntry>> {
    let (actor, client) = (tx.actor()?, with_duplicates(tx, client)?);
    let rows = indexed_entries(tx, &client, list)?;
    let total = if list.include_total { Some(count(tx, &client)?) } else { None };
    let entries = entries(tx, rows.iter().map(|(sequence, ..)| *sequence).collect())?;
    let names = users::store::refs(tx, entries.values().filter_map(|entry| entry.actor_id).collect())?;
    let view = |(sequence, id, kind): IndexedEntry| {
        let entry = entries.get(&sequence).cloned()?;
        let name = names.iter().find(|user| Some(user.id) == entry.actor_id).map(|user| user.display_name.to_string());
        Some(AccessLogEntry::from_row(entry, AccessSubject { kind, id }, name, actor))
    };
    tx.audit_read("client.access_log_read", client.row.id);
    let page = list.page(actor, rows, total, |(sequence, id, _)| (*sequence, id.uuid()), view);
    page.whole().ok_or_else(|| ApiError::internal("an access log names an entry that the audit log has not"))
}

#[cfg(test)]
mod tests {
    use super::block_ranges;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_cover_every_block_once_in_order(last in 0_i64..3_000, from in 0_i64..3_000, down: bool) {
            let from = from.min(last);
            let mut all: Vec<i64> = if down { (0..=from).rev().collect() } else { (from..=last).collect() };
            for mut part in block_ranges(from, last, down) {
                prop_assert!(part.len() <= 1_024);
                if down { part.reverse() }
                let rest = all.split_off(part.len().min(all.len()));
                prop_assert_eq!(part, std::mem::replace(&mut all, rest));
            }
            prop_assert!(all.is_empty());
        }
    }
}
