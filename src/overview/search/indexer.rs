//! Maintains the search index. It assigns new documents to index segments, many at a time. It indexes records that are
//! older than the search. After an update it folds all words again if an older version of the program folded them
//! differently. (Folding makes words comparable: for example, it removes accents and case.)
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
        search::{insert_all_words, insert_words, tidy},
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
const MIN_NEW_DOCUMENTS: usize = 512;
/// How many documents one transaction assigns to segments. Other writers wait meanwhile.
const BATCH_SIZE: i64 = 4_096;
/// How many records are read in one transaction.
const MAX_RECORDS_READ: usize = 4_096;
/// How many documents a segment holds.
pub const SEGMENT_SIZE: usize = 2_048;
/// Segment numbers are drawn at random below this limit, which keeps them short in the index. If a number is drawn
/// twice, two teams share a segment. That is safe, because a search still checks who may see a document.
const SEGMENT_NUMBERS: i64 = 10_000_000_000;

/// A document that the indexer processes. Usually it is in no segment yet.
#[derive(Debug, Clone, Copy, Queryable)]
struct PendingDocument {
    number: i64,
    id: Key,
    kind: SearchKind,
    team_id: TeamId,
    is_empty: bool,
}

/// Processes the pending documents until none is left.
pub async fn run_once(db: &Db) -> Result<()> {
    while db.maintain(|conn| step(conn, MIN_NEW_DOCUMENTS)).await? {}
    Ok(())
}

/// Processes all pending documents, even if there are few, on a thread that may block. For tests.
pub fn index_all_blocking(db: &Db) -> Result<()> {
    while db.maintain_blocking(|conn| step(conn, 1))? {}
    Ok(())
}

/// Folds all words again that an older version of the program folded. No search runs before it ends. Returns how many
/// parts there were. After an interruption it continues where it stopped.
pub fn reindex_blocking(db: &Db) -> Result<u64> {
    let mut parts = 0;
    while db.maintain_blocking(reindex_step)? {
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
    rand::random_range(0..SEGMENT_NUMBERS)
}

/// Registers segments that already hold documents, and merges the index.
pub fn insert_segments(conn: &mut Conn, organization: OrganizationId, new: &[NewSegment]) -> Result<()> {
    conn.set_organization(organization)?;
    let existing =
        documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_not_null());
    let columns = (documents::segment.assume_not_null(), count_star(), max(documents::number).assume_not_null());
    let existing: Vec<(i64, i64, i64)> = existing.group_by(documents::segment).select(columns).load(conn)?;
    let existing: BTreeMap<i64, (i64, i64)> =
        existing.into_iter().map(|(segment, count, newest)| (segment, (count, newest))).collect();
    for segment in new {
        let (count, newest) = existing.get(&segment.id).copied().unwrap_or_default();
        insert_segment(conn, organization, *segment, i32::try_from(count).map_err(ApiError::internal)?, newest)?;
    }
    tidy(conn, true)?;
    Ok(insert_all_words(conn, organization)?)
}

fn insert_segment(
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
        if step_for_organization(conn, organization, least)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Does one part of [`reindex_blocking`], for one organization. Returns whether there may be more.
fn reindex_step(conn: &mut Conn) -> Result<bool> {
    let all: Vec<OrganizationId> =
        organizations::table.select(organizations::id).order(organizations::id).load(conn)?;
    for organization in all {
        conn.set_organization(organization)?;
        if reindex(conn, organization)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Folds one part again: first the names in the directory, then the search documents in the order of their ids. Returns
/// whether there was any.
fn reindex(conn: &mut Conn, organization: OrganizationId) -> Result<bool> {
    // Locked, so that several servers that start at the same time do not process the same documents.
    let mark = refolds::table.find(organization).select(refolds::after_id).locked();
    let Some(after) = mark.get_result::<Option<Key>>(conn).optional()? else { return Ok(false) };
    macro_rules! names {
        ($row:ty, $table:ident) => {{
            let own = $table::table.filter($table::organization_id.eq(organization)).filter($table::words.eq(""));
            let rows: Vec<$row> = own.limit(BATCH_SIZE).select(<$row>::as_select()).load(conn)?;
            let found_any = !rows.is_empty();
            for mut row in rows {
                row.update_words();
                diesel::update($table::table.find((organization, row.id)))
                    .set($table::words.eq(row.words))
                    .execute(conn)?;
            }
            found_any
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
    let next = next.order(documents::id).limit(i64::try_from(MAX_RECORDS_READ).unwrap_or(BATCH_SIZE)).select(columns);
    let next: Vec<PendingDocument> = next.load(conn)?;
    let Some(last) = next.last() else {
        diesel::delete(refolds::table.find(organization)).execute(conn)?;
        return Ok(true);
    };
    fill(conn, organization, &next)?;
    // A document that is in a segment stays there, with its new words.
    let documents_of_batch =
        documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_not_null());
    let documents_of_batch =
        documents_of_batch.filter(documents::id.eq_any(next.iter().map(|document| document.id).collect::<Vec<_>>()));
    let columns = (documents::team_id, documents::segment.assume_not_null(), documents::words);
    let mut of_segments: BTreeMap<(TeamId, i64), BTreeSet<String>> = BTreeMap::new();
    for (team, segment, words) in documents_of_batch.select(columns).load::<(TeamId, i64, Option<String>)>(conn)? {
        of_segments
            .entry((team, segment))
            .or_default()
            .extend(words.unwrap_or_default().split_whitespace().map(str::to_owned));
    }
    for ((team, segment), terms) in of_segments {
        insert_words(conn, organization, team, segment, &terms)?;
    }
    diesel::update(refolds::table.find(organization)).set(refolds::after_id.eq(Some(last.id))).execute(conn)?;
    Ok(true)
}

fn step_for_organization(conn: &mut Conn, organization: OrganizationId, least: usize) -> Result<bool> {
    conn.set_organization(organization)?;
    let oldest = || {
        let all =
            documents::table.filter(documents::organization_id.eq(organization)).filter(documents::segment.is_null());
        let columns =
            (documents::number, documents::id, documents::kind, documents::team_id, documents::words.is_null());
        all.order(documents::number).limit(BATCH_SIZE).select(columns)
    };
    // The first query takes no locks, so that writers of records do not wait if there is nothing to do.
    let pending: Vec<PendingDocument> = oldest().load(conn)?;
    if pending.len() < least && !pending.iter().any(|document| document.is_empty) {
        return Ok(false);
    }
    let pending: Vec<PendingDocument> = oldest().locked().load(conn)?;
    let (empty, whole): (Vec<PendingDocument>, Vec<PendingDocument>) =
        pending.into_iter().partition(|document| document.is_empty);
    if !empty.is_empty() {
        fill(conn, organization, empty.get(..MAX_RECORDS_READ).unwrap_or(&empty))?;
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

/// Assigns documents of one team and kind, in their order, to the last segment, and to new segments when it is full.
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
    // A changed document keeps its old number. So `newest` must not decrease, or the last segment would no longer be the
    // last.
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
                insert_segment(conn, organization, NewSegment { id, team, kind }, count, newest)?;
                id
            }
        };
        let documents_of_batch = documents::table
            .filter(documents::organization_id.eq(organization))
            .filter(documents::number.eq_any(now.to_vec()));
        let documents_of_batch = documents_of_batch.filter(documents::segment.is_null());
        let words: Vec<Option<String>> = documents_of_batch.clone().select(documents::words).load(conn)?;
        let terms = words.iter().flatten().flat_map(|words| words.split_whitespace()).map(str::to_owned).collect();
        insert_words(conn, organization, team, id, &terms)?;
        diesel::update(documents_of_batch).set(documents::segment.eq(Some(id))).execute(conn)?;
        (segment, room, rest) = (Some(id), room - now.len(), later);
    }
    Ok(())
}

/// Reads the records of these documents and stores their content. Deletes a document whose record does not exist.
fn fill(conn: &mut Conn, organization: OrganizationId, empty: &[PendingDocument]) -> Result<()> {
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
    let mut add_content = |id: Key, content: Content| drop(contents.insert(id, content));
    rows!(ClientRow, clients, SearchKind::Client).iter().for_each(|row| add_content(row.key(), Content::of(row)));
    rows!(CaseRow, cases, SearchKind::Case).iter().for_each(|row| add_content(row.key(), Content::of(row)));
    rows!(BarrierRow, barriers, SearchKind::Barrier).iter().for_each(|row| add_content(row.key(), Content::of(row)));
    rows!(MeetingRow, meetings, SearchKind::Meeting).iter().for_each(|row| add_content(row.key(), Content::of(row)));
    let written = rows!(NoteRow, notes, SearchKind::Note);
    let of_these = amendments::table
        .filter(amendments::organization_id.eq(organization))
        .filter(amendments::note_id.eq_any(written.iter().map(|row| row.id).collect::<Vec<_>>()));
    let more: Vec<AmendmentRow> =
        of_these.order((amendments::note_id, amendments::id)).select(AmendmentRow::as_select()).load(conn)?;
    for row in written {
        let own = more.iter().filter(|amendment| amendment.note_id == row.id).cloned().map(Into::into).collect();
        let note = Note::from_row(row, own);
        add_content(note.key(), Content::of(&note));
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
