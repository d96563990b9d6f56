//! Handlers for providers.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDirectory, WriteDirectory},
    },
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, ok, once, paged},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List providers
///
/// Every provider that the organization has entered.
#[utoipa::path(tag = "Directory", params(List<ProviderFilter>), responses((status = 200, body = Page<Provider>)), security(("bearer" = ["directory:read"])))]
#[get("/providers")]
pub async fn list_providers(who: Allowed<ReadDirectory>, db: Data<Db>, list: List<ProviderFilter>) -> Reply<Page<Provider>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Enter a provider
///
/// Only its name is needed.
#[utoipa::path(tag = "Directory", request_body = NewProvider, responses((status = 201, body = Provider)), security(("bearer" = ["directory:write"])))]
#[post("/providers")]
pub async fn create_provider(who: Allowed<WriteDirectory>, db: Data<Db>, request: Once, body: Body<NewProvider>) -> Reply<Provider> {
    once(&db, &who, request, body, store::create).await
}

/// Fetch one provider
///
/// Who it is and how to reach it.
#[utoipa::path(tag = "Directory", params(("id" = ProviderId, Path)), responses((status = 200, body = Provider)), security(("bearer" = ["directory:read"])))]
#[get("/providers/{id}")]
pub async fn get_provider(who: Allowed<ReadDirectory>, db: Data<Db>, id: Path<ProviderId>) -> Reply<Provider> {
    ok(db.peek(&who, move |tx| store::find(tx, *id)).await?.into())
}

/// Change a provider
///
/// A JSON merge patch: absent members stay, `null` clears.
#[utoipa::path(tag = "Directory", params(("id" = ProviderId, Path)), request_body = ProviderPatch, responses((status = 200, body = Provider)), security(("bearer" = ["directory:write"])))]
#[patch("/providers/{id}")]
pub async fn update_provider(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    id: Path<ProviderId>,
    version: IfMatch,
    patch: Body<ProviderPatch>,
) -> Reply<Provider> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}
