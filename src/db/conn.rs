//! The connection enum, how one of each engine is opened, and how a transaction begins.

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::{ConnectionError, ConnectionResult, PgConnection, SqliteConnection};

use crate::{auth::OrganizationId, types::sql};

/// A connection to whichever engine the URL names.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

/// The SQL that every query outside `db/` is written in: what both engines can run.
pub type Dialect = MultiBackend;

macro_rules! known_to_both {
    ($($name:ident),*) => {$(
        impl diesel::sql_types::HasSqlType<sql::$name> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                Self::lookup_sql_type::<sql::$name>(lookup)
            }
        }
    )*};
}
known_to_both!(Uuid, Timestamptz, Date, Jsonb);

/// What a connection will be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Reading,
    Writing,
    /// Filling a database with rows that are made to fit one another (`alongside demo`): on SQLite no foreign key and no CHECK is looked
    /// at row by row, and what is written fits into memory. `alongside verify` looks at all of them.
    Loading,
    /// The same for a SQLite file that nobody else has opened yet, and that is thrown away if anything goes wrong: no journal, and no
    /// waiting for the disk.
    Making,
}

/// Which engine a URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Url {
    Postgres(String),
    /// The path of a file.
    Sqlite(String),
}

impl Url {
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://") {
            // SQLite would take the one for no file at all, and the other for a URI.
            Some(path) if path.contains(":memory:") || path.starts_with("file:") => {
                Err("database_url = sqlite://PATH must name a file".into())
            }
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.to_owned())),
            _ => Err("database_url must begin with sqlite:// or postgres://".into()),
        }
    }

    /// Whether the database has the processors of this machine to share.
    pub fn is_here(&self) -> bool {
        let Self::Postgres(url) = self else { return true };
        let place = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let (authority, rest) = place.split_once(['/', '?']).unwrap_or((place, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // Without one it is a socket, unless one is named behind.
        let named = rest.split(['?', '&']).find_map(|part| part.strip_prefix("host=").or_else(|| part.strip_prefix("hostaddr=")));
        let host = if host.is_empty() { named.unwrap_or("/") } else { host };
        ["localhost", "127.", "[::1]", "::1", "/", "%2F", "%2f"].iter().any(|here| host.starts_with(here))
    }
}

impl Conn {
    /// Opens a connection. `Connection::establish` on the enum must not be used: it tries the variants in turn, drops the
    /// reason why PostgreSQL failed, and SQLite takes nearly any string as the name of a new file.
    pub fn open(url: &Url, purpose: Use) -> ConnectionResult<Self> {
        let path = match url {
            Url::Postgres(url) => {
                let mut conn = PgConnection::establish(&with_timeouts(url))?;
                conn.batch_execute(
                    // Who is no superuser may not choose the language of the server's messages: see `speaks_plainly`.
                    "SET TIME ZONE 'UTC'; SET client_min_messages TO warning;
                     DO $$ BEGIN
                         PERFORM set_config('lc_messages', 'C', FALSE);
                     EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
                )
                .and_then(|()| match purpose {
                    // Every read is a key, or the walk of an index until a page is full; which index that is depends on the question
                    // and not on what is asked for. So each statement is planned once, and without what reads a table to the end:
                    // the planner, who takes a common word for a reason to leave the index, would.
                    Use::Reading => conn.batch_execute(
                        "SET statement_timeout TO '5s'; SET plan_cache_mode TO force_generic_plan; SET enable_hashjoin TO off; SET enable_mergejoin TO off;
                         SET max_parallel_workers_per_gather TO 0; SET jit TO off",
                    ),
                    Use::Writing => conn.batch_execute("SET statement_timeout TO '5s'"),
                    Use::Loading | Use::Making => Ok(()),
                })
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                return Ok(Self::Pg(conn));
            }
            Url::Sqlite(path) => path,
        };
        // Only what opens the database to write may make the file: a reader that comes while it is gone must not leave an empty one there.
        let mut conn = match purpose {
            Use::Reading => SqliteConnection::establish(&format!("file:{}?mode=rw", escaped(path)))?,
            _ => SqliteConnection::establish(path)?,
        };
        // busy_timeout first: the switch of the journal mode itself may have to wait. Recursive triggers, so that what REPLACE takes away
        // meets the trace's trigger too. No memory map: after each commit of another connection SQLite would unmap all of it and fault
        // it in again.
        conn.batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON;",
        )
        .and_then(|()| match purpose {
            Use::Making => Ok(()),
            _ => conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"),
        })
        .and_then(|()| match purpose {
            Use::Reading => conn.batch_execute("PRAGMA query_only = ON"),
            // A page that many transactions change goes into the file once for all of them: 16 MiB between two checkpoints.
            Use::Writing => conn.batch_execute("PRAGMA wal_autocheckpoint = 4096"),
            Use::Loading => conn.batch_execute(
                "PRAGMA wal_autocheckpoint = 16384; PRAGMA cache_size = -524288; PRAGMA foreign_keys = OFF;
                 PRAGMA ignore_check_constraints = ON; PRAGMA secure_delete = OFF",
            ),
            Use::Making => conn.batch_execute(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -524288; PRAGMA foreign_keys = OFF;
                 PRAGMA ignore_check_constraints = ON; PRAGMA secure_delete = OFF; PRAGMA temp_store = FILE; PRAGMA threads = 2",
            ),
        })
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(Self::Sqlite(conn))
    }

    /// Starts a transaction that reads one state of one organization. PostgreSQL is told both in one round trip.
    pub fn begin_read(&mut self, organization: OrganizationId) -> QueryResult<()> {
        match self {
            Self::Pg(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                &format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.organization = '{organization}'"),
            ),
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN"),
        }
    }

    /// Starts a transaction that may write. SQLite must say so up front: a deferred transaction that reads first and writes
    /// later fails at once, busy timeout or not. On PostgreSQL the commit itself does not wait for the disk, and so lets go of the
    /// head of the organization's chain at once; [`Conn::make_durable`] waits, many together.
    pub fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN; SET LOCAL synchronous_commit TO off"),
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        }
    }

    /// Holds what is no row until the transaction ends, under this number: alone, or as one of any number who share it. On SQLite, where
    /// a writing transaction has the database to itself, there is nothing to hold.
    pub fn hold_number(&mut self, number: i64, shared: bool) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute(&format!("SELECT pg_advisory_xact_lock{}({number})", if shared { "_shared" } else { "" })),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether the server's messages are in the language that `error` knows them in: what diesel gives no name is told by its words.
    pub fn speaks_plainly(&mut self) -> QueryResult<bool> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = diesel::sql_types::Text)]
            lc_messages: String,
        }
        let Self::Pg(c) = self else { return Ok(true) };
        let language = diesel::sql_query("SHOW lc_messages").get_result::<Setting>(c)?.lc_messages;
        Ok(["", "C", "POSIX", "en"].contains(&language.split(['.', '_']).next().unwrap_or_default()))
    }

    /// Goes on as the role that sees one organization's rows at a time (AZ-09): whatever the operator's role may, the server may not. The
    /// schema stays the one that the operator's role has, which may be named after it.
    pub fn work_as_app(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute(
                "SELECT set_config('search_path', quote_ident(coalesce(current_schema(), 'public')), FALSE); SET ROLE alongside_app",
            ),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Lets the rest of the transaction see which organizations there are: for what belongs to no caller.
    pub fn work_as_keeper(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("SET LOCAL ROLE alongside_keeper"),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether rows may come by `COPY`, which PostgreSQL has for nobody behind row-level security: goes on as the user of the connection, if
    /// that is one who passes it.
    pub fn may_copy(&mut self) -> QueryResult<bool> {
        #[derive(QueryableByName)]
        struct User {
            #[diesel(sql_type = diesel::sql_types::Bool)]
            passes: bool,
        }
        let Self::Pg(c) = self else { return Ok(true) };
        let user = "SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = session_user";
        let User { passes } = diesel::sql_query(user).get_result(c)?;
        if passes {
            c.batch_execute("SET LOCAL ROLE NONE")?;
        }
        Ok(passes)
    }

    /// Lets each statement of the rest of the transaction take so many seconds, more than a request's may (IN-09), or as long as it
    /// takes (0): for what goes through very many rows.
    pub fn take_time(&mut self, seconds: u32) -> QueryResult<()> {
        match self {
            // Whoever waits for somebody who does not come to an end is told so, and tries again.
            Self::Pg(c) => c.batch_execute(&format!("SET LOCAL statement_timeout TO '{seconds}s'; SET LOCAL lock_timeout TO '5s'")),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Keeps the triggers from telling facts for the rest of the transaction: whoever fills a database tells them when all rows are there.
    /// On SQLite it has no triggers by then.
    pub fn tell_facts_later(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("SET LOCAL app.facts = 'later'"),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether a transaction may have to wait for a row that another one holds, and then go on with what it saw before.
    pub const fn waits_for_rows(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    /// Says for which organization the rest of the transaction is: PostgreSQL shows it no other's rows. SQLite has no second wall.
    pub fn set_organization(&mut self, organization: OrganizationId) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute(&format!("SET LOCAL app.organization = '{organization}'")),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Takes the indexes and triggers of a SQLite file away and says how to make them: once every row is there, each index is sorted
    /// in one go, and so is that of the words.
    pub fn take_indexes(&mut self) -> QueryResult<Vec<String>> {
        #[derive(QueryableByName)]
        struct Taken {
            #[diesel(sql_type = diesel::sql_types::Text)]
            gone: String,
            #[diesel(sql_type = diesel::sql_types::Text)]
            back: String,
        }
        let Self::Sqlite(c) = self else { return Ok(Vec::new()) };
        let taken: Vec<Taken> = diesel::sql_query(
            r#"SELECT 'DROP ' || type || ' "' || name || '"' AS gone, sql AS back FROM sqlite_schema
               WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"#,
        )
        .load(c)?;
        taken.iter().try_for_each(|each| c.batch_execute(&each.gone))?;
        Ok(taken.into_iter().map(|each| each.back).collect())
    }

    /// Makes what [`Conn::take_indexes`] has taken. SQLite hands what it sorts to its other threads only as often as its cache is full.
    pub fn make_indexes(&mut self, statements: &[String]) -> QueryResult<()> {
        if let Self::Sqlite(c) = self {
            c.batch_execute("PRAGMA cache_size = -65536")?;
        }
        statements.iter().try_for_each(|statement| self.batch_execute(statement))?;
        super::search::index_all(self)
    }

    /// What the engine itself finds wrong with its file. PostgreSQL checks its own pages; SQLite is asked.
    pub fn integrity_faults(&mut self) -> QueryResult<Vec<String>> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = diesel::sql_types::Text)]
            line: String,
        }
        let Self::Sqlite(c) = self else { return Ok(Vec::new()) };
        let pages: Vec<Line> =
            diesel::sql_query("SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'").load(c)?;
        let keys: Vec<Line> =
            diesel::sql_query("SELECT 'foreign key of ' || \"table\" || ' to ' || parent AS line FROM pragma_foreign_key_check").load(c)?;
        Ok(pages.into_iter().chain(keys).map(|found| found.line).collect())
    }

    pub fn commit(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::commit_transaction(self)
    }

    /// Returns once everything that this connection has committed is on the disk; nothing is told to anybody before. The log of
    /// PostgreSQL is one sequence: whatever was read from another's transaction that is not there yet was written before this.
    pub fn make_durable(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("SELECT pg_logical_emit_message(true, 'alongside', '')"),
            Self::Sqlite(_) => Ok(()),
        }
    }

    pub fn rollback(&mut self) {
        // What cannot be rolled back is broken, and the pool drops it.
        drop(<Self as Connection>::TransactionManager::rollback_transaction(self));
    }
}

/// A path in a URI, as SQLite reads one.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

/// A database that is away must be noticed soon, black-holed or refused (RL-02); what the operator's URL says goes first.
fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in
        [("connect_timeout", "2"), ("tcp_user_timeout", "5000"), ("keepalives_idle", "30"), ("application_name", "alongside")]
    {
        if !url.contains(name) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn which_databases_share_the_processors() {
        let here = |url: &str| Url::parse(url).unwrap().is_here();
        for url in [
            "sqlite://data/a.db",
            "postgres://localhost/a",
            "postgres://me:p%40ss@127.0.0.1:5432/a?sslmode=disable",
            "postgresql://me@[::1]:5432/a",
            "postgres:///a?host=/var/run/postgresql",
            "postgres:///a?connect_timeout=2&host=%2Fvar%2Frun",
            "postgres:///a",
        ] {
            assert!(here(url), "{url}");
        }
        for url in [
            "postgres://db.example.org/a",
            "postgres://localhost@db.example.org/a",
            "postgres:///a?host=db.example.org",
            "postgres://10.0.0.1",
        ] {
            assert!(!here(url), "{url}");
        }
    }
}
