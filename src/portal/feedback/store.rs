//! Queries over feedback.

use super::model::*;
use crate::{
    auth::CaseAccess,
    casework::clients::{self, model::ClientId},
    db::{Dialect, Tx, schema::feedback},
    error::{ApiError, Result},
    http::{Body, List, Page},
    portal,
    records::visibility,
    types::Instant,
};
use diesel::prelude::*;

/// The feedback of the clients that this caller may see. Feedback about a case is only for those who work on that case,
/// because it reveals content of the case. A client sees only what they wrote themselves.
fn visible(tx: &Tx) -> feedback::BoxedQuery<'static, Dialect> {
    let of_clients = feedback::client_id.eq_any(clients::store::visible_ids(tx));
    let all = feedback::table.filter(feedback::organization_id.eq(tx.organization())).filter(of_clients).into_boxed();
    match tx.case_access() {
        // The account may have been linked to the wrong person before. The present user must not read what that person
        // wrote.
        CaseAccess::Own(user) => all.filter(feedback::created_by.eq(user)),
        _ => all.filter(feedback::case_id.is_null().or(visibility::in_visible_case(tx, "feedback"))),
    }
}

fn listed(tx: &mut Tx, client: ClientId, list: &List<FeedbackFilter>) -> Result<Page<FeedbackRow>> {
    let actor = tx.actor()?;
    let all = |tx: &Tx| visible(tx).filter(feedback::client_id.eq(client));
    let query =
        list.keyset(actor, all(tx), (feedback::created_at, feedback::id), Instant::from_micros, FeedbackId::from_uuid)?;
    let rows: Vec<FeedbackRow> = query.select(FeedbackRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(all(tx).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), |row| row);
    tx.audit_read_all("feedback.listed", page.items.iter().map(|row| row.id));
    Ok(page)
}

pub fn page(tx: &mut Tx, client: ClientId, list: &List<FeedbackFilter>) -> Result<Page<Feedback>> {
    let client = clients::store::find(tx, client)?.id;
    Ok(listed(tx, client, list)?.map(Feedback::from))
}

pub fn page_of_caller(tx: &mut Tx, list: &List<FeedbackFilter>) -> Result<Page<MyFeedback>> {
    let client = portal::client_of_caller(tx)?;
    Ok(listed(tx, client, list)?.map(MyFeedback::from))
}

pub fn create(tx: &mut Tx, new: &Body<NewFeedback>) -> Result<MyFeedback> {
    let client = portal::lock_client_of_caller(tx)?;
    let about = match (new.case_id, new.meeting_id) {
        (None, None) => None,
        (Some(case), None) => {
            let case = portal::cases::store::find(tx, client, case)
                .map_err(|error| error.not_found_as_unknown_reference("/case_id"))?;
            Some((case, None))
        }
        (None, Some(meeting)) => {
            let found = portal::meetings::store::find(tx, client, meeting)
                .map_err(|error| error.not_found_as_unknown_reference("/meeting_id"));
            let (meeting, case) = found?;
            Some((case, Some(meeting)))
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("/meeting_id", "not_both", "name the case or the meeting, not both"));
        }
    };
    let row = FeedbackRow::new(tx.organization(), client, tx.user()?, about, new);
    diesel::insert_into(feedback::table).values(&row).execute(tx.conn)?;
    tx.record("feedback.given", row.id, new.members());
    Ok(row.into())
}
