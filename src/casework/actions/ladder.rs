//! Suggests the actions that may follow a decided action. The rules are data, in `ladder.json`.

use super::model::{ActionRow, ActionStatus, Decision};
use crate::{
    db::Tx,
    directory::deadline_rules::{
        self,
        compute::{Trigger, compute},
        holidays::Holidays,
        model::{DISCLAIMER, DeadlineRuleId},
    },
    error::Result,
    identity::organizations,
    types::{
        Day, Instant, Line, Text, Url, Zone,
        code::{ActionType, Scheme},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use utoipa::ToSchema;

/// The decisions that did not grant everything, so that another action may follow. They are the default for a rung
/// without decisions.
const NOT_FULLY_GRANTED: &[Decision] = &[
    Decision::PartlyGranted,
    Decision::Denied,
    Decision::DismissedUntimely,
    Decision::DismissedNoJurisdiction,
    Decision::NoResponse,
];

/// One rule of the ladder: after an action that meets the condition, this action may follow.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rung {
    after: Condition,
    then: FollowUp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    #[serde(rename = "type")]
    kinds: Vec<ActionType>,
    /// The programmes to which the rung applies. Empty means any programme.
    #[serde(default)]
    scheme: Vec<Scheme>,
    /// The decisions to which the rung applies. Empty means [`NOT_FULLY_GRANTED`].
    #[serde(default)]
    decision: Vec<Decision>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FollowUp {
    #[serde(rename = "type")]
    kind: ActionType,
    scheme: Option<Scheme>,
    forum: Option<Line<200>>,
    /// The code of the deadline rule from which the step's due date is computed.
    rule_code: Option<String>,
    words: Text<500>,
}

#[expect(clippy::expect_used, reason = "the file is compiled in, and a unit test reads it")]
static LADDER: LazyLock<Vec<Rung>> =
    LazyLock::new(|| serde_json::from_str(include_str!("ladder.json")).expect("ladder.json"));

impl Condition {
    /// An action without a programme matches the rungs of every programme. Each step then names its own programme.
    fn matches(&self, row: &ActionRow, decision: Decision) -> bool {
        let scheme = self.scheme.is_empty() || row.scheme.is_none_or(|scheme| self.scheme.contains(&scheme));
        let decisions = if self.decision.is_empty() { NOT_FULLY_GRANTED } else { &self.decision };
        self.kinds.contains(&row.type_) && scheme && decisions.contains(&decision)
    }
}

/// The deadline of a next step, computed as if the period started on the day of the decision.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/next_clock.json"))))]
pub struct NextClock {
    pub rule_id: DeadlineRuleId,
    pub rule_version: i32,
    pub code: Option<String>,
    pub name: Line<200>,
    pub due_on: Day,
    pub due_at: Instant,
    pub time_zone: Zone,
    /// The latest possible due date, if the rule leaves it open.
    pub latest_due_on: Option<Day>,
    /// Whether the deadline is not set by law.
    pub not_statutory: bool,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    pub last_verified_on: Day,
    #[schema(value_type = String)]
    pub disclaimer: &'static str,
}

/// An action that may come next.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/next_step.json"))))]
pub struct NextStep {
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// The programme or law.
    pub scheme: Option<Scheme>,
    /// The body that decides.
    pub forum: Option<Line<200>>,
    /// The reason, as text for people.
    pub reason: Text<500>,
    /// The step's deadline, if the catalogue has a rule for it.
    pub rule: Option<NextClock>,
}

/// The steps that may follow a decided action. `None` if the action is not decided.
pub fn next_steps(tx: &mut Tx, row: &ActionRow) -> Result<Option<Vec<NextStep>>> {
    let Some(decision) = row.decision.filter(|_| row.status == ActionStatus::Decided) else { return Ok(None) };
    let zone = organizations::store::find(tx)?.time_zone;
    let mut steps = Vec::new();
    for Rung { then, .. } in LADDER.iter().filter(|rung| rung.after.matches(row, decision)) {
        steps.push(NextStep {
            kind: then.kind,
            scheme: then.scheme,
            forum: then.forum.clone(),
            reason: then.words.clone(),
            rule: match (&then.rule_code, row.decided_on) {
                (Some(code), Some(day)) => clock(tx, code, day, &zone)?,
                _ => None,
            },
        });
    }
    Ok(Some(steps))
}

/// The deadline that the rule with this code gives for the day. `None` if no version of the rule is in force on that
/// day, or if the due date would be outside the calendar.
fn clock(tx: &mut Tx, code: &str, day: Day, zone: &Zone) -> Result<Option<NextClock>> {
    let Some(rule) = deadline_rules::store::effective_by_code(tx, code, day)? else { return Ok(None) };
    let Ok(computed) = compute(&rule, Trigger::On(day), zone, None, Holidays::built_in()) else { return Ok(None) };
    Ok(Some(NextClock {
        rule_id: rule.id,
        rule_version: rule.version,
        code: rule.code.map(Into::into),
        name: rule.name,
        due_on: computed.due_on,
        due_at: computed.due_at,
        time_zone: zone.clone(),
        latest_due_on: computed.latest_due_on,
        not_statutory: !rule.statutory,
        citation: rule.citation,
        url: rule.url,
        last_verified_on: rule.last_verified_on,
        disclaimer: DISCLAIMER,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rung_has_kinds_and_known_rules() {
        for Rung { after, then } in LADDER.iter() {
            assert!(!after.kinds.is_empty(), "{then:?}");
            if let Some(code) = &then.rule_code {
                assert!(deadline_rules::catalogue::id_of(code).is_some(), "{code} is no rule of the catalogue");
            }
        }
    }
}
