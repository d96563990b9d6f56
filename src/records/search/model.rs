//! What is searched, what is asked, and what is found.

use super::words;
use crate::{
    auth::TeamId,
    auth::{OrganizationId, UserId},
    db::{dialect::Key, schema::search_documents},
    http::{Filter, OneOf},
    records::{ids::CaseId, visibility::NoteKind},
    types::{
        Day,
        fault::Fault,
        fold::{self, Term},
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

text_enum! {
    /// What kind of record was found.
    pub enum SearchKind { Client = "client", Case = "case", Barrier = "barrier", Meeting = "meeting", Note = "note" }
}

/// A record that can be found by its words.
pub trait Searchable {
    const KIND: SearchKind;
    fn key(&self) -> Key;
    fn case(&self) -> Option<CaseId>;
    /// What it is called; shown as it is, and searched.
    fn title(&self) -> String;
    /// What it says; a snippet is taken from it.
    fn body(&self) -> String;
    /// Words that it is found by beside those of its title and its body, folded already.
    fn more(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// Of a note: for whose eyes it is.
    fn readers(&self) -> Option<(NoteKind, UserId)> {
        None
    }
}

/// What a person is found by beside the words of their names: the names with their parts joined, the telephone number
/// as digits, the e-mail address, and the date of birth. Search is for roles that are shown all of these
/// (`auth/members.txt`).
pub fn of_person<'a>(
    names: impl IntoIterator<Item = &'a str>,
    phone: Option<&str>,
    email: Option<&str>,
    born: Option<Day>,
) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    names.into_iter().for_each(|name| fold::name(name, &mut all));
    phone.into_iter().for_each(|phone| fold::phone(phone, &mut all));
    email.into_iter().for_each(|email| fold::stored(email, &mut all));
    born.into_iter().for_each(|born| fold::date(born, &mut all));
    all
}

/// What the number of a case is found by beside its parts: `202642` of `2026-000042`, so that it is found without its
/// zeros.
pub fn of_case_number(number: &str) -> BTreeSet<String> {
    let Some((year, number)) = number.split_once('-') else { return BTreeSet::new() };
    BTreeSet::from([format!("{year}{}", number.trim_start_matches('0'))])
}

/// The texts that there are, each on a line of its own.
pub fn lines<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What is kept of a record's text.
#[derive(Debug, Clone, AsChangeset)]
#[diesel(table_name = search_documents)]
pub struct Content {
    pub title: String,
    pub body: String,
    pub words: Option<String>,
}

impl Content {
    pub fn new(title: String, body: String, more: BTreeSet<String>) -> Self {
        let words = Some(words::gather(&[&title, &body], more));
        Self { title, body, words }
    }
    pub fn of(record: &impl Searchable) -> Self {
        Self::new(record.title(), record.body(), record.more())
    }
}

/// A new row of `search_documents`; its number is the next.
#[derive(Debug, Insertable)]
#[diesel(table_name = search_documents, treat_none_as_default_value = false)]
pub struct Document {
    pub organization_id: OrganizationId,
    pub id: Key,
    pub kind: SearchKind,
    pub team_id: TeamId,
    pub case_id: Option<CaseId>,
    pub note_kind: Option<NoteKind>,
    pub author_id: Option<UserId>,
    pub title: String,
    pub body: String,
    pub words: Option<String>,
}

impl Document {
    pub fn of<R: Searchable>(organization_id: OrganizationId, team_id: TeamId, record: &R) -> Self {
        let Content { title, body, words } = Content::of(record);
        let (note_kind, author_id) = record.readers().unzip();
        Self {
            organization_id,
            id: record.key(),
            kind: R::KIND,
            team_id,
            case_id: record.case(),
            note_kind,
            author_id,
            title,
            body,
            words,
        }
    }
}

const MOST_CHARACTERS: usize = 100;
const MOST_TERMS: usize = 10;

/// The words that are searched for. Never logged: they may be a name.
#[derive(Clone, Default)]
pub struct Question(Vec<Term>);

impl Question {
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        let length = text.trim().chars().count();
        if !(1..=MOST_CHARACTERS).contains(&length) {
            return Err(Fault::new("out_of_range", format!("must have 1 to {MOST_CHARACTERS} characters")));
        }
        match fold::count(text) {
            0 => Err(Fault::new("blank", "must have a letter or a digit in it")),
            1..=MOST_TERMS => Ok(Self(fold::question(text))),
            _ => Err(Fault::new("too_long", format!("must have at most {MOST_TERMS} words"))),
        }
    }
    /// A question that the program asks by itself.
    pub const fn of(terms: Vec<Term>) -> Self {
        Self(terms)
    }
    pub fn terms(&self) -> &[Term] {
        &self.0
    }
}
impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}
impl<'de> Deserialize<'de> for Question {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl PartialSchema for Question {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MOST_CHARACTERS))
            // No pattern: a letter or a digit of any script will do, and no pattern that every validator reads the same
            // says that.
            .description(Some("At least one letter or digit, of any script."))
            .examples([serde_json::json!("bridge prescription")])
            .into()
    }
}
impl ToSchema for Question {}

/// What to search for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchFilter {
    /// Up to ten words, or their beginnings. Each must be in the record.
    #[param(inline)]
    pub q: Question,
    /// Only records of these kinds.
    #[serde(default)]
    #[param(value_type = Option<OneOf<SearchKind>>, inline)]
    pub kind: Option<OneOf<SearchKind>>,
}
impl Filter for SearchFilter {
    const SORTS: &'static [&'static str] = &["-score"];
}
impl SearchFilter {
    pub fn wants(&self, kind: SearchKind) -> bool {
        self.kind.as_ref().is_none_or(|kinds| kinds.0.contains(&kind))
    }
    /// The kinds that are wanted.
    pub fn kinds(&self) -> Vec<SearchKind> {
        SearchKind::ALL.iter().copied().filter(|kind| self.wants(*kind)).collect()
    }
}

/// One record that was found.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/search_result.json"))))]
pub struct SearchResult {
    pub kind: SearchKind,
    /// The record's id.
    pub id: Key,
    /// The case that it is, or belongs to; absent for a client.
    pub case_id: Option<CaseId>,
    /// The client's name, the case's number, or what kind of barrier, meeting or note it is. Plain text.
    pub title: String,
    /// Where the words were found. HTML: they stand between `<mark>` and `</mark>`, everything else is escaped.
    pub snippet: String,
    /// How well it answers; compares within one search only.
    pub score: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_to_a_hundred_characters_and_a_word() {
        assert_eq!(Question::parse("José  clinic").map(|question| question.0.len()), Ok(2));
        assert_eq!(Question::parse("明").map(|question| question.0.len()), Ok(1));
        for (bad, code) in
            [("", "out_of_range"), ("  ", "out_of_range"), ("\"*", "blank"), ("a b c d e f g h i j k", "too_long")]
        {
            assert_eq!(Question::parse(bad).unwrap_err().code, code, "{bad}");
        }
        assert!(Question::parse(&"é".repeat(100)).is_ok() && Question::parse(&"é".repeat(101)).is_err());
    }
}
