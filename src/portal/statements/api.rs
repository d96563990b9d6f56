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
    http::{Body, IdempotencyKey, IfMatch, List, Page, Reply, body::NOTE_LIMIT, create_idempotent, ok_page, ok_record},
    portal::{client_of_caller, lock_client_of_caller},
};
use actix_web::{
    get, patch, post,
    web::{Data, Path},
};

/// List the versions of my statement
///
/// The newest first, with which sections have text and whether I approved the version. Fetch a version to read its
/// text.
#[utoipa::path(
    tag = "Portal",
    params(List<StatementFilter>),
    responses(
        (status = 200, body = Page<MyStatementSummary>),
        (status = 404, description = "The caller is not linked to a client."),
    ),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/statements")]
pub async fn list_my_statements(
    who: Allowed<ReadPortal>,
    db: Data<Db>,
    list: List<StatementFilter>,
) -> Reply<Page<MyStatementSummary>> {
    let page = db.read(&who, move |tx| client_of_caller(tx).and_then(|client| store::page(tx, client, &list))).await?;
    ok_page(page.map(MyStatementSummary::from))
}

/// Create a version of my statement
///
/// A draft, empty or copied `from` the latest version. There is at most one draft, whoever created it; 409 if there is
/// one.
#[utoipa::path(
    tag = "Portal",
    params(IdempotencyKey),
    request_body = NewStatement,
    responses((status = 201, body = MyStatement)),
    security(("bearer" = ["portal:write"])),
)]
#[post("/me/statements")]
pub async fn create_my_statement(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewStatement, NOTE_LIMIT>,
) -> Reply<MyStatement> {
    create_idempotent(&db, &who, key, body, move |tx, new| {
        let client = lock_client_of_caller(tx)?;
        Ok(store::create(tx, client, new)?.into())
    })
    .await
}

/// Fetch one version of my statement
///
/// With its sections and, once given, my approval.
#[utoipa::path(
    tag = "Portal",
    params(("id" = StatementId, Path)),
    responses((status = 200, body = MyStatement)),
    security(("bearer" = ["portal:read"])),
)]
#[get("/me/statements/{id}")]
pub async fn get_my_statement(who: Allowed<ReadPortal>, db: Data<Db>, id: Path<StatementId>) -> Reply<MyStatement> {
    ok_record(db.peek(&who, move |tx| client_of_caller(tx).and_then(|_| store::get(tx, *id))).await?.into())
}

/// Change a draft of my statement
///
/// A JSON merge patch by section: absent sections stay, `null` clears one. An approved version cannot change.
#[utoipa::path(
    tag = "Portal",
    params(("id" = StatementId, Path), IfMatch),
    request_body = StatementPatch,
    responses((status = 200, body = MyStatement)),
    security(("bearer" = ["portal:write"])),
)]
#[patch("/me/statements/{id}")]
pub async fn update_my_statement(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    id: Path<StatementId>,
    version: IfMatch,
    patch: Body<StatementPatch, NOTE_LIMIT>,
) -> Reply<MyStatement> {
    let changed = db
        .write(&who, move |tx| lock_client_of_caller(tx).and_then(|_| store::update(tx, *id, &version, &patch)))
        .await?;
    ok_record(changed.into())
}

/// Approve my statement
///
/// This version is in force from now on and cannot change; the earlier one is superseded. At least one section must
/// have text. `If-Match` says which version I read.
#[utoipa::path(
    tag = "Portal",
    params(("id" = StatementId, Path), IfMatch),
    responses((status = 200, body = MyStatement)),
    security(("bearer" = ["portal:write"])),
)]
#[post("/me/statements/{id}/approve")]
pub async fn approve_my_statement(
    who: Allowed<WritePortal>,
    db: Data<Db>,
    id: Path<StatementId>,
    version: IfMatch,
) -> Reply<MyStatement> {
    let approved = db
        .write(&who, move |tx| {
            lock_client_of_caller(tx)?;
            store::approve(tx, *id, Some(&version), &GIVEN_HERE, Vec::new())
        })
        .await?;
    ok_record(approved.into())
}
