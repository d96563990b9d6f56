//! Words: how text is taken apart, folded to one form, and shown with what was found in it.

use std::{collections::BTreeSet, ops::Range};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// What is beyond this of a word makes no difference.
const LONGEST_WORD: usize = 40;
/// What is beyond this of a record's words is not found: both engines have a limit, and no note comes near it.
const MOST_BYTES: usize = 100_000;
/// What an index puts before each word, at most.
const LABEL: usize = 16;

/// How much of a text a snippet shows before the first word that was found, and in all.
const BEFORE: usize = 60;
const SHOWN: usize = 240;

/// The word in the form in which it is kept and asked for: lower case, no accents, letters and digits only.
fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_WORD).map(|c| c.to_ascii_lowercase()).collect();
    }
    let plain = word.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    // A lower case may bring marks of its own (İ).
    plain.nfkd().filter(|c| c.is_alphanumeric()).take(LONGEST_WORD).collect()
}

/// The words of a text: where each stands, and its folded form.
fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> + '_ {
    let mut rest = 0;
    std::iter::from_fn(move || {
        loop {
            let tail = text.get(rest..)?;
            let start = rest + tail.find(char::is_alphanumeric)?;
            let word = text.get(start..)?;
            let end = start + word.find(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).unwrap_or(word.len());
            rest = end;
            let folded = fold(text.get(start..end)?);
            if !folded.is_empty() {
                return Some((start..end, folded));
            }
        }
    })
}

/// The terms of a question, each once, in its order.
pub fn terms(question: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for (_, word) in words(question) {
        if !terms.contains(&word) {
            terms.push(word);
        }
    }
    terms
}

/// Every word of these texts once, with a space before and after it: ` be heard to want `.
pub fn gather(texts: &[&str]) -> String {
    let all: BTreeSet<String> = texts.iter().flat_map(|text| words(text)).map(|(_, word)| word).collect();
    let mut gathered = String::from(" ");
    let mut bytes = 0;
    for word in all {
        bytes += word.len() + LABEL;
        if bytes > MOST_BYTES {
            break;
        }
        gathered.push_str(&word);
        gathered.push(' ');
    }
    gathered
}

/// How well a record answers the terms; `None` where it lacks one. A whole word counts more than a beginning, the title more than
/// the rest. Nothing counts that belongs to another record.
pub fn score(title: &str, gathered: &str, terms: &[String]) -> Option<i32> {
    let title = words(title).fold(String::from(" "), |all, (_, word)| all + &word + " ");
    let mut score = 0;
    for term in terms {
        let (whole, beginning) = (format!(" {term} "), format!(" {term}"));
        score += if title.contains(&whole) {
            8
        } else if title.contains(&beginning) {
            4
        } else if gathered.contains(&whole) {
            2
        } else if gathered.contains(&beginning) {
            1
        } else {
            return None;
        };
    }
    Some(score)
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(' '),
            c => out.push(c),
        }
    }
}

/// The part of a text where the first of the terms stands, as HTML: found words marked, everything else escaped.
pub fn snippet(text: &str, terms: &[String]) -> String {
    let is_found = |word: &str| terms.iter().any(|term| word.starts_with(term.as_str()));
    let first = words(text).find(|(_, word)| is_found(word)).map_or(0, |(place, _)| place.start);
    // Back to the beginning of a word, as far as there is room.
    let back = text.get(..first).unwrap_or_default().char_indices().rev().take(BEFORE).last().map_or(first, |(at, _)| at);
    let space = text.get(back..first).and_then(|part| part.char_indices().find(|(_, c)| c.is_whitespace()));
    let start = match space {
        Some((at, space)) if back > 0 => back + at + space.len_utf8(),
        _ => back,
    };
    let tail = text.get(start..).unwrap_or_default();
    let shown = tail.char_indices().nth(SHOWN).map_or(tail, |(end, _)| tail.get(..end).unwrap_or(tail));
    let shown = match shown.rfind(char::is_whitespace) {
        Some(space) if shown.len() < tail.len() && space > first - start => shown.get(..space).unwrap_or(shown),
        _ => shown,
    };
    let mut html = String::from(if start > 0 { "…" } else { "" });
    let mut told = 0;
    for (place, word) in words(shown) {
        escape(shown.get(told..place.start).unwrap_or_default(), &mut html);
        let (open, close) = if is_found(&word) { ("<mark>", "</mark>") } else { ("", "") };
        html.push_str(open);
        escape(shown.get(place.clone()).unwrap_or_default(), &mut html);
        html.push_str(close);
        told = place.end;
    }
    escape(shown.get(told..).unwrap_or_default(), &mut html);
    if shown.len() < tail.len() {
        html.push('…');
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_composition_make_no_difference() {
        for spelled in ["José", "JOSE", "Jose\u{301}", "josé"] {
            assert_eq!(terms(spelled), ["jose"], "{spelled}");
        }
        assert_eq!(terms("2026-000042 İstanbul ½ “co-op”"), ["2026", "000042", "istanbul", "12", "co", "op"]);
        assert_eq!(gather(&["To be heard", "be HEARD"]), " be heard to ");
        assert_eq!(gather(&["!?"]), " ");
    }

    #[test]
    fn a_whole_word_in_the_title_counts_most() {
        let terms = terms("med plan");
        assert_eq!(score("Plan", " medication plan ", &terms), Some(9));
        assert_eq!(score("Note", " med plan ", &terms), Some(4));
        assert_eq!(score("Note", " plan ", &terms), None);
    }

    #[test]
    fn a_snippet_is_marked_and_escaped() {
        let found = snippet("<script>alert('José & co')</script>", &terms("jose"));
        assert_eq!(found, "&lt;script&gt;alert(&#39;<mark>José</mark> &amp; co&#39;)&lt;/script&gt;");
        let long = format!("{} needle {}", "hay ".repeat(200), "straw ".repeat(200));
        let found = snippet(&long, &terms("need"));
        assert!(found.starts_with("…hay ") && found.contains(" <mark>needle</mark> straw ") && found.ends_with("straw…"), "{found}");
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_terms_are_letters_and_digits(text in any::<String>()) {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && term.chars().all(char::is_alphanumeric), "{term:?}");
                let whole = format!(" {term} ");
                prop_assert!(gather(&[&text]).contains(&whole));
                prop_assert!(score("", &gather(&[&text]), &[term]).is_some());
            }
        }

        #[test]
        fn whatever_a_text_is_its_snippet_holds_no_markup_but_the_marks(text in "[<>&\"'a-zé\u{301} \n]{0,400}", asked in "[a-z]{1,3}") {
            let html = snippet(&text, &terms(&asked)).replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
        }
    }
}
