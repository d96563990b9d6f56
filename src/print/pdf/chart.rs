//! A chart in a PDF, drawn band by band over as many pages as it needs.

use super::{Drawn, LEFT, Typesetter, black, blue, grid, pale};
use crate::print::{
    chart::{Anchor, Ink, Shape, hatching, plan},
    table::Chart,
    text::{BOLD, Face, REGULAR, lines, width},
};
use krilla::{geom::Rect, tagging::Tag};

const SIZE: f32 = 10.5;
const TITLE_SIZE: f32 = 14.0;

impl Typesetter {
    /// A screen reader reads the description; the numbers are in the table next to it.
    pub fn chart(&mut self, chart: &Chart) {
        let bands = plan(chart, self.paper.room() / SIZE);
        let part = self.add_tag(Tag::Figure(Some(chart.description.clone())), None);
        let wide = self.paper.room();
        let title = lines(&chart.title, &BOLD, wide / TITLE_SIZE);
        let unit = lines(&chart.unit, &REGULAR, wide / SIZE);
        // Keeps the heading together with the first three bands, or with all of a small chart.
        let head = TITLE_SIZE * 1.25 * title.len() as f32 + SIZE * (1.35 * unit.len() as f32 + 0.7);
        let first: f32 = bands.iter().take(3).map(|band| band.high * SIZE).sum();
        let all: f32 = bands.iter().map(|band| band.high * SIZE).sum();
        let page = self.bottom - super::TOP;
        self.need(if head + all <= page / 2.0 { head + all } else { head + first });
        for line in title {
            self.y += TITLE_SIZE * 1.25;
            self.words(Some(part), (LEFT, self.y), TITLE_SIZE, &BOLD, line);
        }
        for line in unit {
            self.y += SIZE * 1.35;
            self.words(Some(part), (LEFT, self.y), SIZE, &REGULAR, line);
        }
        self.y += SIZE * 0.7;
        for band in &bands {
            self.need(band.high * SIZE);
            for shape in band.parts.iter().flat_map(|(_, shapes)| shapes) {
                self.shape(part, shape);
            }
            self.y += band.high * SIZE;
        }
        self.y += SIZE * 1.5;
    }

    fn shape(&mut self, part: usize, shape: &Shape) {
        let top = self.y;
        let at = |x: f32, y: f32| (LEFT + x * SIZE, top + y * SIZE);
        let rect = |x: f32, y: f32, wide: f32, high: f32| {
            let (left, upper) = at(x, y);
            Rect::from_ltrb(left, upper, left + wide * SIZE, upper + high * SIZE)
        };
        match shape {
            Shape::Text { x, y, size, anchor, text } => {
                let wide = width(text, &REGULAR) * size;
                let x = match anchor {
                    Anchor::Start => *x,
                    Anchor::Middle => x - wide / 2.0,
                    Anchor::End => x - wide,
                };
                self.label(part, at(x, *y), SIZE * size, &REGULAR, text);
            }
            Shape::Block { x, y, wide, high, ink } => {
                let color = if *ink == Ink::Pale { pale() } else { blue() };
                self.draw(Some(part), Drawn::Full, color, |path| {
                    if let Some(rect) = rect(*x, *y, *wide, *high) {
                        path.push_rect(rect);
                    }
                });
            }
            Shape::Hatched { x, y, wide, high } => self.draw(Some(part), Drawn::Line(0.8), blue(), |path| {
                if let Some(rect) = rect(*x, *y, *wide, *high) {
                    path.push_rect(rect);
                }
                for ((from_x, from_y), (to_x, to_y)) in hatching(*wide, *high) {
                    let (from, to) = (at(x + from_x, y + from_y), at(x + to_x, y + to_y));
                    path.move_to(from.0, from.1);
                    path.line_to(to.0, to.1);
                }
            }),
            Shape::Line { from, to, ink } => {
                let (color, thick) = if *ink == Ink::Grid { (grid(), 0.6) } else { (black(), 1.0) };
                let (from, to) = (at(from.0, from.1), at(to.0, to.1));
                self.draw(Some(part), Drawn::Line(thick), color, |path| {
                    path.move_to(from.0, from.1);
                    path.line_to(to.0, to.1);
                });
            }
        }
    }

    /// Text on one line, starting at this point.
    fn label(&mut self, part: usize, at: (f32, f32), size: f32, face: &'static Face, text: &str) {
        if let Some(line) = lines(text, face, f32::INFINITY).into_iter().next() {
            self.words(Some(part), at, size, face, line);
        }
    }
}
