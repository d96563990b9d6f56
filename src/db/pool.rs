//! Assigns connections and threads to reads and writes.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::r2d2::{self, ManageConnection as _};
use tokio::sync::Semaphore;

use super::file::DatabaseFile;
use super::progress::{MAX_WRITE_TIME, Progress, given_up};
use super::reader::Reader;
use super::writer::{Writer, catching_panics};
use super::{
    conn::{Conn, Use},
    url::Url,
};
use crate::audit::{self, Entry};
use crate::auth::OrganizationId;
use crate::error::{ApiError, Code, Result};

/// How long a request waits for a connection, or for a shared result, before it is refused and asked to retry (RL-02).
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time for a read after it has begun: the time limit of its request. PostgreSQL cancels each single
/// statement sooner.
const MAX_READ_TIME: Duration = Duration::from_secs(30);
/// The time between two write checks for `/readyz`.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The engine behind `Db`, without callers and audit log. Only `db`, `audit` and the command line use it directly.
#[derive(Clone)]
pub struct Engine {
    fresh: Reader,
    stale: Reader,
    peeks: Peeks,
    writes: Writes,
    /// SQLite only: the file that is checked before each answer.
    file: Option<Arc<DatabaseFile>>,
    last_check: Arc<tokio::sync::Mutex<LastCheck>>,
}

/// The time of the last write check, and its error if it failed.
type LastCheck = Option<(Instant, Option<ApiError>)>;

#[derive(Clone)]
enum Peeks {
    /// PostgreSQL: on a separate pool, which no long read occupies.
    SeparatePool(Reader),
    /// SQLite: on the calling thread.
    CallingThread(ConnectionPool),
}

#[derive(Clone)]
enum Writes {
    /// PostgreSQL: any connection of the pool. Writes of requests are committed in groups, by the writer's threads.
    Shared(ConnectionPool, Writer),
    /// SQLite: the single writer thread.
    Single(Writer),
}

impl Engine {
    /// Opens the database; for SQLite, creates the file if it does not exist. `first` is a connection for writing.
    pub(super) fn start(first: Conn, options: &super::Options) -> Result<Self> {
        let super::Options { url, replica, connections, readers, purpose, .. } = options;
        let (connections, readers) = (*connections, *readers);
        let file = match (url, purpose) {
            // A file that is being created is not served yet, and is renamed when it is complete.
            (Url::Postgres(_), _) | (_, Use::Making) => None,
            (Url::Sqlite(path), _) => Some(DatabaseFile::opened(path)?),
        };
        let reading = |url, more| ConnectionPool::new(url, Use::Reading, readers + more, file.as_ref());
        let pool = reading(url, 0)?;
        let (peeks, writes) = match first {
            Conn::Pg(_) => {
                // One more connection, for the batched session lookup.
                let peeks = Reader::start(reading(url, 1)?, readers, ACQUIRE_TIMEOUT)?;
                let pool = ConnectionPool::new(url, *purpose, connections, None)?;
                let writer = Writer::on_pool(&pool, connections)?;
                (Peeks::SeparatePool(peeks), Writes::Shared(pool, writer))
            }
            Conn::Sqlite(_) => {
                let reopen = (url.clone(), *purpose);
                let reopen = move || Conn::open(&reopen.0, reopen.1).map_err(|error| error.to_string());
                (Peeks::CallingThread(pool.clone()), Writes::Single(Writer::on_file(first, reopen, file.clone())?))
            }
        };
        let fresh = Reader::start(pool, readers, MAX_READ_TIME)?;
        let stale = match replica {
            Some(url) => Reader::start(reading(url, 0)?, readers, MAX_READ_TIME)?,
            None => fresh.clone(),
        };
        Ok(Self { fresh, stale, peeks, writes, file, last_check: Arc::default() })
    }

    /// Reads one organization, in a transaction that it may share with other reads that waited when it began.
    pub async fn read<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.check_file()?;
        self.fresh.run(organization, f).await
    }

    /// The same on the replica, if there is one.
    pub async fn read_stale<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.check_file()?;
        self.stale.run(organization, f).await
    }

    /// The same for one or two rows by key. On SQLite it runs on the calling thread and takes a few microseconds; a
    /// switch to another thread and back would take five times as long.
    pub async fn peek<T, F>(&self, organization: OrganizationId, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        self.check_file()?;
        match &self.peeks {
            Peeks::SeparatePool(reader) => reader.run(organization, f).await,
            Peeks::CallingThread(pool) => pool.run_on_calling_thread(|conn| run_read(conn, organization, f)),
        }
    }

    /// The same for a thread that may block, on PostgreSQL in a transaction of its own.
    pub fn peek_blocking<T>(&self, organization: OrganizationId, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.check_file()?;
        match &self.peeks {
            Peeks::SeparatePool(reader) => reader.pool.run_blocking_on_pool(|conn| run_read(conn, organization, f)),
            Peeks::CallingThread(pool) => pool.run_on_calling_thread(|conn| run_read(conn, organization, f)),
        }
    }

    /// Whether a read by key costs almost nothing, so that batching such reads gains nothing.
    pub const fn peeks_on_calling_thread(&self) -> bool {
        matches!(self.peeks, Peeks::CallingThread(_))
    }

    /// Runs `f` in one transaction: all of it is stored, or nothing. `f` may run more than once, so it must do nothing
    /// but queries. The audit entries that it returns are appended at the end. There is no time limit, and the write
    /// continues if the caller's future is dropped.
    pub async fn write<T: Send + 'static>(&self, f: impl Write<T>) -> Result<T> {
        self.write_as(Progress::default(), OrganizationId::NIL, f).await
    }

    /// The same for a request, which waits no longer than `longest`. A write that is given up before its COMMIT is
    /// rolled back, however late its thread reaches it: nothing is stored then.
    ///
    /// # Errors
    /// `unavailable` if nothing is stored; `outcome_unknown` if COMMIT had already been sent.
    async fn write_within<T>(longest: Duration, write: impl AsyncFnOnce(Progress) -> Result<T>) -> Result<T> {
        let progress = Progress::of_request();
        let _waiting = progress.give_up_on_drop();
        match tokio::time::timeout(longest, write(progress.clone())).await {
            Ok(outcome) => outcome,
            Err(late) if progress.give_up() => Err(ApiError::unavailable(late)),
            Err(late) => Err(ApiError::outcome_unknown(late)),
        }
    }

    /// A write of a request, for at most [`MAX_WRITE_TIME`]. It begins with the rows of this organization, and it may
    /// share its transaction with other writes, so it sets nothing for the rest of the transaction but the
    /// organization and the time limits of statements.
    ///
    /// # Errors
    /// `unavailable` if nothing is stored; `outcome_unknown` if COMMIT had already been sent.
    pub async fn write_in_group<T: Send + 'static>(&self, organization: OrganizationId, f: impl Write<T>) -> Result<T> {
        let (Writes::Shared(_, writer) | Writes::Single(writer)) = &self.writes;
        Self::write_within(MAX_WRITE_TIME, async |progress| writer.run(progress, organization, f).await).await
    }

    async fn write_as<T: Send + 'static>(
        &self,
        progress: Progress,
        organization: OrganizationId,
        mut f: impl Write<T>,
    ) -> Result<T> {
        match &self.writes {
            Writes::Shared(pool, _) => {
                pool.run(move |conn| transaction(conn, &progress, organization, catching_panics(&mut f))).await
            }
            Writes::Single(writer) => writer.run(progress, organization, f).await,
        }
    }

    /// Whether the database accepts writes. It is checked by a write, at most once per second for all callers.
    pub async fn check_writable(&self) -> Result<()> {
        // This result is not cached: it changes as soon as the file is back.
        self.check_file()?;
        let mut last = self.last_check.lock().await;
        if let Some((_, outcome)) = last.as_ref().filter(|(at, _)| at.elapsed() < CHECK_INTERVAL) {
            return outcome.as_ref().map_or(Ok(()), |error| Err(error.copy()));
        }
        let try_write = |conn: &mut Conn| Ok((conn.try_write()?, Vec::new()));
        let tried = async |progress| self.write_as(progress, OrganizationId::NIL, try_write).await;
        let outcome = Self::write_within(ACQUIRE_TIMEOUT, tried).await;
        *last = Some((Instant::now(), outcome.as_ref().err().map(ApiError::copy)));
        outcome
    }

    /// [`Engine::write`] for a thread that may block. It begins with the rows of this organization.
    pub fn write_blocking<T: Send + 'static>(&self, organization: OrganizationId, mut f: impl Write<T>) -> Result<T> {
        match &self.writes {
            Writes::Shared(pool, _) => pool.run_blocking_on_pool(move |conn| {
                transaction(conn, &Progress::default(), organization, catching_panics(&mut f))
            }),
            Writes::Single(writer) => writer.run_blocking(organization, f),
        }
    }

    /// 503 if the SQLite file is missing or was replaced. The writer checks the file for writes, once per batch.
    fn check_file(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.check_recent())
    }

    /// Why the last writes failed, if the engine knows it without a new attempt.
    pub fn last_write_error(&self) -> Option<String> {
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.check()) {
            return Some(error.to_string());
        }
        match &self.writes {
            Writes::Shared(..) => None,
            Writes::Single(writer) => {
                writer.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
            }
        }
    }
}

const ATTEMPTS: u32 = 6;

/// What a write does on its connection. Returns its value, and the audit entries to append.
pub trait Write<T>: FnMut(&mut Conn) -> Result<(T, Vec<Entry>)> + Send + 'static {}
impl<T, F: FnMut(&mut Conn) -> Result<(T, Vec<Entry>)> + Send + 'static> Write<T> for F {}

/// One transaction, repeated while the engine reports a serialization conflict or another transient error.
pub(super) fn transaction<T>(
    conn: &mut Conn,
    progress: &Progress,
    organization: OrganizationId,
    mut f: impl FnMut(&mut Conn) -> Result<(T, Vec<Entry>)>,
) -> Result<T> {
    let mut attempt = 1;
    let mut append = |conn: &mut Conn| {
        let (value, entries) = f(conn)?;
        audit::append(conn, None, entries).map_err(ApiError::as_audit_error)?;
        Ok(value)
    };
    loop {
        match attempt_transaction(conn, progress, organization, &mut append) {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                std::thread::sleep(backoff(attempt));
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

fn attempt_transaction<T>(
    conn: &mut Conn,
    progress: &Progress,
    organization: OrganizationId,
    f: impl FnOnce(&mut Conn) -> Result<T>,
) -> Result<T> {
    if progress.is_given_up() {
        return Err(given_up());
    }
    conn.begin_write(organization)?;
    match f(conn) {
        Ok(value) => {
            if !progress.mark_committing() {
                conn.rollback();
                return Err(given_up());
            }
            conn.commit_durably().inspect_err(|error| {
                if error.code() != Code::OutcomeUnknown {
                    conn.rollback();
                    progress.mark_rolled_back();
                }
            })?;
            progress.mark_done();
            Ok(value)
        }
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

/// One transaction that reads one snapshot of one organization.
fn run_read<T>(conn: &mut Conn, organization: OrganizationId, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    conn.begin_read(organization)?;
    match catching_read_panics(|| f(conn)) {
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

/// A panic in one read must not stop its thread or break its connection, because every later read would fail too.
pub(super) fn catching_read_panics<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|_| Err(ApiError::internal("a read panicked")))
}

/// 2, 4, 8 … ms plus a random time up to the same length, so that two conflicting transactions do not collide again.
fn backoff(attempt: u32) -> Duration {
    let base = 1_000_u64 << attempt;
    Duration::from_micros(base + rand::random_range(0..base))
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> ApiError {
    ApiError::unavailable(error.to_string())
}

/// A connection pool whose queue is asynchronous: no thread blocks while it waits for a connection.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pool: r2d2::Pool<Manager>,
    manager: Manager,
    permits: Arc<Semaphore>,
}

impl ConnectionPool {
    pub(super) fn new(url: &Url, purpose: Use, connections: u32, file: Option<&Arc<DatabaseFile>>) -> Result<Self> {
        let manager = Manager { url: url.clone(), purpose, generation: Arc::default(), file: file.cloned() };
        let remote = matches!(url, Url::Postgres(_));
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(if remote { connections.min(2) } else { 0 }))
            // A SELECT 1 before every use would cost one more round trip each time. A connection that is broken fails
            // in use, and the pool drops it when it is returned.
            .test_on_check_out(false)
            .idle_timeout(remote.then_some(Duration::from_secs(600)))
            .max_lifetime(remote.then_some(Duration::from_secs(1800)))
            .connection_timeout(ACQUIRE_TIMEOUT)
            .error_handler(Box::new(LogAsDebug))
            .build_unchecked(manager.clone());
        Ok(Self { pool, manager, permits: Arc::new(Semaphore::new(connections as usize)) })
    }

    async fn run<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    {
        let waiting = tokio::time::timeout(ACQUIRE_TIMEOUT, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = waiting
            .map_err(|_| ApiError::overloaded("Every connection to the database is in use."))?
            .map_err(unavailable)?;
        let pool = self.clone();
        let span = tracing::Span::current();
        let task = tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let outcome = pool.run_blocking_on_pool(f);
            // The connection is back in the pool by now.
            drop(permit);
            outcome
        });
        task.await.map_err(ApiError::internal)?
    }

    pub(super) fn run_blocking_on_pool<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut conn = self.pool.get().map_err(unavailable)?;
        if conn.generation != self.manager.generation.load(Ordering::Relaxed) {
            // The connection was opened before the database was last found unreachable. It is opened again, so that no
            // request gets a dead connection.
            *conn = self.manager.connect().map_err(unavailable)?;
        }
        let outcome = f(&mut conn.conn);
        if outcome.as_ref().is_err_and(ApiError::is_database_failure) {
            self.manager.generation.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Runs on a connection that belongs to this thread.
    fn run_on_calling_thread<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        thread_local!(static OWN: RefCell<Vec<(Url, Pooled)>> = const { RefCell::new(Vec::new()) });
        OWN.with_borrow_mut(|own| {
            if let Some((_, pooled)) = own.iter_mut().find(|(url, _)| *url == self.manager.url) {
                return f(&mut pooled.conn);
            }
            let mut pooled = self.manager.connect().map_err(unavailable)?;
            let outcome = f(&mut pooled.conn);
            own.push((self.manager.url.clone(), pooled));
            outcome
        })
    }
}

/// r2d2 would log each failed attempt; the request that fails because of it is answered and logged anyway.
#[derive(Debug)]
struct LogAsDebug;
impl r2d2::HandleError<r2d2::Error> for LogAsDebug {
    fn handle_error(&self, error: r2d2::Error) {
        tracing::debug!(%error, "connecting to the database failed");
    }
}

#[derive(Debug, Clone)]
struct Manager {
    url: Url,
    purpose: Use,
    /// Counts how often the database was found unreachable.
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
        conn.use_app_role().map_err(r2d2::Error::QueryError)?;
        // A connection that was opened while another file was at the path would continue to read that file.
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
