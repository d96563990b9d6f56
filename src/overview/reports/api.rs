//! Handlers for reports.

use super::{measure, model::*, render, request::*, runner};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{ExportReports, ReadReports},
    },
    db::Db,
    error::{ApiError, Result},
    http::{Accept, Answer, File, FileResponse, Query, Reply, Streamed, ok_json},
    records::exports::gate::ExportPermit,
};
use actix_web::{
    Either, get,
    web::{Data, Path, block},
};
use tokio::sync::Semaphore;

/// List reports
///
/// Each measure with its definition, what it leaves out, the groups that it supports and its formats.
#[utoipa::path(
    tag = "Reports",
    responses((status = 200, body = ReportDefinitions)),
    security(("bearer" = ["reports:read"])),
)]
#[get("/reports")]
pub async fn list_reports(_who: Allowed<ReadReports>) -> Reply<ReportDefinitions> {
    ok_json(ReportDefinitions { items: measure::all().map(ReportDefinition::from).collect() })
}

/// How many files are rendered at a time. All requests share the processors.
static RENDER_PERMITS: Semaphore = Semaphore::const_new(2);

/// Get a report
///
/// Counts what was on record at a moment, so that the same request with the same `as_of` gives the same numbers
/// whenever it is sent. An advocate gets exact numbers of the cases that they work in, a supervisor those of their
/// teams. An administrator gets the organization, with small numbers hidden and the others in steps; `view=protected`
/// does the same for a report that is handed to others.
///
/// CSV, XLSX and PDF are exports: they need a `reason`, and a password entered within the last ten minutes. Every file,
/// including SVG, is protected unless `view=exact` is requested, and an exact one says `Exact numbers: internal` on
/// every page, sheet and line. Every file names the organization, the teams and the period, and so does its file name.
/// The first line of a CSV file is the header. The last columns of each line say what its numbers cover:
/// `organization`, `teams`, `period_first_day`, `period_last_day`, `as_of`, `time_zone`, `view` and `notice`. JSON says
/// the same in `scope`, `from`, `to` and `filters`.
#[utoipa::path(
    tag = "Reports",
    params(("measure" = String, Path, description = "The id of a measure.", example = "barriers_open"), ReportQuery),
    responses(
        (
            status = 200,
            content(
                (Report = "application/json"),
                (String = "text/csv"),
                (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
                (File = "application/pdf"),
                (String = "image/svg+xml"),
            ),
        ),
    ),
    security(("bearer" = ["reports:read"])),
)]
#[get("/reports/{measure}")]
pub async fn get_report(
    who: Allowed<ReadReports>,
    db: Data<Db>,
    name: Path<String>,
    query: Query<ReportQuery>,
    accept: Accept,
) -> Result<Either<Answer<Report>, FileResponse>> {
    let measure = measure::find(&name).ok_or_else(ApiError::not_found)?;
    let format = query.format.map_or_else(|| accept.choose(ReportFormat::MEDIA), Ok)?;
    let permit = if format.is_export() { Some(ExportPermit::for_report(&who, query.reason.as_ref())?) } else { None };
    let query = ReportQuery { format: Some(format), ..query.clone() };
    let report = runner::report(&db, &who, measure, query).await?;
    if format == ReportFormat::Json {
        return ok_json(report).map(Either::Left);
    }
    // Rendering pages takes time, so it does not run on the thread that serves all requests.
    let filename = render::filename(&report, format).into();
    let render_permit = RENDER_PERMITS.acquire().await.map_err(ApiError::internal)?;
    let (export_record, protected) =
        (runner::export_record(&report, measure, format), report.filters.view == View::Protected);
    let render = move || {
        let _render_permit = render_permit; // held until the file is rendered, even if the client has disconnected
        render::file(&report, measure, format)
    };
    let body = block(render).await.map_err(ApiError::internal)??;
    let media = match format {
        ReportFormat::Csv => "text/csv; charset=utf-8; header=present",
        _ => ReportFormat::MEDIA
            .iter()
            .find(|(_, offered)| *offered == format)
            .map_or("application/octet-stream", |(media, _)| media),
    };
    let Some(permit) = permit else {
        // A chart for the screen: the numbers that JSON has too, and no client's record.
        return Ok(Either::Right(FileResponse { media, filename, attached: false, policy: None, body }));
    };
    let permit = if protected { permit.deidentified() } else { permit };
    let recorded = permit.record(&db, &who, export_record, |_| Ok(Vec::new())).await?;
    Ok(Either::Right(recorded.file(media, filename, None, body)))
}

/// List the records behind a number
///
/// One line for each record that the measure counts, with its case and its client, so that a number can be verified: as
/// CSV or as XLSX, by `format` or by `Accept`. The last record of the CSV, and a sheet of the XLSX, is the notice of 42
/// CFR part 2. The list covers the caller's teams. It is an export like any other: `GET /exports` keeps the reason and
/// the clients, and the access log of each client gets an entry. Not every measure has such a list: see `records` in
/// the list of measures.
#[utoipa::path(
    tag = "Reports",
    params(("measure" = String, Path, description = "The id of a measure.", example = "barriers_open"), RecordsQuery),
    responses(
        (
            status = 200,
            content(
                (String = "text/csv"),
                (File = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ),
        ),
    ),
    security(("bearer" = ["reports:export"])),
)]
#[get("/reports/{measure}/records")]
pub async fn list_report_records(
    who: RecentlyAuthenticated<ExportReports>,
    db: Data<Db>,
    name: Path<String>,
    query: Query<RecordsQuery>,
    accept: Accept,
) -> Result<Streamed> {
    let measure = measure::find(&name).ok_or_else(ApiError::not_found)?;
    let format = query.format.map_or_else(|| accept.choose(RecordsFormat::MEDIA), Ok)?;
    let permit = ExportPermit::for_records(&who, &query.reason)?;
    let (recorded, parts) = runner::records(db.get_ref().clone(), who, measure, query.clone(), format, &permit).await?;
    Ok(match format {
        RecordsFormat::Csv => {
            recorded.stream("text/csv; charset=utf-8; header=present", permit.file_name("csv"), parts)
        }
        RecordsFormat::Xlsx => {
            let media = RecordsFormat::MEDIA
                .iter()
                .find(|(_, offered)| *offered == format)
                .map_or("application/octet-stream", |one| one.0);
            recorded.stream(media, permit.file_name("xlsx"), parts)
        }
    })
}
