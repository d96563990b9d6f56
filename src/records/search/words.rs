//! Which words of a record are stored for the search, how well a record matches, and how a snippet shows what was
//! found. [`fold`] folds all words.

use crate::types::fold::{self, QueryWord, Term, Word};
use std::{collections::BTreeSet, ops::Range};

/// The most bytes of a record's words that are stored. Words beyond that are not found. Both engines limit the size of
/// an indexed text. No note is nearly that long.
const MAX_BYTES: usize = 400_000;
/// The longest prefix that an index puts before each word, in bytes.
const LABEL: usize = 16;

/// How many characters a snippet shows before the first word that was found, and in all.
const BEFORE: usize = 60;
const SHOWN: usize = 240;
/// How many words a snippet joins to match what was typed as one word: `dela` for `De la Cruz`.
const TOGETHER: usize = 6;

/// Each word of these texts and of `more`, once, with a space before and after it: ` be heard to want `.
pub fn gather(texts: &[&str], more: BTreeSet<String>) -> String {
    let mut all = more;
    for text in texts {
        fold::add_text(text, &mut all);
    }
    let mut gathered = String::from(" ");
    let mut bytes = 0;
    for word in all {
        bytes += word.len() + LABEL;
        if bytes > MAX_BYTES {
            break;
        }
        gathered.push_str(&word);
        gathered.push(' ');
    }
    gathered
}

/// How well a record matches the terms; `None` if it lacks one. A whole word counts more than the beginning of a word,
/// the title more than the rest. The score does not depend on other records.
pub fn score(title: &str, gathered: &str, terms: &[Term]) -> Option<i32> {
    let mut of_title = BTreeSet::new();
    fold::add_name(title, &mut of_title);
    let title = of_title.into_iter().fold(String::from(" "), |all, word| all + &word + " ");
    let of_word = |asked: &QueryWord| {
        let (whole, beginning) = (format!(" {} ", asked.text), format!(" {}", asked.text));
        let matches = [
            (title.as_str(), &whole, 8),
            (title.as_str(), &beginning, 4),
            (gathered, &whole, 2),
            (gathered, &beginning, 1),
        ];
        let mut matches = matches.into_iter().filter(|(_, part, _)| !asked.is_whole || *part == &whole);
        matches.find_map(|(text, part, counts)| text.contains(part.as_str()).then_some(counts))
    };
    let of_term =
        |term: &Term| term.0.iter().filter_map(|alternative| alternative.iter().map(of_word).min().flatten()).max();
    terms.iter().map(of_term).sum()
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

/// The range of the first word, or of the first words joined, if it matches the query word.
fn found_at(words: &[Word], asked: &QueryWord) -> Option<Range<usize>> {
    let first = words.first()?;
    let begins = |word: &str| if asked.is_whole { word == asked.text } else { word.starts_with(asked.text.as_str()) };
    if !first.letters.is_empty() {
        // In a text without spaces, only the letters of the query word.
        let at = first.folded.find(asked.text.as_str())?;
        let before = first.folded.get(..at)?.chars().count();
        let last = before + asked.text.chars().count().checked_sub(1)?;
        return Some(first.letters.get(before)?.start..first.letters.get(last)?.end);
    }
    if first.spellings().any(begins) {
        return Some(first.range.clone());
    }
    let mut together = String::new();
    for word in words.iter().take(TOGETHER) {
        together.push_str(&word.folded);
        if begins(&together) {
            return Some(first.range.start..word.range.end);
        }
        if !asked.text.starts_with(&together) {
            return None;
        }
    }
    None
}

/// The parts of a text that match the terms, in their order, without overlaps.
fn matching_ranges(text: &str, terms: &[Term]) -> impl Iterator<Item = Range<usize>> {
    let mut rest = fold::words(text);
    let mut ahead: Vec<Word> = Vec::new();
    let mut end = 0;
    std::iter::from_fn(move || {
        loop {
            while ahead.len() < TOGETHER
                && let Some(word) = rest.next()
            {
                ahead.push(word);
            }
            let first = ahead.first()?;
            let found = terms.iter().flat_map(Term::all).filter_map(|asked| found_at(&ahead, asked));
            let found = found
                .filter(|range| range.start >= end)
                .min_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
            let Some(range) = found else {
                ahead.remove(0);
                continue;
            };
            end = range.end;
            match first.letters.iter().position(|letter| letter.start >= end) {
                // The rest of the run may contain it again.
                Some(keep) => {
                    if let Some(first) = ahead.first_mut() {
                        first.folded = first.folded.chars().skip(keep).collect();
                        first.letters.drain(..keep);
                        first.range.start = end;
                    }
                }
                None => ahead.retain(|word| word.range.start >= end),
            }
            return Some(range);
        }
    })
}

/// The part of a text around the first match, as HTML: matches are marked, everything else is escaped.
pub fn snippet(text: &str, terms: &[Term]) -> String {
    let first = matching_ranges(text, terms).next().map_or(0, |range| range.start);
    // Moves back to the beginning of a word, as far as there is room.
    let back =
        text.get(..first).unwrap_or_default().char_indices().rev().take(BEFORE).last().map_or(first, |(at, _)| at);
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
    let mut written = 0;
    for range in matching_ranges(shown, terms) {
        escape(shown.get(written..range.start).unwrap_or_default(), &mut html);
        html.push_str("<mark>");
        escape(shown.get(range.clone()).unwrap_or_default(), &mut html);
        html.push_str("</mark>");
        written = range.end;
    }
    escape(shown.get(written..).unwrap_or_default(), &mut html);
    if shown.len() < tail.len() {
        html.push('…');
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::fold::parse_query;
    use proptest::prelude::*;

    fn gathered(text: &str) -> String {
        gather(&[text], BTreeSet::new())
    }

    #[test]
    fn whole_word_in_the_title_scores_highest() {
        let terms = parse_query("meds plan");
        assert_eq!(score("Plan", " medsation plan ", &terms), Some(9));
        assert_eq!(score("Note", " meds plan ", &terms), Some(4));
        assert_eq!(score("Note", " plan ", &terms), None);
        assert_eq!(gathered("To be heard, be HEARD"), " be heard to ");
        assert_eq!(gathered("!?"), " ");
    }

    #[test]
    fn single_letter_matches_only_whole_words() {
        let terms = parse_query("o");
        assert_eq!(score("", &gathered("O'Brien"), &terms), Some(2));
        assert_eq!(score("", &gathered("Olga"), &terms), None);
    }

    #[test]
    fn snippet_is_marked_and_escaped() {
        let found = snippet("<script>alert('José & co')</script>", &parse_query("jose"));
        assert_eq!(found, "&lt;script&gt;alert(&#39;<mark>José</mark> &amp; co&#39;)&lt;/script&gt;");
        let long = format!("{} needle {}", "hay ".repeat(200), "straw ".repeat(200));
        let found = snippet(&long, &parse_query("need"));
        assert!(
            found.starts_with("…hay ") && found.contains(" <mark>needle</mark> straw ") && found.ends_with("straw…"),
            "{found}"
        );
    }

    #[test]
    fn match_of_one_query_word_gets_one_mark() {
        for (text, asked, marked) in [
            ("Pat O’Brien", "obrien", "Pat <mark>O’Brien</mark>"),
            ("Ana De la Cruz", "delacruz", "Ana <mark>De la Cruz</mark>"),
            ("Ana De la Cruz", "dela cruz", "Ana <mark>De la</mark> <mark>Cruz</mark>"),
            ("Jürgen Müller", "mueller", "Jürgen <mark>Müller</mark>"),
            ("今天见了王小明，明天再见王小明", "小明", "今天见了王<mark>小明</mark>，明天再见王<mark>小明</mark>"),
            ("นายสมชาย ใจดี", "ชาย", "นายสม<mark>ชาย</mark> ใจดี"),
        ] {
            assert_eq!(snippet(text, &parse_query(asked)), marked, "{asked}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_found_by_its_own_words(text in any::<String>()) {
            let (kept, terms) = (gathered(&text), parse_query(&text));
            for term in &terms {
                prop_assert!(term.all().all(|asked| !asked.text.is_empty() && asked.text.chars().all(char::is_alphanumeric)), "{term:?}");
            }
            prop_assert!(score("", &kept, &terms).is_some(), "{kept} lacks one of {terms:?}");
        }

        #[test]
        fn snippet_of_any_text_contains_no_markup_except_marks(text in "[<>&\"'a-zé王小明\u{301} \n]{0,400}", asked in "[a-z王小明]{1,3}") {
            let html = snippet(&text, &parse_query(&asked)).replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!html.contains(['<', '>', '"', '\'']), "{html}");
        }
    }
}
