//! The plausible range of a date or an instant, by its meaning.
//!
//! `1970-01-01`, a birth next year and a meeting in 2500 are typing errors. [`MEMBERS`] lists each member of a body
//! that is a date or an instant by its name, which means the same everywhere. `http::body` checks every body against
//! the table, and the OpenAPI document states the bounds with each member. Here "not in the future" is checked by the
//! latest date in any time zone; a store that knows the relevant time zones checks it by those (`Day::latest_today`).

use super::{Day, Instant, Zone, fault::Fault};

/// The meaning of a date or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person's birth.
    Birth,
    /// Something that an advocate records, or that was done in a case.
    Past,
    /// Something that happened to the client, possibly long ago.
    Incident,
    /// An event that starts a deadline.
    Trigger,
    /// A due date, or the start or end of a plan.
    Due,
    /// A meeting.
    Appointment,
    /// The validity of a law.
    Law,
    /// A job, a family relation or another tie.
    Tie,
}

/// Every member of a request body that is a date or an instant.
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

/// The most years that a plan may be ahead, and that a due date may be in the past: beyond that, the year is mistyped.
const YEARS_AHEAD: i32 = 10;
const YEARS_BEHIND: i32 = 20;

impl Kind {
    /// The kind of a member, by its name.
    pub fn of(member: &str) -> Option<Self> {
        MEMBERS.iter().find(|(name, _)| *name == member).map(|(_, kind)| *kind)
    }

    /// The bounds in words, for the OpenAPI document and for errors.
    pub fn description(self) -> String {
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

    /// The first and the last allowed day.
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

/// Checks the value of a member that the table lists. Returns the fault of an implausible date or instant. `now` is a
/// parameter for tests.
pub fn check(member: &str, text: &str, now: Instant) -> Option<Fault> {
    let kind = Kind::of(member)?;
    // The member's type has already refused a text that is neither a date nor an instant. An instant falls on one of
    // two days, depending on the time zone: either is accepted.
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
    (latest < first || earliest > last).then(|| Fault::new("out_of_range", format!("must lie {}", kind.description())))
}

impl Day {
    /// The date at this instant in the easternmost time zone, fourteen hours ahead of UTC.
    pub fn latest_of(at: Instant) -> Self {
        Self::of(at.plus_seconds(14 * 3600), &Zone::utc())
    }
    /// The date at this instant in the westernmost time zone, twelve hours behind UTC.
    pub fn earliest_of(at: Instant) -> Self {
        Self::of(at.plus_seconds(-12 * 3600), &Zone::utc())
    }
    /// The latest current date in the time zones that are relevant to a record: the organization's, and those of its
    /// forums. Only a date after this one is in the future.
    pub fn latest_today<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let now = Instant::now();
        zones.into_iter().map(|zone| Self::of(now, zone)).max().unwrap_or_else(|| Self::latest_of(now))
    }
    /// Checks that the day is not after `latest_today`: see [`Day::latest_today`].
    pub fn has_come(self, latest_today: Self) -> Result<(), Fault> {
        if self > latest_today { Err(Fault::new("in_the_future", "must not lie in the future")) } else { Ok(()) }
    }
}

impl Instant {
    /// The allowed lead of a caller's clock.
    const SLACK_SECONDS: i64 = 60;

    /// Whether the instant is not in the future, with one minute of tolerance.
    pub fn has_come(self) -> bool {
        self <= Self::now().plus_seconds(Self::SLACK_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn implausible_dates_are_refused() {
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
    fn latest_today_is_the_latest_date_of_the_given_time_zones() {
        let zone = |name| Zone::parse(name).unwrap();
        let (east, west) = (zone("Pacific/Kiritimati"), zone("Pacific/Pago_Pago"));
        // These two are 25 hours apart, so their dates are never the same.
        let latest = Day::latest_today([&west, &east]);
        assert!(latest > Day::latest_today([&west]) && latest == Day::latest_today([&east]));
        assert!(latest.has_come(latest).is_ok() && latest.has_come(Day::latest_today([&west])).is_err());
    }
}
