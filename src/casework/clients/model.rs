//! What a client is, in the database and on the wire.

use crate::{
    auth::{OrganizationId, UserId},
    db::schema::clients,
    http::{Filter, Resource},
    identity::teams::model::TeamId,
    types::{Change, Day, Email, Id, Instant, Json, Line, Patch, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type ClientId = Id<ClientRow>;

/// How the person can be reached without harm. What is not said is not allowed.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"call": true, "voicemail": false, "text": true, "times": "Weekdays before 15:00", "say_we_are": "a friend from the library", "never_contact": "The landlord answers the phone in the evening."}))]
pub struct SafeContact {
    pub call: bool,
    pub voicemail: bool,
    pub text: bool,
    pub email: bool,
    pub mail: bool,
    /// When it is safe.
    pub times: Option<Text<500>>,
    /// Who to say that we are, so that nobody learns what this is about.
    pub say_we_are: Option<Line<200>>,
    /// Whom, where or how never to contact.
    pub never_contact: Option<Text<1000>>,
}

/// A row of `clients`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = clients, primary_key(organization_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
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
        }
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

/// A person who is supported.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "019ab3c4-0000-7000-8000-000000000010", "team_id": "019ab3c4-0000-7000-8000-000000000003", "preferred_name": "Sam", "pronouns": "they/them", "phone": "+1 555 0100", "interpreter_needed": false, "safe_contact": {"call": true, "voicemail": false, "text": true, "email": false, "mail": false}, "version": 1, "created_at": "2026-11-23T14:30:00.000Z", "updated_at": "2026-11-23T14:30:00.000Z"}))]
pub struct Client {
    pub id: ClientId,
    pub team_id: TeamId,
    /// What the person wants to be called.
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
#[schema(example = json!({"preferred_name": "Sam", "pronouns": "they/them", "phone": "+1 555 0100", "safe_contact": {"call": true, "text": true, "times": "Weekdays before 15:00"}}))]
pub struct NewClient {
    /// The caller's only team, unless said.
    pub team_id: Option<TeamId>,
    /// What the person wants to be called.
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
    /// Replaces the rules as a whole.
    pub safe_contact: Change<SafeContact>,
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
