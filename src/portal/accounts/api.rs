//! Handlers for client accounts, which staff manage.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{ReadClients, WriteClients},
    },
    casework::clients::model::ClientId,
    db::Db,
    http::{Body, Reply, no_content, ok_json},
};
use actix_web::{
    delete, get, put,
    web::{Data, Path},
};

/// Fetch the user account of a client
///
/// 404 if no user is linked to the client.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    responses((status = 200, body = ClientAccount)),
    security(("bearer" = ["clients:read"])),
)]
#[get("/clients/{id}/account")]
pub async fn get_client_account(who: Allowed<ReadClients>, db: Data<Db>, id: Path<ClientId>) -> Reply<ClientAccount> {
    ok_json(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Link a user account to a client
///
/// The user sees the client's own record under `/me/client`, `/me/cases` and so on, and nothing else. The administrator
/// who created the user knows the user's id. A user who was linked to this client before no longer is.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    request_body = NewClientAccount,
    responses((status = 200, body = ClientAccount)),
    security(("bearer" = ["clients:write"])),
)]
#[put("/clients/{id}/account")]
pub async fn set_client_account(
    who: RecentlyAuthenticated<WriteClients>,
    db: Data<Db>,
    id: Path<ClientId>,
    body: Body<NewClientAccount>,
) -> Reply<ClientAccount> {
    ok_json(db.write(&who, move |tx| store::set(tx, *id, &body)).await?)
}

/// Unlink the user account of a client
///
/// From the next request on, that user can no longer see the client's record.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    responses((status = 204, description = "The client no longer has a user account.")),
    security(("bearer" = ["clients:write"])),
)]
#[delete("/clients/{id}/account")]
pub async fn remove_client_account(
    who: RecentlyAuthenticated<WriteClients>,
    db: Data<Db>,
    id: Path<ClientId>,
) -> Reply<()> {
    db.write(&who, move |tx| store::remove(tx, *id)).await?;
    no_content()
}
