//! Handlers for reports.

use super::{measure, model::*, render, request::*, runner};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{ExportReports, ReadReports},
    },
    db::Db,
    error::{ApiError, Result},
    http::{Accept, Answer, File, Query, Reply, Shown, Streamed, plain},
    records::exports::gate::Outgoing,
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
    plain(ReportDefinitions { items: measure::all().map(ReportDefinition::from).collect() })
}

/// How many files are set at once: the processors are everybody's.
static RENDER_PERMITS: Semaphore = Semaphore::const_new(2);

/// Get a report
///
/// Counts what was on record at a moment, so that the same question with the same `as_of` is answered the same whenever
/// it is asked. An advocate gets the cases that they work in, a supervisor their teams, exactly. An administrator gets
/// the organization, with small numbers hidden and the others in steps; `view=protected` does the same for a report
/// that is handed to others.
///
/// CSV, XLSX and PDF are exports: they need a `reason`, and a password given within ten minutes. Every file, SVG too,
/// is protected unless `view=exact` is asked for, and an exact one says `Exact numbers: internal` on every page, sheet
/// and line. Every file names the organization, the teams and the period, in its name too. The first line of CSV is the
/// header; whose numbers a line is of stands in its last columns: `organization`, `teams`, `period_first_day`,
/// `period_last_day`, `as_of`, `time_zone`, `view` and `notice`. JSON says the same in `scope`, `from`, `to` and
/// `filters`.
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
) -> Result<Either<Answer<Report>, Shown>> {
    let measure = measure::find(&name).ok_or_else(ApiError::not_found)?;
    let format = query.format.map_or_else(|| accept.choose(ReportFormat::MEDIA), Ok)?;
    let outgoing = if format.is_export() { Some(Outgoing::of_report(&who, query.reason.as_ref())?) } else { None };
    let query = ReportQuery { format: Some(format), ..query.clone() };
    let report = runner::report(&db, &who, measure, query).await?;
    if format == ReportFormat::Json {
        return plain(report).map(Either::Left);
    }
    // Setting pages takes its time: not on the thread that answers everybody.
    let filename = render::filename(&report, format).into();
    let turn = RENDER_PERMITS.acquire().await.map_err(ApiError::internal)?;
    let (taken, protected) = (runner::taken(&report, measure, format), report.filters.view == View::Protected);
    let set = move || {
        let _turn = turn; // whoever has gone away meanwhile still has it
        render::file(&report, measure, format)
    };
    let body = block(set).await.map_err(ApiError::internal)??;
    let media = match format {
        ReportFormat::Csv => "text/csv; charset=utf-8; header=present",
        _ => ReportFormat::MEDIA
            .iter()
            .find(|(_, offered)| *offered == format)
            .map_or("application/octet-stream", |(media, _)| media),
    };
    let Some(outgoing) = outgoing else {
        // A chart for a screen: the numbers that JSON shows, and nobody's record.
        return Ok(Either::Right(Shown { media, filename, attached: false, policy: None, body }));
    };
    let outgoing = if protected { outgoing.deidentified() } else { outgoing };
    let entered = outgoing.enter(&db, &who, taken, |_| Ok(Vec::new())).await?;
    Ok(Either::Right(entered.file(media, filename, None, body)))
}

/// List the records behind a number
///
/// One line for each record that the measure counts, with its case and its client, so that anybody who doubts a number
/// can count: as CSV or as XLSX, by `format` or by `Accept`. The last record of the CSV, and a sheet of the XLSX, is
/// the notice of 42 CFR part 2. It is of the caller's teams, and an export like any other: `GET /exports` keeps the
/// reason and the clients, and the access log of each client the entry. Not every measure has them: see `records` in
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
    let outgoing = Outgoing::of_records(&who, &query.reason)?;
    let (entered, parts) =
        runner::records(db.get_ref().clone(), who, measure, query.clone(), format, &outgoing).await?;
    Ok(match format {
        RecordsFormat::Csv => {
            entered.stream("text/csv; charset=utf-8; header=present", outgoing.file_name("csv"), parts)
        }
        RecordsFormat::Xlsx => {
            let media = RecordsFormat::MEDIA
                .iter()
                .find(|(_, offered)| *offered == format)
                .map_or("application/octet-stream", |one| one.0);
            entered.stream(media, outgoing.file_name("xlsx"), parts)
        }
    })
}
