//! Handlers for services.

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

/// List services
///
/// What the providers offer that the organization has entered. Of duplicates that were merged, only the one that stays.
#[utoipa::path(tag = "Directory", params(List<ServiceFilter>), responses((status = 200, body = Page<Service>)), security(("bearer" = ["directory:read"])))]
#[get("/services")]
pub async fn list_services(who: Allowed<ReadDirectory>, db: Data<Db>, list: List<ServiceFilter>) -> Reply<Page<Service>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Enter a service
///
/// A name, the provider who offers it, and its status are needed.
#[utoipa::path(tag = "Directory", request_body = NewService, responses((status = 201, body = Service)), security(("bearer" = ["directory:write"])))]
#[post("/services")]
pub async fn create_service(who: Allowed<WriteDirectory>, db: Data<Db>, request: Once, body: Body<NewService>) -> Reply<Service> {
    once(&db, &who, request, body, store::create).await
}

/// Fetch one service
///
/// What it is, whom it is for and how to get it. The id of a merged duplicate answers the service that it was merged into.
#[utoipa::path(tag = "Directory", params(("id" = ServiceId, Path)), responses((status = 200, body = Service)), security(("bearer" = ["directory:read"])))]
#[get("/services/{id}")]
pub async fn get_service(who: Allowed<ReadDirectory>, db: Data<Db>, id: Path<ServiceId>) -> Reply<Service> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a service
///
/// A JSON merge patch: absent members stay, `null` clears. A service stays with its provider. The id of a merged duplicate changes the service that it was merged into.
#[utoipa::path(tag = "Directory", params(("id" = ServiceId, Path)), request_body = ServicePatch, responses((status = 200, body = Service)), security(("bearer" = ["directory:write"])))]
#[patch("/services/{id}")]
pub async fn update_service(
    who: Allowed<WriteDirectory>,
    db: Data<Db>,
    id: Path<ServiceId>,
    version: IfMatch,
    patch: Body<ServicePatch>,
) -> Reply<Service> {
    ok(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Merge a duplicate service into another
///
/// The service of the path is found to be the one of `into` over again. Both are of the same provider. What refers to it refers to the other from now on, which also takes over what it lacked; both ids go on resolving, and lists show the one that stays. Answers the one that stays. It cannot be undone.
#[utoipa::path(tag = "Directory", params(("id" = ServiceId, Path)), request_body = ServiceMerge, responses((status = 201, body = Service)), security(("bearer" = ["directory:merge"])))]
#[post("/services/{id}/merge")]
pub async fn merge_service(
    who: Allowed<MergeDirectory>,
    db: Data<Db>,
    id: Path<ServiceId>,
    request: Once,
    body: Body<ServiceMerge>,
) -> Reply<Service> {
    once(&db, &who, request, body, move |tx, wanted| store::merge(tx, *id, wanted)).await
}
