//! Request bodies and filters for barriers.

use super::model::*;
use crate::{
    casework::cases::model::CaseId,
    db::dialect::Key,
    directory::providers::model::ProviderId,
    http::{Filter, OneOf},
    types::{
        Change, Day, Line, Patch, ServiceType, Text,
        code::{BarrierType, DiscriminationBasis},
    },
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

/// A new barrier.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_barrier.json"))))]
pub struct NewBarrier {
    #[serde(rename = "type")]
    pub kind: BarrierType,
    /// Required if the type is `other`.
    pub type_text: Option<Line<200>>,
    #[serde(default)]
    pub bases: Bases,
    /// Required if one of the bases is `other`.
    pub basis_text: Option<Line<200>>,
    pub service_type: Option<ServiceType>,
    pub provider_id: Option<ProviderId>,
    /// A service of the provider, if both are given.
    pub service_id: Option<Key>,
    /// Not in the future, by the organization's calendar.
    pub occurred_on: Option<Day>,
    #[serde(default)]
    pub ongoing: bool,
    pub description: Text<8000>,
    /// By default `medium`.
    pub severity: Option<Severity>,
    /// By default `reported_by_client`.
    pub verification: Option<BarrierVerification>,
}

/// Changes to a barrier.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/barrier_patch.json"))))]
pub struct BarrierPatch {
    #[serde(rename = "type")]
    pub kind: Change<BarrierType>,
    pub type_text: Patch<Line<200>>,
    /// Replaces the whole list.
    pub bases: Change<Bases>,
    pub basis_text: Patch<Line<200>>,
    pub service_type: Patch<ServiceType>,
    pub provider_id: Patch<ProviderId>,
    /// A service of the provider, if the barrier has both.
    pub service_id: Patch<Key>,
    pub occurred_on: Patch<Day>,
    pub ongoing: Change<bool>,
    pub description: Change<Text<8000>>,
    pub severity: Change<Severity>,
    pub verification: Change<BarrierVerification>,
    /// `resolved` and `closed_unresolved` need a disposition and who judged it.
    pub status: Change<BarrierStatus>,
    pub disposition: Patch<BarrierDisposition>,
    pub judged_by: Patch<JudgedBy>,
}

/// Which barriers of a case to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct CaseBarrierFilter {
    #[param(value_type = Option<OneOf<BarrierStatus>>, inline)]
    pub status: Option<OneOf<BarrierStatus>>,
}
impl Filter for CaseBarrierFilter {
    const SORTS: &'static [&'static str] = BarrierFilter::SORTS;
}

/// Which barriers to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BarrierFilter {
    #[serde(rename = "type")]
    pub kind: Option<BarrierType>,
    /// One of the barrier's bases.
    pub basis: Option<DiscriminationBasis>,
    pub provider: Option<ProviderId>,
    #[param(value_type = Option<OneOf<BarrierStatus>>, inline)]
    pub status: Option<OneOf<BarrierStatus>>,
    #[param(value_type = Option<OneOf<Severity>>, inline)]
    pub severity: Option<OneOf<Severity>>,
    pub case: Option<CaseId>,
    /// Whether the barrier may be a retaliation.
    pub possible_retaliation: Option<bool>,
}
impl Filter for BarrierFilter {
    const SORTS: &'static [&'static str] = &["-opened_at", "opened_at"];
}
