//! Writing to the timeline of a case. `overview::timeline` reads it.

use super::{ids::CaseId, visibility::NoteKind};
use crate::{
    auth::{OrganizationId, UserId},
    db::{Tx, dialect::Key, schema::timeline_entries},
    error::Result,
    types::{Id, Instant},
};
use diesel::prelude::*;

pub type TimelineId = Id<TimelineRow>;

/// A row of `timeline_entries`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = timeline_entries, treat_none_as_default_value = false)]
pub struct TimelineRow {
    pub organization_id: OrganizationId,
    pub id: TimelineId,
    pub case_id: CaseId,
    pub at: Instant,
    pub event: String,
    pub subject_id: Key,
    pub actor_id: UserId,
    pub detail: Option<String>,
    pub note_kind: Option<NoteKind>,
}

/// Adds an event to the case's timeline. `detail` is a code and must never be content.
pub fn add<K: 'static>(
    tx: &mut Tx,
    case: CaseId,
    event: &'static str,
    subject: Id<K>,
    detail: Option<&'static str>,
) -> Result<()> {
    put(tx, case, event, subject, detail, None)
}

/// The same for a note. The kind of the note decides who may see the entry.
pub fn add_note<K: 'static>(tx: &mut Tx, case: CaseId, event: &'static str, note: Id<K>, kind: NoteKind) -> Result<()> {
    put(tx, case, event, note, Some(kind.as_str()), Some(kind))
}

fn put<K: 'static>(
    tx: &mut Tx,
    case_id: CaseId,
    event: &'static str,
    subject: Id<K>,
    detail: Option<&'static str>,
    note_kind: Option<NoteKind>,
) -> Result<()> {
    let row = TimelineRow {
        organization_id: tx.organization(),
        id: Id::new(),
        case_id,
        at: Instant::now(),
        event: event.into(),
        subject_id: Key::from_uuid(subject.uuid()),
        actor_id: tx.user()?,
        detail: detail.map(Into::into),
        note_kind,
    };
    diesel::insert_into(timeline_entries::table).values(&row).execute(tx.conn)?;
    Ok(())
}
