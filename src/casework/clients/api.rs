//! Handlers for clients.

use super::{merge, model::*, store};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{MergeClients, ReadClients, WriteClients},
    },
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_json, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List clients
///
/// A supervisor sees the clients of their own teams; an advocate sees the clients of their own cases, and those that
/// they created and that have no case yet.
#[utoipa::path(
    tag = "Clients",
    params(List<ClientFilter>),
    responses((status = 200, body = Page<Client>)),
    security(("bearer" = ["clients:read"])),
)]
#[get("/clients")]
pub async fn list_clients(who: Allowed<ReadClients>, db: Data<Db>, list: List<ClientFilter>) -> Reply<Page<Client>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Create a client
///
/// Needs only the name that the person wants to be called. A way of contact is not allowed unless `safe_contact` allows
/// it. `possible_duplicates` names clients who may be the same person, if the caller may see them.
#[utoipa::path(
    tag = "Clients",
    params(IdempotencyKey),
    request_body = NewClient,
    responses((status = 201, body = Client)),
    security(("bearer" = ["clients:write"])),
)]
#[post("/clients")]
pub async fn create_client(
    who: Allowed<WriteClients>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewClient>,
) -> Reply<Client> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// Fetch one client
///
/// Read the safe-contact rules before you call. The id of a merged duplicate returns the surviving client.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    responses((status = 200, body = Client)),
    security(("bearer" = ["clients:read"])),
)]
#[get("/clients/{id}")]
pub async fn get_client(who: Allowed<ReadClients>, db: Data<Db>, id: Path<ClientId>) -> Reply<Client> {
    ok_record(db.peek(&who, move |tx| store::show(tx, *id)).await?)
}

/// Change a client
///
/// A JSON merge patch: absent members stay, `null` clears, and `safe_contact` is replaced as a whole.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path), IfMatch),
    request_body = ClientPatch,
    responses((status = 200, body = Client)),
    security(("bearer" = ["clients:write"])),
)]
#[patch("/clients/{id}")]
pub async fn update_client(
    who: Allowed<WriteClients>,
    db: Data<Db>,
    id: Path<ClientId>,
    version: IfMatch,
    patch: Body<ClientPatch>,
) -> Reply<Client> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// List possible duplicates of a client
///
/// The clients that the caller sees and that have names, a telephone number, an e-mail address or a date of birth in
/// common with this one, the likeliest first, ten at most. A supervisor may merge one into the other.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    responses((status = 200, body = PossibleDuplicates)),
    security(("bearer" = ["clients:read"])),
)]
#[get("/clients/{id}/possible-duplicates")]
pub async fn list_possible_duplicates(
    who: Allowed<ReadClients>,
    db: Data<Db>,
    id: Path<ClientId>,
) -> Reply<PossibleDuplicates> {
    ok_json(db.read(&who, move |tx| store::possible_duplicates(tx, *id)).await?)
}

/// Merge a duplicate client into another
///
/// Marks the client in the path as a duplicate of `into`. Its cases, statements, feedback and account move to `into`,
/// which also takes over missing fields. Both ids keep working; lists show only the surviving client. Where both have
/// an account, a statement in force or a draft, 409 `merge_conflict` says what must be decided first. Returns the
/// surviving client. A merge cannot be undone.
///
/// A way of contact stays allowed only where both records allow it. Needs a password that was entered within the last
/// ten minutes.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path), IdempotencyKey),
    request_body = ClientMerge,
    responses((status = 201, body = Client)),
    security(("bearer" = ["clients:merge"])),
)]
#[post("/clients/{id}/merge")]
pub async fn merge_client(
    who: RecentlyAuthenticated<MergeClients>,
    db: Data<Db>,
    id: Path<ClientId>,
    key: IdempotencyKey,
    body: Body<ClientMerge>,
) -> Reply<Client> {
    create_idempotent(&db, &who, key, body, move |tx, wanted| merge::merge(tx, *id, wanted)).await
}
