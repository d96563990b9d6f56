//! Pages that are read on paper: one description, as a web page and as a PDF. Knows nothing of what is printed.

mod chart;
pub mod csv;
pub mod html;
pub mod pdf;
pub mod svg;
pub mod table;
mod text;
pub mod xlsx;

use table::Chart;

/// What is printed, before it has a form.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The largest heading, and the name of the document.
    pub title: String,
    pub blocks: Vec<Block>,
    /// Stands at the foot of every page of a PDF, before the number of the page.
    pub foot: String,
    /// Stands above it, and at the foot of every printed page of HTML: what must be on each page.
    pub foot_notice: Option<String>,
    /// The name of the document in a title bar and in the properties of the file, where that is not the title.
    pub name: Option<String>,
    /// The query that asks for a form which shows any text, where a PDF cannot: `format=html` unless another is named.
    pub any_text: Option<&'static str>,
}

impl Sheet {
    /// The name of the document.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.title)
    }
}

/// One part of a sheet, from the top down.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Under the title: whose it is.
    Name(String),
    /// In a frame: what must not be overlooked.
    Notice(String),
    /// In a frame and in small type: words of the law, which are long and must stand on one page.
    Small(String),
    Heading(String),
    /// Words as they were written; a line break in them is one on the page.
    Text(String),
    /// Cells in words. Each row is as long as the head; its first cell names it, unless it is a number.
    Table {
        head: Vec<String>,
        rows: Vec<Vec<String>>,
        /// Under the rows, set apart.
        totals: Vec<Vec<String>>,
        /// Of each column, whether it holds numbers, which stand at the right.
        numeric: Vec<bool>,
    },
    /// Bars. The numbers themselves are in a table beside it.
    Chart(Chart),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `PRINT_TO=folder cargo test --lib print::tests` leaves the files there, for somebody to look at.
    #[test]
    fn a_table_of_any_size_has_every_form() {
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
