//! What is on an agenda.

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

/// How long a case may be without a successful contact before it counts as quiet, unless the caller says otherwise.
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

/// How the agenda is asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AgendaView {
    /// After how many days without a successful contact an active case counts as quiet.
    #[param(value_type = i32, minimum = 1, maximum = 365, default = 14, required = false)]
    pub quiet_days: QuietDays,
}

/// What is before a person, at most 30 of each kind, soonest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/agenda.json"))))]
pub struct Agenda {
    pub as_of: Instant,
    /// Open ones, and those whose day is over and that nobody has settled.
    pub deadlines: Vec<AgendaDeadline>,
    /// Proposed or booked, from the beginning of the organization's day on.
    pub meetings: Vec<AgendaMeeting>,
    /// Open, and due by the end of the organization's day.
    pub tasks: Vec<AgendaTask>,
    /// Promises that are open, and due by the end of the organization's day.
    pub commitments: Vec<AgendaCommitment>,
    /// Active cases without a successful contact for so many days, the quietest first. For a supervisor there come
    /// before them the open cases whose lead has left, the oldest first, and those that nobody leads yet. `reason` says
    /// which it is.
    pub quiet_cases: Vec<QuietCase>,
    /// Cases that are offered to the caller, the oldest offer first.
    pub handovers: Vec<AgendaHandover>,
}

/// A deadline, where its case is.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaDeadline {
    pub id: DeadlineId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent where nobody leads the case.
    pub lead_advocate_id: Option<UserId>,
    pub action_id: ActionId,
    pub due_on: Day,
    /// The end of that day where the forum is.
    pub due_at: Instant,
    pub time_zone: Zone,
    /// `running`, `pending_trigger`, or `missed` once its day is over.
    pub status: DeadlineStatus,
    pub overdue: bool,
}

/// A meeting to come.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaMeeting {
    pub id: MeetingId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent where nobody leads the case.
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
    /// Absent where nobody leads the case.
    pub lead_advocate_id: Option<UserId>,
    /// Absent where it is nobody's.
    pub assignee_id: Option<UserId>,
    pub title: Line<200>,
    pub due_on: Day,
    /// Whether its day is over.
    pub overdue: bool,
}

/// A promise that is due.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgendaCommitment {
    pub id: CommitmentId,
    pub case_id: CaseId,
    pub case_number: String,
    /// Absent where nobody leads the case.
    pub lead_advocate_id: Option<UserId>,
    pub meeting_id: MeetingId,
    pub party: CommitmentParty,
    pub text: Text<2000>,
    pub due_on: Day,
    /// Whether its day is over.
    pub overdue: bool,
}

text_enum! {
    /// Why a case is among those that need somebody.
    pub enum QuietReason {
        /// The lead has left: they are suspended or removed, or work no cases any more.
        LeadLeft = "lead_left",
        /// Nobody leads it yet.
        NoLead = "no_lead",
        /// Nobody has been reached for so many days, or ever.
        Quiet = "quiet",
    }
}

/// A case that needs somebody: its lead has left, nobody leads it yet, or it has gone quiet.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct QuietCase {
    pub case_id: CaseId,
    pub case_number: String,
    pub reason: QuietReason,
    /// Absent where nobody leads the case.
    pub lead_advocate_id: Option<UserId>,
    pub status: CaseStatus,
    pub priority: Priority,
    pub opened_at: Instant,
    /// Absent where nobody was ever reached.
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
