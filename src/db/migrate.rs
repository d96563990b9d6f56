//! The same migrations twice, one folder for each engine. `tests/api/parity.rs` checks that they match.

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Options, Url, file};
use crate::error::{ApiError, Code, Result};
use crate::lock::FolderLock;
use std::path::Path;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("migration failed: {error}"))
}

/// Opens the database, creates it if it does not exist, and applies the missing migrations. Returns the database and
/// the number of migrations applied. Several processes may do this at once: each waits for the one before it. (On
/// SQLite even the first opening of a new file needs the folder lock, because the switch to the write-ahead log does
/// not wait for another process.)
pub fn open(options: &Options) -> Result<(Conn, usize)> {
    let _alone = match &options.url {
        Url::Sqlite(path) => {
            let folder = Path::new(path).parent().unwrap_or(Path::new("."));
            Some(
                FolderLock::take(folder)
                    .map_err(|error| ApiError::unavailable(format!("{}: {error}", folder.display())))?,
            )
        }
        Url::Postgres(_) => None,
    };
    let mut conn = connect(options)?;
    let applied = run(&mut conn)?;
    Ok((conn, applied))
}

/// Opens a database that must already exist.
pub fn open_existing(options: &Options) -> Result<Conn> {
    if let Url::Sqlite(path) = &options.url
        && file::is_empty(path).map_err(|error| ApiError::unavailable(format!("{path}: {error}")))?
    {
        return Err(ApiError::internal(format!("there is no database at {path}: run `alongside migrate`")));
    }
    connect(options)
}

fn connect(options: &Options) -> Result<Conn> {
    Conn::open(&options.url, options.purpose).map_err(|error| ApiError::unavailable(error.to_string()))
}

/// Whether the database has no schema yet. Creates nothing, not even the file.
pub fn is_new(options: &Options) -> Result<bool> {
    if let Url::Sqlite(path) = &options.url
        && file::is_empty(path).map_err(|error| ApiError::unavailable(format!("{path}: {error}")))?
    {
        return Ok(true);
    }
    let mut conn = connect(options)?;
    // A user who owns nothing can read the table only as a member of the server's role, which does not exist before the
    // first migration.
    if applied(&mut conn).is_some() || conn.use_app_role().is_ok() && applied(&mut conn).is_some() {
        return Ok(false);
    }
    match read_applied(&mut conn) {
        Err(error) if error.code() == Code::Unavailable => Err(error),
        _ => Ok(true),
    }
}

/// Applies the missing migrations and returns their number.
pub fn run(conn: &mut Conn) -> Result<usize> {
    match conn {
        // The lock is held until the unlock or the end of the session. It is taken before anything else, because two
        // processes cannot create diesel's own table at the same time either.
        Conn::Pg(c) => c.batch_execute("SET statement_timeout TO 0; SELECT pg_advisory_lock(7262626)")?,
        Conn::Sqlite(_) => {}
    }
    let applied = refuse_newer(conn).and_then(|()| apply(conn));
    if let Conn::Pg(c) = conn {
        c.batch_execute("SELECT pg_advisory_unlock(7262626)")?;
    }
    applied
}

fn apply(conn: &mut Conn) -> Result<usize> {
    match conn {
        Conn::Pg(c) => {
            let mut applied = 0;
            for attempt in 1.. {
                let before = c.pending_migrations(POSTGRES).map_err(failed)?.len();
                match c.run_pending_migrations(POSTGRES).map(|done| done.len()) {
                    Ok(done) => return Ok(applied + done),
                    // Roles belong to the whole cluster, and another database of it is being migrated at this moment.
                    // Each migration is applied completely or not at all.
                    Err(error)
                        if attempt < ATTEMPTS
                            && CONCURRENT_MIGRATION_ERRORS.iter().any(|words| error.to_string().contains(words)) =>
                    {
                        applied += before - c.pending_migrations(POSTGRES).map_err(failed)?.len();
                        std::thread::sleep(std::time::Duration::from_millis(50 * attempt));
                    }
                    Err(error) => return Err(failed(error)),
                }
            }
            Ok(applied)
        }
        Conn::Sqlite(c) => {
            let applied = c.run_pending_migrations(SQLITE).map(|done| done.len()).map_err(failed)?;
            // In one transaction, because another server may be opening a connection.
            c.immediate_transaction(|c| c.batch_execute(STATISTICS))?;
            Ok(applied)
        }
    }
}

/// PostgreSQL's messages when two sessions change the roles of a cluster at the same time.
const CONCURRENT_MIGRATION_ERRORS: &[&str] =
    &["tuple concurrently updated", "pg_authid_rolname_index", "pg_auth_members"];
const ATTEMPTS: u64 = 20;

/// Index statistics that SQLite needs and cannot guess. The first column of every index, the organization, does not
/// narrow the rows. The second column selects a few rows, unless it is a column whose values many rows share. Cases
/// without a lead are rare, and so are documents that are not indexed yet. Half of the meetings are in the future.
/// Of the report facts of a team, most have the same end: they are current.
/// Without these statistics, SQLite assumes that an organization has ten rows and reads a whole table instead of using
/// an index. Every database has the same statistics, so tests and measurements use the same plans as production;
/// nothing ever runs ANALYZE on the data.
const STATISTICS: &str = r"
    ANALYZE sqlite_schema;
    DELETE FROM sqlite_stat1;
    INSERT INTO sqlite_stat1 (tbl, idx, stat)
        SELECT t.name, CASE i.origin WHEN 'pk' THEN t.name ELSE i.name END,
               CASE WHEN i.name LIKE '%\_nobodys%' ESCAPE '\' OR i.name = 'search_documents_fresh' THEN '5 5'
                    WHEN i.name = 'meetings_to_come' THEN '500000 500000'
                    WHEN i.origin = 'pk' AND t.name LIKE '%\_facts' ESCAPE '\' THEN '1000000 1000000 250000 250000'
                    WHEN (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 1) IN ('team_id', 'status', 'kind') THEN '1000000 1000000 250000'
                    ELSE '1000000 1000000' END
        FROM sqlite_schema t, pragma_index_list(t.name) i
        WHERE t.type = 'table' AND (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) = 'organization_id'
          AND (SELECT count(*) FROM pragma_index_info(i.name)) > 1;
    ANALYZE sqlite_schema;";

/// The number of migrations that the database still lacks.
pub fn pending(conn: &mut Conn) -> Result<usize> {
    match conn {
        Conn::Pg(c) => c.pending_migrations(POSTGRES).map(|missing| missing.len()).map_err(failed),
        Conn::Sqlite(c) => c.pending_migrations(SQLITE).map(|missing| missing.len()).map_err(failed),
    }
}

/// The same inside a read-only transaction. `pending` would make diesel create its table if it did not exist.
pub fn count_missing(conn: &mut Conn) -> Result<usize> {
    let applied = read_applied(conn)?;
    Ok(versions().iter().filter(|known| !applied.contains(known)).count())
}

/// The versions of the applied migrations. Does not create diesel's own table.
fn read_applied(conn: &mut Conn) -> Result<Vec<String>> {
    #[derive(diesel::QueryableByName)]
    struct Applied {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let applied: Vec<Applied> =
        diesel::RunQueryDsl::load(diesel::sql_query("SELECT version FROM __diesel_schema_migrations"), conn)?;
    Ok(applied.into_iter().map(|applied| applied.version).collect())
}

/// Like `read_applied`, but `None` if the table does not exist or is empty. A table that cannot be read counts as
/// missing: a server that does not migrate creates nothing.
fn applied(conn: &mut Conn) -> Option<Vec<String>> {
    read_applied(conn).ok().filter(|applied| !applied.is_empty())
}

/// Refuses a database that lacks migrations or has migrations that this program does not know (RL-09).
pub fn refuse_other_schemas(conn: &mut Conn) -> Result<()> {
    let (applied, known) = (applied(conn).unwrap_or_default(), versions());
    if let Some(version) = applied.iter().find(|version| !known.contains(version)) {
        return Err(newer(version));
    }
    if known.iter().any(|version| !applied.contains(version)) {
        return Err(ApiError::internal("the database lacks migrations: run `alongside migrate`"));
    }
    Ok(())
}

fn newer(version: &str) -> ApiError {
    ApiError::internal(format!(
        "the database has migration {version}, which this program does not know: it is newer than the program"
    ))
}

/// The versions of the embedded migrations in diesel's format. They are the same for both engines.
fn versions() -> Vec<String> {
    let (known, _) = names();
    known.iter().map(|name| name.split('_').next().unwrap_or_default().replace('-', "")).collect()
}

/// An older program must not touch a newer schema (RL-09).
fn refuse_newer(conn: &mut Conn) -> Result<()> {
    let applied: Vec<String> = match conn {
        Conn::Pg(c) => c.applied_migrations().map_err(failed)?,
        Conn::Sqlite(c) => c.applied_migrations().map_err(failed)?,
    }
    .iter()
    .map(ToString::to_string)
    .collect();
    let known = versions();
    match applied.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(newer(version)),
        None => Ok(()),
    }
}

/// The names of the migrations embedded for PostgreSQL and for SQLite.
pub fn names() -> (Vec<String>, Vec<String>) {
    fn list<DB: diesel::backend::Backend>(found: Vec<Box<dyn Migration<DB>>>) -> Vec<String> {
        found.iter().map(|migration| migration.name().to_string()).collect()
    }
    (
        list(MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES).unwrap_or_default()),
        list(MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).unwrap_or_default()),
    )
}
