//! Merges two records of the same client: all records of the duplicate move to the surviving client.

use super::{model::*, store};
use crate::{
    auth::UserId,
    casework::{
        cases::model::{CaseId, CaseStatus},
        statements::{
            self,
            model::{StatementRow, StatementStatus},
        },
    },
    db::{
        PortableDsl as _, Tx,
        schema::{
            action_facts, barrier_facts, case_facts, cases, client_accounts, clients, deadline_facts, feedback,
            meeting_facts, task_facts,
        },
    },
    error::{ApiError, Code, Result},
    http::Body,
    records::{merges, search},
    types::{Id, Instant},
};
use diesel::prelude::*;

/// The tables that refer to a client and follow a merge. A test compares this list with the foreign keys of the schema.
pub const REFERENCING_TABLES: &[&str] = &["cases", "client_accounts", "feedback", "statements"];

/// The type parameter for ids of `feedback` in the audit log.
enum FeedbackKey {}

/// The maximum number of records in one statement.
const AT_ONCE: usize = 500;

/// Merges a duplicate into another client. The duplicate's row stays, and its id then refers to the survivor. The
/// audit log gets an entry for each record that moved. A merge cannot be undone.
pub fn merge(tx: &mut Tx, id: ClientId, wanted: &Body<ClientMerge>) -> Result<Client> {
    // A statement may take longer than usual; the whole write still has ten seconds.
    tx.conn.set_statement_timeout(60)?;
    let resolved = store::find(tx, id)?.id;
    let into = store::find(tx, wanted.into).map_err(|error| error.not_found_as_unknown_reference("/into"))?.id;
    merges::check_pair("client", id, resolved, into)?;
    let statements_of = match wanted.statements_of {
        None => None,
        Some(statements_of) => match store::find(tx, statements_of)
            .map_err(|error| error.not_found_as_unknown_reference("/statements_of"))?
            .id
        {
            statements_of if statements_of == id || statements_of == into => Some(statements_of),
            _ => return Err(ApiError::invalid("/statements_of", "not_one_of_both", "must be one of the two clients")),
        },
    };
    // Lock order: clients, then cases, then the records of a case.
    let (mut row, duplicate) = store::lock_both(tx, into, id)?;
    move_cases_and_feedback(tx, id, into)?;
    let has_account = move_account(tx, id, into)?;
    move_statements(tx, id, into, statements_of)?;
    // The new version is higher than both, so that no earlier ETag of either id matches the survivor.
    row.version = row.version.max(duplicate.version);
    row.fill_missing_from(duplicate, has_account)?;
    store::save(tx, &mut row)?;
    store::insert_merge(tx, id, into, wanted.reason.as_ref(), row.updated_at)?;
    let merged = (
        clients::is_merged.eq(true),
        clients::version.eq(clients::version + 1),
        clients::updated_at.eq(row.updated_at),
    );
    diesel::update(clients::table.find((row.organization_id, id))).set(merged).execute(tx.conn)?;
    search::store::remove(tx, id)?;
    tx.record("client.merged", id, wanted.members());
    tx.record("client.updated", into, vec!["merged_ids".into()]);
    store::view(tx, row)
}

/// Moves the cases and the feedback to the other client. Moves the report facts of the cases, too, so that reports
/// count one person for every date.
fn move_cases_and_feedback(tx: &mut Tx, from: ClientId, into: ClientId) -> Result<()> {
    let organization = tx.organization();
    let of_client = cases::table.filter(cases::organization_id.eq(organization)).filter(cases::client_id.eq(from));
    let all: Vec<CaseId> = of_client.order(cases::id).select(cases::id).locked().load(tx.conn)?;
    for ids in all.chunks(AT_ONCE) {
        let these = cases::table.filter(cases::organization_id.eq(organization)).filter(cases::id.eq_any(ids.to_vec()));
        let named = (cases::client_id.eq(into), cases::version.eq(cases::version + 1));
        diesel::update(these.clone()).set(named).execute(tx.conn)?;
        // Keeps `updated_at` of cases that were entered in error, because it says when that happened.
        let not_in_error = these.filter(cases::status.ne(CaseStatus::EnteredInError));
        diesel::update(not_in_error).set(cases::updated_at.eq(Instant::now())).execute(tx.conn)?;
        macro_rules! facts {
            ($($table:ident),+) => {$(
                let of_these = $table::table.filter($table::organization_id.eq(organization)).filter($table::case_id.eq_any(ids.to_vec()));
                diesel::update(of_these).set($table::client_id.eq(into)).execute(tx.conn)?;
            )+};
        }
        facts!(case_facts, barrier_facts, action_facts, deadline_facts, meeting_facts, task_facts);
    }
    for case in all {
        tx.record("case.updated", case, vec!["client_id".into()]);
    }
    let of_client =
        || feedback::table.filter(feedback::organization_id.eq(organization)).filter(feedback::client_id.eq(from));
    let all: Vec<Id<FeedbackKey>> = of_client().order(feedback::id).select(feedback::id).load(tx.conn)?;
    diesel::update(of_client()).set(feedback::client_id.eq(into)).execute(tx.conn)?;
    for one in all {
        tx.record("feedback.updated", one, vec!["client_id".into()]);
    }
    Ok(())
}

/// Moves the duplicate's account to the other client. If both have an account, a person must decide which one ends.
/// Returns whether the duplicate had an account.
fn move_account(tx: &mut Tx, from: ClientId, into: ClientId) -> Result<bool> {
    let accounts = client_accounts::table
        .filter(client_accounts::organization_id.eq(tx.organization()))
        .filter(client_accounts::client_id.eq_any([from, into]));
    let accounts: Vec<(ClientId, UserId)> =
        accounts.select((client_accounts::client_id, client_accounts::user_id)).load(tx.conn)?;
    let Some((_, user)) = accounts.iter().find(|(client, _)| *client == from) else { return Ok(false) };
    if accounts.len() > 1 {
        return Err(ApiError::new(
            Code::MergeConflict,
            "Both clients have a portal account. Remove one account first.",
        ));
    }
    let row = client_accounts::table.find((tx.organization(), from));
    diesel::update(row).set(client_accounts::client_id.eq(into)).execute(tx.conn)?;
    tx.record("client.account_removed", from, vec![user.to_string()]);
    tx.record("client.account_set", into, vec![user.to_string()]);
    Ok(true)
}

/// Combines the statements of both into one sequence of versions: the earlier ones, the one in force, the draft.
fn move_statements(tx: &mut Tx, from: ClientId, into: ClientId, statements_of: Option<ClientId>) -> Result<()> {
    let mut all: Vec<StatementRow> = statements::store::all_of_both_clients(tx, from, into)?;
    if all.iter().all(|row| row.client_id == into) {
        return Ok(());
    }
    for status in [StatementStatus::Approved, StatementStatus::Draft] {
        if all.iter().filter(|row| row.status == status).count() < 2 {
            continue;
        }
        let Some(statements_of) = statements_of else {
            let message =
                "Each of the two has a statement in force, or a draft: say in statements_of whose stays as it is.";
            return Err(ApiError::new(Code::MergeConflict, message));
        };
        for row in all.iter_mut().filter(|row| row.status == status && row.client_id != statements_of) {
            row.supersede();
            tx.record("statement.superseded", row.id, vec!["status".into()]);
        }
    }
    let rank = |row: &StatementRow| match row.status {
        StatementStatus::Superseded => 0,
        StatementStatus::Approved => 1,
        StatementStatus::Draft => 2,
    };
    all.sort_by_key(|row| (rank(row), row.recorded_at.unwrap_or(row.created_at), row.id));
    statements::store::renumber_versions(tx, into, all)
}
