//! The database of an installation: created, migrated, opened and verified.

use super::{
    Outcome,
    errors::{api_error_line, one_line},
    operator,
};
use alongside::{
    admin,
    audit::checkpoint::Checkpoints,
    auth::{secret_keys::SecretKeys, signing_keys::SigningKeys, token::Keys},
    config::Config,
    db::{Db, Options, Url, migrate},
    overview::search::indexer,
    telemetry,
};

pub fn prepare_data_dir(config: &Config) -> Outcome {
    let mut folder = std::fs::DirBuilder::new();
    // A new folder is accessible to its owner only, because it contains all data.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(&config.data_dir).map_err(|e| format!("data_dir {}: {e}", config.data_dir.display()))
}

/// If there are keys or checkpoints but no database, the database is lost or not mounted. An empty one in its place
/// would look like a new installation.
pub fn refuse_lost_database(config: &Config, new_database: bool) -> Outcome {
    if new_database {
        return Ok(());
    }
    // The order matters: another server that starts now creates the schema first, and then the keys.
    let what = match SigningKeys::any_exist(&config.data_dir)? {
        true => "signing keys",
        false if config.checkpoints().exists() => "checkpoints",
        false => return Ok(()),
    };
    let options = config.database()?;
    if !migrate::is_new(&options).map_err(|error| format!("database: {}", api_error_line(error)))? {
        return Ok(());
    }
    let place = match &options.url {
        Url::Sqlite(path) => format!("{path} is missing or empty"),
        Url::Postgres(_) => "the PostgreSQL database is empty".to_owned(),
    };
    Err(format!(
        "database: {place}, but {} holds the {what} of an installation: is everything mounted, and database_url right? `alongside migrate \
         --new-database` (or serve) begins a new one",
        config.data_dir.display()
    ))
}

pub fn open(options: &Options) -> Outcome<Db> {
    Db::open(options).map_err(|e| format!("database: {}", api_error_line(e)))
}

/// Opens a database that exists. Only `migrate`, `serve` and `demo` create one or change its schema.
pub fn open_existing(config: &Config) -> Outcome<Db> {
    open(&Options { migrate: false, ..config.database()? })
}

pub fn migrate(config: &Config, new_database: bool) -> Outcome {
    prepare_data_dir(config)?;
    refuse_lost_database(config, new_database)?;
    let (conn, applied) = migrate::open(&config.database()?).map_err(|e| format!("database: {}", api_error_line(e)))?;
    drop(conn);
    reindex_search(&open_existing(config)?)?;
    telemetry::write_stdout(&format!("{applied} migrations applied"))
}

/// Search must find what an older version of the program has stored, so all stored words are folded by the current
/// rules before the server starts.
pub fn reindex_search(db: &Db) -> Outcome {
    let parts = indexer::reindex_blocking(db).map_err(|error| format!("search: {}", api_error_line(error)))?;
    if parts > 0 {
        tracing::info!(parts, "the words of earlier records were folded for search");
    }
    Ok(())
}

pub fn verify(config: &Config, without_checkpoints: bool) -> Outcome {
    let file = config.checkpoints();
    let checkpoints = match SigningKeys::any_exist(&config.data_dir)? {
        _ if without_checkpoints => None,
        true => Some((Some(Keys::load(&config.data_dir)?), Checkpoints::read(file).map_err(one_line)?)),
        false if file.is_file() => {
            return Err("there is no signing key, and so nothing to check the checkpoints by".into());
        }
        false => Some((None, Checkpoints::read(file).map_err(one_line)?)),
    };
    let db = open_existing(config)?;
    let (mut valid, mut invalid) = admin::verify(&db, &operator(), checkpoints).map_err(api_error_line)?;
    let (summary, undecryptable) =
        admin::check_secrets(&db, &operator(), SecretKeys::read(&config.data_dir)?).map_err(api_error_line)?;
    valid.push(summary);
    invalid.extend(undecryptable);
    for line in valid.iter().chain(&invalid) {
        telemetry::write_stdout(line)?;
    }
    if invalid.is_empty() { Ok(()) } else { Err(format!("{} faults found", invalid.len())) }
}
