//! The model of an interest: the database row and the API view.

use crate::{
    auth::{OrganizationId, UserId},
    casework::conflicts::model::Tie,
    db::schema::interests,
    directory::providers::model::ProviderId,
    error::{Result, Violations},
    http::{Filter, Resource},
    types::{Day, Id, Instant, Text},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

pub type InterestId = Id<InterestRow>;

text_enum! {
    /// The relation of a staff member to a provider.
    pub enum InterestKind {
        EmployedBy = "employed_by",
        FormerEmployee = "former_employee",
        Family = "family",
        OwnTreatmentThere = "own_treatment_there",
        Financial = "financial",
        /// Requires `text`.
        Other = "other",
    }
}
impl InterestKind {
    /// The category that others may see. Staff members are often in recovery themselves, so nobody else may learn where
    /// somebody was treated.
    pub const fn tie(self) -> Tie {
        match self {
            Self::EmployedBy | Self::FormerEmployee => Tie::Work,
            Self::Financial => Tie::Financial,
            Self::Family | Self::OwnTreatmentThere | Self::Other => Tie::Personal,
        }
    }
}

/// A row of `interests`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = interests, treat_none_as_default_value = false)]
pub struct InterestRow {
    pub organization_id: OrganizationId,
    pub id: InterestId,
    pub user_id: UserId,
    pub provider_id: ProviderId,
    pub kind: InterestKind,
    pub text: Option<Text<1000>>,
    pub from_on: Option<Day>,
    pub to_on: Option<Day>,
    pub version: i32,
    pub created_at: Instant,
}

impl InterestRow {
    pub fn new(organization_id: OrganizationId, user_id: UserId, new: &NewInterest) -> Self {
        Self {
            organization_id,
            id: Id::new(),
            user_id,
            provider_id: new.provider_id,
            kind: new.kind,
            text: new.text.clone(),
            from_on: new.from_on,
            to_on: new.to_on,
            version: 1,
            created_at: Instant::now(),
        }
    }

    /// Checks the rules that involve several members of the body.
    pub fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        violations.require(
            self.kind != InterestKind::Other || self.text.is_some(),
            "text",
            "required",
            "this code says nothing without words",
        );
        let ordered = self.from_on.zip(self.to_on).is_none_or(|(from, to)| from <= to);
        violations.require(ordered, "to_on", "out_of_range", "must not lie before from_on");
        violations.into_result()
    }
}

/// A relation of the caller to a provider outside the work.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/interest.json"))))]
pub struct Interest {
    pub id: InterestId,
    pub provider_id: ProviderId,
    pub kind: InterestKind,
    pub text: Option<Text<1000>>,
    pub from_on: Option<Day>,
    pub to_on: Option<Day>,
    pub version: i32,
    pub created_at: Instant,
}
impl From<InterestRow> for Interest {
    fn from(row: InterestRow) -> Self {
        Self {
            id: row.id,
            provider_id: row.provider_id,
            kind: row.kind,
            text: row.text,
            from_on: row.from_on,
            to_on: row.to_on,
            version: row.version,
            created_at: row.created_at,
        }
    }
}
impl Resource for Interest {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        "/api/v1/me/interests".into()
    }
}

/// A new interest.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_interest.json"))))]
pub struct NewInterest {
    pub provider_id: ProviderId,
    pub kind: InterestKind,
    /// Required if the kind is `other`. Shown to nobody else.
    pub text: Option<Text<1000>>,
    /// The first day on which the interest counts.
    pub from_on: Option<Day>,
    /// The last day on which the interest counts.
    pub to_on: Option<Day>,
}

/// Interests have no filter.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct InterestFilter {}
impl Filter for InterestFilter {
    const SORTS: &'static [&'static str] = &["-created_at", "created_at"];
}
