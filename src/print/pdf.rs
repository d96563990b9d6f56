//! A sheet as a PDF: large type, tagged for those who listen to it, its fonts inside, a number at the foot of every page.
//!
//! The page is A4 with margins so wide that it prints on Letter too, scaled or not.

use super::{
    Block, Sheet,
    text::{BOLD, Face, Line, MISSING, REGULAR, lines, printable},
};
use crate::error::{ApiError, Result};
use krilla::{
    Document, SerializeSettings,
    geom::{Path, PathBuilder, Point, Rect},
    metadata::Metadata,
    page::PageSettings,
    paint::Stroke,
    surface::Surface,
    tagging::{Artifact, ArtifactType, ContentTag, Identifier, Tag, TagGroup, TagKind, TagTree},
};
use std::num::NonZeroU16;

/// In points, from the top left corner.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const LEFT: f32 = 62.0;
const TOP: f32 = 60.0;
const RIGHT: f32 = WIDTH - LEFT;
const BOTTOM: f32 = HEIGHT - 84.0;
const FOOT: f32 = HEIGHT - 56.0;
const FOOT_SIZE: f32 = 12.0;
/// What the frame of a notice keeps away from its words.
const PADDING: f32 = 10.0;

const SOME_ARE_MISSING: &str = "stands for a sign that this file cannot show. The same page, asked for as HTML, shows it.";

/// How a kind of block is set.
struct Manner {
    face: &'static Face,
    size: f32,
    /// From one line to the next.
    leading: f32,
    before: f32,
    after: f32,
}

fn manner(block: &Block) -> Manner {
    let (face, size, before, after): (&'static Face, f32, f32, f32) = match block {
        Block::Name(_) => (&*BOLD, 20.0, 0.0, 10.0),
        Block::Notice(_) => (&*BOLD, 15.0, 6.0, 14.0),
        Block::Heading(_) => (&*BOLD, 18.0, 20.0, 4.0),
        Block::Text(_) => (&*REGULAR, 15.0, 0.0, 8.0),
    };
    Manner { face, size, leading: size * 1.42, before, after }
}
const TITLE_SIZE: f32 = 27.0;

/// What stands where on a page.
enum Placed {
    Words {
        /// The part of the sheet that it belongs to: the title is 0, the blocks follow.
        part: usize,
        /// The left end of the base line.
        at: (f32, f32),
        size: f32,
        face: &'static Face,
        line: Line,
    },
    Frame(f32, f32),
    Rule(f32),
}

#[derive(Default)]
struct Page(Vec<Placed>);

/// Sets one part after another, and begins a page where the last is full.
struct Setter {
    pages: Vec<Page>,
    /// Where the next line begins.
    y: f32,
}

impl Setter {
    fn put(&mut self, placed: Placed) {
        if let Some(page) = self.pages.last_mut() {
            page.0.push(placed);
        }
    }
    fn turn(&mut self) {
        self.pages.push(Page::default());
        self.y = TOP;
    }
    /// Turns the page where so much does not fit on this one any more.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.turn();
        }
    }
    fn line(&mut self, part: usize, line: Line, manner: &Manner, indent: f32) {
        self.need(manner.leading);
        let x = if line.from_right { RIGHT - indent - line.width * manner.size } else { LEFT + indent };
        let at = (x, self.y + manner.size);
        self.y += manner.leading;
        if !line.runs.is_empty() {
            self.put(Placed::Words { part, at, size: manner.size, face: manner.face, line });
        }
    }
    fn block(&mut self, part: usize, text: &str, block: &Block) {
        let manner = manner(block);
        let indent = if matches!(block, Block::Notice(_)) { PADDING + 4.0 } else { 0.0 };
        let set = lines(text, manner.face, (RIGHT - LEFT - 2.0 * indent) / manner.size);
        let height = manner.leading * f32::from(u16::try_from(set.len()).unwrap_or(u16::MAX));
        match block {
            // Two lines of what it stands above go with it.
            Block::Heading(_) => {
                self.need(manner.before + height + manner.after + 2.0 * manner.leading);
                if self.y > TOP {
                    self.y += manner.before;
                    self.put(Placed::Rule(self.y - 6.0));
                }
            }
            Block::Notice(_) => {
                self.need(manner.before + height + 2.0 * PADDING);
                self.y += manner.before;
                self.put(Placed::Frame(self.y, self.y + height + 2.0 * PADDING));
                self.y += PADDING;
            }
            _ => {}
        }
        for line in set {
            self.line(part, line, &manner, indent);
        }
        self.y += manner.after + if matches!(block, Block::Notice(_)) { PADDING } else { 0.0 };
    }
}

fn text_of(block: &Block) -> &str {
    let (Block::Name(text) | Block::Notice(text) | Block::Heading(text) | Block::Text(text)) = block;
    text
}

fn lay_out(title: &str, blocks: &[Block]) -> Vec<Page> {
    let mut setter = Setter { pages: vec![Page::default()], y: TOP };
    let head = Manner { face: &BOLD, size: TITLE_SIZE, leading: TITLE_SIZE * 1.25, before: 0.0, after: 6.0 };
    for line in lines(title, head.face, (RIGHT - LEFT) / head.size) {
        setter.line(0, line, &head, 0.0);
    }
    setter.y += head.after;
    for (i, block) in blocks.iter().enumerate() {
        setter.block(i + 1, text_of(block), block);
    }
    setter.pages
}

/// The sheet in signs that the fonts have; where some are missing, it says so.
fn shown(sheet: &Sheet) -> Sheet {
    let mut missing = false;
    let mut show = |text: &str, face: &Face| {
        let shown = printable(text, face);
        missing |= shown.contains(MISSING) && !text.contains(MISSING);
        shown
    };
    let title = show(&sheet.title, &BOLD);
    let mut blocks: Vec<Block> = sheet
        .blocks
        .iter()
        .map(|block| match block {
            Block::Name(text) => Block::Name(show(text, &BOLD)),
            Block::Notice(text) => Block::Notice(show(text, &BOLD)),
            Block::Heading(text) => Block::Heading(show(text, &BOLD)),
            Block::Text(text) => Block::Text(show(text, &REGULAR)),
        })
        .collect();
    let foot = show(&sheet.foot, &REGULAR);
    if missing {
        // Before the first of them is met.
        let at = blocks.iter().position(|block| matches!(block, Block::Heading(_))).unwrap_or(blocks.len());
        blocks.insert(at, Block::Notice(format!("{MISSING} {SOME_ARE_MISSING}")));
    }
    Sheet { title, blocks, foot }
}

fn path(draw: impl FnOnce(&mut PathBuilder)) -> Option<Path> {
    let mut builder = PathBuilder::new();
    draw(&mut builder);
    builder.finish()
}

fn stroke(surface: &mut Surface, width: f32, path: Option<Path>) {
    let Some(path) = path else { return };
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
    surface.set_stroke(Some(Stroke { width, ..Stroke::default() }));
    surface.set_fill(None);
    surface.draw_path(&path);
    surface.set_stroke(None);
    surface.end_tagged();
}

fn write(surface: &mut Surface, tag: ContentTag, (x, y): (f32, f32), size: f32, face: &Face, line: &Line) -> Identifier {
    let id = surface.start_tagged(tag);
    let mut x = x;
    for run in &line.runs {
        surface.draw_glyphs(Point::from_xy(x, y), &run.glyphs, face.font.clone(), &run.text, size, false);
        x += run.width * size;
    }
    surface.end_tagged();
    id
}

/// The first line of a text that is as wide as this at most; of what is too long, the beginning.
fn one_line(text: &str, width: f32) -> Option<Line> {
    lines(text, &REGULAR, width / FOOT_SIZE).into_iter().next()
}

pub fn render(sheet: &Sheet) -> Result<Vec<u8>> {
    let sheet = shown(sheet);
    let pages = lay_out(&sheet.title, &sheet.blocks);
    let settings = SerializeSettings { enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(Metadata::new().title(sheet.title.clone()).language("en".into()));
    // The parts, each with the lines that are found on whatever pages.
    let mut parts: Vec<Vec<Identifier>> = vec![Vec::new(); sheet.blocks.len() + 1];
    let count = pages.len();
    for (number, page) in pages.iter().enumerate() {
        let size = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| ApiError::internal("the size of a page"))?;
        let mut sheet_of_paper = document.start_page_with(size);
        let mut surface = sheet_of_paper.surface();
        for placed in &page.0 {
            match placed {
                Placed::Words { part, at, size, face, line } => {
                    let id = write(&mut surface, ContentTag::Other, *at, *size, face, line);
                    if let Some(ids) = parts.get_mut(*part) {
                        ids.push(id);
                    }
                }
                Placed::Frame(top, bottom) => {
                    let frame = Rect::from_ltrb(LEFT, *top, RIGHT, *bottom);
                    stroke(&mut surface, 2.5, frame.and_then(|frame| path(|builder| builder.push_rect(frame))));
                }
                Placed::Rule(y) => stroke(
                    &mut surface,
                    1.2,
                    path(|builder| {
                        builder.move_to(LEFT, *y);
                        builder.line_to(RIGHT, *y);
                    }),
                ),
            }
        }
        let foot = || ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer));
        let numbered = one_line(&format!("Page {} of {count}", number + 1), RIGHT - LEFT);
        let taken = numbered.as_ref().map_or(0.0, |line| line.width * FOOT_SIZE);
        if let Some(line) = numbered {
            write(&mut surface, foot(), (RIGHT - taken, FOOT), FOOT_SIZE, &REGULAR, &line);
        }
        if let Some(line) = one_line(&sheet.foot, RIGHT - LEFT - taken - 24.0) {
            write(&mut surface, foot(), (LEFT, FOOT), FOOT_SIZE, &REGULAR, &line);
        }
        surface.finish();
        sheet_of_paper.finish();
    }
    let mut tree = TagTree::new();
    for (part, ids) in parts.into_iter().enumerate() {
        let block = part.checked_sub(1).and_then(|at| sheet.blocks.get(at));
        let mut group = TagGroup::new(kind(block, &sheet.title));
        ids.into_iter().for_each(|id| group.push(id));
        tree.push(group);
    }
    document.set_tag_tree(tree);
    document.finish().map_err(|error| ApiError::internal(format!("a PDF could not be written: {error:?}")))
}

/// What a part is to those who listen to it.
fn kind(block: Option<&Block>, title: &str) -> TagKind {
    let heading = |level: NonZeroU16, text: &str| Tag::Hn(level, Some(text.to_owned())).into();
    const SECOND: NonZeroU16 = NonZeroU16::MIN.saturating_add(1);
    match block {
        None => heading(NonZeroU16::MIN, title),
        Some(Block::Heading(text)) => heading(SECOND, text),
        Some(_) => Tag::P.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        }
    }

    #[test]
    fn long_text_goes_on_over_as_many_pages_as_it_needs() {
        let one = sheet("Quiet.");
        assert_eq!(lay_out(&one.title, &one.blocks).len(), 1);
        let long = sheet(&"Time to read before I sign. ".repeat(300));
        let pages = lay_out(&long.title, &long.blocks);
        assert!(pages.len() > 3);
        for placed in pages.iter().flat_map(|page| &page.0) {
            if let Placed::Words { at: (x, y), size, line, .. } = placed {
                assert!(*y < BOTTOM && *x >= LEFT && x + (line.width - 0.5) * size <= RIGHT, "{x} {y} {}", line.width);
                assert!(*size >= 14.0);
            }
        }
    }

    #[test]
    fn a_heading_is_never_the_last_thing_on_a_page() {
        for lines in 0..40 {
            let mut sheet = sheet(&"a\n".repeat(lines));
            sheet.blocks.push(Block::Heading("Next".into()));
            sheet.blocks.push(Block::Text("Words.".into()));
            for page in lay_out(&sheet.title, &sheet.blocks) {
                let last = page.0.iter().rev().find_map(|placed| match placed {
                    Placed::Words { part, .. } => Some(*part),
                    _ => None,
                });
                assert_ne!(last, Some(5), "{lines}");
            }
        }
    }

    #[test]
    fn what_cannot_be_shown_is_said() {
        let shown = shown(&sheet("日本"));
        assert!(matches!(shown.blocks.get(2), Some(Block::Notice(text)) if text.contains(SOME_ARE_MISSING)));
        assert_eq!(shown.blocks.last(), Some(&Block::Text("□□".into())));
        assert_eq!(super::shown(&sheet("ab")).blocks.len(), 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_text_makes_a_file(text in "\\PC{0,80}") {
            let file = render(&Sheet { title: text.clone(), ..sheet(&text) }).unwrap();
            prop_assert!(file.starts_with(b"%PDF-"));
        }
    }
}
