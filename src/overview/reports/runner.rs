//! Runs a report slice by slice, each in a transaction of its own, so that no other request waits long. All slices
//! count what was on record at one moment, so the numbers are consistent.

use super::{
    aggregate::{Counted, Tallied},
    concurrency::{self, ListTurn},
    measure::Measure,
    model::Report,
    records::{self, After, Export, FactKey},
    request::{Question, RecordsFormat, RecordsQuery, ReportFormat, ReportQuery, Side, Slice},
    store,
};
use crate::{
    auth::Caller,
    casework::clients::model::ClientId,
    db::Db,
    error::{ApiError, Result},
    identity::{organizations, sessions},
    print::{
        csv,
        table::{Cell, Column},
        xlsx,
    },
    privacy::notices,
    records::exports::{
        gate::{Entered, Outgoing},
        model::ExportRecord,
    },
    types::Line,
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
const LONGEST: Duration = Duration::from_secs(300);
/// The most records that one list holds.
const MOST_RECORDS: i64 = 250_000;

pub async fn report(db: &Db, who: &impl Caller, measure: &'static Measure, query: ReportQuery) -> Result<Report> {
    let question = db.peek(who, move |tx| store::question(tx, measure, &query)).await?;
    let counted = count(db, who, &question).await?;
    db.read(who, move |tx| {
        let report = store::report(tx, &question, &counted)?;
        tx.audit_read_fields("report.read", report.audit_fields(rows(&report)));
        Ok(report)
    })
    .await
}

/// The entry in the list of exports for a report.
pub fn taken(report: &Report, measure: &'static Measure, format: ReportFormat) -> ExportRecord {
    ExportRecord {
        what: measure.id,
        subject: None,
        filter: report.asked(),
        format: format.as_str(),
        rows: rows(report),
    }
}

fn rows(report: &Report) -> i64 {
    i64::try_from(report.rows.len()).unwrap_or(i64::MAX)
}

/// Counts every slice of the whole period and, if grouped by month or quarter, of each of those.
async fn count(db: &Db, who: &impl Caller, question: &Question) -> Result<Tallied> {
    let organization = who.actor().ok_or_else(ApiError::unauthenticated)?.organization;
    let by_time = !question.periods.is_empty();
    // A report by month shows the groups of each month, and of the whole period only the totals.
    let whole: &[Side] = match (question.measure.adds_up() || question.counted_by().is_empty(), by_time) {
        (_, true) => &[Side::Total],
        (true, false) => &[Side::Both],
        (false, false) => &[Side::Groups, Side::Total],
    };
    let each: &[Side] = if question.measure.adds_up() || question.counted_by().is_empty() {
        &[Side::Both]
    } else {
        &[Side::Groups, Side::Total]
    };
    let times = std::iter::once((None, whole)).chain((0..question.periods.len()).map(|at| (Some(at), each)));
    let jobs = times.flat_map(|(period, sides)| {
        question.slices.iter().flat_map(move |slice| sides.iter().map(move |side| (period, slice.clone(), *side)))
    });
    let jobs = jobs.map(|(period, slice, side)| async move {
        let _turn = concurrency::slice(organization).await?;
        let question = question.clone();
        let counted = db.read(who, move |tx| store::count(tx, &question, period, &slice, side)).await?;
        Ok((period, counted))
    });
    let empty = Tallied { whole: Counted::default(), periods: vec![Counted::default(); question.periods.len()] };
    let all = stream::iter(jobs).buffer_unordered(2);
    all.try_fold(empty, |mut tallied, (period, more)| async move {
        let place = period.map_or(Some(&mut tallied.whole), |at| tallied.periods.get_mut(at));
        if let Some(counted) = place {
            counted.join(more);
        }
        store::check_size(&tallied)?;
        Ok(tallied)
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
    outgoing: &Outgoing,
) -> Result<(Entered, LocalBoxStream<'static, Result<Vec<u8>>>)> {
    if !records::are_listed(measure) {
        return Err(ApiError::not_found());
    }
    let actor = who.actor().ok_or_else(ApiError::unauthenticated)?;
    let turn = concurrency::list(actor.organization, actor.user)?;
    let asked = ReportQuery::from(&query);
    let question = db.peek(&who, move |tx| store::question(tx, measure, &asked)).await?;
    let counted = count(&db, &who, &question).await?;
    let slices: std::collections::VecDeque<Slice> = question.slices.iter().flat_map(one_by_one).collect();
    let (export, filter, rows, organization) = db
        .read(&who, move |tx| {
            let report = store::report(tx, &question, &counted)?;
            let rows = report.n.unwrap_or(0);
            if rows > MOST_RECORDS {
                let message = format!(
                    "are {rows} records, and at most {MOST_RECORDS} are sent at once: name a team, or a shorter period"
                );
                return Err(ApiError::parameter("team", "too_many_rows", message));
            }
            let organization = organizations::store::find(tx)?.name;
            Ok((Export::new(tx, question.clone())?, report.asked(), rows, organization))
        })
        .await?;
    let export = Arc::new(export);
    let clients = clients(&db, &who, actor.organization, &export, &slices).await?;
    let taken = ExportRecord { what: measure.id, subject: None, filter, format: format.of_export(), rows };
    let entered = outgoing.enter(&db, &who, taken, move |_| Ok(clients.iter().copied().collect())).await?;
    let columns = export.columns();
    let mut sending = Sending {
        db,
        who,
        export,
        slices,
        format,
        after: None,
        sent: Arc::default(),
        until: Instant::now() + LONGEST,
        _turn: turn,
    };
    // Reads the first page before anything is sent, so that a refusal is a proper error response.
    let first = sending.next().await?;
    let parts = match format {
        RecordsFormat::Csv => as_csv(sending, first, &columns, &organization),
        RecordsFormat::Xlsx => as_xlsx(sending, first, &columns, &organization).await?,
    };
    Ok((entered, parts))
}

/// The clients whose records the list holds, slice by slice. What was on record at a moment does not change, so the
/// pages hold no other clients.
async fn clients(
    db: &Db,
    who: &impl Caller,
    organization: crate::auth::OrganizationId,
    export: &Arc<Export>,
    slices: &std::collections::VecDeque<Slice>,
) -> Result<BTreeSet<ClientId>> {
    let mut all = BTreeSet::new();
    for slice in slices {
        let _turn = concurrency::slice(organization).await?;
        let (export, slice) = (Arc::clone(export), slice.clone());
        all.extend(db.read(who, move |tx| export.clients(tx, &slice)).await?);
    }
    Ok(all)
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
    let mut notice =
        vec![Cell::Text("NOTICE".into()), Cell::Text(notices::FULL.text.clone()), Cell::Text(internal(organization))];
    notice.resize(columns.len().max(notice.len()), Cell::Empty);
    csv::record(&mut end, &notice);
    let rest = stream::try_unfold(sending, move |mut sending| async move {
        let page = sending.next().await?;
        Ok(page.map(|page| (text(page), sending)))
    });
    stream::iter([Ok(begin)]).chain(rest).chain(stream::iter([Ok(end)])).boxed_local()
}

fn internal(organization: &Line<200>) -> String {
    format!("Not for anybody outside {organization}.")
}

/// A workbook of all pages. It is built in unnamed files in the folder for temporary files, because memory holds only
/// one page at a time and the keys of the facts that were sent. It is sent when it is complete.
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
    let notice = [internal(organization), notices::FULL.text.clone()];
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
fn one_by_one(slice: &Slice) -> Vec<Slice> {
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

/// The list that is being sent, with what is left of it.
struct Sending<C> {
    db: Db,
    who: C,
    export: Arc<Export>,
    slices: std::collections::VecDeque<Slice>,
    format: RecordsFormat,
    after: Option<After>,
    /// The facts of the first slice that were sent while no other had replaced them.
    sent: Arc<Mutex<HashSet<FactKey>>>,
    until: Instant,
    _turn: ListTurn,
}

impl<C: Caller> Sending<C> {
    /// The next page that has lines.
    async fn next(&mut self) -> Result<Option<Lines>> {
        while let Some(slice) = self.slices.front().cloned() {
            self.in_time()?;
            let (export, after, format, sent) =
                (Arc::clone(&self.export), self.after, self.format, Arc::clone(&self.sent));
            let read = move |tx: &mut crate::db::Tx<'_>| {
                let page = export.page(tx, &slice, after, &sent.lock().unwrap_or_else(PoisonError::into_inner))?;
                let lines = match format {
                    _ if page.lines.is_empty() => None,
                    RecordsFormat::Xlsx => Some(Lines::Cells(page.lines)),
                    RecordsFormat::Csv => {
                        let mut text = Vec::with_capacity(page.lines.len() * 200);
                        page.lines.iter().for_each(|line| csv::record(&mut text, line));
                        Some(Lines::Text(text))
                    }
                };
                Ok((lines, page.current, page.next))
            };
            let (lines, current, next) = self.db.read(&self.who, read).await?;
            self.after = next;
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            if next.is_some() {
                sent.extend(current);
            } else {
                self.slices.pop_front();
                sent.clear();
            }
            drop(sent);
            if lines.is_some() {
                return Ok(lines);
            }
        }
        Ok(None)
    }

    /// Checks that the reader still has a session and is within the time limit. Without a session, the rest of what was
    /// already read must not be sent.
    async fn revalidate_session(&self) -> Result<()> {
        self.in_time()?;
        let stands = |tx: &mut crate::db::Tx<'_>| {
            let actor = tx.actor()?;
            if sessions::store::revalidate_session(tx.conn, actor)? { Ok(()) } else { Err(ApiError::unauthenticated()) }
        };
        self.db.peek(&self.who, stands).await
    }

    fn in_time(&self) -> Result<()> {
        if Instant::now() > self.until { Err(ApiError::overloaded("The list was not read in time.")) } else { Ok(()) }
    }
}
