//! The model of an action: the database row, the API view, and the allowed status changes.

use super::{
    ladder::NextStep,
    requests::{ActionPatch, NewAction},
};
use crate::{
    auth::{OrganizationId, UserId},
    casework::{barriers::model::BarrierId, cases::model::CaseId},
    db::schema::actions,
    directory::providers::model::ProviderId,
    error::{ApiError, Result, Violations},
    http::Resource,
    types::{
        Day, Id, Instant, Line, Patch, Text,
        code::{ActionType, Scheme},
        fault::Fault,
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

pub type ActionId = Id<ActionRow>;

text_enum! {
    /// The status of an action.
    pub enum ActionStatus {
        Draft = "draft",
        Filed = "filed",
        InProgress = "in_progress",
        Decided = "decided",
        Withdrawn = "withdrawn",
        EnteredInError = "entered_in_error",
    }
}
text_enum! {
    /// What the forum decided.
    pub enum Decision {
        Granted = "granted",
        PartlyGranted = "partly_granted",
        Denied = "denied",
        DismissedUntimely = "dismissed_untimely",
        DismissedNoJurisdiction = "dismissed_no_jurisdiction",
        Settled = "settled",
        Withdrawn = "withdrawn",
        /// The time for an answer is over.
        NoResponse = "no_response",
        /// There is no decision yet.
        Pending = "pending",
    }
}
text_enum! {
    /// How the action was filed.
    pub enum FilingMethod {
        InPerson = "in_person",
        Phone = "phone",
        Post = "post",
        Email = "email",
        Fax = "fax",
        Portal = "portal",
        Other = "other",
    }
}

use ActionStatus::{Decided, Draft, EnteredInError, Filed, InProgress, Withdrawn};

/// The allowed status changes of an action. A decision that is set aside moves the action back to `in_progress`. A
/// withdrawn action can only become `entered_in_error`.
#[rustfmt::skip]
pub const MOVES: &[(ActionStatus, &[ActionStatus])] = &[
    (Draft,          &[Filed, InProgress, Decided, Withdrawn, EnteredInError]),
    (Filed,          &[InProgress, Decided, Withdrawn, EnteredInError]),
    (InProgress,     &[Decided, Withdrawn, EnteredInError]),
    (Decided,        &[InProgress, EnteredInError]),
    (Withdrawn,      &[EnteredInError]),
    (EnteredInError, &[]),
];

impl ActionStatus {
    pub fn may_become(self, to: Self) -> bool {
        self == to || MOVES.iter().any(|(from, ways)| *from == self && ways.contains(&to))
    }
    /// The timeline event for an action that enters this status.
    pub const fn event(self) -> &'static str {
        match self {
            Draft => "action.updated",
            Filed => "action.filed",
            InProgress => "action.in_progress",
            Decided => "action.decided",
            Withdrawn => "action.withdrawn",
            EnteredInError => "action.entered_in_error",
        }
    }
    const fn was_filed(self) -> bool {
        matches!(self, Filed | InProgress | Decided)
    }
}

impl Decision {
    /// Whether the decision ends the action.
    pub fn is_final(self) -> bool {
        self != Self::Pending
    }
}

/// The level on the ladder. 1 is the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(minimum = 1, maximum = 9, example = 2)]
pub struct Level(i32);
impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        match i32::deserialize(d)? {
            level @ 1..=9 => Ok(Self(level)),
            _ => Err(Fault::new("out_of_range", "must lie between 1 and 9").serde()),
        }
    }
}

/// A row of `actions`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = actions, treat_none_as_default_value = false)]
pub struct ActionRow {
    pub organization_id: OrganizationId,
    pub id: ActionId,
    pub case_id: CaseId,
    pub barrier_id: Option<BarrierId>,
    pub provider_id: Option<ProviderId>,
    pub type_: ActionType,
    pub forum: Line<200>,
    pub scheme: Option<Scheme>,
    pub level: Option<i32>,
    pub parent_action_id: Option<ActionId>,
    pub escalation_reason: Option<Text<2000>>,
    pub description: Option<Text<8000>>,
    pub status: ActionStatus,
    pub filed_on: Option<Day>,
    pub method: Option<FilingMethod>,
    pub external_reference: Option<Line<200>>,
    pub decision: Option<Decision>,
    pub decided_on: Option<Day>,
    pub late_filing: bool,
    pub good_cause: Option<Text<2000>>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl ActionRow {
    pub fn new(
        organization_id: OrganizationId,
        case_id: CaseId,
        barrier_id: Option<BarrierId>,
        created_by: UserId,
        new: &NewAction,
    ) -> Result<Self> {
        let (now, new) = (Instant::now(), new.clone());
        let mut row = Self {
            organization_id,
            id: Id::new(),
            case_id,
            barrier_id,
            provider_id: new.provider_id,
            type_: new.kind,
            forum: new.forum,
            scheme: new.scheme,
            level: new.level.map(|level| level.0),
            parent_action_id: new.parent_action_id,
            escalation_reason: new.escalation_reason,
            description: new.description,
            status: Draft,
            filed_on: new.filed_on,
            method: new.method,
            external_reference: new.external_reference,
            decision: new.decision,
            decided_on: new.decided_on,
            late_filing: new.late_filing,
            good_cause: new.good_cause,
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        row.set_status(new.status)?;
        Ok(row)
    }

    pub fn apply(&mut self, patch: &ActionPatch) -> Result<()> {
        let patch = patch.clone();
        patch.kind.apply(&mut self.type_);
        patch.forum.apply(&mut self.forum);
        patch.provider_id.apply(&mut self.provider_id);
        patch.scheme.apply(&mut self.scheme);
        match patch.level {
            Patch::Keep => {}
            Patch::Clear => self.level = None,
            Patch::Set(level) => self.level = Some(level.0),
        }
        patch.parent_action_id.apply(&mut self.parent_action_id);
        patch.escalation_reason.apply(&mut self.escalation_reason);
        patch.description.apply(&mut self.description);
        patch.filed_on.apply(&mut self.filed_on);
        patch.method.apply(&mut self.method);
        patch.external_reference.apply(&mut self.external_reference);
        patch.decision.apply(&mut self.decision);
        patch.decided_on.apply(&mut self.decided_on);
        patch.late_filing.apply(&mut self.late_filing);
        patch.good_cause.apply(&mut self.good_cause);
        self.set_status(patch.status.0)
    }

    /// Moves the action to the requested status. Without a requested status, derives it from the filing date and the
    /// decision.
    fn set_status(&mut self, to: Option<ActionStatus>) -> Result<()> {
        let derived = match self.status {
            Draft | Filed | InProgress if self.decision.is_some_and(Decision::is_final) => Decided,
            Draft if self.filed_on.is_some() => Filed,
            status => status,
        };
        let to = to.unwrap_or(derived);
        if !self.status.may_become(to) {
            let detail = format!("an action that is {} cannot become {}", self.status.as_str(), to.as_str());
            return Err(ApiError::invalid("/status", "transition_not_allowed", detail));
        }
        self.status = to;
        Ok(())
    }

    /// Checks the rules that involve several members of the body, for a new and for a changed action. `today` is the
    /// organization's day.
    pub fn check(&self, today: Day) -> Result<()> {
        let mut violations = Violations::default();
        let (status, decided, mistake) = (self.status, self.status == Decided, self.status == EnteredInError);
        let fits = match self.decision {
            None => true,
            Some(Decision::Pending) => matches!(status, Filed | InProgress),
            Some(Decision::Withdrawn) => matches!(status, Decided | Withdrawn),
            Some(_) => decided,
        };
        violations.require(
            !status.was_filed() || self.filed_on.is_some(),
            "filed_on",
            "required",
            "an action that was filed says when",
        );
        violations.require(
            status != Draft || self.filed_on.is_none(),
            "filed_on",
            "not_allowed",
            "a draft has not been filed",
        );
        violations.require(
            !decided || self.decision.is_some(),
            "decision",
            "required",
            "a decided action says what was decided",
        );
        violations.require(fits || mistake, "decision", "not_allowed", "does not fit the status");
        violations.require(
            !decided || self.decided_on.is_some(),
            "decided_on",
            "required",
            "a decided action says when it was decided",
        );
        violations.require(
            decided || mistake || self.decided_on.is_none(),
            "decided_on",
            "not_allowed",
            "only a decided action was decided on a day",
        );
        let before = self.filed_on.zip(self.decided_on).is_some_and(|(filed, decided)| decided < filed);
        violations.require(!before, "decided_on", "before_filing", "must not lie before the day of filing");
        violations.require(
            self.filed_on.is_none_or(|day| day <= today),
            "filed_on",
            "in_the_future",
            "must not lie in the future",
        );
        violations.require(
            self.decided_on.is_none_or(|day| day <= today),
            "decided_on",
            "in_the_future",
            "must not lie in the future",
        );
        let reasoned = self.parent_action_id.is_none() || self.escalation_reason.is_some();
        violations.require(
            reasoned,
            "escalation_reason",
            "required",
            "an action that follows another says why it went on",
        );
        violations.require(
            !self.late_filing || self.good_cause.is_some(),
            "good_cause",
            "required",
            "a late filing says what the good cause is",
        );
        violations.into_result()
    }
}

/// A step taken against a barrier or in a case.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/action.json"))))]
pub struct Action {
    pub id: ActionId,
    pub case_id: CaseId,
    /// Absent for an action against the case itself.
    pub barrier_id: Option<BarrierId>,
    /// The provider that the action is against.
    pub provider_id: Option<ProviderId>,
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// The body that decides.
    pub forum: Line<200>,
    /// The programme. Deadlines and next steps depend on it.
    pub scheme: Option<Scheme>,
    #[schema(value_type = Option<Level>)]
    pub level: Option<i32>,
    /// The action that this one follows.
    pub parent_action_id: Option<ActionId>,
    pub escalation_reason: Option<Text<2000>>,
    pub description: Option<Text<8000>>,
    pub status: ActionStatus,
    pub filed_on: Option<Day>,
    pub method: Option<FilingMethod>,
    pub external_reference: Option<Line<200>>,
    pub decision: Option<Decision>,
    pub decided_on: Option<Day>,
    /// Filed after the deadline.
    pub late_filing: bool,
    pub good_cause: Option<Text<2000>>,
    /// The actions that may follow, with their deadlines. Only for a decided action that is fetched by its id.
    pub next_steps: Option<Vec<NextStep>>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl From<ActionRow> for Action {
    fn from(row: ActionRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            barrier_id: row.barrier_id,
            provider_id: row.provider_id,
            kind: row.type_,
            forum: row.forum,
            scheme: row.scheme,
            level: row.level,
            parent_action_id: row.parent_action_id,
            escalation_reason: row.escalation_reason,
            description: row.description,
            status: row.status,
            filed_on: row.filed_on,
            method: row.method,
            external_reference: row.external_reference,
            decision: row.decision,
            decided_on: row.decided_on,
            late_filing: row.late_filing,
            good_cause: row.good_cause,
            next_steps: None,
            created_by: row.created_by,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Action {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/actions/{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{FieldPath, Issue},
        types::Change,
    };
    use proptest::{option, prelude::*, sample::select};
    use serde_json::{Value, json};

    /// A patch member: absent, `null`, or one of these values.
    fn member<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Patch<T>> {
        let value = option::of(select(values.to_vec())).prop_map(|value| value.map_or(Patch::Clear, Patch::Set));
        option::of(value).prop_map(Option::unwrap_or_default)
    }

    proptest! {
        /// After any sequence of patches, the status changes only as [`MOVES`] allows. A withdrawn action, or one that
        /// was entered in error, never becomes active again.
        #[test]
        fn patches_follow_the_status_table(sent in proptest::collection::vec(
            (
                option::of(select(ActionStatus::ALL)),
                member(Decision::ALL),
                member(&["2026-11-01", "2026-11-20", "2030-01-01"]),
                member(&["2026-11-10", "2026-11-24"]),
            ),
            0..30,
        )) {
            let day = |patch: Patch<&str>| match patch {
                Patch::Set(day) => Patch::Set(Day::parse(day).unwrap()),
                Patch::Clear => Patch::Clear,
                Patch::Keep => Patch::Keep,
            };
            let (mut row, mut been) = (new(json!({})).unwrap(), vec![Draft]);
            for (status, decision, filed_on, decided_on) in sent {
                let patch = ActionPatch { status: Change(status), decision, filed_on: day(filed_on), decided_on: day(decided_on), ..ActionPatch::default() };
                let mut next = row.clone();
                // Like the store: a refused patch changes nothing.
                if next.apply(&patch).and_then(|()| next.check(today())).is_err() { continue; }
                let (from, to) = (row.status, next.status);
                prop_assert!(from == to || MOVES.iter().any(|(row, ways)| *row == from && ways.contains(&to)), "{from:?} became {to:?}");
                prop_assert!(!been.contains(&Withdrawn) || matches!(to, Withdrawn | EnteredInError));
                prop_assert!(!been.contains(&EnteredInError) || to == EnteredInError);
                prop_assert!(to != Draft || been.iter().all(|past| *past == Draft));
                been.push(to);
                row = next;
            }
        }
    }

    fn today() -> Day {
        Day::parse("2026-11-24").unwrap()
    }
    fn new(extra: Value) -> Result<ActionRow> {
        let mut json = json!({"type": "internal_appeal", "forum": "The plan"});
        json.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ActionRow::new(Id::new(), Id::new(), None, Id::new(), &serde_json::from_value(json).unwrap())
    }
    fn faults(result: Result<()>) -> Vec<String> {
        result.err().map_or_else(Vec::new, |error| {
            let place = |issue: &Issue| match &issue.path {
                FieldPath::Pointer(at) => format!("{at} {}", issue.fault.code),
                place => format!("{place:?}"),
            };
            error.all_issues().iter().map(place).collect()
        })
    }
    fn wrong(extra: Value) -> Vec<String> {
        faults(new(extra).and_then(|row| row.check(today())))
    }

    #[test]
    fn table_of_moves_is_complete_and_final_statuses_stay_final() {
        for status in ActionStatus::ALL {
            assert_eq!(MOVES.iter().filter(|(from, _)| from == status).count(), 1, "{status:?}");
            assert!(status.may_become(*status));
            assert!(
                *status == EnteredInError || status.may_become(EnteredInError),
                "{status:?}: an action can always be marked as entered in error"
            );
        }
        for back in [Draft, Filed, InProgress, Decided] {
            assert!(!Withdrawn.may_become(back) && !EnteredInError.may_become(back));
            assert!(back == Draft || !back.may_become(Draft));
        }
    }

    #[test]
    fn status_is_derived_from_dates_and_decision() {
        let status = |extra| new(extra).unwrap().status;
        assert_eq!(status(json!({})), Draft);
        assert_eq!(status(json!({"filed_on": "2026-11-01"})), Filed);
        assert_eq!(status(json!({"filed_on": "2026-11-01", "decision": "pending"})), Filed);
        assert_eq!(
            status(json!({"filed_on": "2026-11-01", "decision": "denied", "decided_on": "2026-11-20"})),
            Decided
        );
        let mut row = new(json!({"filed_on": "2026-11-01", "decision": "denied", "decided_on": "2026-11-20"})).unwrap();
        let mut patch = |json: Value| row.apply(&serde_json::from_value(json).unwrap()).map(|()| row.status);
        assert!(patch(json!({"status": "filed"})).is_err());
        assert_eq!(patch(json!({"status": "in_progress", "decision": null, "decided_on": null})).unwrap(), InProgress);
        assert_eq!(patch(json!({"decision": "granted"})).unwrap(), Decided);
    }

    #[test]
    fn each_violated_rule_names_its_member() {
        for (extra, expected) in [
            (json!({}), vec![]),
            (json!({"status": "filed"}), vec!["/filed_on required"]),
            (json!({"status": "draft", "filed_on": "2026-11-01"}), vec!["/filed_on not_allowed"]),
            (json!({"status": "decided"}), vec!["/filed_on required", "/decision required", "/decided_on required"]),
            (json!({"filed_on": "2026-11-01", "decision": "denied"}), vec!["/decided_on required"]),
            (json!({"filed_on": "2026-11-01", "status": "filed", "decision": "denied"}), vec!["/decision not_allowed"]),
            (
                json!({
                    "status": "decided", "filed_on": "2026-11-01", "decided_on": "2026-11-02", "decision": "pending",
                }),
                vec!["/decision not_allowed"],
            ),
            (
                json!({"filed_on": "2026-11-20", "decision": "denied", "decided_on": "2026-11-19"}),
                vec!["/decided_on before_filing"],
            ),
            (json!({"filed_on": "2026-11-25"}), vec!["/filed_on in_the_future"]),
            (
                json!({"filed_on": "2026-11-01", "decision": "denied", "decided_on": "2026-11-25"}),
                vec!["/decided_on in_the_future"],
            ),
            (json!({"parent_action_id": Id::<()>::new()}), vec!["/escalation_reason required"]),
            (json!({"late_filing": true}), vec!["/good_cause required"]),
            (json!({"status": "withdrawn", "decision": "withdrawn"}), vec![]),
        ] {
            assert_eq!(wrong(extra.clone()), expected, "{extra}");
        }
    }

    #[test]
    fn level_is_between_1_and_9() {
        for (json, holds) in
            [(json!(1), true), (json!(9), true), (json!(0), false), (json!(10), false), (json!("1"), false)]
        {
            assert_eq!(serde_json::from_value::<Level>(json).is_ok(), holds);
        }
    }
}
