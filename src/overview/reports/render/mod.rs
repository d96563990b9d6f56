//! A report as a table and as a chart: the basis of every format except JSON.

mod chart;
mod figures;
mod notes;
mod table;

use super::{measure::Measure, model::Report, request::ReportFormat};
use crate::{
    error::{ApiError, Result},
    print::{Sheet, csv, pdf, svg, xlsx},
};
use figures::last_day;
use table::table;

/// Printed on every page, sheet and line of an exact file.
pub const INTERNAL: &str = "Exact numbers: internal";

/// The reader of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person: the table has labels without keys, and ranges where numbers are protected.
    Person,
    /// A spreadsheet: the table has the keys beside the labels, and numbers that formulas can use.
    Spreadsheet,
    /// A program that reads lines: as for a spreadsheet, and every line says what its numbers cover.
    Lines,
}

/// Renders the report as a file in any format except JSON.
pub fn file(report: &Report, measure: &Measure, format: ReportFormat) -> Result<Vec<u8>> {
    let reader = match format {
        ReportFormat::Csv => Reader::Lines,
        ReportFormat::Xlsx => Reader::Spreadsheet,
        _ => Reader::Person,
    };
    let table = table(report, measure, reader);
    match format {
        ReportFormat::Csv => Ok(csv::render(&table)),
        ReportFormat::Xlsx => xlsx::render(&table),
        ReportFormat::Pdf => pdf::render(&Sheet::from(&table)),
        ReportFormat::Svg => Ok(table.chart.as_ref().map(svg::render).unwrap_or_default().into_bytes()),
        ReportFormat::Json => serde_json::to_vec(report).map_err(ApiError::internal),
    }
}

/// The file name: the measure, the teams, the period, and whether it is exact. Plain ASCII.
pub fn filename(report: &Report, format: ReportFormat) -> String {
    let teams = report.scope.short().map_or_else(|| "all-teams".to_owned(), |teams| slug(&teams));
    let teams = match (teams.is_empty(), report.filters.team) {
        (false, _) => teams,
        // A team name in another script: the last part of the team's id, which differs between ids.
        (true, Some(team)) => format!("team-{}", team.to_string().rsplit('-').next().unwrap_or_default()),
        (true, None) => "team".to_owned(),
    };
    let period = match (report.from, report.to) {
        (Some(from), Some(to)) => format!("{from}_to_{}", to.plus_days(-1)),
        _ => format!("as-of-{}", last_day(report)),
    };
    format!("{}_{teams}_{period}_{}.{}", report.id, report.filters.view.as_str(), format.as_str())
}

fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(60);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::chart::chart;
    use super::figures::{range, share_range};
    use super::notes::notes;
    use super::*;
    use crate::{
        overview::reports::{
            aggregate::{Amount, Figure},
            measure::find,
            model::{Excluded, ReportFilters, ReportRow, ReportScope, ScopeKind},
            request::View,
        },
        print::table::{Cell, Mark},
        types::{Day, Instant, Zone},
    };

    fn scope(kind: ScopeKind, teams: &[&str], of_teams: usize) -> ReportScope {
        let teams = teams.iter().map(|team| (*team).to_owned()).collect();
        ReportScope { organization: "River Peers".into(), kind, teams, of_teams, advocate: None }
    }

    /// A report by one group: for each key the figures of its statistics.
    fn report(
        id: &str,
        group: &'static str,
        view: View,
        rows: Vec<(String, Vec<Figure>)>,
    ) -> (Report, &'static Measure) {
        let measure = find(id).unwrap();
        let row = |path: Vec<(&'static str, String, String)>, figures: Vec<Figure>| {
            let each = measure.statistics.iter().zip(figures);
            each.map(|(statistic, figure)| ReportRow {
                group: path.as_slice().into(),
                statistic: statistic.name,
                figure,
            })
            .collect::<Vec<_>>()
        };
        let report = Report {
            id: measure.id,
            version: measure.version,
            title: measure.title,
            definition: measure.definition,
            numerator_is: measure.numerator,
            denominator_is: measure.denominator,
            caution: measure.caution,
            unit: measure.unit,
            as_of: Instant::parse("2026-10-01T05:00:00Z").unwrap(),
            time_zone: Zone::parse("America/Chicago").unwrap(),
            scope: scope(ScopeKind::AllTeams, &["Hill side", "North side"], 2),
            from: None,
            to: None,
            filters: ReportFilters { team: None, group_by: vec![group], view },
            n: None,
            excluded: Vec::new(),
            threshold: (view == View::Protected).then_some(11),
            step: (view == View::Protected).then_some(10),
            rows: rows.into_iter().flat_map(|(key, figures)| row(vec![(group, key.clone(), key)], figures)).collect(),
            totals: row(Vec::new(), vec![Figure::NOTHING; measure.statistics.len()]),
            periods: Vec::new(),
        };
        (report, measure)
    }
    fn count(value: i64) -> Figure {
        Figure { value: Some(Amount::Whole(value)), ..Figure::NOTHING }
    }
    fn bars((report, measure): &(Report, &Measure)) -> Vec<(String, String)> {
        chart(report, measure).unwrap().bars.into_iter().map(|bar| (bar.label, bar.shown)).collect()
    }
    fn pair(label: &str, shown: &str) -> (String, String) {
        (label.to_owned(), shown.to_owned())
    }

    #[test]
    fn excluded_counts_are_as_exact_as_the_view() {
        for (view, n, words) in [
            (View::Exact, Some(15), "(15)"),
            (View::Protected, Some(15), "(11–20)"),
            (View::Protected, None, "(hidden)"),
        ] {
            let (mut report, measure) = report("barriers_open", "type", view, vec![("Cost".into(), vec![count(25)])]);
            report.excluded =
                vec![Excluded { code: "entered_in_error", words: "Of cases that were entered in error", n }];
            let notes = notes(&report, measure, Reader::Person);
            assert!(notes.contains(&format!("Left out: Of cases that were entered in error {words}.")), "{notes:?}");
        }
    }

    /// 21 types of 1 to 21 barriers: twelve bars, the largest first, and one for the nine others.
    #[test]
    fn bars_show_the_largest_groups_and_combine_the_rest() {
        let rows = (1..=21).map(|n| (format!("Type {n:02}"), vec![count(n)])).collect();
        let sample = report("barriers_open", "type", View::Exact, rows);
        let bars = bars(&sample);
        assert_eq!((bars.len(), &bars[0], &bars[11]), (13, &pair("Type 21", "21"), &pair("Type 10", "10")));
        assert_eq!(bars[12], pair("and 9 more (45)", "together"));
        let chart = chart(&sample.0, sample.1).unwrap();
        assert!(
            chart.description.contains("The largest is Type 21: 21.") && chart.description.contains("and 9 more (45)"),
            "{}",
            chart.description
        );
        assert!(chart.bars[12].is_pale && chart.bars[12].mark == Mark::Value(45.0));
        // Hidden groups come after the shown ones, and are counted separately.
        let rows = (1..=15)
            .map(|n| (format!("Type {n:02}"), vec![if n > 12 { Figure::HIDDEN } else { count(15 + n / 8 * 10) }]))
            .collect();
        let last = self::bars(&report("barriers_open", "type", View::Protected, rows)).pop().unwrap();
        assert_eq!(last, pair("and 3 more (hidden)", "together"));
    }

    /// For shares, the groups with the most units are drawn: a share of one unit is often 100 %, and says little.
    #[test]
    fn share_charts_show_the_groups_with_the_most_units() {
        let share = |numerator, denominator| {
            vec![Figure::ratio(numerator, denominator), Figure::ratio(0, denominator), Figure::ratio(0, denominator)]
        };
        let large = (0..12).map(|n| (format!("Large {n:02}"), share(30 + n, 90)));
        let small = (0..9).map(|n| (format!("Small {n}"), share(1, 1)));
        let sample = report("barrier_resolution", "type", View::Exact, small.chain(large).collect());
        let bars = bars(&sample);
        assert_eq!((bars.len(), &bars[0]), (13, &pair("Large 11", "45.6\u{A0}% (41 of 90)")));
        assert_eq!(bars[12], pair("and 9 more (100\u{A0}%, 9 of 9)", "together"));
        assert_eq!(chart(&sample.0, sample.1).unwrap().notes, ["Drawn are the 12 groups with the most barriers."]);
        // If numbers cannot be added, the note gives the largest of them.
        let rows = (1..=20).map(|n| (format!("Clinic {n:02}"), vec![count(n), count(i64::from(n > 2))])).collect();
        let sample = report("provider_pattern", "provider", View::Exact, rows);
        assert_eq!(
            (self::bars(&sample).len(), chart(&sample.0, sample.1).unwrap().notes),
            (12, vec!["8 more are not drawn, the largest of them 8: they cannot be added.".to_owned()])
        );
    }

    /// Rows in which everything is hidden become one row, and one bar.
    #[test]
    fn fully_hidden_rows_are_combined_into_one() {
        let rows = (0..20).map(|n| (format!("Type {n:02}"), vec![Figure::HIDDEN])).collect();
        let sample = report("barriers_open", "type", View::Protected, rows);
        assert_eq!(bars(&sample), [pair("20 groups (hidden)", "together")]);
        let table = table(&sample.0, sample.1, Reader::Person);
        assert_eq!(table.rows, [vec![Cell::Text("20 more, all numbers hidden".into()), Cell::Hidden]]);
        assert_eq!(super::table(&sample.0, sample.1, Reader::Lines).rows.len(), 20, "a machine gets each");
    }

    /// Without groups the totals are one below the other, a share with its counts.
    #[test]
    fn ungrouped_totals_are_shown_as_a_vertical_table() {
        let (mut sample, measure) = report("barrier_resolution", "type", View::Exact, Vec::new());
        sample.filters.group_by.clear();
        sample.totals[0].figure = Figure::ratio(9, 20);
        let table = table(&sample, measure, Reader::Person);
        assert_eq!(table.columns.len(), 2);
        assert_eq!(
            table.rows[0],
            [Cell::Text("Share resolved".into()), Cell::Text("45.0\u{A0}% (9\u{A0}of\u{A0}20)".into())]
        );
        assert_eq!((table.rows[1][1].clone(), table.totals.len()), (Cell::Empty, 0));
    }

    #[test]
    fn ordered_groups_keep_their_order() {
        let rows = [("low", 1), ("medium", 9), ("high", 4)].map(|(key, n)| (key.to_owned(), vec![count(n)])).to_vec();
        let labels: Vec<String> =
            bars(&report("barriers_open", "severity", View::Exact, rows)).into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["low", "medium", "high"]);
    }

    #[test]
    fn share_shows_its_numerator_and_denominator() {
        let share = |numerator, denominator| {
            vec![Figure::ratio(numerator, denominator), Figure::ratio(0, denominator), Figure::ratio(0, denominator)]
        };
        let rows = vec![
            ("A".to_owned(), share(1, 2)),
            ("B".to_owned(), share(9, 20)),
            ("C".to_owned(), share(0, 0)),
            ("D".to_owned(), vec![Figure::HIDDEN; 3]),
        ];
        let sample = report("barrier_resolution", "type", View::Exact, rows.clone());
        assert_eq!(
            bars(&sample),
            [
                pair("A", "50.0\u{A0}% (1 of 2)"),
                pair("B", "45.0\u{A0}% (9 of 20)"),
                pair("D", "hidden"),
                pair("C", "no data")
            ]
        );
        assert!(chart(&sample.0, sample.1).unwrap().of_whole);
        // If the group determines the share, numbers are drawn.
        let sample = report("barrier_resolution", "disposition", View::Exact, rows);
        assert_eq!((bars(&sample)[0].clone(), chart(&sample.0, sample.1).unwrap().of_whole), (pair("B", "20"), false));
        // 11 of 40 may be published as 15 of 35: the true share is in the range.
        let sample = report(
            "barrier_resolution",
            "type",
            View::Protected,
            vec![("A".to_owned(), share(15, 35)), ("B".to_owned(), share(15, 15))],
        );
        assert_eq!(
            bars(&sample),
            [pair("B", "100\u{A0}% (11–20 of 11–20)"), pair("A", "27–65\u{A0}% (11–20 of 31–40)")]
        );
    }

    /// The true counts and their share are always in the published ranges.
    #[test]
    fn true_values_lie_in_the_published_ranges() {
        let threshold = super::super::suppression::Threshold::from_setting(11);
        let about = |n: i64| match threshold.publish(n) {
            super::super::suppression::PublishedCount::About(about) => Some(about),
            super::super::suppression::PublishedCount::Hidden => None,
        };
        let (sample, measure) = report("barrier_resolution", "type", View::Protected, Vec::new());
        for denominator in 0..90_i64 {
            for numerator in (0..=denominator).filter(|numerator| about(denominator - numerator).is_some()) {
                let (Some(a), Some(b)) = (about(numerator), about(denominator)) else { continue };
                let (low, high) = range(&sample, a).unwrap();
                assert!((low..=high).contains(&numerator), "{numerator}");
                if denominator > 0 {
                    let (low, high) = share_range(&sample, &measure.statistics[0], Figure::ratio(a, b)).unwrap();
                    let share = Amount::Whole(numerator).number() / Amount::Whole(denominator).number();
                    assert!(
                        low - 1e-9 <= share && share <= high + 1e-9,
                        "{numerator} of {denominator}: {low} to {high}"
                    );
                }
            }
        }
    }

    #[test]
    fn file_name_states_measure_scope_period_and_view() {
        let (mut sample, _) = report("barriers_open", "type", View::Exact, Vec::new());
        assert_eq!(filename(&sample, ReportFormat::Csv), "barriers_open_all-teams_as-of-2026-09-30_exact.csv");
        sample.scope = scope(ScopeKind::Teams, &["North side / Küste"], 4);
        (sample.from, sample.to) = (Some(Day::parse("2026-01-01").unwrap()), Some(Day::parse("2026-04-01").unwrap()));
        assert_eq!(
            filename(&sample, ReportFormat::Pdf),
            "barriers_open_north-side-k-ste_2026-01-01_to_2026-03-31_exact.pdf"
        );
        assert_eq!(sample.scope.words(), "Team North side / Küste only");
        sample.scope = scope(ScopeKind::Teams, &["北"], 4);
        assert_eq!(filename(&sample, ReportFormat::Svg), "barriers_open_team_2026-01-01_to_2026-03-31_exact.svg");
        sample.scope = scope(ScopeKind::Teams, &["A", "B"], 4);
        assert_eq!(
            (sample.scope.words().as_str(), sample.scope.short().as_deref()),
            ("2 of 4 teams: A, B", Some("2 of 4 teams"))
        );
        sample.filters.group_by.clear();
        let table = table(&sample, find("barriers_open").unwrap(), Reader::Person);
        assert_eq!(table.title, "Open barriers: 2 of 4 teams");
        for text in [&table.foot, &table.subtitle, &table.name] {
            assert!(
                text.contains("River Peers")
                    && text.contains("2 of 4 teams: A, B")
                    && text.contains("1 January 2026 to 31 March 2026"),
                "{text}"
            );
        }
        assert!(table.foot.starts_with(INTERNAL) && table.notice.as_deref() == Some(INTERNAL));
    }
}
