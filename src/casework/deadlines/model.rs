//! The model of a deadline: the database row, the API view, and the allowed status changes.

use super::requests::NewDeadline;
use crate::{
    auth::{OrganizationId, UserId},
    casework::{
        actions::model::{ActionId, ActionRow},
        cases::model::CaseId,
    },
    db::schema::deadlines,
    directory::deadline_rules::{
        compute::{Computation, DeadlineSource, Step, end_of_day},
        model::{DISCLAIMER, DeadlineBound, DeadlineParty, DeadlineRule, DeadlineRuleId, DeadlineTrigger},
    },
    error::{ApiError, Result},
    http::Resource,
    types::{Day, Id, Instant, Json, Line, Text, Url, Zone},
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub type DeadlineId = Id<DeadlineRow>;

/// A deadline counts as due soon from this many days before its due date.
const SOON_DAYS: i32 = 7;

/// The last day whose end is in the year 2199 in every time zone.
const LAST: Day = Day::from_jiff(jiff::civil::date(2199, 12, 30));

text_enum! {
    /// The status of a deadline.
    pub enum DeadlineStatus {
        /// The day that starts the period is not known yet.
        PendingTrigger = "pending_trigger",
        Running = "running",
        Satisfied = "satisfied",
        /// The due date is over, and nothing was filed.
        Missed = "missed",
        /// Nothing will be filed, for a reason.
        Excused = "excused",
        /// Another deadline has replaced it.
        Superseded = "superseded",
    }
}
text_enum! {
    /// The status that a caller can set on a past deadline. The other statuses have their own endpoints.
    pub enum DeadlineVerdict { Missed = "missed" }
}
text_enum! {
    /// The decision about a newer version of the rule.
    pub enum ReviewDecision {
        /// Use the new due date.
        Adopt = "adopt",
        /// Keep the present due date.
        Keep = "keep",
    }
}

use DeadlineStatus::{Excused, Missed, PendingTrigger, Running, Satisfied, Superseded};

/// The allowed status changes of a deadline. A missed deadline can still be satisfied late, or be excused.
#[rustfmt::skip]
pub const MOVES: &[(DeadlineStatus, &[DeadlineStatus])] = &[
    (PendingTrigger, &[Running, Satisfied, Excused, Superseded]),
    (Running,        &[Satisfied, Missed, Excused, Superseded]),
    (Missed,         &[Satisfied, Excused]),
    (Satisfied,      &[]),
    (Excused,        &[]),
    (Superseded,     &[]),
];

impl DeadlineStatus {
    /// The statuses with which a case cannot be closed. A running deadline stays open after its due date, until a user
    /// says what happened.
    pub const OPEN: [Self; 2] = [PendingTrigger, Running];

    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
    pub fn may_become(self, to: Self) -> bool {
        MOVES.iter().any(|(from, ways)| *from == self && ways.contains(&to))
    }
}

/// The version of the rule and the computation of the due date, stored as they were shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    pub code: Option<String>,
    pub name: Line<200>,
    pub trigger: DeadlineTrigger,
    pub bound: DeadlineBound,
    pub party: DeadlineParty,
    pub statutory: bool,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    pub last_verified_on: Day,
    pub computation: Computation,
}
impl Basis {
    pub fn new(rule: &DeadlineRule, computation: Computation) -> Self {
        Self {
            code: rule.code.map(Into::into),
            name: rule.name.clone(),
            trigger: rule.trigger,
            bound: rule.bound,
            party: rule.party,
            statutory: rule.statutory,
            citation: rule.citation.clone(),
            url: rule.url.clone(),
            last_verified_on: rule.last_verified_on,
            computation,
        }
    }
}

/// A newer version of the rule that would change the due date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"rule_version": 2, "proposed_due_on": "2026-12-20"}))]
pub struct DeadlineReview {
    pub rule_version: i32,
    pub proposed_due_on: Day,
}

/// A row of `deadlines`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = deadlines, treat_none_as_default_value = false)]
pub struct DeadlineRow {
    pub organization_id: OrganizationId,
    pub id: DeadlineId,
    pub case_id: CaseId,
    pub action_id: ActionId,
    pub rule_id: Option<DeadlineRuleId>,
    pub rule_version: Option<i32>,
    pub trigger_date: Option<Day>,
    pub trigger_not_before: Option<Day>,
    pub stated_due_on: Option<Day>,
    pub due_on: Day,
    pub due_at: Instant,
    pub time_zone: Zone,
    pub source: DeadlineSource,
    pub differs_from_notice: bool,
    pub computation: Option<Json<Basis>>,
    pub override_reason: Option<Text<2000>>,
    pub note: Option<Text<2000>>,
    /// The stored status. For the current status use [`DeadlineRow::status_at`].
    pub status: DeadlineStatus,
    pub satisfied_by: Option<ActionId>,
    pub satisfied_on: Option<Day>,
    pub late_filing: bool,
    pub good_cause: Option<Text<2000>>,
    pub excused_reason: Option<Text<2000>>,
    pub superseded_by: Option<DeadlineId>,
    pub review: Option<Json<DeadlineReview>>,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The status at a time: a running deadline is missed after the end of its due date.
pub fn as_of(status: DeadlineStatus, due_at: Instant, now: Instant) -> DeadlineStatus {
    if status == Running && due_at < now { Missed } else { status }
}

impl DeadlineRow {
    /// A deadline with a due date that is set manually. [`DeadlineRow::apply_rule`] sets the due date of a rule.
    pub fn new(
        action: &ActionRow,
        created_by: UserId,
        time_zone: Zone,
        due_on: Day,
        new: &NewDeadline,
    ) -> Result<Self> {
        let now = Instant::now();
        let mut row = Self {
            organization_id: action.organization_id,
            id: Id::new(),
            case_id: action.case_id,
            action_id: action.id,
            rule_id: new.rule_id,
            rule_version: None,
            trigger_date: new.trigger_date,
            trigger_not_before: new.trigger_not_before,
            stated_due_on: new.stated_due_on,
            due_on,
            due_at: now,
            time_zone,
            source: new.source.unwrap_or(DeadlineSource::Manual),
            differs_from_notice: false,
            computation: None,
            override_reason: None,
            note: new.note.clone(),
            status: Running,
            satisfied_by: None,
            satisfied_on: None,
            late_filing: false,
            good_cause: None,
            excused_reason: None,
            superseded_by: None,
            review: None,
            created_by,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        row.set_day(due_on)?;
        Ok(row)
    }

    fn set_day(&mut self, due_on: Day) -> Result<()> {
        if due_on > LAST {
            return Err(ApiError::invalid("/due_on", "out_of_range", "must lie before the end of the year 2199"));
        }
        self.due_on = due_on;
        self.due_at = end_of_day(due_on, &self.time_zone)?;
        Ok(())
    }

    /// Takes over the result of a rule. This also settles a pending review.
    pub fn apply_rule(&mut self, rule: &DeadlineRule, computation: Computation) {
        self.rule_version = Some(rule.version);
        (self.due_on, self.due_at) = (computation.due_on, computation.due_at);
        self.source = computation.source;
        self.differs_from_notice = computation.differs_from_notice;
        self.status = if computation.pending { PendingTrigger } else { Running };
        self.computation = Some(Json(Basis::new(rule, computation)));
        self.override_reason = None;
        self.review = None;
    }

    /// Sets the due date manually. The computation of the rule stays stored.
    pub fn override_day(&mut self, due_on: Day, reason: Text<2000>) -> Result<()> {
        self.set_day(due_on)?;
        self.source = DeadlineSource::Manual;
        self.differs_from_notice = self.stated_due_on.is_some_and(|stated| stated != due_on);
        self.status = Running;
        self.override_reason = Some(reason);
        self.review = None;
        Ok(())
    }

    /// Keeps the due date and changes the time zone.
    pub fn set_zone(&mut self, zone: Zone) -> Result<()> {
        self.time_zone = zone;
        self.set_day(self.due_on)
    }

    /// The status at a time: a running deadline is missed after the end of its due date.
    pub fn status_at(&self, now: Instant) -> DeadlineStatus {
        as_of(self.status, self.due_at, now)
    }

    /// Changes the status if [`MOVES`] allows it.
    pub fn set_status(&mut self, to: DeadlineStatus) -> Result<()> {
        if !self.status.may_become(to) {
            let (from, to) = (self.status.as_str(), to.as_str());
            return Err(ApiError::conflict(format!("A deadline that is {from} cannot become {to}.")));
        }
        self.status = to;
        self.review = None;
        Ok(())
    }
}

/// The rule of a deadline, as it was when the due date was computed.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/rule_used.json"))))]
pub struct RuleUsed {
    pub id: DeadlineRuleId,
    pub version: i32,
    pub code: Option<String>,
    pub name: Line<200>,
    pub trigger: DeadlineTrigger,
    pub bound: DeadlineBound,
    /// Who must act before the due date.
    pub party: DeadlineParty,
    /// Whether the deadline is not set by law but is the organization's own follow-up.
    pub not_statutory: bool,
    pub citation: Option<Line<300>>,
    pub url: Option<Url>,
    pub last_verified_on: Day,
}

/// The day by which an action must be filed, or by which the other side must answer.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/deadline.json"))))]
pub struct Deadline {
    pub id: DeadlineId,
    pub case_id: CaseId,
    pub action_id: ActionId,
    /// Absent if the due date was set manually.
    pub rule: Option<RuleUsed>,
    pub trigger_date: Option<Day>,
    /// If the trigger date is not known: the first day on which it can have been.
    pub trigger_not_before: Option<Day>,
    /// The due date that the notice states.
    pub stated_due_on: Option<Day>,
    /// The due date. While the trigger date is unknown, the earliest possible due date.
    pub due_on: Day,
    /// The end of that day in the forum's time zone.
    pub due_at: Instant,
    pub earliest_due_on: Option<Day>,
    pub latest_due_on: Option<Day>,
    pub time_zone: Zone,
    pub source: DeadlineSource,
    /// Whether the notice states another due date than the rule gives; the earlier date is used.
    pub differs_from_notice: bool,
    /// Whether all holidays that may matter are known.
    pub holidays_complete: Option<bool>,
    /// How the rule computes the due date, step by step.
    pub steps: Option<Vec<Step>>,
    /// Why the due date was set manually against the rule, or kept against a newer version of it.
    pub override_reason: Option<Text<2000>>,
    pub note: Option<Text<2000>>,
    /// As of now: a running deadline is `missed` after the end of its due date.
    pub status: DeadlineStatus,
    /// Open, and due within a week.
    pub due_soon: bool,
    /// Past its due date, and nobody has settled it yet.
    pub overdue: bool,
    /// The action that satisfied the deadline, in time or late.
    pub satisfied_by: Option<ActionId>,
    pub satisfied_on: Option<Day>,
    pub late_filing: bool,
    pub good_cause: Option<Text<2000>>,
    pub excused_reason: Option<Text<2000>>,
    pub superseded_by: Option<DeadlineId>,
    /// A newer version of the rule would change the due date: a user must decide.
    pub review: Option<DeadlineReview>,
    #[schema(value_type = String)]
    pub disclaimer: &'static str,
    pub created_by: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<DeadlineRow> for Deadline {
    fn from(row: DeadlineRow) -> Self {
        let now = Instant::now();
        let (status, open) = (row.status_at(now), row.status.is_open());
        let overdue = open && row.due_at < now;
        let soon = row.due_on <= Day::of(now, &row.time_zone).plus_days(SOON_DAYS);
        let rule =
            row.rule_id.zip(row.rule_version).zip(row.computation.as_ref()).map(|((id, version), Json(basis))| {
                RuleUsed {
                    id,
                    version,
                    code: basis.code.clone(),
                    name: basis.name.clone(),
                    trigger: basis.trigger,
                    bound: basis.bound,
                    party: basis.party,
                    not_statutory: !basis.statutory,
                    citation: basis.citation.clone(),
                    url: basis.url.clone(),
                    last_verified_on: basis.last_verified_on,
                }
            });
        let computation = row.computation.map(|Json(basis)| basis.computation);
        Self {
            id: row.id,
            case_id: row.case_id,
            action_id: row.action_id,
            rule,
            trigger_date: row.trigger_date,
            trigger_not_before: row.trigger_not_before,
            stated_due_on: row.stated_due_on,
            due_on: row.due_on,
            due_at: row.due_at,
            earliest_due_on: computation.as_ref().and_then(|computation| computation.earliest_due_on),
            latest_due_on: computation.as_ref().and_then(|computation| computation.latest_due_on),
            time_zone: row.time_zone,
            source: row.source,
            differs_from_notice: row.differs_from_notice,
            holidays_complete: computation.as_ref().map(|computation| computation.holidays_complete),
            steps: computation.map(|computation| computation.steps),
            override_reason: row.override_reason,
            note: row.note,
            status,
            due_soon: open && !overdue && soon,
            overdue,
            satisfied_by: row.satisfied_by,
            satisfied_on: row.satisfied_on,
            late_filing: row.late_filing,
            good_cause: row.good_cause,
            excused_reason: row.excused_reason,
            superseded_by: row.superseded_by,
            review: row.review.map(|Json(review)| review),
            disclaimer: DISCLAIMER,
            created_by: row.created_by,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Deadline {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/deadlines/{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};
    use serde_json::json;

    fn deadline() -> DeadlineRow {
        let day = Day::parse("2026-12-01").unwrap();
        let action = serde_json::from_value(json!({"type": "internal_appeal", "forum": "The plan"})).unwrap();
        let action = ActionRow::new(Id::new(), Id::new(), None, Id::new(), &action).unwrap();
        let new = serde_json::from_value(json!({"due_on": "2026-12-01"})).unwrap();
        DeadlineRow::new(&action, Id::new(), Zone::parse("America/Chicago").unwrap(), day, &new).unwrap()
    }

    proptest! {
        /// After any sequence of requests, the status changes only as [`MOVES`] allows. A final status stays.
        #[test]
        fn requests_follow_the_status_table(pending: bool, asked in proptest::collection::vec(select(DeadlineStatus::ALL), 0..40)) {
            let mut row = deadline();
            row.status = if pending { PendingTrigger } else { Running };
            for to in asked {
                let from = row.status;
                let may = MOVES.iter().any(|(row, ways)| *row == from && ways.contains(&to));
                prop_assert_eq!(row.set_status(to).is_ok(), may);
                prop_assert_eq!(row.status, if may { to } else { from });
                prop_assert!(!may || !matches!(from, Satisfied | Excused | Superseded));
                let now = row.status_at(row.due_at.plus_seconds(1));
                prop_assert!(now == row.status || row.status == Running && now == Missed, "time alone makes nothing but a miss");
            }
        }
    }

    #[test]
    fn table_of_moves_is_complete() {
        for status in DeadlineStatus::ALL {
            assert_eq!(MOVES.iter().filter(|(from, _)| from == status).count(), 1, "{status:?}");
            assert!(!status.may_become(*status) && !status.may_become(PendingTrigger));
            assert!(!status.is_open() || status.may_become(Excused), "what is open can be waived");
        }
        assert!(Missed.may_become(Satisfied) && !Missed.is_open());
    }
}
