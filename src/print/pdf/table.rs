//! A table in a PDF: the columns fit their contents, and the head is repeated on each page.

use super::{LEFT, TOP, Typesetter, black, gray};
use crate::print::text::{BOLD, Face, Line, REGULAR, lines, longest_word, width};
use krilla::{
    color::rgb,
    tagging::{TableHeaderScope, Tag, TagKind},
};

/// The largest font size at which the longest words fit is used; at the smallest one, words are broken.
const SIZES: [f32; 2] = [10.5, 9.5];
const MIN_SIZE: f32 = 8.5;
const LEADING: f32 = 1.32;
/// The padding of a cell, in points.
const PAD_X: f32 = 5.0;
const PAD_Y: f32 = 3.5;
/// In ems: a longer word may be broken, and a column gets at most `SPARE` of the remaining width.
const LONG_WORD: f32 = 14.0;
const SPARE: f32 = 3.0;
/// In ems: a name up to this length stays on one line if there is room.
const NAME: f32 = 12.0;
/// A head that is higher than this is not repeated.
const HIGH_HEAD: f32 = 200.0;

/// The needs of a column, in ems: the width of its longest word, and of its longest text on one line.
#[derive(Clone, Copy, Default)]
struct Need {
    least: f32,
    most: f32,
}

impl Need {
    /// The needs of a column of names, where only long names are broken.
    const fn named(self) -> Self {
        Self { least: self.least.max(self.most.min(NAME)), most: self.most }
    }
}

struct Columns<'a> {
    head: &'a [String],
    numeric: &'a [bool],
    size: f32,
    /// In points, from the left.
    widths: Vec<f32>,
    /// The top of the rows on a page to which the table continues.
    top: f32,
}

impl Typesetter {
    pub fn table(&mut self, head: &[String], rows: &[Vec<String>], totals: &[Vec<String>], numeric: &[bool]) {
        if head.is_empty() {
            return;
        }
        let plain = needs(head, rows, totals);
        // Names stay on one line if the number columns leave enough room.
        let named: Vec<Need> =
            plain.iter().zip(numeric).map(|(need, is_number)| if *is_number { *need } else { need.named() }).collect();
        let least: f32 = named.iter().map(|need| need.least * 1.01 * SIZES[1] + 2.0 * PAD_X).sum();
        let needs = if named.len() == plain.len() && least <= self.paper.room() { named } else { plain };
        let (size, widths) = fit(&needs, self.paper.room());
        self.is_cramped |= needs.iter().zip(&widths).any(|(need, wide)| need.least * size > wide - 2.0 * PAD_X + 0.1);
        let mut columns = Columns { head, numeric, size, widths, top: TOP };
        let table = self.add_tag(Tag::Table, None);
        let first = rows.first().or(totals.first()).map_or(0.0, |row| columns.height(row, &REGULAR));
        let height = columns.height(head, &BOLD);
        self.need((height + first).min(HIGH_HEAD));
        let group = self.add_tag(Tag::THead, Some(table));
        columns.set(self, Some(group), head, &BOLD);
        columns.rule(self, 1.2, black());
        if height <= HIGH_HEAD {
            columns.top += height;
        }
        // Totals are never alone on a page.
        let end: f32 = totals.iter().map(|row| columns.height(row, &BOLD)).sum();
        columns.group(self, (table, Tag::TBody.into()), rows, &REGULAR, end.min(HIGH_HEAD));
        if !totals.is_empty() {
            columns.rule(self, 1.2, black());
        }
        columns.group(self, (table, Tag::TFoot.into()), totals, &BOLD, 0.0);
        self.y += 16.0;
    }
}

impl Columns<'_> {
    /// The cells of a row, split into lines: one cell for each column, however many the row has.
    fn lines(&self, row: &[String], face: &Face) -> Vec<Vec<Line>> {
        let texts = row.iter().map(String::as_str).chain(std::iter::repeat(""));
        texts.zip(&self.widths).map(|(text, width)| lines(text, face, (width - 2.0 * PAD_X) / self.size)).collect()
    }

    fn height(&self, row: &[String], face: &Face) -> f32 {
        self.height_of(&self.lines(row, face))
    }

    fn height_of(&self, cells: &[Vec<Line>]) -> f32 {
        cells.iter().map(Vec::len).max().unwrap_or(0) as f32 * self.size * LEADING + 2.0 * PAD_Y
    }

    fn rule(&self, typesetter: &mut Typesetter, thick: f32, color: rgb::Color) {
        typesetter.rule(typesetter.y, self.widths.iter().sum(), thick, color);
    }

    /// The tag of a cell in this column, for screen readers.
    fn kind(&self, column: usize, is_head: bool) -> TagKind {
        match column {
            _ if is_head => Tag::TH(TableHeaderScope::Column).into(),
            0 if self.numeric.first() != Some(&true) => Tag::TH(TableHeaderScope::Row).into(),
            _ => Tag::TD.into(),
        }
    }

    /// Sets the rows of one part of a table. The last row moves to the page where `after` fits below it.
    fn group(
        &self,
        typesetter: &mut Typesetter,
        (table, tag): (usize, TagKind),
        rows: &[Vec<String>],
        face: &'static Face,
        after: f32,
    ) {
        let group = typesetter.add_tag(tag, Some(table));
        for (i, row) in rows.iter().enumerate() {
            if i + 1 == rows.len() && after > 0.0 {
                self.need(typesetter, self.height(row, face) + after);
            }
            self.set(typesetter, Some(group), row, face);
            self.rule(typesetter, 0.5, gray());
        }
    }

    /// Sets one row. Without a group it is decoration: the repeated head.
    fn set(&self, typesetter: &mut Typesetter, group: Option<usize>, row: &[String], face: &'static Face) {
        let cells = self.lines(row, face);
        let part = group.map(|group| typesetter.add_tag(Tag::TR, Some(group)));
        let is_head = std::ptr::eq(row, self.head);
        let parts: Vec<Option<usize>> =
            (0..cells.len()).map(|i| part.map(|row| typesetter.add_tag(self.kind(i, is_head), Some(row)))).collect();
        if !is_head {
            // A row that is longer than a page is split wherever the page ends.
            self.need(typesetter, self.height_of(&cells).min(typesetter.bottom - self.top));
        }
        typesetter.y += PAD_Y;
        let most = cells.iter().map(Vec::len).max().unwrap_or(0);
        for i in 0..most {
            if i > 0 && !is_head {
                self.need(typesetter, self.size * LEADING);
            }
            let mut left = LEFT;
            for (column, (cell, wide)) in cells.iter().zip(&self.widths).enumerate() {
                // The labels of a head are aligned to its rule at the bottom; the cells of a row are aligned at the
                // top.
                let above = if is_head { most - cell.len() } else { 0 };
                if let Some(line) = i.checked_sub(above).and_then(|at| cell.get(at)) {
                    let from_right = line.from_right || self.numeric.get(column) == Some(&true);
                    let x = if from_right { left + wide - PAD_X - line.seen_width() * self.size } else { left + PAD_X };
                    // An empty cell has a part too, because screen readers would otherwise read the cells after it
                    // under the wrong heads.
                    typesetter.words(
                        parts.get(column).copied().flatten(),
                        (x, typesetter.y + self.size),
                        self.size,
                        face,
                        line.clone(),
                    );
                }
                left += wide;
            }
            typesetter.y += self.size * LEADING;
        }
        typesetter.y += PAD_Y;
    }

    /// Starts a new page if this height does not fit on the current one, and repeats the head.
    fn need(&self, typesetter: &mut Typesetter, height: f32) {
        if typesetter.y + height > typesetter.bottom && typesetter.y > self.top {
            typesetter.new_page();
            if self.top > TOP {
                self.set(typesetter, None, self.head, &BOLD);
                self.rule(typesetter, 1.2, black());
            }
        }
    }
}

fn needs(head: &[String], rows: &[Vec<String>], totals: &[Vec<String>]) -> Vec<Need> {
    let mut needs = vec![Need::default(); head.len()];
    let all = [(head, &*BOLD)].into_iter().chain(rows.iter().map(|row| (row.as_slice(), &*REGULAR)));
    for (row, face) in all.chain(totals.iter().map(|row| (row.as_slice(), &*BOLD))) {
        for (need, text) in needs.iter_mut().zip(row) {
            need.least = need.least.max(longest_word(text, face).min(LONG_WORD));
            need.most = text.split('\n').map(|line| width(line, face)).fold(need.most.max(need.least), f32::max);
        }
    }
    needs
}

/// The font size, and the width of each column in points.
fn fit(needs: &[Need], room: f32) -> (f32, Vec<f32>) {
    let count = needs.len() as f32;
    let (least, most) = needs.iter().fold((0.0, 0.0), |(least, most), need| (least + need.least, most + need.most));
    let inner = |size: f32| (room / size - count * 2.0 * PAD_X / size).max(count);
    // One percent more than was measured, because lines are measured word by word.
    let size = SIZES.into_iter().find(|size| least * 1.01 <= inner(*size)).unwrap_or(MIN_SIZE);
    let inner = inner(size);
    let wide = |need: &Need| {
        if most * 1.01 <= inner {
            need.most * 1.01 + ((inner - most * 1.01) / count).min(SPARE)
        } else if least * 1.01 <= inner {
            let share = (inner - least * 1.01) / (most - least);
            need.least * 1.01 + (need.most - need.least) * share
        } else {
            inner * need.least / least
        }
    };
    (size, needs.iter().map(|need| wide(need) * size + 2.0 * PAD_X).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::{
        Block, Sheet,
        pdf::{self, Paper, lay_out, shown},
        table::tests::example,
    };

    fn words(page: &pdf::Page) -> Vec<(f32, f32, String, bool)> {
        let said = |placed: &pdf::Placed| match placed {
            pdf::Placed::Words { part, at, line, .. } => {
                Some((at.0, at.1, line.runs.iter().map(|run| run.text.as_str()).collect(), part.is_some()))
            }
            pdf::Placed::Shape { .. } => None,
        };
        page.0.iter().filter_map(said).collect()
    }

    #[test]
    fn columns_fit_the_available_width() {
        let need = |least, most| Need { least, most };
        for needs in [
            vec![need(1.0, 2.0)],
            vec![need(5.0, 300.0), need(4.0, 5.0), need(3.0, 3.0)],
            vec![need(14.0, 14.0); 8],
            vec![need(0.0, 0.0); 3],
        ] {
            let (size, widths) = fit(&needs, 471.0);
            assert!(widths.iter().sum::<f32>() <= 471.5 && (MIN_SIZE..=SIZES[0]).contains(&size), "{size} {widths:?}");
            assert!(widths.iter().all(|width| width.is_finite() && *width >= 2.0 * PAD_X));
        }
        let (size, widths) = fit(&[need(5.0, 300.0), need(4.0, 5.0)], 471.0);
        assert!(size == SIZES[0] && widths[1] > 4.0 * size + 2.0 * PAD_X, "a number keeps its room beside a long text");
    }

    /// The name of a team is not broken to give number columns more width than they need.
    #[test]
    fn short_names_are_not_broken() {
        let row = |name: &str| [name, "1", "1", "1", "1"].map(str::to_owned).to_vec();
        let head = ["Team", "In the caseload at the beginning", "Came in", "Went out", "In the caseload at the end"]
            .map(str::to_owned);
        let mut typesetter = Typesetter::new(Paper::Portrait, 0);
        typesetter.table(&head, &[row("North bank")], &[row("Total")], &[false, true, true, true, true]);
        assert!(words(&typesetter.pages[0]).iter().any(|(.., text, _)| text == "North bank"));
    }

    #[test]
    fn wide_tables_use_landscape() {
        let of = |columns: usize| {
            let row = vec!["1".to_owned(); columns];
            let head = vec!["Suppressed".to_owned(); columns];
            lay_out(&Sheet {
                blocks: vec![Block::Table { head, rows: vec![row], totals: vec![], numeric: vec![true; columns] }],
                ..Sheet::default()
            })
        };
        assert!(of(6).paper == Paper::Portrait && of(9).paper == Paper::Landscape);
        assert!(!of(9).is_cramped && of(30).is_cramped);
    }

    #[test]
    fn table_head_repeats_on_each_page_but_is_tagged_once() {
        let mut table = example(120);
        table.chart = None;
        let sheet = shown(&Sheet::from(&table)).unwrap();
        let set = lay_out(&sheet);
        let heads: Vec<Vec<bool>> = set
            .pages
            .iter()
            .map(|page| {
                words(page).into_iter().filter(|(.., text, _)| text == "Cases").map(|(.., tagged)| tagged).collect()
            })
            .collect();
        let pages = heads.iter().filter(|heads| !heads.is_empty()).count();
        assert!(pages > 2 && heads.iter().all(|heads| heads.len() <= 1), "{heads:?}");
        assert_eq!(heads.concat().iter().filter(|tagged| **tagged).count(), 1);
    }

    #[test]
    fn table_text_stays_inside_the_page() {
        let sheet = shown(&Sheet::from(&example(60))).unwrap();
        for page in &lay_out(&sheet).pages {
            for placed in &page.0 {
                if let pdf::Placed::Words { at: (x, y), size, line, .. } = placed {
                    assert!(
                        *x >= LEFT - 0.1
                            && x + (line.seen_width()) * size <= Paper::Portrait.right() + 0.1
                            && *y < Paper::Portrait.bottom(),
                        "{x} {y} {line:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_tagged_row_has_a_cell_for_each_column() {
        let mut typesetter = Typesetter::new(Paper::Portrait, 0);
        let rows = vec![vec!["A".into(), String::new(), "1".into()], vec!["B".into()], vec![String::new(); 5]];
        typesetter.table(&["x".into(), "y".into(), "z".into()], &rows, &rows[..1], &[false, false, true]);
        let tagged: std::collections::BTreeSet<usize> =
            typesetter.pages[0].0.iter().filter_map(pdf::Placed::tag).collect();
        let of = |is: fn(&TagKind) -> bool| -> Vec<usize> {
            typesetter.parts.iter().enumerate().filter(|(_, part)| is(&part.tag)).map(|(i, _)| i).collect()
        };
        let lines = of(|tag| matches!(tag, TagKind::TR(_)));
        assert_eq!(lines.len(), 5);
        for line in lines {
            let cells = of(|tag| matches!(tag, TagKind::TH(_) | TagKind::TD(_)));
            let cells: Vec<usize> =
                cells.into_iter().filter(|cell| typesetter.parts[*cell].within == Some(line)).collect();
            assert!(cells.len() == 3 && cells.iter().all(|cell| tagged.contains(cell)), "{line}");
        }
        assert_eq!(of(|tag| matches!(tag, TagKind::TH(_))).len(), 3 + 4);
    }

    #[test]
    fn totals_are_never_alone_on_a_page() {
        let row = |name: &str| vec![name.to_owned(), "1".into()];
        let mut carried = 0;
        for rows in 20..50 {
            let mut typesetter = Typesetter::new(Paper::Portrait, 0);
            typesetter.table(&row("Kind"), &vec![row("A"); rows], &[row("All")], &[false, true]);
            let last = words(typesetter.pages.last().unwrap());
            assert!(
                last.iter().any(|(.., text, _)| text == "A") && last.iter().any(|(.., text, _)| text == "All"),
                "{rows}"
            );
            carried += typesetter.pages.len() - 1;
        }
        assert!((1..30).contains(&carried), "some go on over the page");
    }

    #[test]
    fn row_longer_than_a_page_continues_on_the_next() {
        let long = "Words that go on and on. ".repeat(600);
        let rows = vec![vec![long, "1".into()]];
        let mut typesetter = Typesetter::new(Paper::Portrait, 0);
        typesetter.table(&["Note".into(), "Count".into()], &rows, &[], &[false, true]);
        assert!(typesetter.pages.len() > 2);
        let last = words(typesetter.pages.last().unwrap());
        assert!(last.iter().all(|(_, y, ..)| *y <= Paper::Portrait.bottom()), "{last:?}");
    }
}
