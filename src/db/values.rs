//! The storage format of the values of `types` on each engine, defined once for both.

use std::io::Write as _;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;

use super::conn::MultiBackend;
use crate::auth::Scopes;
use crate::types::{
    Day, Id, Instant, Json, Zone,
    json::Document,
    sql::{Date, Jsonb, Text, Timestamptz, Uuid},
};

type SqliteValue<'a> = <Sqlite as Backend>::RawValue<'a>;

/// Passes a value to the engine that the connection belongs to.
macro_rules! both_engines {
    ([$($generics:tt)*] $type:ty as $sql:ident) => {
        impl<$($generics)*> ToSql<$sql, MultiBackend> for $type {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value(($sql, self));
                Ok(IsNull::No)
            }
        }
        impl<$($generics)*> FromSql<$sql, MultiBackend> for $type {
            fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                value.from_sql::<Self, $sql>()
            }
        }
    };
}

impl<T> ToSql<Uuid, Pg> for Id<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.uuid().as_bytes())?;
        Ok(IsNull::No)
    }
}
impl<T> FromSql<Uuid, Pg> for Id<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_uuid(uuid::Uuid::from_slice(value.as_bytes())?))
    }
}
impl<T> ToSql<Uuid, Sqlite> for Id<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.uuid().into_bytes().to_vec());
        Ok(IsNull::No)
    }
}
impl<T> FromSql<Uuid, Sqlite> for Id<T> {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_uuid(uuid::Uuid::from_slice(value.read_blob())?))
    }
}
both_engines!([T: 'static] Id<T> as Uuid);

/// 2000-01-01, PostgreSQL's epoch, in microseconds since 1970.
const PG_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<Timestamptz, Pg> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<BigInt, Pg>::to_sql(&(self.micros() - PG_EPOCH), &mut out.reborrow())
    }
}
impl FromSql<Timestamptz, Pg> for Instant {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(<i64 as FromSql<BigInt, Pg>>::from_sql(value)? + PG_EPOCH))
    }
}
impl ToSql<Timestamptz, Sqlite> for Instant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.micros());
        Ok(IsNull::No)
    }
}
impl FromSql<Timestamptz, Sqlite> for Instant {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(value.read_long()))
    }
}
both_engines!([] Instant as Timestamptz);

/// PostgreSQL's epoch as a date.
const PG_EPOCH_DAY: jiff::civil::Date = jiff::civil::date(2000, 1, 1);

impl ToSql<Date, Pg> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let days = (self.jiff() - PG_EPOCH_DAY).get_days();
        ToSql::<diesel::sql_types::Integer, Pg>::to_sql(&days, &mut out.reborrow())
    }
}
impl FromSql<Date, Pg> for Day {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let days = <i32 as FromSql<diesel::sql_types::Integer, Pg>>::from_sql(value)?;
        Ok(Self::from_jiff(PG_EPOCH_DAY.checked_add(jiff::Span::new().try_days(days)?)?))
    }
}
impl ToSql<Date, Sqlite> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.to_string());
        Ok(IsNull::No)
    }
}
impl FromSql<Date, Sqlite> for Day {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_jiff(value.read_text().parse()?))
    }
}
both_engines!([] Day as Date);

impl<T: Document> ToSql<Jsonb, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?; // the version of the jsonb wire format
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}
impl<T: Document> FromSql<Jsonb, Pg> for Json<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            [1, json @ ..] => Ok(Self(serde_json::from_slice(json)?)),
            _ => Err("unknown jsonb version".into()),
        }
    }
}
impl<T: Document> ToSql<Jsonb, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}
impl<T: Document> FromSql<Jsonb, Sqlite> for Json<T> {
    fn from_sql(mut value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(value.read_text())?))
    }
}
both_engines!([T: Document] Json<T> as Jsonb);

impl ToSql<Jsonb, Pg> for Scopes {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, self)?;
        Ok(IsNull::No)
    }
}
impl FromSql<Jsonb, Pg> for Scopes {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_stored(&<Json<Vec<String>> as FromSql<Jsonb, Pg>>::from_sql(value)?.0))
    }
}
impl ToSql<Jsonb, Sqlite> for Scopes {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(self)?);
        Ok(IsNull::No)
    }
}
impl FromSql<Jsonb, Sqlite> for Scopes {
    fn from_sql(value: SqliteValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_stored(&<Json<Vec<String>> as FromSql<Jsonb, Sqlite>>::from_sql(value)?.0))
    }
}
both_engines!([] Scopes as Jsonb);

impl<DB: Backend> ToSql<Text, DB> for Zone
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}
impl<DB: Backend> FromSql<Text, DB> for Zone
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Self::parse(&String::from_sql(value)?).map_err(|fault| fault.detail.into())
    }
}
