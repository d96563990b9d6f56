//! Runs a report: slice by slice, each in a transaction of its own, so that nobody waits long behind it. What is counted stands still, for
//! it is what was on record at one moment.

use super::{
    measure::Measure,
    model::Report,
    question::{Question, RecordsQuery, ReportFormat, ReportQuery, Side, Slice},
    reckon::{Counted, Tallied},
    records::{self, After, Export},
    store,
    turns::{self, ListTurn},
};
use crate::{
    auth::Caller,
    db::Db,
    error::{ApiError, Result},
    oversight::exports::{self, model::Taken},
    print::csv,
};
use futures_util::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, LocalBoxStream},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// For how long a list is sent at most.
const LONGEST: Duration = Duration::from_secs(300);
/// The most records that are sent at once.
const MOST_RECORDS: i64 = 250_000;

pub async fn report(db: &Db, who: &impl Caller, measure: &'static Measure, query: ReportQuery, format: ReportFormat) -> Result<Report> {
    let reason = query.reason.clone();
    let question = db.peek(who, move |tx| store::question(tx, measure, &query)).await?;
    let counted = count(db, who, &question).await?;
    let report = db
        .read(who, move |tx| {
            let report = store::report(tx, &question, &counted)?;
            tx.told("report.read", report.trail(rows(&report)));
            Ok(report)
        })
        .await?;
    if let Some(reason) = reason.filter(|_| format.is_export()) {
        let taken = Taken { what: measure.id, subject: None, filter: report.asked(), format: format.as_str(), rows: rows(&report), reason };
        db.write(who, move |tx| exports::store::enter(tx, &taken)).await?;
    }
    Ok(report)
}

fn rows(report: &Report) -> i64 {
    i64::try_from(report.rows.len()).unwrap_or(i64::MAX)
}

/// Counts every slice; where it is grouped by month or quarter, each of those too.
async fn count(db: &Db, who: &impl Caller, question: &Question) -> Result<Tallied> {
    let organization = who.actor().ok_or_else(ApiError::unauthenticated)?.organization;
    let by_time = !question.stretches.is_empty();
    // The groups of a report by month are those of each month: of the whole period there are the totals.
    let whole: &[Side] = match (question.measure.adds_up() || question.counted_by().is_empty(), by_time) {
        (_, true) => &[Side::Total],
        (true, false) => &[Side::Both],
        (false, false) => &[Side::Groups, Side::Total],
    };
    let each: &[Side] =
        if question.measure.adds_up() || question.counted_by().is_empty() { &[Side::Both] } else { &[Side::Groups, Side::Total] };
    let times = std::iter::once((None, whole)).chain((0..question.stretches.len()).map(|at| (Some(at), each)));
    let jobs = times.flat_map(|(stretch, sides)| {
        question.slices.iter().flat_map(move |slice| sides.iter().map(move |side| (stretch, slice.clone(), *side)))
    });
    let jobs = jobs.map(|(stretch, slice, side)| async move {
        let _turn = turns::slice(organization).await?;
        let question = question.clone();
        let counted = db.read(who, move |tx| store::count(tx, &question, stretch, &slice, side)).await?;
        Ok((stretch, counted))
    });
    let empty = Tallied { whole: Counted::default(), stretches: vec![Counted::default(); question.stretches.len()] };
    let all = stream::iter(jobs).buffer_unordered(2);
    all.try_fold(empty, |mut tallied, (stretch, more)| async move {
        let place = stretch.map_or(Some(&mut tallied.whole), |at| tallied.stretches.get_mut(at));
        if let Some(counted) = place {
            counted.join(more);
        }
        store::check_size(&tallied)?;
        Ok(tallied)
    })
    .await
}

/// The records that a measure counts, as CSV, page by page as they are taken. The entry in the trace is there before the first byte.
pub async fn records<C: Caller + 'static>(
    db: Db,
    who: C,
    measure: &'static Measure,
    query: RecordsQuery,
) -> Result<LocalBoxStream<'static, Result<Vec<u8>>>> {
    if !records::are_listed(measure) {
        return Err(ApiError::not_found());
    }
    let actor = who.actor().ok_or_else(ApiError::unauthenticated)?;
    let turn = turns::list(actor.organization, actor.user)?;
    let asked = ReportQuery::from(&query);
    let question = db.peek(&who, move |tx| store::question(tx, measure, &asked)).await?;
    let counted = count(&db, &who, &question).await?;
    let slices = question.slices.iter().flat_map(one_by_one).collect();
    let (export, filter, rows) = db
        .read(&who, move |tx| {
            let report = store::report(tx, &question, &counted)?;
            let rows = report.n.unwrap_or(0);
            if rows > MOST_RECORDS {
                let told = format!("are {rows} records, and at most {MOST_RECORDS} are sent at once: name a team, or a shorter period");
                return Err(ApiError::parameter("team", "too_many_rows", told));
            }
            Ok((Export::new(tx, question.clone())?, report.asked(), rows))
        })
        .await?;
    let taken = Taken { what: measure.id, subject: None, filter, format: "records", rows, reason: query.reason };
    db.write(&who, move |tx| exports::store::enter(tx, &taken)).await?;
    let mut header = Vec::new();
    csv::header(&mut header, &export.columns());
    let mut sending = Sending { db, who, export: Arc::new(export), slices, after: None, until: Instant::now() + LONGEST, _turn: turn };
    // What is refused is refused before anything is sent.
    let first = sending.next().await?.unwrap_or_default();
    header.extend(first);
    let rest = stream::try_unfold(sending, |mut sending| async move {
        let page = sending.next().await?;
        Ok(page.map(|page| (page, sending)))
    });
    Ok(stream::iter([Ok(header)]).chain(rest).boxed_local())
}

/// A slice for each team: in it the records stand in one order.
fn one_by_one(slice: &Slice) -> Vec<Slice> {
    match slice {
        Slice::Teams(ids) => ids.iter().map(|id| Slice::Teams(vec![*id])).collect(),
        Slice::Assigned(_) => vec![slice.clone()],
    }
}

/// What is still to be sent.
struct Sending<C> {
    db: Db,
    who: C,
    export: Arc<Export>,
    slices: std::collections::VecDeque<Slice>,
    after: Option<After>,
    until: Instant,
    _turn: ListTurn,
}

impl<C: Caller> Sending<C> {
    /// The next page that has lines.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while let Some(slice) = self.slices.front().cloned() {
            if Instant::now() > self.until {
                return Err(ApiError::overloaded("The list was not taken in time."));
            }
            let (export, after) = (Arc::clone(&self.export), self.after);
            let page = self.db.read(&self.who, move |tx| export.page(tx, &slice, after)).await?;
            self.after = page.next;
            if page.next.is_none() {
                self.slices.pop_front();
            }
            if !page.text.is_empty() {
                return Ok(Some(page.text));
            }
        }
        Ok(None)
    }
}
