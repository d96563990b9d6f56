//! A sheet as a PDF: tagged for screen readers, with embedded fonts and a number at the foot of every page.
//!
//! The page is A4 with margins wide enough to print on Letter too, scaled or not.

mod blocks;
mod chart;
mod table;

use super::{
    Block, Sheet,
    text::{BOLD, Face, Line, MISSING, REGULAR, lines, printable, unreadable_scripts},
};
use crate::error::{ApiError, Code, Result};
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    geom::{Path, PathBuilder, Point},
    metadata::Metadata,
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    tagging::{Artifact, ArtifactType, ContentTag, Identifier, Node, TagGroup, TagKind, TagTree},
};
use std::collections::BTreeSet;

/// In points, from the top left corner.
const LEFT: f32 = 62.0;
const TOP: f32 = 60.0;
const FOOT_SIZE: f32 = 12.0;
const SMALL_FOOT: f32 = 9.0;
/// The line height of the foot.
const FOOT_LEADING: f32 = 16.0;
/// The most lines of the notice at the foot: a legal notice takes two, and the longest organization name takes five
/// more.
const MAX_FOOT_LINES: usize = 8;

/// A4 in one of two orientations.
#[derive(Clone, Copy, PartialEq)]
enum Paper {
    Portrait,
    /// For a table that is too wide for portrait.
    Landscape,
}

impl Paper {
    const fn size(self) -> (f32, f32) {
        match self {
            Self::Portrait => (595.0, 842.0),
            Self::Landscape => (842.0, 595.0),
        }
    }
    const fn right(self) -> f32 {
        self.size().0 - LEFT
    }
    /// The width between the margins.
    const fn room(self) -> f32 {
        self.right() - LEFT
    }
    const fn bottom(self) -> f32 {
        self.size().1 - 84.0
    }
    const fn foot(self) -> f32 {
        self.size().1 - 56.0
    }
}

const SOME_ARE_MISSING: &str =
    "stands for a sign that this file cannot show. The same page, asked for as HTML, shows it.";

fn black() -> rgb::Color {
    rgb::Color::black()
}
/// The lines between the rows of a table.
fn gray() -> rgb::Color {
    rgb::Color::new(120, 120, 120)
}
/// The bars of a chart.
fn blue() -> rgb::Color {
    rgb::Color::new(28, 63, 115)
}

/// Pale bars, and the marks of a scale.
fn pale() -> rgb::Color {
    rgb::Color::new(143, 169, 207)
}
fn grid() -> rgb::Color {
    rgb::Color::new(180, 180, 180)
}

/// A placed item of a page. An item that belongs to no part is decoration, and screen readers skip it.
enum Placed {
    Words {
        part: Option<usize>,
        /// The left end of the baseline.
        at: (f32, f32),
        size: f32,
        face: &'static Face,
        line: Line,
    },
    Shape {
        part: Option<usize>,
        path: Path,
        drawn: Drawn,
        color: rgb::Color,
    },
}

impl Placed {
    const fn tag(&self) -> Option<usize> {
        let (Self::Words { part, .. } | Self::Shape { part, .. }) = self;
        *part
    }
}

enum Drawn {
    Full,
    /// The outline with this thickness.
    Line(f32),
}

#[derive(Default)]
struct Page(Vec<Placed>);

/// A part of the sheet in the structure for screen readers: a heading, a paragraph, a table cell.
struct Part {
    tag: TagKind,
    /// The part that contains it, which has a lower index.
    within: Option<usize>,
}

/// Sets the blocks one after another, and starts a new page when the current one is full.
struct Typesetter {
    paper: Paper,
    /// The lowest position of text on a page.
    bottom: f32,
    /// Whether words in a table had to be broken.
    is_cramped: bool,
    pages: Vec<Page>,
    parts: Vec<Part>,
    /// The position of the next line.
    y: f32,
}

impl Typesetter {
    /// Creates a typesetter for pages with this many notice lines above the line with the page number.
    fn new(paper: Paper, foot_lines: usize) -> Self {
        let bottom = paper.bottom() - FOOT_LEADING * foot_lines as f32;
        Self { paper, bottom, is_cramped: false, pages: vec![Page::default()], parts: Vec::new(), y: TOP }
    }
    fn put(&mut self, placed: Placed) {
        if let Some(page) = self.pages.last_mut() {
            page.0.push(placed);
        }
    }
    fn new_page(&mut self) {
        self.pages.push(Page::default());
        self.y = TOP;
    }
    /// Starts a new page if this height does not fit on the current one.
    fn need(&mut self, height: f32) {
        if self.y + height > self.bottom && self.y > TOP {
            self.new_page();
        }
    }
    fn add_tag(&mut self, tag: impl Into<TagKind>, within: Option<usize>) -> usize {
        self.parts.push(Part { tag: tag.into(), within });
        self.parts.len() - 1
    }
    fn words(&mut self, part: Option<usize>, at: (f32, f32), size: f32, face: &'static Face, line: Line) {
        self.put(Placed::Words { part, at, size, face, line });
    }
    fn draw(&mut self, part: Option<usize>, drawn: Drawn, color: rgb::Color, draw: impl FnOnce(&mut PathBuilder)) {
        let mut builder = PathBuilder::new();
        draw(&mut builder);
        if let Some(path) = builder.finish() {
            self.put(Placed::Shape { part, path, drawn, color });
        }
    }
    /// A horizontal line from the left margin.
    fn rule(&mut self, y: f32, length: f32, thick: f32, color: rgb::Color) {
        self.draw(None, Drawn::Line(thick), color, |path| {
            path.move_to(LEFT, y);
            path.line_to(LEFT + length, y);
        });
    }
}

fn lay_out(sheet: &Sheet) -> Typesetter {
    let on = |paper| {
        let mut typesetter = Typesetter::new(paper, foot_notice(sheet, paper).len());
        typesetter.title(&sheet.title);
        for block in &sheet.blocks {
            typesetter.block(block);
        }
        typesetter
    };
    let upright = on(Paper::Portrait);
    if upright.is_cramped { on(Paper::Landscape) } else { upright }
}

/// Calls `see` for each visible text of a block, with its font.
fn each_text(block: &mut Block, mut see: impl FnMut(&mut String, &Face)) {
    match block {
        Block::Name(text) | Block::Notice(text) | Block::Heading(text) => see(text, &BOLD),
        Block::Text(text) | Block::Small(text) => see(text, &REGULAR),
        Block::Table { head, rows, totals, numeric: _ } => {
            head.iter_mut().chain(totals.iter_mut().flatten()).for_each(|text| see(text, &BOLD));
            rows.iter_mut().flatten().for_each(|text| see(text, &REGULAR));
        }
        Block::Chart(chart) => {
            see(&mut chart.title, &BOLD);
            see(&mut chart.unit, &REGULAR);
            for bar in &mut chart.bars {
                [&mut bar.label, &mut bar.shown, &mut bar.brief].into_iter().for_each(|text| see(text, &REGULAR));
            }
            chart.notes.iter_mut().for_each(|text| see(text, &REGULAR));
        }
    }
}

/// The notice at the foot, split into lines.
fn foot_notice(sheet: &Sheet, paper: Paper) -> Vec<Line> {
    let notice = sheet.foot_notice.iter().flat_map(|text| lines(text, &REGULAR, paper.room() / FOOT_SIZE));
    notice.take(MAX_FOOT_LINES).collect()
}

/// The sheet with only characters that the fonts have. A missing symbol is replaced by a box, and a notice explains it.
/// Text in a script that the fonts lack is refused, because the page would be unreadable.
fn shown(sheet: &Sheet) -> Result<Sheet> {
    let mut missing = false;
    let mut unreadable = BTreeSet::new();
    let mut show = |text: &mut String, face: &Face| {
        unreadable.extend(unreadable_scripts(text, face));
        let shown = printable(text, face);
        missing |= shown.contains(MISSING) && !text.contains(MISSING);
        *text = shown;
    };
    let mut sheet = sheet.clone();
    show(&mut sheet.title, &BOLD);
    sheet.blocks.iter_mut().for_each(|block| each_text(block, &mut show));
    show(&mut sheet.foot, &REGULAR);
    if let Some(notice) = &mut sheet.foot_notice {
        show(notice, &REGULAR);
    }
    if !unreadable.is_empty() {
        let scripts = unreadable.into_iter().collect::<Vec<_>>().join(", ");
        let other = sheet.any_text.unwrap_or("format=html");
        let detail = format!("A PDF cannot show some of the text ({scripts}). Another format shows it: {other}.");
        return Err(ApiError::new(Code::FormatCannotShowText, detail));
    }
    if missing {
        // The notice comes before the first replaced symbol in the body.
        let is_body = |block: &Block| matches!(block, Block::Heading(_) | Block::Table { .. } | Block::Chart(_));
        let at = sheet.blocks.iter().position(is_body).unwrap_or(sheet.blocks.len());
        sheet.blocks.insert(at, Block::Notice(format!("{MISSING} {SOME_ARE_MISSING}")));
    }
    Ok(sheet)
}

const fn ornament() -> ContentTag<'static> {
    ContentTag::Artifact(Artifact { kind: ArtifactType::Layout, bbox: None })
}

fn write(
    surface: &mut Surface,
    tag: ContentTag,
    (x, y): (f32, f32),
    size: f32,
    face: &Face,
    line: &Line,
) -> Identifier {
    let id = surface.start_tagged(tag);
    let mut x = x;
    for run in &line.runs {
        surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, face.font.clone(), &run.text, size, false);
        x += run.width * size;
    }
    surface.end_tagged();
    id
}

fn draw(surface: &mut Surface, tag: ContentTag, path: &Path, drawn: &Drawn, color: rgb::Color) -> Identifier {
    let id = surface.start_tagged(tag);
    match drawn {
        Drawn::Full => surface.set_fill(Some(Fill { paint: color.into(), ..Fill::default() })),
        Drawn::Line(width) => {
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke { paint: color.into(), width: *width, ..Stroke::default() }));
        }
    }
    surface.draw_path(path);
    surface.set_fill(None);
    surface.set_stroke(None);
    surface.end_tagged();
    id
}

/// The foot of a page: one line, or smaller text in up to three lines, so that only a very long text is cut.
fn foot_lines(text: &str, width: f32) -> (f32, Vec<Line>) {
    let one = lines(text, &REGULAR, width / FOOT_SIZE);
    if one.len() < 2 {
        return (FOOT_SIZE, one);
    }
    let mut set = lines(text, &REGULAR, width / SMALL_FOOT);
    set.truncate(3);
    (SMALL_FOOT, set)
}

/// The first line of a text at this width. A text that is too long is cut.
fn one_line(text: &str, width: f32) -> Option<Line> {
    lines(text, &REGULAR, width / FOOT_SIZE).into_iter().next()
}

/// The sheet as a PDF.
///
/// # Errors
/// 406 `format_cannot_show_text` if some of its text is in a script that the fonts lack.
pub fn render(sheet: &Sheet) -> Result<Vec<u8>> {
    let sheet = shown(sheet)?;
    let Typesetter { paper, pages, parts, .. } = lay_out(&sheet);
    let settings = SerializeSettings { enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(Metadata::new().title(sheet.name().to_owned()).language("en".into()));
    // For each part, its items on all pages.
    let mut found: Vec<Vec<Node>> = vec![Vec::new(); parts.len()];
    let count = pages.len();
    for (number, page) in pages.iter().enumerate() {
        let (width, height) = paper.size();
        let size = PageSettings::from_wh(width, height).ok_or_else(|| ApiError::internal("the size of a page"))?;
        let mut sheet_of_paper = document.start_page_with(size);
        let mut surface = sheet_of_paper.surface();
        for placed in &page.0 {
            let found = placed.tag().and_then(|part| found.get_mut(part));
            let tag = if found.is_some() { ContentTag::Other } else { ornament() };
            let id = match placed {
                Placed::Words { at, size, face, line, .. } => write(&mut surface, tag, *at, *size, face, line),
                Placed::Shape { path, drawn, color, .. } => draw(&mut surface, tag, path, drawn, *color),
            };
            if let Some(found) = found {
                found.push(id.into());
            }
        }
        let foot = || ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer));
        let numbered = one_line(&format!("Page {} of {count}", number + 1), paper.room());
        let taken = numbered.as_ref().map_or(0.0, |line| line.width * FOOT_SIZE);
        if let Some(line) = numbered {
            write(&mut surface, foot(), (paper.right() - taken, paper.foot()), FOOT_SIZE, &REGULAR, &line);
        }
        let notice = foot_notice(&sheet, paper);
        let first = paper.foot() - FOOT_LEADING * notice.len() as f32;
        for (at, line) in (0..).map(|at: u16| FOOT_LEADING.mul_add(f32::from(at), first)).zip(&notice) {
            write(&mut surface, foot(), (LEFT, at), FOOT_SIZE, &REGULAR, line);
        }
        let (size, set) = foot_lines(&sheet.foot, paper.room() - taken - 24.0);
        for (i, line) in set.iter().enumerate() {
            write(&mut surface, foot(), (LEFT, paper.foot() + i as f32 * size * 1.25), size, &REGULAR, line);
        }
        surface.finish();
        sheet_of_paper.finish();
    }
    document.set_tag_tree(tree(parts, found));
    document.finish().map_err(|error| ApiError::internal(format!("a PDF could not be written: {error:?}")))
}

/// The tag tree: each part with its items or with the parts that it contains.
fn tree(parts: Vec<Part>, mut found: Vec<Vec<Node>>) -> TagTree {
    let mut top = Vec::new();
    // In reverse order, so that a part is complete before it is added to its parent.
    for (i, part) in parts.into_iter().enumerate().rev() {
        let mut nodes = found.pop().unwrap_or_default();
        if matches!(nodes.first(), Some(Node::Group(_))) {
            nodes.reverse();
        }
        let group = TagGroup::with_children(part.tag, nodes).into();
        match part.within.and_then(|within| found.get_mut(within)) {
            Some(outer) => outer.push(group),
            None => top.push(group),
        }
        debug_assert_eq!(found.len(), i);
    }
    top.reverse();
    TagTree { children: top, ..TagTree::new() }
}

/// The number of pages that the first block under the title takes.
#[cfg(test)]
pub fn pages_of_first_block(sheet: &Sheet) -> usize {
    let has_first = |page: &&Page| page.0.iter().any(|placed| placed.tag() == Some(1));
    lay_out(sheet).pages.iter().filter(has_first).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::{Bar, Chart, Mark};
    use proptest::prelude::*;

    fn sheet(text: &str) -> Sheet {
        Sheet {
            title: "My needs".into(),
            blocks: vec![
                Block::Name("Sam".into()),
                Block::Notice("Draft".into()),
                Block::Heading("What I need".into()),
                Block::Text(text.into()),
            ],
            foot: "Sam".into(),
            ..Sheet::default()
        }
    }

    #[test]
    fn long_text_continues_over_several_pages() {
        let one = sheet("Quiet.");
        assert_eq!(lay_out(&one).pages.len(), 1);
        let long = sheet(&"Time to read before I sign. ".repeat(300));
        let pages = lay_out(&long).pages;
        let paper = Paper::Portrait;
        assert!(pages.len() > 3);
        for placed in pages.iter().flat_map(|page| &page.0) {
            if let Placed::Words { at: (x, y), size, line, .. } = placed {
                assert!(
                    *y < paper.bottom() && *x >= LEFT && x + (line.width - 0.5) * size <= paper.right(),
                    "{x} {y} {}",
                    line.width
                );
                assert!(*size >= 14.0);
            }
        }
    }

    #[test]
    fn heading_is_never_last_on_a_page() {
        for lines in 0..40 {
            let mut sheet = sheet(&"a\n".repeat(lines));
            sheet.blocks.push(Block::Heading("Next".into()));
            sheet.blocks.push(Block::Text("Words.".into()));
            for page in lay_out(&sheet).pages {
                let last = page.0.iter().rev().find_map(|placed| match placed {
                    Placed::Words { part, .. } => *part,
                    Placed::Shape { .. } => None,
                });
                assert_ne!(last, Some(5), "{lines}");
            }
        }
    }

    #[test]
    fn unprintable_characters_add_a_notice() {
        let shown = shown(&sheet("👍 🦀")).unwrap();
        assert!(matches!(shown.blocks.get(2), Some(Block::Notice(text)) if text.contains(SOME_ARE_MISSING)));
        assert_eq!(shown.blocks.last(), Some(&Block::Text("□ □".into())));
        assert_eq!(super::shown(&sheet("ab")).unwrap().blocks.len(), 4);
    }

    #[test]
    fn text_in_an_unsupported_script_is_refused() {
        let refused = |sheet: &Sheet| render(sheet).map(|file| file.len()).unwrap_err();
        let other = |any_text| Sheet { any_text, ..sheet("日本") };
        assert_eq!(refused(&other(None)).code(), Code::FormatCannotShowText);
        assert!(refused(&other(None)).to_string().contains("format=html"), "{}", refused(&other(None)));
        assert!(refused(&other(Some("format=xlsx"))).to_string().contains("format=xlsx"));
        for place in 0..4 {
            let mut sheet = sheet("Quiet.");
            let odd = "李".to_owned();
            match place {
                0 => sheet.title = odd,
                1 => sheet.blocks[0] = Block::Name(odd),
                2 => sheet.foot = odd,
                _ => sheet.foot_notice = Some(odd),
            }
            assert_eq!(refused(&sheet).code(), Code::FormatCannotShowText, "{place}");
        }
    }

    #[test]
    fn foot_notice_has_reserved_space_on_every_page() {
        let notice = "Not for anybody outside the organization. ".repeat(6);
        let sheet = Sheet { foot_notice: Some(notice), ..sheet(&"Time to read before I sign. ".repeat(300)) };
        let lines = foot_notice(&sheet, Paper::Portrait).len();
        assert!((3..=MAX_FOOT_LINES).contains(&lines), "{lines}");
        let set = lay_out(&sheet);
        let first = Paper::Portrait.foot() - FOOT_LEADING * lines as f32 - FOOT_SIZE;
        assert!(set.pages.len() > 3 && set.bottom < first);
        for placed in set.pages.iter().flat_map(|page| &page.0) {
            if let Placed::Words { at: (_, y), .. } = placed {
                assert!(*y <= set.bottom, "{y} {}", set.bottom);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_text_renders_or_is_refused_with_its_code(text in "\\PC{0,80}") {
            let mut sheet = Sheet { title: text.clone(), ..sheet(&text) };
            let bar = |mark| Bar::new(&text, mark, &text);
            sheet.blocks.push(Block::Chart(Chart {
                title: text.clone(),
                description: text.clone(),
                unit: text.clone(),
                bars: vec![bar(Mark::Value(1.0)), bar(Mark::Hidden), bar(Mark::Missing)],
                ..Chart::default()
            }));
            let row = vec![text.clone(), text.clone()];
            sheet.blocks.push(Block::Table { head: row.clone(), rows: vec![row.clone()], totals: vec![row], numeric: vec![false, true] });
            match render(&sheet) {
                Ok(file) => prop_assert!(file.starts_with(b"%PDF-")),
                Err(refused) => prop_assert_eq!(refused.code(), Code::FormatCannotShowText),
            }
        }
    }
}
