//! Handlers for case files.

use super::{model::*, print, store};
use crate::{
    auth::{Allowed, Fresh, policy::ReadCaseFile},
    casework::cases::model::CaseId,
    db::Db,
    error::{ApiError, Result},
    http::{Accept, File, Query, Reply, Shown, plain},
    print::{html, pdf},
};
use actix_web::{
    get,
    web::{Data, Path, block},
};
use tokio::sync::Semaphore;

/// Read the file of a case
///
/// Everything that happened in it, in one answer: for `supervision` all that the caller may see, with a story of it in order; for `client` a version to go through with the client, which has no member for what is for staff. The newest 2,000 records of a kind; `left_out` says how many more there are.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path), FileQuery), responses((status = 200, body = CaseFile)), security(("bearer" = ["case_file:read"])))]
#[get("/cases/{id}/file")]
pub async fn get_case_file(who: Allowed<ReadCaseFile>, db: Data<Db>, id: Path<CaseId>, query: Query<FileQuery>) -> Reply<CaseFile> {
    let reader = query.reader.unwrap_or(Reader::Supervision);
    plain(db.read(&who, move |tx| store::get(tx, *id, reader)).await?)
}

/// How many files are set at once: long ones take seconds, and the processors are everybody's.
static PRESSES: Semaphore = Semaphore::const_new(2);

/// Hand out the file of a case
///
/// The same to be printed, in large type: as PDF or as HTML, by `format` or by `Accept`. Asks for a password that was said within the last ten minutes, and for a reason. Not for whoever reads the case by break-glass.
#[utoipa::path(tag = "Cases", params(("id" = CaseId, Path), FilePrintQuery), responses((status = 200, content((File = "application/pdf"), (String = "text/html")))), security(("bearer" = ["case_file:read"])))]
#[get("/cases/{id}/file/print")]
pub async fn print_case_file(
    who: Fresh<ReadCaseFile>,
    db: Data<Db>,
    id: Path<CaseId>,
    query: Query<FilePrintQuery>,
    accept: Accept,
) -> Result<Shown> {
    let format = query.format.map_or_else(|| accept.choose(FileFormat::MEDIA), Ok)?;
    let (reader, reason) = (query.reader.unwrap_or(Reader::Supervision), query.reason.clone());
    let (id, given) = (*id, reason.clone());
    db.write(&who, move |tx| store::enter_export(tx, id, reader, format, &given)).await?;
    let (file, by) = db.read(&who, move |tx| store::export(tx, id, reader, format)).await?;
    let turn = PRESSES.acquire().await.map_err(ApiError::internal)?;
    // Setting pages takes its time: not on the thread that answers everybody. Whoever has gone away meanwhile still has the turn.
    let set = block(move || {
        let _turn = turn;
        let sheet = print::sheet(&file, &by, &reason);
        match format {
            FileFormat::Pdf => pdf::render(&print::for_pdf(sheet)),
            FileFormat::Html => Ok(html::render(&sheet).into_bytes()),
        }
    });
    let body = set.await.map_err(ApiError::internal)??;
    Ok(match format {
        FileFormat::Pdf => Shown { media: "application/pdf", filename: "case-file.pdf".into(), attached: true, policy: None, body },
        FileFormat::Html => Shown {
            media: "text/html; charset=utf-8",
            filename: "case-file.html".into(),
            attached: true,
            policy: Some(&html::POLICY),
            body,
        },
    })
}
