//! A bar chart as SVG: it can be listened to, runs no script and fetches nothing.

use super::{
    chart::{DROP, GAP, PITCH, Plan, THICK, hatching},
    html::escape,
    table::Chart,
    text::{BOLD, cut},
};
use std::fmt::Write as _;

/// In units of the drawing.
const WIDTH: f32 = 800.0;
const SIZE: f32 = 15.0;
const TITLE_SIZE: f32 = 19.0;
const TOP: f32 = 68.0;
const MARGIN: f32 = 12.0;
/// Dark enough to be seen beside black and on a bad printer; 10 to 1 against white.
const BLUE: &str = "#1c3f73";

/// Text as it may stand in XML, where some signs may not be at all.
fn text(text: &str) -> String {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..);
    escape(&text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect::<String>())
}

/// The chart as a file of its own.
pub fn render(chart: &Chart) -> String {
    inline(chart, "chart")
}

/// The chart as a part of a page, where its `name` is nobody else's.
pub fn inline(chart: &Chart, name: &str) -> String {
    let plan = Plan::new(chart, (WIDTH - 2.0 * MARGIN) / SIZE, str::to_owned);
    let height = TOP + SIZE * PITCH * chart.bars.len().max(1) as f32 + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{name}-title {name}-desc\" font-family=\"Verdana, 'DejaVu Sans', Arial, sans-serif\" font-size=\"{SIZE}\">\n\
         <title id=\"{name}-title\">{}</title>\n<desc id=\"{name}-desc\">{}</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"28\" font-size=\"{TITLE_SIZE}\" font-weight=\"bold\">{}</text>\n<text x=\"{MARGIN}\" y=\"52\">{}</text>\n",
        text(&chart.title),
        text(&chart.description),
        text(&cut(&chart.title, &BOLD, (WIDTH - 2.0 * MARGIN) / TITLE_SIZE)),
        text(&cut(&chart.unit, &BOLD, (WIDTH - 2.0 * MARGIN) / SIZE)),
    );
    // Writing to a String cannot fail.
    let zero = MARGIN + plan.zero * SIZE;
    for (i, (row, bar)) in plan.rows.iter().zip(&chart.bars).enumerate() {
        let middle = TOP + SIZE * PITCH * (i as f32 + 0.5);
        let (top, base) = (middle - SIZE * THICK / 2.0, middle + SIZE * DROP);
        let (length, thick) = (row.length * SIZE, THICK * SIZE);
        let _ = write!(
            svg,
            "<g><title>{}: {}</title><text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>",
            text(&bar.label),
            text(&bar.shown),
            zero - GAP * SIZE,
            text(&row.label)
        );
        let _ = if row.hidden {
            let strokes: String = hatching()
                .map(|((x, y), (to_x, to_y))| {
                    format!("M{:.1} {:.1}L{:.1} {:.1}", zero + x * SIZE, top + y * SIZE, zero + to_x * SIZE, top + to_y * SIZE)
                })
                .collect();
            write!(
                svg,
                "<path d=\"M{zero:.1} {top:.1}h{length:.1}v{thick:.1}h-{length:.1}z{strokes}\" fill=\"#fff\" stroke=\"{BLUE}\" stroke-width=\"1.2\"/>"
            )
        } else {
            write!(svg, "<rect x=\"{zero:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"{thick:.1}\" fill=\"{BLUE}\"/>")
        };
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{base:.1}\">{}</text></g>", zero + length + GAP * SIZE, text(&row.shown));
    }
    let end = height - MARGIN;
    let _ = if chart.bars.is_empty() {
        writeln!(svg, "<text x=\"{MARGIN}\" y=\"{:.1}\">There is nothing to show.</text>", TOP + SIZE * (PITCH / 2.0 + DROP))
    } else {
        writeln!(svg, "<path d=\"M{zero:.1} {TOP}V{end}\" stroke=\"#000\" stroke-width=\"1.5\"/>")
    };
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::{Bar, tests::example};
    use proptest::prelude::*;

    fn chart(text: &str) -> Chart {
        let bar = |value| Bar { label: text.into(), value, shown: text.into() };
        Chart { title: text.into(), description: text.into(), unit: text.into(), bars: vec![bar(Some(1.0)), bar(None)] }
    }

    #[test]
    fn a_chart_can_be_listened_to() {
        let svg = render(&example(5).chart.unwrap());
        let document = roxmltree::Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!((root.attribute("role"), root.attribute("aria-labelledby")), (Some("img"), Some("chart-title chart-desc")));
        for (name, text) in [("chart-title", "Cases by kind of barrier"), ("chart-desc", "5 bars, one for each kind of barrier.")] {
            let node = root.children().find(|node| node.attribute("id") == Some(name)).unwrap();
            assert_eq!(node.text(), Some(text));
        }
        let labels: Vec<&str> =
            document.descendants().filter(|node| node.has_tag_name("g")).filter_map(|bar| bar.first_child()?.text()).collect();
        assert_eq!(labels.len(), 5);
        assert_eq!(labels[2..4], ["=1+1: 74", "Retaliation/eviction 3: hidden"]);
        assert!(labels[1].ends_with("group 1: 37"), "a label that was cut is whole in its title");
        assert!(svg.contains('…') && svg.contains("There is nothing to show.") == example(5).rows.is_empty());
    }

    #[test]
    fn a_chart_grows_with_its_bars_and_may_have_none() {
        let height = |bars| {
            let svg = render(&example(bars).chart.unwrap());
            roxmltree::Document::parse(&svg).unwrap().root_element().attribute("height").unwrap().parse::<f32>().unwrap()
        };
        assert!((height(12) - height(2) - 10.0 * SIZE * PITCH).abs() < 0.01);
        assert!(render(&example(0).chart.unwrap()).contains("There is nothing to show."));
    }

    #[test]
    fn text_makes_no_elements() {
        let svg = render(&chart("</text><script>alert(1)</script><a href=\"x\">"));
        let document = roxmltree::Document::parse(&svg).unwrap();
        assert!(!document.descendants().any(|node| node.has_tag_name("script") || node.has_tag_name("a")));
    }

    proptest! {
        #[test]
        fn any_text_is_good_xml(text in any::<String>()) {
            let svg = render(&chart(&text));
            prop_assert!(roxmltree::Document::parse(&svg).is_ok(), "{svg}");
        }
    }
}
