//! Runs a report slice by slice, each in a transaction of its own, so that no other request waits long. All slices
//! count what was on record at one moment, so the numbers are consistent.

use super::{
    aggregate::{GroupedCounts, ReportCounts},
    concurrency::{self, ListPermit},
    measure::Measure,
    model::Report,
    records::{self, After, Export, FactKey},
    request::{RecordsFormat, RecordsQuery, ReportFormat, ReportQuery, ReportRequest, RequestedCounts, Slice},
    store,
};
use crate::{
    auth::Caller,
    casework::clients::model::ClientId,
    db::{Db, Tx},
    error::{ApiError, Result},
    identity::{organizations, sessions},
    print::{
        csv,
        table::{Cell, Column},
        xlsx,
    },
    privacy::notices,
    records::exports::{
        gate::{ExportPermit, RecordedExport},
        model::ExportRecord,
    },
    types::{self, Line},
};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, LocalBoxStream},
};
use std::{
    collections::{BTreeSet, HashSet},
    fs::File,
    io::{Read as _, Seek as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The longest time that sending a list may take.
const SEND_TIMEOUT: Duration = Duration::from_secs(300);
/// The most records that one list holds.
const MAX_RECORDS: i64 = 250_000;

pub async fn report(db: &Db, who: &impl Caller, measure: &'static Measure, query: ReportQuery) -> Result<Report> {
    let now = types::Instant::now();
    let request = match query.as_of {
        None if measure.is_indexed(&[]) => match report_at_once(db, who, measure, query, now).await? {
            Ok(report) => return Ok(report),
            Err(request) => request,
        },
        _ => db.peek(who, move |tx| store::resolve_request(tx, measure, &query, now)).await?,
    };
    let counted = count(db, who, &request).await?;
    db.read(who, move |tx| finish(tx, &request, &counted)).await
}

/// Counts what an index has now in one transaction: so little time passes between the moment of the report and the
/// count that hardly ever a record changes in between, which would make the index useless. Of another report, this
/// returns the request.
async fn report_at_once(
    db: &Db,
    who: &impl Caller,
    measure: &'static Measure,
    query: ReportQuery,
    now: types::Instant,
) -> Result<std::result::Result<Report, ReportRequest>> {
    let organization = who.actor().ok_or_else(ApiError::unauthenticated)?.organization;
    let _slice_permit = concurrency::acquire_slice(organization).await?;
    db.read(who, move |tx| {
        let request = store::resolve_request(tx, measure, &query, now)?;
        if !request.is_indexed() {
            return Ok(Err(request));
        }
        let mut counted = ReportCounts::default();
        for slice in &request.slices {
            counted.whole.merge(store::count(tx, &request, None, slice, RequestedCounts::Both)?);
            store::check_size(&counted)?;
        }
        finish(tx, &request, &counted).map(Ok)
    })
    .await
}

/// The report, with its entry for the audit log.
fn finish(tx: &mut Tx, request: &ReportRequest, counted: &ReportCounts) -> Result<Report> {
    let report = store::report(tx, request, counted)?;
    tx.audit_read_fields("report.read", report.audit_fields(rows(&report)));
    Ok(report)
}

/// The entry in the list of exports for a report.
pub fn export_record(report: &Report, measure: &'static Measure, format: ReportFormat) -> ExportRecord {
    ExportRecord {
        what: measure.id,
        subject: None,
        filter: report.parameters(),
        format: format.as_str(),
        rows: rows(report),
    }
}

fn rows(report: &Report) -> i64 {
    i64::try_from(report.rows.len()).unwrap_or(i64::MAX)
}

/// Counts every slice of the whole period and, if the report is grouped by month or quarter, of each month or quarter.
async fn count(db: &Db, who: &impl Caller, request: &ReportRequest) -> Result<ReportCounts> {
    let organization = who.actor().ok_or_else(ApiError::unauthenticated)?.organization;
    let by_time = !request.periods.is_empty();
    // A report by month shows the groups of each month, and of the whole period only the totals.
    let whole: &[RequestedCounts] = match (request.measure.is_additive() || request.sql_groups().is_empty(), by_time) {
        (_, true) => &[RequestedCounts::Total],
        (true, false) => &[RequestedCounts::Both],
        (false, false) => &[RequestedCounts::Groups, RequestedCounts::Total],
    };
    let each: &[RequestedCounts] = if request.measure.is_additive() || request.sql_groups().is_empty() {
        &[RequestedCounts::Both]
    } else {
        &[RequestedCounts::Groups, RequestedCounts::Total]
    };
    let times = std::iter::once((None, whole)).chain((0..request.periods.len()).map(|at| (Some(at), each)));
    let jobs = times.flat_map(|(period, count_kinds)| {
        request.slices.iter().flat_map(move |slice| count_kinds.iter().map(move |kind| (period, slice.clone(), *kind)))
    });
    let jobs = jobs.map(|(period, slice, requested_counts)| async move {
        let _slice_permit = concurrency::acquire_slice(organization).await?;
        let request = request.clone();
        let counted = db.read(who, move |tx| store::count(tx, &request, period, &slice, requested_counts)).await?;
        Ok((period, counted))
    });
    let empty = ReportCounts {
        whole: GroupedCounts::default(),
        periods: vec![GroupedCounts::default(); request.periods.len()],
    };
    let all = stream::iter(jobs).buffer_unordered(2);
    all.try_fold(empty, |mut report_counts, (period, more)| async move {
        let target = period.map_or(Some(&mut report_counts.whole), |at| report_counts.periods.get_mut(at));
        if let Some(counted) = target {
            counted.merge(more);
        }
        store::check_size(&report_counts)?;
        Ok(report_counts)
    })
    .await
}

/// Streams the records that a measure counts, page by page as the client reads them. The export, its clients and the
/// audit entry are written before the first byte is sent.
pub async fn records<C: Caller + 'static>(
    db: Db,
    who: C,
    measure: &'static Measure,
    query: RecordsQuery,
    format: RecordsFormat,
    permit: &ExportPermit,
) -> Result<(RecordedExport, LocalBoxStream<'static, Result<Vec<u8>>>)> {
    if !records::are_listed(measure) {
        return Err(ApiError::not_found());
    }
    let actor = who.actor().ok_or_else(ApiError::unauthenticated)?;
    let list_permit = concurrency::acquire_list(actor.organization, actor.user)?;
    let asked = ReportQuery::from(&query);
    let now = types::Instant::now();
    let request = db.peek(&who, move |tx| store::resolve_request(tx, measure, &asked, now)).await?;
    let slices: std::collections::VecDeque<Slice> = request.slices.iter().flat_map(slices_by_team).collect();
    let (export, filter, organization) = db
        .read(&who, move |tx| {
            // A report without counts, of which only the parameters are needed.
            let parameters = store::report(tx, &request, &ReportCounts::default())?.parameters();
            Ok((Export::new(tx, request.clone())?, parameters, organizations::store::find(tx)?.name))
        })
        .await?;
    let export = Arc::new(export);
    let (rows, clients) = clients(&db, &who, actor.organization, &export, &slices).await?;
    let export_record = ExportRecord { what: measure.id, subject: None, filter, format: format.export_name(), rows };
    let recorded = permit.record(&db, &who, export_record, move |_| Ok(clients.iter().copied().collect())).await?;
    let columns = export.columns();
    let mut sending = Sending {
        db,
        who,
        export,
        slices,
        format,
        after: None,
        sent: Arc::default(),
        until: Instant::now() + SEND_TIMEOUT,
        _list_permit: list_permit,
    };
    // Reads the first page before anything is sent, so that a refusal is a proper error response.
    let first = sending.next().await?;
    let parts = match format {
        RecordsFormat::Csv => as_csv(sending, first, &columns, &organization),
        RecordsFormat::Xlsx => as_xlsx(sending, first, &columns, &organization).await?,
    };
    Ok((recorded, parts))
}

/// The number of records that the list holds, and their clients, slice by slice. What was on record at a moment does not
/// change, so the pages hold no others.
async fn clients(
    db: &Db,
    who: &impl Caller,
    organization: crate::auth::OrganizationId,
    export: &Arc<Export>,
    slices: &std::collections::VecDeque<Slice>,
) -> Result<(i64, BTreeSet<ClientId>)> {
    let (mut rows, mut all) = (0, BTreeSet::new());
    for slice in slices {
        let _slice_permit = concurrency::acquire_slice(organization).await?;
        let (export, slice) = (Arc::clone(export), slice.clone());
        let found = db.read(who, move |tx| export.clients(tx, &slice, MAX_RECORDS + 1)).await?;
        rows += i64::try_from(found.len()).unwrap_or(i64::MAX);
        if rows > MAX_RECORDS {
            let message = format!(
                "are more than {MAX_RECORDS} records, the most that are sent at once: name a team, or a shorter period"
            );
            return Err(ApiError::parameter("team", "too_many_rows", message));
        }
        all.extend(found);
    }
    Ok((rows, all))
}

/// The header, the pages, and the notice as the last record: a list that ends without it is incomplete.
fn as_csv<C: Caller + 'static>(
    sending: Sending<C>,
    first: Option<Lines>,
    columns: &[Column],
    organization: &Line<200>,
) -> LocalBoxStream<'static, Result<Vec<u8>>> {
    let text = |lines: Lines| if let Lines::Text(text) = lines { text } else { Vec::new() };
    let (mut begin, mut end) = (Vec::new(), Vec::new());
    csv::header(&mut begin, columns);
    begin.extend(first.map(text).unwrap_or_default());
    let mut notice = vec![
        Cell::Text("NOTICE".into()),
        Cell::Text(notices::FULL.text.clone()),
        Cell::Text(internal_notice(organization)),
    ];
    notice.resize(columns.len().max(notice.len()), Cell::Empty);
    csv::records(&mut end, [notice]);
    let rest = stream::try_unfold(sending, move |mut sending| async move {
        let page = sending.next().await?;
        Ok(page.map(|page| (text(page), sending)))
    });
    stream::iter([Ok(begin)]).chain(rest).chain(stream::iter([Ok(end)])).boxed_local()
}

fn internal_notice(organization: &Line<200>) -> String {
    format!("Not for anybody outside {organization}.")
}

/// A workbook of all pages. It is built in unnamed temporary files, so that memory holds only one page and the keys of
/// the facts that were sent. It is sent when it is complete.
async fn as_xlsx<C: Caller + 'static>(
    mut sending: Sending<C>,
    first: Option<Lines>,
    columns: &[Column],
    organization: &Line<200>,
) -> Result<LocalBoxStream<'static, Result<Vec<u8>>>> {
    let folder = std::env::temp_dir();
    let mut book = xlsx::Records::new(columns, &folder)?;
    let mut page = first;
    while let Some(lines) = page {
        if let Lines::Cells(lines) = lines {
            book = off_thread(move || {
                lines.iter().try_for_each(|line| book.record(line))?;
                Ok(book)
            })
            .await?;
        }
        page = sending.next().await?;
    }
    let notice = [internal_notice(organization), notices::FULL.text.clone()];
    let file = off_thread(move || {
        let mut file = tempfile::tempfile_in(folder).map_err(xlsx::failed)?;
        book.notice(&notice, &notices::SHORT.text)?;
        book.finish(&mut file)?;
        file.rewind().map_err(xlsx::failed)?;
        Ok(file)
    })
    .await?;
    let parts = stream::try_unfold((sending, file), |(sending, file)| async move {
        sending.revalidate_session().await?;
        let (part, file) = off_thread(move || part(file)).await?;
        Ok::<_, ApiError>((!part.is_empty()).then_some((part, (sending, file))))
    });
    Ok(parts.boxed_local())
}

/// The next bytes of a file; empty at its end.
fn part(mut file: File) -> Result<(Vec<u8>, File)> {
    const PART: u64 = 256 * 1024;
    let mut part = Vec::new();
    (&mut file).take(PART).read_to_end(&mut part).map_err(xlsx::failed)?;
    Ok((part, file))
}

/// Runs slow work, or work that waits for a disk, on a thread of its own. A full disk for temporary files can make the
/// writer of workbooks panic, so a panic is reported as its most likely cause.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(xlsx::failed)?
}

/// A slice for each team: within one team, the records have one order.
fn slices_by_team(slice: &Slice) -> Vec<Slice> {
    match slice {
        Slice::Teams(ids) => ids.iter().map(|id| Slice::Teams(vec![*id])).collect(),
        Slice::Assigned(_) => vec![slice.clone()],
    }
}

/// A page of records, in the format in which it is sent.
enum Lines {
    Text(Vec<u8>),
    Cells(Vec<Vec<Cell>>),
}

/// A list that is being sent, and the slices that are not sent yet.
struct Sending<C> {
    db: Db,
    who: C,
    export: Arc<Export>,
    slices: std::collections::VecDeque<Slice>,
    format: RecordsFormat,
    after: Option<After>,
    /// The facts of the first slice that were sent while they were current.
    sent: Arc<Mutex<HashSet<FactKey>>>,
    until: Instant,
    _list_permit: ListPermit,
}

impl<C: Caller> Sending<C> {
    /// The next page that has lines.
    async fn next(&mut self) -> Result<Option<Lines>> {
        while let Some(slice) = self.slices.front().cloned() {
            self.check_time_limit()?;
            let (export, after, format, sent) =
                (Arc::clone(&self.export), self.after, self.format, Arc::clone(&self.sent));
            let read = move |tx: &mut crate::db::Tx<'_>| {
                let mut lines = match format {
                    RecordsFormat::Xlsx => Lines::Cells(Vec::new()),
                    RecordsFormat::Csv => Lines::Text(Vec::new()),
                };
                let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                let page = export.page(tx, &slice, after, &sent, |read| match &mut lines {
                    Lines::Text(text) => csv::records(text, read),
                    Lines::Cells(cells) => cells.extend(read),
                })?;
                Ok((lines, page))
            };
            let (lines, page) = self.db.read(&self.who, read).await?;
            self.after = page.next;
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            if page.next.is_some() {
                sent.extend(page.current);
            } else {
                self.slices.pop_front();
                sent.clear();
            }
            drop(sent);
            let is_empty = match &lines {
                Lines::Text(text) => text.is_empty(),
                Lines::Cells(cells) => cells.is_empty(),
            };
            if !is_empty {
                return Ok(Some(lines));
            }
        }
        Ok(None)
    }

    /// Checks that the reader still has a session and is within the time limit. Without a session, the rest of what was
    /// already read must not be sent.
    async fn revalidate_session(&self) -> Result<()> {
        self.check_time_limit()?;
        let check = |tx: &mut crate::db::Tx<'_>| {
            let actor = tx.actor()?;
            if sessions::store::revalidate_session(tx.conn, actor)? { Ok(()) } else { Err(ApiError::unauthenticated()) }
        };
        self.db.peek(&self.who, check).await
    }

    fn check_time_limit(&self) -> Result<()> {
        if Instant::now() > self.until { Err(ApiError::overloaded("The list was not read in time.")) } else { Ok(()) }
    }
}
