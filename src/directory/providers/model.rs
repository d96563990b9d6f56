//! What a provider is, in the database and on the wire.

use crate::{
    auth::OrganizationId,
    db::schema::providers,
    http::{Filter, Resource},
    types::{Change, Email, Id, Instant, Line, Patch, Text, Url},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type ProviderId = Id<ProviderRow>;

/// A row of `providers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = providers, primary_key(organization_id, id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ProviderRow {
    pub organization_id: OrganizationId,
    pub id: ProviderId,
    pub name: Line<200>,
    pub alternate_name: Option<Line<200>>,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub email: Option<Email>,
    pub phone: Option<Line<40>>,
    pub address: Option<Text<500>>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl ProviderRow {
    pub fn new(organization_id: OrganizationId, new: &NewProvider) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            name: new.name,
            alternate_name: new.alternate_name,
            description: new.description,
            url: new.url,
            email: new.email,
            phone: new.phone,
            address: new.address,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn apply(&mut self, patch: &ProviderPatch) {
        let patch = patch.clone();
        patch.name.apply(&mut self.name);
        patch.alternate_name.apply(&mut self.alternate_name);
        patch.description.apply(&mut self.description);
        patch.url.apply(&mut self.url);
        patch.email.apply(&mut self.email);
        patch.phone.apply(&mut self.phone);
        patch.address.apply(&mut self.address);
    }
}

/// Who offers services.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "019ab3c4-0000-7000-8000-000000000050", "name": "Riverside Clinic", "url": "https://riverside.example.org", "phone": "+1 555 0150", "version": 1, "created_at": "2026-01-05T09:00:00.000Z", "updated_at": "2026-01-05T09:00:00.000Z"}))]
pub struct Provider {
    pub id: ProviderId,
    pub name: Line<200>,
    pub alternate_name: Option<Line<200>>,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub email: Option<Email>,
    pub phone: Option<Line<40>>,
    pub address: Option<Text<500>>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<ProviderRow> for Provider {
    fn from(row: ProviderRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            alternate_name: row.alternate_name,
            description: row.description,
            url: row.url,
            email: row.email,
            phone: row.phone,
            address: row.address,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Provider {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/providers/{}", self.id)
    }
}

/// A new provider.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Riverside Clinic", "url": "https://riverside.example.org", "phone": "+1 555 0150"}))]
pub struct NewProvider {
    pub name: Line<200>,
    pub alternate_name: Option<Line<200>>,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub email: Option<Email>,
    pub phone: Option<Line<40>>,
    pub address: Option<Text<500>>,
}

/// Changes to a provider.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"phone": "+1 555 0151"}))]
pub struct ProviderPatch {
    pub name: Change<Line<200>>,
    pub alternate_name: Patch<Line<200>>,
    pub description: Patch<Text<4000>>,
    pub url: Patch<Url>,
    pub email: Patch<Email>,
    pub phone: Patch<Line<40>>,
    pub address: Patch<Text<500>>,
}

/// Which providers to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ProviderFilter {
    /// A part of the name.
    pub q: Option<Line<100>>,
}
impl Filter for ProviderFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
