//! A sheet as a web page that prints well. It has no script and loads nothing from elsewhere. Only this module converts
//! text to HTML.

use super::{Block, Sheet, svg};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, sync::LazyLock};

/// Large black text on white, for any paper size.
const STYLE: &str = "\
:root { color-scheme: light }
body { margin: 0 auto; padding: 1.5rem; max-width: 42rem; background: #fff; color: #000; font: 15pt/1.5 Verdana, \"DejaVu Sans\", Arial, sans-serif }
h1 { margin: 0 0 .2em; font-size: 1.9em; line-height: 1.2 }
h2 { margin: 1.6em 0 .3em; padding-top: .5em; border-top: 2px solid #000; font-size: 1.25em; line-height: 1.3; break-after: avoid }
p { margin: 0 0 .8em; white-space: pre-wrap; overflow-wrap: anywhere; orphans: 2; widows: 2 }
.name { font-size: 1.4em; font-weight: bold }
.notice { padding: .5em .7em; border: 3px solid #000; font-weight: bold; break-inside: avoid }
.small { padding: .7em .9em; border: 1px solid #000; font-size: .75em; line-height: 1.4 }
.pages { width: 100%; table-layout: fixed; border: 0; font-size: 1em; line-height: inherit }
.pages > tbody > tr, .pages > tfoot > tr { break-inside: auto }
.pages > tbody > tr > td, .pages > tfoot > tr > td { padding: 0; border: 0; font-weight: normal; overflow-wrap: anywhere }
.pages > tfoot { display: table-footer-group }
.pages > tfoot > tr:first-child > td { padding-top: .8em; border-top: 1px solid #000; font-size: .75em; line-height: 1.4 }
figure { margin: 0 0 1em }
figure svg { display: block; width: 100%; height: auto }
.table { margin: 0 0 1em; overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: .75em; line-height: 1.35 }
th, td { padding: .35em .5em; border-bottom: 1px solid #777; text-align: start; vertical-align: top; font-weight: normal; overflow-wrap: break-word }
th:not(.number) { min-width: 8em }
thead th { border-bottom: 2px solid #000; vertical-align: bottom; font-weight: bold }
tfoot { display: table-row-group }
tfoot > tr > * { font-weight: bold }
tfoot > tr:first-child > * { border-top: 2px solid #000 }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
tr { break-inside: avoid }
@page { margin: 20mm; @bottom-right { content: \"Page \" counter(page) \" of \" counter(pages); font: 12pt Verdana, \"DejaVu Sans\", Arial, sans-serif } }
@media print { body { max-width: none; padding: 0 } .table { overflow-x: visible } th, td { overflow-wrap: anywhere } th:not(.number) { min-width: 5em } }
";

/// The Content-Security-Policy of the page: only its own style is allowed.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Escapes text for HTML, in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, c| {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
        html
    })
}

pub fn render(sheet: &Sheet) -> String {
    let (title, name) = (escape(&sheet.title), escape(sheet.name()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, \
         initial-scale=1\">\n<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    // A table footer is printed on every page that the table covers; on a screen it is shown once, at the end.
    if sheet.foot_notice.is_some() {
        page.push_str("<table class=\"pages\" role=\"presentation\">\n<tbody>\n<tr><td>\n");
    }
    let _ = writeln!(page, "<h1>{title}</h1>");
    for (i, block) in sheet.blocks.iter().enumerate() {
        // `dir=auto` sets right-to-left text correctly. Writing to a String cannot fail.
        let _ = match block {
            Block::Name(text) => writeln!(page, "<p class=\"name\" dir=\"auto\">{}</p>", escape(text)),
            Block::Small(text) => writeln!(page, "<p class=\"small\" dir=\"auto\">{}</p>", escape(text)),
            Block::Notice(text) => writeln!(page, "<p class=\"notice\" dir=\"auto\">{}</p>", escape(text)),
            Block::Heading(text) => writeln!(page, "<h2>{}</h2>", escape(text)),
            Block::Text(text) => writeln!(page, "<p dir=\"auto\">{}</p>", escape(text)),
            Block::Table { head, rows, totals, numeric } => {
                writeln!(page, "{}", table(&title, head, rows, totals, numeric))
            }
            Block::Chart(chart) => writeln!(page, "<figure>\n{}</figure>", svg::inline(chart, &format!("chart-{i}"))),
        };
    }
    if let Some(notice) = &sheet.foot_notice {
        let _ =
            writeln!(page, "</td></tr>\n</tbody>\n<tfoot>\n<tr><td>{}</td></tr>\n</tfoot>\n</table>", escape(notice));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// A table with this accessible name. If it is wider than the page, it can be scrolled with the keyboard.
fn table(name: &str, head: &[String], rows: &[Vec<String>], totals: &[Vec<String>], numeric: &[bool]) -> String {
    let mut html = format!("<div class=\"table\" role=\"region\" aria-label=\"{name}\" tabindex=\"0\">\n<table>\n");
    let row = |cells: &[String], is_head: bool| {
        let cell = |(i, text): (usize, &String)| {
            let is_number = numeric.get(i) == Some(&true);
            let class = if is_number { " class=\"number\"" } else { " dir=\"auto\"" };
            let (name, scope) = match i {
                _ if is_head => ("th", " scope=\"col\""),
                0 if !is_number => ("th", " scope=\"row\""),
                _ => ("td", ""),
            };
            format!("<{name}{scope}{class}>{}</{name}>", escape(text))
        };
        format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>())
    };
    let groups = [("thead", &[head.to_vec()][..]), ("tbody", rows), ("tfoot", totals)];
    for (group, rows) in groups.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let _ = write!(
            html,
            "<{group}>\n{}</{group}>\n",
            rows.iter().map(|cells| row(cells, group == "thead")).collect::<String>()
        );
    }
    html.push_str("</table>\n</div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::table::tests::example;

    #[test]
    fn html_escapes_text() {
        let odd = "<script>alert(\"1\")</script> & 'x' </p>";
        let sheet = Sheet {
            title: odd.into(),
            blocks: vec![
                Block::Name(odd.into()),
                Block::Notice(odd.into()),
                Block::Heading(odd.into()),
                Block::Text(odd.into()),
            ],
            foot: odd.into(),
            foot_notice: Some(odd.into()),
            name: Some(odd.into()),
            any_text: None,
        };
        let page = render(&sheet);
        assert!(!page.contains("<script") && !page.contains("alert(\"1\")"), "{page}");
        assert_eq!(
            page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; &lt;/p&gt;").count(),
            7
        );
        assert!(!STYLE.contains("</"), "the style ends where its element does");
    }

    #[test]
    fn html_table_has_header_cells_and_escapes_text() {
        let page = render(&Sheet::from(&example(3)));
        for part in [
            "<thead>\n<tr><th scope=\"col\" dir=\"auto\">Kind of barrier</th><th scope=\"col\" \
             class=\"number\">Cases</th>",
            "<tbody>\n<tr><th scope=\"row\" dir=\"auto\">Denied treatment 0</th><td class=\"number\">0</td>",
            "<tfoot>\n<tr><th scope=\"row\" dir=\"auto\">All</th><td class=\"number\">12,345</td>",
            "aria-labelledby=\"chart-1-title chart-1-desc\"",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        let odd = "</td></table><script>";
        let cells = vec![vec![odd.to_owned(); 2]];
        let block =
            Block::Table { head: vec![odd.into(); 2], rows: cells.clone(), totals: cells, numeric: vec![false, true] };
        let page = render(&Sheet { title: odd.into(), blocks: vec![block], ..Sheet::default() });
        assert_eq!((page.matches("<script").count(), page.matches("&lt;script").count()), (0, 9));
    }

    #[test]
    fn content_security_policy_hashes_the_style_and_allows_no_script() {
        assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!POLICY.contains("unsafe"));
    }
}
