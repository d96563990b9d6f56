//! The terms of a query.

use super::*;

/// One word that must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryWord {
    pub text: String,
    /// Set for a single letter or digit: it is searched as a whole word, because too many words begin with it.
    pub is_whole: bool,
}
impl QueryWord {
    fn prefix(text: &str) -> Self {
        let mut letters = text.chars();
        let is_whole = letters.next().is_some_and(|c| !is_of_script_without_spaces(c)) && letters.next().is_none();
        Self { text: text.to_owned(), is_whole }
    }
    /// The substring that a search looks for in the stored words, which have a space before and after each: the whole
    /// word, or its prefix.
    pub fn search_pattern(&self) -> String {
        if self.is_whole { format!(" {} ", self.text) } else { format!(" {}", self.text) }
    }
    /// The same for a list filter: any part of a word, or the prefix for a single letter or digit.
    pub fn list_pattern(&self) -> String {
        if self.is_whole { format!(" {}", self.text) } else { self.text.clone() }
    }
}

/// A part of a query: one of the alternatives must match, with each of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term(pub Vec<Vec<QueryWord>>);

impl Term {
    /// Every word of all alternatives.
    pub fn all(&self) -> impl Iterator<Item = &QueryWord> {
        self.0.iter().flatten()
    }
    /// Whether these stored words match the term in a list filter.
    pub fn is_in(&self, stored: &str) -> bool {
        self.0
            .iter()
            .any(|alternative| alternative.iter().all(|query_word| stored.contains(&query_word.list_pattern())))
    }
}

/// The pieces that must match for the run to match.
pub(super) fn query_pieces(run: &str) -> Vec<QueryWord> {
    let letters: Vec<char> = run.chars().collect();
    let last = letters.len().saturating_sub(PIECE);
    let step = if last > MAX_PIECES { PIECE } else { 1 };
    let starts = (0..last).step_by(step).chain([last]);
    starts.map(|start| QueryWord::prefix(&letters.iter().skip(start).take(PIECE).collect::<String>())).collect()
}

fn is_number_gap(gap: &str) -> bool {
    gap.chars()
        .all(|c| c.is_whitespace() || is_hyphen(c) || is_ignorable(c) || matches!(c, '+' | '.' | '/' | '(' | ')'))
}

/// The number of words in a query.
pub fn count(query: &str) -> usize {
    words(query).count()
}

/// The distinct terms of a query.
pub fn parse_query(text: &str) -> Vec<Term> {
    let all: Vec<Word> = words(text).collect();
    let mut terms: Vec<Term> = Vec::new();
    let mut rest = all.as_slice();
    while let Some(first) = rest.first() {
        let belongs_together = |before: &Word, next: &Word| {
            let gap = text.get(before.range.end..next.range.start).unwrap_or_default();
            next.is_joined
                || before.is_number() && next.is_number() && is_number_gap(gap)
                || !before.is_run()
                    && !next.is_run()
                    && !before.is_number()
                    && before.folded.chars().count() <= MAX_SHORT_WORD
        };
        let length = 1 + rest
            .windows(2)
            .take(MAX_JOINED - 1)
            .take_while(|pair| matches!(pair, [before, next] if belongs_together(before, next)))
            .count();
        let (group, later) = rest.split_at(length.min(rest.len()));
        rest = later;
        let term = if group.iter().all(Word::is_number) { numbers(group) } else { together(group, first) };
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}

pub(super) fn push(alternatives: &mut Vec<Vec<QueryWord>>, alternative: Vec<QueryWord>) {
    if !alternative.is_empty() && !alternatives.contains(&alternative) {
        alternatives.push(alternative);
    }
}

/// A number, or digits that form one when they are joined: a telephone number, a date, a case number.
fn numbers(group: &[Word]) -> Term {
    let digits: String = group.iter().map(|word| word.folded.as_str()).collect();
    let mut alternatives = Vec::new();
    push(&mut alternatives, group.iter().map(|word| QueryWord::prefix(&word.folded)).collect());
    push(&mut alternatives, vec![QueryWord::prefix(cut(&digits))]);
    // The query may have a country code that the record lacks.
    for without in 1..=3 {
        if let Some(local) = digits.get(without..).filter(|local| digits.len() >= 9 && local.len() > MIN_LOCAL_DIGITS) {
            push(&mut alternatives, vec![QueryWord::prefix(cut(local))]);
        }
    }
    Term(alternatives)
}

/// Words that may be written as one: each of them, or all joined.
fn together(group: &[Word], first: &Word) -> Term {
    let mut alternatives = Vec::new();
    let each = |spelled: fn(&Word) -> &str| -> Vec<QueryWord> {
        let query_word = group.iter().flat_map(|word| {
            if word.is_run() { query_pieces(&word.folded) } else { vec![QueryWord::prefix(spelled(word))] }
        });
        query_word.collect()
    };
    let plain: fn(&Word) -> &str = |word| &word.folded;
    let other: fn(&Word) -> &str = |word| word.other.as_deref().unwrap_or(&word.folded);
    push(&mut alternatives, each(plain));
    push(&mut alternatives, each(other));
    if let ([_], Some(bare)) = (group, without_article(&first.folded)) {
        push(&mut alternatives, vec![QueryWord::prefix(bare)]);
    }
    if group.len() > 1 {
        for spelled in [plain, other] {
            let whole: String = group.iter().map(spelled).collect();
            let is_run = group.iter().all(Word::is_run);
            push(&mut alternatives, if is_run { query_pieces(&whole) } else { vec![QueryWord::prefix(cut(&whole))] });
        }
    }
    Term(alternatives)
}
