//! Request bodies and filters for deadlines, and their validation.

use super::model::*;
use crate::{
    auth::UserId,
    casework::{actions::model::ActionId, cases::model::CaseId},
    directory::deadline_rules::{compute::DeadlineSource, model::DeadlineRuleId},
    error::{Result, Violations},
    http::{Filter, OneOf},
    types::{Change, Day, Instant, Patch, Text, Zone},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

/// A new deadline: by a rule, or with a given due date.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_deadline.json"))))]
pub struct NewDeadline {
    /// A rule of the catalogue. The version that is in force on the trigger date applies.
    pub rule_id: Option<DeadlineRuleId>,
    /// The day of the event that starts the period. Not in the future in the forum's time zone.
    pub trigger_date: Option<Day>,
    /// If the trigger date is not known: the first day on which it can have been.
    pub trigger_not_before: Option<Day>,
    /// With a rule: the due date that the notice states.
    pub stated_due_on: Option<Day>,
    /// Without a rule: the due date.
    pub due_on: Option<Day>,
    /// The forum's time zone, by default the organization's. Required without a rule.
    pub time_zone: Option<Zone>,
    /// Without a rule: `stated_on_notice` or `manual`.
    pub source: Option<DeadlineSource>,
    pub note: Option<Text<2000>>,
    /// An open deadline of the same case that this one replaces.
    pub supersedes: Option<DeadlineId>,
}

impl NewDeadline {
    /// Checks which members may or must be given together.
    pub fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        if self.rule_id.is_some() {
            let either = self.trigger_date.is_some() || self.trigger_not_before.is_some();
            violations.require(
                either,
                "trigger_date",
                "required",
                "a rule counts from a day; where it is not known, give trigger_not_before",
            );
            let both = self.trigger_date.is_some() && self.trigger_not_before.is_some();
            violations.require(!both, "trigger_not_before", "not_allowed", "the day of the trigger is known");
            violations.require(
                self.due_on.is_none(),
                "due_on",
                "not_allowed",
                "the rule gives the day; what the notice prints is stated_due_on",
            );
            violations.require(self.source.is_none(), "source", "not_allowed", "the rule gives the day");
        } else if self.due_on.is_none()
            && self.trigger_date.or(self.trigger_not_before).or(self.stated_due_on).is_some()
        {
            violations.require(false, "rule_id", "required", "a day is computed by a rule");
        } else {
            violations.require(
                self.due_on.is_some(),
                "due_on",
                "required",
                "a deadline needs a rule with its trigger, or a day",
            );
            violations.require(
                self.time_zone.is_some(),
                "time_zone",
                "required",
                "a day without a rule says where it ends",
            );
            violations.require(
                self.source.is_some(),
                "source",
                "required",
                "a day without a rule says where it comes from",
            );
            violations.require(
                self.source != Some(DeadlineSource::Computed),
                "source",
                "not_allowed",
                "only a rule computes a day",
            );
            violations.require(
                self.trigger_not_before.is_none(),
                "trigger_not_before",
                "not_allowed",
                "belongs to a rule",
            );
            violations.require(
                self.stated_due_on.is_none(),
                "stated_due_on",
                "not_allowed",
                "belongs to a rule; say due_on, with source stated_on_notice",
            );
        }
        violations.into_result()
    }
}

/// Changes to an open deadline.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline_patch.json"))))]
pub struct DeadlinePatch {
    /// Only with a rule. Starts a pending deadline.
    pub trigger_date: Change<Day>,
    /// Only with a rule.
    pub stated_due_on: Patch<Day>,
    /// Sets the due date manually; requires `override_reason`.
    pub due_on: Change<Day>,
    pub override_reason: Change<Text<2000>>,
    pub time_zone: Change<Zone>,
    pub note: Patch<Text<2000>>,
    /// `missed`: the due date is over, and nothing was filed.
    pub status: Change<DeadlineVerdict>,
}

impl DeadlinePatch {
    /// Whether the due date must be computed again.
    pub fn computes(&self) -> bool {
        self.trigger_date.0.is_some() || self.stated_due_on != Patch::Keep
    }
    /// Whether the patch may change the due date or the time at which it ends.
    pub fn moves(&self) -> bool {
        self.computes() || self.due_on.0.is_some() || self.time_zone.0.is_some()
    }
    pub fn check(&self, row: &DeadlineRow) -> Result<()> {
        let mut violations = Violations::default();
        let (by_hand, reasoned) = (self.due_on.0.is_some(), self.override_reason.0.is_some());
        violations.require(!by_hand || reasoned, "override_reason", "required", "a day that is set by hand says why");
        violations.require(
            by_hand || !reasoned,
            "override_reason",
            "not_allowed",
            "belongs to a day that is set by hand",
        );
        violations.require(
            !by_hand || !self.computes(),
            "due_on",
            "not_allowed",
            "the day is set by hand or computed, not both",
        );
        let (ruled, dated, stated) =
            (row.rule_id.is_some(), self.trigger_date.0.is_some(), self.stated_due_on != Patch::Keep);
        violations.require(ruled || !dated, "trigger_date", "not_allowed", "this deadline has no rule to count by");
        violations.require(
            ruled || !stated,
            "stated_due_on",
            "not_allowed",
            "this deadline has no rule to hold it against",
        );
        let over = self.status.0.is_none() || row.due_at < Instant::now();
        violations.require(over, "status", "not_over", "its day is not over yet");
        violations.into_result()
    }
}

/// The satisfaction of a deadline, in time or late.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"on": "2026-01-20", "good_cause": "The notice came back unopened and was sent again."}))]
pub struct Satisfaction {
    /// The action that satisfies it, of the same case. By default the deadline's own action.
    pub action_id: Option<ActionId>,
    /// By default the day on which the action was filed. Not in the future in the forum's time zone.
    pub on: Option<Day>,
    /// Required after the due date, unless the deadline is for the other side.
    pub good_cause: Option<Text<2000>>,
}

/// The reason why nothing will be filed.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Sam prefers to change the plan."}))]
pub struct Waiver {
    pub reason: Text<2000>,
}

/// The decision about a newer version of the rule.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decision": "keep", "reason": "The hearing officer has confirmed the old day."}))]
pub struct ReviewVerdict {
    pub decision: ReviewDecision,
    /// Required to keep the present due date.
    pub reason: Option<Text<2000>>,
}

/// Which deadlines of an action to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ActionDeadlineFilter {
    #[param(value_type = Option<OneOf<DeadlineStatus>>, inline)]
    pub status: Option<OneOf<DeadlineStatus>>,
}
impl Filter for ActionDeadlineFilter {
    const SORTS: &'static [&'static str] = DeadlineFilter::SORTS;
}

/// Which deadlines to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeadlineFilter {
    /// Due before this day.
    pub due_before: Option<Day>,
    /// Due on this day or later.
    pub due_from: Option<Day>,
    /// As of now: a running deadline is `missed` after its due date.
    #[param(value_type = Option<OneOf<DeadlineStatus>>, inline)]
    pub status: Option<OneOf<DeadlineStatus>>,
    /// The lead advocate of the case.
    pub advocate: Option<UserId>,
    pub case: Option<CaseId>,
    /// With `true`: deadlines that a newer version of their rule would move.
    pub needs_review: Option<bool>,
}
impl Filter for DeadlineFilter {
    const SORTS: &'static [&'static str] = &["due_on", "-due_on"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::FieldPath, types::Id};
    use serde_json::{Value, json};

    fn wrong(json: Value) -> Vec<String> {
        let new: NewDeadline = serde_json::from_value(json).unwrap();
        let issues = new.check().err().map(|error| error.all_issues().to_vec()).unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| match issue.path {
                FieldPath::Pointer(at) => format!("{at} {}", issue.fault.code),
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn deadline_needs_rule_and_trigger_or_date_time_zone_and_source() {
        let rule = Id::<()>::new();
        let day = "2026-11-01";
        for (json, expected) in [
            (json!({"rule_id": rule, "trigger_date": day}), vec![]),
            (json!({"rule_id": rule, "trigger_not_before": day, "stated_due_on": day}), vec![]),
            (json!({"rule_id": rule}), vec!["/trigger_date required"]),
            (
                json!({"rule_id": rule, "trigger_date": day, "trigger_not_before": day}),
                vec!["/trigger_not_before not_allowed"],
            ),
            (
                json!({"rule_id": rule, "trigger_date": day, "due_on": day, "source": "manual"}),
                vec!["/due_on not_allowed", "/source not_allowed"],
            ),
            (json!({"due_on": day, "time_zone": "UTC", "source": "manual"}), vec![]),
            (json!({"due_on": day}), vec!["/time_zone required", "/source required"]),
            (json!({"due_on": day, "time_zone": "UTC", "source": "computed"}), vec!["/source not_allowed"]),
            (json!({"trigger_date": day}), vec!["/rule_id required"]),
            (json!({}), vec!["/due_on required", "/time_zone required", "/source required"]),
        ] {
            assert_eq!(wrong(json.clone()), expected, "{json}");
        }
    }
}
