//! Queries over cases. Every one starts from [`visible`].

use super::model::*;
use crate::{
    auth::OrganizationId,
    casework::clients,
    db::{
        Condition, Dialect, PortableDsl as _, Tx, Versioned as _,
        dialect::has_element,
        save,
        schema::{barriers, cases},
        versioned,
    },
    directory::providers,
    error::{ApiError, FieldPath, Issue, Result},
    http::{Body, IfMatch, List, Page},
    identity::{teams::model::TeamId, users},
    records::{search, timeline, visibility},
    types::{Instant, fault::Fault, fold},
};
use diesel::{dsl, dsl::exists, prelude::*};

type VisibleCases = dsl::Filter<dsl::Filter<cases::table, dsl::Eq<cases::organization_id, OrganizationId>>, Condition>;

/// The cases that this caller may see.
fn visible_unboxed(tx: &Tx) -> VisibleCases {
    cases::table.filter(cases::organization_id.eq(tx.organization())).filter(visibility::visible_cases(tx))
}

fn visible(tx: &Tx) -> cases::BoxedQuery<'static, Dialect> {
    visible_unboxed(tx).into_boxed()
}

fn filtered(tx: &Tx, filter: &CaseFilter) -> cases::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(statuses) = &filter.status {
        // With `=` instead of `IN`, the index on the status also gives the order.
        query = match statuses.0.as_slice() {
            [one] => query.filter(cases::status.eq(*one)),
            several => query.filter(cases::status.eq_any(several.to_vec())),
        };
    }
    if let Some(priorities) = &filter.priority {
        query = query.filter(cases::priority.eq_any(priorities.0.clone()));
    }
    if let Some(lead) = filter.advocate {
        query = query.filter(cases::lead_advocate_id.eq(lead));
    }
    if let Some(team) = filter.team {
        query = query.filter(cases::team_id.eq(team));
    }
    if let Some(client) = filter.client {
        query = query.filter(clients::store::column_is(tx, "cases.client_id", client));
    }
    let met = barriers::table.filter(barriers::organization_id.eq(tx.organization()));
    query = match (filter.provider, filter.barrier_type) {
        (None, None) => query,
        (Some(provider), None) => query.filter(cases::id.eq_any(
            met.filter(providers::store::column_is(tx, "barriers.provider_id", provider)).select(barriers::case_id),
        )),
        (None, Some(kind)) => {
            query.filter(cases::id.eq_any(met.filter(barriers::type_.eq(kind)).select(barriers::case_id)))
        }
        (Some(provider), Some(kind)) => {
            let both = met
                .filter(providers::store::column_is(tx, "barriers.provider_id", provider))
                .filter(barriers::type_.eq(kind));
            query.filter(cases::id.eq_any(both.select(barriers::case_id)))
        }
    };
    if let Some(tag) = &filter.tag {
        query = query.filter(has_element(cases::tags, tag.as_str().to_owned()));
    }
    if let Some(from) = filter.opened_at_gte {
        query = query.filter(cases::opened_at.ge(from));
    }
    if let Some(before) = filter.opened_at_lt {
        query = query.filter(cases::opened_at.lt(before));
    }
    if let Some(before) = filter.last_contact_before {
        query = query.filter(cases::last_contact_at.lt(before).or(cases::last_contact_at.is_null()));
    }
    if let Some(part) = &filter.q {
        let terms = fold::parse_query(part.as_str());
        if terms.is_empty() {
            query = query.filter(Condition::nothing());
        }
        for term in terms {
            let term = std::slice::from_ref(&term);
            // Only clients that the caller may see are searched, so that a search cannot reveal a client of another
            // team.
            let client = clients::store::visible_ids(tx).filter(Condition::sql("clients.id = cases.client_id"));
            let named = exists(client.filter(search::store::stored_words_match(tx, "clients.id", term)));
            query = query.filter(search::store::stored_words_match(tx, "cases.id", term).or(named));
        }
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<CaseFilter>) -> Result<Page<Case>> {
    let actor = tx.actor()?;
    if !actor.role.sees_content()
        && let Some(name) = list.filter.content_filter_in_use()
    {
        // A filter by a member that is not shown would reveal it. The test `filters` checks every list for this.
        let fault = Fault::new("not_shown_to_your_role", "filters by data that your role cannot see");
        let path = FieldPath::Parameter(name.into());
        return Err(
            ApiError::forbidden("Your role may not search the content of cases.").issues(vec![Issue { path, fault }])
        );
    }
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (cases::opened_at, cases::id),
        Instant::from_micros,
        CaseId::from_uuid,
    )?;
    let rows: Vec<CaseRow> = query.select(CaseRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("case.listed", rows.iter().map(|row| row.id));
    let mut page = list.page(
        actor,
        rows,
        total,
        |row| (row.opened_at.micros(), row.id.uuid()),
        |row| Case::for_caller(row, actor),
    );
    expand(tx, &mut page.items, list.filter.expand.as_ref())?;
    Ok(page)
}

/// Adds the requested short views, each with the caller's access rights.
pub fn expand(tx: &mut Tx, views: &mut [Case], wanted: Option<&crate::http::OneOf<CaseExpand>>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    if wanted.0.contains(&CaseExpand::Client) {
        let refs = clients::store::refs(tx, views.iter().map(|view| view.client_id).collect())?;
        for view in &mut *views {
            view.client = refs.iter().find(|client| client.id == view.client_id).cloned();
        }
    }
    if wanted.0.contains(&CaseExpand::LeadAdvocate) {
        let refs = users::store::refs(tx, views.iter().filter_map(|view| view.lead_advocate_id).collect())?;
        for view in &mut *views {
            view.lead_advocate = refs.iter().find(|user| Some(user.id) == view.lead_advocate_id).cloned();
        }
    }
    Ok(())
}

/// Finds the case without an audit entry, for stores of records that belong to it. Use [`get`] to show it.
pub fn find(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    Ok(visible(tx).filter(cases::id.eq(id)).select(CaseRow::as_select()).first(tx.conn)?)
}

/// Locks the case until the transaction ends, for a change of it or of a record that belongs to it. Every store that
/// changes records of a case calls this first, because only this function checks that the case was not entered in
/// error.
///
/// # Errors
/// 404 if the caller does not see the case, 409 if it was entered in error.
pub fn lock_for_update(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    let row = lock_in_any_status(tx, id)?;
    match row.status {
        CaseStatus::EnteredInError => Err(ApiError::conflict("The case was entered in error.")),
        _ => Ok(row),
    }
}

/// Locks the case also if it was entered in error: to end a user's access, and for the lifecycle itself. Checks the
/// caller's access again after it has the lock, because the case may have been handed over during the wait, and
/// PostgreSQL rereads only the locked row.
pub fn lock_in_any_status(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    let row = visible(tx).filter(cases::id.eq(id)).select(CaseRow::as_select()).locked().get_result(tx.conn)?;
    if tx.conn.has_row_locks() { find(tx, id) } else { Ok(row) }
}

/// Locks a case until the transaction ends, also if the user may not see it yet. The calling function has checked that
/// the case is offered to the user, or that the user opens break-glass access.
pub fn lock_without_access_check(tx: &mut Tx, id: CaseId) -> Result<CaseRow> {
    let case = cases::table.find((tx.organization(), id));
    Ok(case.select(CaseRow::as_select()).locked().get_result(tx.conn)?)
}

/// The numbers and the teams of cases. This does not check access, because a user to whom a case is offered may know
/// them, too.
pub fn numbers_and_teams(tx: &mut Tx, ids: &[CaseId]) -> Result<Vec<(CaseId, String, TeamId)>> {
    let given =
        cases::table.filter(cases::organization_id.eq(tx.organization())).filter(cases::id.eq_any(ids.to_vec()));
    Ok(given.select((cases::id, cases::case_number, cases::team_id)).load(tx.conn)?)
}

/// Those of the given cases that this caller may see.
pub fn filter_visible(tx: &mut Tx, ids: Vec<CaseId>) -> Result<Vec<CaseId>> {
    Ok(visible(tx).filter(cases::id.eq_any(ids)).select(cases::id).load(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: CaseId, view: &CaseView) -> Result<Case> {
    let actor = tx.actor()?;
    let row = find(tx, id)?;
    tx.audit_read("case.read", row.id);
    let mut case = Case::with_transitions(row, actor);
    expand(tx, std::slice::from_mut(&mut case), view.expand.as_ref())?;
    Ok(case)
}

versioned! {
    CaseRow, cases, updated_at, kept_at;
    always [
        advocacy_type, instruction, non_instructed_basis, non_instructed_reason, intake_source, intake_source_text,
        priority, priority_reason, client_goal, tags, closed_at, closing_reason, closing_summary, outcome,
        review_on, first_contact_at, undisposed_barriers, open_deadlines, episode, version, created_at, updated_at,
        conflicts_settled, unmet_reason, kept_at,
    ]
    if_changed [
        case_number, client_id, team_id, lead_advocate_id, status, opened_at, last_contact_at, next_deadline_on,
    ]
}

/// Saves a row from [`lock_for_update`] without a new version, because only members changed that the API does not show.
pub fn save_without_version(tx: &mut Tx, row: &mut CaseRow) -> Result<()> {
    row.kept_at = Some(Instant::now());
    row.write_row(tx.conn)?;
    Ok(())
}

pub fn update(tx: &mut Tx, id: CaseId, version: &IfMatch, patch: &Body<CasePatch>) -> Result<Case> {
    let actor = tx.actor()?;
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    if patch.tags.0.as_ref().is_some_and(|tags| tags.len() > 20) {
        return Err(ApiError::invalid("/tags", "out_of_range", "must be at most 20"));
    }
    let before = row.clone();
    row.apply(patch);
    row.check()?;
    save(tx, &mut row)?;
    search::store::replace_if_changed(tx, &before, &row)?;
    timeline::add(tx, row.id, "case.updated", row.id, None)?;
    tx.record("case.updated", row.id, patch.members());
    Ok(Case::with_transitions(row, actor))
}
