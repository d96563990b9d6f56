//! Maintains the index behind the access logs: finds which clients the new entries of the audit log concern. It runs
//! when some hundred entries are pending, or when somebody reads an access log.

use super::model::{RecordKind, TouchRow};
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
const AT_ONCE: i64 = 256;
/// A step ends after the entry that brings it to this many ids: the entry of a list names up to two hundred, and each
/// id of a search is looked up in every table. On SQLite, no other write runs during a step.
const MOST_IDS: usize = 512;
/// Housekeeping runs a step once this many entries are pending. A caller who reads a log earlier processes the few
/// pending entries.
const WORTH_IT: i64 = 256;
/// How many steps a caller who reads a log waits for.
const MOST_STEPS: usize = 256;
/// How many consecutive entries form a block. The index is ordered by block first, so new rows go to a few pages of the
/// newest block. Ordered by client first, they would go to as many pages as there are rows.
const BLOCK: i64 = 4_096;
/// How many ids one statement looks up.
const ASKED: usize = 500;

/// Processes some pending entries of one organization. Returns whether there may be more.
pub async fn run_once(db: &Db) -> Result<bool> {
    db.maintain(|conn| {
        // Only organizations that have pending entries. A missing mark means that nothing has been processed.
        let marked = marks::table.on(marks::organization_id.eq(heads::organization_id));
        let lag = heads::sequence.nullable() - marks::sequence.nullable();
        let behind = heads::table.left_join(marked).filter(marks::sequence.is_null().or(lag.ge(WORTH_IT)));
        // The organization that is furthest behind comes first, so that a busy one does not delay the others.
        let behind = behind.order((marks::sequence.is_null().desc(), lag.desc()));
        let behind = behind.select(heads::organization_id).first::<OrganizationId>(conn).optional()?;
        behind.map_or(Ok(false), |organization| step(conn, organization).map(|_| true))
    })
    .await
}

/// The sequence numbers of an organization's last entry, and of the last entry that the index has processed.
pub fn standing(conn: &mut Conn, organization: OrganizationId) -> Result<(i64, i64)> {
    let head = heads::table.find(organization).select(heads::sequence).first(conn).optional()?;
    let mark = marks::table.find(organization).select(marks::sequence).first(conn).optional()?;
    Ok((head.unwrap_or(0), mark.unwrap_or(0)))
}

/// Only one request at a time catches up. The others wait for its result, and hold no connection meanwhile.
static CATCHING_UP: Mutex<()> = Mutex::const_new(());

/// Processes the entries of one organization up to `goal`.
///
/// # Errors
/// 503 if more than `MOST_STEPS` steps are needed; the steps that were done are kept.
pub async fn catch_up(db: &Db, organization: OrganizationId, goal: i64) -> Result<()> {
    let _alone = CATCHING_UP.lock().await;
    for _ in 0..MOST_STEPS {
        let reached = db.maintain(move |conn| {
            let (_, mark) = standing(conn, organization)?;
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
    let entries: Vec<Entry> = next.order(events::sequence).limit(AT_ONCE).select(columns).load(conn)?;
    let mut ids = 0;
    let few = entries.iter().take_while(|(_, _, _, subjects, _)| {
        let first = ids == 0;
        ids += 1 + subjects.0.len();
        first || ids <= MOST_IDS
    });
    let few = few.count();
    let entries = entries.get(..few).unwrap_or_default();
    let Some(last) = entries.last().map(|(sequence, ..)| *sequence) else { return Ok(false) };
    let touched: BTreeSet<(Key, i64)> = entries
        .iter()
        .filter(|(.., outcome)| *outcome == Outcome::Done)
        .flat_map(|(sequence, _, subject, subjects, _)| {
            let listed = subjects.0.iter().filter_map(|id| Key::parse(id));
            subject.iter().copied().chain(listed).map(|id| (id, *sequence))
        })
        .collect();
    let owners = owners(conn, organization, &wanted(entries))?;
    let mut rows: Vec<TouchRow> = touched
        .into_iter()
        .filter_map(|(subject_id, sequence)| {
            let (kind, client_id, case_id) = *owners.get(&subject_id)?;
            Some(TouchRow {
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

/// The tables to look an id up in: the one that the action names or, if it names none of these kinds (an agenda, a
/// search), all of them.
fn wanted(entries: &[Entry]) -> BTreeMap<RecordKind, BTreeSet<Key>> {
    let mut wanted: BTreeMap<RecordKind, BTreeSet<Key>> = BTreeMap::new();
    for (_, action, subject, subjects, _) in entries {
        let named = kinds::find(action.split('.').next().unwrap_or_default());
        // A search or an agenda names no kind of its own: its ids may be of any.
        for kind in RecordKind::all().filter(|kind| named.is_none_or(|named| named.name == kind.name())) {
            let listed = subjects.0.iter().filter_map(|id| Key::parse(id));
            wanted.entry(kind).or_default().extend(subject.iter().copied().chain(listed));
        }
    }
    wanted
}

/// The kind of a record, its client, and its case.
type Owner = (RecordKind, ClientId, Option<CaseId>);

fn owners(
    conn: &mut Conn,
    organization: OrganizationId,
    wanted: &BTreeMap<RecordKind, BTreeSet<Key>>,
) -> Result<BTreeMap<Key, Owner>> {
    let mut owners = BTreeMap::new();
    for (kind, ids) in wanted {
        let ids: Vec<Key> = ids.iter().copied().collect();
        for ids in ids.chunks(ASKED) {
            let Some(find) = kind.owners() else { continue };
            let found = find(conn, organization, ids.to_vec())?;
            owners.extend(found.into_iter().map(|(id, client, case)| (id, (*kind, client, case))));
        }
    }
    Ok(owners)
}
