//! Aggregate queries built at run time from SQL text and bind values. The result row has one shape for all queries,
//! whatever they group by and count.

use super::conn::Conn;
use super::dialect::{Condition, Key};
use crate::types::sql;
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};

/// The most columns that one query groups by.
pub const MAX_GROUP_COLUMNS: usize = 4;
/// The most counts that one query returns.
pub const MAX_COUNTS: usize = 10;

/// A `SELECT` statement that returns, in this order: [`MAX_GROUP_COLUMNS`] codes, [`MAX_GROUP_COLUMNS`] ids, a number
/// of days, and [`MAX_COUNTS`] counts.
#[derive(Debug, Clone)]
pub struct CountQuery(pub Condition);

type Code = Option<String>;
type Named = Option<Key>;

/// One row of the result.
#[derive(Debug, Clone, Queryable)]
pub struct Cell {
    pub codes: (Code, Code, Code, Code),
    pub ids: (Named, Named, Named, Named),
    pub days: Option<i64>,
    pub counts: (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64),
}

type OptionalText = Nullable<Text>;
type OptionalId = Nullable<sql::Uuid>;

impl Query for CountQuery {
    type SqlType = (
        (OptionalText, OptionalText, OptionalText, OptionalText),
        (OptionalId, OptionalId, OptionalId, OptionalId),
        Nullable<BigInt>,
        (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    );
}

/// Diesel caches these statements by their SQL text, because their type does not identify the statement.
macro_rules! query_of_condition {
    ($($name:ident),+) => {$(
        impl RunQueryDsl<Conn> for $name {}
        impl QueryId for $name {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
        impl<DB: Backend> QueryFragment<DB> for $name
        where
            Condition: QueryFragment<DB>,
        {
            fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                self.0.walk_ast(out)
            }
        }
    )+};
}
query_of_condition!(CountQuery, Listing, Keyed, Command);

/// The number of code columns in one row of a listing.
pub const LISTED_CODES: usize = 6;
pub const LISTED_IDS: usize = 4;

/// A `SELECT` statement that returns one row for each report fact: when the fact was replaced, its record and case,
/// when it was recorded, the case number, the client's name, [`LISTED_CODES`] codes, [`LISTED_IDS`] ids, a number of
/// days, and 1 or 0 for each of [`MAX_COUNTS`] conditions.
#[derive(Debug, Clone)]
pub struct Listing(pub Condition);

/// One row of the result.
#[derive(Debug, Clone, Queryable)]
pub struct Listed {
    /// When another fact replaced it (`i64::MAX` if none did), the record, its case, and when it was recorded.
    pub place: (i64, Key, Key, i64),
    pub case_number: String,
    /// Absent if the caller may not see the client.
    pub client: Option<String>,
    pub codes: (Code, Code, Code, Code, Code, Code),
    pub ids: (Named, Named, Named, Named),
    pub days: Option<i64>,
    pub flags: (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64),
}

impl Query for Listing {
    type SqlType = (
        (BigInt, sql::Uuid, sql::Uuid, BigInt),
        Text,
        OptionalText,
        (OptionalText, OptionalText, OptionalText, OptionalText, OptionalText, OptionalText),
        (OptionalId, OptionalId, OptionalId, OptionalId),
        Nullable<BigInt>,
        (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    );
}

/// A `SELECT` statement that returns one id in each row.
#[derive(Debug, Clone)]
pub struct Keyed(pub Condition);
impl Query for Keyed {
    type SqlType = sql::Uuid;
}

/// A command that is built from text and bind values in the same way.
#[derive(Debug, Clone)]
struct Command(Condition);
impl Conn {
    /// Runs a command and returns the number of affected rows.
    pub fn run(&mut self, command: Condition) -> QueryResult<usize> {
        Command(command).execute(self)
    }
}

impl Cell {
    /// The key of each requested group: its code or its id.
    pub fn keys(&self) -> [Code; MAX_GROUP_COLUMNS] {
        let codes: [&Code; MAX_GROUP_COLUMNS] = (&self.codes.0, &self.codes.1, &self.codes.2, &self.codes.3).into();
        let ids: [Named; MAX_GROUP_COLUMNS] = self.ids.into();
        let mut ids = ids.into_iter();
        codes.map(|code| {
            let id = ids.next().flatten();
            code.clone().or_else(|| id.map(|id| id.to_string()))
        })
    }
    pub fn counts(&self) -> [i64; MAX_COUNTS] {
        self.counts.into()
    }
}
