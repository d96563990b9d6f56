//! Queries over timelines, each through its case.

use super::model::*;
use crate::{
    auth::Role,
    casework::{
        cases::{self, model::CaseId},
        notes::model::NoteKind,
    },
    db::{Dialect, Tx, dialect::Key, dialect::row_after, schema::timeline_entries as entries},
    error::{ApiError, Result},
    http::{List, Page},
    types::{Id, Instant},
};
use diesel::prelude::*;

/// The events that only supervisors see, because they would reveal a colleague's interests.
const FOR_SUPERVISORS: &[&str] = &["conflict_check.run", "conflict_check.found", "conflict_check.decided"];

/// The timeline entries of a case that the caller may work in, without entries about notes and conflict checks that the
/// caller may not see.
fn visible(tx: &Tx, case: CaseId) -> Result<entries::BoxedQuery<'static, Dialect>> {
    let actor = tx.actor()?;
    let all = entries::table
        .filter(entries::organization_id.eq(tx.organization()))
        .filter(entries::case_id.eq(case))
        .into_boxed();
    match actor.role {
        Role::Supervisor => Ok(all),
        Role::Advocate => {
            let open = entries::note_kind
                .is_null()
                .or(entries::note_kind.eq_any(NoteKind::FOR_ALL.to_vec()))
                .or(entries::actor_id.eq(actor.user));
            Ok(all.filter(open).filter(entries::event.ne_all(FOR_SUPERVISORS.to_vec())))
        }
        _ => Err(ApiError::not_found()),
    }
}

pub fn page(tx: &mut Tx, case: CaseId, list: &List<TimelineFilter>) -> Result<Page<TimelineEntry>> {
    let (actor, case) = (tx.actor()?, cases::store::find(tx, case)?);
    let mut query = visible(tx, case.id)?;
    if let Some((at, id)) = list.after(actor)? {
        query = query.filter(row_after(
            (entries::at, entries::id),
            (Instant::from_micros(at), TimelineId::from_uuid(id)),
            list.down(),
        ));
    }
    query = match list.down() {
        true => query.order((entries::at.desc(), entries::id.desc())),
        false => query.order((entries::at.asc(), entries::id.asc())),
    };
    let rows: Vec<TimelineRow> = query.select(TimelineRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(visible(tx, case.id)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read("case.timeline_read", case.id);
    Ok(list.page(actor, rows, total, |row| (row.at.micros(), row.id.uuid()), TimelineEntry::from))
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
    diesel::insert_into(entries::table).values(&row).execute(tx.conn)?;
    Ok(())
}
