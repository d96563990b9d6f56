//! Handlers for clients.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadClients, WriteClients},
    },
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List clients
///
/// A supervisor sees the clients of the own teams; an advocate those of the own cases, and those without a case yet that they entered.
#[utoipa::path(tag = "Clients", params(List<ClientFilter>), responses((status = 200, body = Page<Client>)), security(("bearer" = ["clients:read"])))]
#[get("/clients")]
pub async fn list_clients(who: Allowed<ReadClients>, db: Data<Db>, list: List<ClientFilter>) -> Reply<Page<Client>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Enter a client
///
/// Only the name that the person wants to be called is needed. What the safe-contact rules do not allow is not allowed.
#[utoipa::path(tag = "Clients", request_body = NewClient, responses((status = 201, body = Client)), security(("bearer" = ["clients:write"])))]
#[post("/clients")]
pub async fn create_client(who: Allowed<WriteClients>, db: Data<Db>, request: Once, body: Body<NewClient>) -> Reply<Client> {
    once(&db, &who, request, body, store::create).await
}

/// Fetch one client
///
/// With the safe-contact rules: read them before you call.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), responses((status = 200, body = Client)), security(("bearer" = ["clients:read"])))]
#[get("/clients/{id}")]
pub async fn get_client(who: Allowed<ReadClients>, db: Data<Db>, id: Path<ClientId>) -> Reply<Client> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?.into())
}

/// Change a client
///
/// A JSON merge patch: absent members stay, `null` clears, `safe_contact` is replaced as a whole.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), request_body = ClientPatch, responses((status = 200, body = Client)), security(("bearer" = ["clients:write"])))]
#[patch("/clients/{id}")]
pub async fn update_client(
    who: Allowed<WriteClients>,
    db: Data<Db>,
    id: Path<ClientId>,
    version: IfMatch,
    patch: Body<ClientPatch>,
) -> Reply<Client> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
