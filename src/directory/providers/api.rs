//! Handlers for providers.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{MergeDirectory, ReadDirectory, WriteDirectory},
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
/// Every provider that the organization has entered. Of duplicates that were merged, only the one that stays.
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
/// Who it is and how to reach it. The id of a merged duplicate answers the provider that it was merged into.
#[utoipa::path(tag = "Directory", params(("id" = ProviderId, Path)), responses((status = 200, body = Provider)), security(("bearer" = ["directory:read"])))]
#[get("/providers/{id}")]
pub async fn get_provider(who: Allowed<ReadDirectory>, db: Data<Db>, id: Path<ProviderId>) -> Reply<Provider> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a provider
///
/// A JSON merge patch: absent members stay, `null` clears. The id of a merged duplicate changes the provider that it was merged into.
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

/// Merge a duplicate provider into another
///
/// The provider of the path is found to be the one of `into` over again. What refers to it refers to the other from now on, which also takes over what it lacked; both ids go on resolving, and lists show the one that stays. Answers the one that stays. It cannot be undone.
#[utoipa::path(tag = "Directory", params(("id" = ProviderId, Path)), request_body = ProviderMerge, responses((status = 201, body = Provider)), security(("bearer" = ["directory:merge"])))]
#[post("/providers/{id}/merge")]
pub async fn merge_provider(
    who: Allowed<MergeDirectory>,
    db: Data<Db>,
    id: Path<ProviderId>,
    request: Once,
    body: Body<ProviderMerge>,
) -> Reply<Provider> {
    once(&db, &who, request, body, move |tx, wanted| store::merge(tx, *id, wanted)).await
}
