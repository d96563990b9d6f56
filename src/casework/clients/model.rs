//! The model of a client: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    db::{dialect::Key, schema::clients},
    error::{ApiError, Code},
    http::{Filter, Resource},
    identity::teams::model::TeamId,
    records::{
        ids::CaseId,
        search::model::{SearchKind, Searchable, lines, of_person},
    },
    types::{Change, Day, Email, Id, Instant, Json, Line, Patch, Text, fault::Fault},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub use crate::records::ids::ClientId;

/// How to contact the person without harm. Contact is not allowed unless it is stated here.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/safe_contact.json"))))]
pub struct SafeContact {
    pub call: bool,
    pub voicemail: bool,
    pub text: bool,
    pub email: bool,
    pub mail: bool,
    /// When contact is safe.
    pub times: Option<Text<500>>,
    /// What to say about who is calling, so that nobody learns of the advocacy.
    pub say_we_are: Option<Line<200>>,
    /// People, places or ways that must never be used for contact.
    pub never_contact: Option<Text<1000>>,
}

/// A row of `clients`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
pub struct ClientRow {
    pub organization_id: OrganizationId,
    pub id: ClientId,
    pub team_id: TeamId,
    pub preferred_name: Line<120>,
    pub legal_name: Option<Line<200>>,
    pub pronouns: Option<Line<40>>,
    pub date_of_birth: Option<Day>,
    pub phone: Option<Line<40>>,
    pub email: Option<Email>,
    pub address: Option<Text<500>>,
    pub language: Option<Line<60>>,
    pub interpreter_needed: bool,
    pub safe_contact: Json<SafeContact>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// The client was merged into another one, and is no longer shown.
    pub is_merged: bool,
    pub other_names: Json<Vec<Line<200>>>,
}

/// The maximum number of names of merged duplicates.
const MAX_NAMES: usize = 20;

/// Joins the texts of both clients on one subject.
fn join<T: PartialEq>(
    own: Option<T>,
    other: Option<T>,
    member: &str,
    joined: impl FnOnce(T, T) -> Result<T, Fault>,
) -> Result<Option<T>, ApiError> {
    match (own, other) {
        (Some(own), Some(other)) if own != other => joined(own, other).map(Some).map_err(|_| {
            let detail = format!(
                "The `safe_contact.{member}` texts of the two clients are together too long for one record. Shorten \
                 one of them first."
            );
            ApiError::new(Code::MergeConflict, detail)
        }),
        (own, other) => Ok(own.or(other)),
    }
}

impl ClientRow {
    pub fn new(organization_id: OrganizationId, team_id: TeamId, created_by: UserId, new: &NewClient) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            team_id,
            preferred_name: new.preferred_name,
            legal_name: new.legal_name,
            pronouns: new.pronouns,
            date_of_birth: new.date_of_birth,
            phone: new.phone,
            email: new.email,
            address: new.address,
            language: new.language,
            interpreter_needed: new.interpreter_needed,
            safe_contact: Json(new.safe_contact),
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
            is_merged: false,
            other_names: Json(Vec::new()),
        }
    }

    /// All names of the person.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let own = [Some(self.preferred_name.as_str()), self.legal_name.as_ref().map(|name| name.as_str())];
        own.into_iter().flatten().chain(self.other_names.0.iter().map(|name| name.as_str()))
    }

    /// Takes over the values that this client lacks from the duplicate. The search still finds the duplicate's names.
    ///
    /// A way of contact stays allowed only if both records allow it, because the person may have forbidden it in
    /// either. A duplicate changes nothing only if it has no contact data and no contact rule, and nobody signs in with
    /// it (`has_account`). The texts of both rules are kept.
    ///
    /// # Errors
    /// 409 if the texts of both rules are too long for one record. A person must shorten them, so that no warning is
    /// lost.
    pub fn fill_missing_from(&mut self, duplicate: Self, has_account: bool) -> Result<(), ApiError> {
        let has_contact =
            duplicate.phone.is_some() || duplicate.email.is_some() || duplicate.address.is_some() || has_account;
        let names: Vec<Line<200>> = duplicate.names().filter_map(|name| Line::parse(name).ok()).collect();
        self.legal_name = self.legal_name.take().or(duplicate.legal_name);
        self.pronouns = self.pronouns.take().or(duplicate.pronouns);
        self.date_of_birth = self.date_of_birth.or(duplicate.date_of_birth);
        self.language = self.language.take().or(duplicate.language);
        self.interpreter_needed |= duplicate.interpreter_needed;
        self.phone = self.phone.take().or(duplicate.phone);
        self.email = self.email.take().or(duplicate.email);
        self.address = self.address.take().or(duplicate.address);
        let (rules, other) = (&mut self.safe_contact.0, duplicate.safe_contact.0);
        if has_contact || other != SafeContact::default() {
            rules.call &= other.call;
            rules.voicemail &= other.voicemail;
            rules.text &= other.text;
            rules.email &= other.email;
            rules.mail &= other.mail;
        }
        rules.times =
            join(rules.times.take(), other.times, "times", |own, other| Text::parse(format!("{own}\n{other}")))?;
        rules.say_we_are = join(rules.say_we_are.take(), other.say_we_are, "say_we_are", |own, other| {
            Line::parse(format!("{own}; {other}"))
        })?;
        rules.never_contact = join(rules.never_contact.take(), other.never_contact, "never_contact", |own, other| {
            Text::parse(format!("{own}\n{other}"))
        })?;
        for name in names {
            if self.other_names.0.len() < MAX_NAMES && self.names().all(|known| known != name.as_str()) {
                self.other_names.0.push(name);
            }
        }
        Ok(())
    }

    pub fn apply(&mut self, patch: &ClientPatch) {
        let patch = patch.clone();
        patch.preferred_name.apply(&mut self.preferred_name);
        patch.legal_name.apply(&mut self.legal_name);
        patch.pronouns.apply(&mut self.pronouns);
        patch.date_of_birth.apply(&mut self.date_of_birth);
        patch.phone.apply(&mut self.phone);
        patch.email.apply(&mut self.email);
        patch.address.apply(&mut self.address);
        patch.language.apply(&mut self.language);
        self.interpreter_needed = patch.interpreter_needed.unwrap_or(self.interpreter_needed);
        patch.safe_contact.apply(&mut self.safe_contact.0);
    }
}

/// A person whom the organization supports.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/client.json"))))]
pub struct Client {
    pub id: ClientId,
    pub team_id: TeamId,
    /// The name that the person wants to be called.
    pub preferred_name: Line<120>,
    pub legal_name: Option<Line<200>>,
    pub pronouns: Option<Line<40>>,
    pub date_of_birth: Option<Day>,
    pub phone: Option<Line<40>>,
    pub email: Option<Email>,
    pub address: Option<Text<500>>,
    pub language: Option<Line<60>>,
    pub interpreter_needed: bool,
    pub safe_contact: SafeContact,
    /// The names of merged duplicates. The search finds them, too.
    pub other_names: Vec<Line<200>>,
    /// The merged duplicates. Their ids still work and return this client.
    pub merged_ids: Vec<ClientId>,
    /// Only in the response to creating a client: clients that the caller sees and who may be the same person, the
    /// likeliest first. Absent if there are none.
    pub possible_duplicates: Option<Vec<ClientId>>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            id: row.id,
            team_id: row.team_id,
            preferred_name: row.preferred_name,
            legal_name: row.legal_name,
            pronouns: row.pronouns,
            date_of_birth: row.date_of_birth,
            phone: row.phone,
            email: row.email,
            address: row.address,
            language: row.language,
            interpreter_needed: row.interpreter_needed,
            safe_contact: row.safe_contact.0,
            other_names: row.other_names.0,
            merged_ids: Vec::new(),
            possible_duplicates: None,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Client {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/clients/{}", self.id)
    }
}

/// The short view of a client.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClientRef {
    pub id: ClientId,
    pub preferred_name: Line<120>,
}

/// A new client.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_client.json"))))]
pub struct NewClient {
    /// By default the caller's only team.
    pub team_id: Option<TeamId>,
    /// The name that the person wants to be called.
    pub preferred_name: Line<120>,
    pub legal_name: Option<Line<200>>,
    pub pronouns: Option<Line<40>>,
    pub date_of_birth: Option<Day>,
    pub phone: Option<Line<40>>,
    pub email: Option<Email>,
    pub address: Option<Text<500>>,
    pub language: Option<Line<60>>,
    #[serde(default)]
    pub interpreter_needed: bool,
    #[serde(default)]
    pub safe_contact: SafeContact,
}

/// Changes to a client.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"phone": "+1 555 0101", "email": null}))]
pub struct ClientPatch {
    pub preferred_name: Change<Line<120>>,
    pub legal_name: Patch<Line<200>>,
    pub pronouns: Patch<Line<40>>,
    pub date_of_birth: Patch<Day>,
    pub phone: Patch<Line<40>>,
    pub email: Patch<Email>,
    pub address: Patch<Text<500>>,
    pub language: Patch<Line<60>>,
    #[serde(deserialize_with = "crate::types::patch::given")]
    #[schema(nullable = false)]
    pub interpreter_needed: Option<bool>,
    /// Replaces all the rules.
    pub safe_contact: Change<SafeContact>,
}

/// A merge of a duplicate client into another.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/client_merge.json"))))]
pub struct ClientMerge {
    /// The client that stays. The id of a merged client stands for the one that it was merged into.
    pub into: ClientId,
    pub reason: Option<Text<1000>>,
    /// If both have a statement in force, or both a draft: the client whose statement stays. The other's becomes an
    /// earlier version.
    pub statements_of: Option<ClientId>,
}

text_enum! {
    /// A fact that two client records have in common.
    pub enum DuplicateFact {
        Name = "name", PartOfName = "part_of_name", DateOfBirth = "date_of_birth", Phone = "phone", Email = "email"
    }
}

/// A client who may be the same person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/possible_duplicate.json"))))]
pub struct PossibleDuplicate {
    pub client: ClientRef,
    /// How likely it is. Compare scores only within one response.
    pub score: i32,
    pub in_common: Vec<DuplicateFact>,
}

/// The clients who may be the same person, the likeliest first, ten at most.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/possible_duplicates.json"))))]
pub struct PossibleDuplicates {
    pub items: Vec<PossibleDuplicate>,
}

/// Which clients to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ClientFilter {
    pub team: Option<TeamId>,
    /// Parts of the names, the telephone number, the e-mail address or the date of birth, in any order and spelling.
    #[param(value_type = Option<Line<100>>)]
    pub q: Option<Line<100>>,
}
impl Filter for ClientFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

impl Searchable for ClientRow {
    const KIND: SearchKind = SearchKind::Client;
    fn key(&self) -> Key {
        Key::from_uuid(self.id.uuid())
    }
    fn case(&self) -> Option<CaseId> {
        None
    }
    fn title(&self) -> String {
        self.preferred_name.to_string()
    }
    fn body(&self) -> String {
        lines(self.names().map(Some))
    }
    fn more(&self) -> BTreeSet<String> {
        let (phone, email) =
            (self.phone.as_ref().map(|phone| phone.as_str()), self.email.as_ref().map(|email| email.as_str()));
        of_person(self.names(), phone, email, self.date_of_birth)
    }
}
