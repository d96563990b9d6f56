//! An organization in the database and in the API.

use crate::{
    auth::{OrganizationId, Role},
    db::schema::organizations,
    http::Resource,
    types::{Change, Id, Instant, Json, Line, Zone},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use validator::Validate;

text_enum! {
    /// Whether users of the organization may sign in.
    pub enum OrganizationStatus { Active = "active", Suspended = "suspended" }
}

/// A row of `organizations`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = organizations, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub name: Line<200>,
    pub client_word: Line<40>,
    pub time_zone: Zone,
    pub suppression_threshold: i32,
    pub second_person_closes: bool,
    pub status: OrganizationStatus,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub second_factor_roles: Json<Vec<Role>>,
}

impl OrganizationRow {
    pub fn new(name: Line<200>, time_zone: Zone, client_word: Line<40>) -> Self {
        let now = Instant::now();
        Self {
            id: Id::new(),
            name,
            client_word,
            time_zone,
            suppression_threshold: 11,
            second_person_closes: false,
            status: OrganizationStatus::Active,
            version: 1,
            created_at: now,
            updated_at: now,
            second_factor_roles: Json(Vec::new()),
        }
    }

    /// Whether a user of this role must have a second factor.
    pub fn needs_factor(&self, role: Role) -> bool {
        self.second_factor_roles.0.contains(&role)
    }

    pub fn apply(&mut self, patch: &OrganizationPatch) {
        let patch = patch.clone();
        patch.name.apply(&mut self.name);
        patch.client_word.apply(&mut self.client_word);
        patch.time_zone.apply(&mut self.time_zone);
        self.suppression_threshold = patch.suppression_threshold.unwrap_or(self.suppression_threshold);
        self.second_person_closes = patch.second_person_closes.unwrap_or(self.second_person_closes);
        if let Some(roles) = patch.second_factor_roles {
            self.second_factor_roles = Json(roles.into_iter().collect());
        }
    }
}

/// The caller's organization and its settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/organization.json"))))]
pub struct Organization {
    pub id: OrganizationId,
    pub name: Line<200>,
    /// What the organization calls a client: `participant`, `peer`, `member` …
    pub client_word: Line<40>,
    /// The time zone of its days: it determines which day is today, and when a day ends.
    pub time_zone: Zone,
    /// Counts below this are hidden in protected reports. A value under 11 has the effect of 11.
    pub suppression_threshold: i32,
    /// Whether somebody other than the lead advocate must close a case.
    pub second_person_closes: bool,
    /// The roles that must have a second factor: a user without one can do nothing else until they have set one up.
    pub second_factor_roles: Vec<Role>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<OrganizationRow> for Organization {
    fn from(row: OrganizationRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            client_word: row.client_word,
            time_zone: row.time_zone,
            suppression_threshold: row.suppression_threshold,
            second_person_closes: row.second_person_closes,
            second_factor_roles: row.second_factor_roles.0,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Organization {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        "/api/v1/organization".into()
    }
}

/// Changes to the settings.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
#[schema(example = json!({"client_word": "participant", "second_person_closes": true}))]
pub struct OrganizationPatch {
    pub name: Change<Line<200>>,
    pub client_word: Change<Line<40>>,
    pub time_zone: Change<Zone>,
    #[validate(range(min = 0, max = 100))]
    #[serde(deserialize_with = "crate::types::patch::given")]
    #[schema(minimum = 0, maximum = 100, nullable = false)]
    pub suppression_threshold: Option<i32>,
    #[serde(deserialize_with = "crate::types::patch::given")]
    #[schema(nullable = false)]
    pub second_person_closes: Option<bool>,
    /// Takes effect at once, also for users who are signed in.
    #[serde(deserialize_with = "crate::types::patch::given")]
    #[schema(nullable = false)]
    pub second_factor_roles: Option<BTreeSet<Role>>,
}
