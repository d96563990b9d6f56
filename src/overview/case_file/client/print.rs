//! Prints the client's version of a case file, in plain words and large type.

use super::model::*;
use crate::{
    casework::{
        actions::model::ActionStatus,
        deadlines::model::DeadlineStatus,
        meetings::{commitments::model::CommitmentParty, model::MeetingStatus},
        statements::print::date,
    },
    overview::case_file::print::{Lines, date_and_time, narrative, section},
    portal::{cases::model::MyPromise, meetings::model::MyMeeting},
    print::{Block, Sheet},
    types::{Day, code::words},
};

/// The pages for the client to keep, without empty sections.
pub fn sheet(file: &ClientFile, by: &str) -> Sheet {
    let case = &file.case;
    let today = Day::of(file.as_of, &file.time_zone);
    let on = date(today);
    let mut blocks: Vec<Block> = file.name.iter().map(|name| Block::Name(name.to_string())).collect();
    blocks.push(Block::Text(format!(
        "This is what happened in your case up to {on}. {by} printed it for you. If something is not clear, or not \
         right, please ask us."
    )));
    if file.left_out.total() > 0 {
        blocks.push(Block::Notice(format!(
            "This is not all: {} older entries are left out. Please ask us for them.",
            file.left_out.total()
        )));
    }
    blocks.push(Block::Heading("Where it stands".into()));
    let mut lines = Lines::default();
    lines.push(case.status_in_words);
    lines.push_labelled("Number of your case", Some(&case.case_number));
    lines.push_labelled("Who works on it with you", case.lead_advocate.as_ref());
    lines.push_labelled("Opened", Some(date(Day::of(case.opened_at, &file.time_zone))));
    lines.push_labelled("Closed", case.closed_at.map(|at| date(Day::of(at, &file.time_zone))));
    blocks.extend(lines.text());
    blocks.push(Block::Heading("What you want".into()));
    blocks.push(Block::Text(case.client_goal.to_string()));
    blocks.extend(narrative(&file.story, today));
    for barrier in &file.barriers {
        blocks.push(Block::Heading(format!("In your way: {}", barrier.kind.label())));
        let state = if barrier.status.is_ended() { ending_words(barrier) } else { "We are working on it.".to_owned() };
        blocks.push(Block::Text(state));
        blocks.extend(barrier.actions.iter().filter_map(action));
    }
    section(&mut blocks, "What else we did", file.actions.iter().filter_map(action));
    section(&mut blocks, "Meetings", file.meetings.iter().filter_map(meeting));
    section(&mut blocks, "What was promised", file.promises.iter().map(promise));
    if let Some(statement) = &file.statement {
        blocks.push(Block::Heading("What you told us that you need".into()));
        let said =
            statement.sections.filled().map(|(section, said)| Block::Text(format!("{}\n{said}", section.heading())));
        blocks.extend(said);
    }
    Sheet { title: "Your case".into(), blocks, foot: format!("Case {} · {on}", case.case_number), ..Sheet::default() }
}

/// The pages for a recipient outside the organization: the status of the case, the barriers, the actions, and the
/// agreements of meetings. Without notes, contacts, places, names of other people, and internal records of the
/// organization.
pub fn recipient_sheet(file: &ClientFile) -> Sheet {
    let case = &file.case;
    let day = |at| date(Day::of(at, &file.time_zone));
    let mut blocks: Vec<Block> = file.name.iter().map(|name| Block::Name(name.to_string())).collect();
    if file.left_out.total() > 0 {
        blocks.push(Block::Notice(format!("This is not all: {} older entries are left out.", file.left_out.total())));
    }
    blocks.push(Block::Heading("The case".into()));
    let mut lines = Lines::default();
    lines.push_labelled("Number", Some(&case.case_number));
    lines.push_labelled("Status", Some(words(case.status.as_str())));
    lines.push_labelled("Advocate", case.lead_advocate.as_ref());
    lines.push_labelled("Opened", Some(day(case.opened_at)));
    lines.push_labelled("Closed", case.closed_at.map(day));
    blocks.extend(lines.text());
    blocks.push(Block::Heading("The client's goal, in their own words".into()));
    blocks.push(Block::Text(case.client_goal.to_string()));
    for barrier in &file.barriers {
        blocks.push(Block::Heading(format!("Barrier: {}", barrier.kind.label())));
        blocks.push(Block::Text(if barrier.status.is_ended() {
            ending_words(barrier)
        } else {
            "Not resolved yet.".to_owned()
        }));
        blocks.extend(barrier.actions.iter().filter_map(outside_action));
    }
    section(&mut blocks, "Other actions", file.actions.iter().filter_map(outside_action));
    section(&mut blocks, "Meetings", file.meetings.iter().filter_map(outside_meeting));
    section(&mut blocks, "What was agreed in meetings", file.promises.iter().map(outside_promise));
    blocks.push(Block::Text(
        "This copy leaves out notes, contacts, places and people of meetings, and the client's statement of needs."
            .into(),
    ));
    Sheet {
        title: "Summary of a case".into(),
        blocks,
        foot: format!("Case {} · {}", case.case_number, day(file.as_of)),
        ..Sheet::default()
    }
}

fn outside_action(action: &ClientAction) -> Option<Block> {
    let mut lines = Lines::default();
    lines.push(format!("{}, to {}", action.kind.label(), action.forum));
    lines.push_labelled("Status", Some(words(action.status.as_str())));
    lines.push_labelled("Filed", action.filed_on.map(date));
    lines.push_labelled("Decision", action.decision.map(|decision| words(decision.as_str())));
    lines.push_labelled("Decided", action.decided_on.map(date));
    for deadline in &action.deadlines {
        lines.push(format!("Last day: {} ({})", date(deadline.due_on), words(deadline.status.as_str()).to_lowercase()));
    }
    lines.text()
}

fn outside_meeting(meeting: &MyMeeting) -> Option<Block> {
    let mut lines = Lines::default();
    lines.push(format!("{} – {}", date_and_time(meeting.starts_at, &meeting.time_zone), meeting.kind.label()));
    lines.push(meeting.purpose.to_string());
    lines.push_labelled("Status", Some(words(meeting.status.as_str())));
    lines.text()
}

fn outside_promise(promise: &MyPromise) -> Block {
    let who = match promise.party {
        CommitmentParty::Provider => "The provider",
        CommitmentParty::Client => "The client",
        CommitmentParty::Advocate => "The advocate",
    };
    let due = promise.due_on.map_or_else(String::new, |day| format!(", by {}", date(day)));
    Block::Text(format!("{who}{due}: {}\n{}.", promise.text, words(promise.status.as_str())))
}

fn action(action: &ClientAction) -> Option<Block> {
    let mut lines = Lines::default();
    lines.push(format!("{}, to {}", action.kind.label(), action.forum));
    lines.push(match action.status {
        ActionStatus::Draft => "We have not sent it yet.",
        ActionStatus::Filed => "It was sent. There is no answer yet.",
        ActionStatus::InProgress => "They are looking at it.",
        ActionStatus::Decided => "They have decided.",
        ActionStatus::Withdrawn => "It was taken back.",
        ActionStatus::EnteredInError => "It was written down by mistake.",
    });
    lines.push_labelled("Sent", action.filed_on.map(date));
    lines.push_labelled("Decision", action.decision.map(|decision| words(decision.as_str())));
    lines.push_labelled("Decided", action.decided_on.map(date));
    for deadline in &action.deadlines {
        let ending = match deadline.status {
            DeadlineStatus::PendingTrigger => "it may be later: that is not known yet",
            DeadlineStatus::Running => "there is still time",
            DeadlineStatus::Satisfied if deadline.late_filing => "it was done later",
            DeadlineStatus::Satisfied => "it was done in time",
            DeadlineStatus::Missed => "it has passed",
            DeadlineStatus::Excused => "it is not needed any more",
            DeadlineStatus::Superseded => "another day has taken its place",
        };
        lines.push(format!("Last day: {} – {ending}", date(deadline.due_on)));
    }
    lines.text()
}

fn meeting(meeting: &MyMeeting) -> Option<Block> {
    let mut lines = Lines::default();
    lines.push(format!("{} – {}", date_and_time(meeting.starts_at, &meeting.time_zone), meeting.kind.label()));
    lines.push(meeting.purpose.to_string());
    lines.push_labelled("Where", meeting.place.as_ref());
    let outcome = match meeting.status {
        MeetingStatus::Proposed => "It is not settled yet.",
        MeetingStatus::Booked => "It is booked.",
        MeetingStatus::Held => "It took place.",
        MeetingStatus::Cancelled => "It was called off.",
        MeetingStatus::NoShow => "It did not take place.",
        MeetingStatus::Rescheduled => "It was moved to another day.",
    };
    lines.push(outcome);
    lines.text()
}

fn promise(promise: &MyPromise) -> Block {
    let who = match promise.party {
        CommitmentParty::Provider => "They promised",
        CommitmentParty::Client => "You promised",
        CommitmentParty::Advocate => "We promised",
    };
    let due = promise.due_on.map_or_else(String::new, |day| format!(" by {}", date(day)));
    Block::Text(format!("{who}{due}: {}\n{}.", promise.text, words(promise.status.as_str())))
}
