//! Handlers for one's own interests.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::DeclareInterests},
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, no_content, once, paged},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List my interests
///
/// What the caller has declared. Nobody else is shown it: a check for conflicts tells a supervisor that there is an interest, whether it is one of work, of money or a personal one, and no more.
#[utoipa::path(tag = "Me", params(List<InterestFilter>), responses((status = 200, body = Page<Interest>)), security(("bearer" = ["interests:own"])))]
#[get("/me/interests")]
pub async fn list_interests(who: Allowed<DeclareInterests>, db: Data<Db>, list: List<InterestFilter>) -> Reply<Page<Interest>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Declare an interest
///
/// That the caller has something to do with a provider besides the work. It counts from the day on which it begins to the day on which it ends, both included, and without them always.
#[utoipa::path(tag = "Me", request_body = NewInterest, responses((status = 201, body = Interest)), security(("bearer" = ["interests:own"])))]
#[post("/me/interests")]
pub async fn create_interest(who: Allowed<DeclareInterests>, db: Data<Db>, request: Once, body: Body<NewInterest>) -> Reply<Interest> {
    once(&db, &who, request, body, store::create).await
}

/// Withdraw an interest
///
/// It is taken away for good. Checks that found it stay as they are.
#[utoipa::path(tag = "Me", params(("id" = InterestId, Path)), responses((status = 204, description = "The interest is withdrawn.")), security(("bearer" = ["interests:own"])))]
#[delete("/me/interests/{id}")]
pub async fn delete_interest(who: Allowed<DeclareInterests>, db: Data<Db>, id: Path<InterestId>, version: IfMatch) -> Reply<()> {
    db.write(&who, move |tx| store::withdraw(tx, *id, &version)).await?;
    no_content()
}
