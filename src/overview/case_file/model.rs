//! The model of a case file for those who work on the case.

use super::{
    client::model::ClientFile,
    narrative::{NarrativeBuilder, StoryEvent, StoryLine},
};
use crate::{
    casework::{
        actions::model::{Action, ActionStatus},
        assignments::model::Assignment,
        barriers::model::Barrier,
        cases::{
            model::Case,
            transition::{CaseTransition, EpisodeRow},
        },
        deadlines::model::{Deadline, DeadlineStatus},
        meetings::model::{Meeting, MeetingStatus},
        notes::model::{ContactDirection, Note, NoteKind},
        statements::model::Statement,
        tasks::model::Task,
    },
    directory::providers::model::ProviderId,
    identity::users::model::UserRef,
    types::{Instant, Line, Zone, code::words},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

text_enum! {
    /// The reader of a case file.
    pub enum Reader {
        /// For staff who work on the case or supervise it: all that the caller may see.
        Supervision = "supervision",
        /// For the client: what the portal shows, and the results of the client's matters.
        Client = "client",
    }
}

/// The parameters of a case file.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// By default `supervision`.
    #[param(inline)]
    pub reader: Option<Reader>,
}

/// A case file to print, in the version for its audience.
#[derive(Debug)]
pub enum PrintedFile {
    /// `for=internal`: all that the caller may see.
    Internal(Box<SupervisionFile>),
    /// `for=client`: the client's version.
    Client(Box<ClientFile>),
    /// `for=recipient`: less than the client's version. It has no contacts, no statement and no story.
    Recipient(Box<ClientFile>),
}

/// Everything that happened in a case, in the version for the reader.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "reader", rename_all = "snake_case")]
#[schema(example = json!(crate::types::example(include_str!("examples/case_file.json"))))]
pub enum CaseFile {
    Supervision(Box<SupervisionFile>),
    Client(Box<ClientFile>),
}

/// The whole case, for those who work on it. Its records have the same form as in their own endpoints. `people` and
/// `providers` resolve the ids in them.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct SupervisionFile {
    /// When the file was created.
    pub as_of: Instant,
    /// The organization's time zone, which defines the days of the story.
    pub time_zone: Zone,
    /// The case, with its client and its lead.
    pub case: Case,
    /// What happened, in order, the oldest first.
    pub story: Vec<StoryLine>,
    /// The barriers, each with the actions against it.
    pub barriers: Vec<FileBarrier>,
    /// The actions against the case itself, or against a barrier that was left out.
    pub actions: Vec<FileAction>,
    /// The meetings, each with the promises made in it.
    pub meetings: Vec<Meeting>,
    /// The notes that the caller may read, each with its amendments.
    pub notes: Vec<Note>,
    pub tasks: Vec<Task>,
    pub transitions: Vec<CaseTransition>,
    pub episodes: Vec<EpisodeRow>,
    pub assignments: Vec<Assignment>,
    /// The latest version of the client's needs and preferences that they approved.
    pub statement: Option<Statement>,
    /// The users whose ids are in the file.
    pub people: Vec<UserRef>,
    /// The providers whose ids are in the file.
    pub providers: Vec<FileProvider>,
    pub left_out: LeftOut,
}

/// A barrier, and the actions against it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileBarrier {
    pub barrier: Barrier,
    pub actions: Vec<FileAction>,
}

/// An action, and its deadlines.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileAction {
    pub action: Action,
    pub deadlines: Vec<Deadline>,
}

/// A provider's name.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileProvider {
    pub id: ProviderId,
    pub name: Line<200>,
}

/// The number of omitted records of each kind. A file shows the newest 2,000 of each kind, and at most two million
/// bytes of notes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = FileLeftOut)]
pub struct LeftOut {
    pub barriers: i64,
    pub actions: i64,
    pub deadlines: i64,
    pub meetings: i64,
    pub commitments: i64,
    /// Only notes that the caller may read.
    pub notes: i64,
    pub tasks: i64,
    pub transitions: i64,
    pub assignments: i64,
}

impl LeftOut {
    /// The kinds with omitted records, as names for people, with the counts.
    pub fn counts(&self) -> Vec<(&'static str, i64)> {
        let all = [
            ("barriers", self.barriers),
            ("actions", self.actions),
            ("deadlines", self.deadlines),
            ("meetings", self.meetings),
            ("commitments", self.commitments),
            ("notes", self.notes),
            ("tasks", self.tasks),
            ("changes of status", self.transitions),
            ("assignments", self.assignments),
        ];
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

impl SupervisionFile {
    /// All actions in the file.
    pub fn every_action(&self) -> impl Iterator<Item = &FileAction> {
        self.barriers.iter().flat_map(|barrier| &barrier.actions).chain(&self.actions)
    }

    /// Builds the narrative from the records of the file.
    pub fn narrative(&self) -> Vec<StoryLine> {
        let mut narrative = NarrativeBuilder::new(&self.time_zone);
        narrative.add_at(self.case.opened_at, StoryEvent::CaseOpened, "The case was opened.");
        for step in &self.transitions {
            if let Some(from) = step.from {
                let words = format!("The case went from {} to {}.", words(from.as_str()), words(step.to.as_str()));
                narrative.add_at(step.at, StoryEvent::CaseMoved, words);
            }
        }
        for FileBarrier { barrier, .. } in &self.barriers {
            narrative.add_at(
                barrier.opened_at,
                StoryEvent::BarrierOpened,
                format!("A barrier was entered: {}.", barrier_words(barrier)),
            );
            if let Some(at) = barrier.resolved_at {
                let ending = barrier
                    .disposition
                    .map_or_else(|| words(barrier.status.as_str()), |disposition| words(disposition.as_str()));
                narrative.add_at(
                    at,
                    StoryEvent::BarrierEnded,
                    format!("A barrier ended: {}. {ending}.", barrier_words(barrier)),
                );
            }
        }
        // An action that was entered in error did not happen.
        for FileAction { action, deadlines } in
            self.every_action().filter(|file| file.action.status != ActionStatus::EnteredInError)
        {
            let name = format!("{}, to {}", action.kind.label(), action.forum);
            if let Some(on) = action.filed_on {
                narrative.add_on(on, StoryEvent::ActionFiled, format!("Filed: {name}."));
            }
            if let Some((on, decision)) = action.decided_on.zip(action.decision) {
                narrative.add_on(
                    on,
                    StoryEvent::ActionDecided,
                    format!("Decided: {name}. {}.", words(decision.as_str())),
                );
            }
            deadlines.iter().for_each(|deadline| add_deadline(&mut narrative, deadline, &name));
        }
        for meeting in self.meetings.iter().filter(|meeting| meeting.status == MeetingStatus::Held) {
            narrative.add_at(
                meeting.starts_at,
                StoryEvent::MeetingHeld,
                format!("A meeting was held: {}.", meeting.kind.label()),
            );
        }
        for note in self.notes.iter().filter(|note| note.kind == NoteKind::Contact) {
            narrative.add_at(note.occurred_at, StoryEvent::Contact, format!("{}.", contact_words(note)));
        }
        narrative.sorted()
    }
}

fn add_deadline(narrative: &mut NarrativeBuilder<'_>, deadline: &Deadline, name: &str) {
    match deadline.status {
        DeadlineStatus::Satisfied => {
            let late = if deadline.late_filing { "Done late" } else { "Done in time" };
            narrative.add_on(
                deadline.satisfied_on.unwrap_or(deadline.due_on),
                StoryEvent::DeadlineMet,
                format!("{late}: {name}."),
            );
        }
        DeadlineStatus::Missed => {
            narrative.add_on(deadline.due_on, StoryEvent::DeadlineMissed, format!("The last day passed: {name}."))
        }
        DeadlineStatus::Running | DeadlineStatus::PendingTrigger => {
            narrative.add_on(deadline.due_on, StoryEvent::DeadlineDue, format!("The last day: {name}."));
        }
        // The deadline was waived or replaced, so its due date is no event.
        DeadlineStatus::Excused | DeadlineStatus::Superseded => {}
    }
}

/// A barrier in a few words.
pub fn barrier_words(barrier: &Barrier) -> String {
    match &barrier.type_text {
        Some(text) => format!("{} ({text})", barrier.kind.label()),
        None => barrier.kind.label(),
    }
}

/// Whether a person was reached.
pub const fn reached_words(reached: bool) -> &'static str {
    if reached { "somebody was reached" } else { "nobody was reached" }
}

/// The direction of the contact, in words.
pub const fn direction_words(direction: ContactDirection) -> &'static str {
    match direction {
        ContactDirection::In => "to us",
        ContactDirection::Out => "from us",
    }
}

/// How a contact was made, and whether it was corrected later.
pub fn contact_words(note: &Note) -> String {
    let mode = note.mode.map_or_else(|| "Contact".to_owned(), |mode| words(mode.as_str()));
    let reached = reached_words(note.successful == Some(true));
    let direction = note.direction.map_or_else(String::new, |direction| format!(", {}", direction_words(direction)));
    let corrected =
        if note.amendments.iter().any(|amendment| amendment.corrected.is_some()) { " (corrected)" } else { "" };
    format!("{mode}{direction}; {reached}{corrected}")
}
