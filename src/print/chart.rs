//! The layout of a chart, independent of the output format. Lengths are in ems of its font size.
//!
//! Horizontal bars compare groups; vertical columns show a development over time. Both start at zero, and shares are
//! drawn on a scale from 0 to 100 %. Suppressed numbers, missing numbers and zero look different.

use super::{
    table::{Bar, Chart, ChartKind, Mark},
    text::{REGULAR, lines, width},
};

/// The line height of text.
const LEADING: f32 = 1.3;
/// The distance from one bar to the next if its label is beside it, and the thickness of a bar.
const PITCH: f32 = 1.9;
const THICK: f32 = 1.2;
/// The gap between a bar and the text beside it.
const GAP: f32 = 0.5;
/// The distance from the middle of a line to the baseline of its text.
const DROP: f32 = 0.36;
/// A label wider than this part of the chart is placed above its bar, so that no name is cut.
const BESIDE: f32 = 0.32;
/// The length of the placeholder for a suppressed number. It does not depend on the number.
const STUB: f32 = 2.4;
/// The distance between the strokes of a hatching.
const HATCH: f32 = 0.6;
/// The length of the end piece of a bar that is longer than the scale. A gap separates it from the rest of the bar.
const BREAK: f32 = 1.2;
/// The drawn height of a column of zero.
const SLIVER: f32 = 0.12;
/// The greatest height of a column.
const HIGH: f32 = 13.0;
/// The font size of text beside the bars: ends of scales, notes.
pub const SMALL: f32 = 0.85;
/// The font size of numbers that do not fit in [`SMALL`].
const SMALLEST: f32 = 0.7;

/// The color role of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// A number.
    Full,
    /// A number that is different from the others: the total of groups without a bar of their own, or a partial month.
    Pale,
    /// An edge.
    Line,
    /// A tick mark of the scale.
    Grid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawn shape; `y` increases downwards from the top of its band.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Text {
        x: f32,
        y: f32,
        size: f32,
        anchor: Anchor,
        text: String,
    },
    Block {
        x: f32,
        y: f32,
        wide: f32,
        high: f32,
        ink: Ink,
    },
    /// The placeholder for a suppressed number.
    Hatched {
        x: f32,
        y: f32,
        wide: f32,
        high: f32,
    },
    Line {
        from: (f32, f32),
        to: (f32, f32),
        ink: Ink,
    },
}

/// A horizontal stripe of the chart that is not split over pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    pub high: f32,
    /// The alternative text and the shapes of each drawn part.
    pub parts: Vec<(Option<String>, Vec<Shape>)>,
}

impl Band {
    fn of(high: f32, shapes: Vec<Shape>) -> Self {
        Self { high, parts: vec![(None, shapes)] }
    }
}

fn text(x: f32, y: f32, size: f32, anchor: Anchor, text: impl Into<String>) -> Shape {
    Shape::Text { x, y, size, anchor, text: text.into() }
}

/// The lines of a text of this size, each at most this wide.
pub fn wrapped(words: &str, wide: f32, size: f32) -> Vec<String> {
    let text = |line: super::text::Line| {
        let runs = line.runs.iter().map(|run| run.text.as_str());
        // The renderer reorders right-to-left text itself, so the text is passed in logical order.
        let text: String = if line.from_right { runs.rev().collect() } else { runs.collect() };
        text.trim_end().to_owned()
    };
    lines(words, &REGULAR, wide / size).into_iter().map(text).collect()
}

/// The strokes that fill a rectangle diagonally, each from one point to another.
pub fn hatching(wide: f32, high: f32) -> Vec<((f32, f32), (f32, f32))> {
    let mut strokes = Vec::new();
    let mut reach = HATCH;
    while reach < wide + high {
        let at = |x: f32| (x, reach - x);
        strokes.push((at((reach - high).max(0.0)), at(reach.min(wide))));
        reach += HATCH;
    }
    strokes
}

/// The end of a scale for this largest number: a round number that is not much larger.
fn end_of_scale(most: f64) -> f64 {
    if !(most > 0.0 && most.is_finite()) {
        return 1.0;
    }
    let ten = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    // Counts have no fractions.
    let whole = |end: &f64| end.fract() == 0.0 || ten < 1.0;
    steps.into_iter().map(|step| step * ten).filter(whole).find(|end| *end >= most - 1e-9).unwrap_or(most)
}

/// The scale of a chart: its end and the labels of its marks.
struct Scale {
    end: f64,
    marks: Vec<(f64, String)>,
}

impl Scale {
    fn of(chart: &Chart) -> Self {
        if chart.of_whole {
            let marks = [0.0, 0.5, 1.0].map(|at| (at, format!("{:.0}\u{A0}%", at * 100.0))).to_vec();
            return Self { end: 1.0, marks };
        }
        // The bar for the rest would make all others small, so it does not set the scale and is drawn with a break if
        // it is longer.
        let own = |bar: &&Bar| !bar.is_pale || chart.kind == ChartKind::Columns;
        let values = chart.bars.iter().filter(own).filter_map(|bar| bar.mark.value()).filter(|value| value.is_finite());
        let end = end_of_scale(values.fold(0.0, f64::max));
        let word = |at: f64| super::table::Cell::Count(at as i64).words();
        let middle = (end % 2.0 == 0.0).then(|| (end / 2.0, word(end / 2.0)));
        Self { end, marks: [(0.0, word(0.0))].into_iter().chain(middle).chain([(end, word(end))]).collect() }
    }
    /// The part of the scale that a number takes. A negative number or NaN takes none.
    fn part(&self, value: f64) -> f32 {
        if value > 0.0 { (value.min(self.end) / self.end) as f32 } else { 0.0 }
    }
}

/// The chart as bands from top to bottom, for this width.
pub fn plan(chart: &Chart, wide: f32) -> Vec<Band> {
    if chart.bars.is_empty() {
        return vec![Band::of(
            PITCH,
            vec![text(
                0.0,
                PITCH / 2.0 + DROP,
                1.0,
                Anchor::Start,
                chart.nothing.as_deref().unwrap_or("There is nothing to show."),
            )],
        )];
    }
    let mut bands = match chart.kind {
        ChartKind::Bars => bars(chart, wide),
        ChartKind::Columns => vec![columns(chart, wide)],
    };
    bands.extend(legend(chart, wide));
    bands
}

fn bars(chart: &Chart, wide: f32) -> Vec<Band> {
    let scale = Scale::of(chart);
    let widest = |of: fn(&Bar) -> &str| chart.bars.iter().map(|bar| width(of(bar), &REGULAR)).fold(0.0, f32::max);
    let label = widest(|bar| &bar.label);
    let beside = label <= wide * BESIDE;
    let zero = if beside { label + GAP } else { 0.0 };
    // The value of a bar is placed after it. Long values are placed below the bar instead.
    let shown = widest(|bar| &bar.shown);
    let behind = shown <= wide * 0.4;
    let room = if behind { wide - zero - GAP - shown } else { wide - zero - 0.6 };
    let mut bands: Vec<Band> = chart
        .bars
        .iter()
        .map(|bar| {
            let mut shapes = Vec::new();
            let mut top = (PITCH - THICK) / 2.0;
            if beside {
                shapes.push(text(zero - GAP, PITCH / 2.0 + DROP, 1.0, Anchor::End, &bar.label));
            } else {
                top = 0.2;
                for line in wrapped(&bar.label, wide, 1.0) {
                    top += LEADING;
                    shapes.push(text(0.0, top - 0.3, 1.0, Anchor::Start, line));
                }
                top += 0.05;
            }
            let (upper, base) = (if beside { 0.0 } else { top - 0.1 }, top + THICK / 2.0 + DROP);
            let mut length = 0.0;
            match bar.mark {
                Mark::Value(value) => {
                    length = scale.part(value) * room;
                    let ink = if bar.is_pale { Ink::Pale } else { Ink::Full };
                    if value > scale.end && bar.is_pale {
                        shapes.push(Shape::Block { x: zero, y: top, wide: length - BREAK - GAP, high: THICK, ink });
                        shapes.push(Shape::Block { x: zero + length - BREAK, y: top, wide: BREAK, high: THICK, ink });
                    } else {
                        shapes.push(Shape::Block { x: zero, y: top, wide: length, high: THICK, ink });
                    }
                }
                Mark::Hidden => {
                    length = STUB;
                    shapes.push(Shape::Hatched { x: zero, y: top, wide: STUB, high: THICK });
                }
                Mark::Missing => {}
            }
            let shown_at = if behind {
                (zero + length + GAP, base, Anchor::Start, 1.0)
            } else {
                top += THICK;
                (zero, top + LEADING - 0.35, Anchor::Start, SMALL)
            };
            shapes.push(text(shown_at.0, shown_at.1, shown_at.3, shown_at.2, &bar.shown));
            let high = if behind {
                top + THICK + if beside { (PITCH - THICK) / 2.0 } else { 0.3 }
            } else {
                top + LEADING + 0.1
            };
            // The lines are drawn beside the bar only, so that they do not cross a label.
            let lower = if beside {
                high
            } else if behind {
                top + THICK + 0.1
            } else {
                top + 0.1
            };
            for (at, _) in scale.marks.iter().skip(1) {
                let x = zero + scale.part(*at) * room;
                shapes.insert(0, Shape::Line { from: (x, upper), to: (x, lower), ink: Ink::Grid });
            }
            shapes.push(Shape::Line { from: (zero, upper), to: (zero, lower), ink: Ink::Line });
            Band { high, parts: vec![(Some(format!("{}: {}", bar.label, bar.shown)), shapes)] }
        })
        .collect();
    let last = scale.marks.len().saturating_sub(1);
    let marks = scale.marks.iter().enumerate().map(|(i, (at, word))| {
        let anchor = if i == 0 && zero == 0.0 {
            Anchor::Start
        } else if i == last && !behind {
            Anchor::End
        } else {
            Anchor::Middle
        };
        let x = zero + scale.part(*at) * room;
        text(if anchor == Anchor::End { x + 0.6 } else { x }, LEADING * SMALL, SMALL, anchor, word)
    });
    bands.push(Band::of(LEADING * 1.2, marks.collect()));
    bands
}

fn columns(chart: &Chart, wide: f32) -> Band {
    let scale = Scale::of(chart);
    let zero = scale.marks.iter().map(|(_, word)| width(word, &REGULAR) * SMALL).fold(0.0, f32::max) + GAP;
    let slot = (wide - zero) / chart.bars.len() as f32;
    let thick = (slot * 0.72).min(3.0);
    let top = LEADING;
    let floor = top + HIGH;
    let mut shapes = Vec::new();
    for (at, word) in &scale.marks {
        let y = floor - scale.part(*at) * HIGH;
        let ink = if *at == 0.0 { Ink::Line } else { Ink::Grid };
        shapes.push(Shape::Line { from: (zero, y), to: (wide, y), ink });
        shapes.push(text(zero - GAP * 0.6, y + DROP * SMALL, SMALL, Anchor::End, word));
    }
    let fits = |words: &str, size: f32| width(words, &REGULAR) * size <= slot - 0.05;
    // Numbers are placed above the columns only if all fit; month names are placed below as many columns as fit.
    let size = [SMALL, SMALLEST].into_iter().find(|size| chart.bars.iter().all(|bar| fits(&bar.brief, *size)));
    let n_fits = |bar: &Bar| bar.of.as_deref().is_none_or(|of| fits(of, SMALLEST));
    let with_n = chart.bars.iter().any(|bar| bar.of.is_some()) && chart.bars.iter().all(n_fits);
    let longest = chart.bars.iter().map(|bar| width(&bar.tick.0, &REGULAR) * SMALL).fold(0.0, f32::max) + 0.3;
    let every = (longest / slot).ceil().max(1.0) as usize;
    let mut parts = vec![(None, shapes)];
    let mut year = None;
    for (i, bar) in chart.bars.iter().enumerate() {
        let mut shapes = Vec::new();
        let middle = zero + slot * (i as f32 + 0.5);
        let x = middle - thick / 2.0;
        let mut high = 0.0;
        match bar.mark {
            Mark::Value(value) => {
                // A column of zero is visible even if there is no room for its number.
                high = (scale.part(value) * HIGH).max(SLIVER);
                let ink = if bar.is_pale { Ink::Pale } else { Ink::Full };
                shapes.push(Shape::Block { x, y: floor - high, wide: thick, high, ink });
            }
            Mark::Hidden => {
                high = STUB;
                shapes.push(Shape::Hatched { x, y: floor - STUB, wide: thick, high: STUB });
            }
            Mark::Missing => shapes.push(text(middle, floor - 0.3, SMALL, Anchor::Middle, "–")),
        }
        if let (Some(size), Mark::Value(_)) = (size, bar.mark) {
            shapes.push(text(middle, floor - high - 0.3, size, Anchor::Middle, &bar.brief));
        }
        if i % every == 0 {
            shapes.push(text(middle, floor + LEADING * 0.85, SMALL, Anchor::Middle, &bar.tick.0));
        }
        if year != Some(bar.tick.1) {
            year = Some(bar.tick.1);
            // The year is written below its first column, unless the next year begins before there is room.
            let words = bar.tick.1.to_string();
            let long = width(&words, &REGULAR) * SMALL;
            let next = chart.bars.iter().skip(i).position(|later| later.tick.1 != bar.tick.1);
            if next.is_none_or(|next| slot * next as f32 > long + GAP) {
                let left = (middle - long / 2.0).clamp(0.0, wide - long);
                shapes.push(text(left, floor + LEADING * 1.75, SMALL, Anchor::Start, words));
            }
        }
        if let (true, Some(of)) = (with_n, &bar.of) {
            let size = if chart.bars.iter().all(|bar| bar.of.as_deref().is_none_or(|of| fits(of, SMALL))) {
                SMALL
            } else {
                SMALLEST
            };
            shapes.push(text(middle, floor + LEADING * 2.7, size, Anchor::Middle, of));
        }
        parts.push((Some(format!("{}: {}", bar.label, bar.shown)), shapes));
    }
    if with_n {
        parts.push((None, vec![text(0.0, floor + LEADING * 2.7, SMALL, Anchor::Start, "n")]));
    }
    Band { high: floor + LEADING * if with_n { 3.2 } else { 2.2 }, parts }
}

/// Explains the marks that are not plain numbers, and adds the notes.
fn legend(chart: &Chart, wide: f32) -> Vec<Band> {
    let is = |mark: Mark| chart.bars.iter().any(|bar| bar.mark == mark);
    let mut bands = vec![Band::of(0.4, Vec::new())];
    let mut add = |sample: Option<Shape>, words: &str| {
        let indent = if sample.is_some() { STUB + GAP } else { 0.0 };
        for (i, line) in wrapped(words, wide - indent, SMALL).into_iter().enumerate() {
            let mut shapes: Vec<Shape> = sample.iter().filter(|_| i == 0).cloned().collect();
            shapes.push(text(indent, LEADING * SMALL * 0.8, SMALL, Anchor::Start, line));
            bands.push(Band::of(LEADING * SMALL, shapes));
        }
    };
    let high = 0.8;
    if is(Mark::Hidden) {
        add(
            Some(Shape::Hatched { x: 0.0, y: 0.1, wide: STUB, high }),
            "hidden: a small number, or one that would give a small number away. Not zero.",
        );
    }
    if is(Mark::Missing) {
        add(
            Some(text(STUB / 2.0, LEADING * SMALL * 0.8, SMALL, Anchor::Middle, "–")),
            "no data: there is nothing to make the number of.",
        );
    }
    if let Some(words) = chart.pale.as_deref().filter(|_| chart.bars.iter().any(|bar| bar.is_pale)) {
        add(Some(Shape::Block { x: 0.0, y: 0.1, wide: STUB, high, ink: Ink::Pale }), words);
    }
    for note in &chart.notes {
        add(None, note);
    }
    bands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::tests::example;

    const WIDE: f32 = 40.0;

    fn chart(bars: Vec<Bar>) -> Chart {
        Chart { bars, ..Chart::default() }
    }
    fn blocks(chart: &Chart) -> Vec<(f32, f32, f32, f32)> {
        let shapes = plan(chart, WIDE).into_iter().flat_map(|band| band.parts).flat_map(|(_, shapes)| shapes);
        shapes
            .filter_map(
                |shape| if let Shape::Block { x, y, wide, high, .. } = shape { Some((x, y, wide, high)) } else { None },
            )
            .collect()
    }
    fn texts(chart: &Chart) -> Vec<String> {
        let shapes = plan(chart, WIDE).into_iter().flat_map(|band| band.parts).flat_map(|(_, shapes)| shapes);
        shapes.filter_map(|shape| if let Shape::Text { text, .. } = shape { Some(text) } else { None }).collect()
    }

    #[test]
    fn bars_start_at_zero_and_are_proportional_to_their_values() {
        let bar = |value| Bar::new("A", Mark::Value(value), "1");
        let of = chart([10.0, 5.0, 0.0, -3.0, f64::NAN].map(bar).to_vec());
        let lengths: Vec<f32> = blocks(&of).iter().map(|(_, _, wide, _)| *wide).collect();
        assert!((lengths[0] - 2.0 * lengths[1]).abs() < 1e-4 && lengths[0] > 30.0, "{lengths:?}");
        assert_eq!(lengths[2..], [0.0, 0.0, 0.0]);
    }

    /// 35 % takes 35 % of the scale even if it is the largest share, and the end of the scale is marked.
    #[test]
    fn shares_are_drawn_on_a_scale_to_100_percent() {
        let shares = [0.35, 1.0].map(|share| Bar::new("A", Mark::Value(share), "x")).to_vec();
        let whole = blocks(&Chart { of_whole: true, ..chart(shares.clone()) });
        let alone = Chart { of_whole: true, ..chart(shares[..1].to_vec()) };
        assert!((whole[0].2 / whole[1].2 - 0.35).abs() < 1e-4);
        assert_eq!(blocks(&alone)[0].2, whole[0].2);
        assert!(["0\u{A0}%", "50\u{A0}%", "100\u{A0}%"].iter().all(|mark| texts(&alone).contains(&(*mark).to_owned())));
        let standing = Chart { kind: ChartKind::Columns, of_whole: true, ..chart(shares[..1].to_vec()) };
        assert!((blocks(&standing)[0].3 - 0.35 * HIGH).abs() < 1e-4);
    }

    #[test]
    fn scale_ends_at_a_round_number() {
        for (most, end) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (3.0, 3.0),
            (7.0, 8.0),
            (12.0, 15.0),
            (52.0, 60.0),
            (214.0, 250.0),
            (f64::NAN, 1.0),
        ] {
            assert!((end_of_scale(most) - end).abs() < 1e-9, "{most}");
        }
    }

    /// The bar for the rest is drawn with a break if it is longer than the scale of the others.
    #[test]
    fn bar_of_the_rest_is_broken_instead_of_shrinking_others() {
        let rest = Bar { is_pale: true, ..Bar::new("and 9 more (500)", Mark::Value(500.0), "together") };
        let of = blocks(&chart(vec![Bar::new("A", Mark::Value(10.0), "10"), rest]));
        assert_eq!(of.len(), 3, "in two pieces");
        let end = of[2].0 + of[2].2;
        assert!((of[0].0 + of[0].2 - end).abs() < 1e-3 && of[1].0 + of[1].2 < of[2].0, "{of:?}");
    }

    /// Zero, suppressed and missing numbers look different, and a legend explains them.
    #[test]
    fn zero_hidden_and_missing_values_are_drawn_differently() {
        for kind in [ChartKind::Bars, ChartKind::Columns] {
            let one = |mark, shown: &str| Chart { kind, ..chart(vec![Bar::new("A", mark, shown)]) };
            let shapes = |chart: &Chart| -> Vec<Shape> {
                plan(chart, WIDE).into_iter().flat_map(|band| band.parts).flat_map(|(_, shapes)| shapes).collect()
            };
            let (zero, hidden, missing) =
                (one(Mark::Value(0.0), "0"), one(Mark::Hidden, "hidden"), one(Mark::Missing, "no data"));
            let hatched =
                |chart: &Chart| shapes(chart).iter().filter(|shape| matches!(shape, Shape::Hatched { .. })).count();
            assert_eq!((hatched(&zero), hatched(&hidden), hatched(&missing)), (0, 2, 0), "one of them in the legend");
            assert_eq!((blocks(&zero).len(), blocks(&hidden).len(), blocks(&missing).len()), (1, 0, 0));
            assert!(texts(&hidden).iter().any(|text| text.starts_with("hidden: ")));
            assert!(texts(&missing).iter().any(|text| text.starts_with("no data: ")));
            assert!(!texts(&zero).iter().any(|text| text.contains(": ")), "nothing to explain");
        }
    }

    #[test]
    fn chart_elements_stay_inside_the_chart() {
        let months = |n: usize| Chart { kind: ChartKind::Columns, ..example(n).chart.unwrap() };
        for chart in [example(40).chart.unwrap(), example(2).chart.unwrap(), months(1), months(12), months(60)] {
            for band in plan(&chart, WIDE) {
                for (_, shapes) in band.parts {
                    for shape in shapes {
                        let (left, right, low) = match &shape {
                            Shape::Text { x, y, size, anchor, text } => {
                                let wide = width(text, &REGULAR) * size;
                                let left = match anchor {
                                    Anchor::Start => *x,
                                    Anchor::Middle => x - wide / 2.0,
                                    Anchor::End => x - wide,
                                };
                                (left, left + wide, *y)
                            }
                            Shape::Block { x, y, wide, high, .. } | Shape::Hatched { x, y, wide, high } => {
                                (*x, x + wide, y + high)
                            }
                            Shape::Line { from, to, .. } => (from.0.min(to.0), from.0.max(to.0), from.1.max(to.1)),
                        };
                        assert!(
                            left >= -0.7 && right <= WIDE + 0.7 && low <= band.high + 0.01,
                            "{shape:?} {}",
                            band.high
                        );
                    }
                }
            }
        }
        for (from, to) in hatching(STUB, THICK) {
            for (x, y) in [from, to] {
                assert!((-0.01..=STUB + 0.01).contains(&x) && (-0.01..=THICK + 0.01).contains(&y), "{x} {y}");
            }
        }
    }

    /// A long name is placed above its bar without a cut.
    #[test]
    fn long_bar_names_are_not_cut() {
        let long = "Medication for opioid use disorder required to stop before admission to housing or treatment";
        let said = texts(&chart(vec![Bar::new(long, Mark::Value(3.0), "3")])).join(" ");
        assert!(said.contains(long), "{said}");
    }
}
