//! Handlers for feedback.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadFeedback, ReadPortal, WritePortal},
    },
    casework::clients::model::ClientId,
    db::Db,
    http::{Body, List, Once, Page, Reply, once, paged},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List what I have told you
///
/// The latest first.
#[utoipa::path(tag = "Portal", params(List<FeedbackFilter>), responses((status = 200, body = Page<MyFeedback>), (status = 404, description = "The caller is not linked to a client.")), security(("bearer" = ["portal:read"])))]
#[get("/me/feedback")]
pub async fn list_my_feedback(who: Allowed<ReadPortal>, db: Data<Db>, list: List<FeedbackFilter>) -> Reply<Page<MyFeedback>> {
    paged(db.read(&who, move |tx| store::own(tx, &list)).await?)
}

/// Tell you something
///
/// Of one of my cases, of a meeting, or of neither. It is read by whoever supports me there, and stays as it is.
#[utoipa::path(tag = "Portal", request_body = NewFeedback, responses((status = 201, body = MyFeedback)), security(("bearer" = ["portal:write"])))]
#[post("/me/feedback")]
pub async fn create_my_feedback(who: Allowed<WritePortal>, db: Data<Db>, request: Once, body: Body<NewFeedback>) -> Reply<MyFeedback> {
    once(&db, &who, request, body, store::create).await
}

/// List a client's feedback
///
/// What the client has told us, the latest first; what is about a case, to those who work in that case.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path), List<FeedbackFilter>), responses((status = 200, body = Page<Feedback>)), security(("bearer" = ["feedback:read"])))]
#[get("/clients/{id}/feedback")]
pub async fn list_client_feedback(
    who: Allowed<ReadFeedback>,
    db: Data<Db>,
    id: Path<ClientId>,
    list: List<FeedbackFilter>,
) -> Reply<Page<Feedback>> {
    paged(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}
