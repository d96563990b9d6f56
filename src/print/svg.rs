//! A chart as SVG. Screen readers can read it; it runs no script and loads nothing.

use super::{
    chart::{Anchor, Ink, SMALL, Shape, hatching, plan, wrapped},
    html::escape,
    table::Chart,
    text::{BOLD, lines},
};
use std::fmt::Write as _;

/// In units of the drawing: narrow enough to be readable on a phone.
const WIDTH: f32 = 560.0;
const SIZE: f32 = 15.0;
const TITLE_SIZE: f32 = 18.0;
const MARGIN: f32 = 14.0;
/// Dark enough to be visible beside black and from a bad printer; contrast with white is 10:1.
const BLUE: &str = "#1c3f73";
/// Light enough to differ from blue, dark enough to be visible on white.
const PALE: &str = "#8fa9cf";
const GRID: &str = "#b4b4b4";
const BLACK: &str = "#111";

/// Escapes text for XML, which does not allow some characters at all.
fn text(text: &str) -> String {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..);
    escape(&text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect::<String>())
}

/// The chart as a separate file, which names its context.
pub fn render(chart: &Chart) -> String {
    draw(chart, "chart", true)
}

/// The chart as a part of a page. `name` must be unique on the page.
pub fn inline(chart: &Chart, name: &str) -> String {
    draw(chart, name, false)
}

fn draw(chart: &Chart, name: &str, alone: bool) -> String {
    let wide = (WIDTH - 2.0 * MARGIN) / SIZE;
    let mut body = String::new();
    let mut y = MARGIN * 0.5;
    // Writing to a String cannot fail.
    let bold = lines(&chart.title, &BOLD, wide * SIZE / TITLE_SIZE);
    for line in bold {
        let line: String = line.runs.iter().map(|run| run.text.as_str()).collect();
        y += TITLE_SIZE * 1.3;
        let _ = writeln!(
            body,
            "<text x=\"{MARGIN}\" y=\"{y:.1}\" font-size=\"{TITLE_SIZE}\" font-weight=\"bold\">{}</text>",
            text(&line)
        );
    }
    y += 4.0;
    let context = chart.context.iter().filter(|_| alone).map(|line| (line, SMALL));
    for (words, size) in context.chain([(&chart.unit, 1.0)]).filter(|(words, _)| !words.is_empty()) {
        for line in wrapped(words, wide, size) {
            y += SIZE * size * 1.35;
            let _ = writeln!(
                body,
                "<text x=\"{MARGIN}\" y=\"{y:.1}\" font-size=\"{:.1}\">{}</text>",
                SIZE * size,
                text(&line)
            );
        }
    }
    y += SIZE * 0.7;
    for band in plan(chart, wide) {
        for (words, shapes) in &band.parts {
            let title = words.as_ref().map_or(String::new(), |words| format!("<title>{}</title>", text(words)));
            let drawn: String = shapes.iter().map(|shape| drawn(shape, y)).collect();
            let _ = writeln!(body, "<g>{title}{drawn}</g>");
        }
        y += band.high * SIZE;
    }
    let height = (y + MARGIN).ceil();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"{name}-title {name}-desc\" font-family=\"Verdana, 'DejaVu Sans', Arial, sans-serif\" font-size=\"{SIZE}\" fill=\"{BLACK}\">\n\
         <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n",
        text(&chart.title),
        text(&chart.description),
    )
}

fn drawn(shape: &Shape, top: f32) -> String {
    let at = |x: f32, y: f32| (MARGIN + x * SIZE, top + y * SIZE);
    match shape {
        Shape::Text { x, y, size, anchor, text: words } => {
            let (x, y) = at(*x, *y);
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let size = if (*size - 1.0).abs() < f32::EPSILON {
                String::new()
            } else {
                format!(" font-size=\"{:.1}\"", SIZE * size)
            };
            format!("<text x=\"{x:.1}\" y=\"{y:.1}\"{size}{anchor}>{}</text>", text(words))
        }
        Shape::Block { x, y, wide, high, ink } => {
            let ((x, y), wide, high) = (at(*x, *y), wide * SIZE, high * SIZE);
            let fill = if *ink == Ink::Pale { PALE } else { BLUE };
            format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{fill}\"/>")
        }
        Shape::Hatched { x, y, wide, high } => {
            let (left, upper) = at(*x, *y);
            let strokes = hatching(*wide, *high).into_iter().map(|((from_x, from_y), (to_x, to_y))| {
                let ((from_x, from_y), (to_x, to_y)) = (at(x + from_x, y + from_y), at(x + to_x, y + to_y));
                format!("M{from_x:.1} {from_y:.1}L{to_x:.1} {to_y:.1}")
            });
            let (wide, high) = (wide * SIZE, high * SIZE);
            let strokes: String = strokes.collect();
            format!(
                "<path d=\"M{left:.1} {upper:.1}h{wide:.1}v{high:.1}h-{wide:.1}z{strokes}\" fill=\"#fff\" \
                 stroke=\"{BLUE}\" stroke-width=\"1.2\"/>"
            )
        }
        Shape::Line { from, to, ink } => {
            let ((x, y), (to_x, to_y)) = (at(from.0, from.1), at(to.0, to.1));
            let (color, thick) = if *ink == Ink::Grid { (GRID, 1.0) } else { (BLACK, 1.5) };
            format!("<path d=\"M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}\" stroke=\"{color}\" stroke-width=\"{thick}\"/>")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::{Bar, Mark, tests::example};
    use proptest::prelude::*;

    fn chart(text: &str) -> Chart {
        let bar = |mark| Bar::new(text, mark, text);
        Chart {
            title: text.into(),
            description: text.into(),
            unit: text.into(),
            context: vec![text.into()],
            notes: vec![text.into()],
            bars: vec![bar(Mark::Value(1.0)), bar(Mark::Hidden), bar(Mark::Missing)],
            ..Chart::default()
        }
    }

    #[test]
    fn svg_chart_is_accessible_to_screen_readers() {
        let svg = render(&example(5).chart.unwrap());
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!(
            (root.attribute("role"), root.attribute("aria-labelledby")),
            (Some("img"), Some("chart-title chart-desc"))
        );
        for (name, text) in
            [("chart-title", "Cases by kind of barrier"), ("chart-desc", "5 bars, one for each kind of barrier.")]
        {
            let node = root.children().find(|node| node.attribute("id") == Some(name)).unwrap();
            assert_eq!(node.text(), Some(text));
        }
        let bars = document.descendants().filter(|node| node.has_tag_name("g")).filter_map(|bar| bar.first_child());
        let labels: Vec<&str> =
            bars.filter(|node| node.has_tag_name("title")).filter_map(|title| title.text()).collect();
        assert_eq!(labels.len(), 5);
        assert_eq!(labels[2..4], ["=1+1: 74", "Retaliation/eviction 3: hidden"]);
        assert!(labels[1].ends_with("group 1: 37"), "a label is whole in its title");
        assert!(!svg.contains("There is nothing to show."));
    }

    /// A separate file names its context; on a page, the page does.
    #[test]
    fn standalone_chart_names_its_context() {
        let chart = Chart { context: vec!["River Peers, team North side only".into()], ..example(2).chart.unwrap() };
        assert!(
            render(&chart).contains("team North side only") && !inline(&chart, "a").contains("team North side only")
        );
    }

    #[test]
    fn chart_height_grows_with_bars_and_zero_bars_are_allowed() {
        let height = |bars| {
            let svg = render(&example(bars).chart.unwrap());
            roxmltree::Document::parse(&svg)
                .unwrap()
                .root_element()
                .attribute("height")
                .unwrap()
                .parse::<f32>()
                .unwrap()
        };
        assert!(height(12) > height(2) + 100.0);
        assert!(render(&example(0).chart.unwrap()).contains("There is nothing to show."));
    }

    #[test]
    fn svg_escapes_text() {
        let svg = render(&chart("</text><script>alert(1)</script><a href=\"x\">"));
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert!(!document.descendants().any(|node| node.has_tag_name("script") || node.has_tag_name("a")));
    }

    proptest! {
        #[test]
        fn any_text_gives_valid_xml(text in any::<String>()) {
            let svg = render(&chart(&text));
            prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
        }
    }
}
