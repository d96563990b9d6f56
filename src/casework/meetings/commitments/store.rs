//! Queries over commitments, each through its meeting.

use super::model::*;
use crate::{
    casework::{
        cases::model::CaseId,
        meetings::{
            self,
            model::{MeetingId, MeetingRow},
        },
    },
    db::{
        Dialect, PortableDsl as _, Tx, save,
        schema::{commitments, meetings as meeting_rows},
        versioned,
    },
    error::Result,
    http::{Body, IfMatch, List, Page},
    records::{Capped, timeline},
    types::{Day, Instant},
};
use diesel::prelude::*;

versioned! {
    CommitmentRow, commitments, updated_at;
    always [party, text, version, updated_at]
    if_changed [meeting_id, due_on, status, created_at]
}

/// The commitments of meetings that this caller may see.
fn visible(tx: &Tx) -> commitments::BoxedQuery<'static, Dialect> {
    let condition = commitments::meeting_id.eq_any(meetings::store::visible_ids(tx));
    commitments::table.filter(commitments::organization_id.eq(tx.organization())).filter(condition).into_boxed()
}

fn filtered(tx: &Tx, meeting: MeetingId, filter: &CommitmentFilter) -> commitments::BoxedQuery<'static, Dialect> {
    let query = visible(tx).filter(commitments::meeting_id.eq(meeting));
    match &filter.status {
        Some(statuses) => query.filter(commitments::status.eq_any(statuses.0.clone())),
        None => query,
    }
}

pub fn page(tx: &mut Tx, meeting: MeetingId, list: &List<CommitmentFilter>) -> Result<Page<Commitment>> {
    let (actor, meeting) = (tx.actor()?, meetings::store::find(tx, meeting)?);
    let query = list.keyset(
        actor,
        filtered(tx, meeting.id, &list.filter),
        (commitments::created_at, commitments::id),
        Instant::from_micros,
        CommitmentId::from_uuid,
    )?;
    let rows: Vec<CommitmentRow> = query.select(CommitmentRow::as_select()).load(tx.conn)?;
    let total = if list.include_total {
        Some(filtered(tx, meeting.id, &list.filter).count().get_result(tx.conn)?)
    } else {
        None
    };
    tx.audit_read_all("commitment.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Commitment::from))
}

/// The open promises of a case, the oldest first, at most 200, for a handover of the case.
pub fn open_of_case(tx: &mut Tx, case: CaseId) -> Result<Vec<(CommitmentId, Option<Day>)>> {
    let of_case = meetings::store::visible_ids(tx).filter(meeting_rows::case_id.eq(case));
    let all = visible(tx)
        .filter(commitments::meeting_id.eq_any(of_case))
        .filter(commitments::status.eq(CommitmentStatus::Open));
    Ok(all.order(commitments::id).select((commitments::id, commitments::due_on)).limit(200).load(tx.conn)?)
}

/// The newest promises of a case for its case file, oldest first, with the count of omitted ones.
pub fn of_case_file(tx: &mut Tx, case: CaseId) -> Result<Capped<CommitmentRow>> {
    let of_case = |tx: &Tx| {
        commitments::meeting_id.eq_any(meetings::store::visible_ids(tx).filter(meeting_rows::case_id.eq(case)))
    };
    let order = (commitments::created_at.desc(), commitments::id.desc());
    let newest = crate::newest!(tx, CommitmentRow, order, visible(tx).filter(of_case(tx)));
    tx.audit_read_all("commitment.listed", newest.rows.iter().map(|row| row.id));
    Ok(newest)
}

pub fn get(tx: &mut Tx, id: CommitmentId) -> Result<Commitment> {
    let row: CommitmentRow =
        visible(tx).filter(commitments::id.eq(id)).select(CommitmentRow::as_select()).first(tx.conn)?;
    tx.audit_read("commitment.read", row.id);
    Ok(row.into())
}

/// Inserts a promise from a meeting, and writes it to the audit log and the timeline.
pub fn insert(tx: &mut Tx, meeting: &MeetingRow, new: &NewCommitment) -> Result<CommitmentRow> {
    let row = CommitmentRow::new(meeting.organization_id, meeting.id, new);
    diesel::insert_into(commitments::table).values(&row).execute(tx.conn)?;
    timeline::add(tx, meeting.case_id, "commitment.created", row.id, Some(row.party.as_str()))?;
    tx.record("commitment.created", row.id, Vec::new());
    Ok(row)
}

pub fn create(tx: &mut Tx, meeting: MeetingId, new: &Body<NewCommitment>) -> Result<Commitment> {
    let (_, meeting) = meetings::store::lock_with_case(tx, meeting)?;
    Ok(insert(tx, &meeting, new)?.into())
}

pub fn update(tx: &mut Tx, id: CommitmentId, version: &IfMatch, patch: &Body<CommitmentPatch>) -> Result<Commitment> {
    let meeting: MeetingId =
        visible(tx).filter(commitments::id.eq(id)).select(commitments::meeting_id).first(tx.conn)?;
    let (case, _) = meetings::store::lock_with_case(tx, meeting)?;
    let mut row = visible(tx)
        .filter(commitments::id.eq(id))
        .select(CommitmentRow::as_select())
        .locked()
        .get_result::<CommitmentRow>(tx.conn)?;
    version.check(row.version)?;
    row.apply(patch);
    save(tx, &mut row)?;
    timeline::add(tx, case.id, "commitment.updated", row.id, Some(row.status.as_str()))?;
    tx.record("commitment.updated", row.id, patch.members());
    Ok(row.into())
}
