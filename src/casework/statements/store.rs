//! Queries over statements, each through its client.

use super::{diff::StatementDiff, model::*, sections::Sections};
use crate::{
    casework::clients::{self, model::ClientId},
    db::{Dialect, PortableDsl as _, Tx, save, schema::statements, versioned},
    error::{ApiError, Code, Result},
    http::{Body, IfMatch, List, Page},
    identity::organizations::{self, model::OrganizationRow},
    records::exports::model::{Audience, PrintFormat},
    types::{Day, Line},
};
use diesel::prelude::*;

versioned! {
    StatementRow, statements, updated_at;
    always [
        sections, approved_by, approval_method, approved_on, recorded_at, superseded_at, version, created_at,
        updated_at,
    ]
    if_changed [client_id, number, status, created_by, recorded_by]
}

/// The statements of the clients that this caller may see.
fn visible(tx: &Tx) -> statements::BoxedQuery<'static, Dialect> {
    let condition = statements::client_id.eq_any(clients::store::visible_ids(tx));
    statements::table.filter(statements::organization_id.eq(tx.organization())).filter(condition).into_boxed()
}

fn filtered(tx: &Tx, client: ClientId, filter: &StatementFilter) -> statements::BoxedQuery<'static, Dialect> {
    let query = visible(tx).filter(statements::client_id.eq(client));
    match &filter.status {
        Some(statuses) => query.filter(statements::status.eq_any(statuses.0.clone())),
        None => query,
    }
}

pub fn page(tx: &mut Tx, client: ClientId, list: &List<StatementFilter>) -> Result<Page<StatementSummary>> {
    let (actor, client) = (tx.actor()?, clients::store::find(tx, client)?.id);
    let query = list.keyset(
        actor,
        filtered(tx, client, &list.filter),
        (statements::number, statements::id),
        |number| i32::try_from(number).unwrap_or(i32::MAX),
        StatementId::from_uuid,
    )?;
    let rows: Vec<StatementRow> = query.select(StatementRow::as_select()).load(tx.conn)?;
    let total =
        if list.include_total { Some(filtered(tx, client, &list.filter).count().get_result(tx.conn)?) } else { None };
    let page = list.page(actor, rows, total, |row| (row.number.into(), row.id.uuid()), StatementSummary::from);
    tx.audit_read_all("statement.listed", page.items.iter().map(|statement| statement.id));
    Ok(page)
}

/// Finds the statement without an audit entry, for internal use. Use [`get`] to show it.
fn find(tx: &mut Tx, id: StatementId) -> Result<StatementRow> {
    Ok(visible(tx).filter(statements::id.eq(id)).select(StatementRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: StatementId) -> Result<Statement> {
    let row = find(tx, id)?;
    tx.audit_read("statement.read", row.id);
    Ok(row.into())
}

/// The statement, the name that the client wants to be called, and the organization that owns the record.
///
/// # Errors
/// 409 if the audience is a recipient and the client has never approved this version: a draft, or a draft that a merge
/// has superseded.
pub fn printed(tx: &mut Tx, id: StatementId, audience: Audience) -> Result<(Statement, Line<120>, OrganizationRow)> {
    let row = find(tx, id)?;
    if audience == Audience::Recipient && row.approved_on.is_none() {
        return Err(ApiError::conflict(
            "A version that the client has not approved cannot be printed for a recipient.",
        ));
    }
    let client = clients::store::find(tx, row.client_id)?;
    Ok((row.into(), client.preferred_name, organizations::store::find(tx)?))
}

/// Writes the print to the audit log, and returns the client of the statement.
pub fn export(tx: &mut Tx, id: StatementId, audience: Audience, format: PrintFormat) -> Result<Vec<ClientId>> {
    let row = find(tx, id)?;
    tx.audit_read_as("statement.printed", row.id, &[audience.as_str(), format.as_str()]);
    Ok(vec![row.client_id])
}

/// The latest version of a client's statement that comes before `number`.
fn before(tx: &mut Tx, client: ClientId, number: i32) -> Result<Option<StatementRow>> {
    let earlier = visible(tx).filter(statements::client_id.eq(client)).filter(statements::number.lt(number));
    Ok(earlier.order(statements::number.desc()).select(StatementRow::as_select()).first(tx.conn).optional()?)
}

/// The client's statement in force, if there is one.
pub fn in_force(tx: &mut Tx, client: ClientId) -> Result<Option<Statement>> {
    let approved =
        visible(tx).filter(statements::client_id.eq(client)).filter(statements::status.eq(StatementStatus::Approved));
    let row: Option<StatementRow> = approved.select(StatementRow::as_select()).first(tx.conn).optional()?;
    tx.audit_read_all("statement.listed", row.iter().map(|row| row.id));
    Ok(row.map(Statement::from))
}

/// The changes from another version of the same client's statement, or from the previous version.
pub fn compare(tx: &mut Tx, id: StatementId, against: Option<StatementId>) -> Result<StatementDiff> {
    let row = find(tx, id)?;
    let other = match against {
        None => before(tx, row.client_id, row.number)?,
        Some(against) => {
            let own = visible(tx).filter(statements::client_id.eq(row.client_id)).filter(statements::id.eq(against));
            Some(own.select(StatementRow::as_select()).first(tx.conn)?)
        }
    };
    tx.audit_read("statement.read", row.id);
    if let Some(other) = &other {
        tx.audit_read("statement.read", other.id);
    }
    Ok(StatementDiff::between(&row, other.as_ref()))
}

/// Locks the client and then the statement, so that parallel changes of a client's statement run one after the other.
fn lock_for_update(tx: &mut Tx, id: StatementId) -> Result<StatementRow> {
    let client = find(tx, id)?.client_id;
    clients::store::lock_for_update(tx, client)?;
    Ok(visible(tx).filter(statements::id.eq(id)).select(StatementRow::as_select()).locked().get_result(tx.conn)?)
}

/// Every statement of two clients, for a merge. The caller has locked both clients.
pub fn all_of_both_clients(tx: &mut Tx, one: ClientId, other: ClientId) -> Result<Vec<StatementRow>> {
    let all = statements::table.filter(statements::organization_id.eq(tx.organization()));
    let all = all.filter(statements::client_id.eq_any([one, other])).order(statements::id);
    Ok(all.select(StatementRow::as_select()).locked().load(tx.conn)?)
}

/// Makes these rows, in this order, the versions of one client's statement.
pub fn renumber_versions(tx: &mut Tx, client: ClientId, rows: Vec<StatementRow>) -> Result<()> {
    /// Greater than any number of versions of a client, so that the temporary numbers are unused.
    const ABOVE: i32 = 1_000_000;
    let ids: Vec<StatementId> = rows.iter().map(|row| row.id).collect();
    let all =
        statements::table.filter(statements::organization_id.eq(tx.organization())).filter(statements::id.eq_any(ids));
    diesel::update(all).set(statements::number.eq(statements::number + ABOVE)).execute(tx.conn)?;
    for (mut row, number) in rows.into_iter().zip(1..) {
        let mut members = Vec::new();
        if row.client_id != client {
            members.push("client_id".to_owned());
        }
        if row.number != number {
            members.push("number".to_owned());
        }
        (row.client_id, row.number) = (client, number);
        // Saves each row, because the statement above has changed every number.
        save(tx, &mut row)?;
        tx.record("statement.updated", row.id, members);
    }
    Ok(())
}

pub fn create<const LIMIT: usize>(tx: &mut Tx, client: ClientId, new: &Body<NewStatement, LIMIT>) -> Result<Statement> {
    let client = clients::store::lock_for_update(tx, client)?.id;
    let latest = before(tx, client, i32::MAX)?;
    if latest.as_ref().is_some_and(|latest| latest.status == StatementStatus::Draft) {
        return Err(ApiError::new(Code::AlreadyExists, "This client already has a draft. Change that draft."));
    }
    let row = StatementRow::new(tx.organization(), client, tx.user()?, latest.as_ref(), new)?;
    diesel::insert_into(statements::table).values(&row).execute(tx.conn)?;
    tx.record("statement.created", row.id, Sections::members(row.sections.0.filled().map(|(section, _)| section)));
    Ok(row.into())
}

pub fn update<const LIMIT: usize>(
    tx: &mut Tx,
    id: StatementId,
    version: &IfMatch,
    patch: &Body<StatementPatch, LIMIT>,
) -> Result<Statement> {
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    row.check_draft()?;
    let changes = patch.sections.0.clone().unwrap_or_default();
    let members = Sections::members(changes.touched());
    row.sections.0.apply(changes);
    save(tx, &mut row)?;
    tx.record("statement.updated", row.id, members);
    Ok(row.into())
}

/// Records the client's approval, and supersedes the version that was in force. `members` are the members of the
/// request.
pub fn approve(
    tx: &mut Tx,
    id: StatementId,
    version: Option<&IfMatch>,
    approval: &NewStatementApproval,
    members: Vec<String>,
) -> Result<Statement> {
    let mut row = lock_for_update(tx, id)?;
    if let Some(version) = version {
        version.check(row.version)?;
    }
    let today = Day::today(&organizations::store::find(tx)?.time_zone);
    row.approve(tx.user()?, approval, today)?;
    let in_force = visible(tx)
        .filter(statements::client_id.eq(row.client_id))
        .filter(statements::status.eq(StatementStatus::Approved));
    if let Some(mut last) = in_force.select(StatementRow::as_select()).first(tx.conn).optional()? {
        last.supersede();
        save(tx, &mut last)?;
        tx.record("statement.superseded", last.id, vec!["status".into()]);
    }
    save(tx, &mut row)?;
    tx.record("statement.approved", row.id, members);
    Ok(row.into())
}
