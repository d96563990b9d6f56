//! The same migrations twice, one folder an engine; `tests/api/parity.rs` holds them together.

use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Conn;
use crate::error::{ApiError, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("migration failed: {error}"))
}

/// Applies what is missing, and says how many that were.
pub fn run(conn: &mut Conn) -> Result<usize> {
    refuse_newer(conn)?;
    match conn {
        Conn::Pg(c) => {
            // Held until the unlock or the end of the session: two servers may start at once.
            c.batch_execute("SET statement_timeout TO 0; SELECT pg_advisory_lock(7262626)")?;
            let applied = c.run_pending_migrations(POSTGRES).map(|done| done.len());
            c.batch_execute("SELECT pg_advisory_unlock(7262626)")?;
            applied.map_err(failed)
        }
        Conn::Sqlite(c) => {
            let applied = c.run_pending_migrations(SQLITE).map(|done| done.len()).map_err(failed)?;
            c.batch_execute(STATISTICS)?;
            Ok(applied)
        }
    }
}

/// What SQLite must know and cannot guess: the first column of every index, the organization, chooses nothing; its second chooses
/// a few rows, unless it is one of those that many rows share; what nobody leads is rare, and so is what is not indexed yet; of
/// meetings half are still to come. Without it SQLite takes an organization for ten rows, and reads a whole table where an index has
/// the few that are asked for. The same for every database, so that what is measured and tested is what runs; nothing ever gathers
/// others.
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
    #[derive(diesel::QueryableByName)]
    struct Applied {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let applied: Vec<Applied> = diesel::RunQueryDsl::load(diesel::sql_query("SELECT version FROM __diesel_schema_migrations"), conn)?;
    Ok(versions().iter().filter(|known| applied.iter().all(|applied| applied.version != **known)).count())
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
        Some(version) => Err(failed(format!("the database has migration {version}, which this program does not know: it is newer"))),
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
