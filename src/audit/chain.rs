//! The hash chain: each entry contains SHA-256(previous hash ‖ own content), and the numbers have no gaps.

use super::{Entry, Outcome};
use crate::{
    auth::{OrganizationId, RequestId, Role, SessionId, UserId},
    db::{
        Conn, Dialect, PortableDsl as _, audit_insert,
        dialect::Key,
        rewrite,
        schema::{audit_events, audit_heads, organizations},
    },
    error::Result,
    types::{Instant, Json},
};
use diesel::prelude::*;
use sha2::{Digest as _, Sha256};

/// A row of `audit_events`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
pub struct EventRow {
    pub organization_id: OrganizationId,
    pub sequence: i64,
    pub at: Instant,
    pub actor_id: Option<UserId>,
    pub actor_role: Option<Role>,
    pub session_id: Option<SessionId>,
    pub source: String,
    pub action: String,
    pub subject_id: Option<Key>,
    pub outcome: Outcome,
    pub fields: Json<Vec<String>>,
    pub subjects: Json<Vec<String>>,
    pub request_id: RequestId,
    pub hash: Vec<u8>,
}

impl EventRow {
    /// The hash of the row: over every column except the hash itself, each preceded by its length, so that no two
    /// different rows give the same input.
    fn digest(&self, before: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        let mut put = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        put(before);
        put(self.organization_id.uuid().as_bytes());
        put(&self.sequence.to_be_bytes());
        put(&self.at.micros().to_be_bytes());
        put(self.actor_id.map(|id| id.uuid().into_bytes()).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        put(self.actor_role.map_or("", Role::as_str).as_bytes());
        put(self.session_id.map(|id| id.uuid().into_bytes()).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        put(self.source.as_bytes());
        put(self.action.as_bytes());
        put(self.subject_id.map(|id| id.uuid().into_bytes()).as_ref().map_or(&[], |bytes| bytes.as_slice()));
        put(self.outcome.as_str().as_bytes());
        for list in [&self.fields.0, &self.subjects.0] {
            put(&(list.len() as u64).to_be_bytes());
            for text in list {
                put(text.as_bytes());
            }
        }
        put(self.request_id.uuid().as_bytes());
        hash.finalize().to_vec()
    }
}

/// The last number and hash of an organization's chain, locked until the transaction ends.
fn head(conn: &mut Conn, organization: OrganizationId) -> Result<(i64, Vec<u8>)> {
    let find = |conn: &mut Conn| {
        let row = audit_heads::table.find(organization).select((audit_heads::sequence, audit_heads::hash));
        row.locked().get_result::<(i64, Vec<u8>)>(conn).optional()
    };
    if let Some(head) = find(conn)? {
        return Ok(head);
    }
    diesel::insert_into(audit_heads::table)
        .values((
            audit_heads::organization_id.eq(organization),
            audit_heads::sequence.eq(0_i64),
            audit_heads::hash.eq(Vec::<u8>::new()),
        ))
        .on_conflict_do_nothing()
        .portable()
        .execute(conn)?;
    Ok(find(conn)?.unwrap_or_default())
}

/// Appends the entries, one organization after another in a fixed order, so that two transactions cannot deadlock.
/// `current` is the organization whose rows the transaction sees, if that is known.
pub fn append(conn: &mut Conn, current: Option<OrganizationId>, mut entries: Vec<Entry>) -> Result<()> {
    entries.sort_by_key(|entry| entry.organization);
    let mut current = current;
    for entries in entries.chunk_by(|a, b| a.organization == b.organization) {
        let Some(organization) = entries.first().map(|entry| entry.organization) else { continue };
        if current.replace(organization) != Some(organization) {
            conn.set_organization(organization)?;
        }
        let (mut sequence, mut hash) = head(conn, organization)?;
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            sequence += 1;
            let mut row = EventRow {
                organization_id: organization,
                sequence,
                at: entry.at,
                actor_id: entry.actor,
                actor_role: entry.role,
                session_id: entry.session,
                source: entry.source.clone().into_owned(),
                action: entry.action.clone().into_owned(),
                subject_id: entry.subject.map(Key::from_uuid),
                outcome: entry.outcome,
                fields: Json(entry.fields.clone()),
                subjects: Json(entry.subjects.clone()),
                request_id: entry.request,
                hash: Vec::new(),
            };
            row.hash = row.digest(&hash);
            hash.clone_from(&row.hash);
            rows.push(row);
        }
        insert(conn, organization, &rows, sequence, &hash)?;
    }
    Ok(())
}

/// Writes the entries, and the number and hash of the last one as the head of the chain. PostgreSQL gets one statement,
/// because each costs a round trip. SQLite gets one statement per row: its text is always the same, so it is prepared
/// once.
fn insert(conn: &mut Conn, organization: OrganizationId, rows: &[EventRow], sequence: i64, hash: &[u8]) -> Result<()> {
    match conn {
        Conn::Pg(c) => drop(audit_insert::of(organization, rows, sequence, hash).execute(c)?),
        Conn::Sqlite(c) => {
            for row in rows {
                diesel::insert_into(audit_events::table).values(row).execute(c)?;
            }
            let head = (audit_heads::sequence.eq(sequence), audit_heads::hash.eq(hash));
            rewrite(audit_heads::table.find(organization), head).execute(c)?;
        }
    }
    Ok(())
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The number of valid entries before the first one that is missing or altered.
    pub entries: i64,
    /// The number of the first entry where the chain is broken, and the reason.
    pub broken: Option<(i64, &'static str)>,
    /// The hash of the last of these entries, in hexadecimal. Keep it elsewhere, as proof of the state of the chain. It
    /// is not signed, unlike a [`checkpoint`](super::checkpoint).
    pub head_hash: String,
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The number of entries that are read at a time.
const BATCH: i64 = 2_000;

/// Reads a chain from its first entry to its last and recomputes every hash.
pub fn verify(conn: &mut Conn, organization: OrganizationId) -> Result<Finding> {
    conn.set_organization(organization)?;
    // Callers read one snapshot, so entries that are appended meanwhile are not visible. Without a snapshot, they come
    // after the head that is read here, and are not verified.
    let head: Option<(i64, Vec<u8>)> = audit_heads::table
        .find(organization)
        .select((audit_heads::sequence, audit_heads::hash))
        .first(conn)
        .optional()?;
    let Some((last, recorded_hash)) = head else {
        // The creation of an organization is its first entry.
        return Ok(Finding { entries: 0, broken: Some((1, "missing")), head_hash: String::new() });
    };
    let entries = || audit_events::table.filter(audit_events::organization_id.eq(organization)).into_boxed::<Dialect>();
    let (mut sequence, mut hash) = (0_i64, Vec::new());
    let broken = 'entries: loop {
        let rows: Vec<EventRow> = entries()
            .filter(audit_events::sequence.gt(sequence))
            .filter(audit_events::sequence.le(last))
            .order(audit_events::sequence)
            .limit(BATCH)
            .select(EventRow::as_select())
            .load(conn)?;
        if rows.is_empty() {
            break None;
        }
        for row in rows {
            if row.sequence != sequence + 1 {
                break 'entries Some((sequence + 1, "missing"));
            }
            if row.digest(&hash) != row.hash {
                break 'entries Some((row.sequence, "altered"));
            }
            (sequence, hash) = (row.sequence, row.hash);
        }
    };
    let broken = broken
        .or_else(|| (sequence != last).then_some((sequence + 1, "missing")))
        .or_else(|| (hash != recorded_hash).then_some((last, "head_differs")));
    let before: i64 = entries().filter(audit_events::sequence.le(0)).count().get_result(conn)?;
    let beyond: Option<i64> = entries()
        .filter(audit_events::sequence.gt(last))
        .order(audit_events::sequence)
        .select(audit_events::sequence)
        .first(conn)
        .optional()?;
    // Outside a snapshot, the head may have moved: then the later entries are new, and not a fault.
    let now: Option<i64> =
        audit_heads::table.find(organization).select(audit_heads::sequence).first(conn).optional()?;
    let broken = broken
        .or((before > 0).then_some((0, "inserted")))
        .or(beyond.filter(|_| now == Some(last)).map(|at| (at, "inserted")));
    Ok(Finding { entries: sequence, broken, head_hash: hex(&hash) })
}

/// The head of each chain: its last number and hash.
pub fn heads(conn: &mut Conn) -> Result<Vec<(OrganizationId, i64, Vec<u8>)>> {
    let heads = audit_heads::table.select((audit_heads::organization_id, audit_heads::sequence, audit_heads::hash));
    Ok(heads.order(audit_heads::organization_id).load(conn)?)
}

/// The time of the first entry of a chain.
pub fn first_entry_at(conn: &mut Conn, organization: OrganizationId) -> Result<Option<Instant>> {
    conn.set_organization(organization)?;
    let entries = audit_events::table.filter(audit_events::organization_id.eq(organization));
    Ok(entries.order(audit_events::sequence).select(audit_events::at).first(conn).optional()?)
}

/// The time of the newest entry of an organization, by the clock of the server that wrote it.
pub fn newest_entry_at(conn: &mut Conn, organization: OrganizationId) -> Result<Option<Instant>> {
    let entries = audit_events::table.filter(audit_events::organization_id.eq(organization));
    Ok(entries.order(audit_events::sequence.desc()).select(audit_events::at).first(conn).optional()?)
}

/// The hash of one entry.
pub fn hash_at(conn: &mut Conn, organization: OrganizationId, sequence: i64) -> Result<Option<Vec<u8>>> {
    conn.set_organization(organization)?;
    Ok(audit_events::table.find((organization, sequence)).select(audit_events::hash).first(conn).optional()?)
}

/// All organizations, including those whose chain has lost its head.
pub fn organizations(conn: &mut Conn) -> Result<Vec<OrganizationId>> {
    Ok(organizations::table.select(organizations::id).order(organizations::id).load(conn)?)
}
