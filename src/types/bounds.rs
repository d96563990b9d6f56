//! What a day or a moment can be, by what it is the day of.
//!
//! `1970-01-01`, a birth next year and a meeting in 2500 are slips, not facts. Each member of a body that is a day or a
//! moment stands in [`MEMBERS`] under its name, which means the same everywhere; `http::body` holds every body against
//! the table, and the document says the bounds with each member. What may not lie in the future is held here against
//! the day that it is where it is latest; a store that knows the zones that matter holds it against those
//! (`Day::latest_today`).

use super::{Day, Instant, Zone, fault::Fault};

/// What a day or a moment is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person's birth.
    Birth,
    /// Something that an advocate records, or that was done in a case.
    Past,
    /// What the client has met, which may be long ago.
    Incident,
    /// What starts a clock.
    Trigger,
    /// What is due, or what a plan ends or begins with.
    Due,
    /// A meeting.
    Appointment,
    /// The time of a law.
    Law,
    /// Work, a family or another tie.
    Tie,
}

/// Every member of a request body that is a day or a moment.
pub const MEMBERS: &[(&str, Kind)] = &[
    ("date_of_birth", Kind::Birth),
    ("decided_on", Kind::Past),
    ("due_on", Kind::Due),
    ("effective_from", Kind::Law),
    ("effective_to", Kind::Law),
    ("ends_at", Kind::Appointment),
    ("ends_on", Kind::Due),
    ("filed_on", Kind::Past),
    ("first_contact", Kind::Past),
    ("from_on", Kind::Tie),
    ("keep_until", Kind::Due),
    ("last_verified_on", Kind::Past),
    ("occurred_at", Kind::Past),
    ("occurred_on", Kind::Incident),
    ("on", Kind::Past),
    ("review_on", Kind::Due),
    ("starts_at", Kind::Appointment),
    ("starts_on", Kind::Due),
    ("stated_due_on", Kind::Due),
    ("to_on", Kind::Tie),
    ("trigger_date", Kind::Trigger),
    ("trigger_not_before", Kind::Due),
];

/// The farthest that what is planned may lie ahead, and that what is due may lie behind: of more, the year is mistyped.
const YEARS_AHEAD: i32 = 10;
const YEARS_BEHIND: i32 = 20;

impl Kind {
    /// The kind of a member, by its name.
    pub fn of(member: &str) -> Option<Self> {
        MEMBERS.iter().find(|(name, _)| *name == member).map(|(_, kind)| *kind)
    }

    /// The bounds in words, for the document and for refusals.
    pub fn words(self) -> String {
        match self {
            Self::Birth => "between 1900-01-01 and today".into(),
            Self::Past => "between 2000-01-01 and today".into(),
            Self::Incident => "between 1950-01-01 and today, and not before the client's birth".into(),
            Self::Trigger => format!("within the last {YEARS_BEHIND} years"),
            Self::Due => format!("between {YEARS_BEHIND} years ago and {YEARS_AHEAD} years from today"),
            Self::Appointment => format!("between 2000-01-01 and {YEARS_AHEAD} years from today"),
            Self::Law => "between 1900-01-01 and 50 years from today".into(),
            Self::Tie => format!("between 1900-01-01 and {YEARS_AHEAD} years from today"),
        }
    }

    const fn may_be_ahead(self) -> bool {
        !matches!(self, Self::Birth | Self::Past | Self::Incident | Self::Trigger)
    }

    /// The first and the last day.
    fn range(self, today: Day) -> (Day, Day) {
        let from = |year| Day::from_jiff(jiff::civil::date(year, 1, 1));
        let years = |years: i32| Day::from_jiff(today.jiff().saturating_add(jiff::Span::new().years(years)));
        match self {
            Self::Birth => (from(1900), today),
            Self::Past => (from(2000), today),
            Self::Incident => (from(1950), today),
            Self::Trigger => (years(-YEARS_BEHIND), today),
            Self::Due => (years(-YEARS_BEHIND), years(YEARS_AHEAD)),
            Self::Appointment => (from(2000), years(YEARS_AHEAD)),
            Self::Law => (from(1900), years(50)),
            Self::Tie => (from(1900), years(YEARS_AHEAD)),
        }
    }
}

/// What is wrong with the value of a member: a day or a moment of the table that cannot be. `now` is given, so that a
/// rule can be tried.
pub fn check(member: &str, text: &str, now: Instant) -> Option<Fault> {
    let kind = Kind::of(member)?;
    // What is no day and no moment was refused before, by its type. A moment falls on one of two days, by the zone:
    // either will do.
    let (earliest, latest) = match Day::parse(text) {
        Ok(day) => (day, day),
        Err(_) => {
            let at = Instant::parse(text).ok()?;
            (Day::earliest_of(at), Day::latest_of(at))
        }
    };
    let (first, last) = kind.range(Day::latest_of(now));
    if !kind.may_be_ahead() && earliest > last {
        return Some(Fault::new("in_the_future", "must not lie in the future"));
    }
    (latest < first || earliest > last).then(|| Fault::new("out_of_range", format!("must lie {}", kind.words())))
}

impl Day {
    /// The day that it is at a moment where it is latest, fourteen hours ahead of UTC.
    pub fn latest_of(at: Instant) -> Self {
        Self::of(at.plus_seconds(14 * 3600), &Zone::utc())
    }
    /// The day that it is at a moment where it is earliest, twelve hours behind UTC.
    pub fn earliest_of(at: Instant) -> Self {
        Self::of(at.plus_seconds(-12 * 3600), &Zone::utc())
    }
    /// The latest day that it is now in any of the zones that matter to a record: the organization's, and those of its
    /// forums. What is later than this has come for none of them, and nothing else lies in the future.
    pub fn latest_today<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let now = Instant::now();
        zones.into_iter().map(|zone| Self::of(now, zone)).max().unwrap_or_else(|| Self::latest_of(now))
    }
    /// That the day has come, by what [`Day::latest_today`] says.
    pub fn has_come(self, latest_today: Self) -> Result<(), Fault> {
        if self > latest_today { Err(Fault::new("in_the_future", "must not lie in the future")) } else { Ok(()) }
    }
}

impl Instant {
    /// How far a caller's clock may be ahead of ours.
    const SLACK_SECONDS: i64 = 60;

    /// Whether the moment has come, give or take a minute.
    pub fn has_come(self) -> bool {
        self <= Self::now().plus_seconds(Self::SLACK_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_cannot_be_is_refused() {
        let now = Instant::parse("2026-11-30T12:00:00Z").unwrap();
        let found = |member: &str, text: &str| check(member, text, now).map(|fault| fault.code);
        for (member, text) in [
            ("date_of_birth", "1900-01-01"),
            ("date_of_birth", "2026-12-01"),
            ("filed_on", "2026-12-01"),
            ("occurred_at", "2000-01-01T00:00:00+14:00"),
            ("occurred_on", "1950-01-01"),
            ("trigger_date", "2006-12-01"),
            ("due_on", "2036-11-30"),
            ("starts_at", "2026-11-30T12:00:00-12:00"),
            ("from_on", "1961-05-01"),
            ("effective_from", "1965-07-30"),
            ("occurred_on", "no day"),
            ("title", "1800-01-01"),
        ] {
            assert_eq!(found(member, text), None, "{member} {text}");
        }
        for (member, text, code) in [
            ("date_of_birth", "2026-12-02", "in_the_future"),
            ("filed_on", "2026-12-02", "in_the_future"),
            ("filed_on", "1999-12-31", "out_of_range"),
            ("occurred_at", "1999-12-31T09:00:00Z", "out_of_range"),
            ("occurred_at", "2199-01-01T00:00:00Z", "in_the_future"),
            ("occurred_on", "1949-12-31", "out_of_range"),
            ("trigger_date", "2006-11-30", "out_of_range"),
            ("trigger_date", "2027-01-01", "in_the_future"),
            ("due_on", "1996-01-01", "out_of_range"),
            ("due_on", "2062-01-01", "out_of_range"),
            ("starts_at", "1970-01-01T00:00:00Z", "out_of_range"),
            ("ends_at", "2199-12-31T00:00:00Z", "out_of_range"),
        ] {
            assert_eq!(found(member, text), Some(code), "{member} {text}");
        }
    }

    #[test]
    fn a_day_has_come_once_it_is_that_day_somewhere_that_matters() {
        let zone = |name| Zone::parse(name).unwrap();
        let (east, west) = (zone("Pacific/Kiritimati"), zone("Pacific/Pago_Pago"));
        // These two are 25 hours apart: the day is never the same.
        let latest = Day::latest_today([&west, &east]);
        assert!(latest > Day::latest_today([&west]) && latest == Day::latest_today([&east]));
        assert!(latest.has_come(latest).is_ok() && latest.has_come(Day::latest_today([&west])).is_err());
    }
}
