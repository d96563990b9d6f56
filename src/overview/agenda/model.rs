//! The model of the agenda.

use crate::{
    auth::UserId,
    casework::{
        actions::model::ActionId,
        cases::model::{CaseId, CaseStatus, Priority},
        deadlines::model::{DeadlineId, DeadlineStatus},
        handovers::model::HandoverId,
        meetings::{
            commitments::model::{CommitmentId, CommitmentParty},
            model::{MeetingId, MeetingMode, MeetingStatus, Readiness},
        },
        tasks::model::TaskId,
    },
    types::{Day, Instant, Line, Text, Zone, code::MeetingType, fault::Fault},
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// By default a case counts as quiet after this many days without a successful contact.
const QUIET_DAYS: i32 = 14;

/// Days without contact, 1 to 365.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietDays(i32);

impl QuietDays {
    pub const fn days(self) -> i32 {
        self.0
    }
}
impl Default for QuietDays {
    fn default() -> Self {
        Self(QUIET_DAYS)
    }
}
impl<'de> Deserialize<'de> for QuietDays {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match i32::deserialize(d)? {
            days @ 1..=365 => Ok(Self(days)),
            _ => Err(Fault::new("out_of_range", "must lie between 1 and 365").serde()),
        }
    }
}

/// The parameters of the agenda.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AgendaView {
    /// An active case counts as quiet after this many days without a successful contact.
    #[param(value_type = i32, minimum = 1, maximum = 365, default = 14, required = false)]
    pub quiet_days: QuietDays,
}

/// What waits for the caller: at most 30 entries of each kind, the soonest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/agenda.json"))))]
pub struct Agenda {
    pub as_of: Instant,
    /// Open deadlines, and those that are past due and not settled.
    pub deadlines: Vec<AgendaDeadline>,
    /// Proposed or booked meetings, from the start of the organization's day on.
    pub meetings: Vec<AgendaMeeting>,
    /// Open tasks that are due by the end of the organization's day.
    pub tasks: Vec<AgendaTask>,
    /// Open promises that are due by the end of the organization's day.
    pub commitments: Vec<AgendaCommitment>,
    /// Active cases without a successful contact for `quiet_days`, the quietest first. A supervisor gets before them
    /// the open cases whose lead has left, the oldest first, and the cases without a lead. `reason` says which it is.
    pub quiet_cases: Vec<QuietCase>,
    /// Cases that are offered to the caller, the oldest offer first.
    pub handovers: Vec<AgendaHandover>,
}

/// A deadline, with its case.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaDeadline {
    pub id: DeadlineId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent if the case has no lead.
    pub lead_advocate_id: Option<UserId>,
    pub action_id: ActionId,
    pub due_on: Day,
    /// The end of that day in the forum's time zone.
    pub due_at: Instant,
    pub time_zone: Zone,
    /// `running`, `pending_trigger`, or `missed` after the due date.
    pub status: DeadlineStatus,
    pub overdue: bool,
}

/// A meeting in the future.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaMeeting {
    pub id: MeetingId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent if the case has no lead.
    pub lead_advocate_id: Option<UserId>,
    #[serde(rename = "type")]
    pub kind: MeetingType,
    pub mode: MeetingMode,
    pub status: MeetingStatus,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub time_zone: Zone,
    pub purpose: Text<2000>,
    pub readiness: Readiness,
}

/// A task that is due.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaTask {
    pub id: TaskId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent if the case has no lead.
    pub lead_advocate_id: Option<UserId>,
    /// Absent if the task has no assignee.
    pub assignee_id: Option<UserId>,
    pub title: Line<200>,
    pub due_on: Day,
    /// Whether the due date is over.
    pub overdue: bool,
}

/// A promise that is due.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaCommitment {
    pub id: CommitmentId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent if the case has no lead.
    pub lead_advocate_id: Option<UserId>,
    pub meeting_id: MeetingId,
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Day,
    /// Whether the due date is over.
    pub overdue: bool,
}

text_enum! {
    /// Why a case needs attention.
    pub enum QuietReason {
        /// The lead has left: they are suspended or removed, or have a role that no longer works on cases.
        LeadLeft = "lead_left",
        /// The case has no lead yet.
        NoLead = "no_lead",
        /// Nobody was reached for `quiet_days`, or ever.
        Quiet = "quiet",
    }
}

/// A case that needs attention: its lead has left, it has no lead yet, or it is quiet.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct QuietCase {
    pub case_id: CaseId,
    pub case_number: String,
    pub reason: QuietReason,
    /// Absent if the case has no lead.
    pub lead_advocate_id: Option<UserId>,
    pub status: CaseStatus,
    pub priority: Priority,
    pub opened_at: Instant,
    /// Absent if nobody was ever reached.
    pub last_contact_at: Option<Instant>,
}

/// A case that is offered to the caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaHandover {
    pub id: HandoverId,
    pub case_id: CaseId,
    pub case_number: String,
    pub from_user_id: UserId,
    pub offered_at: Instant,
}
