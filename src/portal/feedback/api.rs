//! Handlers for feedback.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadFeedback, ReadPortal, WritePortal},
    },
    casework::clients::model::ClientId,
    db::Db,
    http::{Body, IdempotencyKey, List, Page, Reply, create_idempotent, ok_page},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List my feedback
///
/// The newest first.
#[utoipa::path(
    tag = "Portal",
    params(List<FeedbackFilter>),
    responses(
        (status = 200, body = Page<MyFeedback>),
        (status = 404, description = "The caller is not linked to a client."),
    ),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/feedback")]
pub async fn list_my_feedback(
    who: Allowed<ReadPortal>,
    db: Data<Db>,
    list: List<FeedbackFilter>,
) -> Reply<Page<MyFeedback>> {
    ok_page(db.read(&who, move |tx| store::page_of_caller(tx, &list)).await?)
}

/// Give feedback
///
/// About one of my cases, about a meeting, or in general. The staff who support me there can read it. It cannot be
/// changed.
#[utoipa::path(
    tag = "Portal",
    params(IdempotencyKey),
    request_body = NewFeedback,
    responses((status = 201, body = MyFeedback)),
    security(("bearer" = ["portal:write"])),
)]
#[post("/me/feedback")]
pub async fn create_my_feedback(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewFeedback>,
) -> Reply<MyFeedback> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// List the feedback of a client
///
/// The newest first. Feedback about a case is shown only to those who work on that case.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path), List<FeedbackFilter>),
    responses((status = 200, body = Page<Feedback>)),
    security(("bearer" = ["feedback:read"])),
)]
#[get("/clients/{id}/feedback")]
pub async fn list_client_feedback(
    who: Allowed<ReadFeedback>,
    db: Data<Db>,
    id: Path<ClientId>,
    list: List<FeedbackFilter>,
) -> Reply<Page<Feedback>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}
