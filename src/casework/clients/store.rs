//! Queries over clients.

use super::{duplicates, model::*};
use crate::{
    db::{
        self, Condition, Dialect, PortableDsl as _, Tx,
        schema::{client_merges, clients},
        versioned,
    },
    error::{ApiError, Result},
    http::{Body, IfMatch, List, Page},
    identity::{organizations, teams},
    records::{
        merges::{self, merge_table},
        search, visibility,
    },
    types::{Day, Instant, fold},
};
use diesel::{dsl, prelude::*};

// Saved by [`save`] below, which also updates the search document.
versioned! {
    ClientRow, clients, updated_at;
    always [
        preferred_name, legal_name, pronouns, date_of_birth, phone, email, address, language, interpreter_needed,
        safe_contact, version, updated_at, is_merged, other_names,
    ]
    if_changed [team_id, created_by, created_at]
}
merge_table!(client_merges, client_id, ClientId);

/// The condition under which a column, named as in SQL, has any of the ids of the same client. It is for records that
/// keep the id that they were created with, such as exports. It does not check access to the client.
pub fn any_id_of(tx: &Tx, column: &'static str, id: ClientId) -> Condition {
    let organization = tx.organization().uuid();
    let stands_for = || {
        Condition::sql("coalesce((SELECT asked.into_id FROM client_merges AS asked WHERE asked.organization_id = ")
            .id(organization)
            .then(" AND asked.client_id = ")
            .id(id.uuid())
            .then("), ")
            .id(id.uuid())
            .then(")")
    };
    Condition::sql("(")
        .then(column)
        .then(" = ")
        .with(stands_for())
        .then(" OR ")
        .then(column)
        .then(" IN (SELECT merged.client_id FROM client_merges AS merged WHERE merged.organization_id = ")
        .id(organization)
        .then(" AND merged.into_id = ")
        .with(stands_for())
        .then("))")
}

fn add_merged(tx: &mut Tx, views: &mut [Client]) -> Result<()> {
    let merged = merged(tx, views.iter().map(|view| view.id).collect())?;
    for view in views {
        view.merged_ids = merged.iter().filter(|(into, _)| *into == view.id).map(|(_, id)| *id).collect();
    }
    Ok(())
}

/// The API view of a client.
pub fn view(tx: &mut Tx, row: ClientRow) -> Result<Client> {
    let mut view = Client::from(row);
    add_merged(tx, std::slice::from_mut(&mut view))?;
    Ok(view)
}

fn visible(tx: &Tx) -> clients::BoxedQuery<'static, Dialect> {
    visibility::clients_of_caller(tx).into_boxed()
}

/// The ids of the visible clients, as a subquery for records that belong to a client.
pub fn visible_ids(tx: &Tx) -> dsl::Select<visibility::VisibleClients, clients::id> {
    visibility::clients_of_caller(tx).select(clients::id)
}

fn filtered(tx: &Tx, filter: &ClientFilter) -> clients::BoxedQuery<'static, Dialect> {
    let mut query = visible(tx).filter(visibility::clients_to_list(tx));
    if let Some(team) = filter.team {
        query = query.filter(clients::team_id.eq(team));
    }
    if let Some(part) = &filter.q {
        query = query.filter(search::store::stored_words_match(tx, "clients.id", &fold::parse_query(part.as_str())));
    }
    query
}

pub fn page(tx: &mut Tx, list: &List<ClientFilter>) -> Result<Page<Client>> {
    let actor = tx.actor()?;
    let query = list.keyset(
        actor,
        filtered(tx, &list.filter),
        (clients::created_at, clients::id),
        Instant::from_micros,
        ClientId::from_uuid,
    )?;
    let rows: Vec<ClientRow> = query.select(ClientRow::as_select()).load(tx.conn)?;
    let total = if list.include_total { Some(filtered(tx, &list.filter).count().get_result(tx.conn)?) } else { None };
    tx.audit_read_all("client.listed", rows.iter().map(|row| row.id));
    let mut page = list.page(actor, rows, total, |row| (row.created_at.micros(), row.id.uuid()), Client::from);
    add_merged(tx, &mut page.items)?;
    Ok(page)
}

/// Finds the client of an id, and follows merges. `look` finds a client by its exact id.
fn resolve<T>(tx: &mut Tx, id: ClientId, look: impl Fn(&mut Tx, ClientId) -> QueryResult<T>) -> Result<T> {
    // A caller who waited for a row lock may find the client merged, and continues with the next id.
    let mut id = id;
    loop {
        match look(tx, id).optional()? {
            Some(found) => return Ok(found),
            None => id = merged_into(tx, id)?.ok_or_else(ApiError::not_found)?,
        }
    }
}

pub fn find(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    resolve(tx, id, |tx, id| visible(tx).filter(clients::id.eq(id)).select(ClientRow::as_select()).first(tx.conn))
}

/// The same, locked until the transaction ends.
pub fn lock_for_update(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    resolve(tx, id, |tx, id| {
        visible(tx).filter(clients::id.eq(id)).select(ClientRow::as_select()).locked().get_result(tx.conn)
    })
}

/// The client that a body names, for a record that will refer to it. It cannot be merged before this transaction ends.
pub fn lock_reference(tx: &mut Tx, id: ClientId) -> Result<ClientId> {
    resolve(tx, id, |tx, id| {
        visible(tx).filter(clients::id.eq(id)).select(clients::id).for_reference().get_result(tx.conn)
    })
}

/// Those of the given clients that the caller may see.
pub fn visible_by_ids(tx: &mut Tx, ids: Vec<ClientId>) -> Result<Vec<ClientRow>> {
    Ok(visible(tx).filter(clients::id.eq_any(ids)).select(ClientRow::as_select()).load(tx.conn)?)
}

/// The client that stays and its duplicate, locked until the transaction ends.
pub fn lock_both(tx: &mut Tx, into: ClientId, duplicate: ClientId) -> Result<(ClientRow, ClientRow)> {
    // Always in the order of the ids, so that two merges cannot deadlock.
    let both =
        visible(tx).filter(clients::id.eq_any([into, duplicate])).order(clients::id).select(ClientRow::as_select());
    let rows: Vec<ClientRow> = both.locked().load(tx.conn)?;
    merges::survivor_and_duplicate("client", rows, |row| row.id == into)
}

/// Saves a changed client, and updates its search document.
pub fn save(tx: &mut Tx, row: &mut ClientRow) -> Result<()> {
    db::save(tx, row)?;
    search::store::replace(tx, &*row)
}

/// The client, with the ids that were merged into it.
pub fn show(tx: &mut Tx, id: ClientId) -> Result<Client> {
    let row = get(tx, id)?;
    view(tx, row)
}

/// The clients who may be the same person as this one.
pub fn possible_duplicates(tx: &mut Tx, id: ClientId) -> Result<PossibleDuplicates> {
    let row = find(tx, id)?;
    let items = duplicates::find(tx, &row)?;
    tx.audit_read("client.duplicates_read", row.id);
    tx.audit_read_all("client.listed", items.iter().map(|duplicate| duplicate.client.id));
    Ok(PossibleDuplicates { items })
}

pub fn get(tx: &mut Tx, id: ClientId) -> Result<ClientRow> {
    let row = find(tx, id)?;
    tx.audit_read("client.read", row.id);
    Ok(row)
}

/// The short views of the given clients that the caller may see.
pub fn refs(tx: &mut Tx, ids: Vec<ClientId>) -> Result<Vec<ClientRef>> {
    let rows: Vec<(ClientId, crate::types::Line<120>)> =
        visible(tx).filter(clients::id.eq_any(ids)).select((clients::id, clients::preferred_name)).load(tx.conn)?;
    tx.audit_read_all("client.listed", rows.iter().map(|(id, _)| *id));
    Ok(rows.into_iter().map(|(id, preferred_name)| ClientRef { id, preferred_name }).collect())
}

/// Checks that an event is not before the client's birth. Does not refuse if the caller cannot see the client, because
/// the refusal would reveal the date of birth.
pub fn check_born(tx: &mut Tx, client: ClientId, day: Day, pointer: &str) -> Result<()> {
    let born: Option<Option<Day>> =
        visible(tx).filter(clients::id.eq(client)).select(clients::date_of_birth).first(tx.conn).optional()?;
    match born.flatten() {
        Some(born) if day < born => {
            Err(ApiError::invalid(pointer, "before_birth", "must not lie before the client's birth"))
        }
        _ => Ok(()),
    }
}

/// Checks that a date of birth is not in the future, by the organization's calendar.
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
    // Includes only clients that the caller sees. Each gets an audit entry, as in a search, because the answer reveals
    // that they share a name, a number or a birthday.
    let same = duplicates::find(tx, &row)?;
    tx.audit_read_all("client.listed", same.iter().map(|duplicate| duplicate.client.id));
    let mut view = Client::from(row);
    view.possible_duplicates = (!same.is_empty()).then(|| same.iter().map(|duplicate| duplicate.client.id).collect());
    Ok(view)
}

pub fn update(tx: &mut Tx, id: ClientId, version: &IfMatch, patch: &Body<ClientPatch>) -> Result<Client> {
    let mut row = lock_for_update(tx, id)?;
    version.check(row.version)?;
    check_birth(tx, patch.date_of_birth.set().copied())?;
    row.apply(patch);
    save(tx, &mut row)?;
    tx.record("client.updated", row.id, patch.members());
    view(tx, row)
}
