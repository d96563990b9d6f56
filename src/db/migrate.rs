//! The same migrations twice, one folder an engine; `tests/api/parity.rs` holds them together.

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

/// Opens the database, makes it where there is none, and applies what is missing; says how many migrations that were.
/// Several may do so at the same moment: each waits for those before it. (Of SQLite even the first opening of a new
/// file is done by one alone: the switch to the write-ahead log waits for nobody.)
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

/// Opens a database that must be there.
pub fn open_as_it_is(options: &Options) -> Result<Conn> {
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

/// Whether there is no schema in the database yet. Makes nothing, not even the file.
pub fn is_new(options: &Options) -> Result<bool> {
    if let Url::Sqlite(path) = &options.url
        && file::is_empty(path).map_err(|error| ApiError::unavailable(format!("{path}: {error}")))?
    {
        return Ok(true);
    }
    let mut conn = connect(options)?;
    // A user who owns nothing may read the table only as a member of the server's role, which there is not before the
    // first migration.
    if applied(&mut conn).is_some() || conn.work_as_app().is_ok() && applied(&mut conn).is_some() {
        return Ok(false);
    }
    match read_applied(&mut conn) {
        Err(error) if error.code() == Code::Unavailable => Err(error),
        _ => Ok(true),
    }
}

/// Applies what is missing, and says how many that were.
pub fn run(conn: &mut Conn) -> Result<usize> {
    match conn {
        // Held until the unlock or the end of the session, and asked for before anything else: to make diesel's own
        // table is no thing for two at the same moment either.
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
                    // Roles are the cluster's, and another database of it is just being migrated. Each migration is all
                    // or nothing.
                    Err(error)
                        if attempt < ATTEMPTS
                            && IN_EACH_OTHERS_WAY.iter().any(|words| error.to_string().contains(words)) =>
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
            // In one piece: another server may be opening a connection.
            c.immediate_transaction(|c| c.batch_execute(STATISTICS))?;
            Ok(applied)
        }
    }
}

/// What PostgreSQL says where two change the roles of a cluster at the same moment.
const IN_EACH_OTHERS_WAY: &[&str] = &["tuple concurrently updated", "pg_authid_rolname_index", "pg_auth_members"];
const ATTEMPTS: u64 = 20;

/// What SQLite must know and cannot guess: the first column of every index, the organization, chooses nothing; its
/// second chooses a few rows, unless it is one of those that many rows share; what nobody leads is rare, and so is what
/// is not indexed yet; of meetings half are still to come. Without it SQLite takes an organization for ten rows, and
/// reads a whole table where an index has the few that are asked for. The same for every database, so that what is
/// measured and tested is what runs; nothing ever gathers others.
const STATISTICS: &str = r"
    ANALYZE sqlite_schema;
    DELETE FROM sqlite_stat1;
    INSERT INTO sqlite_stat1 (tbl, idx, stat)
        SELECT t.name, CASE i.origin WHEN 'pk' THEN t.name ELSE i.name END,
               CASE WHEN i.name LIKE '%\_nobodys%' ESCAPE '\' OR i.name = 'search_documents_fresh' THEN '5 5'
                    WHEN i.name = 'meetings_to_come' THEN '500000 500000'
                    WHEN (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 1) IN ('team_id', 'status', 'kind') THEN '1000000 1000000 250000'
                    ELSE '1000000 1000000' END
        FROM sqlite_schema t, pragma_index_list(t.name) i
        WHERE t.type = 'table' AND (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) = 'organization_id'
          AND (SELECT count(*) FROM pragma_index_info(i.name)) > 1;
    ANALYZE sqlite_schema;";

/// How many migrations the database still lacks.
pub fn pending(conn: &mut Conn) -> Result<usize> {
    match conn {
        Conn::Pg(c) => c.pending_migrations(POSTGRES).map(|missing| missing.len()).map_err(failed),
        Conn::Sqlite(c) => c.pending_migrations(SQLITE).map(|missing| missing.len()).map_err(failed),
    }
}

/// The same in a transaction that only reads, where diesel would make its table if it were not there.
pub fn lacking(conn: &mut Conn) -> Result<usize> {
    let applied = read_applied(conn)?;
    Ok(versions().iter().filter(|known| !applied.contains(known)).count())
}

/// The versions of the migrations that were applied, without making diesel's own table.
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

/// The same; none where there is no such table, or nothing in it. A table that cannot be read counts as missing: a
/// server that does not migrate creates nothing.
fn applied(conn: &mut Conn) -> Option<Vec<String>> {
    read_applied(conn).ok().filter(|applied| !applied.is_empty())
}

/// Refuses a database that lacks migrations, and one that has migrations which this program does not know (RL-09).
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

/// The versions of the migrations embedded, as diesel writes them down: the same for both engines.
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
