//! What a case file holds: the whole of a case, for those who work in it.

use super::{
    client::model::ClientFile,
    narrative::{Story, StoryEvent, StoryLine},
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
    /// For whom a case file is.
    pub enum Reader {
        /// For those who work in the case and who answer for it: all that the caller may see.
        Supervision = "supervision",
        /// For the client who asks for it: what the portal would show, and what became of their matters.
        Client = "client",
    }
}

/// For whom to read a case file.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// `supervision`, unless said.
    #[param(inline)]
    pub reader: Option<Reader>,
}

/// What a printed case file is made of: for each audience another version.
#[derive(Debug)]
pub enum PrintedFile {
    /// `for=internal`: all that the caller may see.
    Internal(Box<SupervisionFile>),
    /// `for=client`: the client's version.
    Client(Box<ClientFile>),
    /// `for=recipient`: less than the client's version. It has no contacts, no statement and no lines of the story.
    Recipient(Box<ClientFile>),
}

/// Everything that happened in a case, for whom it was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "reader", rename_all = "snake_case")]
#[schema(example = json!(crate::types::example(include_str!("examples/case_file.json"))))]
pub enum CaseFile {
    Supervision(Box<SupervisionFile>),
    Client(Box<ClientFile>),
}

/// The whole of a case, for those who work in it. Its records are as their own calls show them; who and what they name
/// is in `people` and `providers`.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct SupervisionFile {
    /// When it was put together.
    pub as_of: Instant,
    /// The organization's, in which the days of the story are counted.
    pub time_zone: Zone,
    /// With its client and its lead.
    pub case: Case,
    /// What happened, in order, the oldest first.
    pub story: Vec<StoryLine>,
    /// Each with the actions against it.
    pub barriers: Vec<FileBarrier>,
    /// The actions that are against the case itself, or against a barrier that was left out.
    pub actions: Vec<FileAction>,
    /// Each with what was promised in it.
    pub meetings: Vec<Meeting>,
    /// Those that the caller may read, each with its amendments.
    pub notes: Vec<Note>,
    pub tasks: Vec<Task>,
    pub transitions: Vec<CaseTransition>,
    pub episodes: Vec<EpisodeRow>,
    pub assignments: Vec<Assignment>,
    /// The client's needs and preferences, as they approved them last.
    pub statement: Option<Statement>,
    /// Whoever is named in it by an id.
    pub people: Vec<UserRef>,
    /// The same of providers.
    pub providers: Vec<FileProvider>,
    pub left_out: LeftOut,
}

/// A barrier, and what was done against it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileBarrier {
    pub barrier: Barrier,
    pub actions: Vec<FileAction>,
}

/// An action, and by when it had to be done or answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileAction {
    pub action: Action,
    pub deadlines: Vec<Deadline>,
}

/// What a provider is called.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileProvider {
    pub id: ProviderId,
    pub name: Line<200>,
}

/// How many records of each kind a file does not show: a file shows the newest 2,000, and of notes so many as come to
/// two million bytes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = FileLeftOut)]
pub struct LeftOut {
    pub barriers: i64,
    pub actions: i64,
    pub deadlines: i64,
    pub meetings: i64,
    pub commitments: i64,
    /// Of those that the caller may read.
    pub notes: i64,
    pub tasks: i64,
    pub transitions: i64,
    pub assignments: i64,
}

impl LeftOut {
    /// The kinds of which something was left out, in words.
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
    /// Every action that is shown.
    pub fn every_action(&self) -> impl Iterator<Item = &FileAction> {
        self.barriers.iter().flat_map(|barrier| &barrier.actions).chain(&self.actions)
    }

    /// What the records say of what happened when.
    pub fn tell(&self) -> Vec<StoryLine> {
        let mut story = Story::new(&self.time_zone);
        story.at(self.case.opened_at, StoryEvent::CaseOpened, "The case was opened.");
        for step in &self.transitions {
            if let Some(from) = step.from {
                let words = format!("The case went from {} to {}.", words(from.as_str()), words(step.to.as_str()));
                story.at(step.at, StoryEvent::CaseMoved, words);
            }
        }
        for FileBarrier { barrier, .. } in &self.barriers {
            story.at(
                barrier.opened_at,
                StoryEvent::BarrierOpened,
                format!("A barrier was entered: {}.", barrier_words(barrier)),
            );
            if let Some(at) = barrier.resolved_at {
                let became =
                    barrier.disposition.map_or_else(|| words(barrier.status.as_str()), |became| words(became.as_str()));
                story.at(
                    at,
                    StoryEvent::BarrierEnded,
                    format!("A barrier ended: {}. {became}.", barrier_words(barrier)),
                );
            }
        }
        // What was entered in error has not happened.
        for FileAction { action, deadlines } in
            self.every_action().filter(|file| file.action.status != ActionStatus::EnteredInError)
        {
            let name = format!("{}, to {}", action.kind.label(), action.forum);
            if let Some(on) = action.filed_on {
                story.on(on, StoryEvent::ActionFiled, format!("Filed: {name}."));
            }
            if let Some((on, decision)) = action.decided_on.zip(action.decision) {
                story.on(on, StoryEvent::ActionDecided, format!("Decided: {name}. {}.", words(decision.as_str())));
            }
            deadlines.iter().for_each(|deadline| tell_deadline(&mut story, deadline, &name));
        }
        for meeting in self.meetings.iter().filter(|meeting| meeting.status == MeetingStatus::Held) {
            story.at(
                meeting.starts_at,
                StoryEvent::MeetingHeld,
                format!("A meeting was held: {}.", meeting.kind.label()),
            );
        }
        for note in self.notes.iter().filter(|note| note.kind == NoteKind::Contact) {
            story.at(note.occurred_at, StoryEvent::Contact, format!("{}.", contact_words(note)));
        }
        story.sorted()
    }
}

fn tell_deadline(story: &mut Story<'_>, deadline: &Deadline, name: &str) {
    match deadline.status {
        DeadlineStatus::Satisfied => {
            let late = if deadline.late_filing { "Done late" } else { "Done in time" };
            story.on(
                deadline.satisfied_on.unwrap_or(deadline.due_on),
                StoryEvent::DeadlineMet,
                format!("{late}: {name}."),
            );
        }
        DeadlineStatus::Missed => {
            story.on(deadline.due_on, StoryEvent::DeadlineMissed, format!("The last day passed: {name}."))
        }
        DeadlineStatus::Running | DeadlineStatus::PendingTrigger => {
            story.on(deadline.due_on, StoryEvent::DeadlineDue, format!("The last day: {name}."));
        }
        // Nobody had to do anything on that day any more.
        DeadlineStatus::Excused | DeadlineStatus::Superseded => {}
    }
}

/// What a barrier is, in few words.
pub fn barrier_words(barrier: &Barrier) -> String {
    match &barrier.type_text {
        Some(text) => format!("{} ({text})", barrier.kind.label()),
        None => barrier.kind.label(),
    }
}

/// Whether somebody was reached.
pub const fn reached_words(reached: bool) -> &'static str {
    if reached { "somebody was reached" } else { "nobody was reached" }
}

/// Who turned to whom.
pub const fn direction_words(direction: ContactDirection) -> &'static str {
    match direction {
        ContactDirection::In => "to us",
        ContactDirection::Out => "from us",
    }
}

/// How a contact was made, and whether that was corrected later.
pub fn contact_words(note: &Note) -> String {
    let mode = note.mode.map_or_else(|| "Contact".to_owned(), |mode| words(mode.as_str()));
    let reached = reached_words(note.successful == Some(true));
    let direction = note.direction.map_or_else(String::new, |direction| format!(", {}", direction_words(direction)));
    let corrected =
        if note.amendments.iter().any(|amendment| amendment.corrected.is_some()) { " (corrected)" } else { "" };
    format!("{mode}{direction}; {reached}{corrected}")
}
