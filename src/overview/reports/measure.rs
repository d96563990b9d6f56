//! What a measure is: which report facts it reads, what it counts of them, and which numbers it computes from the
//! counts. Every form of a report, and the list of measures, comes from here.
//!
//! Report facts (`case_facts` and the other tables) are an append-only history of each record's reported fields.

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
        /// Decisions to decline a case or to put it on the waiting list.
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

/// One measure. In its SQL, `f` is the table of report facts, and names in braces stand for values. `{at}` is the
/// moment that the report is as of, `{from}` and `{to}` are the moments at which the period begins and ends, in
/// microseconds; `{day}`, `{from_day}` and `{to_day}` are the same as days since 1970. `{instant}` is the moment in the
/// engine's own type, and `{organization}` the organization that the facts belong to.
#[derive(Debug)]
pub struct Measure {
    pub id: &'static str,
    /// Increases whenever the same records would give another number.
    pub version: i32,
    pub title: &'static str,
    pub definition: &'static str,
    pub numerator: Option<&'static str>,
    pub denominator: Option<&'static str>,
    pub unit: Unit,
    pub time: ReportTime,
    pub groups: &'static [Group],
    /// The names of the groups that a report has if the request names none.
    pub default_groups: &'static [&'static str],
    pub parts: &'static [Part],
    pub statistics: &'static [Statistic],
    /// The name of the counter that counts the units of the report, its `n`.
    pub unit_counter: &'static str,
    pub excluded: &'static [Exclusion],
    pub caution: Option<&'static str>,
    /// Whether the report says how many records it leaves out because their case was entered in error. Only measures
    /// that read each record once can count these records.
    pub reports_entered_in_error: bool,
    /// The statistic that the measure is about; charts show it.
    pub headline: &'static str,
    /// Names of groups whose key determines whether a record is in the numerator. Each share by such a group is 0 or
    /// 100 %, so charts by it show numbers of units instead.
    pub share_determined_by: &'static [&'static str],
    pub by_time: ByTime,
}

text_enum! {
    /// A part of the calendar by which a report can be grouped.
    pub enum Span { Month = "month", Quarter = "quarter" }
}

/// How a measure is reported by month and by quarter. Each month has the numbers that a report of that month alone has.
#[derive(Debug)]
pub struct ByTime {
    /// The spans that are offered.
    pub spans: &'static [Span],
    /// Which moment of a record puts it into a month, or why there is no report by month.
    pub counts_by: &'static str,
    /// Names of statistics that describe the moment of the report, and so no single month: only the totals show them.
    pub totals_only: &'static [&'static str],
}
impl ByTime {
    pub const fn months_and_quarters(counts_by: &'static str) -> Self {
        Self { spans: &[Span::Month, Span::Quarter], counts_by, totals_only: &[] }
    }
    /// The state at the end of each span.
    pub const STATE_AT_PERIOD_END: Self =
        Self::months_and_quarters("How things stood at the end of each month or quarter.");
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
    /// The span as a group.
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
    /// The time that a measure covers.
    pub enum ReportTime {
        /// The state at a moment, `as_of`.
        Moment = "moment",
        /// The present state: what it counts has no history, so `as_of` is not accepted.
        Now = "now",
        /// What happened from one day up to another.
        Period = "period",
    }
}

/// The tables of report facts, one for each kind of record.
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
    /// The column with the id of the record.
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

/// Facts of one table, and what is counted of them.
#[derive(Debug)]
pub struct Part {
    pub facts: Facts,
    pub selection: FactSelection,
    /// The SQL condition that selects the facts.
    pub condition: &'static str,
    pub counters: &'static [Counter],
    /// SQL for a number of whole days of each fact, for quantiles.
    pub days: Option<&'static str>,
    /// The groups for which a report as of now reads an index of the facts that meet the condition now, and no other
    /// facts: see `Index` in `facts.rs`. `None` if there is no such index.
    pub index_groups: Option<&'static [&'static str]>,
}

impl Part {
    pub fn is_indexed(&self, groups: &[&Group]) -> bool {
        self.index_groups.is_some_and(|names| groups.iter().all(|group| names.contains(&group.name)))
    }
}

/// Which facts of a record a measure reads.
#[derive(Debug, Clone, Copy)]
pub enum FactSelection {
    /// The fact that was on record at the moment.
    OnRecord,
    /// Every fact that was recorded up to the moment: for measures of what happened to the record.
    History,
    /// The facts that were on record at the moment, aggregated for each client: the names and the SQL of the
    /// aggregates.
    PerClient(&'static [(&'static str, &'static str)]),
    /// The same, aggregated for each provider.
    PerProvider(&'static [(&'static str, &'static str)]),
}
impl FactSelection {
    /// The column by which facts are aggregated, and the aggregates.
    pub const fn aggregated_by(self) -> Option<(&'static str, &'static [(&'static str, &'static str)])> {
        match self {
            Self::OnRecord | Self::History => None,
            Self::PerClient(made) => Some(("f.client_id", made)),
            Self::PerProvider(made) => Some(("f.provider_id", made)),
        }
    }
}

/// A counter: its name, and what it counts.
#[derive(Debug)]
pub struct Counter {
    pub name: &'static str,
    pub sql: Count,
}

/// What a counter counts, in SQL.
#[derive(Debug, Clone, Copy)]
pub enum Count {
    /// Counts the facts that meet a condition.
    Where(&'static str),
    /// Adds up a whole number of each fact.
    Sum(&'static str),
    /// Counts the distinct values of a column.
    Distinct(&'static str),
}
impl Count {
    /// Whether the counts of two groups add up to the count of both.
    pub const fn is_additive(self) -> bool {
        !matches!(self, Self::Distinct(..))
    }
}

/// A number that a report shows, computed from the counts. It is hidden if one of its counts is hidden.
#[derive(Debug)]
pub struct Statistic {
    pub name: &'static str,
    pub title: &'static str,
    pub formula: Formula,
}

/// How a statistic is computed. Each field is the name of a counter.
#[derive(Debug, Clone, Copy)]
pub enum Formula {
    /// A count itself.
    Count(&'static str),
    /// A weighted count: `sum` adds up the weights, and `units` counts the units.
    Weight { sum: &'static str, units: &'static str },
    /// One count as a share of another that includes it.
    Share { numerator: &'static str, denominator: &'static str },
    /// `sum` divided by `count`. `units` counts the units that both come from; it decides whether the mean is hidden.
    Mean { sum: &'static str, count: &'static str, units: &'static str },
    /// The number of days that `percent` in a hundred of the facts that `counter` counts do not exceed, by nearest rank.
    Quantile { percent: i64, counter: &'static str },
    /// How many providers have so many of the units that they are flagged. `providers` counts these providers, and
    /// `units` counts the units. For a group of one provider: 1 or 0.
    Flagged { providers: &'static str, units: &'static str },
}

/// What is left out of the numbers, and why.
#[derive(Debug)]
pub struct Exclusion {
    pub code: &'static str,
    pub words: &'static str,
    pub counter: &'static str,
}

/// A field that a report can be grouped by.
#[derive(Debug)]
pub struct Group {
    pub name: &'static str,
    pub title: &'static str,
    pub sql: &'static str,
    pub keys: Keys,
}

/// What the keys of a group are, and where their labels come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    Team,
    User,
    Provider,
    Service,
    /// Codes of a code list.
    Codes(&'static str),
    /// The same, with several codes for each fact: the sum over the codes is not the number of facts.
    SeveralCodes(&'static str),
    /// Codes that are fixed in the source code and have no list.
    FixedCodes,
    /// Codes with labels, in this order.
    Ordered(&'static [(&'static str, &'static str)]),
    /// Months or quarters. Each is a report of its own: SQL does not group by them.
    Span(Span),
}
impl Keys {
    pub const fn are_ids(self) -> bool {
        matches!(self, Self::Team | Self::User | Self::Provider | Self::Service)
    }
    /// Whether the keys have an order of their own. Charts by all other keys are sorted by value.
    pub const fn has_order(self) -> bool {
        matches!(self, Self::Ordered(_) | Self::Span(_))
    }
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::Span(span) => Some(span),
            _ => None,
        }
    }
}

/// The key for a missing value: no provider named, no reason given.
pub const NONE: &str = "none";

impl Measure {
    /// Whether the counts of two groups, or of two teams, add up to the count of both. They do not if the measure
    /// counts distinct clients, who may be in both.
    pub fn is_additive(&self) -> bool {
        let part = |part: &Part| {
            part.selection.aggregated_by().is_none() && part.counters.iter().all(|counter| counter.sql.is_additive())
        };
        self.parts.iter().all(part)
    }
    /// Whether a report as of now by these groups reads only indexes of what it counts.
    pub fn is_indexed(&self, groups: &[&Group]) -> bool {
        self.parts.iter().all(|part| part.is_indexed(groups))
    }
    /// Everything that it can be grouped by, including months and quarters.
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
    use crate::db::aggregate::MAX_COUNTS;
    use std::collections::BTreeSet;

    #[test]
    fn every_measure_refers_only_to_its_own_counters() {
        let mut ids = BTreeSet::new();
        for measure in all() {
            assert!(ids.insert(measure.id), "{} is there twice", measure.id);
            let counters: Vec<&str> =
                measure.parts.iter().flat_map(|part| part.counters).map(|counter| counter.name).collect();
            assert!(counters.len() < MAX_COUNTS, "{} counts too much", measure.id);
            assert_eq!(counters.iter().collect::<BTreeSet<_>>().len(), counters.len(), "{}", measure.id);
            let known = |name: &str| assert!(counters.contains(&name), "{} has no {name}", measure.id);
            known(measure.unit_counter);
            measure.excluded.iter().for_each(|excluded| known(excluded.counter));
            for statistic in measure.statistics {
                match statistic.formula {
                    Formula::Count(counter) => known(counter),
                    Formula::Quantile { counter, .. } => {
                        known(counter);
                        assert!(measure.parts.iter().any(|part| part.days.is_some()), "{}", measure.id);
                    }
                    Formula::Share { numerator, denominator } => [numerator, denominator].into_iter().for_each(known),
                    Formula::Flagged { providers, units } => [providers, units].into_iter().for_each(known),
                    Formula::Weight { sum, units } => [sum, units].into_iter().for_each(known),
                    Formula::Mean { sum, count, units } => [sum, count, units].into_iter().for_each(known),
                }
            }
            measure
                .default_groups
                .iter()
                .for_each(|name| assert!(measure.group(name).is_some(), "{} has no group {name}", measure.id));
            assert!(measure.headline().is_some(), "{} charts nothing", measure.id);
            let is_known = |name: &&str| measure.statistics.iter().any(|statistic| statistic.name == *name);
            assert!(measure.by_time.totals_only.iter().all(is_known), "{}", measure.id);
            measure
                .share_determined_by
                .iter()
                .for_each(|name| assert!(measure.group(name).is_some(), "{} has no group {name}", measure.id));
            assert!(
                measure.share_determined_by.is_empty()
                    || measure.statistics.iter().any(|s| matches!(s.formula, Formula::Share { .. }))
            );
            for words in [
                Some(measure.definition),
                Some(measure.by_time.counts_by),
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
    fn months_and_quarters_follow_the_calendar() {
        let day = |text: &str| Day::parse(text).unwrap();
        for (span, day_in_span, first, next, key, label) in [
            (Span::Month, "2026-03-31", "2026-03-01", "2026-04-01", "2026-03", "March 2026"),
            (Span::Month, "2025-12-01", "2025-12-01", "2026-01-01", "2025-12", "December 2025"),
            (Span::Quarter, "2026-03-31", "2026-01-01", "2026-04-01", "2026-Q1", "Q1 2026"),
            (Span::Quarter, "2024-11-30", "2024-10-01", "2025-01-01", "2024-Q4", "Q4 2024"),
        ] {
            assert_eq!(span.first(day(day_in_span)), day(first), "{day_in_span}");
            assert_eq!(span.next(day(first)), day(next), "{day_in_span}");
            assert_eq!((span.key(day(first)).as_str(), span.label(day(first)).as_str()), (key, label));
        }
    }

    #[test]
    fn all_specified_measures_exist() {
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
