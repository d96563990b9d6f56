//! Handlers for providers.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{MergeDirectory, ReadDirectory, WriteDirectory},
    },
    db::Db,
    directory::Dependents,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List providers
///
/// All providers of the organization. A merged duplicate is not listed.
#[utoipa::path(
    tag = "Directory",
    params(List<ProviderFilter>),
    responses((status = 200, body = Page<Provider>)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/providers")]
pub async fn list_providers(
    who: Allowed<ReadDirectory>,
    db: Data<Db>,
    list: List<ProviderFilter>,
) -> Reply<Page<Provider>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Create a provider
///
/// Needs only its name.
#[utoipa::path(
    tag = "Directory",
    params(IdempotencyKey),
    request_body = NewProvider,
    responses((status = 201, body = Provider)),
    security(("bearer" = ["directory:write"])),
)]
#[post("/providers")]
pub async fn create_provider(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewProvider>,
) -> Reply<Provider> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// Fetch one provider
///
/// The id of a merged duplicate returns the surviving provider.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ProviderId, Path)),
    responses((status = 200, body = Provider)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/providers/{id}")]
pub async fn get_provider(who: Allowed<ReadDirectory>, db: Data<Db>, id: Path<ProviderId>) -> Reply<Provider> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a provider
///
/// A JSON merge patch: absent members stay, `null` clears. The id of a merged duplicate changes the surviving provider.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ProviderId, Path), IfMatch),
    request_body = ProviderPatch,
    responses((status = 200, body = Provider)),
    security(("bearer" = ["directory:write"])),
)]
#[patch("/providers/{id}")]
pub async fn update_provider(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    id: Path<ProviderId>,
    version: IfMatch,
    patch: Body<ProviderPatch>,
) -> Reply<Provider> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Merge a duplicate provider into another
///
/// Marks the provider in the path as a duplicate of `into`. Everything that refers to it then refers to `into`, which
/// also takes over missing fields. Both ids keep working; lists show only the surviving provider. Returns the surviving
/// provider. A merge cannot be undone.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ProviderId, Path), IdempotencyKey),
    request_body = ProviderMerge,
    responses((status = 201, body = Provider)),
    security(("bearer" = ["directory:merge"])),
)]
#[post("/providers/{id}/merge")]
pub async fn merge_provider(
    who: Allowed<MergeDirectory>,
    db: Data<Db>,
    id: Path<ProviderId>,
    key: IdempotencyKey,
    body: Body<ProviderMerge>,
    dependents: Data<Dependents>,
) -> Reply<Provider> {
    create_idempotent(&db, &who, key, body, move |tx, wanted| store::merge(tx, *id, wanted, &dependents)).await
}
