//! The model of a preparation item: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::meetings::model::{MeetingId, Readiness},
    db::schema::preparation_items,
    directory::preparation_templates::model::{PreparationOwner, TemplateItem},
    http::Resource,
    types::{Change, Id, Instant, Patch, Text, code::PreparationCategory},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

pub type PreparationItemId = Id<ItemRow>;

/// A row of `preparation_items`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = preparation_items, treat_none_as_default_value = false)]
pub struct ItemRow {
    pub organization_id: OrganizationId,
    pub id: PreparationItemId,
    pub meeting_id: MeetingId,
    pub position: i32,
    pub category: PreparationCategory,
    pub text: Text<1000>,
    pub answer: Option<Text<4000>>,
    pub mandatory: bool,
    pub owner: PreparationOwner,
    pub done_at: Option<Instant>,
    pub done_by: Option<UserId>,
    pub version: i32,
}

impl ItemRow {
    pub fn new(organization_id: OrganizationId, meeting_id: MeetingId, position: i32, item: TemplateItem) -> Self {
        Self {
            organization_id,
            id: Id::new(),
            meeting_id,
            position,
            category: item.category,
            text: item.text,
            answer: None,
            mandatory: item.mandatory,
            owner: item.owner,
            done_at: None,
            done_by: None,
            version: 1,
        }
    }

    /// Applies the changes. An item that is already done keeps its time and user.
    pub fn apply(&mut self, patch: &PreparationItemPatch, by: UserId) {
        match patch.done.0 {
            Some(true) if self.done_at.is_none() => (self.done_at, self.done_by) = (Some(Instant::now()), Some(by)),
            Some(false) => (self.done_at, self.done_by) = (None, None),
            _ => {}
        }
        let patch = patch.clone();
        patch.text.apply(&mut self.text);
        patch.answer.apply(&mut self.answer);
        patch.mandatory.apply(&mut self.mandatory);
        patch.owner.apply(&mut self.owner);
    }
}

/// An item of a meeting's checklist.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/preparation_item.json"))))]
pub struct PreparationItem {
    pub id: PreparationItemId,
    pub meeting_id: MeetingId,
    /// The position in the checklist.
    pub position: i32,
    pub category: PreparationCategory,
    pub text: Text<1000>,
    pub answer: Option<Text<4000>>,
    /// Counts for `readiness`.
    pub mandatory: bool,
    pub owner: PreparationOwner,
    pub done: bool,
    pub done_at: Option<Instant>,
    pub done_by: Option<UserId>,
    pub version: i32,
}
impl From<ItemRow> for PreparationItem {
    fn from(row: ItemRow) -> Self {
        Self {
            id: row.id,
            meeting_id: row.meeting_id,
            position: row.position,
            category: row.category,
            text: row.text,
            answer: row.answer,
            mandatory: row.mandatory,
            owner: row.owner,
            done: row.done_at.is_some(),
            done_at: row.done_at,
            done_by: row.done_by,
            version: row.version,
        }
    }
}
impl Resource for PreparationItem {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/meetings/{}/preparation", self.meeting_id)
    }
}

/// The whole checklist of a meeting, in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/preparation.json"))))]
pub struct Preparation {
    pub readiness: Readiness,
    pub items: Vec<PreparationItem>,
}

/// A new item, at the end of the checklist.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_preparation_item.json"))))]
pub struct NewPreparationItem {
    pub category: PreparationCategory,
    pub text: Text<1000>,
    /// Counts for `readiness`. By default `false`.
    #[serde(default)]
    pub mandatory: bool,
    pub owner: PreparationOwner,
}
impl NewPreparationItem {
    pub fn item(&self) -> TemplateItem {
        TemplateItem { category: self.category, text: self.text.clone(), mandatory: self.mandatory, owner: self.owner }
    }
}

/// Changes to an item.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"answer": "I keep my dose.", "done": true}))]
pub struct PreparationItemPatch {
    pub text: Change<Text<1000>>,
    pub answer: Patch<Text<4000>>,
    pub mandatory: Change<bool>,
    pub owner: Change<PreparationOwner>,
    /// Sets `done_at` and `done_by`, or clears them.
    pub done: Change<bool>,
}
