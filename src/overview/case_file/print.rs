//! Prints a case file for staff, and chooses the version for the audience.

use super::{client, model::*, narrative::StoryLine};
use crate::{
    auth::UserId,
    casework::{
        actions::model::Action,
        barriers::model::Barrier,
        deadlines::model::Deadline,
        meetings::model::Meeting,
        notes::model::{Note, NoteDetails, NoteKind},
        statements::{model::Statement, print::date},
    },
    directory::providers::model::ProviderId,
    print::{Block, Sheet},
    types::{Day, Instant, Line, Zone, code::words},
};

/// The pages in the version for the audience.
pub fn sheet(file: &PrintedFile, by: &str, reason: &Line<500>) -> Sheet {
    match file {
        PrintedFile::Internal(file) => Printer { file }.sheet(by, reason),
        PrintedFile::Client(file) => client::print::sheet(file, by),
        PrintedFile::Recipient(file) => client::print::recipient_sheet(file),
    }
}

/// The day on which the file was created, in the organization's time zone.
pub fn today(file: &PrintedFile) -> String {
    let (as_of, zone) = match file {
        PrintedFile::Internal(file) => (file.as_of, &file.time_zone),
        PrintedFile::Client(file) | PrintedFile::Recipient(file) => (file.as_of, &file.time_zone),
    };
    date(Day::of(as_of, zone))
}

/// The maximum number of bytes of text in a PDF: about two hundred pages, which take seconds to render.
const MAX_PDF_BYTES: usize = 300_000;

/// The part of a sheet that fits into a PDF. If something is omitted, the PDF says so at the beginning and at the end.
pub fn for_pdf(sheet: Sheet) -> Sheet {
    truncate(sheet, MAX_PDF_BYTES)
}

fn truncate(mut sheet: Sheet, most: usize) -> Sheet {
    let mut room = most;
    let fits = sheet.blocks.iter().take_while(|block| {
        // Only text blocks can be long.
        let length = if let Block::Text(text) = block { text.len() } else { 0 };
        room.checked_sub(length).inspect(|rest| room = *rest).is_some()
    });
    let fits = fits.count();
    if fits < sheet.blocks.len() {
        sheet.blocks.truncate(fits);
        let first = sheet.blocks.iter().position(|block| matches!(block, Block::Heading(_))).unwrap_or(fits);
        sheet.blocks.insert(
            first,
            Block::Notice(
                "This is not all: it is too long for this file, which ends before its end. As HTML it is whole.".into(),
            ),
        );
        sheet.blocks.push(Block::Notice("Here this file ends. What follows stands in the same file as HTML.".into()));
    }
    sheet
}

/// The blocks of a narrative, grouped by day: what happened up to `today`, and what is still to come.
pub fn narrative(lines: &[StoryLine], today: Day) -> Vec<Block> {
    let (past, ahead) = lines.split_at(lines.partition_point(|line| line.on <= today));
    let mut blocks = Vec::new();
    for (heading, lines) in [("What happened, in order", past), ("Still to come", ahead)] {
        section(
            &mut blocks,
            heading,
            lines.chunk_by(|one, next| one.on == next.on).map(|day| {
                let on = day.first().map(|line| date(line.on)).unwrap_or_default();
                Block::Text(day.iter().fold(on, |text, line| format!("{text}\n– {}", line.words)))
            }),
        );
    }
    blocks
}

/// Adds a heading and its blocks, unless there are no blocks.
pub fn section(blocks: &mut Vec<Block>, heading: &str, under: impl Iterator<Item = Block>) {
    let mut under = under.peekable();
    if under.peek().is_some() {
        blocks.push(Block::Heading(heading.into()));
        blocks.extend(under);
    }
}

/// A day and a time, in the given time zone.
pub fn date_and_time(at: Instant, zone: &Zone) -> String {
    at.jiff().to_zoned_datetime(zone.jiff()).strftime("%-d %B %Y, %H:%M").to_string()
}

/// The lines of a text. A line without a value is left out.
#[derive(Default)]
pub struct Lines(Vec<String>);
impl Lines {
    pub fn push(&mut self, line: impl Into<String>) {
        self.0.push(line.into());
    }
    /// Adds `name: value`, if there is a value.
    pub fn push_labelled(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.0.push(format!("{name}: {value}"));
        }
    }
    pub fn text(self) -> Option<Block> {
        (!self.0.is_empty()).then(|| Block::Text(self.0.join("\n")))
    }
}

struct Printer<'f> {
    file: &'f SupervisionFile,
}

impl Printer<'_> {
    fn name(&self, id: UserId) -> &str {
        self.file.people.iter().find(|user| user.id == id).map_or("somebody", |user| user.display_name.as_str())
    }
    fn provider(&self, id: Option<ProviderId>) -> Option<&str> {
        let id = id?;
        self.file.providers.iter().find(|provider| provider.id == id).map(|provider| provider.name.as_str())
    }
    fn day(&self, at: Instant) -> String {
        date(Day::of(at, &self.file.time_zone))
    }

    fn sheet(&self, by: &str, reason: &Line<500>) -> Sheet {
        let (file, case) = (self.file, &self.file.case);
        let today = Day::of(file.as_of, &file.time_zone);
        let on = date(today);
        let mut blocks = Vec::new();
        blocks.extend(case.client.as_ref().map(|client| Block::Name(client.preferred_name.to_string())));
        blocks.push(Block::Notice(format!(
            "For those who work in the case, and not to be given to the client.\nPrinted by {by} on {on}. It holds \
             what {by} may read.\nReason: {reason}"
        )));
        let left_out = file.left_out.counts();
        if !left_out.is_empty() {
            let counts: Vec<String> = left_out.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            blocks.push(Block::Notice(format!("This is not all. Older records are left out: {}.", counts.join(", "))));
        }
        blocks.push(Block::Heading("The case".into()));
        blocks.extend(self.head());
        blocks.extend(narrative(&file.story, today));
        for FileBarrier { barrier, actions } in &file.barriers {
            blocks.push(Block::Heading(format!("Barrier: {}", barrier_words(barrier))));
            blocks.extend(self.barrier(barrier));
            blocks.extend(actions.iter().filter_map(|file| self.action(file)));
        }
        section(&mut blocks, "Other actions", file.actions.iter().filter_map(|file| self.action(file)));
        for meeting in &file.meetings {
            blocks.push(Block::Heading(format!(
                "Meeting: {}, {}",
                meeting.kind.label(),
                date_and_time(meeting.starts_at, &meeting.time_zone)
            )));
            blocks.extend(self.meeting(meeting));
        }
        section(&mut blocks, "Notes", file.notes.iter().map(|note| self.note(note)));
        section(&mut blocks, "Tasks", file.tasks.iter().filter_map(|task| self.task(task)));
        section(&mut blocks, "Changes of status", file.transitions.iter().filter_map(|step| self.step(step)));
        let ended = file.episodes.iter().filter(|episode| episode.closed_at.is_some());
        section(&mut blocks, "Closures", ended.filter_map(|episode| self.episode(episode)));
        section(
            &mut blocks,
            "Who worked the case",
            file.assignments.iter().map(|one| {
                let end = one.ended_at.map_or_else(|| "now".to_owned(), |at| self.day(at));
                Block::Text(format!(
                    "{}, {}: {} to {end}",
                    self.name(one.user_id),
                    words(one.role.as_str()).to_lowercase(),
                    self.day(one.started_at)
                ))
            }),
        );
        blocks.extend(file.statement.iter().flat_map(statement));
        let foot = format!("Case {} · Internal · {on}", case.case_number);
        Sheet { title: format!("Case file {}", case.case_number), blocks, foot, ..Sheet::default() }
    }

    fn head(&self) -> Option<Block> {
        let case = &self.file.case;
        let mut lines = Lines::default();
        lines.push_labelled("Goal", case.client_goal.as_ref());
        lines.push_labelled("Kind of advocacy", Some(case.advocacy_type.label()));
        lines.push_labelled("Came by", Some(case.intake_source.label()));
        lines.push_labelled("Came by, in words", case.intake_source_text.as_ref());
        lines.push_labelled("Acting", Some(words(case.instruction.as_str())));
        lines.push_labelled("Why without instruction", case.non_instructed_reason.as_ref());
        lines.push_labelled("Status", Some(words(case.status.as_str())));
        lines.push_labelled("Priority", Some(words(case.priority.as_str())));
        lines.push_labelled("Why", case.priority_reason.as_ref());
        lines.push_labelled("Lead", case.lead_advocate.as_ref().map(|lead| &lead.display_name));
        lines.push_labelled("Opened", Some(self.day(case.opened_at)));
        lines.push_labelled("First contact", case.first_contact_at.map(|at| self.day(at)));
        lines.push_labelled("To be looked at again", case.review_on.map(date));
        lines.push_labelled("Closed", case.closed_at.map(|at| self.day(at)));
        lines.push_labelled("Reason for closing", case.closing_reason.map(|reason| reason.label()));
        lines.push_labelled("Outcome", case.outcome.map(|outcome| outcome.label()));
        lines.push_labelled("Summary", case.closing_summary.as_ref());
        lines.text()
    }

    fn barrier(&self, barrier: &Barrier) -> Option<Block> {
        let mut lines = Lines::default();
        lines.push(barrier.description.to_string());
        let bases: Vec<String> = barrier.bases.iter().map(|basis| basis.label()).collect();
        lines.push_labelled("Grounds", (!bases.is_empty()).then(|| bases.join(", ")));
        lines.push_labelled("Grounds, in words", barrier.basis_text.as_ref());
        lines.push_labelled("Provider", self.provider(barrier.provider_id));
        lines.push_labelled("Happened", barrier.occurred_on.map(date));
        lines.push_labelled("Weight", Some(words(barrier.severity.as_str())));
        lines.push_labelled("Known by", Some(words(barrier.verification.as_str())));
        lines.push_labelled("Status", Some(words(barrier.status.as_str())));
        lines.push_labelled("What became of it", barrier.disposition.map(|disposition| words(disposition.as_str())));
        lines.push_labelled("In whose judgement", barrier.judged_by.map(|by| words(by.as_str())));
        if barrier.possible_retaliation {
            lines.push("Possibly a retaliation.");
        }
        lines.push_labelled(
            "Entered",
            Some(format!("{} by {}", self.day(barrier.opened_at), self.name(barrier.created_by))),
        );
        lines.text()
    }

    fn action(&self, FileAction { action, deadlines }: &FileAction) -> Option<Block> {
        let Action { kind, forum, .. } = action;
        let mut lines = Lines::default();
        lines.push(format!("Action: {}, to {forum}", kind.label()));
        lines.push_labelled("Against", self.provider(action.provider_id));
        lines.push_labelled("About", action.description.as_ref());
        lines.push_labelled("Why it went on", action.escalation_reason.as_ref());
        lines.push_labelled("Status", Some(words(action.status.as_str())));
        lines.push_labelled("Filed", action.filed_on.map(date));
        lines.push_labelled("By", action.method.map(|method| words(method.as_str())));
        lines.push_labelled("Their reference", action.external_reference.as_ref());
        lines.push_labelled("Good cause for filing late", action.good_cause.as_ref());
        lines.push_labelled("Decision", action.decision.map(|decision| words(decision.as_str())));
        lines.push_labelled("Decided", action.decided_on.map(date));
        deadlines.iter().for_each(|one| deadline(&mut lines, one));
        lines.text()
    }

    fn meeting(&self, meeting: &Meeting) -> Option<Block> {
        let mut lines = Lines::default();
        lines.push(meeting.purpose.to_string());
        lines.push_labelled("Kind, in words", meeting.type_text.as_ref());
        lines.push_labelled("How", Some(words(meeting.mode.as_str())));
        lines.push_labelled("With", self.provider(meeting.provider_id));
        lines.push_labelled("Where", meeting.place.as_ref());
        let people: Vec<String> = meeting
            .participants
            .iter()
            .map(|one| one.role.as_ref().map_or_else(|| one.name.to_string(), |role| format!("{} ({role})", one.name)))
            .collect();
        lines.push_labelled("Who took part", (!people.is_empty()).then(|| people.join(", ")));
        lines.push_labelled("Status", Some(words(meeting.status.as_str())));
        lines.push_labelled("Called off by", meeting.cancelled_by.map(|by| words(by.as_str())));
        let ready = &meeting.readiness;
        lines.push_labelled(
            "Prepared",
            (ready.mandatory > 0).then(|| format!("{} of {} things that had to be", ready.done, ready.mandatory)),
        );
        lines.push_labelled("Who spoke", meeting.who_spoke.map(|who| words(who.as_str())));
        lines.push_labelled(
            "The provider wrote down what the client said",
            meeting.views_recorded_by_provider.map(|recorded| words(recorded.as_str())),
        );
        let outcomes: Vec<String> = meeting.outcomes.iter().map(|outcome| outcome.label()).collect();
        lines.push_labelled("Outcome", (!outcomes.is_empty()).then(|| outcomes.join(", ")));
        lines.push_labelled("Summary", meeting.summary.as_ref());
        for promise in meeting.commitments.iter().flatten() {
            let due = promise.due_on.map_or_else(String::new, |day| format!(", by {}", date(day)));
            lines.push(format!(
                "Promised by the {}{due} ({}): {}",
                promise.party.as_str(),
                words(promise.status.as_str()).to_lowercase(),
                promise.text
            ));
        }
        lines.text()
    }

    fn note(&self, note: &Note) -> Block {
        let kind = match note.kind {
            NoteKind::Contact => contact_words(note),
            kind => words(kind.as_str()),
        };
        let minutes = note.minutes.map_or_else(String::new, |minutes| format!(", {minutes} minutes"));
        let at = date_and_time(note.occurred_at, &self.file.time_zone);
        let mut text = format!("{at} – {kind}{minutes} – by {}\n{}", self.name(note.author_id), note.body);
        for added in &note.amendments {
            let at = date_and_time(added.created_at, &self.file.time_zone);
            let name = self.name(added.author_id);
            match &added.replaced {
                None => text.push_str(&format!("\nAdded {at} by {name}: {}", added.body)),
                Some(replaced) => {
                    text.push_str(&format!("\nCorrected {at} by {name}: {}{}", added.body, self.replaced(replaced)))
                }
            }
        }
        Block::Text(text)
    }

    /// The values that a correction replaced, as text.
    fn replaced(&self, before: &NoteDetails) -> String {
        let mut parts = Vec::new();
        parts.extend(before.occurred_at.map(|at| date_and_time(at, &self.file.time_zone)));
        parts.extend(before.mode.map(|mode| words(mode.as_str())));
        parts.extend(before.direction.map(|direction| direction_words(direction).to_owned()));
        parts.extend(before.successful.map(|reached| reached_words(reached).to_owned()));
        parts.extend(before.minutes.map(|minutes| format!("{minutes} minutes")));
        if parts.is_empty() { String::new() } else { format!(" (before: {})", parts.join(", ")) }
    }

    fn task(&self, task: &crate::casework::tasks::model::Task) -> Option<Block> {
        let mut lines = Lines::default();
        let whose = task.assignee_id.map_or("nobody yet", |id| self.name(id));
        lines.push(format!(
            "{} – by {}, {whose}: {}",
            task.title,
            date(task.due_on),
            words(task.status.as_str()).to_lowercase()
        ));
        lines.0.extend(task.description.as_ref().map(ToString::to_string));
        lines.text()
    }

    fn step(&self, step: &crate::casework::cases::transition::CaseTransition) -> Option<Block> {
        let mut lines = Lines::default();
        lines.push(format!(
            "{} – {} – by {}",
            date_and_time(step.at, &self.file.time_zone),
            words(step.to.as_str()),
            self.name(step.actor_id)
        ));
        lines.push_labelled("Reason", step.reason.as_ref());
        lines.push_labelled("Pointed to", step.given.signpost.as_ref());
        lines.push_labelled("To be looked at again", step.given.review_on.map(date));
        lines.text()
    }

    fn episode(&self, episode: &crate::casework::cases::transition::EpisodeRow) -> Option<Block> {
        let mut lines = Lines::default();
        lines.push_labelled("Opened", Some(self.day(episode.opened_at)));
        lines.push_labelled("Closed", episode.closed_at.map(|at| self.day(at)));
        lines.push_labelled("Reason", episode.closing_reason.map(|reason| reason.label()));
        lines.push_labelled("Outcome", episode.outcome.map(|outcome| outcome.label()));
        lines.push_labelled("Summary", episode.closing_summary.as_ref());
        lines.text()
    }
}

fn deadline(lines: &mut Lines, deadline: &Deadline) {
    let rule = deadline.rule.as_ref().map_or_else(String::new, |rule| format!(" ({})", rule.name));
    lines.push(format!(
        "Last day: {}{rule}: {}",
        date(deadline.due_on),
        words(deadline.status.as_str()).to_lowercase()
    ));
    lines.push_labelled("Done", deadline.satisfied_on.map(date));
    lines.push_labelled("Good cause", deadline.good_cause.as_ref());
    lines.push_labelled("Why it was waived", deadline.excused_reason.as_ref());
    lines.push_labelled("Why the day was set by hand", deadline.override_reason.as_ref());
    lines.push_labelled("Note", deadline.note.as_ref());
}

/// The sections of a statement, under a heading that says whose words they are.
fn statement(statement: &Statement) -> Vec<Block> {
    let on =
        statement.approval.as_ref().map_or_else(String::new, |approval| format!(", approved on {}", date(approval.on)));
    let mut blocks =
        vec![Block::Heading("Needs and preferences".into()), Block::Text(format!("Version {}{on}.", statement.number))];
    for (section, said) in statement.sections.filled() {
        blocks.push(Block::Text(format!("{}\n{said}", section.heading())));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oversized_pdf_is_cut_with_a_notice() {
        let texts = ["one", "two", "three"].map(|text| Block::Text(text.into()));
        let blocks = [Block::Name("Sam".into()), Block::Heading("H".into())].into_iter().chain(texts).collect();
        let sheet = Sheet { title: "T".into(), blocks, ..Sheet::default() };
        assert_eq!(truncate(sheet.clone(), 11).blocks, sheet.blocks);
        let short = truncate(sheet, 10).blocks;
        let is = |place: usize, text: &str| matches!(short.get(place), Some(Block::Notice(shown)) if shown.starts_with(text));
        assert!(is(1, "This is not all") && is(5, "Here this file ends") && short.len() == 6, "{short:?}");
        assert_eq!(short.get(3..5), Some([Block::Text("one".into()), Block::Text("two".into())].as_slice()));
    }
}
