//! Handlers for services.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{MergeDirectory, ReadDirectory, WriteDirectory},
    },
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, ok_page, ok_record},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List services
///
/// The services that providers offer. A merged duplicate is not listed.
#[utoipa::path(
    tag = "Directory",
    params(List<ServiceFilter>),
    responses((status = 200, body = Page<Service>)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/services")]
pub async fn list_services(
    who: Allowed<ReadDirectory>,
    db: Data<Db>,
    list: List<ServiceFilter>,
) -> Reply<Page<Service>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Create a service
///
/// Needs a name, a provider and a status.
#[utoipa::path(
    tag = "Directory",
    params(IdempotencyKey),
    request_body = NewService,
    responses((status = 201, body = Service)),
    security(("bearer" = ["directory:write"])),
)]
#[post("/services")]
pub async fn create_service(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewService>,
) -> Reply<Service> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// Fetch one service
///
/// What it is, for whom, and how to get it. The id of a merged duplicate returns the surviving service.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ServiceId, Path)),
    responses((status = 200, body = Service)),
    security(("bearer" = ["directory:read"])),
)]
#[get("/services/{id}")]
pub async fn get_service(who: Allowed<ReadDirectory>, db: Data<Db>, id: Path<ServiceId>) -> Reply<Service> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a service
///
/// A JSON merge patch: absent members stay, `null` clears. The provider of a service cannot change. The id of a merged
/// duplicate changes the surviving service.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ServiceId, Path), IfMatch),
    request_body = ServicePatch,
    responses((status = 200, body = Service)),
    security(("bearer" = ["directory:write"])),
)]
#[patch("/services/{id}")]
pub async fn update_service(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    id: Path<ServiceId>,
    version: IfMatch,
    patch: Body<ServicePatch>,
) -> Reply<Service> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Merge a duplicate service into another
///
/// Marks the service in the path as a duplicate of `into`. Both must have the same provider. Everything that refers to
/// it then refers to `into`, which also takes over missing fields. Both ids keep working; lists show only the surviving
/// service. Returns the surviving service. A merge cannot be undone.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ServiceId, Path), IdempotencyKey),
    request_body = ServiceMerge,
    responses((status = 201, body = Service)),
    security(("bearer" = ["directory:merge"])),
)]
#[post("/services/{id}/merge")]
pub async fn merge_service(
    who: Allowed<MergeDirectory>,
    db: Data<Db>,
    id: Path<ServiceId>,
    key: IdempotencyKey,
    body: Body<ServiceMerge>,
) -> Reply<Service> {
    create_idempotent(&db, &who, key, body, move |tx, wanted| store::merge(tx, *id, wanted)).await
}
