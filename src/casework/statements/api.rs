//! Handlers for statements.

use super::{
    diff::{DiffQuery, StatementDiff},
    model::*,
    print::{date, sheet},
    store,
};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{ReadStatements, WriteStatements},
    },
    casework::clients::model::ClientId,
    db::{Db, dialect::Key},
    error::{ApiError, Result},
    http::{
        Accept, Body, File, FileResponse, IdempotencyKey, IfMatch, List, OptionalIfMatch, Page, Query, Reply,
        body::NOTE_LIMIT, create_idempotent, ok_json, ok_page, ok_record,
    },
    print::{html, pdf},
    records::exports::{
        gate::ExportPermit,
        model::{ExportRecord, PrintFormat, PrintQuery},
        title_block,
    },
    types::Day,
};
use actix_web::{
    get, patch, post,
    web::{Data, Path, block},
};

/// List the versions of a client's statement
///
/// The newest first, with which sections have text and whether the client approved the version. Fetch a version to read
/// its text.
#[utoipa::path(
    tag = "Statements",
    params(("id" = ClientId, Path), List<StatementFilter>),
    responses((status = 200, body = Page<StatementSummary>)),
    security(("bearer" = ["statements:read"])),
)]
#[get("/clients/{id}/statements")]
pub async fn list_statements(
    who: Allowed<ReadStatements>,
    db: Data<Db>,
    id: Path<ClientId>,
    list: List<StatementFilter>,
) -> Reply<Page<StatementSummary>> {
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}

/// Create a version of a client's statement
///
/// A draft, empty or copied `from` the latest version. A client has at most one draft; 409 if there is one.
#[utoipa::path(
    tag = "Statements",
    params(("id" = ClientId, Path), IdempotencyKey),
    request_body = NewStatement,
    responses((status = 201, body = Statement)),
    security(("bearer" = ["statements:write"])),
)]
#[post("/clients/{id}/statements")]
pub async fn create_statement(
    who: Allowed<WriteStatements>,
    db: Data<Db>,
    id: Path<ClientId>,
    key: IdempotencyKey,
    body: Body<NewStatement, NOTE_LIMIT>,
) -> Reply<Statement> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::create(tx, *id, new)).await
}

/// Fetch one version of a statement
///
/// With its sections and, once given, the client's approval.
#[utoipa::path(
    tag = "Statements",
    params(("id" = StatementId, Path)),
    responses((status = 200, body = Statement)),
    security(("bearer" = ["statements:read"])),
)]
#[get("/statements/{id}")]
pub async fn get_statement(who: Allowed<ReadStatements>, db: Data<Db>, id: Path<StatementId>) -> Reply<Statement> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// Change a draft of a statement
///
/// A JSON merge patch by section: absent sections stay, `null` clears one. An approved version cannot change.
#[utoipa::path(
    tag = "Statements",
    params(("id" = StatementId, Path), IfMatch),
    request_body = StatementPatch,
    responses((status = 200, body = Statement)),
    security(("bearer" = ["statements:write"])),
)]
#[patch("/statements/{id}")]
pub async fn update_statement(
    who: Allowed<WriteStatements>,
    db: Data<Db>,
    id: Path<StatementId>,
    version: IfMatch,
    patch: Body<StatementPatch, NOTE_LIMIT>,
) -> Reply<Statement> {
    ok_record(db.write(&who, move |tx| store::update(tx, *id, &version, &patch)).await?)
}

/// Record the client's approval
///
/// This version is in force from now on and cannot change; the earlier one is superseded. At least one section must
/// have text. `If-Match` is optional; send it so that the approved version is the one that the client saw.
#[utoipa::path(
    tag = "Statements",
    params(("id" = StatementId, Path), OptionalIfMatch, IdempotencyKey),
    request_body = NewStatementApproval,
    responses((status = 201, body = Statement)),
    security(("bearer" = ["statements:write"])),
)]
#[post("/statements/{id}/approve")]
pub async fn approve_statement(
    who: Allowed<WriteStatements>,
    db: Data<Db>,
    id: Path<StatementId>,
    version: OptionalIfMatch,
    key: IdempotencyKey,
    body: Body<NewStatementApproval>,
) -> Reply<Statement> {
    create_idempotent(&db, &who, key, body, move |tx, approval| {
        store::approve(tx, *id, version.0.as_ref(), approval, approval.members())
    })
    .await
}

/// Compare two versions of a statement
///
/// What changed from another version of the same client's statement, or from the previous one, by section and word.
#[utoipa::path(
    tag = "Statements",
    params(("id" = StatementId, Path), DiffQuery),
    responses((status = 200, body = StatementDiff)),
    security(("bearer" = ["statements:read"])),
)]
#[get("/statements/{id}/diff")]
pub async fn compare_statements(
    who: Allowed<ReadStatements>,
    db: Data<Db>,
    id: Path<StatementId>,
    query: Query<DiffQuery>,
) -> Reply<StatementDiff> {
    ok_json(db.read(&who, move |tx| store::compare(tx, *id, query.against)).await?)
}

/// Print a statement
///
/// A page in plain language and large type, on A4 and on Letter: as HTML or as PDF, by `format` or by `Accept`. `for`
/// says who gets it: a copy for a recipient carries the notice of 42 CFR part 2, and one for internal use says so on
/// every page. An old version says that it is one, and so does a draft, which is printed for no recipient. Requires a
/// password entered within the last ten minutes and a reason. Not allowed with break-glass access. A PDF is refused
/// (`format_cannot_show_text`) if its fonts do not support the script; use HTML.
#[utoipa::path(
    tag = "Statements",
    params(("id" = StatementId, Path), PrintQuery),
    responses(
        (status = 200, content((String = "text/html"), (File = "application/pdf"))),
        (status = 409, description = "A draft cannot be printed for a recipient."),
    ),
    security(("bearer" = ["statements:read"])),
)]
#[get("/statements/{id}/print")]
pub async fn print_statement(
    who: RecentlyAuthenticated<ReadStatements>,
    db: Data<Db>,
    id: Path<StatementId>,
    query: Query<PrintQuery>,
    accept: Accept,
) -> Result<FileResponse> {
    let format = query.format.map_or_else(|| accept.choose(PrintFormat::HTML_FIRST), Ok)?;
    let (id, audience) = (*id, query.audience);
    let permit = ExportPermit::for_print(&who, &query)?;
    let (statement, name, organization) =
        permit.read_content(&db, &who, move |tx| store::printed(tx, id, audience)).await?;
    let mut sheet = sheet(&statement, &name);
    title_block::put(&mut sheet, &permit, &organization.name, &date(Day::today(&organization.time_zone)));
    let body = match format {
        PrintFormat::Html => html::render(&sheet).into_bytes(),
        // Rendering a PDF takes long, so it runs on a blocking thread.
        PrintFormat::Pdf => block(move || pdf::render(&sheet)).await.map_err(ApiError::internal)??,
    };
    let subject = Some(Key::from_uuid(id.uuid()));
    let taken = ExportRecord { what: "statement", subject, filter: Vec::new(), format: format.as_str(), rows: 1 };
    let entered = permit.record(&db, &who, taken, move |tx| store::export(tx, id, audience, format)).await?;
    Ok(match format {
        PrintFormat::Html => {
            entered.file("text/html; charset=utf-8", permit.file_name("html"), Some(&html::POLICY), body)
        }
        PrintFormat::Pdf => entered.file("application/pdf", permit.file_name("pdf"), None, body),
    })
}
