//! The only door to SQL. `Db::read` and `Db::write` are the ways in, both ask for proof that the caller was checked,
//! and both see to the audit log.

#![expect(clippy::disallowed_types, reason = "this is the folder that names the engines")]

pub mod audit_insert;
pub mod conn;
pub mod dialect;
pub mod file;
mod files;

pub mod lock;
pub mod migrate;
pub mod pool;
pub mod progress;
mod reader;
#[rustfmt::skip]
pub mod schema;
pub mod aggregate;
pub mod search;
mod values;
mod writer;

pub use conn::{Conn, Dialect, Url, Use};
pub use dialect::{Condition, PortableDsl, rewrite};
pub use pool::Engine;

use crate::{
    audit::{self, Entry},
    auth::{
        Actor, Caller, OrganizationId, Origin, Scope, UserId,
        guard::{Holder, Operator},
    },
    error::{ApiError, Code, Result},
    types::Id,
};

/// How many ids an entry of the audit log has at the most: as many as a list shows.
const MOST_SUBJECTS: usize = 200;

/// What every transaction asks of the layers above, as functions that `app` gives.
#[derive(Debug, Clone, Copy)]
pub struct AccessChecks {
    /// Whether the session of the caller is still valid, with the same role and scopes.
    pub session_is_valid: fn(&mut Conn, Actor) -> Result<bool>,
    /// Whether the caller has break-glass access to any case now.
    pub has_break_glass: fn(&mut Tx<'_>) -> Result<bool>,
}

/// What is needed to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    pub url: Url,
    /// A replica for reads that may lag behind. PostgreSQL only.
    pub replica: Option<Url>,
    /// Connections to PostgreSQL for writing. SQLite has one.
    pub connections: u32,
    /// Connections for reading. PostgreSQL gets as many more for what is looked up by key, and as many to the replica.
    pub readers: u32,
    /// Whether to bring the schema up to date first.
    pub migrate: bool,
    /// What the database is opened for: `Writing`, or `Loading`.
    pub purpose: Use,
    pub checks: AccessChecks,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    audit: audit::AuditQueue,
    checks: AccessChecks,
}

impl Db {
    /// Opens the database, brings its schema up to date or refuses one that is not, and starts the writer and the audit
    /// lane.
    pub fn open(options: &Options) -> Result<Self> {
        let mut first = if options.migrate { migrate::open(options)?.0 } else { migrate::open_as_it_is(options)? };
        first.work_as_app().map_err(|error| ApiError::unavailable(format!("as alongside_app: {error}")))?;
        migrate::refuse_other_schemas(&mut first)?;
        if !first.has_english_messages()? {
            let message =
                "PostgreSQL speaks another language: have a superuser say ALTER DATABASE … SET lc_messages TO 'C'";
            return Err(ApiError::unavailable(message));
        }
        let engine = Engine::start(first, options)?;
        Ok(Self { audit: audit::AuditQueue::start(engine.clone())?, engine, checks: options.checks })
    }

    /// Fills a database with very many rows. A SQLite file that is not there yet is made beside its place, gets its
    /// indexes when all rows are there, and takes its place once it is whole: what is broken off leaves nothing that
    /// looks like a database. `complete` goes through what was filled, by its indexes.
    pub fn load<T>(
        options: &Options,
        fill: impl FnOnce(&Self) -> Result<T>,
        complete: impl FnOnce(&Self, &T) -> Result<()>,
    ) -> Result<T> {
        let place = match &options.url {
            Url::Sqlite(path) if !std::path::Path::new(path).exists() => path,
            _ => {
                let db = Self::open(&Options { purpose: Use::Loading, ..options.clone() })?;
                let filled = fill(&db)?;
                complete(&db, &filled)?;
                return Ok(filled);
            }
        };
        let beside = format!("{place}.new");
        drop(std::fs::remove_file(&beside)); // what was broken off before
        let db = Self::open(&Options { url: Url::Sqlite(beside.clone()), purpose: Use::Making, ..options.clone() })?;
        let indexes = db.maintain_blocking(|conn| Ok(conn.take_indexes()?))?;
        let filled = fill(&db)?;
        db.maintain_blocking(move |conn| Ok(conn.make_indexes(&indexes)?))?;
        complete(&db, &filled)?;
        drop(db);
        std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(ApiError::unavailable)?;
        std::fs::rename(&beside, place).map_err(ApiError::unavailable)?;
        Ok(filled)
    }

    /// Answers `caller` from one state of the database. What the store has read ([`Tx::audit_read`]) is in the audit
    /// log before this returns. `f` runs a second time for a supervisor who has break-glass access and has not found
    /// what they look for.
    pub async fn read<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let asked = Asked::by(caller, self.checks);
        self.traced(self.engine.read(asked.organization(), move |conn| asked.answer(conn, f)).await?).await
    }

    /// The same for a row or two by key: on SQLite without the way to another thread and back, on PostgreSQL on a
    /// connection that no longer read holds.
    pub async fn peek<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let asked = Asked::by(caller, self.checks);
        self.traced(self.engine.peek(asked.organization(), move |conn| asked.answer(conn, f)).await?).await
    }

    /// The same from the replica, where there is one: for what may lag behind what this client has just written.
    pub async fn read_stale<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let asked = Asked::by(caller, self.checks);
        self.traced(self.engine.read_stale(asked.organization(), move |conn| asked.answer(conn, f)).await?).await
    }

    async fn traced<T>(&self, (value, entries): (T, Vec<Entry>)) -> Result<T> {
        if !entries.is_empty() {
            self.audit.append(entries).await?;
        }
        Ok(value)
    }

    /// Makes one change on behalf of `caller`: all of it with its trace, or nothing. `f` may run more than once. A
    /// change that leaves no trace is refused: `f` must [`record`](Tx::record) what it does, or
    /// [say](Tx::nothing_changed) that it did nothing.
    ///
    /// It takes ten seconds at the most, with its wait for a turn.
    ///
    /// # Errors
    /// `outcome_unknown` where nobody knows whether it is stored; after any other error nothing is.
    pub async fn write<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let asked = Asked::by(caller, self.checks);
        self.engine.write_within(progress::LONGEST_WRITE, move |conn| writing(conn, &asked, &mut f)).await
    }

    /// [`Db::write`] for the command line, where a thread may wait.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        mut f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let asked = Asked::by(caller, self.checks);
        self.engine.write_blocking(move |conn| writing(conn, &asked, &mut f))
    }

    /// Reads one state of all organizations, for as long as it takes, beside a server that goes on writing.
    pub fn inspect_blocking<T>(&self, operator: &Operator, f: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let asked = Asked::by(operator, self.checks);
        self.engine.peek_blocking(asked.organization(), |conn| {
            conn.work_as_keeper()?;
            conn.take_time(0)?;
            f(&mut asked.tx(conn, false))
        })
    }

    /// Appends entries for something that changes nothing and that nobody waits for, such as a refused login.
    pub fn note(&self, entries: Vec<Entry>) {
        self.audit.note(entries);
    }

    /// Enters what was refused to whom, before they are told (LG-01): nobody finds out by trying, unseen.
    pub async fn refused(&self, holder: &Holder, subject: Option<uuid::Uuid>, call: String, status: u16) -> Result<()> {
        let (claims, origin) = (&holder.claims, &holder.origin);
        let mut entry = Entry::new(holder.actor, claims.org, origin, "request.refused", subject).refused();
        (entry.actor, entry.session) = (Some(claims.sub), Some(claims.sid));
        self.audit.append(vec![entry.fields(vec![call, status.to_string()])]).await
    }

    /// Whether the database answers, takes writes and has every migration.
    pub async fn ready(&self) -> Result<bool> {
        let missing = self.engine.read(Id::NOBODYS, migrate::lacking).await?;
        self.engine.takes_writes().await?;
        Ok(missing == 0 && self.engine.trouble().is_none())
    }

    /// Housekeeping that belongs to no caller and shows nobody anything.
    pub async fn maintain<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.engine.write(move |conn| keeping(conn, &mut f)).await
    }

    /// The same for the command line, where a thread may wait.
    pub fn maintain_blocking<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.engine.write_blocking(move |conn| keeping(conn, &mut f))
    }

    /// The engine without callers and trace, for the audit of the audit log itself, the session check and the command
    /// line.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// Who asks for a transaction, and from where.
#[derive(Clone)]
struct Asked {
    actor: Option<Actor>,
    origin: Origin,
    /// Whether it is the operator, who may look through the organizations.
    keeps: bool,
    checks: AccessChecks,
}

impl Asked {
    fn by(caller: &impl Caller, checks: AccessChecks) -> Self {
        Self { actor: caller.actor(), origin: caller.origin(), keeps: caller.keeps(), checks }
    }
    /// [`Id::NOBODYS`] where nobody is signed in.
    fn organization(&self) -> OrganizationId {
        self.actor.map_or(Id::NOBODYS, |actor| actor.organization)
    }
    fn tx<'c>(&self, conn: &'c mut Conn, shared: bool) -> Tx<'c> {
        let (actor, organization, origin) = (self.actor, self.organization(), self.origin.clone());
        Tx { conn, actor, organization, origin, shared, by_break_glass: false, trace: Vec::new(), silent: false }
    }
    /// Answers, in a transaction that has begun, and gives the audit log with it.
    fn answer<T>(&self, conn: &mut Conn, mut f: impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<(T, Vec<Entry>)> {
        let mut tx = self.tx(conn, self.actor.is_some());
        let value = match f(&mut tx) {
            Err(error) if tx.retry_with_break_glass(&error, self.checks)? => f(&mut tx)?,
            answer => answer?,
        };
        Ok((value, tx.trace))
    }
}

fn keeping<T>(conn: &mut Conn, f: &mut impl FnMut(&mut Conn) -> Result<T>) -> Result<T> {
    conn.work_as_keeper()?;
    conn.take_time(0)?;
    f(conn)
}

fn writing<T>(conn: &mut Conn, asked: &Asked, f: &mut impl FnMut(&mut Tx<'_>) -> Result<T>) -> Result<T> {
    conn.set_organization(asked.organization())?;
    if asked.keeps {
        conn.work_as_keeper()?;
    }
    // A body may be long in coming, and a write waits its turn: what the guard saw may be over by now.
    if let Some(actor) = asked.actor
        && !(asked.checks.session_is_valid)(conn, actor)?
    {
        return Err(ApiError::unauthenticated());
    }
    let mut tx = asked.tx(conn, false);
    let value = match f(&mut tx) {
        // Break-glass access is read-only: whatever comes of it is not kept.
        Err(error) if tx.retry_with_break_glass(&error, asked.checks)? => {
            return Err(match f(&mut tx) {
                Err(error) if error.code() == Code::NotFound || error.is_transient() || error.inner().is_some() => {
                    error
                }
                _ => ApiError::forbidden("Break-glass access is read-only."),
            });
        }
        done => done?,
    };
    let (trace, silent) = (std::mem::take(&mut tx.trace), tx.silent);
    if trace.is_empty() && !silent {
        return Err(ApiError::internal("a change left no trace"));
    }
    // Last of all: the head of the organization's chain is held for as short as can be.
    audit::append(conn, trace).map_err(ApiError::of_the_audit_log)?;
    Ok(value)
}

/// One transaction on behalf of one caller. Stores take this and nothing else, so no query runs without knowing who is
/// asking.
pub struct Tx<'c> {
    pub conn: &'c mut Conn,
    actor: Option<Actor>,
    organization: OrganizationId,
    origin: Origin,
    /// Whether other callers' reads run in the same transaction.
    shared: bool,
    /// Whether this is the second look, at what the caller sees by break-glass too (AZ-13).
    by_break_glass: bool,
    trace: Vec<Entry>,
    silent: bool,
}

impl Tx<'_> {
    /// Who is asking; 401 where nobody is signed in.
    pub fn actor(&self) -> Result<Actor> {
        self.actor.ok_or_else(ApiError::unauthenticated)
    }
    /// Whose rows these are; the nil id, which is nobody's, where nobody is signed in.
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }
    pub fn user(&self) -> Result<UserId> {
        Ok(self.actor()?.user)
    }
    /// The address that the caller comes from, unless everybody's is the same.
    pub const fn source_of_one(&self) -> Option<std::net::IpAddr> {
        self.origin.of_one
    }
    /// Which cases this caller may see.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.actor)
    }

    /// Whether break-glass access counts, besides what the caller may see anyway.
    pub const fn by_break_glass(&self) -> bool {
        self.by_break_glass
    }

    /// Where a supervisor has not found what they asked for by its id, and has break-glass access now: looks a second
    /// time, past it. So it opens what is asked for by name, and no list, search or agenda; and nobody's first look
    /// costs more for it.
    fn retry_with_break_glass(&mut self, error: &ApiError, checks: AccessChecks) -> Result<bool> {
        if error.code() == Code::NotFound && (checks.has_break_glass)(self)? {
            self.trace.clear();
            self.by_break_glass = true;
        }
        Ok(self.by_break_glass)
    }

    /// Goes on in the name of an organization: for signing in and for the command line, where no token says which it
    /// is.
    pub fn enter(&mut self, organization: OrganizationId) -> Result<()> {
        if self.shared {
            return Err(ApiError::internal("who is signed in enters no other organization to read"));
        }
        self.organization = organization;
        Ok(self.conn.set_organization(organization)?)
    }

    /// Holds a lock until the transaction ends, so that of all who count by this subject one counts at a time, and sees
    /// what those before have stored.
    pub fn lock(&mut self, purpose: lock::Purpose, subject: &[u8]) -> Result<()> {
        Ok(self.conn.advisory_lock(lock::Lock::new(purpose, self.organization, subject), false)?)
    }

    /// The same together with all others who share it: nobody holds it alone meanwhile.
    pub fn lock_shared(&mut self, purpose: lock::Purpose, subject: &[u8]) -> Result<()> {
        Ok(self.conn.advisory_lock(lock::Lock::new(purpose, self.organization, subject), true)?)
    }

    /// Notes a change: what was done to which record, and the names (never the content) of the members that changed.
    pub fn record<K: 'static>(&mut self, action: &'static str, subject: Id<K>, fields: Vec<String>) {
        let entry = self.entry(action, Some(subject.uuid())).fields(fields);
        self.trace.push(entry);
    }

    /// Notes that a record was shown.
    pub fn audit_read<K: 'static>(&mut self, action: &'static str, subject: Id<K>) {
        let entry = self.entry(action, Some(subject.uuid()));
        self.trace.push(entry);
    }

    /// The same, with codes that say how: for whom, in what form.
    pub fn audit_read_as<K: 'static>(&mut self, action: &'static str, subject: Id<K>, how: &[&str]) {
        let mut entry = self.entry(action, Some(subject.uuid()));
        entry.fields.extend(how.iter().map(|code| (*code).to_owned()));
        self.trace.push(entry);
    }

    /// Notes that a page of records was shown: one entry, with the ids; of a whole case, one for each two hundred. A
    /// page that showed nothing leaves none.
    pub fn audit_read_all<K: 'static>(&mut self, action: &'static str, subjects: impl IntoIterator<Item = Id<K>>) {
        let ids: Vec<String> = subjects.into_iter().map(|id| id.to_string()).collect();
        for ids in ids.chunks(MOST_SUBJECTS) {
            let entry = self.entry(action, None).subjects(ids.to_vec());
            self.trace.push(entry);
        }
    }

    /// Notes that something was told that is no record: what of it, in words of the program's own.
    pub fn audit_read_fields(&mut self, action: &'static str, fields: Vec<String>) {
        let entry = self.entry(action, None).fields(fields);
        self.trace.push(entry);
    }

    /// Says that this write changed nothing and so leaves nothing in the audit log: a replay, for one.
    pub const fn nothing_changed(&mut self) {
        self.silent = true;
    }

    /// The entry for something that is about to be refused, for [`Db::note`].
    pub fn refusal<K: 'static>(&self, action: &'static str, subject: Id<K>) -> Entry {
        self.entry(action, Some(subject.uuid())).refused()
    }

    /// An entry that somebody else than the caller stands for, such as the person who is just signing in.
    pub fn record_as(&mut self, actor: Actor, action: &'static str) {
        let mut entry = self.entry(action, Some(actor.session.uuid()));
        entry.organization = actor.organization;
        entry.actor = Some(actor.user);
        entry.role = Some(actor.role);
        entry.session = Some(actor.session);
        self.trace.push(entry);
    }

    pub fn entry(&self, action: &'static str, subject: Option<uuid::Uuid>) -> Entry {
        let entry = Entry::new(self.actor, self.organization, &self.origin, action, subject);
        if self.by_break_glass { entry.fields(vec![audit::THROUGH_GLASS.into()]) } else { entry }
    }
}
