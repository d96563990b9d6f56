//! Queries over the meetings of the caller's own cases.

use super::model::*;
use crate::{
    casework::{
        cases::model::CaseId,
        clients::model::ClientId,
        meetings::model::{MeetingId, MeetingStatus},
    },
    db::{Dialect, Tx, schema::meetings},
    error::Result,
    http::{List, Page},
    portal::{self, cases},
    types::Instant,
};
use diesel::prelude::*;

/// The meetings of this client's cases.
fn visible(tx: &Tx, client: ClientId) -> meetings::BoxedQuery<'static, Dialect> {
    let theirs = cases::store::ids(tx.organization(), client);
    meetings::table
        .filter(meetings::organization_id.eq(tx.organization()))
        .filter(meetings::case_id.eq_any(theirs))
        .into_boxed()
}

fn filtered(tx: &Tx, client: ClientId, filter: &MyMeetingFilter) -> meetings::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx, client);
    if let Some(case) = filter.case {
        query = query.filter(meetings::case_id.eq(case));
    }
    if let Some(from) = filter.starts_at_gte {
        query = query.filter(meetings::starts_at.ge(from));
    }
    if let Some(before) = filter.starts_at_lt {
        query = query.filter(meetings::starts_at.lt(before));
    }
    if let Some(statuses) = &filter.status {
        query = query.filter(meetings::status.eq_any(statuses.0.clone()));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<MyMeetingFilter>) -> Result<Page<MyMeeting>> {
    let (actor, client) = (tx.actor()?, portal::client_of_caller(tx)?);
    let query = list.keyset(
        actor,
        filtered(tx, client, &list.filter),
        (meetings::starts_at, meetings::id),
        Instant::from_micros,
        MeetingId::from_uuid,
    )?;
    let rows: Vec<MyMeeting> = query.select(MyMeeting::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(tx, client, &list.filter).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.starts_at.micros(), row.id.uuid()), |row| row);
    tx.audit_read_all("meeting.listed", page.items.iter().map(|meeting| meeting.id));
    Ok(page)
}

/// The next meeting of a case that is planned or in progress.
pub fn next(tx: &mut Tx, client: ClientId, case: CaseId) -> Result<Option<MyMeeting>> {
    let ahead: Vec<MeetingStatus> = MeetingStatus::ALL.iter().copied().filter(|status| status.is_ahead()).collect();
    let ahead = visible(tx, client)
        .filter(meetings::case_id.eq(case))
        .filter(meetings::status.eq_any(ahead))
        .filter(meetings::ends_at.gt(Instant::now()));
    let next =
        ahead.order((meetings::starts_at, meetings::id)).select(MyMeeting::as_select()).first(tx.conn).optional()?;
    tx.audit_read_all("meeting.listed", next.iter().map(|meeting: &MyMeeting| meeting.id));
    Ok(next)
}

/// Checks that this is a meeting of one of the client's own cases, and returns it with its case.
pub fn find(tx: &mut Tx, client: ClientId, id: MeetingId) -> Result<(MeetingId, CaseId)> {
    Ok(visible(tx, client).filter(meetings::id.eq(id)).select((meetings::id, meetings::case_id)).first(tx.conn)?)
}
