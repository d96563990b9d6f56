//! Handlers for deputies.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadTeams, WriteTeams},
    },
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, no_content, ok_page},
    identity::teams::model::TeamId,
};
use actix_web::{
    delete, get, post,
    web::{Data, Path},
};

/// List the deputies of a team
///
/// Past, current and future deputies, with their days. An advocate does not see the reason.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), List<DeputyFilter>),
    responses((status = 200, body = Page<Deputy>)),
    security(("bearer" = ["teams:read"])),
)]
#[get("/teams/{id}/deputies")]
pub async fn list_deputies(
    who: Allowed<ReadTeams>,
    db: Data<Db>,
    id: Path<TeamId>,
    list: List<DeputyFilter>,
) -> Reply<Page<Deputy>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Add a deputy to a team
///
/// From the start of the first day to the end of the last, in the organization's time zone, the deputy can do what the
/// team's own supervisor can.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), IdempotencyKey),
    request_body = NewDeputy,
    responses((status = 201, body = Deputy)),
    security(("bearer" = ["teams:write"])),
)]
#[post("/teams/{id}/deputies")]
pub async fn create_deputy(
    who: Allowed<WriteTeams>,
    db: Data<Db>,
    id: Path<TeamId>,
    key: IdempotencyKey,
    body: Body<NewDeputy>,
) -> Reply<Deputy> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// End a deputyship
///
/// Now, or before it starts. What the deputy could see only through it is hidden at once.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), ("deputy_id" = DeputyId, Path), IfMatch),
    responses((status = 204, description = "The deputyship has ended.")),
    security(("bearer" = ["teams:write"])),
)]
#[delete("/teams/{id}/deputies/{deputy_id}")]
pub async fn end_deputy(
    who: Allowed<WriteTeams>,
    db: Data<Db>,
    path: Path<(TeamId, DeputyId)>,
    version: IfMatch,
) -> Reply<()> {
    let (team, id) = path.into_inner();
    db.write(&who, move |tx| store::end(tx, team, id, &version)).await?;
    no_content()
}
