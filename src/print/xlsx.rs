//! A table as a workbook: numbers that can be calculated with, text that stays text, and a sheet that explains the
//! numbers.

use super::table::{Cell, Column, ColumnKind, SUPPRESSED, Table};
use crate::error::{ApiError, Code, Result};
use rust_xlsxwriter::{DocProperties, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};
use std::{borrow::Cow, io::Write, path::Path};

/// The most records that a sheet holds below its header.
pub const MAX_RECORDS: u32 = 1_048_575;
/// The longest text of a cell, in UTF-16 code units.
const MAX_CELL_TEXT: usize = 32_767;
const CUT: &str = " […]";
/// In characters: a column is as wide as its contents, up to this.
const WIDEST: u16 = 60;
const WIDEST_NUMBER: u16 = 14;
/// In points: the height of a line in a cell, and the greatest height of a row.
const LINE: u32 = 15;
const MAX_ROW_HEIGHT: u32 = 405;
/// In characters: the width of the sheet with a notice.
const NOTICE_WIDTH: u16 = 80;

/// 503: a workbook is written through temporary files, and their disk may be full or missing.
pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    ApiError::new(Code::Overloaded, "The workbook could not be written. Try again shortly.")
        .header("retry-after", "60")
        .with_source(error)
}

/// The cell formats of a row, by type of content.
struct Style {
    text: Format,
    count: Format,
    number: Format,
    share: Format,
    hidden: Format,
}

impl Style {
    fn new(base: &Format) -> Self {
        Self {
            // The spreadsheet also treats it as text: what looks like a formula does not become one when a user edits
            // it.
            text: base.clone().set_num_format("@"),
            count: base.clone().set_num_format("#,##0"),
            number: base.clone().set_num_format("#,##0.0"),
            share: base.clone().set_num_format("0.0%"),
            hidden: base.clone().set_align(FormatAlign::Right),
        }
    }
    fn row(&self, sheet: &mut Worksheet, row: u32, cells: &[Cell]) -> std::result::Result<(), XlsxError> {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Text(text) => sheet.write_string_with_format(row, column, fitting(text), &self.text)?,
                Cell::Count(count) => sheet.write_number_with_format(row, column, *count as f64, &self.count)?,
                Cell::Number(number) if number.is_finite() => {
                    sheet.write_number_with_format(row, column, *number, &self.number)?
                }
                Cell::Share(share) if share.is_finite() => {
                    sheet.write_number_with_format(row, column, *share, &self.share)?
                }
                Cell::Hidden => sheet.write_string_with_format(row, column, SUPPRESSED, &self.hidden)?,
                // The cell is written blank instead of omitted, so that a border continues over it.
                Cell::Number(_) | Cell::Share(_) | Cell::Empty => sheet.write_blank(row, column, &self.text)?,
            };
        }
        Ok(())
    }
}

/// The part of a text that fits into a cell, with a mark if it was cut.
fn fitting(text: &str) -> Cow<'_, str> {
    // A text has no more code units than bytes.
    if text.len() <= MAX_CELL_TEXT || text.encode_utf16().count() <= MAX_CELL_TEXT {
        return text.into();
    }
    let mut room = MAX_CELL_TEXT - CUT.chars().count();
    let fits = |c: &char| {
        let left = room.checked_sub(c.len_utf16());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push_str(CUT);
    cut.into()
}

/// The number of characters in the longest line of a text.
fn length(text: &str) -> u16 {
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    u16::try_from(longest).unwrap_or(u16::MAX)
}

/// The column widths that fit all contents, in characters.
fn widths(table: &Table) -> Vec<u16> {
    // The label of a number column wraps, so it does not make the column wider than its numbers.
    let label = |column: &Column| {
        if column.kind.is_numeric() { length(&column.label).min(WIDEST_NUMBER) } else { length(&column.label) }
    };
    let mut widths: Vec<u16> = table.columns.iter().map(label).collect();
    for row in table.rows.iter().chain(&table.totals) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = length(&cell.words()).max(*width);
        }
    }
    // One sixth more than was counted, as in `raise`, so that a text that fits on one line does not make a row higher.
    widths.into_iter().map(|width| width.saturating_add(width / 6).saturating_add(3).clamp(10, WIDEST)).collect()
}

/// Sets the row height for text that wraps, because not every program does so by itself.
fn raise<'a>(
    sheet: &mut Worksheet,
    row: u32,
    texts: impl Iterator<Item = (&'a str, u16)>,
) -> std::result::Result<(), XlsxError> {
    // One sixth more than was counted, for words that do not fill their line and for wider type.
    let lines = |(text, wide): (&str, u16)| {
        text.lines().map(|line| line.chars().count() * 7 / 6 / usize::from(wide) + 1).sum::<usize>()
    };
    let most = u32::try_from(texts.map(lines).max().unwrap_or(1)).unwrap_or(MAX_ROW_HEIGHT);
    if most > 1 {
        sheet.set_row_height(row, most.saturating_mul(LINE).min(MAX_ROW_HEIGHT))?;
    }
    Ok(())
}

/// Writes the header row, which stays visible while the rows scroll.
fn header(sheet: &mut Worksheet, columns: &[Column]) -> std::result::Result<(), XlsxError> {
    let head =
        Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Bottom).set_border_bottom(FormatBorder::Medium);
    let number = head.clone().set_align(FormatAlign::Right);
    for (at, column) in (0..).zip(columns) {
        let format = if column.kind.is_numeric() { &number } else { &head };
        sheet.write_string_with_format(0, at, fitting(&column.label), format)?;
    }
    sheet.set_freeze_panes(1, 0).map(|_| ())
}

/// The sheet that explains the numbers, with notes.
fn definition(sheet: &mut Worksheet, table: &Table) -> std::result::Result<(), XlsxError> {
    let plain = Style::new(&Format::new().set_text_wrap().set_align(FormatAlign::Top)).text;
    let bold = plain.clone().set_bold();
    // The text extends over the empty cells beside it.
    let heading = Format::new().set_num_format("@").set_bold();
    let wide = [28, 90];
    for (column, wide) in (0..).zip(wide) {
        sheet.set_column_width(column, wide)?;
    }
    sheet.set_name("Definition")?.set_landscape().set_print_fit_to_pages(1, 0);
    sheet.write_string_with_format(0, 0, fitting(&table.title), &heading.clone().set_font_size(14))?;
    sheet.write_string_with_format(1, 0, fitting(&table.subtitle.replace('\n', " · ")), &heading)?;
    if let Some(notice) = &table.notice {
        sheet.write_string_with_format(2, 0, fitting(notice), &heading)?;
    }
    on_paper(sheet, table)?;
    let terms = table.definition.iter().map(|(term, words)| (term.as_str(), words));
    let notes = table.notes.iter().enumerate().map(|(i, note)| (if i == 0 { "Please note" } else { "" }, note));
    for (row, (term, words)) in (3..).zip(terms.chain(notes)) {
        sheet.write_string_with_format(row, 0, fitting(term), &bold)?;
        sheet.write_string_with_format(row, 1, fitting(words), &plain)?;
        raise(sheet, row, [term, words].into_iter().zip(wide))?;
    }
    Ok(())
}

/// The page header and footer of a printed sheet: its name, and whether it is internal.
fn on_paper(sheet: &mut Worksheet, table: &Table) -> std::result::Result<(), XlsxError> {
    // An ampersand starts a command, and the library refuses more than 255 characters.
    let plain = |text: &str, most: usize| text.chars().take(most).collect::<String>().replace('&', "&&");
    sheet.set_header(format!("&L{}", plain(table.name(), 110)));
    sheet.set_footer(format!("&L{}&RPage &P of &N", plain(table.notice.as_deref().unwrap_or(""), 100)));
    Ok(())
}

/// The table, with its explanation on a second sheet.
pub fn render(table: &Table) -> Result<Vec<u8>> {
    let build = || {
        let mut book = Workbook::new();
        book.set_properties(&DocProperties::new().set_title(table.name()));
        let sheet = book.add_worksheet();
        sheet.set_name("Table")?.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
        let widths = widths(table);
        for (column, width) in (0..).zip(&widths) {
            sheet.set_column_width(column, *width)?;
        }
        header(sheet, &table.columns)?;
        raise(sheet, 0, table.columns.iter().map(|column| column.label.as_str()).zip(widths.iter().copied()))?;
        let base = Format::new().set_text_wrap().set_align(FormatAlign::Top);
        let (plain, bold) = (Style::new(&base), Style::new(&base.clone().set_bold()));
        let first = Style::new(&base.set_bold().set_border_top(FormatBorder::Medium));
        let totals = table.totals.iter().zip([&first].into_iter().chain(std::iter::repeat(&bold)));
        for (at, (row, style)) in (1..).zip(table.rows.iter().map(|row| (row, &plain)).chain(totals)) {
            style.row(sheet, at, row)?;
            let texts = row.iter().map(|cell| if let Cell::Text(text) = cell { text.as_str() } else { "" });
            raise(sheet, at, texts.zip(widths.iter().copied()))?;
        }
        // The scope is written under the rows, so that a program that reads the sheet finds the header first.
        let under = u32::try_from(table.rows.len() + table.totals.len()).unwrap_or(MAX_RECORDS) + 2;
        let note = Format::new().set_num_format("@").set_italic();
        let said = [table.subtitle.replace('\n', " · "), table.notice.clone().unwrap_or_default()];
        for (at, text) in (under..).zip(said.iter().filter(|text| !text.is_empty())) {
            sheet.write_string_with_format(at, 0, fitting(text), &note)?;
        }
        on_paper(sheet, table)?;
        definition(book.add_worksheet(), table)?;
        book.save_to_buffer()
    };
    build().map_err(failed)
}

/// A workbook of very many records. The records are buffered in an unnamed file in a folder, so that memory holds only
/// one at a time. The library panics if that disk is full.
pub struct Records {
    book: Workbook,
    sheet: Worksheet,
    style: Style,
    next: u32,
    notice: Option<Worksheet>,
}

impl Records {
    /// `folder` holds the buffered records until the workbook is finished or dropped.
    pub fn new(columns: &[Column], folder: &Path) -> Result<Self> {
        let build = || {
            let mut book = Workbook::new();
            book.set_tempdir(folder)?;
            let mut sheet = book.new_worksheet_with_constant_memory()?;
            sheet.set_name("Records")?;
            for (at, column) in (0..).zip(columns) {
                let least: u16 = if column.kind == ColumnKind::Text { 24 } else { 12 };
                sheet.set_column_width(at, length(&column.label).saturating_add(3).clamp(least, 40))?;
            }
            header(&mut sheet, columns)?;
            Ok::<_, XlsxError>(Self { book, sheet, style: Style::new(&Format::new()), next: 1, notice: None })
        };
        build().map_err(failed)
    }
    /// Adds one record. The sheet refuses more than [`MAX_RECORDS`].
    pub fn record(&mut self, cells: &[Cell]) -> Result<()> {
        self.style.row(&mut self.sheet, self.next, cells).map_err(failed)?;
        self.next += 1;
        Ok(())
    }
    /// Adds a notice about the records: on a sheet of its own with one paragraph in each row, and in short form at the
    /// foot of every printed page.
    pub fn notice(&mut self, paragraphs: &[String], short: &str) -> Result<()> {
        let mut build = || {
            // An ampersand starts a code in a page footer.
            self.sheet.set_footer(format!("&L{}&RPage &P of &N", short.replace('&', "&&")));
            self.sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
            let format = Style::new(&Format::new().set_text_wrap().set_align(FormatAlign::Top)).text;
            let mut sheet = Worksheet::new();
            sheet.set_name("Notice")?.set_column_width(0, NOTICE_WIDTH)?.set_landscape().set_print_fit_to_pages(1, 0);
            for (row, paragraph) in (0..).zip(paragraphs) {
                sheet.write_string_with_format(row, 0, fitting(paragraph), &format)?;
                raise(&mut sheet, row, std::iter::once((paragraph.as_str(), NOTICE_WIDTH)))?;
            }
            self.notice = Some(sheet);
            Ok::<_, XlsxError>(())
        };
        build().map_err(failed)
    }
    /// Writes the whole workbook. Before this call there is no file.
    pub fn finish(mut self, to: impl Write + Send) -> Result<()> {
        self.book.push_worksheet(self.sheet);
        self.notice.into_iter().for_each(|notice| self.book.push_worksheet(notice));
        self.book.save_to_writer(to).map_err(failed)
    }
}

/// Writes all records. The first error ends it.
pub fn stream(
    columns: &[Column],
    records: impl IntoIterator<Item = Result<Vec<Cell>>>,
    folder: &Path,
    to: impl Write + Send,
) -> Result<()> {
    let mut book = Records::new(columns, folder)?;
    for record in records {
        book.record(&record?)?;
    }
    book.finish(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::tests::example;
    use proptest::prelude::*;
    use std::io::{Cursor, Read as _};

    /// One file of the archive.
    fn part(book: &[u8], name: &str) -> String {
        let mut text = String::new();
        zip::ZipArchive::new(Cursor::new(book)).unwrap().by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }
    /// The cells of a sheet: their position, type and value, or the shared string that the value refers to.
    fn cells(book: &[u8], sheet: &str) -> Vec<(String, String, String)> {
        let sheet = part(book, &format!("xl/worksheets/{sheet}.xml"));
        let sheet = roxmltree::Document::parse(&sheet).unwrap();
        let texts = zip::ZipArchive::new(Cursor::new(book)).unwrap().by_name("xl/sharedStrings.xml").is_ok();
        let texts = if texts { part(book, "xl/sharedStrings.xml") } else { "<sst/>".into() };
        let texts = roxmltree::Document::parse(&texts).unwrap();
        let shared: Vec<&str> = texts
            .descendants()
            .filter(|node| node.has_tag_name("t") || node.tag_name().name() == "t")
            .map(|t| t.text().unwrap_or(""))
            .collect();
        assert!(
            !sheet.descendants().any(|node| matches!(node.tag_name().name(), "f" | "hyperlink")),
            "no formulas and no links"
        );
        let value = |cell: roxmltree::Node| {
            let inner = cell
                .descendants()
                .find(|node| matches!(node.tag_name().name(), "v" | "t"))
                .and_then(|node| node.text())
                .unwrap_or("");
            if cell.attribute("t") == Some("s") {
                shared[inner.parse::<usize>().unwrap()].to_owned()
            } else {
                inner.to_owned()
            }
        };
        let of = |cell: roxmltree::Node, name| cell.attribute(name).unwrap_or("n").to_owned();
        sheet
            .descendants()
            .filter(|node| node.tag_name().name() == "c")
            .map(|cell| (of(cell, "r"), of(cell, "t"), value(cell)))
            .collect()
    }
    fn cell(place: &str, kind: &str, value: &str) -> (String, String, String) {
        (place.into(), kind.into(), value.into())
    }

    #[test]
    fn workbook_cells_keep_numbers_and_text_apart() {
        let book = render(&example(12)).unwrap();
        let table = cells(&book, "sheet1");
        for expected in [
            cell("A1", "s", "Kind of barrier"),
            cell("A4", "s", "=1+1"),
            cell("B4", "n", "74"),
            cell("B5", "s", "suppressed"),
            cell("C8", "n", ""),
            cell("D13", "n", "0"),
            cell("A14", "s", "All"),
            cell("B14", "n", "12345"),
        ] {
            assert!(table.contains(&expected), "{expected:?} {table:#?}");
        }
        assert!(part(&book, "xl/worksheets/sheet1.xml").contains("state=\"frozen\""));
        let meaning: Vec<String> = cells(&book, "sheet2").into_iter().map(|(.., value)| value).collect();
        let expected = ["Barriers by kind", "Cases opened 1 July 2026 to 30 September 2026", "Numerator"];
        assert_eq!(meaning[..3], expected);
        assert!(meaning.contains(&"Please note".to_owned()) && meaning.contains(&example(0).notes[1]));
    }

    /// On each sheet, and on each of its printed pages.
    #[test]
    fn workbook_names_its_scope_on_every_sheet_and_page() {
        let subtitle = "River & Peers, team North side only\n1 July 2026 to 30 September 2026";
        let table = Table {
            subtitle: subtitle.into(),
            notice: Some("Exact numbers: internal".into()),
            name: "Barriers – River & Peers – Team North side only".into(),
            ..example(2)
        };
        let book = render(&table).unwrap();
        for sheet in ["sheet1", "sheet2"] {
            let values: Vec<String> = cells(&book, sheet).into_iter().map(|(.., value)| value).collect();
            assert!(
                values.contains(&subtitle.replace('\n', " · "))
                    && values.contains(&"Exact numbers: internal".to_owned()),
                "{values:?}"
            );
            let printed = part(&book, &format!("xl/worksheets/{sheet}.xml"));
            for text in
                ["&amp;LBarriers – River &amp;&amp; Peers – Team North side only", "&amp;LExact numbers: internal"]
            {
                assert!(printed.contains(text), "{printed}");
            }
        }
        assert!(part(&book, "docProps/core.xml").contains("Team North side only"));
        assert_eq!(cells(&book, "sheet1")[0], cell("A1", "s", "Kind of barrier"), "the header comes first");
    }

    #[test]
    fn records_are_streamed_without_leftover_files() {
        let table = example(3000);
        let folder = tempfile::tempdir().unwrap();
        let mut book = Vec::new();
        stream(&table.columns, table.rows.iter().cloned().map(Ok), folder.path(), &mut book).unwrap();
        let records = cells(&book, "sheet1");
        assert_eq!(records.len(), 4 * 3001);
        assert!(
            records.contains(&cell("A4", "inlineStr", "=1+1")) && records.contains(&cell("B3001", "n", "1463")),
            "{:?}",
            &records[11_990..]
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        let broken = [Ok(table.rows[0].clone()), Err(ApiError::internal("gone"))];
        assert!(stream(&table.columns, broken, folder.path(), &mut book).is_err());
    }

    #[test]
    fn records_have_a_notice_sheet_and_page_footers() {
        let table = example(2);
        let folder = tempfile::tempdir().unwrap();
        let mut records = Records::new(&table.columns, folder.path()).unwrap();
        table.rows.iter().for_each(|row| records.record(row).unwrap());
        records.notice(&["For us.".into(), "First.\nSecond.".into()], "Use & disclosure").unwrap();
        let mut book = Vec::new();
        records.finish(&mut book).unwrap();
        assert_eq!(cells(&book, "sheet1").len(), 4 * 3);
        assert_eq!(cells(&book, "sheet2"), [cell("A1", "s", "For us."), cell("A2", "s", "First.\nSecond.")]);
        let sheets = part(&book, "xl/workbook.xml");
        assert!(sheets.find("name=\"Records\"") < sheets.find("name=\"Notice\""), "{sheets}");
        assert!(part(&book, "xl/worksheets/sheet1.xml").contains("Use &amp;&amp; disclosure"));
    }

    #[test]
    fn text_too_long_for_a_cell_is_cut_with_a_mark() {
        let long = "😀".repeat(20_000);
        let cut = fitting(&long);
        assert!(cut.ends_with(CUT) && (MAX_CELL_TEXT - 1..=MAX_CELL_TEXT).contains(&cut.encode_utf16().count()));
        let table = Table { title: long.clone(), rows: vec![vec![Cell::Text(long)]], ..example(0) };
        assert!(render(&table).is_ok());
        assert_eq!(fitting(&"a".repeat(MAX_CELL_TEXT)).len(), MAX_CELL_TEXT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_text_is_stored_as_text(text in any::<String>()) {
            let table = Table { rows: vec![vec![Cell::Text(text.clone())]], title: text.clone(), notes: vec![text.clone()], ..example(0) };
            let found = cells(&render(&table).unwrap(), "sheet1").into_iter().find(|(place, ..)| place == "A2").unwrap();
            prop_assert_eq!(found.1 == "s", !text.is_empty());
        }
    }
}
