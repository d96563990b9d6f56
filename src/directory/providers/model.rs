//! A provider in the database and in the API.

use crate::{
    auth::OrganizationId,
    db::schema::providers,
    http::{Filter, Resource},
    types::{Change, Email, Id, Instant, Line, Patch, Text, Url, fold},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type ProviderId = Id<ProviderRow>;

/// A row of `providers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = providers, treat_none_as_default_value = false)]
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
    /// The words that find it in a search, folded.
    pub words: String,
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
            words: String::new(),
        }
    }

    /// Builds the words that find it from its names.
    pub fn update_words(&mut self) {
        self.words = fold::name_words(
            [Some(self.name.as_str()), self.alternate_name.as_ref().map(|name| name.as_str())].into_iter().flatten(),
        );
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

    /// Takes over the fields that this provider lacks and its duplicate has. The duplicate's name becomes the alternate
    /// name, if there is none.
    pub fn fill_missing_from(&mut self, duplicate: Self) {
        let other_name = Some(duplicate.name).filter(|name| *name != self.name);
        self.alternate_name = self.alternate_name.take().or(other_name).or(duplicate.alternate_name);
        self.description = self.description.take().or(duplicate.description);
        self.url = self.url.take().or(duplicate.url);
        self.email = self.email.take().or(duplicate.email);
        self.phone = self.phone.take().or(duplicate.phone);
        self.address = self.address.take().or(duplicate.address);
    }
}

/// An organization that offers services.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/provider.json"))))]
pub struct Provider {
    pub id: ProviderId,
    pub name: Line<200>,
    pub alternate_name: Option<Line<200>>,
    pub description: Option<Text<4000>>,
    pub url: Option<Url>,
    pub email: Option<Email>,
    pub phone: Option<Line<40>>,
    pub address: Option<Text<500>>,
    /// Duplicates that were merged into this one. Their ids still refer to it.
    pub merged_ids: Vec<ProviderId>,
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
            merged_ids: Vec::new(),
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

/// Marks a provider as a duplicate of another.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/provider_merge.json"))))]
pub struct ProviderMerge {
    /// The surviving provider. The id of a merged duplicate stands for its surviving provider.
    pub into: ProviderId,
    pub reason: Option<Text<1000>>,
}

/// Which providers to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ProviderFilter {
    /// Parts of the name or the alternate name, in any order and spelling.
    pub q: Option<Line<100>>,
}
impl Filter for ProviderFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(json: serde_json::Value) -> ProviderRow {
        ProviderRow::new(Id::new(), &serde_json::from_value(json).unwrap())
    }

    #[test]
    fn merged_provider_fills_missing_fields_and_keeps_its_own() {
        let mut row = provider(serde_json::json!({"name": "Riverside Clinic", "phone": "1"}));
        row.fill_missing_from(provider(serde_json::json!({
            "name": "River Side Clinic", "alternate_name": "RSC", "phone": "2", "address": "Quay 1",
        })));
        let text = |line: Option<Line<200>>| line.map(|line| line.as_str().to_owned());
        assert_eq!(
            (row.name.as_str(), text(row.alternate_name).as_deref()),
            ("Riverside Clinic", Some("River Side Clinic"))
        );
        assert_eq!(row.phone.map(|phone| phone.as_str().to_owned()).as_deref(), Some("1"));
        assert!(row.address.is_some());
    }
}
