//! Codes of the editable lists. The vocabulary is data and never a constant in code.
//!
//! The data files are in `code_lists/`. A code that is no longer offered is listed there under `retired`: records that
//! have it can still be read, and new records with it are refused. `GET /code-lists` returns these lists, and [`Code`]
//! validates against them.

use super::{fault::Fault, sql};
use diesel::{
    deserialize::{FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{Output, ToSql},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::LazyLock};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// One list in the form of the data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub name: String,
    pub title: String,
    /// The attribution that the licence of the list requires.
    pub attribution: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    retired: Vec<String>,
    /// Codes that have no meaning without an additional text.
    #[serde(default)]
    needs_text: Vec<String>,
}

/// One code of a list.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub code: &'a str,
    pub group: Option<&'a str>,
    pub label: String,
    pub retired: bool,
    pub needs_text: bool,
}

impl List {
    /// Every code, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let plain = self.codes.iter().map(|code| (None, code));
        let grouped =
            self.groups.iter().flat_map(|(group, codes)| codes.iter().map(move |code| (Some(group.as_str()), code)));
        plain.chain(grouped).map(|(group, code)| Entry {
            code,
            group,
            label: self.labels.get(code).cloned().unwrap_or_else(|| words(code)),
            retired: self.retired.contains(code),
            needs_text: self.needs_text.contains(code),
        })
    }
}

/// Converts a code such as `waitlist_delay` to readable text.
pub fn words(code: &str) -> String {
    let mut text = code.replace('_', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Every list, by name.
#[expect(clippy::expect_used, reason = "the files are compiled in, and a unit test reads them")]
pub static LISTS: LazyLock<BTreeMap<String, List>> = LazyLock::new(|| {
    let mut lists: Vec<List> = serde_json::from_str(include_str!("code_lists/lists.json")).expect("lists.json");
    lists.push(serde_json::from_str(include_str!("code_lists/open_eligibility.json")).expect("open_eligibility.json"));
    lists.into_iter().map(|list| (list.name.clone(), list)).collect()
});

/// Names a list at compile time.
pub trait CodeList: 'static {
    /// The list in the data file.
    const LIST: &'static str;
    /// The name of its schema in the OpenAPI document.
    const SCHEMA: &'static str;
}

/// Declares the type of each list that a column or a member uses.
macro_rules! code_lists {
    ($($(#[$doc:meta])* $name:ident = $marker:ident($list:literal);)*) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $marker {}
        impl CodeList for $marker {
            const LIST: &'static str = $list;
            const SCHEMA: &'static str = stringify!($name);
        }
        $(#[$doc])*
        pub type $name = Code<$marker>;
    )*};
}

code_lists! {
    AdvocacyType = AdvocacyTypes("advocacy_type");
    IntakeSource = IntakeSources("intake_source");
    ClosingReason = ClosingReasons("closing_reason");
    UnmetNeedReason = UnmetNeedReasons("unmet_need_reason");
    CaseOutcome = CaseOutcomes("case_outcome");
    NonInstructedBasis = NonInstructedBases("non_instructed_basis");
    BarrierType = BarrierTypes("barrier_type");
    DiscriminationBasis = DiscriminationBases("discrimination_basis");
    MeetingType = MeetingTypes("meeting_type");
    MeetingOutcome = MeetingOutcomes("meeting_outcome");
    PreparationCategory = PreparationCategories("preparation_category");
    ServiceStatus = ServiceStatuses("service_status");
    ActionType = ActionTypes("action_type");
    Scheme = Schemes("scheme");
    Jurisdiction = Jurisdictions("jurisdiction");
    /// The purpose of a disclosure to a party outside the organization.
    DisclosurePurpose = DisclosurePurposes("disclosure_purpose");
}

/// A code of the list `L`.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Text)]
pub struct Code<L: CodeList>(&'static str, PhantomData<fn() -> L>);

impl<L: CodeList> Code<L> {
    /// Parses a code, including one that is no longer offered.
    pub fn known(text: &str) -> Option<Self> {
        let entry = LISTS.get(L::LIST)?.entries().find(|entry| entry.code == text)?;
        Some(Self(entry.code, PhantomData))
    }
    pub const fn as_str(self) -> &'static str {
        self.0
    }
    /// Whether the code has no meaning without an additional text.
    pub fn needs_text(self) -> bool {
        LISTS.get(L::LIST).is_some_and(|list| list.needs_text.iter().any(|code| code == self.0))
    }
    /// The code as readable text.
    pub fn label(self) -> String {
        let entry = LISTS.get(L::LIST).and_then(|list| list.entries().find(|entry| entry.code == self.0));
        entry.map_or_else(|| words(self.0), |entry| entry.label)
    }
    fn offered() -> impl Iterator<Item = &'static str> {
        LISTS.get(L::LIST).into_iter().flat_map(List::entries).filter(|entry| !entry.retired).map(|entry| entry.code)
    }
    /// The offered code at this index, modulo their number, for demo data.
    pub fn nth(place: usize) -> Option<Self> {
        let all: Vec<_> = Self::offered().collect();
        all.get(place % all.len().max(1)).map(|code| Self(code, PhantomData))
    }
}

impl<L: CodeList> Clone for Code<L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<L: CodeList> Copy for Code<L> {}
impl<L: CodeList> PartialEq for Code<L> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<L: CodeList> Eq for Code<L> {}
impl<L: CodeList> PartialEq<&str> for Code<L> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
impl<L: CodeList> fmt::Debug for Code<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
impl<L: CodeList> Serialize for Code<L> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0)
    }
}
impl<'de, L: CodeList> Deserialize<'de> for Code<L> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let code = Self::offered().find(|code| *code == text);
        code.map(|code| Self(code, PhantomData)).ok_or_else(|| {
            Fault::new("unknown_code", format!("must be a code of the list {} (GET /api/v1/code-lists/{0})", L::LIST))
                .serde()
        })
    }
}
impl<L: CodeList> utoipa::PartialSchema for Code<L> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::offered()))
            .description(Some(format!("A code of the list `{}`.", L::LIST)))
            .into()
    }
}
impl<L: CodeList> utoipa::ToSchema for Code<L> {
    fn name() -> std::borrow::Cow<'static, str> {
        L::SCHEMA.into()
    }
}
impl<L: CodeList, DB> ToSql<sql::Text, DB> for Code<L>
where
    DB: diesel::backend::Backend,
    str: ToSql<sql::Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
        self.0.to_sql(out)
    }
}
impl<L: CodeList, DB> FromSql<sql::Text, DB> for Code<L>
where
    DB: diesel::backend::Backend,
    String: FromSql<sql::Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        Self::known(&String::from_sql(raw)?).ok_or_else(|| format!("a code that the list {} has not", L::LIST).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_list_is_consistent() {
        for list in LISTS.values() {
            let codes: Vec<_> = list.entries().map(|entry| entry.code.to_owned()).collect();
            let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
            assert_eq!(codes.len(), distinct.len(), "{} repeats a code", list.name);
            for named in list.labels.keys().chain(&list.retired).chain(&list.needs_text) {
                assert!(codes.contains(named), "{} speaks of {named}, which it has not", list.name);
            }
        }
        assert_eq!(LISTS["barrier_type"].entries().count(), 51);
        assert_eq!(BarrierType::known("waitlist_delay").unwrap().as_str(), "waitlist_delay");
        assert!(BarrierType::known("nope").is_none());
    }
}
