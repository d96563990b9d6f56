//! Records the outcome of a meeting: its result, the commitments and the follow-up tasks, in one transaction.

use super::{
    commitments::{
        self,
        model::{Commitment, NewCommitment},
    },
    model::*,
    store,
};
use crate::{
    auth::UserId,
    casework::{
        cases::model::CaseRow,
        tasks::{self, model::TaskId},
    },
    db::{Tx, dialect::Key, save},
    error::{ApiError, Result, Violations},
    http::Body,
    identity::users,
    records::{search, timeline},
    types::{Day, Instant, Json, Line, Text, code::MeetingOutcome},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// A meeting may have been held at most this much before its planned start.
const EARLY_SECONDS: i64 = 3600;

text_enum! {
    /// How a meeting ended.
    pub enum OutcomeStatus { Held = "held", Cancelled = "cancelled", NoShow = "no_show" }
}
impl OutcomeStatus {
    const fn status(self) -> MeetingStatus {
        match self {
            Self::Held => MeetingStatus::Held,
            Self::Cancelled => MeetingStatus::Cancelled,
            Self::NoShow => MeetingStatus::NoShow,
        }
    }
    const fn event(self) -> &'static str {
        match self {
            Self::Held => "meeting.held",
            Self::Cancelled => "meeting.cancelled",
            Self::NoShow => "meeting.no_show",
        }
    }
}

/// A task that follows from a meeting.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Send the written plan to the client", "due_on": "2026-11-27"}))]
pub struct FollowUpTask {
    pub title: Line<200>,
    pub due_on: Day,
    /// An active advocate or supervisor of the organization.
    pub assignee_id: Option<UserId>,
    pub description: Option<Text<4000>>,
}

/// The outcome of a meeting.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_outcome.json"))))]
pub struct NewOutcome {
    /// `held` needs `who_spoke`, `outcomes` and `summary`; `cancelled` needs `cancelled_by`.
    pub status: OutcomeStatus,
    pub who_spoke: Option<WhoSpoke>,
    #[validate(length(min = 1, max = 9))]
    #[schema(min_items = 1, max_items = 9)]
    pub outcomes: Option<Vec<MeetingOutcome>>,
    pub summary: Option<Text<8000>>,
    pub views_recorded_by_provider: Option<ViewsRecorded>,
    /// Only for a cancelled meeting.
    pub cancelled_by: Option<CancelledBy>,
    pub ratings_after: Option<Ratings>,
    #[serde(default)]
    #[validate(length(max = 50))]
    #[schema(max_items = 50)]
    pub commitments: Vec<NewCommitment>,
    #[serde(default)]
    #[validate(length(max = 50))]
    #[schema(max_items = 50)]
    pub follow_up_tasks: Vec<FollowUpTask>,
}

impl NewOutcome {
    /// Checks the members that each status requires.
    fn check(&self, row: &MeetingRow) -> Result<()> {
        let mut violations = Violations::default();
        let (held, cancelled) = (self.status == OutcomeStatus::Held, self.status == OutcomeStatus::Cancelled);
        violations.require(
            !held || self.who_spoke.is_some(),
            "who_spoke",
            "required",
            "a meeting that was held says who spoke",
        );
        violations.require(
            !held || self.outcomes.is_some(),
            "outcomes",
            "required",
            "a meeting that was held says what came of it",
        );
        violations.require(
            !held || self.summary.is_some(),
            "summary",
            "required",
            "a meeting that was held has a summary",
        );
        violations.require(
            !cancelled || self.cancelled_by.is_some(),
            "cancelled_by",
            "required",
            "a cancelled meeting says who called it off",
        );
        violations.require(
            cancelled || self.cancelled_by.is_none(),
            "cancelled_by",
            "not_applicable",
            "belongs to a meeting that was cancelled",
        );
        violations.require(
            !held || row.starts_at <= Instant::now().plus_seconds(EARLY_SECONDS),
            "status",
            "in_the_future",
            "a meeting that starts more than an hour from now was not held yet",
        );
        violations.into_result()
    }

    fn apply(&self, row: &mut MeetingRow) {
        let new = self.clone();
        row.status = new.status.status();
        row.cancelled_by = new.cancelled_by;
        row.who_spoke = new.who_spoke;
        for outcome in new.outcomes.unwrap_or_default() {
            if !row.outcomes.0.contains(&outcome) {
                row.outcomes.0.push(outcome);
            }
        }
        row.summary = new.summary;
        row.views_recorded_by_provider = new.views_recorded_by_provider;
        if let Some(ratings) = new.ratings_after {
            row.ratings_after = Some(Json(ratings));
        }
    }
}

/// Saves the outcome of a meeting, with its commitments and follow-up tasks.
pub fn perform(tx: &mut Tx, id: MeetingId, new: &Body<NewOutcome>) -> Result<Meeting> {
    let (case, mut row) = store::lock_with_case(tx, id)?;
    if !row.status.is_ahead() {
        return Err(ApiError::conflict("The meeting is already over."));
    }
    new.check(&row)?;
    new.apply(&mut row);
    save(tx, &mut row)?;
    search::store::replace(tx, &row)?;
    timeline::add(tx, row.case_id, new.status.event(), row.id, None)?;
    tx.record(new.status.event(), row.id, new.members());
    let promised: Result<Vec<Commitment>> =
        new.commitments.iter().map(|promise| Ok(commitments::store::insert(tx, &row, promise)?.into())).collect();
    let promised = promised?;
    let tasks: Result<Vec<TaskId>> =
        new.follow_up_tasks.iter().enumerate().map(|(place, task)| insert_task(tx, &case, &row, place, task)).collect();
    Ok(Meeting { commitments: Some(promised), follow_up_task_ids: Some(tasks?), ..row.into() })
}

/// Inserts a follow-up task of a meeting.
fn insert_task(tx: &mut Tx, case: &CaseRow, meeting: &MeetingRow, place: usize, task: &FollowUpTask) -> Result<TaskId> {
    if let Some(assignee) = task.assignee_id {
        users::store::worker(tx, assignee, &format!("/follow_up_tasks/{place}/assignee_id"))?;
    }
    let meeting = Some(Key::from_uuid(meeting.id.uuid()));
    Ok(tasks::store::insert(
        tx,
        case,
        meeting,
        task.title.clone(),
        task.description.clone(),
        task.due_on,
        task.assignee_id,
    )?
    .id)
}
