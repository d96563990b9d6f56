//! Who may use which connection, and on which thread.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::r2d2::{self, ManageConnection as _};
use tokio::sync::Semaphore;

use super::conn::{Conn, Url, Use};
use super::file::DatabaseFile;
use super::progress::{Progress, given_up};
use super::reader::Reader;
use super::writer::{Writer, guarded};
use crate::auth::OrganizationId;
use crate::error::{ApiError, Code, Result};

/// How long a request waits for its turn, or for an answer that many wait for, before it is told to come back (RL-02).
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a read may take once it is its turn: as long as its request. PostgreSQL breaks each statement off sooner.
const LONGEST_READ: Duration = Duration::from_secs(30);
/// Between two tries to write for `/readyz`.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// The engine behind `Db`: no caller, no trace. Only `db`, `audit` and the command line's own steps use it.
#[derive(Clone)]
pub struct Engine {
    fresh: Reader,
    stale: Reader,
    peeks: Peeks,
    writes: Writes,
    /// Of SQLite: what every answer is held against.
    file: Option<Arc<DatabaseFile>>,
    tried: Arc<tokio::sync::Mutex<Tried>>,
}

/// When a write was last tried, and how it failed, if it did.
type Tried = Option<(Instant, Option<ApiError>)>;

#[derive(Clone)]
enum Peeks {
    /// PostgreSQL: on connections of their own, which no longer read holds.
    Apart(Reader),
    /// SQLite: here and now.
    Here(ConnectionPool),
}

#[derive(Clone)]
enum Writes {
    /// PostgreSQL: any connection of the pool.
    Shared(ConnectionPool),
    /// SQLite: the one thread.
    Single(Writer),
}

impl Engine {
    /// Opens the database; for SQLite, makes the file where there is none. `first` is a connection for writing.
    pub(super) fn start(first: Conn, options: &super::Options) -> Result<Self> {
        let super::Options { url, replica, connections, readers, purpose, .. } = options;
        let (connections, readers) = (*connections, *readers);
        let file = match (url, purpose) {
            // A file that is being made is not served yet, and is renamed when it is whole.
            (Url::Postgres(_), _) | (_, Use::Making) => None,
            (Url::Sqlite(path), _) => Some(DatabaseFile::opened(path)?),
        };
        let reading = |url, more| ConnectionPool::new(url, Use::Reading, readers + more, file.as_ref());
        let lane = reading(url, 0)?;
        let (peeks, writes) = match first {
            Conn::Pg(_) => {
                let peeks = Reader::start(reading(url, 1)?, readers, ACQUIRE_TIMEOUT)?; // and one for the batched session lookup
                (Peeks::Apart(peeks), Writes::Shared(ConnectionPool::new(url, *purpose, connections, None)?))
            }
            Conn::Sqlite(_) => {
                let again = (url.clone(), *purpose);
                let again = move || Conn::open(&again.0, again.1).map_err(|error| error.to_string());
                (Peeks::Here(lane.clone()), Writes::Single(Writer::start(first, again, file.clone())?))
            }
        };
        let fresh = Reader::start(lane, readers, LONGEST_READ)?;
        let stale = match replica {
            Some(url) => Reader::start(reading(url, 0)?, readers, LONGEST_READ)?,
            None => fresh.clone(),
        };
        Ok(Self { fresh, stale, peeks, writes, file, tried: Arc::default() })
    }

    /// A read of one organization, in a transaction that it may share with others who waited when it began.
    pub async fn read<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.has_its_file()?;
        self.fresh.run(organization, f).await
    }

    /// On the replica, where there is one.
    pub async fn read_stale<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.has_its_file()?;
        self.stale.run(organization, f).await
    }

    /// The same for a row or two by key. On SQLite it runs here and now, on the calling thread: a few microseconds,
    /// where handing it to another thread and back costs five times that.
    pub async fn peek<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.has_its_file()?;
        match &self.peeks {
            Peeks::Apart(reader) => reader.run(organization, f).await,
            Peeks::Here(lane) => lane.run_here(|conn| reading(conn, organization, f)),
        }
    }

    /// The same for a thread that may wait, on PostgreSQL in a transaction of its own.
    pub fn peek_blocking<T>(&self, organization: OrganizationId, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.has_its_file()?;
        match &self.peeks {
            Peeks::Apart(reader) => reader.lane.run_waiting(|conn| reading(conn, organization, f)),
            Peeks::Here(lane) => lane.run_here(|conn| reading(conn, organization, f)),
        }
    }

    /// Whether a peek costs next to nothing, and nothing is won by asking for many together.
    pub const fn peeks_here(&self) -> bool {
        matches!(self.peeks, Peeks::Here(_))
    }

    /// Runs `f` in one transaction: all of it happens, or none. `f` may run more than once, so it must do nothing but
    /// queries. It takes as long as it takes, and goes on where the caller is dropped.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.write_as(Progress::default(), f).await
    }

    /// The same for a request, which waits no longer than `longest`. A write that is given up before its COMMIT is
    /// rolled back, however late its thread comes to it: nothing is stored then.
    ///
    /// # Errors
    /// `unavailable` where nothing is stored; `outcome_unknown` where COMMIT was on its way.
    pub async fn write_within<T, F>(&self, longest: Duration, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        let progress = Progress::of_request();
        let _waiting = progress.until_dropped();
        match tokio::time::timeout(longest, self.write_as(progress.clone(), f)).await {
            Ok(outcome) => outcome,
            Err(late) if progress.give_up() => Err(ApiError::unavailable(late)),
            Err(late) => Err(ApiError::outcome_unknown(late)),
        }
    }

    async fn write_as<T, F>(&self, progress: Progress, mut f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        match &self.writes {
            Writes::Shared(lane) => lane.run(move |conn| transaction(conn, &progress, guarded(&mut f))).await,
            Writes::Single(writer) => writer.run(progress, f).await,
        }
    }

    /// Whether the database takes writes: it is tried, once in a second at the most, however many ask.
    pub async fn takes_writes(&self) -> Result<()> {
        self.has_its_file()?; // not remembered: it is over as soon as the file is back
        let mut last = self.tried.lock().await;
        if let Some((_, outcome)) = last.as_ref().filter(|(at, _)| at.elapsed() < BETWEEN_TRIES) {
            return outcome.as_ref().map_or(Ok(()), |error| Err(error.copy()));
        }
        let tried = self.write_within(ACQUIRE_TIMEOUT, |conn| {
            conn.set_organization(OrganizationId::NOBODYS)?;
            Ok(conn.try_write()?)
        });
        let outcome = tried.await;
        *last = Some((Instant::now(), outcome.as_ref().err().map(ApiError::copy)));
        outcome
    }

    /// The same for a thread that may wait.
    pub fn write_blocking<T, F>(&self, mut f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
    {
        match &self.writes {
            Writes::Shared(lane) => {
                lane.run_waiting(move |conn| transaction(conn, &Progress::default(), guarded(&mut f)))
            }
            Writes::Single(writer) => writer.run_blocking(f),
        }
    }

    /// 503 where the SQLite file is gone or is another one. A write is held against it by the writer, batch by batch.
    fn has_its_file(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.check_lately())
    }

    /// Why the last writes failed, where the engine can tell without trying.
    pub fn trouble(&self) -> Option<String> {
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.check()) {
            return Some(error.to_string());
        }
        match &self.writes {
            Writes::Shared(_) => None,
            Writes::Single(writer) => writer.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone(),
        }
    }
}

const ATTEMPTS: u32 = 6;

/// One transaction, run again while the engine says that it only lost a race.
pub(super) fn transaction<T>(
    conn: &mut Conn,
    progress: &Progress,
    mut f: impl FnMut(&mut Conn) -> Result<T>,
) -> Result<T> {
    let mut attempt = 1;
    loop {
        match once(conn, progress, &mut f) {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                std::thread::sleep(backoff(attempt));
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn once<T>(conn: &mut Conn, progress: &Progress, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    if progress.is_given_up() {
        return Err(given_up());
    }
    conn.begin_write()?;
    match f(conn) {
        Ok(value) => {
            if !progress.begins_commit() {
                conn.rollback();
                return Err(given_up());
            }
            // diesel rolls back what it cannot commit; but a connection that breaks just now takes the answer with it.
            conn.commit().map_err(|error| {
                let error = ApiError::from(error).of_a_commit();
                if error.code() != Code::OutcomeUnknown {
                    progress.was_rolled_back();
                }
                error
            })?;
            // It is committed, whatever goes wrong from here on.
            conn.make_durable().map_err(ApiError::outcome_unknown)?;
            progress.is_done();
            Ok(value)
        }
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

/// One transaction that reads one state of one organization.
fn reading<T>(conn: &mut Conn, organization: OrganizationId, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    conn.begin_read(organization)?;
    match caught(|| f(conn)) {
        Ok(value) => {
            conn.commit()?;
            Ok(value)
        }
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

/// A panic in one read must not take its thread or its connection, and with them every later read, down.
pub(super) fn caught<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err(ApiError::internal("a read panicked")))
}

/// 2, 4, 8 .. ms and up to as much again, so that rivals do not meet a second time.
fn backoff(attempt: u32) -> Duration {
    let base = 1_000_u64 << attempt;
    Duration::from_micros(base + rand::random_range(0..base))
}

pub(super) fn gone(error: impl std::fmt::Display) -> ApiError {
    ApiError::unavailable(error.to_string())
}

/// A pool, with the place in its queue held asynchronously: no thread waits for a connection.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pool: r2d2::Pool<Manager>,
    manager: Manager,
    places: Arc<Semaphore>,
}

impl ConnectionPool {
    pub(super) fn new(url: &Url, purpose: Use, connections: u32, file: Option<&Arc<DatabaseFile>>) -> Result<Self> {
        let manager = Manager { url: url.clone(), purpose, generation: Arc::default(), file: file.cloned() };
        let remote = matches!(url, Url::Postgres(_));
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(if remote { connections.min(2) } else { 0 }))
            // A SELECT 1 before every use is one more round trip for each; a connection that breaks shows it in use,
            // and is dropped when it comes back.
            .test_on_check_out(false)
            .idle_timeout(remote.then_some(Duration::from_secs(600)))
            .max_lifetime(remote.then_some(Duration::from_secs(1800)))
            .connection_timeout(ACQUIRE_TIMEOUT)
            .error_handler(Box::new(Quiet))
            .build_unchecked(manager.clone());
        Ok(Self { pool, manager, places: Arc::new(Semaphore::new(connections as usize)) })
    }

    async fn run<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let waiting = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.places).acquire_owned()).await;
        let place =
            waiting.map_err(|_| ApiError::overloaded("Every connection to the database is in use."))?.map_err(gone)?;
        let lane = self.clone();
        let span = tracing::Span::current();
        let task = tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let outcome = lane.run_waiting(f);
            drop(place); // the connection is back by now
            outcome
        });
        task.await.map_err(ApiError::internal)?
    }

    pub(super) fn run_waiting<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.pool.get().map_err(gone)?;
        if conn.generation != self.manager.generation.load(Ordering::Relaxed) {
            // Opened before the database was last seen to be away: opened anew, so that no request meets a dead
            // connection.
            *conn = self.manager.connect().map_err(gone)?;
        }
        let outcome = f(&mut conn.conn);
        if outcome.as_ref().is_err_and(ApiError::is_of_the_engine) {
            self.manager.generation.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// On a connection that belongs to this thread.
    fn run_here<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        thread_local!(static OWN: RefCell<Vec<(Url, Pooled)>> = const { RefCell::new(Vec::new()) });
        OWN.with_borrow_mut(|own| {
            if let Some((_, pooled)) = own.iter_mut().find(|(url, _)| *url == self.manager.url) {
                return f(&mut pooled.conn);
            }
            let mut pooled = self.manager.connect().map_err(gone)?;
            let outcome = f(&mut pooled.conn);
            own.push((self.manager.url.clone(), pooled));
            outcome
        })
    }
}

/// r2d2 would print each failed attempt; the request that met it is answered and logged anyway.
#[derive(Debug)]
struct Quiet;
impl r2d2::HandleError<r2d2::Error> for Quiet {
    fn handle_error(&self, error: r2d2::Error) {
        tracing::debug!(%error, "connecting to the database failed");
    }
}

#[derive(Debug, Clone)]
struct Manager {
    url: Url,
    purpose: Use,
    /// Counts how often the database was seen to be away.
    generation: Arc<AtomicU64>,
    file: Option<Arc<DatabaseFile>>,
}

struct Pooled {
    conn: Conn,
    generation: u64,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = r2d2::Error;

    fn connect(&self) -> std::result::Result<Pooled, r2d2::Error> {
        let generation = self.generation.load(Ordering::Relaxed);
        let mut conn = Conn::open(&self.url, self.purpose).map_err(r2d2::Error::ConnectionError)?;
        conn.work_as_app().map_err(r2d2::Error::QueryError)?;
        // What was opened while the file was another one would go on reading that, whatever stands there later.
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.check()) {
            return Err(r2d2::Error::ConnectionError(diesel::ConnectionError::BadConnection(error.to_string())));
        }
        Ok(Pooled { conn, generation })
    }
    fn is_valid(&self, pooled: &mut Pooled) -> std::result::Result<(), r2d2::Error> {
        use r2d2::R2D2Connection as _;
        pooled.conn.ping().map_err(r2d2::Error::QueryError)
    }
    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        use r2d2::R2D2Connection as _;
        std::thread::panicking() || pooled.conn.is_broken()
    }
}
