//! Numbers and days as text and as cells: exact, or as the ranges of a protected report.

use super::super::{
    aggregate::{Amount, Figure},
    measure::{Formula, Measure, Statistic},
    model::Report,
    request::View,
};
use super::Reader;
use crate::{print::table::Cell, types::Day};

pub(super) const fn is_ratio(formula: Formula) -> bool {
    matches!(formula, Formula::Share { .. } | Formula::Mean { .. })
}

/// The range of a count that is published as the middle of a step.
pub(super) fn range(report: &Report, count: i64) -> Option<(i64, i64)> {
    let step = report.step.filter(|_| report.filters.view == View::Protected)?;
    Some(if count == 0 { (0, 0) } else { (count - step / 2 + 1, count + step / 2) })
}

/// The range of a share whose counts are published in steps. Denominator minus numerator is 0 or more than a step,
/// because every other share is hidden.
pub(super) fn share_range(report: &Report, statistic: &Statistic, figure: Figure) -> Option<(f64, f64)> {
    let (numerator, denominator) = (figure.numerator?, figure.denominator?);
    let ((low, high), (least, most)) = (range(report, numerator)?, range(report, denominator)?);
    let ratio = |part: i64, whole: i64| {
        if whole > 0 { Amount::Whole(part).number() / Amount::Whole(whole).number() } else { 1.0 }
    };
    let is_share = matches!(statistic.formula, Formula::Share { .. });
    if is_share && numerator == denominator {
        return Some((1.0, 1.0));
    }
    let rest = report.step.filter(|_| is_share).map_or(1.0, |step| ratio(most - step - 1, most));
    Some((ratio(low, most), ratio(high, least).min(rest).max(ratio(low, most)).min(1.0)))
}

/// `12`, or `11–20`.
pub(super) fn count_words(report: &Report, count: i64) -> String {
    match range(report, count) {
        Some((low, high)) if low != high => format!("{}–{}", Cell::Count(low).words(), Cell::Count(high).words()),
        _ => Cell::Count(count).words(),
    }
}

/// `45.0 %`, or `37–62 %`.
pub(super) fn share_words(report: &Report, statistic: &Statistic, figure: Figure) -> String {
    let Some(value) = figure.value else { return Cell::Empty.words() };
    match share_range(report, statistic, figure) {
        Some((low, high)) if high > low => format!("{:.0}–{:.0}\u{A0}%", (low * 100.0).floor(), (high * 100.0).ceil()),
        Some((low, _)) => format!("{:.0}\u{A0}%", low * 100.0),
        None => Cell::Share(value.number()).words(),
    }
}

/// `12`, or `7–13`: protected days are published in whole weeks.
pub(super) fn day_words(report: &Report, days: i64) -> String {
    match report.filters.view {
        View::Protected => format!("{days}–{}", days + 6),
        View::Exact => Cell::Count(days).words(),
    }
}

pub(super) fn figures(report: &Report, statistic: &Statistic, figure: Figure, reader: Reader) -> Vec<Cell> {
    if figure.hidden {
        return vec![Cell::Hidden; if is_ratio(statistic.formula) && reader != Reader::Person { 3 } else { 1 }];
    }
    if let (true, Reader::Person) = (is_ratio(statistic.formula), reader) {
        let share = |_| {
            let (numerator, denominator) = (figure.numerator.unwrap_or(0), figure.denominator.unwrap_or(0));
            let counts =
                format!("({}\u{A0}of\u{A0}{})", count_words(report, numerator), count_words(report, denominator));
            Cell::Text(format!("{} {counts}", share_words(report, statistic, figure)))
        };
        return vec![figure.value.map_or(Cell::Empty, share)];
    }
    let as_words = reader == Reader::Person && report.filters.view == View::Protected;
    let whole = |number: Option<i64>| match number {
        Some(number) if as_words => Cell::Text(count_words(report, number)),
        Some(number) => Cell::Count(number),
        None => Cell::Empty,
    };
    match (is_ratio(statistic.formula), figure.value) {
        (true, value) => {
            let share = value.map_or(Cell::Empty, |value| Cell::Share(value.number()));
            vec![share, whole(figure.numerator), whole(figure.denominator)]
        }
        (false, Some(Amount::Whole(days))) if as_words && matches!(statistic.formula, Formula::Quantile { .. }) => {
            vec![Cell::Text(day_words(report, days))]
        }
        // One provider is either flagged or not.
        (false, Some(Amount::Whole(flag @ 0..=1))) if matches!(statistic.formula, Formula::Flagged { .. }) => {
            vec![Cell::Count(flag)]
        }
        (false, Some(Amount::Whole(count))) => vec![whole(Some(count))],
        (false, Some(value)) => vec![Cell::Number(value.number())],
        (false, None) => vec![Cell::Empty],
    }
}

pub(super) fn format_day(day: Day) -> String {
    day.jiff().strftime("%-d %B %Y").to_string()
}

/// The last day that the report covers.
pub(super) fn last_day(report: &Report) -> Day {
    Day::of(crate::types::Instant::from_micros(report.as_of.micros() - 1), &report.time_zone)
}

/// The moment in words. If a day ends at it, it is written as the end of that day.
pub(super) fn moment(report: &Report) -> String {
    let local = report.as_of.jiff().to_zoned_datetime(report.time_zone.jiff());
    let begins = report.as_of == Day::from_jiff(local.date()).begins(&report.time_zone);
    match begins {
        true => format!("the end of {}", format_day(Day::from_jiff(local.date()).plus_days(-1))),
        false => local.strftime("%-d %B %Y, %H:%M").to_string(),
    }
}

/// The period or the moment that the report covers, in words.
pub(super) fn covered_time(report: &Report) -> String {
    match (report.from, report.to) {
        (Some(from), Some(to)) => format!("{} to {}", format_day(from), format_day(to.plus_days(-1))),
        _ => format!("As of {}", moment(report)),
    }
}

pub(super) fn by_time(report: &Report, measure: &Measure) -> bool {
    report.filters.group_by.iter().filter_map(|name| measure.group(name)).any(|group| group.keys.span().is_some())
}
