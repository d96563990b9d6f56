//! Queries over preparation items, each through its meeting.

use super::model::*;
use crate::{
    casework::meetings::{
        self,
        model::{MeetingId, MeetingRow},
    },
    db::{Dialect, PortableDsl as _, Tx, save, schema::preparation_items as items, versioned},
    directory::preparation_templates,
    error::{ApiError, Result},
    http::{Body, IfMatch},
    records::timeline,
    types::Instant,
};
use diesel::{dsl::max, prelude::*};

versioned! {
    ItemRow, items;
    always [category, text, answer, mandatory, owner, done_at, version]
    if_changed [meeting_id, position, done_by]
}

/// The checklist is shown on one page, so its length is limited.
const MAX_ITEMS: usize = 200;

/// The items of meetings that this caller may see.
fn visible(tx: &Tx) -> items::BoxedQuery<'static, Dialect> {
    items::table
        .filter(items::organization_id.eq(tx.organization()))
        .filter(items::meeting_id.eq_any(meetings::store::visible_ids(tx)))
        .into_boxed()
}

pub fn list(tx: &mut Tx, meeting: MeetingId) -> Result<Preparation> {
    let meeting = meetings::store::find(tx, meeting)?;
    let rows = visible(tx).filter(items::meeting_id.eq(meeting.id)).order((items::position.asc(), items::id.asc()));
    let rows: Vec<ItemRow> = rows.select(ItemRow::as_select()).load(tx.conn)?;
    tx.audit_read("meeting.preparation_read", meeting.id);
    Ok(Preparation { readiness: meeting.readiness(), items: rows.into_iter().map(Into::into).collect() })
}

/// The last position in the checklist that is in use.
fn last_position(tx: &mut Tx, meeting: &MeetingRow) -> Result<i32> {
    let last: Option<i32> =
        visible(tx).filter(items::meeting_id.eq(meeting.id)).select(max(items::position)).first(tx.conn)?;
    Ok(last.unwrap_or(0))
}

/// Makes items of this meeting from the template for its type, after its present items, and counts them in the
/// meeting's row. The caller saves the row and then [`insert`]s the items.
pub fn checklist(tx: &mut Tx, meeting: &mut MeetingRow) -> Result<Vec<ItemRow>> {
    let template = preparation_templates::store::find(tx, meeting.type_)?;
    let first = last_position(tx, meeting)? + 1;
    let rows: Vec<ItemRow> = (first..)
        .zip(template.items)
        .map(|(position, item)| ItemRow::new(meeting.organization_id, meeting.id, position, item))
        .collect();
    for _ in rows.iter().filter(|row| row.mandatory) {
        meeting.mandatory_items += 1;
    }
    Ok(rows)
}

pub fn insert(tx: &mut Tx, rows: &[ItemRow]) -> Result<()> {
    for row in rows {
        diesel::insert_into(items::table).values(row).execute(tx.conn)?;
    }
    Ok(())
}

/// Recounts the mandatory items in a meeting that the caller has locked. `readiness` is shown, so a change makes a new
/// version.
fn recount(tx: &mut Tx, meeting: &mut MeetingRow) -> Result<()> {
    let rows = visible(tx).filter(items::meeting_id.eq(meeting.id)).filter(items::mandatory.eq(true));
    let done: Vec<Option<Instant>> = rows.select(items::done_at).load(tx.conn)?;
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let counted = (count(done.len()), count(done.iter().flatten().count()));
    if counted != (meeting.mandatory_items, meeting.mandatory_done) {
        (meeting.mandatory_items, meeting.mandatory_done) = counted;
        save(tx, meeting)?;
    }
    Ok(())
}

/// A checklist may change only before its meeting.
fn check_ahead(meeting: &MeetingRow) -> Result<()> {
    if meeting.status.is_ahead() {
        Ok(())
    } else {
        Err(ApiError::conflict("The meeting is over, so its preparation cannot change."))
    }
}

pub fn create(tx: &mut Tx, meeting: MeetingId, new: &Body<NewPreparationItem>) -> Result<PreparationItem> {
    let (_, mut meeting) = meetings::store::lock_with_case(tx, meeting)?;
    check_ahead(&meeting)?;
    let present: i64 = visible(tx).filter(items::meeting_id.eq(meeting.id)).count().get_result(tx.conn)?;
    if usize::try_from(present).unwrap_or(usize::MAX) >= MAX_ITEMS {
        return Err(ApiError::conflict("The checklist is full."));
    }
    let position = last_position(tx, &meeting)? + 1;
    let row = ItemRow::new(meeting.organization_id, meeting.id, position, new.item());
    diesel::insert_into(items::table).values(&row).execute(tx.conn)?;
    recount(tx, &mut meeting)?;
    timeline::add(tx, meeting.case_id, "preparation_item.created", row.id, Some(row.category.as_str()))?;
    tx.record("preparation_item.created", row.id, new.members());
    Ok(row.into())
}

/// Locks the case and the meeting before the item, as everywhere.
pub fn update(
    tx: &mut Tx,
    id: PreparationItemId,
    version: &IfMatch,
    patch: &Body<PreparationItemPatch>,
) -> Result<PreparationItem> {
    let meeting: MeetingId = visible(tx).filter(items::id.eq(id)).select(items::meeting_id).first(tx.conn)?;
    let (_, mut meeting) = meetings::store::lock_with_case(tx, meeting)?;
    let mut row =
        visible(tx).filter(items::id.eq(id)).select(ItemRow::as_select()).locked().get_result::<ItemRow>(tx.conn)?;
    version.check(row.version)?;
    check_ahead(&meeting)?;
    let was_done = row.done_at.is_some();
    row.apply(patch, tx.user()?);
    save(tx, &mut row)?;
    recount(tx, &mut meeting)?;
    let event = if row.done_at.is_some() && !was_done { "preparation_item.done" } else { "preparation_item.updated" };
    timeline::add(tx, meeting.case_id, event, row.id, Some(row.category.as_str()))?;
    tx.record("preparation_item.updated", row.id, patch.members());
    Ok(row.into())
}
