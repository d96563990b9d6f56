//! What a report counts and leaves out, in sentences.

use super::super::{measure::Measure, model::Report, request::View};
use super::{
    INTERNAL, Reader,
    figures::{by_time, count_words, format_day, moment},
};
use crate::types::code::words;

pub(super) fn definition(report: &Report, measure: &Measure, reader: Reader) -> Vec<(String, String)> {
    let scope = &report.scope;
    let mut lines = vec![("Definition".to_owned(), report.definition.to_owned())];
    lines.extend(report.numerator_is.map(|text| ("Numerator".to_owned(), text.to_owned())));
    lines.extend(report.denominator_is.map(|text| ("Denominator".to_owned(), text.to_owned())));
    let mut add = |term: &str, words: String| lines.push((term.to_owned(), words));
    if reader == Reader::Person {
        // Teams, period and view are under the title and at the foot of every page.
        if by_time(report, measure) {
            add("Month or quarter", measure.by_time.counts_by.to_owned());
        }
        let team = report
            .filters
            .team
            .and_then(|_| scope.teams.first())
            .map_or("none".to_owned(), |team| format!("team {team}"));
        let unit = words(report.unit.as_str()).to_lowercase();
        add("Measure", format!("{}, version {}, of {unit}", report.id, report.version));
        add("As of", format!("{} ({}). Filters: {team}.", moment(report), report.time_zone));
        return lines;
    }
    add("Unit", words(report.unit.as_str()));
    add("Organization", scope.organization.clone());
    add("Teams", scope.words());
    let team = report.filters.team.and_then(|_| scope.teams.first());
    add("Filters", team.map_or_else(|| "None".to_owned(), |team| format!("Team {team}")));
    if let (Some(from), Some(to)) = (report.from, report.to) {
        add("Period", format!("From {} up to the end of {}", format_day(from), format_day(to.plus_days(-1))));
    }
    add("As of", format!("{} ({})", moment(report), report.time_zone));
    let groups: Vec<&str> =
        report.filters.group_by.iter().filter_map(|name| measure.group(name)).map(|group| group.title).collect();
    if !groups.is_empty() {
        add("Grouped by", groups.join(", "));
    }
    if by_time(report, measure) {
        add("Month or quarter", measure.by_time.counts_by.to_owned());
    }
    add(
        "View",
        match report.filters.view {
            View::Exact => INTERNAL.to_owned(),
            View::Protected => "Protected: small numbers are hidden, others are given in steps.".to_owned(),
        },
    );
    add("Measure", format!("{}, version {}", report.id, report.version));
    lines
}

pub(super) fn notes(report: &Report, measure: &Measure, reader: Reader) -> Vec<String> {
    let mut notes: Vec<String> = report.caution.map(str::to_owned).into_iter().collect();
    for excluded in &report.excluded {
        match excluded.n {
            Some(0) => {}
            Some(n) => notes.push(format!("Left out: {} ({}).", excluded.words, count_words(report, n))),
            None => notes.push(format!("Left out: {} (hidden).", excluded.words)),
        }
    }
    if report.periods.iter().any(|figures| figures.period.is_part) {
        notes.push("(part): the period, or what is on record, covers a part of the month or quarter only.".into());
    }
    let without = measure.statistics.iter().filter(|statistic| measure.by_time.totals_only.contains(&statistic.name));
    if by_time(report, measure) {
        notes.extend(
            without.map(|statistic| format!("{}: as of the report date, so only the total has it.", statistic.title)),
        );
    }
    if let (View::Protected, Some(threshold), Some(step)) = (report.filters.view, report.threshold, report.step)
        && threshold > 1
    {
        let hidden = format!(
            "Numbers from 1 to {} are hidden. If only one number of a total would be hidden, a second one is hidden too.",
            threshold - 1
        );
        // The range with the smallest number that is not hidden.
        let below = (threshold - 1) / step * step;
        let (first, middle, last) = (below + 1, below + (step + 1) / 2, below + step);
        notes.push(match reader {
            Reader::Person => format!(
                "{hidden} The others, except 0, are given as a range of {step}: {first}–{last} stands for any number in it. The \
                 range of a share is what the ranges of its two numbers allow, and days are given in whole weeks."
            ),
            _ => format!(
                "{hidden} The others, except 0, are given as the middle of a range: {middle} stands for {first} to {last}. Shares \
                 are computed from these numbers, and days are given in whole weeks."
            ),
        });
    }
    notes
}
