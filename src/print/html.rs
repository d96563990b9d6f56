//! A sheet as a web page that prints well: no script, nothing from elsewhere, and the one place where text becomes HTML.

use super::{Block, Sheet};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, sync::LazyLock};

/// Large, black on white, on whatever paper there is.
const STYLE: &str = "\
:root { color-scheme: light }
body { margin: 0 auto; padding: 1.5rem; max-width: 42rem; background: #fff; color: #000; font: 15pt/1.5 Verdana, \"DejaVu Sans\", Arial, sans-serif }
h1 { margin: 0 0 .2em; font-size: 1.9em; line-height: 1.2 }
h2 { margin: 1.6em 0 .3em; padding-top: .5em; border-top: 2px solid #000; font-size: 1.25em; line-height: 1.3; break-after: avoid }
p { margin: 0 0 .8em; white-space: pre-wrap; overflow-wrap: anywhere; orphans: 2; widows: 2 }
.name { font-size: 1.4em; font-weight: bold }
.notice { padding: .5em .7em; border: 3px solid #000; font-weight: bold; break-inside: avoid }
@page { margin: 20mm; @bottom-right { content: \"Page \" counter(page) \" of \" counter(pages); font: 12pt Verdana, \"DejaVu Sans\", Arial, sans-serif } }
@media print { body { max-width: none; padding: 0 } }
";

/// What the page may do: wear its own style, and nothing else.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
});

/// Text as it may stand in HTML, in an element or in a quoted attribute.
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
    let title = escape(&sheet.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    for block in &sheet.blocks {
        // `dir=auto`: what was written from right to left is set so.
        let (open, text, close) = match block {
            Block::Name(text) => ("<p class=\"name\" dir=\"auto\">", text, "</p>"),
            Block::Notice(text) => ("<p class=\"notice\" dir=\"auto\">", text, "</p>"),
            Block::Heading(text) => ("<h2>", text, "</h2>"),
            Block::Text(text) => ("<p dir=\"auto\">", text, "</p>"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{open}{}{close}", escape(text));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let odd = "<script>alert(\"1\")</script> & 'x' </p>";
        let sheet = Sheet {
            title: odd.into(),
            blocks: vec![Block::Name(odd.into()), Block::Notice(odd.into()), Block::Heading(odd.into()), Block::Text(odd.into())],
            foot: odd.into(),
        };
        let page = render(&sheet);
        assert!(!page.contains("<script") && !page.contains("alert(\"1\")"), "{page}");
        assert_eq!(page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; &lt;/p&gt;").count(), 6);
        assert!(!STYLE.contains("</"), "the style ends where its element does");
    }

    #[test]
    fn the_policy_names_the_style_by_its_hash_and_allows_no_script() {
        assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!POLICY.contains("unsafe"));
    }
}
