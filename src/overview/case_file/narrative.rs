//! The narrative of a case: its events in the order of time. The API calls it `story`. The readers of a case file get
//! different texts; both use this module.

use crate::types::{Day, Instant, Zone};
use serde::Serialize;
use utoipa::ToSchema;

text_enum! {
    /// The kind of an event. Events of one day without a time come after those with a time, in this order.
    pub enum StoryEvent {
        CaseOpened = "case_opened",
        CaseMoved = "case_moved",
        BarrierOpened = "barrier_opened",
        BarrierEnded = "barrier_ended",
        MeetingHeld = "meeting_held",
        Contact = "contact",
        ActionFiled = "action_filed",
        ActionDecided = "action_decided",
        DeadlineMet = "deadline_met",
        /// The due date of a deadline that is still open; it may be in the future.
        DeadlineDue = "deadline_due",
        DeadlineMissed = "deadline_missed",
    }
}

/// One event.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/story_line.json"))))]
pub struct StoryLine {
    /// The day, by the organization's calendar.
    pub on: Day,
    /// The time; absent if only the day is known.
    pub at: Option<Instant>,
    pub event: StoryEvent,
    /// The event in one sentence.
    pub words: String,
}

/// Collects the events of a narrative.
#[derive(Debug)]
pub struct NarrativeBuilder<'z> {
    zone: &'z Zone,
    lines: Vec<StoryLine>,
}

impl<'z> NarrativeBuilder<'z> {
    pub const fn new(zone: &'z Zone) -> Self {
        Self { zone, lines: Vec::new() }
    }
    /// Adds an event at a known time.
    pub fn add_at(&mut self, at: Instant, event: StoryEvent, words: impl Into<String>) {
        self.lines.push(StoryLine { on: Day::of(at, self.zone), at: Some(at), event, words: words.into() });
    }
    /// Adds an event of which only the day is known.
    pub fn add_on(&mut self, on: Day, event: StoryEvent, words: impl Into<String>) {
        self.lines.push(StoryLine { on, at: None, event, words: words.into() });
    }
    /// The events, the oldest first.
    pub fn sorted(mut self) -> Vec<StoryLine> {
        self.lines.sort_by_key(|line| (line.on, line.at.map_or(i64::MAX, Instant::micros), line.event));
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrative_uses_the_organizations_days_with_untimed_events_last() {
        let zone = Zone::parse("America/Chicago").unwrap();
        let (day, at) = (|text| Day::parse(text).unwrap(), |text| Instant::parse(text).unwrap());
        let mut narrative = NarrativeBuilder::new(&zone);
        narrative.add_on(day("2026-11-24"), StoryEvent::DeadlineDue, "due");
        narrative.add_on(day("2026-11-24"), StoryEvent::ActionFiled, "filed");
        // In Chicago it is still the evening of the 23rd.
        narrative.add_at(at("2026-11-24T05:00:00Z"), StoryEvent::MeetingHeld, "met");
        narrative.add_at(at("2026-11-24T15:00:00Z"), StoryEvent::Contact, "called");
        narrative.add_at(at("2026-11-23T15:00:00Z"), StoryEvent::CaseOpened, "opened");
        let sorted = narrative.sorted();
        assert_eq!(
            sorted.iter().map(|line| line.words.as_str()).collect::<Vec<_>>(),
            ["opened", "met", "called", "filed", "due"]
        );
        assert_eq!(sorted.get(1).map(|line| line.on), Some(day("2026-11-23")));
    }
}
