//! A chart on paper: bars in the order of their labels, on as many pages as they need.

use super::{Drawn, LEFT, Setter, black, blue};
use crate::print::{
    chart::{DROP, GAP, PITCH, Plan, Row, THICK, hatching},
    table::Chart,
    text::{BOLD, Face, REGULAR, cut, lines, width},
};
use krilla::{geom::Rect, tagging::Tag};

const SIZE: f32 = 10.5;
const TITLE_SIZE: f32 = 14.0;

impl Setter {
    /// Who listens hears the description; the numbers are in the table beside it.
    pub fn chart(&mut self, chart: &Chart) {
        let plan = Plan::new(chart, self.paper.room() / SIZE, str::to_owned);
        let part = self.part(Tag::Figure(Some(chart.description.clone())), None);
        // The title, the unit, and three bars.
        self.need(TITLE_SIZE * 1.6 + SIZE * (1.6 + 3.0 * PITCH));
        let wide = self.paper.room();
        self.y += TITLE_SIZE * 1.2;
        self.label(part, LEFT, TITLE_SIZE, &BOLD, &cut(&chart.title, &BOLD, wide / TITLE_SIZE));
        self.y += SIZE * 1.6;
        self.label(part, LEFT, SIZE, &REGULAR, &cut(&chart.unit, &REGULAR, wide / SIZE));
        self.y += SIZE * 0.7;
        for row in &plan.rows {
            self.need(SIZE * PITCH);
            self.bar(part, &plan, row);
            self.y += SIZE * PITCH;
        }
        if plan.rows.is_empty() {
            self.y += SIZE * PITCH;
            self.label(part, LEFT, SIZE, &REGULAR, "There is nothing to show.");
        }
        self.y += SIZE * 1.5;
    }

    fn bar(&mut self, part: usize, plan: &Plan, row: &Row) {
        let zero = LEFT + plan.zero * SIZE;
        let (top, height) = (self.y, SIZE * PITCH);
        let upper = top + (PITCH - THICK) / 2.0 * SIZE;
        let length = row.length * SIZE;
        let shape = Rect::from_ltrb(zero, upper, zero + length, upper + THICK * SIZE);
        self.y = top + height / 2.0 + DROP * SIZE;
        self.label(part, zero - (GAP + width(&row.label, &REGULAR)) * SIZE, SIZE, &REGULAR, &row.label);
        self.label(part, zero + length + GAP * SIZE, SIZE, &REGULAR, &row.shown);
        self.y = top;
        let drawn = if row.hidden { Drawn::Line(0.8) } else { Drawn::Full };
        self.draw(Some(part), drawn, blue(), |path| {
            if let Some(shape) = shape {
                path.push_rect(shape);
            }
            for ((x, y), (to_x, to_y)) in hatching().filter(|_| row.hidden) {
                path.move_to(zero + x * SIZE, upper + y * SIZE);
                path.line_to(zero + to_x * SIZE, upper + to_y * SIZE);
            }
        });
        self.draw(Some(part), Drawn::Line(1.0), black(), |path| {
            path.move_to(zero, top);
            path.line_to(zero, top + height);
        });
    }

    /// Words on the line that is reached, from `x` on.
    fn label(&mut self, part: usize, x: f32, size: f32, face: &'static Face, text: &str) {
        if let Some(line) = lines(text, face, f32::INFINITY).into_iter().next() {
            self.words(Some(part), (x, self.y), size, face, line);
        }
    }
}
