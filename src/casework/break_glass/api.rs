//! Handlers for break-glass.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadBreakGlass, WriteBreakGlass},
    },
    db::{Db, Tx},
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, no_content, ok_page, ok_record},
};
use crate::{
    identity::emails,
    mail::{Mailer, Outbox},
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List break-glass access
///
/// The caller's own accesses, and those to cases of the caller's teams, the newest first. With `reviewed=false`: those
/// without a review.
#[utoipa::path(
    tag = "Break-glass",
    params(List<BreakGlassFilter>),
    responses((status = 200, body = Page<BreakGlass>)),
    security(("bearer" = ["break_glass:read"])),
)]
#[get("/break-glass")]
pub async fn list_break_glass(
    who: Allowed<ReadBreakGlass>,
    db: Data<Db>,
    list: List<BreakGlassFilter>,
) -> Reply<Page<BreakGlass>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Use break-glass access
///
/// For four hours the caller may read this case of another team, its records and its client: each by its id, and the
/// lists under them. The case appears in no other list and in no search, and access is read-only. The case's timeline
/// shows it, the audit log marks each read, the supervisors of the case's team get an e-mail, and one of them reviews
/// it. Until that review the caller cannot open the same case again, nor more than three cases in all.
#[utoipa::path(
    tag = "Break-glass",
    params(IdempotencyKey),
    request_body = NewBreakGlass,
    responses((status = 201, body = BreakGlass)),
    security(("bearer" = ["break_glass:write"])),
)]
#[post("/break-glass")]
pub async fn break_glass(
    who: Allowed<WriteBreakGlass>,
    db: Data<Db>,
    mailer: Data<Mailer>,
    key: IdempotencyKey,
    body: Body<NewBreakGlass>,
) -> Reply<BreakGlass> {
    let outbox = Outbox::default();
    let out = outbox.clone();
    let create = move |tx: &mut Tx<'_>, new: &Body<NewBreakGlass>| {
        let (view, supervisors) = store::create(tx, new)?;
        out.put(supervisors.into_iter().map(emails::break_glass_opened).collect());
        Ok(view)
    };
    let reply = create_idempotent(&db, &who, key, body, create).await;
    outbox.send_after(&reply, &mailer);
    reply
}

/// Fetch one break-glass access
///
/// The caller's own, or one to a case of the caller's teams.
#[utoipa::path(
    tag = "Break-glass",
    params(("id" = BreakGlassId, Path)),
    responses((status = 200, body = BreakGlass)),
    security(("bearer" = ["break_glass:read"])),
)]
#[get("/break-glass/{id}")]
pub async fn get_break_glass(who: Allowed<ReadBreakGlass>, db: Data<Db>, id: Path<BreakGlassId>) -> Reply<BreakGlass> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// End break-glass access
///
/// By the person who opened it or a supervisor of the case. Records that they could see only with it are hidden at
/// once.
#[utoipa::path(
    tag = "Break-glass",
    params(("id" = BreakGlassId, Path), IfMatch),
    responses((status = 204, description = "It has ended.")),
    security(("bearer" = ["break_glass:write"])),
)]
#[delete("/break-glass/{id}")]
pub async fn end_break_glass(
    who: Allowed<WriteBreakGlass>,
    db: Data<Db>,
    id: Path<BreakGlassId>,
    version: IfMatch,
) -> Reply<()> {
    db.write(&who, move |tx| store::end(tx, *id, &version)).await?;
    no_content()
}

/// Review break-glass access
///
/// Once, after it has ended, by a supervisor of the case, and never by the person who opened it.
#[utoipa::path(
    tag = "Break-glass",
    params(("id" = BreakGlassId, Path), IdempotencyKey),
    request_body = BreakGlassReview,
    responses((status = 201, body = BreakGlass)),
    security(("bearer" = ["break_glass:write"])),
)]
#[post("/break-glass/{id}/review")]
pub async fn review_break_glass(
    who: Allowed<WriteBreakGlass>,
    db: Data<Db>,
    id: Path<BreakGlassId>,
    key: IdempotencyKey,
    body: Body<BreakGlassReview>,
) -> Reply<BreakGlass> {
    create_idempotent(&db, &who, key, body, move |tx, review| store::review(tx, *id, review)).await
}
