//! Request bodies and filters for actions.

use super::model::*;
use crate::{
    casework::cases::model::CaseId,
    directory::providers::model::ProviderId,
    http::{Filter, OneOf},
    types::{
        Change, Day, Line, Patch, Text,
        code::{ActionType, Scheme},
    },
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

/// A new action.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_action.json"))))]
pub struct NewAction {
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// The body that decides.
    pub forum: Line<200>,
    /// The provider that the action is against. By default the provider of the barrier.
    pub provider_id: Option<ProviderId>,
    pub scheme: Option<Scheme>,
    pub level: Option<Level>,
    /// An earlier action of the same case.
    pub parent_action_id: Option<ActionId>,
    /// Required with a parent: why another action follows.
    pub escalation_reason: Option<Text<2000>>,
    pub description: Option<Text<8000>>,
    /// By default `draft`; with `filed_on` it is `filed`, with a decision `decided`.
    pub status: Option<ActionStatus>,
    /// `filed_on` and `decided_on` must not be in the future, by the organization's calendar.
    pub filed_on: Option<Day>,
    pub method: Option<FilingMethod>,
    pub external_reference: Option<Line<200>>,
    pub decision: Option<Decision>,
    pub decided_on: Option<Day>,
    #[serde(default)]
    pub late_filing: bool,
    /// Required for a late filing.
    pub good_cause: Option<Text<2000>>,
}

/// Changes to an action.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"description": "The plan's letter of the denial is attached to the appeal."}))]
pub struct ActionPatch {
    #[serde(rename = "type")]
    pub kind: Change<ActionType>,
    pub forum: Change<Line<200>>,
    pub provider_id: Patch<ProviderId>,
    pub scheme: Patch<Scheme>,
    pub level: Patch<Level>,
    /// An earlier action of the same case that does not itself follow this one.
    pub parent_action_id: Patch<ActionId>,
    pub escalation_reason: Patch<Text<2000>>,
    pub description: Patch<Text<8000>>,
    pub status: Change<ActionStatus>,
    pub filed_on: Patch<Day>,
    pub method: Patch<FilingMethod>,
    pub external_reference: Patch<Line<200>>,
    pub decision: Patch<Decision>,
    pub decided_on: Patch<Day>,
    pub late_filing: Change<bool>,
    pub good_cause: Patch<Text<2000>>,
}

/// Which actions of a case or of a barrier to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LadderFilter {
    #[serde(rename = "type")]
    #[param(value_type = Option<OneOf<ActionType>>, inline)]
    pub kind: Option<OneOf<ActionType>>,
    #[param(value_type = Option<OneOf<ActionStatus>>, inline)]
    pub status: Option<OneOf<ActionStatus>>,
}
impl Filter for LadderFilter {
    const SORTS: &'static [&'static str] = ActionFilter::SORTS;
}

/// Which actions to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ActionFilter {
    #[serde(rename = "type")]
    #[param(value_type = Option<OneOf<ActionType>>, inline)]
    pub kind: Option<OneOf<ActionType>>,
    #[param(value_type = Option<OneOf<ActionStatus>>, inline)]
    pub status: Option<OneOf<ActionStatus>>,
    /// The provider that the action is against.
    pub provider: Option<ProviderId>,
    pub case: Option<CaseId>,
}
impl Filter for ActionFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
