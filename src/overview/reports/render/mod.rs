//! A report as a table and as a chart: the basis of every format except JSON.

use super::{
    aggregate::{Amount, Figure},
    measure::{Keys, Makes, Measure, ReportTime, Statistic},
    model::{PeriodFigures, Report, ReportRow},
    request::{ReportFormat, View},
};
use crate::{
    error::{ApiError, Result},
    print::{
        Sheet, csv, pdf, svg,
        table::{Bar, Cell, Chart, ChartKind, Column, ColumnKind, Mark, Table},
        xlsx,
    },
    types::{Day, code::words},
};

/// The most bars of groups without an order of their own. The other groups share one bar.
const MOST_BARS: usize = 12;

/// Printed on every page, sheet and line of an exact file.
pub const INTERNAL: &str = "Exact numbers: internal";

/// The reader of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person: labels without keys, and ranges where numbers are protected.
    Person,
    /// A spreadsheet: the keys beside the labels, and numbers that formulas can use.
    Spreadsheet,
    /// The same, where every line says what its numbers cover.
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

/// The report as a table: a line for each group, with the measure's numbers side by side.
fn table(report: &Report, measure: &Measure, reader: Reader) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for name in &report.filters.group_by {
        let title = measure.group(name).map_or(*name, |group| group.title);
        if reader != Reader::Person {
            columns.push(Column { name: (*name).into(), label: format!("{title} (key)"), kind: ColumnKind::Text });
        }
        columns.push(Column { name: format!("{name}_name").into(), label: title.to_owned(), kind: ColumnKind::Text });
    }
    for statistic in measure.statistics {
        let is_ratio = is_ratio(statistic.makes);
        let kind = match statistic.makes {
            Makes::Share { .. } | Makes::Mean { .. } => ColumnKind::Share,
            _ => ColumnKind::Count,
        };
        columns.push(Column { name: statistic.name.into(), label: statistic.title.to_owned(), kind });
        if is_ratio && reader != Reader::Person {
            for (part, label) in [("numerator", "Number"), ("denominator", "Out of")] {
                columns.push(Column {
                    name: format!("{}_{part}", statistic.name).into(),
                    label: label.into(),
                    kind: ColumnKind::Count,
                });
            }
        }
    }
    let context = if reader == Reader::Lines { context(report) } else { Vec::new() };
    columns.extend(context.iter().map(|(name, _)| Column {
        name: (*name).into(),
        label: (*name).to_owned(),
        kind: ColumnKind::Text,
    }));
    let all = if measure.time == ReportTime::Moment && by_time(report, measure) { "At the end" } else { "Total" };
    let line = |rows: &[ReportRow]| {
        let mut cells = Vec::new();
        for (at, _) in report.filters.group_by.iter().enumerate() {
            let group = rows.first().and_then(|row| row.group.get(at));
            let (key, label) = group
                .map_or((Cell::Empty, Cell::Text(if at == 0 { all } else { "" }.into())), |(_, key, label)| {
                    (Cell::Text(key.clone()), Cell::Text(label.clone()))
                });
            if reader != Reader::Person {
                cells.push(key);
            }
            cells.push(label);
        }
        for (statistic, row) in measure.statistics.iter().zip(rows) {
            cells.extend(figures(report, statistic, row.figure, reader));
        }
        cells.extend(context.iter().map(|(_, cell)| cell.clone()));
        cells
    };
    let per_group = measure.statistics.len().max(1);
    let mut rows: Vec<Vec<Cell>> = report.rows.chunks(per_group).map(line).collect();
    let mut totals: Vec<Vec<Cell>> = report.totals.chunks(per_group).map(line).collect();
    if reader == Reader::Person && report.filters.group_by.is_empty() {
        // A single row of many numbers is easier to read from top to bottom.
        (columns, rows, totals) = upright(report, measure);
    } else if reader == Reader::Person && !by_time(report, measure) {
        fold_hidden(&mut rows, report.filters.group_by.len());
    }
    let scope = &report.scope;
    let notice = (report.filters.view == View::Exact).then(|| INTERNAL.to_owned());
    let view = notice.as_ref().map_or("protected", |_| "exact, internal");
    Table {
        title: scope.short().map_or_else(|| report.title.to_owned(), |teams| format!("{}: {teams}", report.title)),
        subtitle: format!("{}, {}\n{}", scope.organization, lower_first(&scope.words()), covers(report)),
        definition: definition(report, measure, reader),
        rows,
        totals,
        columns,
        notes: notes(report, measure, reader),
        foot: [
            notice.as_deref().unwrap_or_default(),
            &scope.organization,
            &scope.words(),
            &covers(report),
            &format!("{}, version {}", report.id, report.version),
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · "),
        chart: chart(report, measure),
        notice,
        name: format!("{} – {} – {} – {} ({view})", report.title, scope.organization, scope.words(), covers(report)),
    }
}

/// The totals, one below the other.
fn upright(report: &Report, measure: &Measure) -> (Vec<Column>, Vec<Vec<Cell>>, Vec<Vec<Cell>>) {
    let column = |name: &'static str, label: &str, kind| Column { name: name.into(), label: label.to_owned(), kind };
    let columns =
        vec![column("statistic", "What is counted", ColumnKind::Text), column("value", "Number", ColumnKind::Count)];
    let line = |statistic: &Statistic| {
        let row = report.totals.iter().find(|row| row.statistic == statistic.name)?;
        let cell = figures(report, statistic, row.figure, Reader::Person).into_iter().next()?;
        Some(vec![Cell::Text(statistic.title.to_owned()), cell])
    };
    (columns, measure.statistics.iter().filter_map(line).collect(), Vec::new())
}

/// Replaces rows in which every number is hidden by a single row, if there are many: they carry no information.
fn fold_hidden(rows: &mut Vec<Vec<Cell>>, groups: usize) {
    let is_hidden = |row: &Vec<Cell>| row.iter().skip(groups).all(|cell| *cell == Cell::Hidden);
    let hidden = rows.iter().filter(|row| is_hidden(row)).count();
    if hidden > 3 {
        let cells = rows.iter().map(Vec::len).max().unwrap_or(0);
        rows.retain(|row| !is_hidden(row));
        let label =
            |at: usize| Cell::Text(if at == 0 { format!("{hidden} more, all numbers hidden") } else { String::new() });
        rows.push((0..cells).map(|at| if at < groups { label(at) } else { Cell::Hidden }).collect());
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// What the numbers cover, as of when and how exact, for each line of a CSV file: its first line is its header.
fn context(report: &Report) -> Vec<(&'static str, Cell)> {
    let text = |text: String| Cell::Text(text);
    let day = |day: Option<Day>| day.map_or(Cell::Empty, |day| text(day.to_string()));
    let notice = match (report.filters.view, report.threshold, report.step) {
        (View::Protected, Some(threshold), Some(step)) => {
            format!("Protected: 1 to {} suppressed; others are the middle of a step of {step}", threshold - 1)
        }
        _ => INTERNAL.to_owned(),
    };
    vec![
        ("organization", text(report.scope.organization.clone())),
        ("teams", text(report.scope.words())),
        ("period_first_day", day(report.from)),
        ("period_last_day", day(report.to.map(|to| to.plus_days(-1)))),
        ("as_of", text(report.as_of.to_string())),
        ("time_zone", text(report.time_zone.to_string())),
        ("view", text(report.filters.view.as_str().to_owned())),
        ("notice", text(notice)),
    ]
}

const fn is_ratio(makes: Makes) -> bool {
    matches!(makes, Makes::Share { .. } | Makes::Mean { .. })
}

/// The range of a count that is published as the middle of a step.
fn range(report: &Report, count: i64) -> Option<(i64, i64)> {
    let step = report.step.filter(|_| report.filters.view == View::Protected)?;
    Some(if count == 0 { (0, 0) } else { (count - step / 2 + 1, count + step / 2) })
}

/// The range of a share whose counts are published in steps. The remainder of a share that is shown is zero, or larger
/// than a step.
fn share_range(report: &Report, statistic: &Statistic, figure: Figure) -> Option<(f64, f64)> {
    let (numerator, denominator) = (figure.numerator?, figure.denominator?);
    let ((low, high), (least, most)) = (range(report, numerator)?, range(report, denominator)?);
    let part =
        |of: i64, among: i64| if among > 0 { Amount::Whole(of).number() / Amount::Whole(among).number() } else { 1.0 };
    let is_share = matches!(statistic.makes, Makes::Share { .. });
    if is_share && numerator == denominator {
        return Some((1.0, 1.0));
    }
    let rest = report.step.filter(|_| is_share).map_or(1.0, |step| part(most - step - 1, most));
    Some((part(low, most), part(high, least).min(rest).max(part(low, most)).min(1.0)))
}

/// `12`, or `11–20`.
fn count_words(report: &Report, count: i64) -> String {
    match range(report, count) {
        Some((low, high)) if low != high => format!("{}–{}", Cell::Count(low).words(), Cell::Count(high).words()),
        _ => Cell::Count(count).words(),
    }
}

/// `45.0 %`, or `37–62 %`.
fn share_words(report: &Report, statistic: &Statistic, figure: Figure) -> String {
    let Some(value) = figure.value else { return Cell::Empty.words() };
    match share_range(report, statistic, figure) {
        Some((low, high)) if high > low => format!("{:.0}–{:.0}\u{A0}%", (low * 100.0).floor(), (high * 100.0).ceil()),
        Some((low, _)) => format!("{:.0}\u{A0}%", low * 100.0),
        None => Cell::Share(value.number()).words(),
    }
}

/// `12`, or `7–13`: protected days are published in whole weeks.
fn day_words(report: &Report, days: i64) -> String {
    match report.filters.view {
        View::Protected => format!("{days}–{}", days + 6),
        View::Exact => Cell::Count(days).words(),
    }
}

fn figures(report: &Report, statistic: &Statistic, figure: Figure, reader: Reader) -> Vec<Cell> {
    if figure.hidden {
        return vec![Cell::Hidden; if is_ratio(statistic.makes) && reader != Reader::Person { 3 } else { 1 }];
    }
    if let (true, Reader::Person) = (is_ratio(statistic.makes), reader) {
        let share = |_| {
            let (of, among) = (figure.numerator.unwrap_or(0), figure.denominator.unwrap_or(0));
            let of = format!("({}\u{A0}of\u{A0}{})", count_words(report, of), count_words(report, among));
            Cell::Text(format!("{} {of}", share_words(report, statistic, figure)))
        };
        return vec![figure.value.map_or(Cell::Empty, share)];
    }
    let as_words = reader == Reader::Person && report.filters.view == View::Protected;
    let whole = |number: Option<i64>| match number {
        Some(number) if as_words => Cell::Text(count_words(report, number)),
        Some(number) => Cell::Count(number),
        None => Cell::Empty,
    };
    match (is_ratio(statistic.makes), figure.value) {
        (true, value) => {
            let share = value.map_or(Cell::Empty, |value| Cell::Share(value.number()));
            vec![share, whole(figure.numerator), whole(figure.denominator)]
        }
        (false, Some(Amount::Whole(days))) if as_words && matches!(statistic.makes, Makes::Quantile { .. }) => {
            vec![Cell::Text(day_words(report, days))]
        }
        // One provider is either flagged or not.
        (false, Some(Amount::Whole(flag @ 0..=1))) if matches!(statistic.makes, Makes::Flagged { .. }) => {
            vec![Cell::Count(flag)]
        }
        (false, Some(Amount::Whole(count))) => vec![whole(Some(count))],
        (false, Some(value)) => vec![Cell::Number(value.number())],
        (false, None) => vec![Cell::Empty],
    }
}

fn long(day: Day) -> String {
    day.jiff().strftime("%-d %B %Y").to_string()
}

/// The last day that the report covers.
fn last_day(report: &Report) -> Day {
    Day::of(crate::types::Instant::from_micros(report.as_of.micros() - 1), &report.time_zone)
}

/// The moment in words. If a day ends at it, it is written as the end of that day.
fn moment(report: &Report) -> String {
    let local = report.as_of.jiff().to_zoned_datetime(report.time_zone.jiff());
    let begins = report.as_of == Day::from_jiff(local.date()).begins(&report.time_zone);
    match begins {
        true => format!("the end of {}", long(Day::from_jiff(local.date()).plus_days(-1))),
        false => local.strftime("%-d %B %Y, %H:%M").to_string(),
    }
}

/// The period or the moment that the report covers, in words.
fn covers(report: &Report) -> String {
    match (report.from, report.to) {
        (Some(from), Some(to)) => format!("{} to {}", long(from), long(to.plus_days(-1))),
        _ => format!("As of {}", moment(report)),
    }
}

fn by_time(report: &Report, measure: &Measure) -> bool {
    report.filters.group_by.iter().filter_map(|name| measure.group(name)).any(|group| group.keys.span().is_some())
}

fn definition(report: &Report, measure: &Measure, reader: Reader) -> Vec<(String, String)> {
    let scope = &report.scope;
    let mut lines = vec![("Definition".to_owned(), report.definition.to_owned())];
    lines.extend(report.numerator_is.map(|text| ("Numerator".to_owned(), text.to_owned())));
    lines.extend(report.denominator_is.map(|text| ("Denominator".to_owned(), text.to_owned())));
    let mut add = |term: &str, words: String| lines.push((term.to_owned(), words));
    if reader == Reader::Person {
        // Teams, period and view are under the title and at the foot of every page.
        if by_time(report, measure) {
            add("Month or quarter", measure.by_time.counts.to_owned());
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
        add("Period", format!("From {} up to the end of {}", long(from), long(to.plus_days(-1))));
    }
    add("As of", format!("{} ({})", moment(report), report.time_zone));
    let groups: Vec<&str> =
        report.filters.group_by.iter().filter_map(|name| measure.group(name)).map(|group| group.title).collect();
    if !groups.is_empty() {
        add("Grouped by", groups.join(", "));
    }
    if by_time(report, measure) {
        add("Month or quarter", measure.by_time.counts.to_owned());
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

fn notes(report: &Report, measure: &Measure, reader: Reader) -> Vec<String> {
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
    let without = measure.statistics.iter().filter(|statistic| measure.by_time.without.contains(&statistic.name));
    if by_time(report, measure) {
        notes.extend(without.map(|statistic| {
            format!("{}: how things stand as of the report, and so in the total alone.", statistic.title)
        }));
    }
    if let (View::Protected, Some(threshold), Some(step)) = (report.filters.view, report.threshold, report.step)
        && threshold > 1
    {
        let last = threshold - 1;
        let (middle, first) = (step + (step + 1) / 2, step + 1);
        let hidden = format!("Numbers from 1 to {last} are hidden, and so is another where only one would be.");
        notes.push(match reader {
            Reader::Person => format!(
                "{hidden} All others are given as a range of {step}: {first}–{} stands for any number in it. The range of a share is what the \
                 ranges of its two numbers allow, and days are given in whole weeks.",
                2 * step
            ),
            _ => format!(
                "{hidden} All others are given as the middle of a step: {middle} stands for {first} to {}. Shares are made of what is given, \
                 and days are given in whole weeks.",
                2 * step
            ),
        });
    }
    notes
}

/// What a chart shows of a row.
#[derive(Clone, Copy)]
enum Drawn<'m> {
    Statistic(&'m Statistic),
    /// The number of units that the statistic is a share of: if a group determines the share.
    Units(&'m Statistic),
}

impl Drawn<'_> {
    fn statistic(&self) -> &Statistic {
        let (Self::Statistic(statistic) | Self::Units(statistic)) = self;
        statistic
    }
    fn is_share(&self) -> bool {
        matches!(self, Self::Statistic(statistic) if is_ratio(statistic.makes))
    }
    fn mark(&self, figure: Figure) -> Mark {
        let value = match self {
            Self::Statistic(_) => figure.value.map(Amount::number),
            Self::Units(_) => figure.denominator.map(|of| Amount::Whole(of).number()),
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
            match statistic.makes {
                Makes::Quantile { of, .. } => {
                    let n = counted(measure, rows, of).map(|n| count_words(report, n));
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
fn chart(report: &Report, measure: &Measure) -> Option<Chart> {
    let headline = measure.headline()?;
    let groups: Vec<_> = report.filters.group_by.iter().filter_map(|name| measure.group(name)).collect();
    let is_decided = groups.iter().any(|group| measure.decided_by.contains(&group.name));
    let share = measure.statistics.iter().find(|statistic| matches!(statistic.makes, Makes::Share { .. }));
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
            std::mem::discriminant(&statistic.makes) == std::mem::discriminant(&headline.makes)
        };
        let of = |statistic: &Statistic| {
            let row = report.totals.iter().find(|row| row.statistic == statistic.name)?;
            Some(bar(report, measure, Drawn::Statistic(statistic), statistic.title, row.figure, &report.totals))
        };
        measure.statistics.iter().filter(alike).filter_map(of).collect()
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
    let unit = match (drawn, drawn.statistic().makes) {
        (Drawn::Units(_), _) => format!("Number of {}", words(report.unit.as_str()).to_lowercase()),
        (_, Makes::Share { .. } | Makes::Mean { .. }) => "Share, on a scale from 0 to 100\u{A0}%".to_owned(),
        (_, Makes::Quantile { .. }) => "Days".to_owned(),
        (_, Makes::Weight { .. }) => "Weight".to_owned(),
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
            covers(report),
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
fn column(report: &Report, measure: &Measure, headline: &Statistic, figures: &PeriodFigures) -> Option<Bar> {
    let row = figures.rows.iter().find(|row| row.statistic == headline.name)?;
    let period = &figures.period;
    let bar = bar(report, measure, Drawn::Statistic(headline), &period.label, row.figure, &figures.rows);
    Some(Bar { tick: period.short.clone(), is_pale: period.is_part, ..bar })
}

/// A group that may get a bar, and its number of units.
struct Candidate {
    figure: Figure,
    bar: Bar,
    n: i64,
}

/// A bar for each group: in the order of the keys, or the largest first with the remaining groups together.
fn grouped(report: &Report, measure: &Measure, drawn: Drawn<'_>, has_order: bool, notes: &mut Vec<String>) -> Vec<Bar> {
    let per_group = measure.statistics.len().max(1);
    let statistic = drawn.statistic();
    let candidate = |rows: &[ReportRow]| {
        let names: Vec<&str> = rows.first()?.group.iter().map(|(_, _, label)| label.as_str()).collect();
        let figure = rows.iter().find(|row| row.statistic == statistic.name)?.figure;
        let n = match statistic.makes {
            Makes::Quantile { of, .. } => counted(measure, rows, of).unwrap_or(0),
            _ => figure.denominator.unwrap_or(0),
        };
        Some(Candidate { figure, bar: bar(report, measure, drawn, &names.join(", "), figure, rows), n })
    };
    let mut all: Vec<Candidate> = report.rows.chunks(per_group).filter_map(candidate).collect();
    if has_order {
        return all.into_iter().map(|candidate| candidate.bar).collect();
    }
    // A single remaining group gets its own bar: a bar for the rest would take the same space.
    let mut rest = Vec::new();
    if all.len() > MOST_BARS + 1 {
        // A share or a median of few units is often the largest and means the least: the groups with the most units are
        // drawn.
        let by_n = drawn.is_share() || matches!(statistic.makes, Makes::Quantile { .. });
        if by_n {
            all.sort_by_key(|candidate| (candidate.bar.mark.value().is_none(), std::cmp::Reverse(candidate.n)));
        } else {
            all.sort_by(by_value);
        }
        // Bars of hidden groups side by side say no more than the number of those groups.
        let shown = all.iter().take(MOST_BARS).filter(|candidate| candidate.bar.mark.value().is_some()).count();
        rest = all.split_off(shown);
        if by_n && shown == MOST_BARS {
            notes.push(format!(
                "Drawn are the {shown} groups with the most {}.",
                words(report.unit.as_str()).to_lowercase()
            ));
        }
    }
    all.sort_by(by_value);
    let mut bars: Vec<Bar> = all.into_iter().map(|candidate| candidate.bar).collect();
    if let Some(together) = together(report, measure, drawn, &rest) {
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
        Mark::Value(value) => (0, -value, -candidate.n),
        Mark::Hidden => (1, 0.0, 0),
        Mark::Missing => (2, 0.0, 0),
    };
    let (one, other) = (rank(one), rank(other));
    one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)).then(one.2.cmp(&other.2))
}

/// The value, in the rows of a group, of the statistic that is a count of this counter.
fn counted(measure: &Measure, rows: &[ReportRow], counter: &str) -> Option<i64> {
    let known = measure.statistics.iter().find(|known| matches!(known.makes, Makes::Count(of) if of == counter))?;
    match rows.iter().find(|row| row.statistic == known.name)?.figure.value {
        Some(Amount::Whole(n)) => Some(n),
        _ => None,
    }
}

/// `and 9 more (52)`: the groups without a bar of their own, if their numbers can be added.
fn together(report: &Report, measure: &Measure, drawn: Drawn<'_>, rest: &[Candidate]) -> Option<Bar> {
    let several = report
        .filters
        .group_by
        .iter()
        .filter_map(|name| measure.group(name))
        .any(|group| matches!(group.keys, Keys::SeveralCodes(_)));
    let statistic = drawn.statistic();
    if rest.is_empty() || several || !measure.adds_up() || matches!(statistic.makes, Makes::Quantile { .. }) {
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
    let numbers = |of: fn(Figure) -> Option<i64>| shown().filter_map(of).collect::<Vec<i64>>();
    let whole = |figure: Figure| match figure.value {
        Some(Amount::Whole(whole)) => Some(whole),
        _ => None,
    };
    let (mark, words) = match drawn {
        _ if hidden == rest.len() => (Mark::Hidden, "hidden".to_owned()),
        Drawn::Statistic(_) if drawn.is_share() => {
            let (of, among) =
                (ranged(numbers(|figure| figure.numerator)), ranged(numbers(|figure| figure.denominator)));
            let figure = Figure::ratio(of.0, among.0);
            let mark = figure.value.map_or(Mark::Missing, |value| Mark::Value(value.number()));
            let share = figure.value.map_or(String::new(), |value| format!("{:.0}\u{A0}%, ", value.number() * 100.0));
            (mark, format!("{share}{} of {}", of.1, among.1))
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
    let own = || bars.iter().filter(|bar| bar.shown != "together");
    let most =
        own().filter_map(|bar| Some((bar.mark.value()?, bar))).max_by(|(one, _), (other, _)| one.total_cmp(other));
    let most = most.map_or(String::new(), |(_, bar)| format!(" The largest is {}: {}.", bar.label, bar.shown));
    let ends = match (bars.first(), bars.last()) {
        (Some(first), Some(last)) if by_time && bars.len() > 1 => {
            format!(" From {}: {}, to {}: {}.", first.label, first.shown, last.label, last.shown)
        }
        _ => String::new(),
    };
    let hidden = own().filter(|bar| bar.mark == Mark::Hidden).count();
    let hidden = if hidden > 0 { format!(" {hidden} hidden.") } else { String::new() };
    let rest = bars.iter().find(|bar| bar.shown == "together").map_or(String::new(), |bar| format!(" {}.", bar.label));
    format!("{what} {}. {}{most}{ends}{hidden}{rest}", covers(report), report.scope.words())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        overview::reports::{
            measure::find,
            model::{Excluded, ReportFilters, ReportScope, ScopeKind},
        },
        types::{Instant, Zone},
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
            each.map(|(statistic, figure)| ReportRow { group: path.clone(), statistic: statistic.name, figure })
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
        let of = report("barriers_open", "type", View::Exact, rows);
        let bars = bars(&of);
        assert_eq!((bars.len(), &bars[0], &bars[11]), (13, &pair("Type 21", "21"), &pair("Type 10", "10")));
        assert_eq!(bars[12], pair("and 9 more (45)", "together"));
        let chart = chart(&of.0, of.1).unwrap();
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
        let share = |of, among| vec![Figure::ratio(of, among), Figure::ratio(0, among), Figure::ratio(0, among)];
        let large = (0..12).map(|n| (format!("Large {n:02}"), share(30 + n, 90)));
        let small = (0..9).map(|n| (format!("Small {n}"), share(1, 1)));
        let of = report("barrier_resolution", "type", View::Exact, small.chain(large).collect());
        let bars = bars(&of);
        assert_eq!((bars.len(), &bars[0]), (13, &pair("Large 11", "45.6\u{A0}% (41 of 90)")));
        assert_eq!(bars[12], pair("and 9 more (100\u{A0}%, 9 of 9)", "together"));
        assert_eq!(chart(&of.0, of.1).unwrap().notes, ["Drawn are the 12 groups with the most barriers."]);
        // If numbers cannot be added, the note gives the largest of them.
        let rows = (1..=20).map(|n| (format!("Clinic {n:02}"), vec![count(n), count(i64::from(n > 2))])).collect();
        let of = report("provider_pattern", "provider", View::Exact, rows);
        assert_eq!(
            (self::bars(&of).len(), chart(&of.0, of.1).unwrap().notes),
            (12, vec!["8 more are not drawn, the largest of them 8: they cannot be added.".to_owned()])
        );
    }

    /// Rows in which everything is hidden become one row, and one bar.
    #[test]
    fn fully_hidden_rows_are_combined_into_one() {
        let rows = (0..20).map(|n| (format!("Type {n:02}"), vec![Figure::HIDDEN])).collect();
        let of = report("barriers_open", "type", View::Protected, rows);
        assert_eq!(bars(&of), [pair("20 groups (hidden)", "together")]);
        let table = table(&of.0, of.1, Reader::Person);
        assert_eq!(table.rows, [vec![Cell::Text("20 more, all numbers hidden".into()), Cell::Hidden]]);
        assert_eq!(super::table(&of.0, of.1, Reader::Lines).rows.len(), 20, "a machine gets each");
    }

    /// Without groups the totals are one below the other, a share with its counts.
    #[test]
    fn ungrouped_totals_are_shown_as_a_vertical_table() {
        let (mut of, measure) = report("barrier_resolution", "type", View::Exact, Vec::new());
        of.filters.group_by.clear();
        of.totals[0].figure = Figure::ratio(9, 20);
        let table = table(&of, measure, Reader::Person);
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
        let share = |of, among| vec![Figure::ratio(of, among), Figure::ratio(0, among), Figure::ratio(0, among)];
        let rows = vec![
            ("A".to_owned(), share(1, 2)),
            ("B".to_owned(), share(9, 20)),
            ("C".to_owned(), share(0, 0)),
            ("D".to_owned(), vec![Figure::HIDDEN; 3]),
        ];
        let of = report("barrier_resolution", "type", View::Exact, rows.clone());
        assert_eq!(
            bars(&of),
            [
                pair("A", "50.0\u{A0}% (1 of 2)"),
                pair("B", "45.0\u{A0}% (9 of 20)"),
                pair("D", "hidden"),
                pair("C", "no data")
            ]
        );
        assert!(chart(&of.0, of.1).unwrap().of_whole);
        // If the group determines the share, numbers are drawn.
        let of = report("barrier_resolution", "disposition", View::Exact, rows);
        assert_eq!((bars(&of)[0].clone(), chart(&of.0, of.1).unwrap().of_whole), (pair("B", "20"), false));
        // 11 of 40 may be published as 15 of 35: the true share is in the range.
        let of = report(
            "barrier_resolution",
            "type",
            View::Protected,
            vec![("A".to_owned(), share(15, 35)), ("B".to_owned(), share(15, 15))],
        );
        assert_eq!(bars(&of), [pair("B", "100\u{A0}% (11–20 of 11–20)"), pair("A", "27–65\u{A0}% (11–20 of 31–40)")]);
    }

    /// The true counts and their share are always in the published ranges.
    #[test]
    fn true_values_lie_in_the_published_ranges() {
        let threshold = super::super::suppression::Threshold::of(11);
        let about = |n: i64| match threshold.show(n) {
            super::super::suppression::Shown::About(about) => Some(about),
            super::super::suppression::Shown::Hidden => None,
        };
        let (of, measure) = report("barrier_resolution", "type", View::Protected, Vec::new());
        for among in 0..90_i64 {
            for numerator in (0..=among).filter(|numerator| about(among - numerator).is_some()) {
                let (Some(a), Some(b)) = (about(numerator), about(among)) else { continue };
                let (low, high) = range(&of, a).unwrap();
                assert!((low..=high).contains(&numerator), "{numerator}");
                if among > 0 {
                    let (low, high) = share_range(&of, &measure.statistics[0], Figure::ratio(a, b)).unwrap();
                    let share = Amount::Whole(numerator).number() / Amount::Whole(among).number();
                    assert!(low - 1e-9 <= share && share <= high + 1e-9, "{numerator} of {among}: {low} to {high}");
                }
            }
        }
    }

    #[test]
    fn file_name_states_measure_scope_period_and_view() {
        let (mut of, _) = report("barriers_open", "type", View::Exact, Vec::new());
        assert_eq!(filename(&of, ReportFormat::Csv), "barriers_open_all-teams_as-of-2026-09-30_exact.csv");
        of.scope = scope(ScopeKind::Teams, &["North side / Küste"], 4);
        (of.from, of.to) = (Some(Day::parse("2026-01-01").unwrap()), Some(Day::parse("2026-04-01").unwrap()));
        assert_eq!(
            filename(&of, ReportFormat::Pdf),
            "barriers_open_north-side-k-ste_2026-01-01_to_2026-03-31_exact.pdf"
        );
        assert_eq!(of.scope.words(), "Team North side / Küste only");
        of.scope = scope(ScopeKind::Teams, &["北"], 4);
        assert_eq!(filename(&of, ReportFormat::Svg), "barriers_open_team_2026-01-01_to_2026-03-31_exact.svg");
        of.scope = scope(ScopeKind::Teams, &["A", "B"], 4);
        assert_eq!(
            (of.scope.words().as_str(), of.scope.short().as_deref()),
            ("2 of 4 teams: A, B", Some("2 of 4 teams"))
        );
        of.filters.group_by.clear();
        let table = table(&of, find("barriers_open").unwrap(), Reader::Person);
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
