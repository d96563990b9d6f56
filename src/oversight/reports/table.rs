//! A report as a table: what every form that is not JSON is made of.

use super::{
    measure::{Makes, Measure, Statistic},
    model::{Report, ReportRow},
    question::{ReportFormat, View},
    reckon::Figure,
};
use crate::{
    error::{ApiError, Result},
    print::{
        Sheet, csv, pdf, svg,
        table::{Bar, Cell, Chart, Column, ColumnKind, Table},
        xlsx,
    },
    types::{Day, code::words},
};

/// How many bars a chart has at most: what comes after is in the table alone.
const MOST_BARS: usize = 40;

/// What a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// A person: names alone.
    Person,
    /// A machine or a spreadsheet: the keys beside the names.
    Machine,
}

/// The report as a file that is no JSON.
pub fn file(report: &Report, measure: &Measure, format: ReportFormat) -> Result<Vec<u8>> {
    let reader = if matches!(format, ReportFormat::Csv | ReportFormat::Xlsx) { Reader::Machine } else { Reader::Person };
    let table = table(report, measure, reader);
    match format {
        ReportFormat::Csv => Ok(csv::render(&table)),
        ReportFormat::Xlsx => xlsx::render(&table),
        ReportFormat::Pdf => pdf::render(&Sheet::from(&table)),
        ReportFormat::Svg => Ok(table.chart.as_ref().map(svg::render).unwrap_or_default().into_bytes()),
        ReportFormat::Json => serde_json::to_vec(report).map_err(ApiError::internal),
    }
}

/// The report as a table: a line for each group, with the measure's numbers side by side.
fn table(report: &Report, measure: &Measure, reader: Reader) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for name in &report.filters.group_by {
        let title = measure.group(name).map_or(*name, |group| group.title);
        if reader == Reader::Machine {
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
        if is_ratio {
            for (part, label) in [("numerator", "Of these"), ("denominator", "Of")] {
                columns.push(Column { name: format!("{}_{part}", statistic.name).into(), label: label.into(), kind: ColumnKind::Count });
            }
        }
    }
    let line = |rows: &[ReportRow]| {
        let mut cells = Vec::new();
        for (at, _) in report.filters.group_by.iter().enumerate() {
            let group = rows.first().and_then(|row| row.group.get(at));
            let (key, label) = group.map_or((Cell::Empty, Cell::Text(if at == 0 { "All" } else { "" }.into())), |(_, key, label)| {
                (Cell::Text(key.clone()), Cell::Text(label.clone()))
            });
            if reader == Reader::Machine {
                cells.push(key);
            }
            cells.push(label);
        }
        for (statistic, row) in measure.statistics.iter().zip(rows) {
            cells.extend(figures(statistic, row.figure));
        }
        cells
    };
    let per_group = measure.statistics.len().max(1);
    Table {
        title: report.title.to_owned(),
        subtitle: covers(report),
        definition: definition(report),
        rows: report.rows.chunks(per_group).map(line).collect(),
        totals: report.totals.chunks(per_group).map(line).collect(),
        columns,
        notes: notes(report),
        foot: format!("{}, version {}. As of {}.", report.id, report.version, moment(report)),
        chart: chart(report, measure),
    }
}

const fn is_ratio(makes: Makes) -> bool {
    matches!(makes, Makes::Share { .. } | Makes::Mean { .. })
}

fn figures(statistic: &Statistic, figure: Figure) -> Vec<Cell> {
    if figure.hidden {
        return vec![Cell::Hidden; if is_ratio(statistic.makes) { 3 } else { 1 }];
    }
    let whole = |number: Option<i64>| number.map_or(Cell::Empty, Cell::Count);
    match (is_ratio(statistic.makes), figure.value) {
        (true, value) => {
            let share = value.map_or(Cell::Empty, |value| Cell::Share(value.number()));
            vec![share, whole(figure.numerator), whole(figure.denominator)]
        }
        (false, Some(super::reckon::Amount::Whole(whole))) => vec![Cell::Count(whole)],
        (false, Some(value)) => vec![Cell::Number(value.number())],
        (false, None) => vec![Cell::Empty],
    }
}

fn long(day: Day) -> String {
    day.jiff().strftime("%-d %B %Y").to_string()
}

/// A moment at which a day ends is told as its end.
fn moment(report: &Report) -> String {
    let local = report.as_of.jiff().to_zoned_datetime(report.time_zone.jiff());
    let begins = report.as_of == Day::from_jiff(local.date()).begins(&report.time_zone);
    match begins {
        true => format!("the end of {}", long(Day::from_jiff(local.date()).plus_days(-1))),
        false => local.strftime("%-d %B %Y, %H:%M").to_string(),
    }
}

/// Which days or which moment.
fn covers(report: &Report) -> String {
    match (report.from, report.to) {
        (Some(from), Some(to)) => format!("{} to {}", long(from), long(to.plus_days(-1))),
        _ => format!("As of {}", moment(report)),
    }
}

fn definition(report: &Report) -> Vec<(String, String)> {
    let mut lines = vec![("Definition".to_owned(), report.definition.to_owned())];
    lines.extend(report.numerator_is.map(|text| ("Numerator".to_owned(), text.to_owned())));
    lines.extend(report.denominator_is.map(|text| ("Denominator".to_owned(), text.to_owned())));
    lines.push(("Unit".into(), words(report.unit.as_str())));
    lines.push(("Measure".into(), format!("{}, version {}", report.id, report.version)));
    lines.push(("As of".into(), format!("{} ({})", moment(report), report.time_zone)));
    if let (Some(from), Some(to)) = (report.from, report.to) {
        lines.push(("Period".into(), format!("From {} up to the end of {}", long(from), long(to.plus_days(-1)))));
    }
    lines
}

fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = report.caution.map(str::to_owned).into_iter().collect();
    for excluded in &report.excluded {
        match excluded.n {
            Some(0) => {}
            Some(n) => notes.push(format!("Left out: {} ({n}).", excluded.words)),
            None => notes.push(format!("Left out: {} (hidden).", excluded.words)),
        }
    }
    if let (View::Protected, Some(threshold), Some(step)) = (report.filters.view, report.threshold, report.step)
        && threshold > 1
    {
        let last = threshold - 1;
        let (middle, first) = (step + (step + 1) / 2, step + 1);
        notes.push(format!(
            "Numbers from 1 to {last} are hidden, and so is another where only one would be. All others are told as the middle of a step: \
             {middle} stands for {first} to {}. Shares are made of what is told, and days are told in whole weeks.",
            2 * step
        ));
    }
    notes
}

/// The first of the measure's numbers, group by group.
fn chart(report: &Report, measure: &Measure) -> Option<Chart> {
    let statistic = measure.statistics.first()?;
    let rows: Vec<&ReportRow> = if report.rows.is_empty() { report.totals.iter().collect() } else { report.rows.iter().collect() };
    let bar = |row: &&ReportRow| {
        let names: Vec<&str> = row.group.iter().map(|(_, _, label)| label.as_str()).collect();
        let cell = figures(statistic, row.figure).into_iter().next().unwrap_or(Cell::Empty);
        let label = if names.is_empty() { "All".to_owned() } else { names.join(", ") };
        let shown = if row.figure.hidden { "hidden".to_owned() } else { cell.words() };
        Bar { label, value: row.figure.value.filter(|_| !row.figure.hidden).map(super::reckon::Amount::number), shown }
    };
    let bars: Vec<Bar> = rows.iter().filter(|row| row.statistic == statistic.name).take(MOST_BARS).map(bar).collect();
    let many = rows.iter().filter(|row| row.statistic == statistic.name).count();
    let most = bars.iter().filter_map(|bar| Some((bar.value?, bar))).max_by(|(one, _), (other, _)| one.total_cmp(other));
    let most = most.map_or(String::new(), |(_, bar)| format!(" The longest is {}: {}.", bar.label, bar.shown));
    let left = many.saturating_sub(bars.len());
    let left = if left == 0 { String::new() } else { format!(" {left} more are in the table alone.") };
    let by = report.filters.group_by.iter().filter_map(|name| measure.group(name)).map(|group| group.title.to_lowercase());
    let by: Vec<String> = by.collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" and ")) };
    Some(Chart {
        title: match report.title.to_lowercase() == statistic.title.to_lowercase() {
            true => format!("{}{by}", report.title),
            false => format!("{}: {}{by}", report.title, statistic.title.to_lowercase()),
        },
        description: format!("A bar for each group. {}.{most}{left}", covers(report)),
        unit: statistic.title.to_owned(),
        bars,
    })
}
