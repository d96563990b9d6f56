//! What is asked of deadlines: bodies and filters, and what must hold in them.

use super::model::*;
use crate::{
    auth::UserId,
    casework::{actions::model::ActionId, cases::model::CaseId},
    directory::deadline_rules::{compute::DeadlineSource, model::DeadlineRuleId},
    error::{ApiError, Issue, Place, Result},
    http::{Filter, OneOf},
    types::{Change, Day, Instant, Patch, Text, Zone, fault::Fault},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

/// A new deadline: by a rule, or on a day that is given.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_deadline.json"))))]
pub struct NewDeadline {
    /// A rule of the catalogue, in the version that holds on the day of the trigger.
    pub rule_id: Option<DeadlineRuleId>,
    /// The day of what starts the clock. Not a day to come where the forum is.
    pub trigger_date: Option<Day>,
    /// Instead of it, where it is not known: the first day on which it can have been.
    pub trigger_not_before: Option<Day>,
    /// The last day as the notice prints it, beside a rule.
    pub stated_due_on: Option<Day>,
    /// Without a rule: the last day.
    pub due_on: Option<Day>,
    /// Where the forum is; the organization's, unless said. Needed without a rule.
    pub time_zone: Option<Zone>,
    /// Without a rule: `stated_on_notice` or `manual`.
    pub source: Option<DeadlineSource>,
    pub note: Option<Text<2000>>,
    /// An open deadline of the same case whose place this one takes.
    pub supersedes: Option<DeadlineId>,
}

impl NewDeadline {
    /// What belongs together.
    pub fn check(&self) -> Result<()> {
        let mut issues = Vec::new();
        let mut need = |holds: bool, member: &str, code: &'static str, detail: &str| {
            if !holds {
                issues.push(Issue { place: Place::Pointer(format!("/{member}")), fault: Fault::new(code, detail) });
            }
        };
        if self.rule_id.is_some() {
            let either = self.trigger_date.is_some() || self.trigger_not_before.is_some();
            need(
                either,
                "trigger_date",
                "required",
                "a rule counts from a day; where it is not known, give trigger_not_before",
            );
            let both = self.trigger_date.is_some() && self.trigger_not_before.is_some();
            need(!both, "trigger_not_before", "not_allowed", "the day of the trigger is known");
            need(
                self.due_on.is_none(),
                "due_on",
                "not_allowed",
                "the rule gives the day; what the notice prints is stated_due_on",
            );
            need(self.source.is_none(), "source", "not_allowed", "the rule gives the day");
        } else if self.due_on.is_none()
            && self.trigger_date.or(self.trigger_not_before).or(self.stated_due_on).is_some()
        {
            need(false, "rule_id", "required", "a day is computed by a rule");
        } else {
            need(self.due_on.is_some(), "due_on", "required", "a deadline needs a rule with its trigger, or a day");
            need(self.time_zone.is_some(), "time_zone", "required", "a day without a rule says where it ends");
            need(self.source.is_some(), "source", "required", "a day without a rule says where it comes from");
            need(self.source != Some(DeadlineSource::Computed), "source", "not_allowed", "only a rule computes a day");
            need(self.trigger_not_before.is_none(), "trigger_not_before", "not_allowed", "belongs to a rule");
            need(
                self.stated_due_on.is_none(),
                "stated_due_on",
                "not_allowed",
                "belongs to a rule; say due_on, with source stated_on_notice",
            );
        }
        if issues.is_empty() { Ok(()) } else { Err(ApiError::invalid_all(issues)) }
    }
}

/// Changes to a deadline that is open.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline_patch.json"))))]
pub struct DeadlinePatch {
    /// Of a deadline with a rule; starts the clock of a pending one.
    pub trigger_date: Change<Day>,
    /// Of a deadline with a rule.
    pub stated_due_on: Patch<Day>,
    /// Sets the day by hand; needs `override_reason`.
    pub due_on: Change<Day>,
    pub override_reason: Change<Text<2000>>,
    pub time_zone: Change<Zone>,
    pub note: Patch<Text<2000>>,
    /// That its day is over, and nothing was filed.
    pub status: Change<DeadlineVerdict>,
}

impl DeadlinePatch {
    /// Whether the rule must be asked again.
    pub fn computes(&self) -> bool {
        self.trigger_date.0.is_some() || self.stated_due_on != Patch::Keep
    }
    /// Whether it touches the day at all.
    pub fn moves(&self) -> bool {
        self.computes() || self.due_on.0.is_some() || self.time_zone.0.is_some()
    }
    pub fn check(&self, row: &DeadlineRow) -> Result<()> {
        let mut issues = Vec::new();
        let mut need = |holds: bool, member: &str, code: &'static str, detail: &str| {
            if !holds {
                issues.push(Issue { place: Place::Pointer(format!("/{member}")), fault: Fault::new(code, detail) });
            }
        };
        let (by_hand, reasoned) = (self.due_on.0.is_some(), self.override_reason.0.is_some());
        need(!by_hand || reasoned, "override_reason", "required", "a day that is set by hand says why");
        need(by_hand || !reasoned, "override_reason", "not_allowed", "belongs to a day that is set by hand");
        need(!by_hand || !self.computes(), "due_on", "not_allowed", "the day is set by hand or computed, not both");
        let (ruled, dated, stated) =
            (row.rule_id.is_some(), self.trigger_date.0.is_some(), self.stated_due_on != Patch::Keep);
        need(ruled || !dated, "trigger_date", "not_allowed", "this deadline has no rule to count by");
        need(ruled || !stated, "stated_due_on", "not_allowed", "this deadline has no rule to hold it against");
        let over = self.status.0.is_none() || row.due_at < Instant::now();
        need(over, "status", "not_over", "its day is not over yet");
        if issues.is_empty() { Ok(()) } else { Err(ApiError::invalid_all(issues)) }
    }
}

/// That a deadline was met, or that what it asks for was filed late.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"on": "2026-01-20", "good_cause": "The notice came back unopened and was sent again."}))]
pub struct Satisfaction {
    /// The action that meets it: the one that it hangs on, unless said. Of the same case.
    pub action_id: Option<ActionId>,
    /// When: the day that the action was filed, unless said. Not a day to come where the forum is.
    pub on: Option<Day>,
    /// Needed after the last day.
    pub good_cause: Option<Text<2000>>,
}

/// Why nothing will be filed.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Sam prefers to change the plan."}))]
pub struct Waiver {
    pub reason: Text<2000>,
}

/// What is done about the newer version of the rule.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decision": "keep", "reason": "The hearing officer has confirmed the old day."}))]
pub struct ReviewVerdict {
    pub decision: ReviewDecision,
    /// Needed to keep the old day.
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
    /// As of now: a running deadline whose day is over is `missed`.
    #[param(value_type = Option<OneOf<DeadlineStatus>>, inline)]
    pub status: Option<OneOf<DeadlineStatus>>,
    /// The lead advocate of the case.
    pub advocate: Option<UserId>,
    pub case: Option<CaseId>,
    /// With `true`, those that a newer version of their rule would move.
    pub needs_review: Option<bool>,
}
impl Filter for DeadlineFilter {
    const SORTS: &'static [&'static str] = &["due_on", "-due_on"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;
    use serde_json::{Value, json};

    fn wrong(json: Value) -> Vec<String> {
        let new: NewDeadline = serde_json::from_value(json).unwrap();
        let issues = new.check().err().map(|error| error.all_issues().to_vec()).unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| match issue.place {
                Place::Pointer(at) => format!("{at} {}", issue.fault.code),
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn a_deadline_has_a_rule_with_its_trigger_or_a_day_with_its_zone_and_source() {
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
