//! Maintains the index behind the access logs: finds which clients the new entries of the audit log concern. It runs
//! when some hundred entries are pending, or when somebody reads an access log.

use super::model::{IndexRow, RecordKind};
use crate::{
    audit::Outcome,
    auth::OrganizationId,
    casework::{cases::model::CaseId, clients::model::ClientId},
    db::{
        Conn, Db, PortableDsl as _,
        dialect::Key,
        schema::{access_log, access_log_marks as marks, audit_events as events, audit_heads as heads},
    },
    error::{ApiError, Result},
    insert_all,
    overview::kinds,
    types::Json,
};
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Mutex;

/// How many entries one transaction processes. Other writers wait meanwhile.
const BATCH_SIZE: i64 = 256;
/// The maximum number of ids that one transaction processes. The entry of a list names up to two hundred ids, and each
/// id of a search is looked up in every table. On SQLite, no other write runs meanwhile.
const MAX_IDS: usize = 512;
/// Housekeeping processes the pending entries when there are this many. If somebody reads a log earlier, their request
/// processes them.
const MIN_PENDING: i64 = 256;
/// The maximum number of transactions that a request to read a log waits for.
const MAX_STEPS: usize = 256;
/// How many consecutive entries form a block. The block is the first column of the index, so new rows go to the few
/// database pages of the newest block. If the client were the first column, each new row would go to another page.
const BLOCK: i64 = 4_096;
/// How many ids one statement looks up.
const LOOKUP_BATCH: usize = 500;

/// Processes some pending entries of one organization. Returns whether there may be more.
pub async fn run_once(db: &Db) -> Result<bool> {
    db.maintain(|conn| {
        // Only organizations that have pending entries. Without a row in `marks`, nothing has been processed.
        let marked = marks::table.on(marks::organization_id.eq(heads::organization_id));
        let lag = heads::sequence.nullable() - marks::sequence.nullable();
        let behind = heads::table.left_join(marked).filter(marks::sequence.is_null().or(lag.ge(MIN_PENDING)));
        // The organization that is furthest behind comes first, so that a busy one does not delay the others.
        let behind = behind.order((marks::sequence.is_null().desc(), lag.desc()));
        let behind = behind.select(heads::organization_id).first::<OrganizationId>(conn).optional()?;
        behind.map_or(Ok(false), |organization| step(conn, organization).map(|_| true))
    })
    .await
}

/// The sequence numbers of an organization's last entry, and of the last entry that the index has processed.
pub fn index_progress(conn: &mut Conn, organization: OrganizationId) -> Result<(i64, i64)> {
    let head = heads::table.find(organization).select(heads::sequence).first(conn).optional()?;
    let mark = marks::table.find(organization).select(marks::sequence).first(conn).optional()?;
    Ok((head.unwrap_or(0), mark.unwrap_or(0)))
}

/// Only one request at a time catches up. The others wait for its result, and hold no connection meanwhile.
static CATCHING_UP: Mutex<()> = Mutex::const_new(());

/// Processes the entries of one organization up to `goal`.
///
/// # Errors
/// 503 if more than `MAX_STEPS` transactions are needed. What they processed stays processed.
pub async fn catch_up(db: &Db, organization: OrganizationId, goal: i64) -> Result<()> {
    let _guard = CATCHING_UP.lock().await;
    for _ in 0..MAX_STEPS {
        let reached = db.maintain(move |conn| {
            let (_, mark) = index_progress(conn, organization)?;
            Ok(mark >= goal || !step(conn, organization)?)
        });
        if reached.await? {
            return Ok(());
        }
    }
    Err(ApiError::overloaded("The access log is still being built. Try again in a minute."))
}

/// The block that an entry belongs to.
pub const fn block(sequence: i64) -> i64 {
    sequence / BLOCK
}

/// The block of the last entry that the index has processed.
pub fn last_block(conn: &mut Conn, organization: OrganizationId) -> Result<i64> {
    let mark = marks::table.find(organization).select(marks::sequence).first(conn).optional()?;
    Ok(block(mark.unwrap_or(0)))
}

/// The columns of an audit entry that the index needs.
type Entry = (i64, String, Option<Key>, Json<Vec<String>>, Outcome);

/// Processes one batch. Returns whether there was anything to do.
fn step(conn: &mut Conn, organization: OrganizationId) -> Result<bool> {
    conn.set_organization(organization)?;
    let start = (marks::organization_id.eq(organization), marks::sequence.eq(0_i64));
    diesel::insert_into(marks::table).values(start).on_conflict_do_nothing().portable().execute(conn)?;
    // Locked, because another server may be about to process the same entries.
    let mark: i64 = marks::table.find(organization).select(marks::sequence).locked().get_result(conn)?;
    let next = events::table.filter(events::organization_id.eq(organization)).filter(events::sequence.gt(mark));
    let columns = (events::sequence, events::action, events::subject_id, events::subjects, events::outcome);
    let entries: Vec<Entry> = next.order(events::sequence).limit(BATCH_SIZE).select(columns).load(conn)?;
    let mut ids = 0;
    let within_limit = entries.iter().take_while(|(_, _, _, subjects, _)| {
        let first = ids == 0;
        ids += 1 + subjects.0.len();
        first || ids <= MAX_IDS
    });
    let within_limit = within_limit.count();
    let entries = entries.get(..within_limit).unwrap_or_default();
    let Some(last) = entries.last().map(|(sequence, ..)| *sequence) else { return Ok(false) };
    let entry_ids: BTreeSet<(Key, i64)> = entries
        .iter()
        .filter(|(.., outcome)| *outcome == Outcome::Done)
        .flat_map(|(sequence, _, subject, subjects, _)| {
            let listed = subjects.0.iter().filter_map(|id| Key::parse(id));
            subject.iter().copied().chain(listed).map(|id| (id, *sequence))
        })
        .collect();
    let owners = owners(conn, organization, &ids_by_kind(entries))?;
    let mut rows: Vec<IndexRow> = entry_ids
        .into_iter()
        .filter_map(|(subject_id, sequence)| {
            let (kind, client_id, case_id) = *owners.get(&subject_id)?;
            Some(IndexRow {
                organization_id: organization,
                block: block(sequence),
                client_id,
                sequence,
                subject_id,
                kind,
                case_id,
            })
        })
        .collect();
    rows.sort_unstable_by_key(|row| (row.block, row.client_id, row.sequence, row.subject_id));
    insert_all!(conn, access_log::table, rows, false)?;
    diesel::update(marks::table.find(organization)).set(marks::sequence.eq(last)).execute(conn)?;
    Ok(true)
}

/// The ids to look up, by kind of record. If an action names none of these kinds (an agenda, a search), its ids are
/// looked up in all of them.
fn ids_by_kind(entries: &[Entry]) -> BTreeMap<RecordKind, BTreeSet<Key>> {
    let mut ids_by_kind: BTreeMap<RecordKind, BTreeSet<Key>> = BTreeMap::new();
    for (_, action, subject, subjects, _) in entries {
        let named = kinds::find(action.split('.').next().unwrap_or_default());
        // A search or an agenda lists records of several kinds, so its ids may be of any kind.
        for kind in RecordKind::all().filter(|kind| named.is_none_or(|named| named.name == kind.name())) {
            let listed = subjects.0.iter().filter_map(|id| Key::parse(id));
            ids_by_kind.entry(kind).or_default().extend(subject.iter().copied().chain(listed));
        }
    }
    ids_by_kind
}

/// The kind of a record, its client, and its case.
type Owner = (RecordKind, ClientId, Option<CaseId>);

fn owners(
    conn: &mut Conn,
    organization: OrganizationId,
    ids_by_kind: &BTreeMap<RecordKind, BTreeSet<Key>>,
) -> Result<BTreeMap<Key, Owner>> {
    let mut owners = BTreeMap::new();
    for (kind, ids) in ids_by_kind {
        let ids: Vec<Key> = ids.iter().copied().collect();
        for ids in ids.chunks(LOOKUP_BATCH) {
            let Some(find) = kind.owners() else { continue };
            let found = find(conn, organization, ids.to_vec())?;
            owners.extend(found.into_iter().map(|(id, client, case)| (id, (*kind, client, case))));
        }
    }
    Ok(owners)
}
