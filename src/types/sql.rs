//! The SQL types that `db::schema` uses. Types that diesel supports on one engine only, or stores differently on each,
//! are declared again here under the same name.

#![expect(clippy::disallowed_types, reason = "the derive names the engines that a SQL type is stored in")]

pub use diesel::sql_types::*;

use diesel::query_builder::QueryId;

macro_rules! portable_types {
    ($($(#[$doc:meta])* $name:ident = $sqlite:literal, $oid:literal, $array_oid:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
        #[diesel(postgres_type(oid = $oid, array_oid = $array_oid))]
        #[diesel(sqlite_type(name = $sqlite))]
        pub struct $name;
        impl SqlOrd for $name {}
    )*};
}

portable_types! {
    /// `uuid` / 16-byte blob.
    Uuid = "Binary", 2950, 2951;
    /// `timestamptz` / integer microseconds since 1970.
    Timestamptz = "Long", 1184, 1185;
    /// `date` / text `YYYY-MM-DD`.
    Date = "Text", 1082, 1182;
    /// `jsonb` / JSON text.
    Jsonb = "Text", 3802, 3807;
}

// `table!` recognizes a type by its name and assumes that these types support addition.
macro_rules! addable {
    ($($name:ident),*) => {$(
        impl ops::Add for $name { type Rhs = Interval; type Output = Self; }
        impl ops::Sub for $name { type Rhs = Interval; type Output = Self; }
    )*};
}
addable!(Timestamptz, Date);
