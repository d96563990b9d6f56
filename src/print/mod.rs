//! Printable pages: one description that renders as a web page and as a PDF. This module knows nothing about the
//! content.

mod chart;
pub mod csv;
pub mod html;
pub mod pdf;
pub mod svg;
pub mod table;
mod text;
pub mod xlsx;

use table::Chart;

/// A printable document, independent of its format.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The largest heading, and the name of the document.
    pub title: String,
    pub blocks: Vec<Block>,
    /// The text at the foot of every PDF page, before the page number.
    pub foot: String,
    /// A notice that must be on each page: above the foot in a PDF, and at the foot of every printed page of HTML.
    pub foot_notice: Option<String>,
    /// The name of the document in a title bar and in the file properties, if it differs from the title.
    pub name: Option<String>,
    /// The query that requests a format that can show any text, for use where a PDF cannot; `format=html` by default.
    pub any_text: Option<&'static str>,
}

impl Sheet {
    /// The name of the document.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.title)
    }
}

/// One part of a sheet, in order from the top.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// The name of the person that the document belongs to, under the title.
    Name(String),
    /// A framed notice that must not be overlooked.
    Notice(String),
    /// Framed small text: a legal text, which is long and must fit on one page.
    Small(String),
    Heading(String),
    /// Plain text; a line break in it is a line break on the page.
    Text(String),
    /// Cells as text. Each row is as long as the head; its first cell is the row header unless it is a number.
    Table {
        head: Vec<String>,
        rows: Vec<Vec<String>>,
        /// Rows below the others, visually separated.
        totals: Vec<Vec<String>>,
        /// Whether each column contains numbers, which are right-aligned.
        numeric: Vec<bool>,
    },
    /// A bar chart. The numbers themselves are in a table next to it.
    Chart(Chart),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `PRINT_TO=folder cargo test --lib print::tests` writes the files to the folder for inspection.
    #[test]
    fn table_of_any_size_renders_in_every_format() {
        let folder = std::env::var("PRINT_TO").ok().map(std::path::PathBuf::from);
        let look = |name: &str, table: &table::Table| {
            let sheet = Sheet::from(table);
            let save = |form: &str, begins: &str, bytes: &[u8]| {
                assert!(bytes.starts_with(begins.as_bytes()), "{name}.{form}");
                if let Some(folder) = &folder {
                    std::fs::write(folder.join(format!("{name}.{form}")), bytes).unwrap();
                }
            };
            save("pdf", "%PDF-", &pdf::render(&sheet).unwrap());
            save("html", "<!", html::render(&sheet).as_bytes());
            save("xlsx", "PK", &xlsx::render(table).unwrap());
            save("csv", &format!("\u{FEFF}{}", table.columns[0].name), &csv::render(table));
            save("svg", "<svg", svg::render(table.chart.as_ref().unwrap()).as_bytes());
        };
        for rows in [0, 1, 12, 200] {
            look(&rows.to_string(), &table::tests::example(rows));
        }
        for (name, columns) in [("narrow", 2), ("wide", 10)] {
            let mut table = table::tests::example(12);
            table.columns = table.columns.iter().cycle().take(columns).cloned().collect();
            for row in table.rows.iter_mut().chain(&mut table.totals) {
                *row = row.iter().cycle().take(columns).cloned().collect();
            }
            look(name, &table);
        }
    }
}
