//! A table of numbers, independent of its format, with all explanations.

use super::{Block, Sheet};
use std::borrow::Cow;

/// Rows of values under named columns, with the information that a reader needs to understand them.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub title: String,
    /// The scope of the table in words, under the title ("Cases opened 1 July 2026 to 30 September 2026").
    pub subtitle: String,
    /// The meaning of the numbers: terms and their explanations.
    pub definition: Vec<(String, String)>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Rows under the others, visually separated, each of the same length.
    pub totals: Vec<Vec<Cell>>,
    /// What is excluded, what is suppressed, and as of when: one sentence each.
    pub notes: Vec<String>,
    /// The text at the foot of every PDF page.
    pub foot: String,
    pub chart: Option<Chart>,
    /// A notice that must not be overlooked, on every page and sheet: that the table is internal.
    pub notice: Option<String>,
    /// The name of the document in the file: the title with its scope and time. The title is used if this is empty.
    pub name: String,
}

impl Table {
    pub fn name(&self) -> &str {
        if self.name.is_empty() { &self.title } else { &self.name }
    }
}

#[derive(Debug, Clone)]
pub struct Column {
    /// The machine-readable name: the header of a CSV file.
    pub name: Cow<'static, str>,
    /// The label for people: the header in all other formats.
    pub label: String,
    pub kind: ColumnKind,
}

/// The type of the cells of a column, unless they are suppressed or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Count,
    Number,
    Share,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Count(i64),
    Number(f64),
    /// A part of one: 0.45 is 45 %.
    Share(f64),
    /// A number that is suppressed because it would reveal too much about too few people.
    Hidden,
    /// No value: there is no number, or none makes sense.
    Empty,
}

/// Numbers as a bar chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    pub title: String,
    /// The alternative text for people who cannot see the chart.
    pub description: String,
    /// The unit of the numbers ("Cases").
    pub unit: String,
    /// The scope and time of the numbers, for a chart in a separate file.
    pub context: Vec<String>,
    pub kind: ChartKind,
    /// Whether the numbers are parts of one. Then the scale ends at 100 %.
    pub of_whole: bool,
    pub bars: Vec<Bar>,
    /// The meaning of a pale bar.
    pub pale: Option<String>,
    /// The text for a chart without bars.
    pub nothing: Option<String>,
    /// Notes under the chart.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// Horizontal bars, to compare groups.
    #[default]
    Bars,
    /// Vertical columns, with time from left to right.
    Columns,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    pub label: String,
    pub mark: Mark,
    /// The value in words, with its total: "12", "45.0 % (9 of 20)", "hidden".
    pub shown: String,
    /// Whether the bar is different from the others: see [`Chart::pale`].
    pub is_pale: bool,
    /// For a column: the value in short form, and its total.
    pub brief: String,
    pub of: Option<String>,
    /// For a column: the month or quarter, and its year.
    pub tick: (String, i32),
}

impl Bar {
    pub fn new(label: &str, mark: Mark, shown: &str) -> Self {
        let (label, shown) = (label.to_owned(), shown.to_owned());
        Self { brief: shown.clone(), label, mark, shown, is_pale: false, of: None, tick: (String::new(), 0) }
    }
}

/// The value that a bar shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mark {
    Value(f64),
    /// A suppressed number.
    Hidden,
    /// No number exists.
    Missing,
}
impl Mark {
    pub const fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Hidden | Self::Missing => None,
        }
    }
}

/// The text for a suppressed number in every format.
pub const SUPPRESSED: &str = "suppressed";

impl ColumnKind {
    pub const fn is_numeric(self) -> bool {
        !matches!(self, Self::Text)
    }
}

impl Cell {
    /// The text of the cell on a page. A number is never broken over two lines.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => grouped(&count.to_string()),
            Self::Number(number) if number.is_finite() => grouped(&format!("{number:.1}")),
            Self::Share(share) if share.is_finite() => format!("{}\u{A0}%", grouped(&format!("{:.1}", share * 100.0))),
            Self::Hidden => SUPPRESSED.into(),
            Self::Number(_) | Self::Share(_) | Self::Empty => "–".into(),
        }
    }
}

/// Groups the digits before the decimal point in threes, and removes the minus from a zero.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) if digits.contains(|c| matches!(c, '1'..='9')) => ("\u{2212}", digits),
        Some(digits) => ("", digits),
        None => ("", number),
    };
    let whole = digits.find('.').unwrap_or(digits.len());
    digits.char_indices().fold(sign.to_owned(), |mut out, (at, digit)| {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
        out
    })
}

impl From<&Table> for Sheet {
    /// A printable page for a board.
    fn from(table: &Table) -> Self {
        let words = |rows: &[Vec<Cell>]| rows.iter().map(|row| row.iter().map(Cell::words).collect()).collect();
        let mut blocks = Vec::new();
        blocks.extend(table.notice.clone().map(Block::Notice));
        if !table.subtitle.is_empty() {
            blocks.push(Block::Name(table.subtitle.clone()));
        }
        blocks.extend(table.chart.clone().map(Block::Chart));
        blocks.push(Block::Table {
            head: table.columns.iter().map(|column| column.label.clone()).collect(),
            rows: words(&table.rows),
            totals: words(&table.totals),
            numeric: table.columns.iter().map(|column| column.kind.is_numeric()).collect(),
        });
        let mut part = |heading: &str, texts: Vec<String>| {
            if !texts.is_empty() {
                blocks.push(Block::Heading(heading.into()));
                blocks.extend(texts.into_iter().map(Block::Text));
            }
        };
        part("What is counted", table.definition.iter().map(|(term, words)| format!("{term}: {words}")).collect());
        part("Please note", table.notes.clone());
        Self {
            title: table.title.clone(),
            name: Some(table.name().to_owned()),
            blocks,
            foot: table.foot.clone(),
            any_text: Some("format=xlsx"),
            ..Self::default()
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A table with this many rows and with difficult content: long labels, suppressed and empty cells, text that looks
    /// like a formula.
    pub fn example(rows: usize) -> Table {
        let label = |i: usize| match i % 4 {
            0 => format!("Denied treatment {i}"),
            1 => format!(
                "Denied because of a medication for opioid use disorder that a doctor has prescribed, group {i}"
            ),
            2 => "=1+1".into(),
            _ => format!("Retaliation/eviction {i}"),
        };
        let hidden = |i: usize| i % 5 == 3;
        let column = |name: &'static str, label: &str, kind| Column { name: name.into(), label: label.into(), kind };
        let count = |i: usize| i64::try_from(i * 37 % 1500).unwrap();
        Table {
            title: "Barriers by kind".into(),
            subtitle: "Cases opened 1 July 2026 to 30 September 2026".into(),
            definition: vec![
                ("Numerator".into(), "Barriers of this kind that were recorded in a case, each case once.".into()),
                ("Denominator".into(), "All cases that were opened in the period.".into()),
            ],
            columns: vec![
                column("kind", "Kind of barrier", ColumnKind::Text),
                column("cases", "Cases", ColumnKind::Count),
                column("days", "Days to first contact, median", ColumnKind::Number),
                column("share", "Share of all cases", ColumnKind::Share),
            ],
            rows: (0..rows)
                .map(|i| {
                    vec![
                        Cell::Text(label(i)),
                        if hidden(i) { Cell::Hidden } else { Cell::Count(count(i)) },
                        if i % 7 == 6 { Cell::Empty } else { Cell::Number(i as f64 / 3.0) },
                        if hidden(i) { Cell::Hidden } else { Cell::Share((i % 11) as f64 / 11.0) },
                    ]
                })
                .collect(),
            totals: vec![vec![Cell::Text("All".into()), Cell::Count(12_345), Cell::Number(4.0), Cell::Share(1.0)]],
            notes: vec![
                "Numbers from 1 to 4 are not shown, so that nobody can be recognized.".into(),
                "As of 1 October 2026. Cases entered in error are left out.".into(),
            ],
            foot: "Barriers by kind · as of 1 October 2026".into(),
            notice: None,
            name: String::new(),
            chart: Some(Chart {
                title: "Cases by kind of barrier".into(),
                description: format!("{rows} bars, one for each kind of barrier."),
                unit: "Cases".into(),
                bars: (0..rows)
                    .map(|i| {
                        let mark = if hidden(i) { Mark::Hidden } else { Mark::Value(count(i) as f64) };
                        let shown = if hidden(i) { "hidden".into() } else { Cell::Count(count(i)).words() };
                        Bar { tick: ("Sep".into(), 2026), ..Bar::new(&label(i), mark, &shown) }
                    })
                    .collect(),
                ..Chart::default()
            }),
        }
    }

    #[test]
    fn numbers_are_formatted_for_people() {
        for (cell, words) in [
            (Cell::Count(0), "0"),
            (Cell::Count(999), "999"),
            (Cell::Count(-1_234_567), "−1,234,567"),
            (Cell::Count(100_000), "100,000"),
            (Cell::Number(1234.56), "1,234.6"),
            (Cell::Number(-0.04), "0.0"),
            (Cell::Number(f64::NAN), "–"),
            (Cell::Share(0.455), "45.5\u{A0}%"),
            (Cell::Share(f64::INFINITY), "–"),
            (Cell::Hidden, "suppressed"),
            (Cell::Empty, "–"),
        ] {
            assert_eq!(cell.words(), words, "{cell:?}");
        }
    }

    #[test]
    fn sheet_includes_definitions_and_notes() {
        let sheet = Sheet::from(&example(2));
        let headings: Vec<&Block> = sheet.blocks.iter().filter(|block| matches!(block, Block::Heading(_))).collect();
        assert_eq!(headings, [&Block::Heading("What is counted".into()), &Block::Heading("Please note".into())]);
        assert!(
            matches!(sheet.blocks.as_slice(), [Block::Name(_), Block::Chart(_), Block::Table { rows, .. }, ..] if rows.len() == 2)
        );
        let bare = Sheet::from(&Table { title: "Bare".into(), ..Table::default() });
        assert!(matches!(bare.blocks.as_slice(), [Block::Table { .. }]));
    }
}
