//! The model of the client's version of a case file.

use crate::{
    casework::{
        actions::model::{ActionId, ActionStatus, Decision},
        barriers::model::{BarrierDisposition, BarrierId, BarrierStatus},
        cases::model::CaseStatus,
        deadlines::model::{DeadlineId, DeadlineStatus},
        meetings::model::MeetingStatus,
        notes::model::{ContactDirection, ContactMode},
    },
    db::schema::{actions, barriers, case_transitions, deadlines, notes},
    overview::case_file::narrative::{NarrativeBuilder, StoryEvent, StoryLine},
    portal::{
        cases::model::{MyCase, MyPromise, status_words},
        meetings::model::MyMeeting,
        statements::model::MyStatement,
    },
    types::{
        Day, Instant, Line, Zone,
        code::{ActionType, BarrierType, words},
    },
};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

/// The file of a case for its client: its status, what happened, and the results of what they asked for.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/client_file.json"))))]
pub struct ClientFile {
    /// When the file was created.
    pub as_of: Instant,
    /// The organization's time zone, which defines the days of the story.
    pub time_zone: Zone,
    /// The name that the client wants to be called.
    pub name: Option<Line<120>>,
    pub case: MyCase,
    /// What happened, in order, the oldest first.
    pub story: Vec<StoryLine>,
    /// The barriers, each with the actions against it.
    pub barriers: Vec<ClientBarrier>,
    /// The other actions.
    pub actions: Vec<ClientAction>,
    pub meetings: Vec<MyMeeting>,
    /// The promises of all parties in the meetings.
    pub promises: Vec<MyPromise>,
    /// When there was a contact, and how; without the content of the notes.
    pub contacts: Vec<ClientContact>,
    /// The latest version of needs and preferences that the client approved.
    pub statement: Option<MyStatement>,
    pub left_out: ClientLeftOut,
}

/// The columns of `barriers` that a client may see.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = barriers)]
pub struct BarrierForClient {
    pub id: BarrierId,
    #[diesel(column_name = type_)]
    pub kind: BarrierType,
    pub status: BarrierStatus,
    pub disposition: Option<BarrierDisposition>,
    pub opened_at: Instant,
    pub resolved_at: Option<Instant>,
}

/// An obstacle in the client's way.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientBarrier {
    #[serde(rename = "type")]
    pub kind: BarrierType,
    pub status: BarrierStatus,
    /// How the barrier ended; absent until it has ended.
    pub disposition: Option<BarrierDisposition>,
    pub opened_at: Instant,
    pub resolved_at: Option<Instant>,
    pub actions: Vec<ClientAction>,
}
impl From<BarrierForClient> for ClientBarrier {
    fn from(row: BarrierForClient) -> Self {
        Self {
            kind: row.kind,
            status: row.status,
            disposition: row.disposition,
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            actions: Vec::new(),
        }
    }
}

/// The columns of `actions` that a client may see.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = actions)]
pub struct ActionForClient {
    pub id: ActionId,
    pub barrier_id: Option<BarrierId>,
    #[diesel(column_name = type_)]
    pub kind: ActionType,
    pub forum: Line<200>,
    pub status: ActionStatus,
    pub filed_on: Option<Day>,
    pub decision: Option<Decision>,
    pub decided_on: Option<Day>,
}

/// An action for the client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientAction {
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// The body that decides.
    pub forum: Line<200>,
    pub status: ActionStatus,
    pub filed_on: Option<Day>,
    pub decision: Option<Decision>,
    pub decided_on: Option<Day>,
    pub deadlines: Vec<ClientDeadline>,
}
impl ClientAction {
    pub fn from_row(row: ActionForClient, deadlines: Vec<ClientDeadline>) -> Self {
        Self {
            kind: row.kind,
            forum: row.forum,
            status: row.status,
            filed_on: row.filed_on,
            decision: row.decision,
            decided_on: row.decided_on,
            deadlines,
        }
    }
}

/// The columns of `deadlines` that a client may see.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deadlines)]
pub struct DeadlineForClient {
    pub id: DeadlineId,
    pub action_id: ActionId,
    pub due_on: Day,
    pub due_at: Instant,
    pub status: DeadlineStatus,
    pub satisfied_on: Option<Day>,
    pub late_filing: bool,
}

/// The day by which something must be done or answered.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientDeadline {
    pub due_on: Day,
    /// As of now: a running deadline is `missed` after the end of its due date.
    pub status: DeadlineStatus,
    pub satisfied_on: Option<Day>,
    pub late_filing: bool,
}

/// The columns of `notes` that a client may see of a contact.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = notes)]
pub struct ContactForClient {
    pub id: crate::casework::notes::model::NoteId,
    pub occurred_at: Instant,
    pub direction: Option<ContactDirection>,
    pub mode: Option<ContactMode>,
    pub successful: Option<bool>,
}

/// A contact with the client, or about their case.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientContact {
    pub at: Instant,
    pub direction: Option<ContactDirection>,
    pub mode: Option<ContactMode>,
    /// Whether a person was reached.
    pub successful: Option<bool>,
}
impl From<ContactForClient> for ClientContact {
    fn from(row: ContactForClient) -> Self {
        Self { at: row.occurred_at, direction: row.direction, mode: row.mode, successful: row.successful }
    }
}

/// The columns of `case_transitions` that the narrative is built from.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = case_transitions)]
pub struct StepForClient {
    pub from_status: Option<CaseStatus>,
    pub to_status: CaseStatus,
    pub at: Instant,
}

/// The number of omitted records of each kind: a file shows the newest 2,000.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ClientLeftOut {
    pub barriers: i64,
    pub actions: i64,
    pub deadlines: i64,
    pub meetings: i64,
    pub promises: i64,
    pub contacts: i64,
    /// Changes of status.
    pub transitions: i64,
}
impl ClientLeftOut {
    pub const fn total(&self) -> i64 {
        self.barriers + self.actions + self.deadlines + self.meetings + self.promises + self.contacts + self.transitions
    }
}

impl ClientFile {
    /// Builds the narrative from the records of the file.
    pub fn narrative(&self, steps: &[StepForClient]) -> Vec<StoryLine> {
        let mut narrative = NarrativeBuilder::new(&self.time_zone);
        narrative.add_at(self.case.opened_at, StoryEvent::CaseOpened, "We opened your case.");
        for step in steps.iter().filter(|step| step.from_status.is_some()) {
            narrative.add_at(step.at, StoryEvent::CaseMoved, status_words(step.to_status));
        }
        for barrier in &self.barriers {
            let kind = barrier.kind.label();
            narrative.add_at(
                barrier.opened_at,
                StoryEvent::BarrierOpened,
                format!("We wrote down what stood in your way: {kind}."),
            );
            if let Some(at) = barrier.resolved_at {
                narrative.add_at(
                    at,
                    StoryEvent::BarrierEnded,
                    format!("This came to an end: {kind}. {}.", ending_words(barrier)),
                );
            }
        }
        for action in self.barriers.iter().flat_map(|barrier| &barrier.actions).chain(&self.actions) {
            let name = format!("{}, to {}", action.kind.label(), action.forum);
            if let Some(on) = action.filed_on {
                narrative.add_on(on, StoryEvent::ActionFiled, format!("This was sent: {name}."));
            }
            if let Some((on, decision)) = action.decided_on.zip(action.decision) {
                narrative.add_on(
                    on,
                    StoryEvent::ActionDecided,
                    format!("This was decided: {name}. {}.", words(decision.as_str())),
                );
            }
            action.deadlines.iter().for_each(|deadline| deadline.add_to(&mut narrative, &name));
        }
        for meeting in self.meetings.iter().filter(|meeting| meeting.status == MeetingStatus::Held) {
            narrative.add_at(
                meeting.starts_at,
                StoryEvent::MeetingHeld,
                format!("There was a meeting: {}.", meeting.kind.label()),
            );
        }
        for contact in &self.contacts {
            narrative.add_at(contact.at, StoryEvent::Contact, contact.words());
        }
        narrative.sorted()
    }
}

/// How a barrier ended, in words.
pub fn ending_words(barrier: &ClientBarrier) -> String {
    words(barrier.disposition.map_or_else(|| barrier.status.as_str(), BarrierDisposition::as_str))
}

impl ClientDeadline {
    /// Adds the deadline to the narrative, if it is an event.
    fn add_to(&self, narrative: &mut NarrativeBuilder<'_>, name: &str) {
        match self.status {
            DeadlineStatus::Satisfied => {
                let when = if self.late_filing { "after its last day" } else { "in time" };
                narrative.add_on(
                    self.satisfied_on.unwrap_or(self.due_on),
                    StoryEvent::DeadlineMet,
                    format!("This was done {when}: {name}."),
                );
            }
            DeadlineStatus::Missed => {
                narrative.add_on(
                    self.due_on,
                    StoryEvent::DeadlineMissed,
                    format!("The last day for this passed: {name}."),
                );
            }
            DeadlineStatus::Running | DeadlineStatus::PendingTrigger => {
                narrative.add_on(self.due_on, StoryEvent::DeadlineDue, format!("The last day for this: {name}."));
            }
            DeadlineStatus::Excused | DeadlineStatus::Superseded => {}
        }
    }
}

impl ClientContact {
    /// How the contact was made. Does not name a person, because the contact may have been with somebody other than the
    /// client.
    pub fn words(&self) -> String {
        let mode = self.mode.map_or_else(String::new, |mode| match mode {
            ContactMode::InPerson => " in person".to_owned(),
            ContactMode::HomeVisit => " at a home visit".to_owned(),
            ContactMode::Other => String::new(),
            mode => format!(" by {}", words(mode.as_str()).to_lowercase()),
        });
        if self.successful == Some(true) {
            format!("There was a contact{mode}.")
        } else {
            format!("A contact{mode} was tried.")
        }
    }
}
