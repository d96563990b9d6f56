//! Maintains the search index. It assigns new documents to index segments, many at a time. It reads records that are
//! older than the search, and it folds words again that an older version of the program folded.
//!
//! Indexing each document on write would cost more than all other statements of the write together. A new document is
//! found by scanning its words, which is fast while such documents are few. The indexer runs regularly to keep them
//! few.

use crate::{
    auth::OrganizationId,
    casework::{
        barriers::model::BarrierRow,
        cases::model::CaseRow,
        clients::model::ClientRow,
        meetings::model::MeetingRow,
        notes::model::{AmendmentRow, Note, NoteRow},
    },
    db::{
        Conn, Db, PortableDsl as _,
        dialect::Key,
        schema::{
            barriers, cases, clients, meetings, note_amendments as amendments, notes, organizations, providers,
            search_documents as documents, search_refolds as refolds, search_segments as segments, services,
        },
        search::{enter_all_words, enter_words, tidy},
    },
    directory::{providers::model::ProviderRow, services::model::ServiceRow},
    error::{ApiError, Result},
    identity::teams::model::TeamId,
    records::search::model::{Content, SearchKind, Searchable},
};
use diesel::{
    dsl::{count_star, max},
    prelude::*,
};
use std::collections::{BTreeMap, BTreeSet};

/// How many new documents an organization has before they are assigned to segments.
const FRESH: usize = 512;
/// How many documents one transaction assigns to segments. Other writers wait meanwhile.
const AT_ONCE: i64 = 4_096;
/// How many records are read in one transaction.
const READ_AT_ONCE: usize = 4_096;
/// How many documents a segment holds.
pub const SEGMENT_SIZE: usize = 2_048;
/// Segment numbers are drawn at random below this limit, which keeps them short in the index. If a number is drawn
/// twice, the words of two teams share it. That is safe: the conditions on who may see a document still apply.
const NUMBERS: i64 = 10_000_000_000;

/// A document that the indexer processes: most often one that is in no segment.
#[derive(Debug, Clone, Copy, Queryable)]
struct FreshDocument {
    number: i64,
    id: Key,
    kind: SearchKind,
    team_id: TeamId,
    is_empty: bool,
}

/// Processes the pending documents until none is left.
pub async fn run_once(db: &Db) -> Result<()> {
    while db.maintain(|conn| step(conn, FRESH)).await? {}
    Ok(())
}

/// The same down to the last document, on a thread that may block: tests do not write hundreds.
pub fn index_all_blocking(db: &Db) -> Result<()> {
    while db.maintain_blocking(|conn| step(conn, 1))? {}
    Ok(())
}

/// Folds all words again that an older version of the program folded. No search runs before it ends. Returns how many
/// parts there were. After an interruption it continues where it stopped.
pub fn refold_blocking(db: &Db) -> Result<u64> {
    let mut parts = 0;
    while db.maintain_blocking(refold_step)? {
        parts += 1;
    }
    Ok(parts)
}

/// A segment whose documents were assigned to it as they were written.
#[derive(Debug, Clone, Copy)]
pub struct NewSegment {
    pub id: i64,
    pub team: TeamId,
    pub kind: SearchKind,
}

/// The number for a new segment.
pub fn draw_number() -> i64 {
    rand::random_range(0..NUMBERS)
}

/// Registers segments that already hold documents, and merges the index.
pub fn enter_segments(conn: &mut Conn, organization: OrganizationId, new: &[NewSegment]) -> Result<()> {
    conn.set_organization(organization)?;
    let standing =
        documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_not_null());
    let columns = (documents::segment.assume_not_null(), count_star(), max(documents::number).assume_not_null());
    let standing: Vec<(i64, i64, i64)> = standing.group_by(documents::segment).select(columns).load(conn)?;
    let standing: BTreeMap<i64, (i64, i64)> =
        standing.into_iter().map(|(segment, count, newest)| (segment, (count, newest))).collect();
    for segment in new {
        let (count, newest) = standing.get(&segment.id).copied().unwrap_or_default();
        enter(conn, organization, *segment, i32::try_from(count).map_err(ApiError::internal)?, newest)?;
    }
    tidy(conn, true)?;
    Ok(enter_all_words(conn, organization)?)
}

fn enter(
    conn: &mut Conn,
    organization: OrganizationId,
    segment: NewSegment,
    documents: i32,
    newest: i64,
) -> Result<()> {
    let columns = (
        segments::organization_id.eq(organization),
        segments::id.eq(segment.id),
        segments::team_id.eq(segment.team),
        segments::kind.eq(segment.kind),
        segments::documents.eq(documents),
        segments::newest.eq(newest),
    );
    diesel::insert_into(segments::table).values(columns).execute(conn)?;
    Ok(())
}

/// Does one part of the work, for one organization. Returns whether there may be more.
fn step(conn: &mut Conn, least: usize) -> Result<bool> {
    let all: Vec<OrganizationId> =
        organizations::table.select(organizations::id).order(organizations::id).load(conn)?;
    for organization in all {
        if step_for(conn, organization, least)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same for folding words again.
fn refold_step(conn: &mut Conn) -> Result<bool> {
    let all: Vec<OrganizationId> =
        organizations::table.select(organizations::id).order(organizations::id).load(conn)?;
    for organization in all {
        conn.set_organization(organization)?;
        if refold(conn, organization)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Folds one part again: first the names in the directory, then the search documents in the order of their ids. Returns
/// whether there was any.
fn refold(conn: &mut Conn, organization: OrganizationId) -> Result<bool> {
    // Locked: if several servers start, one does this part and the others do the next.
    let mark = refolds::table.find(organization).select(refolds::after_id).locked();
    let Some(after) = mark.get_result::<Option<Key>>(conn).optional()? else { return Ok(false) };
    macro_rules! names {
        ($row:ty, $table:ident) => {{
            let own = $table::table.filter($table::organization_id.eq(organization)).filter($table::words.eq(""));
            let rows: Vec<$row> = own.limit(AT_ONCE).select(<$row>::as_select()).load(conn)?;
            let some = !rows.is_empty();
            for mut row in rows {
                row.refold();
                diesel::update($table::table.find((organization, row.id)))
                    .set($table::words.eq(row.words))
                    .execute(conn)?;
            }
            some
        }};
    }
    if names!(ProviderRow, providers) || names!(ServiceRow, services) {
        return Ok(true);
    }
    let mut next = documents::table.filter(documents::organization_id.eq(organization)).into_boxed();
    if let Some(after) = after {
        next = next.filter(documents::id.gt(after));
    }
    let columns = (documents::number, documents::id, documents::kind, documents::team_id, documents::words.is_null());
    let next = next.order(documents::id).limit(i64::try_from(READ_AT_ONCE).unwrap_or(AT_ONCE)).select(columns);
    let next: Vec<FreshDocument> = next.load(conn)?;
    let Some(last) = next.last() else {
        diesel::delete(refolds::table.find(organization)).execute(conn)?;
        return Ok(true);
    };
    fill(conn, organization, &next)?;
    // A document that is in a segment stays there, with its new words.
    let these =
        documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_not_null());
    let these = these.filter(documents::id.eq_any(next.iter().map(|document| document.id).collect::<Vec<_>>()));
    let columns = (documents::team_id, documents::segment.assume_not_null(), documents::words);
    let mut of_segments: BTreeMap<(TeamId, i64), BTreeSet<String>> = BTreeMap::new();
    for (team, segment, words) in these.select(columns).load::<(TeamId, i64, Option<String>)>(conn)? {
        of_segments
            .entry((team, segment))
            .or_default()
            .extend(words.unwrap_or_default().split_whitespace().map(str::to_owned));
    }
    for ((team, segment), terms) in of_segments {
        enter_words(conn, organization, team, segment, &terms)?;
    }
    diesel::update(refolds::table.find(organization)).set(refolds::after_id.eq(Some(last.id))).execute(conn)?;
    Ok(true)
}

fn step_for(conn: &mut Conn, organization: OrganizationId, least: usize) -> Result<bool> {
    conn.set_organization(organization)?;
    let oldest = || {
        let all =
            documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_null());
        let columns =
            (documents::number, documents::id, documents::kind, documents::team_id, documents::words.is_null());
        all.order(documents::number).limit(AT_ONCE).select(columns)
    };
    // Read without a lock first, and locked only if there is work: otherwise writers of records would wait.
    let fresh: Vec<FreshDocument> = oldest().load(conn)?;
    if fresh.len() < least && !fresh.iter().any(|document| document.is_empty) {
        return Ok(false);
    }
    let fresh: Vec<FreshDocument> = oldest().locked().load(conn)?;
    let (empty, whole): (Vec<FreshDocument>, Vec<FreshDocument>) =
        fresh.into_iter().partition(|document| document.is_empty);
    if !empty.is_empty() {
        fill(conn, organization, empty.get(..READ_AT_ONCE).unwrap_or(&empty))?;
        return Ok(true);
    }
    let mut groups: BTreeMap<(TeamId, SearchKind), Vec<i64>> = BTreeMap::new();
    for document in whole {
        groups.entry((document.team_id, document.kind)).or_default().push(document.number);
    }
    for ((team, kind), numbers) in groups {
        add_to_segments(conn, organization, team, kind, &numbers)?;
    }
    tidy(conn, false)?;
    Ok(true)
}

/// Assigns documents of one team and kind, in their order, to its last segment, and to new ones once that is full.
fn add_to_segments(
    conn: &mut Conn,
    organization: OrganizationId,
    team: TeamId,
    kind: SearchKind,
    numbers: &[i64],
) -> Result<()> {
    let own = segments::table
        .filter(segments::organization_id.eq(organization))
        .filter(segments::team_id.eq(team))
        .filter(segments::kind.eq(kind))
        .order(segments::newest.desc());
    let last: Option<(i64, i32, i64)> = own
        .limit(1)
        .select((segments::id, segments::documents, segments::newest))
        .locked()
        .get_result(conn)
        .optional()?;
    // A changed document returns with its old number, so `newest` must not decrease: the last segment stays the last.
    let (mut segment, mut room, before) = match last {
        Some((id, documents, newest)) => {
            (Some(id), SEGMENT_SIZE.saturating_sub(usize::try_from(documents).map_err(ApiError::internal)?), newest)
        }
        None => (None, 0, 0),
    };
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        if room == 0 {
            (segment, room) = (None, SEGMENT_SIZE);
        }
        let (now, later) = rest.split_at(room.min(rest.len()));
        let (count, newest) =
            (i32::try_from(now.len()).map_err(ApiError::internal)?, before.max(*now.last().unwrap_or(first)));
        let id = match segment {
            Some(id) => {
                let grown = (segments::documents.eq(segments::documents + count), segments::newest.eq(newest));
                diesel::update(segments::table.find((organization, id))).set(grown).execute(conn)?;
                id
            }
            None => {
                let id = draw_number();
                enter(conn, organization, NewSegment { id, team, kind }, count, newest)?;
                id
            }
        };
        let these = documents::table
            .filter(documents::organization_id.eq(organization))
            .filter(documents::number.eq_any(now.to_vec()));
        let these = these.filter(documents::segment.is_null());
        let words: Vec<Option<String>> = these.clone().select(documents::words).load(conn)?;
        let terms = words.iter().flatten().flat_map(|words| words.split_whitespace()).map(str::to_owned).collect();
        enter_words(conn, organization, team, id, &terms)?;
        diesel::update(these).set(documents::segment.eq(Some(id))).execute(conn)?;
        (segment, room, rest) = (Some(id), room - now.len(), later);
    }
    Ok(())
}

/// Reads the records of these documents and stores their content. Deletes a document whose record does not exist.
fn fill(conn: &mut Conn, organization: OrganizationId, empty: &[FreshDocument]) -> Result<()> {
    let ids_of = |kind| -> Vec<Key> {
        empty.iter().filter(|document| document.kind == kind).map(|document| document.id).collect()
    };
    macro_rules! rows {
        ($row:ty, $table:ident, $kind:expr) => {{
            let own =
                $table::table.filter($table::organization_id.eq(organization)).filter($table::id.eq_any(ids_of($kind)));
            own.select(<$row>::as_select()).load::<$row>(conn)?
        }};
    }
    let mut contents = BTreeMap::new();
    let mut keep = |id: Key, content: Content| drop(contents.insert(id, content));
    rows!(ClientRow, clients, SearchKind::Client).iter().for_each(|row| keep(row.key(), Content::of(row)));
    rows!(CaseRow, cases, SearchKind::Case).iter().for_each(|row| keep(row.key(), Content::of(row)));
    rows!(BarrierRow, barriers, SearchKind::Barrier).iter().for_each(|row| keep(row.key(), Content::of(row)));
    rows!(MeetingRow, meetings, SearchKind::Meeting).iter().for_each(|row| keep(row.key(), Content::of(row)));
    let written = rows!(NoteRow, notes, SearchKind::Note);
    let of_these = amendments::table
        .filter(amendments::organization_id.eq(organization))
        .filter(amendments::note_id.eq_any(written.iter().map(|row| row.id).collect::<Vec<_>>()));
    let more: Vec<AmendmentRow> =
        of_these.order((amendments::note_id, amendments::id)).select(AmendmentRow::as_select()).load(conn)?;
    for row in written {
        let own = more.iter().filter(|amendment| amendment.note_id == row.id).cloned().map(Into::into).collect();
        let note = Note::of(row, own);
        keep(note.key(), Content::of(&note));
    }
    for document in empty {
        let own = documents::table.find((organization, document.id));
        match contents.get(&document.id) {
            Some(content) => {
                let other = documents::words.is_null().or(documents::words.ne(content.words.clone()));
                let other =
                    other.or(documents::title.ne(content.title.clone())).or(documents::body.ne(content.body.clone()));
                diesel::update(own.filter(other)).set(content).execute(conn)?
            }
            None => diesel::delete(own).execute(conn)?,
        };
    }
    Ok(())
}
