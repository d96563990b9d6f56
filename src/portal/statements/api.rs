//! Handlers for a client's own statement.

use super::model::*;
use crate::{
    auth::{
        Allowed,
        policy::{ReadPortal, WritePortal},
    },
    casework::statements::{
        model::{NewStatement, StatementFilter, StatementId, StatementPatch},
        store,
    },
    db::Db,
    http::{Body, IfMatch, List, Once, Page, Reply, body::NOTE_LIMIT, ok, once, paged},
    portal::{hold_own, own},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the versions of my statement
///
/// The latest first: which sections say something and whether I approved it. What they say is fetched one by one.
#[utoipa::path(tag = "Portal", params(List<StatementFilter>), responses((status = 200, body = Page<MyStatementSummary>), (status = 404, description = "The caller is not linked to a client.")), security(("bearer" = ["portal:read"])))]
#[get("/me/statements")]
pub async fn list_my_statements(who: Allowed<ReadPortal>, db: Data<Db>, list: List<StatementFilter>) -> Reply<Page<MyStatementSummary>> {
    let page = db.read(&who, move |tx| own(tx).and_then(|own| store::page(tx, own, &list))).await?;
    paged(page.map(MyStatementSummary::from))
}

/// Begin a new version of my statement
///
/// A draft, empty or `from` the latest version. There is one draft at a time, whoever began it: while there is one, this is a 409.
#[utoipa::path(tag = "Portal", request_body = NewStatement, responses((status = 201, body = MyStatement)), security(("bearer" = ["portal:write"])))]
#[post("/me/statements")]
pub async fn create_my_statement(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    request: Once,
    body: Body<NewStatement, NOTE_LIMIT>,
) -> Reply<MyStatement> {
    once(&db, &who, request, body, move |tx, new| {
        let own = hold_own(tx)?;
        Ok(store::create(tx, own, new)?.into())
    })
    .await
}

/// Fetch one version of my statement
///
/// With its sections, and with my approval once it is given.
#[utoipa::path(tag = "Portal", params(("id" = StatementId, Path)), responses((status = 200, body = MyStatement)), security(("bearer" = ["portal:read"])))]
#[get("/me/statements/{id}")]
pub async fn get_my_statement(who: Allowed<ReadPortal>, db: Data<Db>, id: Path<StatementId>) -> Reply<MyStatement> {
    ok(db.peek(&who, move |tx| own(tx).and_then(|_| store::get(tx, *id))).await?.into())
}

/// Change a draft of my statement
///
/// A JSON merge patch, section by section: absent sections stay, `null` empties one. What I have approved is never changed.
#[utoipa::path(tag = "Portal", params(("id" = StatementId, Path)), request_body = StatementPatch, responses((status = 200, body = MyStatement)), security(("bearer" = ["portal:write"])))]
#[patch("/me/statements/{id}")]
pub async fn update_my_statement(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    id: Path<StatementId>,
    version: IfMatch,
    patch: Body<StatementPatch, NOTE_LIMIT>,
) -> Reply<MyStatement> {
    let changed = db.write(&who, move |tx| hold_own(tx).and_then(|_| store::update(tx, *id, &version, &patch))).await?;
    ok(changed.into())
}

/// Approve my statement
///
/// From then on this version is in force and never changes; the one before is superseded. At least one section must say something. `If-Match` says which version was read: what is approved is what was shown.
#[utoipa::path(tag = "Portal", params(("id" = StatementId, Path)), responses((status = 200, body = MyStatement)), security(("bearer" = ["portal:write"])))]
#[post("/me/statements/{id}/approve")]
pub async fn approve_my_statement(who: Allowed<WritePortal>, db: Data<Db>, id: Path<StatementId>, version: IfMatch) -> Reply<MyStatement> {
    let approved = db
        .write(&who, move |tx| {
            hold_own(tx)?;
            store::approve(tx, *id, Some(&version), &GIVEN_HERE, Vec::new())
        })
        .await?;
    ok(approved.into())
}
