//! Handlers for case files.

use super::{model::*, print, store};
use crate::{
    auth::{Allowed, RecentlyAuthenticated, policy::ReadCaseFile},
    casework::cases::model::CaseId,
    db::{Db, dialect::Key},
    error::{ApiError, Result},
    http::{Accept, File, FileResponse, Query, Reply, ok_json},
    print::{html, pdf},
    records::exports::{
        gate::ExportPermit,
        model::{ExportRecord, PrintFormat, PrintQuery},
        title_block,
    },
};
use actix_web::{
    get,
    web::{Data, Path, block},
};
use tokio::sync::Semaphore;

/// Read a case file
///
/// Everything that happened in the case, in one answer. With `reader=supervision`: all that the caller may see, and
/// what happened in order. With `reader=client`: a version to read with the client, without anything that is for staff.
/// Has at most the newest 2,000 records of each kind; `left_out` counts the others.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), FileQuery),
    responses((status = 200, body = CaseFile)),
    security(("bearer" = ["case_file:read"])),
)]
#[get("/cases/{id}/file")]
pub async fn get_case_file(
    who: Allowed<ReadCaseFile>,
    db: Data<Db>,
    id: Path<CaseId>,
    query: Query<FileQuery>,
) -> Reply<CaseFile> {
    let reader = query.reader.unwrap_or(Reader::Supervision);
    ok_json(db.read(&who, move |tx| store::get(tx, *id, reader)).await?)
}

/// The number of files that are rendered at the same time. Long files take seconds of CPU time, which other requests
/// need, too.
static RENDER_PERMITS: Semaphore = Semaphore::const_new(2);

/// Print a case file
///
/// In large type: as PDF or as HTML, by `format` or by `Accept`. `for` says who gets it, and so what it holds:
/// `internal` all that the caller may see, `client` the client's version, `recipient` the client's version without
/// contacts, statement and places, under the notice of 42 CFR part 2. Requires a password entered within the last ten
/// minutes and a reason. Not allowed with break-glass access. A PDF is refused (`format_cannot_show_text`) if its fonts
/// do not support the script; use HTML.
#[utoipa::path(
    tag = "Cases",
    params(("id" = CaseId, Path), PrintQuery),
    responses(
        (status = 200, content((File = "application/pdf"), (String = "text/html"))),
        (status = 409, description = "A case that was entered in error cannot be printed for a recipient."),
    ),
    security(("bearer" = ["case_file:read"])),
)]
#[get("/cases/{id}/file/print")]
pub async fn print_case_file(
    who: RecentlyAuthenticated<ReadCaseFile>,
    db: Data<Db>,
    id: Path<CaseId>,
    query: Query<PrintQuery>,
    accept: Accept,
) -> Result<FileResponse> {
    let format = query.format.map_or_else(|| accept.choose(PrintFormat::PDF_FIRST), Ok)?;
    let (id, audience) = (*id, query.audience);
    let permit = ExportPermit::for_print(&who, &query)?;
    let (file, organization, by) = permit.read_content(&db, &who, move |tx| store::printed(tx, id, audience)).await?;
    let turn = RENDER_PERMITS.acquire().await.map_err(ApiError::internal)?;
    let about = permit.clone();
    // Rendering takes long, so it runs on a blocking thread. The closure owns the permit, so that it is held until
    // rendering ends even if the caller disconnects.
    let set = block(move || {
        let _turn = turn;
        let mut sheet = print::sheet(&file, &by, about.reason());
        title_block::put(&mut sheet, &about, &organization, &print::today(&file));
        match format {
            PrintFormat::Pdf => pdf::render(&print::for_pdf(sheet)),
            PrintFormat::Html => Ok(html::render(&sheet).into_bytes()),
        }
    });
    let body = set.await.map_err(ApiError::internal)??;
    let subject = Some(Key::from_uuid(id.uuid()));
    let taken = ExportRecord { what: "case_file", subject, filter: Vec::new(), format: format.as_str(), rows: 1 };
    let entered = permit.record(&db, &who, taken, move |tx| store::export(tx, id, audience, format)).await?;
    Ok(match format {
        PrintFormat::Pdf => entered.file("application/pdf", permit.file_name("pdf"), None, body),
        PrintFormat::Html => {
            entered.file("text/html; charset=utf-8", permit.file_name("html"), Some(&html::POLICY), body)
        }
    })
}
