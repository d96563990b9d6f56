//! The title, and the blocks that consist of one text.

use super::{Drawn, LEFT, TOP, Typesetter, black};
use crate::print::{
    Block,
    text::{BOLD, Face, Line, REGULAR, lines},
};
use krilla::{
    geom::Rect,
    tagging::{Tag, TagKind},
};
use std::num::NonZeroU16;

/// The distance from the frame of a notice to its text.
const PADDING: f32 = 10.0;

/// The typography of a kind of text.
struct Manner {
    face: &'static Face,
    size: f32,
    /// The line height.
    leading: f32,
    before: f32,
    after: f32,
}

const fn manner(face: &'static Face, size: f32, before: f32, after: f32) -> Manner {
    Manner { face, size, leading: size * 1.42, before, after }
}

/// The tag of a heading, for screen readers.
fn heading(level: NonZeroU16, text: &str) -> TagKind {
    Tag::Hn(level, Some(text.to_owned())).into()
}

impl Typesetter {
    pub fn title(&mut self, text: &str) {
        let head = Manner { leading: 27.0 * 1.25, ..manner(&BOLD, 27.0, 0.0, 6.0) };
        self.text(heading(NonZeroU16::MIN, text), lines(text, head.face, self.paper.room() / head.size), &head, 0.0);
    }

    pub fn block(&mut self, block: &Block) {
        match block {
            Block::Name(text) => self.plain(text, &manner(&BOLD, 20.0, 0.0, 10.0)),
            Block::Text(text) => self.plain(text, &manner(&REGULAR, 15.0, 0.0, 8.0)),
            Block::Heading(text) => self.heading(text, &manner(&BOLD, 18.0, 20.0, 4.0)),
            Block::Notice(text) => self.notice(text, &manner(&BOLD, 15.0, 6.0, 14.0), 2.5),
            Block::Small(text) => self.notice(text, &manner(&REGULAR, 11.0, 6.0, 14.0), 1.0),
            Block::Table { head, rows, totals, numeric } => self.table(head, rows, totals, numeric),
            Block::Chart(chart) => self.chart(chart),
        }
    }

    fn plain(&mut self, text: &str, manner: &Manner) {
        self.text(Tag::P.into(), lines(text, manner.face, self.paper.room() / manner.size), manner, 0.0);
    }

    fn heading(&mut self, text: &str, manner: &Manner) {
        const SECOND: NonZeroU16 = NonZeroU16::MIN.saturating_add(1);
        let set = lines(text, manner.face, self.paper.room() / manner.size);
        // Two lines of the following text stay with the heading.
        self.need(manner.before + manner.after + manner.leading * (set.len() + 2) as f32);
        if self.y > TOP {
            self.y += manner.before;
            self.rule(self.y - 6.0, self.paper.room(), 1.2, black());
        }
        self.text(heading(SECOND, text), set, manner, 0.0);
    }

    /// A framed text with this frame thickness.
    fn notice(&mut self, text: &str, manner: &Manner, thick: f32) {
        let indent = PADDING + 4.0;
        let set = lines(text, manner.face, (self.paper.room() - 2.0 * indent) / manner.size);
        let height = manner.leading * set.len() as f32 + 2.0 * PADDING;
        self.need(manner.before + height);
        self.y += manner.before;
        if let Some(frame) = Rect::from_ltrb(LEFT, self.y, self.paper.right(), (self.y + height).min(self.bottom)) {
            self.draw(None, Drawn::Line(thick), black(), |path| path.push_rect(frame));
        }
        self.y += PADDING;
        self.text(Tag::P.into(), set, manner, indent);
        self.y += PADDING;
    }

    fn text(&mut self, tag: TagKind, set: Vec<Line>, manner: &Manner, indent: f32) {
        let part = self.add_tag(tag, None);
        for line in set {
            self.need(manner.leading);
            let x =
                if line.from_right { self.paper.right() - indent - line.width * manner.size } else { LEFT + indent };
            let at = (x, self.y + manner.size);
            self.y += manner.leading;
            if !line.runs.is_empty() {
                self.words(Some(part), at, manner.size, manner.face, line);
            }
        }
        self.y += manner.after;
    }
}
