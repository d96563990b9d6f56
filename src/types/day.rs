//! A calendar date without a time or a time zone.

use super::{Instant, Zone, fault::Fault, sql};
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// A date of the Gregorian calendar, `YYYY-MM-DD`. [`Day::parse`] accepts the years 1900 to 2199. Computed and stored
/// days are not checked: [`Day::plus_days`] can leave this range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Date)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// The current date in a time zone.
    pub fn today(zone: &Zone) -> Self {
        Self::of(Instant::now(), zone)
    }
    /// The date of an instant in a time zone.
    pub fn of(at: Instant, zone: &Zone) -> Self {
        Self(at.jiff().to_zoned_datetime(zone.jiff()).date())
    }
    pub const fn from_jiff(date: jiff::civil::Date) -> Self {
        Self(date)
    }
    pub const fn jiff(self) -> jiff::civil::Date {
        self.0
    }
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }
    /// The instant at which the day begins in a time zone. The day ends when the next one begins.
    pub fn begins(self, zone: &Zone) -> Instant {
        let begins = self.0.to_zoned_datetime(zone.jiff()).map(|zoned| zoned.timestamp().as_microsecond());
        Instant::from_micros(begins.unwrap_or(i64::MAX))
    }
    /// Days since 1970-01-01, for cursors.
    pub fn epoch_day(self) -> i64 {
        (self.0 - jiff::civil::date(1970, 1, 1)).get_days().into()
    }
    pub fn from_epoch_day(days: i64) -> Option<Self> {
        let span = jiff::Span::new().try_days(days).ok()?;
        jiff::civil::date(1970, 1, 1).checked_add(span).ok().map(Self)
    }
    /// The day that a cursor names by its [`epoch_day`](Self::epoch_day).
    pub fn from_cursor(days: i64) -> Self {
        Self::from_epoch_day(days).unwrap_or(Self(jiff::civil::Date::MAX))
    }
    pub fn year(self) -> i32 {
        self.0.year().into()
    }

    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = || Fault::new("invalid_date", "must be a day, YYYY-MM-DD, between the years 1900 and 2199");
        let shaped = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
        let date: jiff::civil::Date = shaped.then(|| text.parse().ok()).flatten().ok_or_else(fault)?;
        (1900..2200).contains(&date.year()).then_some(Self(date)).ok_or_else(fault)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .pattern(Some("^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"))
            .description(Some("A calendar day, between the years 1900 and 2199."))
            .examples([serde_json::json!("2026-11-23")])
            .into()
    }
}
impl utoipa::ToSchema for Day {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_begins_in_its_time_zone() {
        let begins = |day, zone| Day::parse(day).unwrap().begins(&Zone::parse(zone).unwrap()).to_string();
        assert_eq!(begins("2026-11-24", "America/Chicago"), "2026-11-24T06:00:00.000Z");
        assert_eq!(begins("2026-11-24", "Pacific/Auckland"), "2026-11-23T11:00:00.000Z");
        // The clocks go forward at midnight, so midnight does not exist and the day begins at one.
        assert_eq!(begins("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00.000Z");
    }

    #[test]
    fn leap_days_parse_only_in_leap_years() {
        assert_eq!(Day::parse("2028-02-29").unwrap().to_string(), "2028-02-29");
        for bad in ["2026-02-29", "1899-12-31", "2200-01-01", "26-01-01", "2026-1-1", "20260101", "2026-01-01T00:00"] {
            assert!(Day::parse(bad).is_err(), "{bad}");
        }
    }
}
