//! The records that can be searched, the query, and the results.

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
    /// The name of the record. Shown as it is, and searched.
    fn title(&self) -> String;
    /// The text of the record. Snippets come from it.
    fn body(&self) -> String;
    /// Words that find the record in addition to those of its title and its body, already folded.
    fn more(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
    /// For a note: its kind and its author, which decide who may read it.
    fn readers(&self) -> Option<(NoteKind, UserId)> {
        None
    }
}

/// The additional words that find a person: the names with their parts joined, the telephone number as digits, the
/// e-mail address, and the date of birth. Only roles that may see all of these can search (`auth/members.txt`).
pub fn of_person<'a>(
    names: impl IntoIterator<Item = &'a str>,
    phone: Option<&str>,
    email: Option<&str>,
    born: Option<Day>,
) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    names.into_iter().for_each(|name| fold::add_name(name, &mut all));
    phone.into_iter().for_each(|phone| fold::add_phone(phone, &mut all));
    email.into_iter().for_each(|email| fold::add_text(email, &mut all));
    born.into_iter().for_each(|born| fold::add_date(born, &mut all));
    all
}

/// The additional word that finds a case by its number: `202642` for `2026-000042`, so that a user may leave the zeros
/// out.
pub fn of_case_number(number: &str) -> BTreeSet<String> {
    let Some((year, number)) = number.split_once('-') else { return BTreeSet::new() };
    BTreeSet::from([format!("{year}{}", number.trim_start_matches('0'))])
}

/// The texts that are present, each on its own line.
pub fn lines<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// The stored text of a record.
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

/// A new row of `search_documents`. The database assigns its number.
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

const MAX_CHARACTERS: usize = 100;
const MAX_TERMS: usize = 10;

/// The words to search for. Never logged, because they may be a name.
#[derive(Clone, Default)]
pub struct QueryTerms(Vec<Term>);

impl QueryTerms {
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        let length = text.trim().chars().count();
        if !(1..=MAX_CHARACTERS).contains(&length) {
            return Err(Fault::new("out_of_range", format!("must have 1 to {MAX_CHARACTERS} characters")));
        }
        match fold::count(text) {
            0 => Err(Fault::new("blank", "must have a letter or a digit in it")),
            1..=MAX_TERMS => Ok(Self(fold::parse_query(text))),
            _ => Err(Fault::new("too_long", format!("must have at most {MAX_TERMS} words"))),
        }
    }
    /// A query from the program itself.
    pub const fn of(terms: Vec<Term>) -> Self {
        Self(terms)
    }
    pub fn terms(&self) -> &[Term] {
        &self.0
    }
}
impl std::fmt::Debug for QueryTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}
impl<'de> Deserialize<'de> for QueryTerms {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl PartialSchema for QueryTerms {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(MAX_CHARACTERS))
            // No `pattern`: a letter or a digit of any script is enough, and no regular expression says that in the
            // same way for every validator.
            .description(Some("At least one letter or digit, of any script."))
            .examples([serde_json::json!("bridge prescription")])
            .into()
    }
}
impl ToSchema for QueryTerms {}

/// What to search for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchFilter {
    /// Up to ten words, or their beginnings. Each must be in the record.
    #[param(inline)]
    pub q: QueryTerms,
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
    /// The case that it is, or that it belongs to; absent for a client.
    pub case_id: Option<CaseId>,
    /// The client's name, the case's number, or what kind of barrier, meeting or note it is. Plain text.
    pub title: String,
    /// The part of the text where the words were found. HTML: found words are between `<mark>` and `</mark>`,
    /// everything else is escaped.
    pub snippet: String,
    /// How well it matches. Compare it only within one search.
    pub score: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_has_1_to_100_characters_and_at_least_one_word() {
        assert_eq!(QueryTerms::parse("José  clinic").map(|query| query.0.len()), Ok(2));
        assert_eq!(QueryTerms::parse("明").map(|query| query.0.len()), Ok(1));
        for (bad, code) in
            [("", "out_of_range"), ("  ", "out_of_range"), ("\"*", "blank"), ("a b c d e f g h i j k", "too_long")]
        {
            assert_eq!(QueryTerms::parse(bad).unwrap_err().code, code, "{bad}");
        }
        assert!(QueryTerms::parse(&"é".repeat(100)).is_ok() && QueryTerms::parse(&"é".repeat(101)).is_err());
    }
}
