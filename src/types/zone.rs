//! A time zone of the IANA database.

use super::{fault::Fault, sql};
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// A time zone by its IANA name, `America/Chicago`.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Text)]
pub struct Zone(String);

impl Zone {
    pub fn utc() -> Self {
        Self("UTC".into())
    }
    pub fn parse(name: &str) -> Result<Self, Fault> {
        let shaped = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
        match shaped.then(|| jiff::tz::TimeZone::get(name).ok()).flatten() {
            // The spelling of the database: `europe/london` is stored as `Europe/London`.
            Some(zone) => Ok(Self(zone.iana_name().unwrap_or(name).to_owned())),
            None => Err(Fault::new(
                "unknown_time_zone",
                "must be a time zone of the IANA database, such as America/Chicago",
            )),
        }
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn jiff(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.0).unwrap_or(jiff::tz::TimeZone::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Zone {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        // All names are listed, because a caller's own list of time zones may be of another version.
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .description(Some("A time zone of the IANA database."))
            .examples([serde_json::json!("America/Chicago")])
            .into()
    }
}
impl utoipa::ToSchema for Zone {
    fn name() -> std::borrow::Cow<'static, str> {
        "TimeZone".into()
    }
}
