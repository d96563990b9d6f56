//! Queries over the caller's own cases, without those that were entered in error.

use super::model::*;
use crate::{
    auth::OrganizationId,
    casework::{
        cases::model::{CaseId, CaseStatus},
        clients::{self, model::ClientId},
        meetings::commitments::model::CommitmentStatus,
    },
    db::{
        Dialect, Tx,
        schema::{cases, commitments, meetings},
    },
    error::Result,
    http::{List, Page},
    identity::users,
    portal,
    types::Instant,
};
use diesel::{dsl, prelude::*};

/// The maximum number of promises of a case.
const MAX_PROMISES: i64 = 50;

/// The cases of this client.
#[dsl::auto_type]
fn cases_of_client(organization: OrganizationId, client: ClientId) -> _ {
    let entered_in_error: CaseStatus = CaseStatus::EnteredInError;
    cases::table
        .filter(cases::organization_id.eq(organization))
        .filter(cases::client_id.eq(client))
        .filter(cases::status.ne(entered_in_error))
}

/// The ids of a client's cases, as a subquery.
#[dsl::auto_type]
pub fn ids(organization: OrganizationId, client: ClientId) -> _ {
    let own_cases: cases_of_client = cases_of_client(organization, client);
    own_cases.select(cases::id)
}

fn visible(tx: &Tx, client: ClientId) -> cases::BoxedQuery<'static, Dialect> {
    cases_of_client(tx.organization(), client).into_boxed()
}

pub fn client(tx: &mut Tx) -> Result<MyClient> {
    let client = portal::client_of_caller(tx)?;
    Ok(clients::store::get(tx, client)?.into())
}

fn filtered(tx: &Tx, client: ClientId, filter: &MyCaseFilter) -> cases::BoxedQuery<'static, Dialect> {
    match &filter.status {
        Some(statuses) => visible(tx, client).filter(cases::status.eq_any(statuses.0.clone())),
        None => visible(tx, client),
    }
}

/// The API views of these cases, with the names of their leads.
fn views(tx: &mut Tx, rows: Vec<MyCaseRow>) -> Result<Vec<MyCase>> {
    let leads = users::store::refs(tx, rows.iter().filter_map(|row| row.lead_advocate_id).collect())?;
    let name = |row: &MyCaseRow| {
        leads.iter().find(|lead| Some(lead.id) == row.lead_advocate_id).map(|lead| lead.display_name.clone())
    };
    Ok(rows.into_iter().map(|row| (name(&row), row)).map(|(lead, row)| MyCase::from_row(row, lead)).collect())
}

pub fn page(tx: &mut Tx, list: &List<MyCaseFilter>) -> Result<Page<MyCase>> {
    let (actor, client) = (tx.actor()?, portal::client_of_caller(tx)?);
    let query = list.keyset(
        actor,
        filtered(tx, client, &list.filter),
        (cases::opened_at, cases::id),
        Instant::from_micros,
        CaseId::from_uuid,
    )?;
    let rows: Vec<MyCaseRow> = query.select(MyCaseRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(tx, client, &list.filter).count().get_result(tx.conn)?) } else { None };
    let shown = views(tx, rows)?;
    let page = list.page(actor, shown, total, |case| (case.opened_at.micros(), case.id.uuid()), |case| case);
    tx.audit_read_all("case.listed", page.items.iter().map(|case| case.id));
    Ok(page)
}

/// Checks that this is one of the client's own cases.
pub fn find(tx: &mut Tx, client: ClientId, id: CaseId) -> Result<CaseId> {
    Ok(visible(tx, client).filter(cases::id.eq(id)).select(cases::id).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: CaseId) -> Result<MyCase> {
    let client = portal::client_of_caller(tx)?;
    let row: MyCaseRow = visible(tx, client).filter(cases::id.eq(id)).select(MyCaseRow::as_select()).first(tx.conn)?;
    tx.audit_read("case.read", row.id);
    let (next_meeting, promises) = (portal::meetings::store::next(tx, client, row.id)?, promises(tx, row.id)?);
    let mut views = views(tx, vec![row])?;
    let case = views.pop().ok_or_else(crate::error::ApiError::not_found)?;
    Ok(MyCase { next_meeting, promises: Some(promises), ..case })
}

/// The promises of a case. The caller of this function has checked that it is the client's own case.
fn promises(tx: &mut Tx, case: CaseId) -> Result<Vec<MyPromise>> {
    let of_case =
        meetings::table.filter(meetings::organization_id.eq(tx.organization())).filter(meetings::case_id.eq(case));
    let promises: Vec<MyPromise> = commitments::table
        .filter(commitments::organization_id.eq(tx.organization()))
        .filter(commitments::meeting_id.eq_any(of_case.select(meetings::id)))
        .filter(commitments::status.ne(CommitmentStatus::Waived))
        .order((commitments::created_at.desc(), commitments::id.desc()))
        .select(MyPromise::as_select())
        .limit(MAX_PROMISES)
        .load(tx.conn)?;
    tx.audit_read_all("commitment.listed", promises.iter().map(|promise| promise.id));
    Ok(promises)
}
