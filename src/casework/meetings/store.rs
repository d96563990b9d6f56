//! Queries over meetings. Every one starts from [`visible`].

use super::{model::*, preparation};
use crate::{
    auth::OrganizationId,
    casework::{
        cases::{
            self,
            model::{CaseId, CaseRow},
        },
        conflicts::{self, model::Occasion},
    },
    db::{Condition, Dialect, PortableDsl as _, Tx, save, schema::meetings, versioned},
    directory::providers,
    error::{ApiError, Result},
    http::{Body, Filter, IfMatch, List, OneOf, Page},
    records::{Capped, search, timeline, visibility},
    types::Instant,
};
use diesel::{dsl, prelude::*};

versioned! {
    MeetingRow, meetings, updated_at;
    always [
        type_, type_text, mode, ends_at, time_zone, place, participants, purpose, cancelled_by, who_spoke, outcomes,
        summary, views_recorded_by_provider, ratings_before, ratings_after, mandatory_items, mandatory_done,
        version, created_at, updated_at,
    ]
    if_changed [case_id, starts_at, provider_id, status, rescheduled_to, created_by]
}

type VisibleMeetings =
    dsl::Filter<dsl::Filter<meetings::table, dsl::Eq<meetings::organization_id, OrganizationId>>, Condition>;

/// The meetings of cases that this caller may see and work in.
fn visible_unboxed(tx: &Tx) -> VisibleMeetings {
    meetings::table
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(visibility::in_visible_case(tx, "meetings"))
}

fn visible(tx: &Tx) -> meetings::BoxedQuery<'static, Dialect> {
    visible_unboxed(tx).into_boxed()
}

/// The ids of the visible meetings, as a subquery for records that belong to a meeting.
pub fn visible_ids(tx: &Tx) -> dsl::Select<VisibleMeetings, meetings::id> {
    visible_unboxed(tx).select(meetings::id)
}

/// Filters a query by status.
fn in_status(
    query: meetings::BoxedQuery<'static, Dialect>,
    statuses: Option<&OneOf<MeetingStatus>>,
) -> meetings::BoxedQuery<'static, Dialect> {
    match statuses {
        Some(statuses) => query.filter(meetings::status.eq_any(statuses.0.clone())),
        None => query,
    }
}

fn filtered(tx: &Tx, filter: &MeetingFilter) -> Result<meetings::BoxedQuery<'static, Dialect>> {
    let mut query = in_status(visible(tx), filter.status.as_ref());
    if let Some(from) = filter.starts_at_gte {
        query = query.filter(meetings::starts_at.ge(from));
    }
    if let Some(before) = filter.starts_at_lt {
        query = query.filter(meetings::starts_at.lt(before));
    }
    if let Some(provider) = filter.provider {
        query = query.filter(providers::store::column_is(tx, "meetings.provider_id", provider));
    }
    if filter.mine == Some(true) {
        query = query.filter(
            Condition::sql("(meetings.case_id IN (SELECT cases.id FROM cases WHERE cases.organization_id = ")
                .id(tx.organization().uuid())
                .then(" AND cases.lead_advocate_id = ")
                .id(tx.user()?.uuid())
                .then(") OR ")
                .with(visibility::assigned_cases(tx, "meetings.case_id"))
                .then(")"),
        );
    }
    Ok(query)
}

/// One page of the meetings in the query `all`.
fn listed<F: Filter>(
    tx: &mut Tx,
    list: &List<F>,
    all: impl Fn(&Tx) -> Result<meetings::BoxedQuery<'static, Dialect>>,
) -> Result<Page<Meeting>> {
    let actor = tx.actor()?;
    let query =
        list.keyset(actor, all(tx)?, (meetings::starts_at, meetings::id), Instant::from_micros, MeetingId::from_uuid)?;
    let rows: Vec<MeetingRow> = query.select(MeetingRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(all(tx)?.count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("meeting.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.starts_at.micros(), row.id.uuid()), Meeting::from))
}

pub fn page(tx: &mut Tx, list: &List<MeetingFilter>) -> Result<Page<Meeting>> {
    listed(tx, list, |tx| filtered(tx, &list.filter))
}

pub fn page_of_case(tx: &mut Tx, case: CaseId, list: &List<CaseMeetingFilter>) -> Result<Page<Meeting>> {
    let case = cases::store::find(tx, case)?;
    listed(tx, list, |tx| Ok(in_status(visible(tx), list.filter.status.as_ref()).filter(meetings::case_id.eq(case.id))))
}

/// The newest meetings of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<MeetingRow>> {
    let newest = crate::newest!(
        tx,
        MeetingRow,
        (meetings::starts_at.desc(), meetings::id.desc()),
        visible(tx).filter(meetings::case_id.eq(case))
    );
    tx.audit_read_all("meeting.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

/// Finds the meeting without an audit entry, for stores of records that belong to it. Use [`get`] to show it.
pub fn find(tx: &mut Tx, id: MeetingId) -> Result<MeetingRow> {
    Ok(visible(tx).filter(meetings::id.eq(id)).select(MeetingRow::as_select()).first(tx.conn)?)
}

fn lock_for_update(tx: &mut Tx, id: MeetingId) -> Result<MeetingRow> {
    Ok(visible(tx).filter(meetings::id.eq(id)).select(MeetingRow::as_select()).locked().get_result(tx.conn)?)
}

/// Locks the case of a meeting and then the meeting, for a change of the meeting or of a record that belongs to it.
pub fn lock_with_case(tx: &mut Tx, id: MeetingId) -> Result<(CaseRow, MeetingRow)> {
    let case: CaseId = visible(tx).filter(meetings::id.eq(id)).select(meetings::case_id).first(tx.conn)?;
    let case = cases::store::lock_for_update(tx, case)?;
    Ok((case, lock_for_update(tx, id)?))
}

/// The planned meetings of a case, soonest first, at most 200, for a handover of the case.
pub fn ahead_of_case(tx: &mut Tx, case: CaseId) -> Result<Vec<(MeetingId, Instant)>> {
    let ahead: Vec<MeetingStatus> = MeetingStatus::ALL.iter().copied().filter(|status| status.is_ahead()).collect();
    let all = visible(tx).filter(meetings::case_id.eq(case)).filter(meetings::status.eq_any(ahead));
    Ok(all
        .order((meetings::starts_at, meetings::id))
        .select((meetings::id, meetings::starts_at))
        .limit(200)
        .load(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: MeetingId) -> Result<Meeting> {
    let row = find(tx, id)?;
    tx.audit_read("meeting.read", row.id);
    Ok(row.into())
}

/// Locks the meeting of this case that another one is to replace.
fn lock_rescheduled(tx: &mut Tx, case: CaseId, id: MeetingId) -> Result<MeetingRow> {
    let row: Option<MeetingRow> = visible(tx)
        .filter(meetings::case_id.eq(case))
        .filter(meetings::id.eq(id))
        .select(MeetingRow::as_select())
        .locked()
        .get_result(tx.conn)
        .optional()?;
    let row = row.ok_or_else(|| ApiError::unknown_reference("/reschedules"))?;
    if row.status.is_ahead() {
        Ok(row)
    } else {
        Err(ApiError::conflict("A meeting that is over cannot be rescheduled."))
    }
}

pub fn create(tx: &mut Tx, case: CaseId, new: &Body<NewMeeting>) -> Result<Meeting> {
    let mut case = cases::store::lock_for_update(tx, case)?;
    let mut row = MeetingRow::new(&case, tx.user()?, new);
    row.check()?;
    row.provider_id = providers::store::lock_reference(tx, row.provider_id, "/provider_id")?;
    let earlier = new.reschedules.map(|id| lock_rescheduled(tx, case.id, id)).transpose()?;
    let checklist =
        if row.status == MeetingStatus::Booked { preparation::store::checklist(tx, &mut row)? } else { Vec::new() };
    diesel::insert_into(meetings::table).values(&row).execute(tx.conn)?;
    preparation::store::insert(tx, &checklist)?;
    search::store::add(tx, case.team_id, &row)?;
    timeline::add(tx, row.case_id, "meeting.created", row.id, Some(row.status.as_str()))?;
    tx.record("meeting.created", row.id, new.members());
    if row.provider_id.is_some() {
        conflicts::store::check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    if let Some(mut earlier) = earlier {
        earlier.status = MeetingStatus::Rescheduled;
        earlier.rescheduled_to = Some(row.id);
        save(tx, &mut earlier)?;
        timeline::add(tx, earlier.case_id, "meeting.rescheduled", earlier.id, None)?;
        tx.record("meeting.rescheduled", earlier.id, vec!["status".into(), "rescheduled_to".into()]);
    }
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: MeetingId, version: &IfMatch, patch: &Body<MeetingPatch>) -> Result<Meeting> {
    let (mut case, mut row) = lock_with_case(tx, id)?;
    version.check(row.version)?;
    let before = row.clone();
    row.apply(patch, &patch.members())?;
    row.check()?;
    if patch.provider_id.set().is_some() {
        row.provider_id = providers::store::lock_reference(tx, row.provider_id, "/provider_id")?;
    }
    let booked = before.status == MeetingStatus::Proposed && row.status == MeetingStatus::Booked;
    let checklist = if booked { preparation::store::checklist(tx, &mut row)? } else { Vec::new() };
    save(tx, &mut row)?;
    preparation::store::insert(tx, &checklist)?;
    search::store::replace_if_changed(tx, &before, &row)?;
    timeline::add(tx, row.case_id, if booked { "meeting.booked" } else { "meeting.updated" }, row.id, None)?;
    tx.record("meeting.updated", row.id, patch.members());
    if patch.provider_id.set().is_some() {
        conflicts::store::check_automatically(tx, &mut case, Occasion::ProviderAdded)?;
    }
    Ok(row.into())
}
