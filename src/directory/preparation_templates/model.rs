//! A preparation template in the database and in the API, and the built-in template.

use crate::{
    auth::OrganizationId,
    db::schema::preparation_templates,
    http::Resource,
    types::{
        Instant, Json, Text,
        code::{MeetingType, PreparationCategory},
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use utoipa::ToSchema;
use validator::Validate;

text_enum! {
    /// Who takes care of an item.
    pub enum PreparationOwner { Client = "client", Advocate = "advocate" }
}
text_enum! {
    /// The origin of a checklist.
    pub enum TemplateSource {
        /// Set by the organization.
        Organization = "organization",
        /// Comes with the product.
        BuiltIn = "built_in",
    }
}

/// One item of a checklist, before it is copied into a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/template_item.json"))))]
pub struct TemplateItem {
    pub category: PreparationCategory,
    pub text: Text<1000>,
    /// Counts for `readiness`.
    pub mandatory: bool,
    pub owner: PreparationOwner,
}

/// The checklist for every type of meeting for which the organization has none: data, in `default_template.json`.
static BUILT_IN: LazyLock<Vec<TemplateItem>> =
    LazyLock::new(|| serde_json::from_str(include_str!("default_template.json")).unwrap_or_default());

/// The items of the built-in checklist.
pub fn built_in_items() -> &'static [TemplateItem] {
    &BUILT_IN
}

/// A row of `preparation_templates`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = preparation_templates, treat_none_as_default_value = false)]
pub struct TemplateRow {
    pub organization_id: OrganizationId,
    pub meeting_type: MeetingType,
    pub items: Json<Vec<TemplateItem>>,
    pub version: i32,
    pub updated_at: Instant,
}

/// The checklist for a type of meeting. It is copied when a meeting is booked; a later change does not affect the copy.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/preparation_template.json"))))]
pub struct PreparationTemplate {
    pub meeting_type: MeetingType,
    pub source: TemplateSource,
    pub items: Vec<TemplateItem>,
    /// 1 is the built-in one.
    pub version: i32,
    /// Absent for the built-in one.
    pub updated_at: Option<Instant>,
}
impl PreparationTemplate {
    pub fn built_in(meeting_type: MeetingType) -> Self {
        Self { meeting_type, source: TemplateSource::BuiltIn, items: BUILT_IN.clone(), version: 1, updated_at: None }
    }
}
impl From<TemplateRow> for PreparationTemplate {
    fn from(row: TemplateRow) -> Self {
        Self {
            meeting_type: row.meeting_type,
            source: TemplateSource::Organization,
            items: row.items.0,
            version: row.version,
            updated_at: Some(row.updated_at),
        }
    }
}
impl Resource for PreparationTemplate {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/preparation-templates/{}", self.meeting_type.as_str())
    }
}

/// One template for each type of meeting, in the order of the list of types.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/preparation_templates.json"))))]
pub struct PreparationTemplates {
    pub items: Vec<PreparationTemplate>,
}

/// The organization's own checklist for a type of meeting, as a whole.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_preparation_template.json"))))]
pub struct NewPreparationTemplate {
    #[validate(length(min = 1, max = 60))]
    #[schema(min_items = 1, max_items = 60)]
    pub items: Vec<TemplateItem>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_template_has_15_items_some_of_them_mandatory() {
        assert_eq!(BUILT_IN.len(), 15);
        assert!(BUILT_IN.iter().any(|item| item.mandatory));
        assert!(BUILT_IN.len() <= 60);
    }
}
