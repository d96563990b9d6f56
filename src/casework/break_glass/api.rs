//! Handlers for break-glass.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadBreakGlass, WriteBreakGlass},
    },
    db::{Db, Tx},
    http::{Body, IfMatch, List, Once, Page, Reply, no_content, ok, once, paged},
};
use crate::{
    identity::emails,
    mail::{Outbox, Post},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List break-glass
///
/// The caller's own, and those on cases of the caller's teams, newest first. What waits for a review: `reviewed=false`.
#[utoipa::path(tag = "Break-glass", params(List<BreakGlassFilter>), responses((status = 200, body = Page<BreakGlass>)), security(("bearer" = ["break_glass:read"])))]
#[get("/break-glass")]
pub async fn list_break_glass(who: Allowed<ReadBreakGlass>, db: Data<Db>, list: List<BreakGlassFilter>) -> Reply<Page<BreakGlass>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Break glass
///
/// For four hours the caller may read this case of another team, what hangs on it, and its client: each by its id, and the lists under
/// them. They find it in no other list and by no search, and change nothing in it. It stands on the case's timeline, each look is marked
/// in the trace, the supervisors of its team are written to, and one of them reviews it. Until then the same person breaks it for this case no
/// more, and for three cases at the most.
#[utoipa::path(tag = "Break-glass", request_body = NewBreakGlass, responses((status = 201, body = BreakGlass)), security(("bearer" = ["break_glass:write"])))]
#[post("/break-glass")]
pub async fn break_glass(
    who: Allowed<WriteBreakGlass>,
    db: Data<Db>,
    post: Data<Post>,
    request: Once,
    body: Body<NewBreakGlass>,
) -> Reply<BreakGlass> {
    let outbox = Outbox::default();
    let out = outbox.clone();
    let create = move |tx: &mut Tx<'_>, new: &Body<NewBreakGlass>| {
        let (view, told) = store::create(tx, new)?;
        out.put(told.into_iter().map(emails::glass_was_broken).collect());
        Ok(view)
    };
    let reply = once(&db, &who, request, body, create).await;
    outbox.send_after(&reply, &post);
    reply
}

/// Fetch one break-glass
///
/// One's own, or one on a case of the caller's teams.
#[utoipa::path(tag = "Break-glass", params(("id" = BreakGlassId, Path)), responses((status = 200, body = BreakGlass)), security(("bearer" = ["break_glass:read"])))]
#[get("/break-glass/{id}")]
pub async fn get_break_glass(who: Allowed<ReadBreakGlass>, db: Data<Db>, id: Path<BreakGlassId>) -> Reply<BreakGlass> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// End break-glass
///
/// By who opened it, or by a supervisor of the case. What was seen only by it is hidden at once.
#[utoipa::path(tag = "Break-glass", params(("id" = BreakGlassId, Path)), responses((status = 204, description = "It has ended.")), security(("bearer" = ["break_glass:write"])))]
#[delete("/break-glass/{id}")]
pub async fn end_break_glass(who: Allowed<WriteBreakGlass>, db: Data<Db>, id: Path<BreakGlassId>, version: IfMatch) -> Reply<()> {
    db.write(&who, move |tx| store::end(tx, *id, &version)).await?;
    no_content()
}

/// Review break-glass
///
/// Once, when it is over, by a supervisor of the case, and never by who opened it.
#[utoipa::path(tag = "Break-glass", params(("id" = BreakGlassId, Path)), request_body = BreakGlassReview, responses((status = 201, body = BreakGlass)), security(("bearer" = ["break_glass:write"])))]
#[post("/break-glass/{id}/review")]
pub async fn review_break_glass(
    who: Allowed<WriteBreakGlass>,
    db: Data<Db>,
    id: Path<BreakGlassId>,
    request: Once,
    body: Body<BreakGlassReview>,
) -> Reply<BreakGlass> {
    once(&db, &who, request, body, move |tx, review| store::review(tx, *id, review)).await
}
