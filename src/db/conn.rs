//! The connection enum, how a connection to each engine is opened, and how a transaction begins.

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager};
use diesel::prelude::*;
use diesel::{ConnectionError, ConnectionResult, PgConnection, SqliteConnection};

use super::{
    lock::Lock,
    url::{Url, with_timeouts},
};
use crate::{
    auth::OrganizationId,
    error::{ApiError, Result},
    types::sql,
};

/// A connection to the engine that the URL names.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Pg(PgConnection),
    Sqlite(SqliteConnection),
}

/// The SQL dialect of every query outside `db/`: the subset that both engines can run.
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

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Reading,
    Writing,
    /// Fills a database with rows that are generated to be consistent (`alongside demo`). SQLite then checks no foreign
    /// key and no CHECK constraint per row, and the written data must fit into memory. `alongside verify` checks all of
    /// them.
    Loading,
    /// The same for a new SQLite file that no other process has open and that is deleted if anything fails: there is no
    /// journal, and writes do not wait for the disk.
    Making,
}

/// PostgreSQL: how long a write waits for a lock if the earlier writes of its transaction keep theirs meanwhile. Then
/// it runs alone. As PostgreSQL shows it.
const GROUP_LOCK_TIMEOUT: &str = "10ms";
/// PostgreSQL: the time limit of a statement of a write. `DEFAULT` would be the server's limit, and not this one.
const STATEMENT_TIMEOUT: &str = "5s";

impl Conn {
    /// Opens a connection. Do not use `Connection::establish` on the enum: it tries the variants in turn and drops the
    /// reason why PostgreSQL failed, and SQLite accepts nearly any string as the name of a new file.
    pub fn open(url: &Url, purpose: Use) -> ConnectionResult<Self> {
        let path = match url {
            Url::Postgres(place) => {
                let mut conn = PgConnection::establish(&with_timeouts(place)).map_err(|error| match error {
                    ConnectionError::BadConnection(message) => {
                        ConnectionError::BadConnection(url.without_secrets(&message))
                    }
                    other => other,
                })?;
                conn.batch_execute(
                    // Only a superuser may choose the language of the server's messages: see `has_english_messages`.
                    "SET TIME ZONE 'UTC'; SET client_min_messages TO warning;
                     DO $$ BEGIN
                         PERFORM set_config('lc_messages', 'C', FALSE);
                     EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
                )
                .and_then(|()| match purpose {
                    // Every read is a lookup by key or an index scan until a page is full. The index depends on the
                    // statement and not on its values, so PostgreSQL plans each statement once. Plans that read a whole
                    // table are disabled: for a common value, the planner would prefer them to the index.
                    Use::Reading => conn.batch_execute(
                        "SET statement_timeout TO '5s'; SET plan_cache_mode TO force_generic_plan; SET enable_hashjoin TO off; SET enable_mergejoin TO off;
                         SET max_parallel_workers_per_gather TO 0; SET jit TO off",
                    ),
                    Use::Writing => conn.batch_execute(&format!("SET statement_timeout TO '{STATEMENT_TIMEOUT}'")),
                    Use::Loading | Use::Making => Ok(()),
                })
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                return Ok(Self::Pg(conn));
            }
            Url::Sqlite(path) => path,
        };
        // Only a connection that writes may create the file. A reader that connects while the file is missing must not
        // leave an empty file there.
        let may_create = purpose != Use::Reading;
        super::files::keep_private(path, may_create).map_err(ConnectionError::BadConnection)?;
        let mut conn = match may_create {
            true => SqliteConnection::establish(path)?,
            false => SqliteConnection::establish(&format!("file:{}?mode=rw", escaped(path)))?,
        };
        // busy_timeout comes first because the change of the journal mode may have to wait. Recursive triggers make the
        // audit log's trigger fire for rows that REPLACE deletes too. There is no memory map: after each commit of
        // another connection, SQLite would unmap all of it and fault it in again.
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
            // A page that many transactions change is written to the database file only once for all of them: there are
            // 16 MiB between two checkpoints.
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

    /// Starts a transaction that reads one snapshot of one organization. On PostgreSQL both settings take one round
    /// trip.
    pub fn begin_read(&mut self, organization: OrganizationId) -> QueryResult<()> {
        match self {
            Self::Pg(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                &format!(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.organization = '{organization}'"
                ),
            ),
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN"),
        }
    }

    /// Starts a transaction that may write. SQLite must take the write lock at the start: a deferred transaction that
    /// reads first and writes later fails at once, whatever the busy timeout. On PostgreSQL the transaction sees the
    /// rows of one organization, and the commit does not wait for the disk, so it releases the head of the
    /// organization's chain at once; [`Conn::commit_durably`] waits for many commits together. All this takes one round
    /// trip.
    pub fn begin_write(&mut self, organization: OrganizationId) -> QueryResult<()> {
        match self {
            Self::Pg(c) => AnsiTransactionManager::begin_transaction_sql(
                c,
                &format!("BEGIN; SET LOCAL synchronous_commit TO off; SET LOCAL app.organization = '{organization}'"),
            ),
            Self::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        }
    }

    /// Starts the next write of a group in the transaction of the earlier ones, for the same or another organization.
    /// [`Conn::rollback_write`] undoes it alone. It waits only briefly for a lock, because others may wait for the locks
    /// that the earlier writes have taken. PostgreSQL only: one round trip.
    pub fn begin_next_write(&mut self, organization: OrganizationId, is_second: bool) -> QueryResult<()> {
        let before = match is_second {
            // Before the savepoint, so that a rollback to it keeps the limits.
            true => format!(
                "SET LOCAL lock_timeout TO '{GROUP_LOCK_TIMEOUT}'; SET LOCAL statement_timeout TO '{STATEMENT_TIMEOUT}'"
            ),
            false => "RELEASE SAVEPOINT next_write".to_owned(),
        };
        self.batch_execute(&format!("{before}; SAVEPOINT next_write; SET LOCAL app.organization = '{organization}'"))
    }

    /// Lets the rest of the transaction wait for locks as long as the connection does by default.
    pub fn reset_lock_timeout(&mut self) -> QueryResult<()> {
        self.batch_execute("SET LOCAL lock_timeout TO DEFAULT")
    }

    /// Undoes the write that [`Conn::begin_next_write`] has begun.
    pub fn rollback_write(&mut self) -> QueryResult<()> {
        self.batch_execute("ROLLBACK TO SAVEPOINT next_write")
    }

    /// Takes an advisory lock until the transaction ends, exclusive or shared. On SQLite a writing transaction has the
    /// database to itself, so no lock is needed.
    pub fn advisory_lock(&mut self, lock: Lock, shared: bool) -> QueryResult<()> {
        let (kind, number) = (if shared { "_shared" } else { "" }, lock.number());
        match self {
            Self::Pg(c) => c.batch_execute(&format!("SELECT pg_advisory_xact_lock{kind}({number})")),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether the server's messages are in English. `error` recognizes some errors by their message, because diesel
    /// has no error kind for them.
    pub fn has_english_messages(&mut self) -> QueryResult<bool> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = diesel::sql_types::Text)]
            lc_messages: String,
        }
        let Self::Pg(c) = self else { return Ok(true) };
        let language = diesel::sql_query("SHOW lc_messages").get_result::<Setting>(c)?.lc_messages;
        Ok(["", "C", "POSIX", "en"].contains(&language.split(['.', '_']).next().unwrap_or_default()))
    }

    /// Switches to the role that sees the rows of one organization at a time (AZ-09), so the server's rights do not
    /// depend on the rights of the operator's role. The schema stays the one of the operator's role, which may be named
    /// after that role.
    pub fn use_app_role(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute(
                "SELECT set_config('search_path', quote_ident(coalesce(current_schema(), 'public')), FALSE); SET ROLE \
                 alongside_app",
            ),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Lets the rest of the transaction see all organizations, for work that belongs to no caller.
    pub fn use_keeper_role(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("SET LOCAL ROLE alongside_keeper"),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether rows may be inserted with `COPY`, which PostgreSQL does not allow under row-level security. If the
    /// connection's user bypasses row-level security, this switches to that user.
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

    /// Sets the statement timeout for the rest of the transaction to `seconds`, which may be more than a request gets
    /// (IN-09), or to no timeout (0). It is for statements that process very many rows.
    ///
    /// # Errors
    /// `contention` if earlier writes are in the same transaction: their locks would be kept as long. The write then
    /// runs alone.
    pub fn set_statement_timeout(&mut self, seconds: u32) -> Result<()> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = diesel::sql_types::Text)]
            lock_timeout: String,
        }
        if let Self::Pg(c) = self
            && diesel::sql_query("SHOW lock_timeout").get_result::<Setting>(c)?.lock_timeout == GROUP_LOCK_TIMEOUT
        {
            return Err(ApiError::contention());
        }
        Ok(match self {
            // A statement that waits for the lock of a transaction that does not end fails after five seconds, and is
            // tried again.
            Self::Pg(c) => {
                c.batch_execute(&format!("SET LOCAL statement_timeout TO '{seconds}s'; SET LOCAL lock_timeout TO '5s'"))
            }
            Self::Sqlite(_) => Ok(()),
        }?)
    }

    /// Stops the triggers from writing report facts for the rest of the transaction. The code that fills a database
    /// writes the facts after all rows are there. On SQLite the triggers are dropped by then.
    pub fn defer_fact_triggers(&mut self) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute("SET LOCAL app.report_facts = 'deferred'"),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Whether a transaction may have to wait for a row lock of another one and then continue with data that it read
    /// before.
    pub const fn has_row_locks(&self) -> bool {
        matches!(self, Self::Pg(_))
    }

    /// Sets the organization for the rest of the transaction: PostgreSQL then shows it no rows of other organizations.
    /// SQLite has no row-level security.
    pub fn set_organization(&mut self, organization: OrganizationId) -> QueryResult<()> {
        match self {
            Self::Pg(c) => c.batch_execute(&format!("SET LOCAL app.organization = '{organization}'")),
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Drops the indexes and triggers of a SQLite file and returns the statements that create them again. When every
    /// row is there, each index, including the full-text index, is built with one sort.
    pub fn drop_indexes(&mut self) -> QueryResult<Vec<String>> {
        #[derive(QueryableByName)]
        struct RemovedObject {
            #[diesel(sql_type = diesel::sql_types::Text)]
            gone: String,
            #[diesel(sql_type = diesel::sql_types::Text)]
            back: String,
        }
        let Self::Sqlite(c) = self else { return Ok(Vec::new()) };
        let removed: Vec<RemovedObject> = diesel::sql_query(
            r#"SELECT 'DROP ' || type || ' "' || name || '"' AS gone, sql AS back FROM sqlite_schema
               WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"#,
        )
        .load(c)?;
        removed.iter().try_for_each(|each| c.batch_execute(&each.gone))?;
        Ok(removed.into_iter().map(|each| each.back).collect())
    }

    /// Creates what [`Conn::drop_indexes`] has dropped. The smaller cache makes SQLite pass its sort runs to other
    /// threads more often, since it does so each time the cache is full.
    pub fn create_indexes(&mut self, statements: &[String]) -> QueryResult<()> {
        if let Self::Sqlite(c) = self {
            c.batch_execute("PRAGMA cache_size = -65536")?;
        }
        statements.iter().try_for_each(|statement| self.batch_execute(statement))?;
        super::search::index_all(self)
    }

    /// The faults that the engine itself finds in its file. PostgreSQL checks its own pages; SQLite checks them on
    /// request.
    pub fn integrity_faults(&mut self) -> QueryResult<Vec<String>> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = diesel::sql_types::Text)]
            line: String,
        }
        let Self::Sqlite(c) = self else { return Ok(Vec::new()) };
        let pages: Vec<Line> = diesel::sql_query(
            "SELECT integrity_check AS line FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
        )
        .load(c)?;
        let keys: Vec<Line> = diesel::sql_query(
            "SELECT 'foreign key of ' || \"table\" || ' to ' || parent AS line FROM pragma_foreign_key_check",
        )
        .load(c)?;
        Ok(pages.into_iter().chain(keys).map(|found| found.line).collect())
    }

    pub fn commit(&mut self) -> QueryResult<()> {
        <Self as Connection>::TransactionManager::commit_transaction(self)
    }

    /// Writes what this connection has committed to the disk, on PostgreSQL. Its write-ahead log is one sequence: if the
    /// connection has read data of another transaction that is not durable yet, that data is in the log before the
    /// message and becomes durable with it.
    ///
    /// The statement sets synchronous_commit for its own transaction, whatever the role, the database or the server
    /// sets: at least `on`, so it also waits for a synchronous standby if there is one. `remote_apply` stays; `off`,
    /// `local` and `remote_write` are raised to `on`. PostgreSQL reads the setting when the transaction ends, after
    /// this statement has set it.
    pub const FLUSH: &str = "SELECT set_config('synchronous_commit',
            CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, TRUE),
            pg_logical_emit_message(TRUE, 'alongside', '')";

    /// Commits a transaction of [`Conn::begin_write`], and returns when it is on the disk. No response is sent before
    /// that. On PostgreSQL both take one round trip.
    ///
    /// # Errors
    /// `outcome_unknown` if it is not known whether the transaction is stored. After any other error it is not.
    pub fn commit_durably(&mut self) -> Result<()> {
        use diesel::result::{DatabaseErrorKind as Kind, Error::DatabaseError};
        let Self::Pg(c) = self else { return self.commit().map_err(|error| ApiError::from(error).as_commit_error()) };
        // PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK and no error. The first statement fails
        // in such a transaction.
        let done = c.batch_execute(&format!("SET LOCAL lock_timeout TO DEFAULT; COMMIT; {}", Self::FLUSH));
        done.map_err(|error| match &error {
            DatabaseError(
                Kind::SerializationFailure
                | Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation,
                _,
            ) => ApiError::from(error),
            DatabaseError(_, info) if info.message().starts_with("current transaction is aborted") => {
                ApiError::internal(error)
            }
            _ => ApiError::outcome_unknown(error),
        })
    }

    /// Performs every step of a write without changing a record, for `/readyz`. A read-only PostgreSQL refuses a row
    /// lock, and a durable commit writes to its log; SQLite writes a page.
    pub fn try_write(&mut self) -> QueryResult<()> {
        #[derive(QueryableByName)]
        struct Setting {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            user_version: i32,
        }
        match self {
            Self::Pg(c) => c.batch_execute("SELECT 1 FROM audit_heads LIMIT 0 FOR UPDATE"),
            Self::Sqlite(c) => {
                let Setting { user_version } =
                    diesel::sql_query("SELECT user_version FROM pragma_user_version").get_result::<Setting>(c)?;
                c.batch_execute(&format!("PRAGMA user_version = {user_version}"))
            }
        }
    }

    pub fn rollback(&mut self) {
        // A connection that cannot roll back is broken, and the pool drops it.
        drop(<Self as Connection>::TransactionManager::rollback_transaction(self));
    }
}

/// Escapes a path for a SQLite URI.
fn escaped(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn database_file_is_accessible_only_to_its_owner() {
        use diesel::connection::SimpleConnection as _;
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db").to_string_lossy().into_owned();
        let url = Url::Sqlite(path.clone());
        let mut conn = Conn::open(&url, Use::Writing).unwrap();
        conn.batch_execute("CREATE TABLE words (word TEXT)").unwrap();
        for file in ["", "-wal", "-shm"].map(|end| format!("{path}{end}")) {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{file}");
            for wrong in [0o644, 0o640, 0o602] {
                std::fs::set_permissions(&file, PermissionsExt::from_mode(wrong)).unwrap();
                let message = Conn::open(&url, Use::Writing).err().unwrap().to_string();
                assert!(message.contains(&format!("chmod 600 {file}")) && message.lines().count() == 1, "{message}");
            }
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        }
        Conn::open(&url, Use::Reading).unwrap();
    }
}
