//! Queries over clients.

use super::model::*;
use crate::{
    auth::{OrganizationId, Scope},
    casework::{assignments, break_glass, cases},
    db::{
        Condition, Dialect, PortableDsl as _, Tx,
        dialect::{contains, row_after},
        rewrite,
        schema::clients,
    },
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    identity::{organizations, teams},
    oversight::search,
    types::{Day, Instant},
};
use diesel::{dsl, prelude::*};

type Seen = dsl::Filter<dsl::Filter<clients::table, dsl::Eq<clients::organization_id, OrganizationId>>, Condition>;
type Ids = dsl::Select<dsl::Filter<Seen, Condition>, clients::id>;

/// The clients that this caller may see: a supervisor those of the own teams, an advocate those of the own cases and those
/// without a case that they have made a record of; a client the one whom they are. At a second look, a supervisor sees whose the case is
/// that they have broken glass for.
fn seen(tx: &Tx) -> Seen {
    let seen = match tx.scope() {
        Scope::Teams(_) if tx.through_glass() => Condition::sql("(")
            .with(teams::store::own(tx, "clients.team_id"))
            .then(" OR clients.id IN (SELECT cases.client_id FROM cases WHERE cases.organization_id = ")
            .id(tx.organization().uuid())
            .then(" AND ")
            .with(break_glass::store::opened(tx, "cases.id"))
            .then("))"),
        Scope::Teams(_) => teams::store::own(tx, "clients.team_id"),
        Scope::Assigned(user) => Condition::sql("(clients.id IN (SELECT cases.client_id FROM cases WHERE cases.organization_id = ")
            .id(tx.organization().uuid())
            .then(" AND ")
            .with(assignments::store::worked(tx, "cases.id"))
            .then(") OR (clients.created_by = ")
            .id(user.uuid())
            .then(" AND NOT EXISTS (SELECT 1 FROM cases WHERE cases.organization_id = clients.organization_id AND cases.client_id = clients.id)))"),
        Scope::Own(user) => Condition::sql("clients.id IN (SELECT client_accounts.client_id FROM client_accounts WHERE client_accounts.organization_id = ")
            .id(tx.organization().uuid())
            .then(" AND client_accounts.user_id = ")
            .id(user.uuid())
            .then(")"),
        Scope::Organization | Scope::Nothing => Condition::nothing(),
    };
    clients::table.filter(clients::organization_id.eq(tx.organization())).filter(seen)
}

fn visible(tx: &Tx) -> clients::BoxedQuery<'static, Dialect> {
    seen(tx).into_boxed()
}

/// The ids of these, for the queries of what belongs to a client.
pub fn visible_ids(tx: &Tx) -> dsl::Select<Seen, clients::id> {
    seen(tx).select(clients::id)
}

/// The client that a row of `search_documents` is of, for a query of those.
pub fn of_search_document(tx: &Tx) -> Ids {
    seen(tx).filter(Condition::new(&["clients.id = search_documents.id"], &[])).select(clients::id)
}

/// The clients of the cases that this caller works in, and those that the caller has made a record of: few, for an advocate.
pub fn own(tx: &mut Tx) -> Result<Vec<ClientId>> {
    let mut own: Vec<ClientId> = cases::store::clients(tx)?;
    let made = visible(tx).filter(clients::created_by.eq(tx.user()?));
    own.extend(made.select(clients::id).load::<ClientId>(tx.conn)?);
    Ok(own)
}

fn filtered(tx: &Tx, filter: &ClientFilter) -> clients::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx);
    if let Some(team) = filter.team {
        query = query.filter(clients::team_id.eq(team));
    }
    if let Some(part) = &filter.q {
        query = query.filter(contains(clients::preferred_name, part.as_str()));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<ClientFilter>) -> Result<Page<Client>> {
    let actor = tx.actor()?;
    let mut query = filtered(tx, &list.filter);
    if let Some((at, id)) = list.after(actor)? {
        query =
            query.filter(row_after((clients::created_at, clients::id), (Instant::from_micros(at), ClientId::from_uuid(id)), list.down()));
    }
    query = match list.down() {
        true => query.order((clients::created_at.desc(), clients::id.desc())),
        false => query.order((clients::created_at.asc(), clients::id.asc())),
    };
    let rows: Vec<ClientRow> = query.select(ClientRow::as_select()).limit(list.fetch()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    tx.saw_all("client.listed", rows.iter().map(|row| row.id));
    Ok(list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Client::from))
}

pub fn find(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    Ok(visible(tx).filter(clients::id.eq(id)).select(ClientRow::as_select()).first(tx.conn)?)
}

/// The same, held until the transaction ends.
pub fn hold(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    Ok(visible(tx).filter(clients::id.eq(id)).select(ClientRow::as_select()).locked().get_result(tx.conn)?)
}

pub fn get(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    let row = find(tx, id)?;
    tx.saw("client.read", row.id);
    Ok(row)
}

/// The short views of those of these clients that the caller may see.
pub fn refs(tx: &mut Tx, ids: Vec<ClientId>) -> Result<Vec<ClientRef>> {
    let rows: Vec<(ClientId, crate::types::Line<120>)> =
        visible(tx).filter(clients::id.eq_any(ids)).select((clients::id, clients::preferred_name)).load(tx.conn)?;
    tx.saw_all("client.listed", rows.iter().map(|(id, _)| *id));
    Ok(rows.into_iter().map(|(id, preferred_name)| ClientRef { id, preferred_name }).collect())
}

/// That a day on which something happened to a client, whose case the caller sees, is not before the client's birth.
pub fn check_born(tx: &mut Tx, client: ClientId, day: Day, pointer: &str) -> Result<()> {
    let of_client = clients::table.find((tx.organization(), client));
    let born: Option<Day> = of_client.select(clients::date_of_birth).first(tx.conn)?;
    match born {
        Some(born) if day < born => Err(ApiError::invalid(pointer, "before_birth", "must not lie before the client's birth")),
        _ => Ok(()),
    }
}

/// That a birth has come, by the organization's calendar.
fn check_birth(tx: &mut Tx, day: Option<Day>) -> Result<()> {
    let Some(day) = day else { return Ok(()) };
    let today = Day::latest_today([&organizations::store::find(tx)?.time_zone]);
    day.has_come(today).map_err(|fault| ApiError::invalid("/date_of_birth", fault.code, fault.detail))
}

pub fn create(tx: &mut Tx, new: &Body<NewClient>) -> Result<Client> {
    check_birth(tx, new.date_of_birth)?;
    let team = teams::store::choose(tx, new.team_id)?;
    let row = ClientRow::new(tx.organization(), team, tx.user()?, new);
    diesel::insert_into(clients::table).values(&row).execute(tx.conn)?;
    search::store::add(tx, row.team_id, &row)?;
    tx.record("client.created", row.id, new.members());
    Ok(row.into())
}

pub fn update(tx: &mut Tx, id: ClientId, version: &IfMatch, patch: &Body<ClientPatch>) -> Result<Client> {
    let mut row = hold(tx, id)?;
    version.check(row.version)?;
    check_birth(tx, patch.date_of_birth.set().copied())?;
    row.apply(patch);
    row.version += 1;
    row.updated_at = Instant::now();
    rewrite(clients::table.find((row.organization_id, row.id)), &row).execute(tx.conn)?;
    search::store::replace(tx, &row)?;
    tx.record("client.updated", row.id, patch.members());
    Ok(row.into())
}
