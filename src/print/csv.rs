//! A table as CSV (RFC 4180, UTF-8), complete or line by line. A spreadsheet that opens it finds no formulas.

use super::table::{Cell, Column, SUPPRESSED, Table};
use std::io::Write as _;
use unicode_normalization::UnicodeNormalization as _;

/// Whether a spreadsheet would read a text as a formula: by its first character, or by the first one after those that
/// it strips (white space, control and invisible characters). The compatibility form of the character counts: `＝`, `﹦`
/// and `⁼` are `=`.
fn is_formula(text: &str) -> bool {
    // This decides nearly every field.
    if text.as_bytes().first().is_none_or(u8::is_ascii_alphanumeric) {
        return false;
    }
    if text.starts_with(['\t', '\r', '\n', '\0']) {
        return true;
    }
    let first = text.chars().find(|c| !is_stripped(*c));
    first.is_some_and(|c| std::iter::once(c).nfkc().any(|c| matches!(c, '=' | '+' | '-' | '@' | '\u{2212}')))
}

/// Whether a spreadsheet may strip this character before it looks for a formula.
fn is_stripped(c: char) -> bool {
    let has_no_shape = matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}');
    c.is_whitespace() || c.is_control() || has_no_shape
}

/// Marks the file as UTF-8: without it, spreadsheets read it in the code page of the machine.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The beginning of a file: the byte-order mark, and a first line with the machine names of the columns.
pub fn header(out: &mut Vec<u8>, columns: &[Column]) {
    out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
    write(out, [columns], |column, field| text(&column.name, field));
}

/// Appends records to a buffer that can be reused. No field allocates memory, because an export has hundreds of
/// thousands of records.
pub fn records<R: AsRef<[Cell]>>(out: &mut Vec<u8>, rows: impl IntoIterator<Item = R>) {
    write(out, rows, |cell: &Cell, field| match cell {
        Cell::Text(words) => text(words, field),
        // A negative number begins with a minus and stays a number.
        Cell::Count(count) => _ = write!(field, "{count}"),
        Cell::Number(number) | Cell::Share(number) if number.is_finite() => _ = write!(field, "{number}"),
        Cell::Hidden => field.extend_from_slice(SUPPRESSED.as_bytes()),
        Cell::Number(_) | Cell::Share(_) | Cell::Empty => {}
    });
}

/// Appends a line for each row. `content` writes what is in a field; quotes are added where the field needs them.
fn write<T, R: AsRef<[T]>>(out: &mut Vec<u8>, rows: impl IntoIterator<Item = R>, content: impl Fn(&T, &mut Vec<u8>)) {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(out);
    let mut field = Vec::new();
    // Writing to a Vec cannot fail.
    for row in rows {
        for value in row.as_ref() {
            field.clear();
            content(value, &mut field);
            _ = writer.write_field(&field);
        }
        _ = writer.write_record(None::<&[u8]>);
    }
    _ = writer.flush();
}

fn text(text: &str, field: &mut Vec<u8>) {
    if is_formula(text) {
        field.push(b'\'');
    }
    field.extend_from_slice(text.as_bytes());
}

/// The header, the rows and the totals.
pub fn render(table: &Table) -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, &table.columns);
    records(&mut out, table.rows.iter().chain(&table.totals));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::tests::example;
    use proptest::prelude::*;

    fn written(cells: &[Cell]) -> String {
        let mut out = Vec::new();
        records(&mut out, [cells]);
        String::from_utf8(out).unwrap()
    }
    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let records = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(bytes).into_records();
        records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn each_cell_kind_has_its_csv_form() {
        let cells = [
            Cell::Count(-12),
            Cell::Number(-0.5),
            Cell::Share(1.0 / 3.0),
            Cell::Number(1e15),
            Cell::Number(f64::NAN),
            Cell::Hidden,
            Cell::Empty,
            Cell::Text("a \"b\", c\r\nd".into()),
            Cell::Text("=1+1".into()),
            Cell::Text("-1,5".into()),
        ];
        let line =
            "-12,-0.5,0.3333333333333333,1000000000000000,,suppressed,,\"a \"\"b\"\", c\r\nd\",'=1+1,\"'-1,5\"\r\n";
        assert_eq!(written(&cells), line);
        assert_eq!(written(&[Cell::Empty]), "\"\"\r\n");
    }

    #[test]
    fn csv_has_header_rows_and_totals() {
        let file = render(&example(12));
        assert!(file.starts_with(b"\xEF\xBB\xBFkind,"));
        let records = read(&file);
        assert_eq!(records.len(), 14);
        assert_eq!(records[0], ["kind", "cases", "days", "share"]);
        assert_eq!(records[3], ["'=1+1", "74", "0.6666666666666666", "0.18181818181818182"]);
        assert_eq!(records[4][1..], ["suppressed", "1", "suppressed"]);
        assert_eq!(records[13], ["All", "12345", "4", "1"]);
    }

    /// Texts that a spreadsheet reads as a formula, and texts that it does not.
    #[test]
    fn formulas_are_escaped_after_any_blank_prefix() {
        let blanks = [
            "",
            " ",
            "   ",
            "\t",
            "\r",
            "\n",
            "\r\n ",
            "\0",
            "\u{A0}",
            "\u{2003}",
            "\u{3000}",
            "\u{200B}",
            "\u{FEFF}",
            "\u{2060} ",
            "\u{85}",
            "\u{AD}",
            "\u{202E}",
            "\u{1B}",
        ];
        let signs = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "⁼", "₊", "−"];
        for (blank, sign) in blanks.iter().flat_map(|blank| signs.iter().map(move |sign| (blank, sign))) {
            let text = format!("{blank}{sign}1+1");
            let back = read(written(&[Cell::Text(text.clone()), Cell::Count(1)]).as_bytes());
            assert_eq!(back, [[format!("'{text}"), "1".to_owned()]], "{text:?}");
        }
        for plain in ["", " ", " Sam", "1-2", "a=b", "\u{A0}Ana", "'=1", "(=1)", "é=1", "…", "\"=1\""] {
            assert_eq!(
                read(written(&[Cell::Text(plain.into()), Cell::Count(1)]).as_bytes()),
                [[plain, "1"]],
                "{plain:?}"
            );
        }
    }

    fn field() -> impl Strategy<Value = String> {
        let odd = "[=+@,\"'\\t\\r\\n\\x00＝＋－＠a \u{A0}\u{200B}\u{FEFF}-]{0,6}";
        prop_oneof![odd.prop_map(|text| text), any::<String>()]
    }

    proptest! {
        #[test]
        fn csv_round_trips_any_text_without_formulas(rows in prop::collection::vec(prop::collection::vec(field(), 3), 1..6), alone in field()) {
            let due = |text: &String| if is_formula(text) { format!("'{text}") } else { text.clone() };
            // A reader removes the first byte-order mark, so one that belongs to the text comes after another.
            let mut out = BYTE_ORDER_MARK.as_bytes().to_vec();
            records(&mut out, rows.iter().map(|row| row.iter().cloned().map(Cell::Text).collect::<Vec<_>>()));
            let back = read(&out);
            for field in back.iter().flatten() {
                let seen = field.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || "\u{200B}\u{FEFF}".contains(c));
                prop_assert!(!seen.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{field:?}");
            }
            prop_assert_eq!(back, rows.iter().map(|row| row.iter().map(due).collect()).collect::<Vec<Vec<String>>>());
            let alone_written = format!("{BYTE_ORDER_MARK}{}", written(&[Cell::Text(alone.clone())]));
            prop_assert_eq!(read(alone_written.as_bytes()), vec![vec![due(&alone)]]);
        }
    }
}
