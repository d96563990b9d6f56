//! What a measure is: which facts it looks at, what it counts of them, and what it makes of the counts. Every form of a
//! report, and whatever the registry tells of it, comes from here.

use super::measures;
use crate::types::Day;

text_enum! {
    /// What is counted. Numbers of different units are never added.
    pub enum Unit {
        Cases = "cases",
        Clients = "clients",
        Barriers = "barriers",
        Actions = "actions",
        Deadlines = "deadlines",
        Meetings = "meetings",
        Tasks = "tasks",
        /// Times that it was decided not to take a case on, or to let it wait.
        Decisions = "decisions",
        /// Each row counts records of its own kind.
        Records = "records",
    }
}

/// Every measure, in the order in which they are listed.
pub const ALL: &[&[Measure]] = &[
    measures::caseload::ALL,
    measures::contact::ALL,
    measures::deadlines::ALL,
    measures::barriers::ALL,
    measures::actions::ALL,
    measures::meetings::ALL,
    measures::oversight::ALL,
];

pub fn all() -> impl Iterator<Item = &'static Measure> {
    ALL.iter().copied().flatten()
}

pub fn find(id: &str) -> Option<&'static Measure> {
    all().find(|measure| measure.id == id)
}

/// One measure. In its SQL `f` is a fact, and these stand for values: `{at}` the moment as of which is reported,
/// `{from}` and `{to}` the moments at which the period begins and ends, in microseconds; `{day}`, `{from_day}`,
/// `{to_day}` the same as days since 1970; `{instant}` the moment as the engine keeps it, and `{organization}` whose
/// facts they are.
#[derive(Debug)]
pub struct Measure {
    pub id: &'static str,
    /// Counts up whenever the same records would give another number.
    pub version: i32,
    pub title: &'static str,
    pub definition: &'static str,
    pub numerator: Option<&'static str>,
    pub denominator: Option<&'static str>,
    pub unit: Unit,
    pub time: ReportTime,
    pub groups: &'static [Group],
    /// What it is grouped by unless it is asked for something else.
    pub usual: &'static [&'static str],
    pub parts: &'static [Part],
    pub statistics: &'static [Statistic],
    /// The counter that says how many units were looked at.
    pub n: &'static str,
    pub excluded: &'static [Exclusion],
    pub caution: Option<&'static str>,
    /// Whether it says how many records were left out because their case was entered in error: where it looks at each
    /// record once.
    pub tells_mistakes: bool,
    /// The statistic that the measure is about: charts show it.
    pub headline: &'static str,
    /// Groups that decide whether a record is in a numerator, so that each share by them is 0 or 100 %. Charts by them
    /// show numbers instead.
    pub decided_by: &'static [&'static str],
    pub by_time: ByTime,
}

text_enum! {
    /// A stretch of the calendar by which a report can be grouped.
    pub enum Span { Month = "month", Quarter = "quarter" }
}

/// How a measure is reported by month and by quarter. Each month is counted as the same report of that month alone
/// would count it.
#[derive(Debug)]
pub struct ByTime {
    /// Which spans are offered.
    pub spans: &'static [Span],
    /// Which moment of a record puts it into a month, or why there is no report by month.
    pub counts: &'static str,
    /// Statistics that are of the moment of the report, whatever the month: they are in the totals alone.
    pub without: &'static [&'static str],
}
impl ByTime {
    pub const fn of(counts: &'static str) -> Self {
        Self { spans: &[Span::Month, Span::Quarter], counts, without: &[] }
    }
    /// How things stood at each end.
    pub const STOCK: Self = Self::of("How things stood at the end of each month or quarter.");
}

impl Span {
    /// The first day of the span that a day is in.
    pub fn first(self, day: Day) -> Day {
        let first = day.jiff().first_of_month();
        let back = match self {
            Self::Month => 0,
            Self::Quarter => (first.month() - 1) % 3,
        };
        Day::from_jiff(first.saturating_sub(jiff::Span::new().months(back)))
    }
    /// The first day of the span after the one that begins on this day.
    pub fn next(self, first: Day) -> Day {
        let months = if self == Self::Month { 1 } else { 3 };
        Day::from_jiff(first.jiff().saturating_add(jiff::Span::new().months(months)))
    }
    /// `2026-03`, `2026-Q1`.
    pub fn key(self, first: Day) -> String {
        match self {
            Self::Month => first.jiff().strftime("%Y-%m").to_string(),
            Self::Quarter => format!("{}-{}", first.year(), self.short(first)),
        }
    }
    /// `March 2026`, `Q1 2026`.
    pub fn label(self, first: Day) -> String {
        match self {
            Self::Month => first.jiff().strftime("%B %Y").to_string(),
            Self::Quarter => format!("{} {}", self.short(first), first.year()),
        }
    }
    /// `Mar`, `Q1`.
    pub fn short(self, first: Day) -> String {
        match self {
            Self::Month => first.jiff().strftime("%b").to_string(),
            Self::Quarter => format!("Q{}", (first.jiff().month() + 2) / 3),
        }
    }
    /// As a group.
    pub const fn group(self) -> &'static Group {
        match self {
            Self::Month => &MONTH,
            Self::Quarter => &QUARTER,
        }
    }
}

static MONTH: Group = Group { name: "month", title: "Month", sql: "NULL", keys: Keys::Span(Span::Month) };
static QUARTER: Group = Group { name: "quarter", title: "Quarter", sql: "NULL", keys: Keys::Span(Span::Quarter) };

text_enum! {
    /// What a measure asks of time.
    pub enum ReportTime {
        /// How things stand at a moment, `as_of`.
        Moment = "moment",
        /// How they stand now: what it looks at is not kept for the past, and `as_of` is not taken.
        Now = "now",
        /// What happened from one day up to another.
        Period = "period",
    }
}

/// Where facts of one kind stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    Cases,
    Barriers,
    Actions,
    Deadlines,
    Meetings,
    Tasks,
}
impl Facts {
    /// What names the record.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cases => "f.case_id",
            Self::Barriers => "f.barrier_id",
            Self::Actions => "f.action_id",
            Self::Deadlines => "f.deadline_id",
            Self::Meetings => "f.meeting_id",
            Self::Tasks => "f.task_id",
        }
    }
    pub const fn table(self) -> &'static str {
        match self {
            Self::Cases => "case_facts AS f",
            Self::Barriers => "barrier_facts AS f",
            Self::Actions => "action_facts AS f",
            Self::Deadlines => "deadline_facts AS f",
            Self::Meetings => "meeting_facts AS f",
            Self::Tasks => "task_facts AS f",
        }
    }
}

/// Facts of one kind, and what is counted of them.
#[derive(Debug)]
pub struct Part {
    pub facts: Facts,
    pub look: Look,
    /// The condition of the facts that are looked at.
    pub among: &'static str,
    pub counters: &'static [Counter],
    /// A number of whole days of each that a quantile may be asked of.
    pub days: Option<&'static str>,
}

/// Which facts of a record are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    /// The one that was on record at the moment.
    Standing,
    /// Every one that came on record until then: for what happened to it on the way.
    History,
    /// Those that were on record at the moment, drawn together for each client: these names for what is made of them.
    PerClient(&'static [(&'static str, &'static str)]),
    /// The same, drawn together for each provider.
    PerProvider(&'static [(&'static str, &'static str)]),
}
impl Look {
    /// The column by which facts are drawn together, and what is made of them.
    pub const fn drawn_together(self) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
        match self {
            Self::Standing | Self::History => None,
            Self::PerClient(made) => Some(("f.client_id", made)),
            Self::PerProvider(made) => Some(("f.provider_id", made)),
        }
    }
}

/// Something that is counted.
#[derive(Debug)]
pub struct Counter {
    pub name: &'static str,
    pub sql: Count,
}

#[derive(Debug, Clone, Copy)]
pub enum Count {
    /// The facts that meet a condition.
    Of(&'static str),
    /// A whole number of each, added up.
    Sum(&'static str),
    /// The different values of a column.
    Different(&'static str),
}
impl Count {
    /// Whether the counts of two groups make that of both.
    pub const fn adds_up(self) -> bool {
        !matches!(self, Self::Different(..))
    }
}

/// What is told of the counts. A number that is made of others is hidden where one of them is.
#[derive(Debug)]
pub struct Statistic {
    pub name: &'static str,
    pub title: &'static str,
    pub makes: Makes,
}

#[derive(Debug, Clone, Copy)]
pub enum Makes {
    /// A count itself.
    Count(&'static str),
    /// A count that stands for so many units, of which `of` is the number.
    Weight { sum: &'static str, of: &'static str },
    /// One count as a share of another that holds it.
    Share { of: &'static str, among: &'static str },
    /// A sum by the number that it was added up over.
    /// Of so many units, of which `units` is the number.
    Mean { sum: &'static str, of: &'static str, units: &'static str },
    /// The number of days that so many in a hundred do not exceed; by nearest rank.
    Quantile { percent: i64, of: &'static str },
    /// How many providers have come to so many of the units that `among` counts. Of one provider: 1 or 0.
    Flagged { of: &'static str, among: &'static str },
}

/// What is not in the numbers, and why.
#[derive(Debug)]
pub struct Exclusion {
    pub code: &'static str,
    pub words: &'static str,
    pub counter: &'static str,
}

/// Something to group by.
#[derive(Debug)]
pub struct Group {
    pub name: &'static str,
    pub title: &'static str,
    pub sql: &'static str,
    pub keys: Keys,
}

/// What the keys of a group are, and where their names are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    Team,
    User,
    Provider,
    Service,
    /// Codes of a code list.
    Codes(&'static str),
    /// The same, several to each fact: a sum over them is not the number of facts.
    SeveralCodes(&'static str),
    /// Words that the program itself decides by.
    Words,
    /// Steps, in this order.
    Steps(&'static [(&'static str, &'static str)]),
    /// Months or quarters. Each is a report of its own: nothing is grouped by them in SQL.
    Span(Span),
}
impl Keys {
    pub const fn are_ids(self) -> bool {
        matches!(self, Self::Team | Self::User | Self::Provider | Self::Service)
    }
    /// Whether its keys have an order of their own. Charts of all others are sorted by value.
    pub const fn has_order(self) -> bool {
        matches!(self, Self::Steps(_) | Self::Span(_))
    }
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Span(span) => Some(span),
            _ => None,
        }
    }
}

/// The key of what has none: no provider named, no reason given.
pub const NONE: &str = "none";

impl Measure {
    /// Whether the counts of two groups, or of two teams, make that of both: not where different clients are counted,
    /// who may be in both.
    pub fn adds_up(&self) -> bool {
        let part = |part: &Part| {
            part.look.drawn_together().is_none() && part.counters.iter().all(|counter| counter.sql.adds_up())
        };
        self.parts.iter().all(part)
    }
    /// Everything that it can be grouped by, months and quarters among it.
    pub fn all_groups(&self) -> impl Iterator<Item = &'static Group> + use<> {
        self.groups.iter().chain(self.by_time.spans.iter().map(|span| span.group()))
    }
    pub fn group(&self, name: &str) -> Option<&'static Group> {
        self.all_groups().find(|group| group.name == name)
    }
    /// The statistic that charts show.
    pub fn headline(&self) -> Option<&'static Statistic> {
        self.statistics.iter().find(|statistic| statistic.name == self.headline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::aggregate::MOST_COUNTS;
    use std::collections::BTreeSet;

    #[test]
    fn every_measure_names_what_it_has() {
        let mut ids = BTreeSet::new();
        for measure in all() {
            assert!(ids.insert(measure.id), "{} is there twice", measure.id);
            let counters: Vec<&str> =
                measure.parts.iter().flat_map(|part| part.counters).map(|counter| counter.name).collect();
            assert!(counters.len() < MOST_COUNTS, "{} counts too much", measure.id);
            assert_eq!(counters.iter().collect::<BTreeSet<_>>().len(), counters.len(), "{}", measure.id);
            let known = |name: &str| assert!(counters.contains(&name), "{} has no {name}", measure.id);
            known(measure.n);
            measure.excluded.iter().for_each(|excluded| known(excluded.counter));
            for statistic in measure.statistics {
                match statistic.makes {
                    Makes::Count(of) => known(of),
                    Makes::Quantile { of, .. } => {
                        known(of);
                        assert!(measure.parts.iter().any(|part| part.days.is_some()), "{}", measure.id);
                    }
                    Makes::Share { of, among } | Makes::Flagged { of, among } => {
                        [of, among].into_iter().for_each(known)
                    }
                    Makes::Weight { sum, of } => [sum, of].into_iter().for_each(known),
                    Makes::Mean { sum, of, units } => [sum, of, units].into_iter().for_each(known),
                }
            }
            measure
                .usual
                .iter()
                .for_each(|name| assert!(measure.group(name).is_some(), "{} has no group {name}", measure.id));
            assert!(measure.headline().is_some(), "{} charts nothing", measure.id);
            let is_known = |name: &&str| measure.statistics.iter().any(|statistic| statistic.name == *name);
            assert!(measure.by_time.without.iter().all(is_known), "{}", measure.id);
            measure
                .decided_by
                .iter()
                .for_each(|name| assert!(measure.group(name).is_some(), "{} has no group {name}", measure.id));
            assert!(
                measure.decided_by.is_empty()
                    || measure.statistics.iter().any(|s| matches!(s.makes, Makes::Share { .. }))
            );
            for words in [
                Some(measure.definition),
                Some(measure.by_time.counts),
                measure.numerator,
                measure.denominator,
                measure.caution,
            ]
            .into_iter()
            .flatten()
            {
                assert!(words.ends_with('.'), "{}: {words}", measure.id);
            }
        }
    }

    #[test]
    fn spans_follow_the_calendar() {
        let day = |text: &str| Day::parse(text).unwrap();
        for (span, of, first, next, key, label) in [
            (Span::Month, "2026-03-31", "2026-03-01", "2026-04-01", "2026-03", "March 2026"),
            (Span::Month, "2025-12-01", "2025-12-01", "2026-01-01", "2025-12", "December 2025"),
            (Span::Quarter, "2026-03-31", "2026-01-01", "2026-04-01", "2026-Q1", "Q1 2026"),
            (Span::Quarter, "2024-11-30", "2024-10-01", "2025-01-01", "2024-Q4", "Q4 2024"),
        ] {
            assert_eq!(span.first(day(of)), day(first), "{of}");
            assert_eq!(span.next(day(first)), day(next), "{of}");
            assert_eq!((span.key(day(first)).as_str(), span.label(day(first)).as_str()), (key, label));
        }
    }

    #[test]
    fn the_measures_that_were_promised_are_there() {
        let promised = [
            "caseload_current",
            "caseload_flow",
            "time_to_first_contact",
            "time_to_close",
            "contact_gap",
            "deadlines_due",
            "deadline_compliance",
            "overdue_followups",
            "barriers_open",
            "barrier_resolution",
            "action_success",
            "provider_pattern",
            "discrimination_by_basis",
            "meeting_prep",
            "self_advocacy_shift",
            "supervision",
            "unmet_need",
            "data_quality",
        ];
        assert_eq!(all().map(|measure| measure.id).collect::<BTreeSet<_>>(), promised.into_iter().collect());
    }
}
