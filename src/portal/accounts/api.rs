//! Handlers for accounts, which staff keep.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, Fresh,
        policy::{ReadClients, WriteClients},
    },
    casework::clients::model::ClientId,
    db::Db,
    http::{Body, Reply, no_content, plain},
};
use actix_web::{
    delete, get, put,
    web::{Data, Path},
};

/// Fetch a client's account
///
/// Who signs in as this client; 404 where nobody does.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), responses((status = 200, body = ClientAccount)), security(("bearer" = ["clients:read"])))]
#[get("/clients/{id}/account")]
pub async fn get_client_account(who: Allowed<ReadClients>, db: Data<Db>, id: Path<ClientId>) -> Reply<ClientAccount> {
    plain(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Let somebody sign in as a client
///
/// They see that client's own record under `/me/client`, `/me/cases` and so on, and nothing else. Their id is told by the administrator who has made their account. Whoever signed in as this client before does so no longer.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), request_body = NewClientAccount, responses((status = 200, body = ClientAccount)), security(("bearer" = ["clients:write"])))]
#[put("/clients/{id}/account")]
pub async fn set_client_account(
    who: Fresh<WriteClients>,
    db: Data<Db>,
    id: Path<ClientId>,
    body: Body<NewClientAccount>,
) -> Reply<ClientAccount> {
    plain(db.write(&who, move |tx| store::set(tx, *id, &body)).await?)
}

/// Let nobody sign in as a client
///
/// From the next request on, whoever did sees nothing of it any more.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), responses((status = 204, description = "Nobody signs in as the client.")), security(("bearer" = ["clients:write"])))]
#[delete("/clients/{id}/account")]
pub async fn remove_client_account(who: Fresh<WriteClients>, db: Data<Db>, id: Path<ClientId>) -> Reply<()> {
    db.write(&who, move |tx| store::remove(tx, *id)).await?;
    no_content()
}
