//! Compares two versions of a statement, section by section and word by word.

use super::{
    model::{StatementId, StatementRow},
    sections::{Section, SectionText},
};
use serde::{Deserialize, Serialize};
use similar::{Algorithm, ChangeTag, DiffOp};
use std::time::{Duration, Instant};
use utoipa::{IntoParams, ToSchema};

/// The time limit of the search for the shortest difference. After it, a longer difference is good enough.
const TIME_LIMIT: Duration = Duration::from_millis(200);

text_enum! {
    pub enum SectionChange { Added = "added", Removed = "removed", Changed = "changed" }
}
text_enum! {
    pub enum WordChange { Same = "same", Added = "added", Removed = "removed" }
}

/// The parameters of a comparison.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// Another version of the same client's statement, by default the previous one.
    pub against: Option<StatementId>,
}

/// The changes from `against_id` to `statement_id`. Unchanged sections are left out.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/statement_diff.json"))))]
pub struct StatementDiff {
    pub statement_id: StatementId,
    /// Absent if there is no earlier version. Then everything counts as added.
    pub against_id: Option<StatementId>,
    pub sections: Vec<SectionDiff>,
}

/// A section that has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionDiff {
    pub section: Section,
    /// The printed heading of the section.
    pub heading: String,
    pub change: SectionChange,
    /// `same` and `added` together are the new text; `same` and `removed` together are the old text.
    pub words: Vec<WordsDiff>,
}

/// Consecutive words with the same kind of change.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WordsDiff {
    pub change: WordChange,
    pub text: String,
}

impl StatementDiff {
    pub fn between(row: &StatementRow, against: Option<&StatementRow>) -> Self {
        let deadline = Instant::now() + TIME_LIMIT;
        let compare = |section: &Section| {
            let (before, after) = (against.and_then(|row| row.sections.0.get(*section)), row.sections.0.get(*section));
            let change = match (before, after) {
                (None, Some(_)) => SectionChange::Added,
                (Some(_), None) => SectionChange::Removed,
                (Some(before), Some(after)) if before != after => SectionChange::Changed,
                _ => return None,
            };
            let (before, after) = (before.map_or("", SectionText::as_str), after.map_or("", SectionText::as_str));
            Some(SectionDiff {
                section: *section,
                heading: section.heading().to_owned(),
                change,
                words: compare_words(before, after, deadline),
            })
        };
        Self {
            statement_id: row.id,
            against_id: against.map(|row| row.id),
            sections: Section::ALL.iter().filter_map(compare).collect(),
        }
    }
}

/// The words of a text, each with the space after it. Joined they give the text again.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut spaced) = (0, false);
    for (at, c) in text.char_indices() {
        if spaced && !c.is_whitespace() {
            words.extend(text.get(start..at));
            start = at;
        }
        spaced = c.is_whitespace();
    }
    words.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    words
}

fn compare_words(before: &str, after: &str, deadline: Instant) -> Vec<WordsDiff> {
    let (before, after) = (split(before), split(after));
    let ops = similar::capture_diff_slices_deadline(Algorithm::Myers, &before, &after, Some(deadline));
    let changes = ops.iter().flat_map(|op: &DiffOp| op.iter_slices(&before, &after));
    let parts = changes.map(|(tag, words)| WordsDiff {
        change: match tag {
            ChangeTag::Equal => WordChange::Same,
            ChangeTag::Insert => WordChange::Added,
            ChangeTag::Delete => WordChange::Removed,
        },
        text: words.concat(),
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn diff(before: &str, after: &str) -> Vec<WordsDiff> {
        compare_words(before, after, Instant::now() + TIME_LIMIT)
    }
    fn only(parts: &[WordsDiff], change: WordChange) -> String {
        parts
            .iter()
            .filter(|part| part.change == change || part.change == WordChange::Same)
            .map(|part| part.text.as_str())
            .collect()
    }

    #[test]
    fn diff_marks_same_removed_and_added_words() {
        let parts = diff("A text the week before.", "A text the day before.");
        let shown: Vec<(&str, &str)> = parts.iter().map(|part| (part.change.as_str(), part.text.as_str())).collect();
        assert_eq!(shown, [("same", "A text the "), ("removed", "week "), ("added", "day "), ("same", "before.")]);
        assert_eq!(diff("", ""), []);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_rebuilt_from_a_diff(before in "[a-c \n\u{e9}]{0,60}", after in "[a-c \n\u{e9}]{0,60}") {
            let parts = diff(&before, &after);
            prop_assert_eq!(only(&parts, WordChange::Removed), before);
            prop_assert_eq!(only(&parts, WordChange::Added), after);
        }
    }

    #[test]
    fn diff_of_two_long_different_texts_is_fast() {
        let text = |word: &str| {
            std::iter::repeat_n(word, 2000).enumerate().map(|(i, word)| format!("{word}{} ", i % 7)).collect::<String>()
        };
        let began = Instant::now();
        let parts = diff(&text("a"), &text("b"));
        assert!(parts.iter().all(|part| part.change != WordChange::Same));
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
