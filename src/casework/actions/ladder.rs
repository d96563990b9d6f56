//! Which actions may come next: rules kept as data, read against an action that has been decided.

use super::model::{ActionRow, ActionStatus, Decision};
use crate::{
    db::Tx,
    error::Result,
    types::{
        Line, Text,
        code::{ActionType, Scheme},
    },
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use utoipa::ToSchema;

/// What leaves something to be asked for, where a rung does not say otherwise.
const NOT_ALL: &[Decision] = &[
    Decision::PartlyGranted,
    Decision::Denied,
    Decision::DismissedUntimely,
    Decision::DismissedNoJurisdiction,
    Decision::NoResponse,
];

/// One rung: after such an action, with such a decision, this one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rung {
    after: After,
    then: Then,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(rename = "type")]
    kinds: Vec<ActionType>,
    /// Of these programmes; empty is any.
    #[serde(default)]
    scheme: Vec<Scheme>,
    /// With one of these decisions; empty is any that leaves something to be asked for.
    #[serde(default)]
    decision: Vec<Decision>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    #[serde(rename = "type")]
    kind: ActionType,
    scheme: Option<Scheme>,
    forum: Option<Line<200>>,
    /// The rule of the catalogue that is the step's clock.
    rule_code: Option<String>,
    words: Text<500>,
}

#[expect(clippy::expect_used, reason = "the file is compiled in, and a unit test reads it")]
static LADDER: LazyLock<Vec<Rung>> = LazyLock::new(|| serde_json::from_str(include_str!("ladder.json")).expect("ladder.json"));

impl After {
    /// An action that does not say its programme is met by the rungs of every one, and each step names its own.
    fn met_by(&self, row: &ActionRow, decision: Decision) -> bool {
        let scheme = self.scheme.is_empty() || row.scheme.is_none_or(|scheme| self.scheme.contains(&scheme));
        let decisions = if self.decision.is_empty() { NOT_ALL } else { &self.decision };
        self.kinds.contains(&row.kind) && scheme && decisions.contains(&decision)
    }
}

/// An action that may come next.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"type": "fair_hearing", "scheme": "medicaid_managed_care", "forum": "The state's fair hearing office", "reason": "A state fair hearing decides on what the plan has upheld."}))]
pub struct NextStep {
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// Under which programme or law.
    pub scheme: Option<Scheme>,
    /// Who decides.
    pub forum: Option<Line<200>>,
    /// Why, in words for people.
    pub reason: Text<500>,
}

/// The steps that may follow a decided action; none for one that is not.
pub fn next_steps(_: &mut Tx, row: &ActionRow) -> Result<Option<Vec<NextStep>>> {
    let Some(decision) = row.decision.filter(|_| row.status == ActionStatus::Decided) else { return Ok(None) };
    let met = LADDER.iter().filter(|rung| rung.after.met_by(row, decision));
    Ok(Some(
        met.map(|Rung { then, .. }| NextStep {
            kind: then.kind,
            scheme: then.scheme,
            forum: then.forum.clone(),
            reason: then.words.clone(),
        })
        .collect(),
    ))
}
