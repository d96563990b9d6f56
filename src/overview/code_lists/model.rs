//! A code list in the API, and which lists there are.

use crate::{
    auth::Role,
    casework::{
        assignments::model::AssignmentRole,
        cases::model::{CaseStatus, Instruction, Priority},
        notes::model::NoteKind,
    },
    directory::deadline_rules::model::{DeadlineBound, DeadlineTrigger, DeadlineUnit, WeekendRule},
    types::code::{self, LISTS},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Declares the table of closed sets.
macro_rules! closed_sets {
    ($($name:literal, $title:literal, $words:ty;)*) => {
        /// The closed sets, whose codes the program itself depends on: name, title, all codes.
        const CLOSED: &[(&str, &str, fn() -> Vec<&'static str>)] = &[$(($name, $title, || <$words>::ALL.iter().map(|word| word.as_str()).collect())),*];
    };
}

closed_sets! {
    "case_status", "Status of a case", CaseStatus;
    "priority", "How soon it needs attention", Priority;
    "instruction", "Whether the client instructs the advocate", Instruction;
    "assignment_role", "In what part somebody works a case", AssignmentRole;
    "note_kind", "Kind of note", NoteKind;
    "deadline_trigger", "What starts the clock of a deadline", DeadlineTrigger;
    "deadline_unit", "In what a deadline is counted", DeadlineUnit;
    "deadline_bound", "How firm a deadline is", DeadlineBound;
    "weekend_rule", "What becomes of a last day on a weekend or a holiday", WeekendRule;
    "role", "Role of a person who signs in", Role;
}

/// Every code list, by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"items": [{"name": "priority", "title": "How soon it needs attention", "codes": 3}]}))]
pub struct CodeLists {
    pub items: Vec<CodeListSummary>,
}

/// One code list without its codes.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/code_list_summary.json"))))]
pub struct CodeListSummary {
    pub name: &'static str,
    pub title: &'static str,
    /// The source to credit.
    pub attribution: Option<&'static str>,
    /// How many codes it has.
    #[schema(value_type = i64)]
    pub codes: usize,
}

/// One code list.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/code_list.json"))))]
pub struct CodeList {
    pub name: &'static str,
    pub title: &'static str,
    /// The source to credit.
    pub attribution: Option<&'static str>,
    pub codes: Vec<ListedCode>,
}

/// One code of a list.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/listed_code.json"))))]
pub struct ListedCode {
    pub code: &'static str,
    /// The text to show.
    pub label: String,
    pub group: Option<&'static str>,
    /// Whether new records with it are refused.
    pub retired: bool,
    /// Whether a text must be given with it.
    pub needs_text: bool,
}

impl CodeLists {
    pub fn all() -> Self {
        let open = LISTS.values().map(|list| CodeListSummary {
            name: &list.name,
            title: &list.title,
            attribution: list.attribution.as_deref(),
            codes: list.entries().count(),
        });
        let closed = CLOSED.iter().map(|(name, title, words)| CodeListSummary {
            name,
            title,
            attribution: None,
            codes: words().len(),
        });
        let mut items: Vec<_> = open.chain(closed).collect();
        items.sort_by_key(|list| list.name);
        Self { items }
    }
}

impl CodeList {
    /// The list of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(list) = LISTS.get(name) {
            let codes = list.entries().map(|entry| ListedCode {
                code: entry.code,
                label: entry.label,
                group: entry.group,
                retired: entry.retired,
                needs_text: entry.needs_text,
            });
            return Some(Self {
                name: &list.name,
                title: &list.title,
                attribution: list.attribution.as_deref(),
                codes: codes.collect(),
            });
        }
        let (name, title, words) = CLOSED.iter().find(|(closed, ..)| *closed == name)?;
        let codes = words().into_iter().map(|code| ListedCode {
            code,
            label: code::words(code),
            group: None,
            retired: false,
            needs_text: false,
        });
        Some(Self { name, title, attribution: None, codes: codes.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_list_has_a_unique_name_and_codes() {
        let items = CodeLists::all().items;
        let names: std::collections::BTreeSet<_> = items.iter().map(|list| list.name).collect();
        assert_eq!(names.len(), items.len());
        for list in &items {
            assert_eq!(CodeList::named(list.name).unwrap().codes.len(), list.codes, "{}", list.name);
            assert!(list.codes > 0);
        }
        assert!(CodeList::named("nope").is_none());
    }

    #[test]
    fn closed_code_set_derives_labels_from_codes() {
        let list = CodeList::named("case_status").unwrap();
        assert!(list.codes.iter().any(|code| code.code == "on_hold" && code.label == "On hold"));
    }
}
