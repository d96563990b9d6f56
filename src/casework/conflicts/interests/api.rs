//! Handlers for the caller's own interests.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::DeclareInterests},
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, no_content, ok_page},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List my interests
///
/// The interests that the caller declared. Nobody else sees them: a conflict check shows a supervisor only that there
/// is an interest, and whether it concerns work or money, or is personal.
#[utoipa::path(
    tag = "Me",
    params(List<InterestFilter>),
    responses((status = 200, body = Page<Interest>)),
    security(("bearer" = ["interests:own"])),
)]
#[get("/me/interests")]
pub async fn list_interests(
    who: Allowed<DeclareInterests>,
    db: Data<Db>,
    list: List<InterestFilter>,
) -> Reply<Page<Interest>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Declare an interest
///
/// A relation of the caller to a provider outside the work. It counts from its first day to its last, both included;
/// without them it always counts.
#[utoipa::path(
    tag = "Me",
    params(IdempotencyKey),
    request_body = NewInterest,
    responses((status = 201, body = Interest)),
    security(("bearer" = ["interests:own"])),
)]
#[post("/me/interests")]
pub async fn create_interest(
    who: Allowed<DeclareInterests>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewInterest>,
) -> Reply<Interest> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// Withdraw an interest
///
/// Deletes the interest for good. Checks that found it do not change.
#[utoipa::path(
    tag = "Me",
    params(("id" = InterestId, Path), IfMatch),
    responses((status = 204, description = "The interest is withdrawn.")),
    security(("bearer" = ["interests:own"])),
)]
#[delete("/me/interests/{id}")]
pub async fn delete_interest(
    who: Allowed<DeclareInterests>,
    db: Data<Db>,
    id: Path<InterestId>,
    version: IfMatch,
) -> Reply<()> {
    db.write(&who, move |tx| store::withdraw(tx, *id, &version)).await?;
    no_content()
}
