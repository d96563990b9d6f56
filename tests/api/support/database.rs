//! A separate database for every test, cloned from one that was migrated once.

use actix_web::dev::ServerHandle;
use alongside::db::{Conn, Url, Use, migrate};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use std::hash::{Hash as _, Hasher as _};
use std::{
    sync::{Mutex, OnceLock, PoisonError},
    thread::JoinHandle,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// The location of a test's database; it is deleted when the test ends.
pub struct TestDatabase {
    pub url: String,
    pub folder: tempfile::TempDir,
    /// The URL of a connection without restrictions.
    past: String,
    postgres: Option<String>,
    owner: Option<String>,
    /// The servers on this database. They stop when the test ends: their connections would fill PostgreSQL.
    servers: Mutex<Vec<(ServerHandle, JoinHandle<()>)>>,
    conn: Mutex<Option<Conn>>,
}

impl TestDatabase {
    fn new(url: String, folder: tempfile::TempDir, postgres: Option<String>) -> Self {
        let past = url.clone();
        Self { url, folder, past, postgres, owner: None, servers: Mutex::default(), conn: Mutex::default() }
    }

    pub fn make(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match engine {
            Engine::Sqlite => {
                let path = folder.path().join("test.db");
                write_private(&path, sqlite_template());
                let url = format!("sqlite://{}", path.display());
                Self::new(url, folder, None)
            }
            Engine::Postgres => {
                let name = format!("test_{}", uuid::Uuid::now_v7().simple());
                run(&format!("CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY", postgres_template()));
                Self::new(at(&name), folder, Some(name))
            }
        }
    }

    /// A database without a schema; for SQLite there is not even a file.
    pub fn empty(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", folder.path().join("test.db").display());
                Self::new(url, folder, None)
            }
            Engine::Postgres => {
                let name = format!("test_{}", uuid::Uuid::now_v7().simple());
                run(&format!("CREATE DATABASE {name}"));
                Self::new(at(&name), folder, Some(name))
            }
        }
    }

    /// An empty PostgreSQL database whose owner is not a superuser; the server connects as this owner.
    pub fn of_a_plain_owner() -> Self {
        let id = uuid::Uuid::now_v7().simple();
        let (name, owner) = (format!("test_{id}"), format!("owner_{id}"));
        run(&format!("CREATE ROLE {owner} LOGIN CREATEROLE"));
        run(&format!("CREATE DATABASE {name} OWNER {owner}"));
        let past = at(&name);
        let (_, place) = past.split_once('@').expect("the address names a user");
        let url = format!("postgres://{owner}@{place}");
        let mut database = Self::new(past, tempfile::tempdir().unwrap(), Some(name));
        (database.url, database.owner) = (url, Some(owner));
        database
    }

    /// The folder where its servers put their mail.
    pub fn mail(&self) -> std::path::PathBuf {
        self.folder.path().join("mail")
    }

    /// A part of the URL of this database and of no other.
    pub fn name(&self) -> String {
        self.postgres.clone().unwrap_or_else(|| self.folder.path().display().to_string())
    }

    pub fn keep_until_end(&self, server: ServerHandle, thread: JoinHandle<()>) {
        self.servers.lock().unwrap().push((server, thread));
    }

    /// Runs `f` on a connection that bypasses every guard. It stays open, because SQLite reads the whole schema when it
    /// opens one.
    pub fn with_conn<T>(&self, f: impl FnOnce(&mut Conn) -> T) -> T {
        f(self.conn.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| self.open()))
    }

    /// A separate connection that bypasses every guard, to read what is stored and to do what the program never does.
    pub fn open(&self) -> Conn {
        Conn::open(&Url::parse(&self.past).unwrap(), Use::Writing).unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        for (server, thread) in self.servers.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // The command is sent at once; the future only waits for its effect.
            drop(server.stop(false));
            // A second panic while a test fails would end the process, and with it all tests.
            drop(thread.join());
        }
        drop(self.conn.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(name) = &self.postgres {
            run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        if let Some(owner) = &self.owner {
            run(&format!("DROP ROLE IF EXISTS {owner}"));
        }
    }
}

/// Writes a file with private permissions, because the program opens no database that others can read.
pub fn write_private(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Migrated once per process; the bytes are written to a file for each test.
fn sqlite_template() -> &'static [u8] {
    static TEMPLATE: OnceLock<Vec<u8>> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.db");
        let mut conn = Conn::open(&Url::Sqlite(path.to_str().unwrap().into()), Use::Writing).unwrap();
        migrate::run(&mut conn).unwrap();
        conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        drop(conn);
        std::fs::read(path).unwrap()
    })
}

/// The server that `./test` has started. A test that finds none fails: a skipped test is a defect.
fn server() -> String {
    std::env::var("ALONGSIDE_TEST_POSTGRES")
        .expect("ALONGSIDE_TEST_POSTGRES names the PostgreSQL to test on; ./test starts one")
}

fn at(database: &str) -> String {
    let server = server();
    match server.split_once('?') {
        Some((base, query)) => format!("{base}/{database}?{query}"),
        None => format!("{server}/{database}"),
    }
}

fn run(sql: &str) {
    let mut conn = Conn::open(&Url::parse(&at("postgres")).unwrap(), Use::Writing).unwrap();
    // CREATE DATABASE … TEMPLATE allows no other connection to the template, and another test may be cloning it.
    for attempt in 1.. {
        match conn.batch_execute(sql) {
            Ok(()) => return,
            Err(_) if attempt < 50 => std::thread::sleep(std::time::Duration::from_millis(40)),
            Err(error) => panic!("{sql}: {error}"),
        }
    }
}

/// One template for each state of the migrations, shared by all test processes.
fn postgres_template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let mut hash = std::hash::DefaultHasher::new();
        for file in files("migrations/postgres".as_ref()) {
            std::fs::read(file).unwrap().hash(&mut hash);
        }
        let name = format!("template_{:016x}", hash.finish());
        let mut conn = Conn::open(&Url::parse(&at("postgres")).unwrap(), Use::Writing).unwrap();
        conn.batch_execute("SELECT pg_advisory_lock(4711)").unwrap();
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let found: Count = alongside::on_engine!(&mut conn, |c| diesel::sql_query(format!(
            "SELECT count(*) AS n FROM pg_database WHERE datname = '{name}'"
        ))
        .get_result(c))
        .unwrap();
        if found.n == 0 {
            let draft = format!("{name}_draft");
            run(&format!("DROP DATABASE IF EXISTS {draft}"));
            run(&format!("CREATE DATABASE {draft}"));
            migrate::run(&mut Conn::open(&Url::parse(&at(&draft)).unwrap(), Use::Writing).unwrap()).unwrap();
            run(&format!("ALTER DATABASE {draft} RENAME TO {name}"));
        }
        name
    })
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect();
    found.sort();
    found
}
