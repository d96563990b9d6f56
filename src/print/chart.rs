//! Where the parts of a bar chart stand, whatever draws them: measured in ems of its type.

use super::{
    table::Chart,
    text::{REGULAR, cut, width},
};

/// From one bar to the next, and how thick a bar is.
pub const PITCH: f32 = 2.0;
pub const THICK: f32 = 1.3;
/// Between a bar and what stands beside it.
pub const GAP: f32 = 0.6;
/// How far the base line of a text lies under the middle of its bar.
pub const DROP: f32 = 0.36;
/// How long what stands for a hidden number is. It says nothing of the number.
const STUB: f32 = 2.6;
/// Between the strokes of a hatching. A stub is a whole number of them.
const HATCH: f32 = 0.65;

/// What so wide a chart shows.
pub struct Plan {
    /// Where the labels end and the scale begins, at zero.
    pub zero: f32,
    pub rows: Vec<Row>,
}

pub struct Row {
    /// As much of the label as there is room for.
    pub label: String,
    pub shown: String,
    pub length: f32,
    pub hidden: bool,
}

impl Plan {
    /// `printable` gives the text in signs that can be drawn.
    pub fn new(chart: &Chart, wide: f32, printable: impl Fn(&str) -> String) -> Self {
        let fitting = |text: &str, part: f32| cut(&printable(text), &REGULAR, wide * part);
        let mut rows: Vec<Row> = chart
            .bars
            .iter()
            .map(|bar| Row { label: fitting(&bar.label, 0.4), shown: fitting(&bar.shown, 0.2), length: STUB, hidden: bar.value.is_none() })
            .collect();
        let widest = |text: fn(&Row) -> &str| rows.iter().map(|row| width(text(row), &REGULAR)).fold(0.0, f32::max);
        let zero = widest(|row| &row.label) + GAP;
        let room = f64::from(wide - zero - GAP - widest(|row| &row.shown));
        let most = chart.bars.iter().filter_map(|bar| bar.value).filter(|value| value.is_finite()).fold(0.0, f64::max);
        for (row, value) in rows.iter_mut().zip(&chart.bars).filter_map(|(row, bar)| Some((row, bar.value?))) {
            // What is below zero, or no number, has no bar.
            row.length = if most > 0.0 && value > 0.0 { (value.min(most) / most * room) as f32 } else { 0.0 };
        }
        Self { zero, rows }
    }
}

/// The strokes that fill a stub of this thickness, from its bottom up to the right: each from one point to another.
pub fn hatching() -> impl Iterator<Item = ((f32, f32), (f32, f32))> {
    (1..6).map(|i| {
        let reach = HATCH * f32::from(i as u8);
        let at = |x: f32| (x, reach - x);
        (at((reach - THICK).max(0.0)), at(reach.min(STUB)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::{Bar, tests::example};

    fn plan(chart: &Chart) -> Plan {
        Plan::new(chart, 50.0, str::to_owned)
    }

    #[test]
    fn bars_begin_at_zero_and_are_as_long_as_their_numbers() {
        let bar = |value| Bar { label: "A".into(), value, shown: "1".into() };
        let bars = [Some(10.0), Some(5.0), Some(0.0), Some(-3.0), None, Some(f64::NAN)].map(bar).to_vec();
        let chart = Chart { title: String::new(), description: String::new(), unit: String::new(), bars };
        let lengths: Vec<f32> = plan(&chart).rows.iter().map(|row| row.length).collect();
        assert!((lengths[0] - 2.0 * lengths[1]).abs() < 1e-4 && lengths[0] > 40.0, "{lengths:?}");
        assert_eq!(lengths[2..], [0.0, 0.0, STUB, 0.0]);
    }

    #[test]
    fn everything_finds_room() {
        let plan = plan(&example(40).chart.unwrap());
        for row in &plan.rows {
            assert!(width(&row.label, &REGULAR) + GAP <= plan.zero + 0.01);
            assert!(plan.zero + row.length + GAP + width(&row.shown, &REGULAR) <= 50.01);
        }
        for (from, to) in hatching() {
            for (x, y) in [from, to] {
                assert!((0.0..=STUB).contains(&x) && (-0.01..=THICK + 0.01).contains(&y), "{x} {y}");
            }
        }
    }
}
