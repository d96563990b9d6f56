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
        schema::{
            access_log, access_log_marks as marks, actions, assignments, audit_events as events, audit_heads as heads,
            barriers, break_glass, cases, clients, commitments, conflict_checks, deadlines, feedback, handovers,
            meetings, notes, preparation_items, statements, tasks,
        },
    },
    error::{ApiError, Result},
    insert_all,
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
    const NEVER: &[&str] = &[
        "session",
        "user",
        "invitation",
        "team",
        "deputy",
        "organization",
        "audit",
        "provider",
        "service",
        "interest",
        "deadline_rule",
    ];
    let mut wanted: BTreeMap<RecordKind, BTreeSet<Key>> = BTreeMap::new();
    for (_, action, subject, subjects, _) in entries {
        let named = action.split('.').next().unwrap_or_default();
        if NEVER.contains(&named) {
            continue;
        }
        let named = RecordKind::ALL.iter().find(|kind| kind.as_str() == named);
        for kind in named.map_or(RecordKind::ALL, std::slice::from_ref) {
            let listed = subjects.0.iter().filter_map(|id| Key::parse(id));
            wanted.entry(*kind).or_default().extend(subject.iter().copied().chain(listed));
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
            let found = of_kind(conn, organization, *kind, ids.to_vec())?;
            owners.extend(found.into_iter().map(|(id, client, case)| (id, (*kind, client, case))));
        }
    }
    Ok(owners)
}

/// Those of these ids that are records of this kind, each with its client and its case.
fn of_kind(
    conn: &mut Conn,
    organization: OrganizationId,
    kind: RecordKind,
    ids: Vec<Key>,
) -> Result<Vec<(Key, ClientId, Option<CaseId>)>> {
    macro_rules! of_case {
        ($table:ident) => {{
            let case =
                cases::table.on(cases::organization_id.eq($table::organization_id).and(cases::id.eq($table::case_id)));
            let these = $table::table
                .inner_join(case)
                .filter($table::organization_id.eq(organization))
                .filter($table::id.eq_any(ids));
            these.select(($table::id, cases::client_id, cases::id.nullable())).load(conn)?
        }};
    }
    macro_rules! of_meeting {
        ($table:ident) => {{
            let meeting = meetings::table
                .on(meetings::organization_id.eq($table::organization_id).and(meetings::id.eq($table::meeting_id)));
            let case = cases::table
                .on(cases::organization_id.eq($table::organization_id).and(cases::id.eq(meetings::case_id)));
            let these = $table::table.inner_join(meeting).inner_join(case);
            let these = these.filter($table::organization_id.eq(organization)).filter($table::id.eq_any(ids));
            these.select(($table::id, cases::client_id, cases::id.nullable())).load(conn)?
        }};
    }
    macro_rules! of_client {
        ($table:ident, $client:expr) => {{
            let these = $table::table.filter($table::organization_id.eq(organization)).filter($table::id.eq_any(ids));
            let found: Vec<(Key, ClientId)> = these.select(($table::id, $client)).load(conn)?;
            found.into_iter().map(|(id, client)| (id, client, None)).collect()
        }};
    }
    Ok(match kind {
        RecordKind::Client => of_client!(clients, clients::id),
        RecordKind::Statement => of_client!(statements, statements::client_id),
        RecordKind::Case => {
            let these = cases::table.filter(cases::organization_id.eq(organization)).filter(cases::id.eq_any(ids));
            these.select((cases::id, cases::client_id, cases::id.nullable())).load(conn)?
        }
        RecordKind::Feedback => {
            let these =
                feedback::table.filter(feedback::organization_id.eq(organization)).filter(feedback::id.eq_any(ids));
            these.select((feedback::id, feedback::client_id, feedback::case_id)).load(conn)?
        }
        RecordKind::Assignment => of_case!(assignments),
        RecordKind::Handover => of_case!(handovers),
        RecordKind::BreakGlass => of_case!(break_glass),
        RecordKind::ConflictCheck => of_case!(conflict_checks),
        RecordKind::Barrier => of_case!(barriers),
        RecordKind::Action => of_case!(actions),
        RecordKind::Deadline => of_case!(deadlines),
        RecordKind::Note => of_case!(notes),
        RecordKind::Task => of_case!(tasks),
        RecordKind::Meeting => of_case!(meetings),
        RecordKind::PreparationItem => of_meeting!(preparation_items),
        RecordKind::Commitment => of_meeting!(commitments),
    })
}
