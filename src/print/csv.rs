//! A table as CSV (RFC 4180, UTF-8), whole or line by line; a spreadsheet that opens it finds no formulas.

use super::table::{Cell, Column, SUPPRESSED, Table};
use std::io::Write as _;

/// How a spreadsheet knows a formula by its first sign, or is led past one to it.
const fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\0' | '＝' | '＋' | '－' | '＠')
}

/// How a file says that it is UTF-8: without it spreadsheets read it in the code page of the machine.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// The beginning of a file: the byte-order mark, and the machine names of the columns as the first line.
pub fn header(out: &mut Vec<u8>, columns: &[Column]) {
    out.extend_from_slice(BYTE_ORDER_MARK.as_bytes());
    line(out, columns, |out, column| text(out, &column.name));
}

/// One record, at the end of a buffer that may be used again: no field takes memory of its own, since hundreds of thousands go by.
pub fn record(out: &mut Vec<u8>, cells: &[Cell]) {
    line(out, cells, |out, cell| match cell {
        Cell::Text(words) => text(out, words),
        // Writing to a Vec cannot fail. A number that is below zero begins with a minus, and stays a number.
        Cell::Count(count) => _ = write!(out, "{count}"),
        Cell::Number(number) | Cell::Share(number) if number.is_finite() => _ = write!(out, "{number}"),
        Cell::Hidden => out.extend_from_slice(SUPPRESSED.as_bytes()),
        Cell::Number(_) | Cell::Share(_) | Cell::Empty => {}
    });
}

fn line<T>(out: &mut Vec<u8>, fields: &[T], mut field: impl FnMut(&mut Vec<u8>, &T)) {
    let start = out.len();
    for (i, value) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        field(out, value);
    }
    // A line without a sign would be passed over.
    if out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

fn text(out: &mut Vec<u8>, text: &str) {
    let guard = if text.starts_with(begins_formula) { "'" } else { "" };
    let quoted = text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
    if !quoted {
        out.extend_from_slice(guard.as_bytes());
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(guard.as_bytes());
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'"');
}

/// The header, the rows and the totals.
pub fn render(table: &Table) -> Vec<u8> {
    let mut out = Vec::new();
    header(&mut out, &table.columns);
    for row in table.rows.iter().chain(&table.totals) {
        record(&mut out, row);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::tests::example;
    use proptest::prelude::*;

    fn written(cells: &[Cell]) -> String {
        let mut out = Vec::new();
        record(&mut out, cells);
        String::from_utf8(out).unwrap()
    }
    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let records = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(bytes).into_records();
        records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn each_kind_of_cell_has_its_form() {
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
        let line = "-12,-0.5,0.3333333333333333,1000000000000000,,suppressed,,\"a \"\"b\"\", c\r\nd\",'=1+1,\"'-1,5\"\r\n";
        assert_eq!(written(&cells), line);
        assert_eq!(written(&[Cell::Empty]), "\"\"\r\n");
    }

    #[test]
    fn a_table_has_its_header_its_rows_and_its_totals() {
        let file = render(&example(12));
        assert!(file.starts_with(b"\xEF\xBB\xBFkind,"));
        let records = read(&file);
        assert_eq!(records.len(), 14);
        assert_eq!(records[0], ["kind", "cases", "days", "share"]);
        assert_eq!(records[3], ["'=1+1", "74", "0.6666666666666666", "0.18181818181818182"]);
        assert_eq!(records[4][1..], ["suppressed", "1", "suppressed"]);
        assert_eq!(records[13], ["All", "12345", "4", "1"]);
    }

    fn field() -> impl Strategy<Value = String> {
        let odd = "[=+@,\"'\\t\\r\\n\\x00＝＋－＠a-]{0,6}";
        prop_oneof![odd.prop_map(|text| text), any::<String>()]
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_back(rows in prop::collection::vec(prop::collection::vec(field(), 3), 1..6), alone in field()) {
            let due = |text: &String| {
                let first = text.chars().next();
                if first.is_some_and(|c| "=+-@\t\r\0＝＋－＠".contains(c)) { format!("'{text}") } else { text.clone() }
            };
            let mut out = Vec::new();
            for row in &rows {
                record(&mut out, &row.iter().cloned().map(Cell::Text).collect::<Vec<_>>());
            }
            let back = read(&out);
            for field in back.iter().flatten() {
                prop_assert!(!field.starts_with(begins_formula), "{field:?}");
            }
            prop_assert_eq!(back, rows.iter().map(|row| row.iter().map(due).collect()).collect::<Vec<Vec<String>>>());
            prop_assert_eq!(read(written(&[Cell::Text(alone.clone())]).as_bytes()), vec![vec![due(&alone)]]);
        }
    }
}
