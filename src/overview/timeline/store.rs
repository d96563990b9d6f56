//! Queries over timelines, each through its case.

use super::model::*;
use crate::{
    auth::Role,
    casework::cases::{self, model::CaseId},
    db::{Dialect, Tx, schema::timeline_entries as entries},
    error::Result,
    http::{List, Page},
    records::{
        timeline::{TimelineId, TimelineRow},
        visibility,
    },
    types::Instant,
};
use diesel::prelude::*;

/// The events that only supervisors see, because they reveal the interests of a staff member.
const FOR_SUPERVISORS: &[&str] = &["conflict_check.run", "conflict_check.found", "conflict_check.decided"];

/// The timeline entries of a case that the caller may work in, without entries about notes and conflict checks that the
/// caller may not see.
fn visible(tx: &Tx, case: CaseId) -> Result<entries::BoxedQuery<'static, Dialect>> {
    let all = entries::table
        .filter(entries::organization_id.eq(tx.organization()))
        .filter(entries::case_id.eq(case))
        .filter(visibility::readable_notes(tx, "timeline_entries.note_kind", "timeline_entries.actor_id")?)
        .into_boxed();
    Ok(match tx.actor()?.role {
        Role::Supervisor => all,
        _ => all.filter(entries::event.ne_all(FOR_SUPERVISORS.to_vec())),
    })
}

pub fn page(tx: &mut Tx, case: CaseId, list: &List<TimelineFilter>) -> Result<Page<TimelineEntry>> {
    let (actor, case) = (tx.actor()?, cases::store::find(tx, case)?);
    let query = list.keyset(
        actor,
        visible(tx, case.id)?,
        (entries::at, entries::id),
        Instant::from_micros,
        TimelineId::from_uuid,
    )?;
    let rows: Vec<TimelineRow> = query.select(TimelineRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(visible(tx, case.id)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read("case.timeline_read", case.id);
    Ok(list.page(actor, rows, total, |row| (row.at.micros(), row.id.uuid()), TimelineEntry::from))
}
