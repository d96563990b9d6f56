//! SQL that diesel's common subset of the two engines lacks.
//!
//! Use the first of three ways that fits. A query that both engines can run goes through [`PortableDsl::portable`]. SQL
//! text that differs between the engines goes into [`SqlText`], in a query node of its own. Everything else runs on the
//! engine's own connection, in [`on_engine!`](crate::on_engine).

use diesel::backend::Backend;
use diesel::expression::{AsExpression, Expression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, AstPass, IntoUpdateTarget, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, SqlType, Text};
use diesel::sqlite::Sqlite;

use super::conn::{Conn, MultiBackend};
use crate::types::{
    Instant,
    fold::{QueryWord, Term},
    sql,
};

/// Runs the same code on the connection of the engine behind a [`Conn`]. The code is compiled once for each engine.
#[macro_export]
macro_rules! on_engine {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::Conn::Pg($c) => $body,
            $crate::db::Conn::Sqlite($c) => $body,
        }
    };
}

/// A query that both engines can run, even if `MultiBackend` does not support it (`ON CONFLICT`).
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Portable<Q>(Q);

pub trait PortableDsl: Sized {
    /// Lets the query run on [`Conn`]. The compiler checks that it is valid on each engine.
    fn portable(self) -> Portable<Self> {
        Portable(self)
    }

    /// Locks the rows that the query reads until the transaction ends (`FOR UPDATE`). On SQLite a writing transaction
    /// has the database to itself, so nothing is added.
    fn locked(self) -> Locked<Self>
    where
        Self: Query,
    {
        Locked(self)
    }

    /// The same, but leaves out the rows that another transaction has locked.
    fn skipping_locked(self) -> SkipLocked<Self>
    where
        Self: Query,
    {
        SkipLocked(self)
    }

    /// Takes a shared lock (`FOR KEY SHARE`) on rows that this transaction is about to reference. Other transactions
    /// can reference the same row or update its ordinary columns, but cannot lock it with `FOR UPDATE`.
    fn for_reference(self) -> Referred<Self>
    where
        Self: Query,
    {
        Referred(self)
    }
}
impl<Q> PortableDsl for Q {}

impl<Q: Query> Query for Portable<Q> {
    type SqlType = Q::SqlType;
}
impl<Q> RunQueryDsl<Conn> for Portable<Q> {}
impl<Q> QueryFragment<MultiBackend> for Portable<Q>
where
    Q: QueryFragment<Pg> + QueryFragment<Sqlite>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(&self.0, out)
    }
}

/// One of the two engines. [`MultiBackend`] is not one: it delegates to the engine of the connection.
trait Engine: Backend {
    fn pick<T>(postgres: T, sqlite: T) -> T;
}
impl Engine for Pg {
    fn pick<T>(postgres: T, _: T) -> T {
        postgres
    }
}
impl Engine for Sqlite {
    fn pick<T>(_: T, sqlite: T) -> T {
        sqlite
    }
}

/// SQL text that differs between the engines.
#[derive(Debug)]
struct SqlText {
    postgres: &'static str,
    sqlite: &'static str,
}
impl<DB: Engine> QueryFragment<DB> for SqlText {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(DB::pick(self.postgres, self.sqlite));
        Ok(())
    }
}
impl QueryFragment<MultiBackend> for SqlText {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, out)
    }
}

/// A query that locks the rows it reads, on engines that have row locks. Each kind of lock has its own type, because
/// diesel caches a statement by its type.
macro_rules! locking {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, QueryId)]
        pub struct $name<Q>(Q);

        impl<Q: Query> Query for $name<Q> {
            type SqlType = Q::SqlType;
        }
        impl<Q> RunQueryDsl<Conn> for $name<Q> {}
        impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for $name<Q>
        where
            SqlText: QueryFragment<DB>,
        {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                const LOCK: &SqlText = &SqlText { postgres: $text, sqlite: "" };
                self.0.walk_ast(out.reborrow())?;
                LOCK.walk_ast(out)
            }
        }
    )+};
}
locking! {
    /// `... FOR UPDATE`, on engines that have it.
    Locked = " FOR UPDATE";
    /// `... FOR UPDATE SKIP LOCKED`, on engines that have it.
    SkipLocked = " FOR UPDATE SKIP LOCKED";
    /// `... FOR KEY SHARE`, on engines that have it.
    Referred = " FOR KEY SHARE";
}

/// `UPDATE` like diesel's own, except that it is prepared once for each connection and cached by its SQL text. Diesel
/// does not cache its own updates: SQLite would compile each one again, with all triggers of the table. Use it for
/// updates that always set the same columns.
#[derive(Debug)]
pub struct Rewrite<F, W, V> {
    table: F,
    which: W,
    values: V,
}

/// Sets `values` on the rows that `which` selects.
pub fn rewrite<T, V>(
    which: T,
    values: V,
) -> Rewrite<<T::Table as QuerySource>::FromClause, T::WhereClause, V::Changeset>
where
    T: IntoUpdateTarget<Table: QuerySource>,
    V: AsChangeset<Target = T::Table>,
{
    let target = which.into_update_target();
    Rewrite { table: target.table.from_clause(), which: target.where_clause, values: values.as_changeset() }
}

impl<F, W, V> QueryId for Rewrite<F, W, V> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<F, W, V, C> RunQueryDsl<C> for Rewrite<F, W, V> {}
impl<DB: Backend, F: QueryFragment<DB>, W: QueryFragment<DB>, V: QueryFragment<DB>> QueryFragment<DB>
    for Rewrite<F, W, V>
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        self.table.walk_ast(out.reborrow())?;
        out.push_sql(" SET ");
        self.values.walk_ast(out.reborrow())?;
        self.which.walk_ast(out)
    }
}

/// Makes a struct an expression of the given SQL type. It is valid wherever its operands' tables are in the query.
macro_rules! expression {
    ($name:ident<$($part:ident),+>: $sql:ty) => {
        impl<$($part: Expression),+> Expression for $name<$($part),+> {
            type SqlType = $sql;
        }
        impl<$($part,)+ Group> ValidGrouping<Group> for $name<$($part),+>
        where
            ($($part),+): ValidGrouping<Group>,
        {
            type IsAggregate = <($($part),+) as ValidGrouping<Group>>::IsAggregate;
        }
        impl<$($part: SelectableExpression<From>,)+ From> SelectableExpression<From> for $name<$($part),+> {}
        impl<$($part: AppearsOnTable<From>,)+ From> AppearsOnTable<From> for $name<$($part),+> {}
    };
}

/// `(a, b) < (x, y)`: the page after `(x, y)` in descending order. Both engines evaluate it directly with an index on
/// `(.., a DESC, b DESC)`. With the equivalent OR, they read the earlier rows and discard them.
#[derive(Debug, Clone, Copy)]
pub struct RowCompare<L, R> {
    columns: L,
    operator: &'static str,
    values: R,
}

/// What [`row_after`] gives for two columns and their values.
pub type RowAfter<A, B, X, Y> = RowCompare<
    (A, B),
    (
        <X as AsExpression<<A as Expression>::SqlType>>::Expression,
        <Y as AsExpression<<B as Expression>::SqlType>>::Expression,
    ),
>;

/// Rows after `(x, y)` in descending (newest first) or ascending order.
pub fn row_after<A, B, X, Y>(columns: (A, B), (x, y): (X, Y), down: bool) -> RowAfter<A, B, X, Y>
where
    A: Expression<SqlType: SqlType>,
    B: Expression<SqlType: SqlType>,
    X: AsExpression<A::SqlType>,
    Y: AsExpression<B::SqlType>,
{
    let operator = if down { ") < (" } else { ") > (" };
    RowCompare { columns, operator, values: (x.as_expression(), y.as_expression()) }
}

expression!(RowCompare<L, R>: Bool);
// The operator is not part of the type, so diesel caches the statement by its text.
impl<L, R> QueryId for RowCompare<L, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<L: QueryFragment<DB>, R: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for RowCompare<L, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(self.operator);
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// True if a JSON array of strings contains this string.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct HasElement<L, R>(L, R);

pub fn has_element<L: Expression>(
    array: L,
    element: String,
) -> HasElement<L, <String as AsExpression<Text>>::Expression> {
    HasElement(array, AsExpression::<Text>::as_expression(element))
}

expression!(HasElement<L, R>: Bool);
impl<L: QueryFragment<DB>, R: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for HasElement<L, R>
where
    SqlText: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        const OPEN: &SqlText = &SqlText { postgres: "jsonb_exists(", sqlite: "EXISTS (SELECT 1 FROM json_each(" };
        const MIDDLE: &SqlText = &SqlText { postgres: ", ", sqlite: ") WHERE value = " };
        OPEN.walk_ast(out.reborrow())?;
        self.0.walk_ast(out.reborrow())?;
        MIDDLE.walk_ast(out.reborrow())?;
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// A condition of SQL text with bound ids, instants and texts, for the few conditions that decide who sees which rows:
/// one text serves all queries of a kind. Build it from its parts: `Condition::sql("a.id = ").id(id)`.
#[derive(Debug, Clone)]
pub struct Condition(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Sql(&'static str),
    Id(Key),
    At(Instant),
    Text(String),
    Number(i64),
    /// The column contains the text as a substring.
    Holds(&'static str, String),
}

impl Condition {
    /// The ids are inserted between `parts`, so `parts` has one element more than `ids`.
    ///
    /// # Panics
    /// Never. If the number of parts does not fit the number of ids, the condition is false for every row.
    pub fn new(parts: &'static [&'static str], ids: &[uuid::Uuid]) -> Self {
        debug_assert_eq!(parts.len(), ids.len() + 1);
        if parts.len() != ids.len() + 1 {
            return Self::nothing();
        }
        let mut ids = ids.iter();
        parts.iter().fold(Self(Vec::new()), |condition, part| match ids.next() {
            Some(id) => condition.then(part).id(*id),
            None => condition.then(part),
        })
    }
    /// Starts a condition with this SQL text.
    pub fn sql(text: &'static str) -> Self {
        Self(vec![Part::Sql(text)])
    }
    pub fn then(mut self, text: &'static str) -> Self {
        self.0.push(Part::Sql(text));
        self
    }
    pub fn id(mut self, id: uuid::Uuid) -> Self {
        self.0.push(Part::Id(Key::from_uuid(id)));
        self
    }
    pub fn at(mut self, at: Instant) -> Self {
        self.0.push(Part::At(at));
        self
    }
    pub fn text(mut self, text: String) -> Self {
        self.0.push(Part::Text(text));
        self
    }
    pub fn number(mut self, number: i64) -> Self {
        self.0.push(Part::Number(number));
        self
    }
    /// The folded text in `column` (a SQL column name) matches each of the terms: at the beginning of a word as in a
    /// search, or, with `anywhere`, at any position as in a list filter. Without terms, no row matches.
    pub fn matches_terms(column: &'static str, terms: &[Term], anywhere: bool) -> Self {
        let holds = |query_word: &QueryWord| {
            Self(vec![Part::Holds(
                column,
                if anywhere { query_word.list_pattern() } else { query_word.search_pattern() },
            )])
        };
        let joined = |between: &'static str, all: Vec<Self>| {
            let mut all = all.into_iter();
            let first = Self::sql("(").with(all.next().unwrap_or_else(Self::nothing));
            all.fold(first, |joined, next| joined.then(between).with(next)).then(")")
        };
        let alternative = |alternative: &Vec<QueryWord>| joined(" AND ", alternative.iter().map(holds).collect());
        let term = |term: &Term| joined(" OR ", term.0.iter().map(alternative).collect());
        joined(" AND ", terms.iter().map(term).collect())
    }
    /// Appends another condition.
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
    /// True for every row.
    pub fn everything() -> Self {
        Self::sql("1 = 1")
    }
    /// True for no row.
    pub fn nothing() -> Self {
        Self::sql("1 = 0")
    }
}

impl QueryId for Condition {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl Expression for Condition {
    type SqlType = Bool;
}
impl<Group> ValidGrouping<Group> for Condition {
    type IsAggregate = is_aggregate::No;
}
impl<From> SelectableExpression<From> for Condition {}
impl<From> AppearsOnTable<From> for Condition {}
impl<DB> QueryFragment<DB> for Condition
where
    DB: Backend + HasSqlType<sql::Uuid> + HasSqlType<sql::Timestamptz>,
    Key: ToSql<sql::Uuid, DB>,
    Instant: ToSql<sql::Timestamptz, DB>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    SqlText: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for part in &self.0 {
            match part {
                Part::Sql(text) => out.push_sql(text),
                Part::Id(key) => out.push_bind_param::<sql::Uuid, Key>(key)?,
                Part::At(at) => out.push_bind_param::<sql::Timestamptz, Instant>(at)?,
                Part::Text(text) => out.push_bind_param::<Text, String>(text)?,
                Part::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Part::Holds(column, text) => {
                    // This is much faster than LIKE and behaves the same on both engines.
                    const OPEN: &SqlText = &SqlText { postgres: "strpos(", sqlite: "instr(" };
                    OPEN.walk_ast(out.reborrow())?;
                    out.push_sql(column);
                    out.push_sql(", ");
                    out.push_bind_param::<Text, String>(text)?;
                    out.push_sql(") > 0");
                }
            }
        }
        Ok(())
    }
}

/// True if a session ends in the future and within a day by the clock of the database. This does not depend on the
/// clock of the server that created the session or of the server that checks it. SQLite has no clock of its own, so
/// there it is always true.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct SessionEndsInTime;
impl Expression for SessionEndsInTime {
    type SqlType = Bool;
}
impl<Group> ValidGrouping<Group> for SessionEndsInTime {
    type IsAggregate = is_aggregate::No;
}
impl<From> SelectableExpression<From> for SessionEndsInTime {}
impl<From> AppearsOnTable<From> for SessionEndsInTime {}
impl<DB: Backend> QueryFragment<DB> for SessionEndsInTime
where
    SqlText: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        const IN_TIME: &SqlText = &SqlText {
            postgres: "(sessions.expires_at > now() AND sessions.expires_at <= now() + interval '24 hours 5 minutes')",
            sqlite: "(1 = 1)",
        };
        IN_TIME.walk_ast(out)
    }
}

/// An id of any kind of record.
pub type Key = crate::types::Id<AnyKey>;
#[derive(Debug)]
pub enum AnyKey {}

/// Inserts many rows into one table in the engine's fastest way. PostgreSQL uses `COPY` if that is
/// [allowed](crate::db::Conn::may_copy). SQLite uses a statement for eight rows that is prepared once, and one
/// statement for each remaining row. `$rows` is a `Vec` of a struct that derives `Insertable` with
/// `treat_none_as_default_value = false`; neither way works without it. The macro writes no audit entry: the caller
/// does.
#[macro_export]
macro_rules! insert_all {
    ($conn:expr, $table:expr, $rows:expr, $copies:expr) => {
        match $conn {
            _ if $rows.is_empty() => Ok(()),
            $crate::db::Conn::Pg(c) if $copies => {
                diesel::copy_from($table).from_insertable(&$rows).execute(c).map(drop)
            }
            $crate::db::Conn::Pg(c) => {
                $rows.chunks(500).try_for_each(|rows| diesel::insert_into($table).values(rows).execute(c).map(drop))
            }
            $crate::db::Conn::Sqlite(c) => {
                let (eights, rest) = $rows.as_chunks::<8>();
                let eights =
                    eights.iter().try_for_each(|rows| diesel::insert_into($table).values(rows).execute(c).map(drop));
                eights.and_then(|()| {
                    rest.iter().try_for_each(|row| diesel::insert_into($table).values(row).execute(c).map(drop))
                })
            }
        }
    };
}
