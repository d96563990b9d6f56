//! Handlers for teams.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, UserId,
        policy::{ReadTeams, WriteTeams},
    },
    db::Db,
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, create_idempotent, no_content, ok_page, ok_record},
};
use actix_web::{
    delete, get, patch, post, put,
    web::{Data, Path},
};

/// List teams
///
/// An administrator sees every team of the organization; others see their own teams, and a supervisor also the teams to
/// which they are currently a deputy.
#[utoipa::path(
    tag = "Teams",
    params(List<TeamFilter>),
    responses((status = 200, body = Page<Team>)),
    security(("bearer" = ["teams:read"])),
)]
#[get("/teams")]
pub async fn list_teams(who: Allowed<ReadTeams>, db: Data<Db>, list: List<TeamFilter>) -> Reply<Page<Team>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Create a team
///
/// The name must be unique in the organization.
#[utoipa::path(
    tag = "Teams",
    params(IdempotencyKey),
    request_body = NewTeam,
    responses((status = 201, body = Team)),
    security(("bearer" = ["teams:write"])),
)]
#[post("/teams")]
pub async fn create_team(
    who: Allowed<WriteTeams>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewTeam>,
) -> Reply<Team> {
    let make = |tx: &mut crate::db::Tx<'_>, new: &Body<NewTeam>| {
        let row = TeamRow::new(tx.organization(), new.name.clone());
        store::insert(tx, &row)?;
        Ok(row.into())
    };
    create_idempotent(&db, &who, key, body, make).await
}

/// Fetch one team
///
/// A team that the caller may see.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path)),
    responses((status = 200, body = Team)),
    security(("bearer" = ["teams:read"])),
)]
#[get("/teams/{id}")]
pub async fn get_team(who: Allowed<ReadTeams>, db: Data<Db>, id: Path<TeamId>) -> Reply<Team> {
    ok_record(db.peek(&who, move |tx| store::find(tx, *id)).await?.into())
}

/// Change a team
///
/// Only the name can change.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), IfMatch),
    request_body = TeamPatch,
    responses((status = 200, body = Team)),
    security(("bearer" = ["teams:write"])),
)]
#[patch("/teams/{id}")]
pub async fn update_team(
    who: Allowed<WriteTeams>,
    db: Data<Db>,
    id: Path<TeamId>,
    version: IfMatch,
    patch: Body<TeamPatch>,
) -> Reply<Team> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// List the members of a team
///
/// The members, and since when.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), List<MemberFilter>),
    responses((status = 200, body = Page<TeamMember>)),
    security(("bearer" = ["teams:read"])),
)]
#[get("/teams/{id}/members")]
pub async fn list_team_members(
    who: Allowed<ReadTeams>,
    db: Data<Db>,
    id: Path<TeamId>,
    list: List<MemberFilter>,
) -> Reply<Page<TeamMember>> {
    ok_page(db.read(&who, move |tx| store::members(tx, *id, &list)).await?)
}

/// Add a member to a team
///
/// A user of the same organization. Adding a member again changes nothing.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), ("user_id" = UserId, Path)),
    responses((status = 204, description = "The person is in the team.")),
    security(("bearer" = ["teams:write"])),
)]
#[put("/teams/{id}/members/{user_id}")]
pub async fn add_team_member(who: Allowed<WriteTeams>, db: Data<Db>, path: Path<(TeamId, UserId)>) -> Reply<()> {
    let (id, user) = path.into_inner();
    db.write(&who, move |tx| {
        let team = store::find(tx, id)?;
        store::add_member(tx, team.id, user)
    })
    .await?;
    no_content()
}

/// Remove a member from a team
///
/// What the user could see only through this team is hidden at once.
#[utoipa::path(
    tag = "Teams",
    params(("id" = TeamId, Path), ("user_id" = UserId, Path)),
    responses((status = 204, description = "The person is no longer in the team.")),
    security(("bearer" = ["teams:write"])),
)]
#[delete("/teams/{id}/members/{user_id}")]
pub async fn remove_team_member(who: Allowed<WriteTeams>, db: Data<Db>, path: Path<(TeamId, UserId)>) -> Reply<()> {
    let (id, user) = path.into_inner();
    db.write(&who, move |tx| store::remove_member(tx, id, user)).await?;
    no_content()
}
