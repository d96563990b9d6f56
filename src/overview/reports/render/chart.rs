//! The chart of a report.

use super::super::{
    aggregate::{Amount, Figure},
    measure::{Formula, Keys, Measure, ReportTime, Statistic},
    model::{PeriodFigures, Report, ReportRow},
    request::View,
};
use super::{
    INTERNAL,
    figures::{by_time, count_words, covered_time, day_words, is_ratio, range, share_words},
    table::lower_first,
};
use crate::{
    print::table::{Bar, Cell, Chart, ChartKind, Mark},
    types::code::words,
};

/// The most bars of groups without an order of their own. The other groups share one bar.
const MAX_BARS: usize = 12;

/// What a chart shows of a row.
#[derive(Clone, Copy)]
enum Drawn<'m> {
    Statistic(&'m Statistic),
    /// The number of units that the statistic is a share of, because a group determines the share.
    Units(&'m Statistic),
}

impl Drawn<'_> {
    fn statistic(&self) -> &Statistic {
        let (Self::Statistic(statistic) | Self::Units(statistic)) = self;
        statistic
    }
    fn is_share(&self) -> bool {
        matches!(self, Self::Statistic(statistic) if is_ratio(statistic.formula))
    }
    fn mark(&self, figure: Figure) -> Mark {
        let value = match self {
            Self::Statistic(_) => figure.value.map(Amount::number),
            Self::Units(_) => figure.denominator.map(|units| Amount::Whole(units).number()),
        };
        if figure.hidden { Mark::Hidden } else { value.map_or(Mark::Missing, Mark::Value) }
    }
}

/// A bar for a figure; `rows` are all rows of its group, of which one may give the number of units.
fn bar(report: &Report, measure: &Measure, drawn: Drawn<'_>, label: &str, figure: Figure, rows: &[ReportRow]) -> Bar {
    let mark = drawn.mark(figure);
    let statistic = drawn.statistic();
    let (shown, brief, of) = match (mark, drawn) {
        (Mark::Hidden, _) => ("hidden".to_owned(), "hidden".to_owned(), None),
        (Mark::Missing, _) => ("no data".to_owned(), "–".to_owned(), None),
        (_, Drawn::Units(_)) => {
            let words = count_words(report, figure.denominator.unwrap_or(0));
            (words.clone(), words, None)
        }
        _ if drawn.is_share() => {
            let (numerator, denominator) = (figure.numerator.unwrap_or(0), figure.denominator.unwrap_or(0));
            let share = share_words(report, statistic, figure);
            let of = count_words(report, denominator);
            let brief = match report.filters.view {
                View::Exact => format!("{:.0}\u{A0}%", figure.value.map_or(0.0, Amount::number) * 100.0),
                View::Protected => share.clone(),
            };
            (format!("{share} ({} of {of})", count_words(report, numerator)), brief, Some(of))
        }
        (Mark::Value(value), _) => {
            let whole = value as i64;
            match statistic.formula {
                Formula::Quantile { counter, .. } => {
                    let n = unit_count(measure, rows, counter).map(|n| count_words(report, n));
                    let days = day_words(report, whole);
                    let said = n.as_ref().map_or(String::new(), |n| format!(" (n = {n})"));
                    (format!("{days} {}{said}", if days == "1" { "day" } else { "days" }), days, n)
                }
                _ => (count_words(report, whole), count_words(report, whole), None),
            }
        }
    };
    Bar { brief, of, ..Bar::new(label, mark, &shown) }
}

/// A chart of the headline statistic, by group or by month; without groups, of every statistic of the same kind.
pub(super) fn chart(report: &Report, measure: &Measure) -> Option<Chart> {
    let headline = measure.headline()?;
    let groups: Vec<_> = report.filters.group_by.iter().filter_map(|name| measure.group(name)).collect();
    let is_decided = groups.iter().any(|group| measure.share_determined_by.contains(&group.name));
    let share = measure.statistics.iter().find(|statistic| matches!(statistic.formula, Formula::Share { .. }));
    let drawn = match share.filter(|_| is_decided) {
        Some(share) => Drawn::Units(share),
        None => Drawn::Statistic(headline),
    };
    let by_time = by_time(report, measure);
    let mut notes = Vec::new();
    let bars = if by_time {
        report.periods.iter().filter_map(|period| column(report, measure, headline, period)).collect()
    } else if groups.is_empty() {
        let alike = |statistic: &&Statistic| {
            std::mem::discriminant(&statistic.formula) == std::mem::discriminant(&headline.formula)
        };
        let bar_of = |statistic: &Statistic| {
            let row = report.totals.iter().find(|row| row.statistic == statistic.name)?;
            Some(bar(report, measure, Drawn::Statistic(statistic), statistic.title, row.figure, &report.totals))
        };
        measure.statistics.iter().filter(alike).filter_map(bar_of).collect()
    } else {
        let has_order = groups.iter().all(|group| group.keys.has_order());
        grouped(report, measure, drawn, has_order, &mut notes)
    };
    let drawn = if by_time || groups.is_empty() { Drawn::Statistic(headline) } else { drawn };
    let by: Vec<String> = groups
        .iter()
        .filter(|group| !by_time || group.keys.span().is_some())
        .map(|group| group.title.to_lowercase())
        .collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" and ")) };
    let what = match drawn {
        Drawn::Units(_) => words(report.unit.as_str()),
        Drawn::Statistic(_) if groups.is_empty() => report.title.to_owned(),
        Drawn::Statistic(statistic) if report.title.eq_ignore_ascii_case(statistic.title) => report.title.to_owned(),
        Drawn::Statistic(statistic) => format!("{}: {}", report.title, lower_first(statistic.title)),
    };
    let teams = report.scope.short().map_or(String::new(), |teams| format!(" ({teams})"));
    let unit = match (drawn, drawn.statistic().formula) {
        (Drawn::Units(_), _) => format!("Number of {}", words(report.unit.as_str()).to_lowercase()),
        (_, Formula::Share { .. } | Formula::Mean { .. }) => "Share, on a scale from 0 to 100\u{A0}%".to_owned(),
        (_, Formula::Quantile { .. }) => "Days".to_owned(),
        (_, Formula::Weight { .. }) => "Weight".to_owned(),
        _ => format!("Number of {}", words(report.unit.as_str()).to_lowercase()),
    };
    if by_time && groups.len() > 1 {
        notes.push("All groups together; each is in the table.".to_owned());
    }
    if report.filters.view == View::Protected {
        notes.push("Small numbers are hidden, and others given as a range; a bar ends in the middle of it.".to_owned());
    }
    let view = if report.filters.view == View::Exact { INTERNAL } else { "Protected: small numbers are hidden" };
    Some(Chart {
        title: format!("{what}{by}{teams}"),
        description: describe(report, &bars, by_time),
        unit,
        context: vec![
            format!("{}, {}", report.scope.organization, lower_first(&report.scope.words())),
            covered_time(report),
            view.to_owned(),
        ],
        kind: if by_time { ChartKind::Columns } else { ChartKind::Bars },
        of_whole: drawn.is_share(),
        pale: Some(
            match (by_time, measure.time) {
                (true, ReportTime::Moment) => {
                    "pale: the month or quarter is not over, or only a part of it was asked \
                     for."
                }
                (true, _) => "pale: a part of the month or quarter only. Not to be compared with a whole one.",
                (false, _) => {
                    "pale: the groups that have no bar of their own, together; broken where that is longer \
                     than the scale."
                }
            }
            .to_owned(),
        ),
        nothing: (report.filters.view == View::Protected)
            .then(|| "Nothing to show, or all of it is hidden.".to_owned()),
        bars,
        notes,
    })
}

/// The column for a month or a quarter.
pub(super) fn column(report: &Report, measure: &Measure, headline: &Statistic, figures: &PeriodFigures) -> Option<Bar> {
    let row = figures.rows.iter().find(|row| row.statistic == headline.name)?;
    let period = &figures.period;
    let bar = bar(report, measure, Drawn::Statistic(headline), &period.label, row.figure, &figures.rows);
    Some(Bar { tick: period.short.clone(), is_pale: period.is_part, ..bar })
}

/// A group that may get a bar, and its number of units.
struct Candidate {
    figure: Figure,
    bar: Bar,
    units: i64,
}

/// A bar for each group: in the order of the keys, or the largest first with the remaining groups together.
fn grouped(report: &Report, measure: &Measure, drawn: Drawn<'_>, has_order: bool, notes: &mut Vec<String>) -> Vec<Bar> {
    let per_group = measure.statistics.len().max(1);
    let statistic = drawn.statistic();
    let candidate = |rows: &[ReportRow]| {
        let names: Vec<&str> = rows.first()?.group.iter().map(|(_, _, label)| label.as_str()).collect();
        let figure = rows.iter().find(|row| row.statistic == statistic.name)?.figure;
        let units = match statistic.formula {
            Formula::Quantile { counter, .. } => unit_count(measure, rows, counter).unwrap_or(0),
            _ => figure.denominator.unwrap_or(0),
        };
        Some(Candidate { figure, bar: bar(report, measure, drawn, &names.join(", "), figure, rows), units })
    };
    let mut all: Vec<Candidate> = report.rows.chunks(per_group).filter_map(candidate).collect();
    if has_order {
        return all.into_iter().map(|candidate| candidate.bar).collect();
    }
    // If only one group remains, it gets its own bar: a bar for the rest would take the same space.
    let mut rest = Vec::new();
    if all.len() > MAX_BARS + 1 {
        // A share or a median of few units is often extreme and says little, so the groups with the most units are drawn.
        let by_units = drawn.is_share() || matches!(statistic.formula, Formula::Quantile { .. });
        if by_units {
            all.sort_by_key(|candidate| (candidate.bar.mark.value().is_none(), std::cmp::Reverse(candidate.units)));
        } else {
            all.sort_by(by_value);
        }
        // Bars of hidden groups side by side say no more than the number of those groups.
        let shown = all.iter().take(MAX_BARS).filter(|candidate| candidate.bar.mark.value().is_some()).count();
        rest = all.split_off(shown);
        if by_units && shown == MAX_BARS {
            notes.push(format!(
                "Drawn are the {shown} groups with the most {}.",
                words(report.unit.as_str()).to_lowercase()
            ));
        }
    }
    all.sort_by(by_value);
    let mut bars: Vec<Bar> = all.into_iter().map(|candidate| candidate.bar).collect();
    if let Some(together) = rest_bar(report, measure, drawn, &rest) {
        bars.push(together);
    } else if !rest.is_empty() {
        let most = rest.iter().filter_map(|candidate| Some((candidate.bar.mark.value()?, &candidate.bar.shown)));
        let most = most
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, shown)| format!(", the largest of them {shown}"));
        notes.push(format!("{} more are not drawn{}: they cannot be added.", rest.len(), most.unwrap_or_default()));
    }
    bars
}

/// The largest first; of equal bars, the one with more units; then hidden ones, then missing ones.
fn by_value(one: &Candidate, other: &Candidate) -> std::cmp::Ordering {
    let rank = |candidate: &Candidate| match candidate.bar.mark {
        Mark::Value(value) => (0, -value, -candidate.units),
        Mark::Hidden => (1, 0.0, 0),
        Mark::Missing => (2, 0.0, 0),
    };
    let (one, other) = (rank(one), rank(other));
    one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)).then(one.2.cmp(&other.2))
}

/// The value, in the rows of a group, of the statistic that is a count of this counter.
fn unit_count(measure: &Measure, rows: &[ReportRow], counter: &str) -> Option<i64> {
    let known =
        measure.statistics.iter().find(|known| matches!(known.formula, Formula::Count(name) if name == counter))?;
    match rows.iter().find(|row| row.statistic == known.name)?.figure.value {
        Some(Amount::Whole(n)) => Some(n),
        _ => None,
    }
}

/// The bar for the groups without a bar of their own, if their numbers can be added: `and 9 more (52)`.
fn rest_bar(report: &Report, measure: &Measure, drawn: Drawn<'_>, rest: &[Candidate]) -> Option<Bar> {
    let several = report
        .filters
        .group_by
        .iter()
        .filter_map(|name| measure.group(name))
        .any(|group| matches!(group.keys, Keys::SeveralCodes(_)));
    let statistic = drawn.statistic();
    if rest.is_empty() || several || !measure.is_additive() || matches!(statistic.formula, Formula::Quantile { .. }) {
        return None;
    }
    let hidden = rest.iter().filter(|candidate| candidate.figure.hidden).count();
    let shown = || rest.iter().map(|candidate| candidate.figure).filter(|figure| !figure.hidden);
    let ranged = |numbers: Vec<i64>| {
        let sum: i64 = numbers.iter().sum();
        let (low, high) =
            numbers.iter().filter_map(|n| range(report, *n)).fold((0, 0), |(low, high), (l, h)| (low + l, high + h));
        let words = if high > low {
            format!("{}–{}", Cell::Count(low).words(), Cell::Count(high).words())
        } else {
            Cell::Count(sum).words()
        };
        (sum, words)
    };
    let numbers = |number: fn(Figure) -> Option<i64>| shown().filter_map(number).collect::<Vec<i64>>();
    let whole = |figure: Figure| match figure.value {
        Some(Amount::Whole(whole)) => Some(whole),
        _ => None,
    };
    let (mark, words) = match drawn {
        _ if hidden == rest.len() => (Mark::Hidden, "hidden".to_owned()),
        Drawn::Statistic(_) if drawn.is_share() => {
            let (numerator, denominator) =
                (ranged(numbers(|figure| figure.numerator)), ranged(numbers(|figure| figure.denominator)));
            let figure = Figure::ratio(numerator.0, denominator.0);
            let mark = figure.value.map_or(Mark::Missing, |value| Mark::Value(value.number()));
            let share = figure.value.map_or(String::new(), |value| format!("{:.0}\u{A0}%, ", value.number() * 100.0));
            (mark, format!("{share}{} of {}", numerator.1, denominator.1))
        }
        Drawn::Units(_) => {
            let (sum, words) = ranged(numbers(|figure| figure.denominator));
            (Mark::Value(Amount::Whole(sum).number()), words)
        }
        Drawn::Statistic(_) => {
            let (sum, words) = ranged(numbers(whole));
            (Mark::Value(Amount::Whole(sum).number()), words)
        }
    };
    let hidden = if hidden > 0 && hidden < rest.len() { format!(", and {hidden} hidden") } else { String::new() };
    let label = match rest.len() == report.rows.len() / measure.statistics.len().max(1) {
        true => format!("{} groups ({words}{hidden})", rest.len()),
        false => format!("and {} more ({words}{hidden})", rest.len()),
    };
    Some(Bar { is_pale: true, ..Bar::new(&label, mark, "together") })
}

/// A description of the chart in words.
fn describe(report: &Report, bars: &[Bar], by_time: bool) -> String {
    let what = if by_time { "A column for each month or quarter." } else { "A bar for each group." };
    let group_bars = || bars.iter().filter(|bar| bar.shown != "together");
    let most = group_bars()
        .filter_map(|bar| Some((bar.mark.value()?, bar)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let most = most.map_or(String::new(), |(_, bar)| format!(" The largest is {}: {}.", bar.label, bar.shown));
    let ends = match (bars.first(), bars.last()) {
        (Some(first), Some(last)) if by_time && bars.len() > 1 => {
            format!(" From {}: {}, to {}: {}.", first.label, first.shown, last.label, last.shown)
        }
        _ => String::new(),
    };
    let hidden = group_bars().filter(|bar| bar.mark == Mark::Hidden).count();
    let hidden = if hidden > 0 { format!(" {hidden} hidden.") } else { String::new() };
    let rest = bars.iter().find(|bar| bar.shown == "together").map_or(String::new(), |bar| format!(" {}.", bar.label));
    format!("{what} {}. {}{most}{ends}{hidden}{rest}", covered_time(report), report.scope.words())
}
