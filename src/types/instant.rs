//! An instant, and the only clock of the product.

use super::{fault::Fault, sql};
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// An instant in whole microseconds since 1970 UTC. Both engines store exactly this precision, so a value that is read
/// back (in a cursor, for example) equals the one written. In JSON it is RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Timestamptz)]
pub struct Instant(i64);

/// 1900-01-01 and 2200-01-01: a date outside this range is a typing error.
const EARLIEST: i64 = -2_208_988_800_000_000;
const LATEST: i64 = 7_258_118_400_000_000;

impl Instant {
    /// The only clock of the product.
    #[expect(clippy::disallowed_methods, reason = "the one clock")]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// The instant this many seconds later, or earlier for a negative number.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
    pub fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Parses RFC 3339 with an offset, between the years 1900 and 2200.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let shaped = text.len() <= 35
            && !text.contains('[')
            && text.as_bytes().get(10).is_some_and(|b| matches!(b, b'T' | b't' | b' '));
        let leap = text.get(17..19) == Some("60");
        let at = (shaped && !leap)
            .then(|| text.parse::<jiff::Timestamp>().ok())
            .flatten()
            .ok_or_else(|| Fault::new("invalid_instant", "must be an RFC 3339 date and time with an offset"))?;
        // No time zone is farther from UTC.
        let offset = jiff::fmt::temporal::Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
        if offset.is_some_and(|offset| offset.seconds().abs() > 14 * 3600) {
            return Err(Fault::new("out_of_range", "must have an offset between -14:00 and +14:00"));
        }
        match at.as_microsecond() {
            micros if (EARLIEST..LATEST).contains(&micros) => Ok(Self(micros)),
            _ => Err(Fault::new("out_of_range", "must lie between the years 1900 and 2200")),
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.jiff())
    }
}
impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Instant {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some("^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"))
            .description(Some("A moment: RFC 3339 with an offset, answered in UTC with milliseconds. The offset lies \
                 between -14:00 and +14:00. Between the years 1900 and 2200."))
            .examples([serde_json::json!("2026-11-23T14:30:00.000Z")])
            .into()
    }
}
impl utoipa::ToSchema for Instant {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instant_is_written_in_utc_with_milliseconds() {
        let at = Instant::parse("2026-11-23T15:30:00.1234567+01:00").unwrap();
        assert_eq!(at.to_string(), "2026-11-23T14:30:00.123Z");
        assert_eq!(Instant::parse("2026-11-23T14:30:00+14:00").unwrap().to_string(), "2026-11-23T00:30:00.000Z");
        assert_eq!(Instant::parse("2026-11-23T14:30:00Z").unwrap().to_string(), "2026-11-23T14:30:00.000Z");
    }

    #[test]
    fn invalid_instants_are_refused() {
        for bad in [
            "",
            "2026-11-23",
            "2026-11-23T14:30:00",
            "2026-02-30T00:00:00Z",
            "1899-12-31T23:59:59Z",
            "2200-01-01T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T23:59:60Z",
            "1234567890",
            "2026-11-23T14:30:00Z[Europe/Paris]",
            "2026-11-23T14:30:00+14:01",
            "2026-11-23T14:30:00-23:59",
        ] {
            assert!(Instant::parse(bad).is_err(), "{bad}");
        }
    }
}
