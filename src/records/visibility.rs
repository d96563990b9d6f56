//! Who sees which team, case, client and note. The function `visible` of every store uses these conditions; no other
//! code decides who sees what.

use super::ids::ClientId;
use crate::{
    auth::{CaseAccess, OrganizationId, Role, UserId},
    clock,
    db::{
        Condition, Tx,
        schema::{break_glass, cases, client_accounts as accounts, clients},
    },
    error::{ApiError, Result},
    types::{Instant, Json},
};
use diesel::{dsl, prelude::*};
use serde::{Deserialize, Serialize};

text_enum! {
    /// The kind of a note, which decides who may read it.
    pub enum NoteKind {
        /// A contact with the client or about the case.
        Contact = "contact",
        Progress = "progress",
        /// For its author and the team's supervisors.
        Restricted = "restricted",
        /// About a supervision talk; for its author and the team's supervisors.
        Supervision = "supervision",
    }
}

impl NoteKind {
    /// The kinds that everybody who works on the case may read.
    pub const FOR_ALL: &'static [Self] = &[Self::Contact, Self::Progress];
}

/// A column holds a team of the caller: one that they are a member of or, for a supervisor, one that they are deputy in
/// now.
///
/// It is two subqueries joined by OR, not one UNION: PostgreSQL then keeps the result of each as a small hash table,
/// and still reads the rows in the order of the index.
pub fn current_user_teams(tx: &Tx, column: &'static str) -> Condition {
    let Ok(actor) = tx.actor() else { return Condition::nothing() };
    let (organization, user) = (actor.organization.uuid(), actor.user.uuid());
    let member = Condition::sql("(")
        .then(column)
        .then(" IN (SELECT team_members.team_id FROM team_members WHERE team_members.organization_id = ")
        .id(organization)
        .then(" AND team_members.user_id = ")
        .id(user);
    if actor.role != Role::Supervisor {
        return member.then("))");
    }
    let now = Instant::now();
    member
        .then(") OR ")
        .then(column)
        .then(" IN (SELECT team_deputies.team_id FROM team_deputies WHERE team_deputies.organization_id = ")
        .id(organization)
        .then(" AND team_deputies.user_id = ")
        .id(user)
        .then(" AND team_deputies.starts_at <= ")
        .at(now)
        .then(" AND team_deputies.ends_at > ")
        .at(now)
        .then("))")
}

/// A column holds a case that the caller is assigned to now. An assignment may have an end in the future.
pub fn assigned_cases(tx: &Tx, column: &'static str) -> Condition {
    assigned(tx, Condition::sql(column))
}

fn assigned(tx: &Tx, column: Condition) -> Condition {
    let Ok(actor) = tx.actor() else { return Condition::nothing() };
    column
        .then(" IN (SELECT assignments.case_id FROM assignments WHERE assignments.organization_id = ")
        .id(actor.organization.uuid())
        .then(" AND assignments.user_id = ")
        .id(actor.user.uuid())
        .then(" AND ")
        .with(has_not_ended())
        .then(")")
}

fn has_not_ended() -> Condition {
    Condition::sql("(assignments.ended_at IS NULL OR assignments.ended_at > ").at(Instant::now()).then(")")
}

/// Whether the caller has break-glass access to any case now (AZ-13).
pub fn has_break_glass(tx: &mut Tx) -> Result<bool> {
    let CaseAccess::Teams(user) = tx.case_access() else { return Ok(false) };
    let own = break_glass::table
        .filter(break_glass::organization_id.eq(tx.organization()))
        .filter(break_glass::user_id.eq(user));
    let now = Instant::now();
    let open = own.filter(break_glass::ended_at.is_null()).filter(break_glass::expires_at.gt(now));
    // A row from the future was written while a clock was wrong. It grants no access.
    let open = open.filter(break_glass::opened_at.le(now.plus_seconds(clock::LEEWAY)));
    Ok(diesel::select(dsl::exists(open)).get_result(tx.conn)?)
}

/// A column holds a case to which the caller has break-glass access now.
fn opened_by_break_glass(tx: &Tx, column: &'static str) -> Condition {
    let CaseAccess::Teams(user) = tx.case_access() else { return Condition::nothing() };
    let now = Instant::now();
    Condition::sql(column)
        .then(" IN (SELECT break_glass.case_id FROM break_glass WHERE break_glass.organization_id = ")
        .id(tx.organization().uuid())
        .then(" AND break_glass.user_id = ")
        .id(user.uuid())
        .then(" AND break_glass.ended_at IS NULL AND break_glass.expires_at > ")
        .at(now)
        .then(" AND break_glass.opened_at <= ")
        .at(now.plus_seconds(clock::LEEWAY))
        .then(")")
}

/// A row of `cases` belongs to a team of the caller or, in the second run with break-glass access, is a case that they
/// have opened.
fn supervised_cases(tx: &Tx) -> Condition {
    let own = current_user_teams(tx, "cases.team_id");
    match tx.by_break_glass() {
        true => Condition::sql("(").with(own).then(" OR ").with(opened_by_break_glass(tx, "cases.id")).then(")"),
        false => own,
    }
}

/// The caller sees a row of `cases`.
pub fn visible_cases(tx: &Tx) -> Condition {
    match tx.case_access() {
        CaseAccess::Organization => Condition::everything(),
        CaseAccess::Teams(_) => supervised_cases(tx),
        CaseAccess::Assigned(_) => assigned_cases(tx, "cases.id"),
        CaseAccess::Counted | CaseAccess::Own(_) | CaseAccess::Nothing => Condition::nothing(),
    }
}

/// A row of another table, which has a `case_id`, belongs to a case that the caller sees and may work in. An
/// administrator, who sees cases but not their content, gets none.
pub fn in_visible_case(tx: &Tx, table: &'static str) -> Condition {
    match tx.case_access() {
        CaseAccess::Teams(_) => Condition::sql("EXISTS (SELECT 1 FROM cases WHERE cases.organization_id = ")
            .then(table)
            .then(".organization_id AND cases.id = ")
            .then(table)
            .then(".case_id AND ")
            .with(supervised_cases(tx))
            .then(")"),
        CaseAccess::Assigned(_) => assigned(tx, Condition::sql(table).then(".case_id")),
        CaseAccess::Organization | CaseAccess::Counted | CaseAccess::Own(_) | CaseAccess::Nothing => {
            Condition::nothing()
        }
    }
}

/// A row of another table, which has a `case_id`, does not belong to a case that was entered in error: nobody works
/// such a case, and no report counts it.
pub fn not_entered_in_error(table: &'static str) -> Condition {
    Condition::sql("NOT EXISTS (SELECT 1 FROM cases AS mistake WHERE mistake.organization_id = ")
        .then(table)
        .then(".organization_id AND mistake.id = ")
        .then(table)
        .then(".case_id AND mistake.status = 'entered_in_error')")
}

/// The caller sees a row of `clients`: a supervisor those of their teams; an advocate those of their cases, and those
/// without a case whose record they made; a client themselves. In the second run with break-glass access, a supervisor
/// also sees the client of the case that they have opened. Nobody sees a record that was merged into another.
pub fn visible_clients(tx: &Tx) -> Condition {
    let seen = match tx.case_access() {
        CaseAccess::Teams(_) if tx.by_break_glass() => Condition::sql("(")
            .with(current_user_teams(tx, "clients.team_id"))
            .then(" OR clients.id IN (SELECT cases.client_id FROM cases WHERE cases.organization_id = ")
            .id(tx.organization().uuid())
            .then(" AND ")
            .with(opened_by_break_glass(tx, "cases.id"))
            .then("))"),
        CaseAccess::Teams(_) => current_user_teams(tx, "clients.team_id"),
        // By the keys of the client and of their cases, which takes as long for an advocate of thousands of cases.
        CaseAccess::Assigned(user) => {
            // CROSS JOIN makes SQLite start from the cases of the client and not from those of the advocate.
            Condition::sql("(EXISTS (SELECT 1 FROM cases CROSS JOIN assignments WHERE cases.organization_id = ")
                .then("clients.organization_id AND cases.client_id = clients.id AND assignments.organization_id = ")
                .then("cases.organization_id AND assignments.case_id = cases.id AND assignments.user_id = ")
                .id(user.uuid())
                .then(" AND ")
                .with(has_not_ended())
                .then(") OR (clients.created_by = ")
                .id(user.uuid())
                .then(" AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.organization_id = clients.organization_id")
                .then(" AND cases.client_id = clients.id)))")
        }
        CaseAccess::Own(user) => Condition::sql("clients.id IN (SELECT client_accounts.client_id FROM client_accounts")
            .then(" WHERE client_accounts.organization_id = ")
            .id(tx.organization().uuid())
            .then(" AND client_accounts.user_id = ")
            .id(user.uuid())
            .then(")"),
        CaseAccess::Organization | CaseAccess::Counted | CaseAccess::Nothing => Condition::nothing(),
    };
    Condition::sql("(NOT clients.is_merged AND ").with(seen).then(")")
}

pub type VisibleClients =
    dsl::Filter<dsl::Filter<clients::table, dsl::Eq<clients::organization_id, OrganizationId>>, Condition>;

/// The clients that the caller sees, as a query.
pub fn clients_of_caller(tx: &Tx) -> VisibleClients {
    clients::table.filter(clients::organization_id.eq(tx.organization())).filter(visible_clients(tx))
}

/// A condition from which a list of an advocate's clients can start: they are clients of the advocate's cases, or the
/// advocate made their record. [`visible_clients`] tests one client after another, of all that the organization has.
pub fn clients_to_list(tx: &Tx) -> Condition {
    let CaseAccess::Assigned(user) = tx.case_access() else { return Condition::everything() };
    Condition::sql("clients.id IN (SELECT cases.client_id FROM cases WHERE cases.organization_id = ")
        .id(tx.organization().uuid())
        .then(" AND ")
        .with(assigned_cases(tx, "cases.id"))
        .then(" UNION ALL SELECT made.id FROM clients AS made WHERE made.organization_id = ")
        .id(tx.organization().uuid())
        .then(" AND made.created_by = ")
        .id(user.uuid())
        .then(")")
}

/// The ids of the clients of an advocate's cases, and of those whose record they made: few.
pub fn client_ids_of_advocate(tx: &mut Tx) -> Result<Vec<ClientId>> {
    let cases = cases::table.filter(cases::organization_id.eq(tx.organization())).filter(visible_cases(tx));
    let mut ids: Vec<ClientId> = cases.select(cases::client_id).load(tx.conn)?;
    let made = clients_of_caller(tx).filter(clients::created_by.eq(tx.user()?));
    ids.extend(made.select(clients::id).load::<ClientId>(tx.conn)?);
    Ok(ids)
}

/// Whether a user is a client for whom e-mail is not safe. Call it before any e-mail, whoever the caller is.
pub fn is_unsafe_to_email(tx: &mut Tx, user: UserId) -> Result<bool> {
    let client = clients::table
        .on(clients::organization_id.eq(accounts::organization_id).and(clients::id.eq(accounts::client_id)));
    let theirs = accounts::table.inner_join(client).filter(accounts::organization_id.eq(tx.organization()));
    let theirs = theirs.filter(accounts::user_id.eq(user)).select(clients::safe_contact);
    let safe: Option<Json<SafeEmail>> = theirs.first(tx.conn).optional()?;
    Ok(safe.is_some_and(|safe| !safe.0.email))
}

/// The one member of `safe_contact` that e-mails depend on. A stored document without it allows no e-mail.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct SafeEmail {
    email: bool,
}

/// Who reads a note, or a row about a note, in a case that they see: a supervisor every note, an advocate those of
/// [`NoteKind::FOR_ALL`] and their own. `kind` is NULL where the row is of no note.
///
/// # Errors
/// 404 for any other role.
pub fn readable_notes(tx: &Tx, kind: &'static str, author: &'static str) -> Result<Condition> {
    let actor = tx.actor()?;
    match actor.role {
        Role::Supervisor => Ok(Condition::everything()),
        Role::Advocate => {
            let unrestricted = Condition::sql("(").then(kind).then(" IS NULL");
            let unrestricted = NoteKind::FOR_ALL
                .iter()
                .fold(unrestricted, |any, each| any.then(" OR ").then(kind).then(" = '").then(each.as_str()).then("'"));
            Ok(unrestricted.then(" OR ").then(author).then(" = ").id(actor.user.uuid()).then(")"))
        }
        _ => Err(ApiError::not_found()),
    }
}
