//! Queries over client accounts.

use super::model::*;
use crate::{
    auth::CaseAccess,
    casework::clients::{self, model::ClientId},
    db::{Dialect, Tx, schema::client_accounts as accounts},
    error::{ApiError, OnUnique as _, Result},
    http::Body,
    identity::users,
    types::Instant,
};
use diesel::prelude::*;

/// The accounts that this caller may see. A client sees their own; others see those of the clients that they see.
fn visible(tx: &Tx) -> accounts::BoxedQuery<'static, Dialect> {
    let all = accounts::table.filter(accounts::organization_id.eq(tx.organization())).into_boxed();
    match tx.case_access() {
        CaseAccess::Own(user) => all.filter(accounts::user_id.eq(user)),
        _ => all.filter(accounts::client_id.eq_any(clients::store::visible_ids(tx))),
    }
}

/// The client to whom the caller's account is linked. Every query of the portal starts from it. 404 if the account is
/// linked to no client.
pub fn client_of_caller(tx: &mut Tx) -> Result<ClientId> {
    match tx.case_access() {
        CaseAccess::Own(_) => Ok(visible(tx).select(accounts::client_id).first(tx.conn)?),
        _ => Err(ApiError::not_found()),
    }
}

/// Returns the client of the caller and locks it until the transaction ends, for a change. Checks the link again after
/// the wait for the lock, because it may have changed meanwhile.
pub fn lock_client_of_caller(tx: &mut Tx) -> Result<ClientId> {
    let client = client_of_caller(tx)?;
    clients::store::lock_for_update(tx, client)?;
    if tx.conn.has_row_locks() { client_of_caller(tx) } else { Ok(client) }
}

fn find(tx: &mut Tx, client: ClientId) -> Result<AccountRow> {
    Ok(visible(tx).filter(accounts::client_id.eq(client)).select(AccountRow::as_select()).first(tx.conn)?)
}

pub fn get(tx: &mut Tx, client: ClientId) -> Result<ClientAccount> {
    let client = clients::store::find(tx, client)?.id;
    let row = find(tx, client)?;
    tx.audit_read("client.account_read", row.client_id);
    Ok(row.into())
}

fn delete(tx: &mut Tx, row: &AccountRow) -> Result<()> {
    diesel::delete(accounts::table.find((row.organization_id, row.client_id))).execute(tx.conn)?;
    tx.record("client.account_removed", row.client_id, vec![row.user_id.to_string()]);
    Ok(())
}

/// Links a user to this client, and unlinks the user who was linked before.
pub fn set(tx: &mut Tx, client: ClientId, new: &Body<NewClientAccount>) -> Result<ClientAccount> {
    let client = clients::store::lock_for_update(tx, client)?.id;
    let user_id = users::store::client(tx, new.user_id, "/user_id")?;
    if let Some(before) =
        visible(tx).filter(accounts::client_id.eq(client)).select(AccountRow::as_select()).first(tx.conn).optional()?
    {
        if before.user_id == user_id {
            tx.nothing_changed();
            return Ok(before.into());
        }
        delete(tx, &before)?;
    }
    let row = AccountRow { organization_id: tx.organization(), client_id: client, user_id, created_at: Instant::now() };
    // The error does not say which client the user is linked to: it may be a client of another team.
    diesel::insert_into(accounts::table)
        .values(&row)
        .execute(tx.conn)
        .on_unique(|| ApiError::unknown_reference("/user_id"))?;
    tx.record("client.account_set", client, vec![user_id.to_string()]);
    Ok(row.into())
}

pub fn remove(tx: &mut Tx, client: ClientId) -> Result<()> {
    let client = clients::store::lock_for_update(tx, client)?.id;
    let row = find(tx, client)?;
    delete(tx, &row)
}
