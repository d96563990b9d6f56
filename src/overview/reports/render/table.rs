//! The table of a report, for a person or for a spreadsheet.

use super::super::{
    measure::{Formula, Measure, ReportTime, Statistic},
    model::{Report, ReportRow},
    request::View,
};
use super::{
    INTERNAL, Reader,
    chart::chart,
    figures::{by_time, covered_time, figures, is_ratio},
    notes::{definition, notes},
};
use crate::{
    print::table::{Cell, Column, ColumnKind, Table},
    types::Day,
};

/// The report as a table: a line for each group, with the measure's numbers side by side.
pub(super) fn table(report: &Report, measure: &Measure, reader: Reader) -> Table {
    let mut columns: Vec<Column> = Vec::new();
    for name in &report.filters.group_by {
        let title = measure.group(name).map_or(*name, |group| group.title);
        if reader != Reader::Person {
            columns.push(Column { name: (*name).into(), label: format!("{title} (key)"), kind: ColumnKind::Text });
        }
        columns.push(Column { name: format!("{name}_name").into(), label: title.to_owned(), kind: ColumnKind::Text });
    }
    for statistic in measure.statistics {
        let is_ratio = is_ratio(statistic.formula);
        let kind = match statistic.formula {
            Formula::Share { .. } | Formula::Mean { .. } => ColumnKind::Share,
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
        (columns, rows, totals) = totals_as_rows(report, measure);
    } else if reader == Reader::Person && !by_time(report, measure) {
        fold_hidden(&mut rows, report.filters.group_by.len());
    }
    let scope = &report.scope;
    let notice = (report.filters.view == View::Exact).then(|| INTERNAL.to_owned());
    let view = notice.as_ref().map_or("protected", |_| "exact, internal");
    Table {
        title: scope.short().map_or_else(|| report.title.to_owned(), |teams| format!("{}: {teams}", report.title)),
        subtitle: format!("{}, {}\n{}", scope.organization, lower_first(&scope.words()), covered_time(report)),
        definition: definition(report, measure, reader),
        rows,
        totals,
        columns,
        notes: notes(report, measure, reader),
        foot: [
            notice.as_deref().unwrap_or_default(),
            &scope.organization,
            &scope.words(),
            &covered_time(report),
            &format!("{}, version {}", report.id, report.version),
        ]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · "),
        chart: chart(report, measure),
        notice,
        name: format!(
            "{} – {} – {} – {} ({view})",
            report.title,
            scope.organization,
            scope.words(),
            covered_time(report)
        ),
    }
}

/// The totals as rows, one row for each statistic.
fn totals_as_rows(report: &Report, measure: &Measure) -> (Vec<Column>, Vec<Vec<Cell>>, Vec<Vec<Cell>>) {
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

pub(super) fn lower_first(text: &str) -> String {
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
