//! A question that counts, put together as words with values in them: whatever it counts by and whatever it counts, its
//! answer has one shape.

use super::conn::Conn;
use super::dialect::{Condition, Key};
use crate::types::sql;
use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};

/// By how many things one question counts.
pub const MOST_GROUPS: usize = 4;
/// How many things it counts.
pub const MOST_COUNTS: usize = 10;

/// `SELECT` and what follows: [`MOST_GROUPS`] codes, as many ids, a number of days, and [`MOST_COUNTS`] counts, in this
/// order.
#[derive(Debug, Clone)]
pub struct Tally(pub Condition);

type Code = Option<String>;
type Named = Option<Key>;

/// One line of the answer.
#[derive(Debug, Clone, Queryable)]
pub struct Cell {
    pub codes: (Code, Code, Code, Code),
    pub ids: (Named, Named, Named, Named),
    pub days: Option<i64>,
    pub counts: (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64),
}

type OptionalText = Nullable<Text>;
type OptionalId = Nullable<sql::Uuid>;

impl Query for Tally {
    type SqlType = (
        (OptionalText, OptionalText, OptionalText, OptionalText),
        (OptionalId, OptionalId, OptionalId, OptionalId),
        Nullable<BigInt>,
        (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt),
    );
}

/// Each is kept by its text, since its type says nothing of it.
macro_rules! told_in_words {
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
told_in_words!(Tally, Listing, Keyed, Command);

/// How many codes and ids one line of a listing has.
pub const LISTED_CODES: usize = 6;
pub const LISTED_IDS: usize = 4;

/// `SELECT` and what follows: a line for each fact. When it was replaced, of which record and which case it is, since
/// when, the case's number, the client's name, [`LISTED_CODES`] codes, [`LISTED_IDS`] ids, a number of days, and a 1 or
/// a 0 for each of [`MOST_COUNTS`] conditions.
#[derive(Debug, Clone)]
pub struct Listing(pub Condition);

/// One line of the answer.
#[derive(Debug, Clone, Queryable)]
pub struct Listed {
    /// When another fact replaced it, or `i64::MAX`; the record, its case; when it was recorded.
    pub place: (i64, Key, Key, i64),
    pub case_number: String,
    /// Absent where the caller does not see the client.
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

/// `SELECT` and what follows: one id in each line.
#[derive(Debug, Clone)]
pub struct Keyed(pub Condition);
impl Query for Keyed {
    type SqlType = sql::Uuid;
}

/// A command that is put together the same way.
#[derive(Debug, Clone)]
struct Command(Condition);
impl Conn {
    /// Runs a command; says how many rows it was about.
    pub fn run(&mut self, command: Condition) -> QueryResult<usize> {
        Command(command).execute(self)
    }
}

impl Cell {
    /// Its key in each group that was asked for: the code, or the id.
    pub fn keys(&self) -> [Code; MOST_GROUPS] {
        let codes: [&Code; MOST_GROUPS] = (&self.codes.0, &self.codes.1, &self.codes.2, &self.codes.3).into();
        let ids: [Named; MOST_GROUPS] = self.ids.into();
        let mut ids = ids.into_iter();
        codes.map(|code| {
            let id = ids.next().flatten();
            code.clone().or_else(|| id.map(|id| id.to_string()))
        })
    }
    pub fn counts(&self) -> [i64; MOST_COUNTS] {
        self.counts.into()
    }
}
