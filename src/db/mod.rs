//! The only access to SQL. `Db::read` and `Db::write` are the entry points. Both require proof that the caller was
//! checked, and both write the audit log.

#![expect(clippy::disallowed_types, reason = "this is the folder that names the engines")]

pub mod audit_insert;
pub mod conn;
pub mod dialect;
pub mod export_clients;
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
mod url;
mod values;
mod versioned;
mod writer;

pub use conn::{Conn, Dialect, Use};
pub use dialect::{Condition, PortableDsl, rewrite};
pub use pool::Engine;
pub use url::Url;
pub(crate) use versioned::versioned;
pub use versioned::{Versioned, save};

use crate::{
    audit::{self, Entry},
    auth::{
        Actor, Caller, CaseAccess, OrganizationId, Origin, UserId,
        guard::{Holder, Operator},
    },
    error::{ApiError, Code, Result},
    types::Id,
};
use std::any::Any;

/// The most ids in one entry of the audit log: the size of the largest page.
const MAX_SUBJECTS: usize = 200;

/// The checks that a transaction needs from higher layers. `app` passes these functions in, because `db` does not
/// import higher layers.
#[derive(Debug, Clone, Copy)]
pub struct AccessChecks {
    /// Whether the session of the caller is still valid, with the same role and scopes.
    pub session_is_valid: fn(&mut Conn, Actor) -> Result<bool>,
    /// Whether the caller has break-glass access to any case now.
    pub has_break_glass: fn(&mut Tx<'_>) -> Result<bool>,
}

/// The settings for opening a database.
#[derive(Debug, Clone)]
pub struct Options {
    pub url: Url,
    /// A replica for reads that may return slightly old data. PostgreSQL only.
    pub replica: Option<Url>,
    /// The number of write connections to PostgreSQL. SQLite has one.
    pub connections: u32,
    /// The number of read connections. PostgreSQL gets a second pool of this size for reads by key, and a third for the
    /// replica.
    pub readers: u32,
    /// Whether to migrate the schema first.
    pub migrate: bool,
    /// The purpose of the database connections: `Writing` or `Loading`.
    pub purpose: Use,
    pub checks: AccessChecks,
}

/// The database. It is cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    audit: audit::AuditQueue,
    checks: AccessChecks,
}

impl Db {
    /// Opens the database, migrates its schema or refuses one that is not up to date, and starts the writer and the
    /// audit queue.
    pub fn open(options: &Options) -> Result<Self> {
        let mut first = if options.migrate { migrate::open(options)?.0 } else { migrate::open_existing(options)? };
        first.use_app_role().map_err(|error| ApiError::unavailable(format!("as alongside_app: {error}")))?;
        migrate::refuse_other_schemas(&mut first)?;
        if !first.has_english_messages()? {
            let message =
                "PostgreSQL speaks another language: have a superuser say ALTER DATABASE … SET lc_messages TO 'C'";
            return Err(ApiError::unavailable(message));
        }
        let engine = Engine::start(first, options)?;
        Ok(Self { audit: audit::AuditQueue::start(engine.clone())?, engine, checks: options.checks })
    }

    /// Fills a database with very many rows. A new SQLite file is created under a temporary name, gets its indexes
    /// after all rows are there, and is renamed when it is complete, so an interrupted run leaves nothing that looks
    /// like a database. `complete` processes the new rows and can use the indexes.
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
        // Remove the remains of an interrupted run.
        drop(std::fs::remove_file(&beside));
        let db = Self::open(&Options { url: Url::Sqlite(beside.clone()), purpose: Use::Making, ..options.clone() })?;
        let indexes = db.maintain_blocking(|conn| Ok(conn.drop_indexes()?))?;
        let filled = fill(&db)?;
        db.maintain_blocking(move |conn| Ok(conn.create_indexes(&indexes)?))?;
        complete(&db, &filled)?;
        drop(db);
        std::fs::File::open(&beside).and_then(|file| file.sync_all()).map_err(ApiError::unavailable)?;
        std::fs::rename(&beside, place).map_err(ApiError::unavailable)?;
        Ok(filled)
    }

    /// Runs the read `f` for `caller` on one snapshot of the database. The entries of [`Tx::audit_read`] are in the
    /// audit log before this returns. `f` runs a second time for a supervisor with break-glass access if the first run
    /// does not find the record.
    pub async fn read<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (context, query) = (CallerContext::new(caller, self.checks), erase_type(f));
        let answer = self.engine.read(context.organization(), context.into_read(query)).await?;
        self.with_audit_log(answer).await
    }

    /// The same for one or two rows by key. On SQLite it runs on the calling thread; on PostgreSQL it uses connections
    /// that no long read occupies.
    pub async fn peek<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (context, query) = (CallerContext::new(caller, self.checks), erase_type(f));
        let answer = self.engine.peek(context.organization(), context.into_read(query)).await?;
        self.with_audit_log(answer).await
    }

    /// The same from the replica, if there is one, for reads that may miss what this client has just written.
    pub async fn read_stale<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (context, query) = (CallerContext::new(caller, self.checks), erase_type(f));
        let answer = self.engine.read_stale(context.organization(), context.into_read(query)).await?;
        self.with_audit_log(answer).await
    }

    async fn with_audit_log<T: 'static>(&self, (value, entries): (Value, Vec<Entry>)) -> Result<T> {
        if !entries.is_empty() {
            self.audit.append(entries).await?;
        }
        restore_type(value)
    }

    /// Makes one change on behalf of `caller`: the change and its audit entries are stored together, or nothing is. `f`
    /// may run more than once. A change without an audit entry is refused: `f` must [`record`](Tx::record) what it
    /// does, or [state](Tx::nothing_changed) that it changed nothing.
    ///
    /// It takes ten seconds at most, including the wait in the queue.
    ///
    /// # Errors
    /// `outcome_unknown` if it is not known whether the change is stored. After any other error nothing is stored.
    pub async fn write<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let context = CallerContext::new(caller, self.checks);
        let (organization, write) = (context.organization(), context.into_write(erase_type(f)));
        restore_type(self.engine.write_in_group(organization, write).await?)
    }

    /// [`Db::write`] for the command line, which may block its thread.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        caller: &impl Caller,
        f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let context = CallerContext::new(caller, self.checks);
        restore_type(self.engine.write_blocking(context.organization(), context.into_write(erase_type(f)))?)
    }

    /// Reads one snapshot of all organizations without a time limit, while a server may continue to write.
    pub fn inspect_blocking<T>(&self, operator: &Operator, f: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let context = CallerContext::new(operator, self.checks);
        self.engine.peek_blocking(context.organization(), |conn| {
            conn.use_keeper_role()?;
            conn.set_statement_timeout(0)?;
            f(&mut context.tx(conn, false))
        })
    }

    /// Appends entries for an event that changes nothing and that no request waits for, such as a refused login.
    pub fn audit_without_waiting(&self, entries: Vec<Entry>) {
        self.audit.append_without_waiting(entries);
    }

    /// Records a refused request in the audit log before the caller gets the response (LG-01), so that somebody who
    /// probes for records leaves a trace.
    pub async fn audit_refusal(
        &self,
        holder: &Holder,
        subject: Option<uuid::Uuid>,
        call: String,
        status: u16,
    ) -> Result<()> {
        let (claims, origin) = (&holder.claims, &holder.origin);
        let mut entry = Entry::new(holder.actor, claims.org, origin, "request.refused", subject).refused();
        (entry.actor, entry.session) = (Some(claims.sub), Some(claims.sid));
        self.audit.append(vec![entry.fields(vec![call, status.to_string()])]).await
    }

    /// Whether the database answers, accepts writes and has every migration.
    pub async fn ready(&self) -> Result<bool> {
        let missing = self.engine.read(Id::NIL, migrate::count_missing).await?;
        self.engine.check_writable().await?;
        Ok(missing == 0 && self.engine.last_write_error().is_none())
    }

    /// Runs housekeeping: work that has no caller, and whose result no user sees.
    pub async fn maintain<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.engine.write(move |conn| Ok((run_as_keeper(conn, &mut f)?, Vec::new()))).await
    }

    /// The same for the command line, which may block its thread.
    pub fn maintain_blocking<T: Send + 'static>(
        &self,
        mut f: impl FnMut(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.engine.write_blocking(Id::NIL, move |conn| Ok((run_as_keeper(conn, &mut f)?, Vec::new())))
    }

    /// The engine without callers and audit log, for the check of the audit log itself, the session check and the
    /// command line.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The result of a [`Query`], whatever its type.
type Value = Box<dyn Any + Send>;
/// A function of one transaction.
type Query = Box<dyn FnMut(&mut Tx<'_>) -> Result<Value> + Send>;

/// Hides the type of the result, so that the code that runs a query is compiled once, and not once for each query.
fn erase_type<T: Send + 'static>(mut f: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Query {
    Box::new(move |tx| Ok(Box::new(f(tx)?)))
}

fn restore_type<T: 'static>(value: Value) -> Result<T> {
    value.downcast().map(|value| *value).map_err(|_| ApiError::internal("a query returned a value of another type"))
}

/// The caller of a transaction, their address, and the checks of a transaction.
#[derive(Clone)]
struct CallerContext {
    actor: Option<Actor>,
    origin: Origin,
    /// Whether the caller is the operator, who may read all organizations.
    reads_all_organizations: bool,
    checks: AccessChecks,
}

impl CallerContext {
    fn new(caller: &impl Caller, checks: AccessChecks) -> Self {
        Self {
            actor: caller.actor(),
            origin: caller.origin(),
            reads_all_organizations: caller.reads_all_organizations(),
            checks,
        }
    }
    /// [`Id::NIL`] if nobody is signed in.
    fn organization(&self) -> OrganizationId {
        self.actor.map_or(Id::NIL, |actor| actor.organization)
    }
    fn tx<'c>(&self, conn: &'c mut Conn, shared: bool) -> Tx<'c> {
        let (actor, organization, origin) = (self.actor, self.organization(), self.origin.clone());
        Tx {
            conn,
            actor,
            organization,
            origin,
            shared,
            by_break_glass: false,
            entries: Vec::new(),
            changed_nothing: false,
        }
    }
    /// The read, for a connection. The closure belongs to a function without type parameters: one of a generic function
    /// would be compiled for each of its types.
    fn into_read(self, mut f: Query) -> impl FnOnce(&mut Conn) -> Result<(Value, Vec<Entry>)> + Send + 'static {
        move |conn| self.answer(conn, &mut f)
    }
    /// The write, for a connection.
    fn into_write(self, mut f: Query) -> impl FnMut(&mut Conn) -> Result<(Value, Vec<Entry>)> + Send + 'static {
        move |conn| run_write(conn, &self, &mut f)
    }
    /// Runs the read in a transaction that has begun. Returns its value and its audit entries.
    fn answer(&self, conn: &mut Conn, f: &mut Query) -> Result<(Value, Vec<Entry>)> {
        let mut tx = self.tx(conn, self.actor.is_some());
        let value = match f(&mut tx) {
            Err(error) if tx.retry_with_break_glass(&error, self.checks)? => f(&mut tx)?,
            answer => answer?,
        };
        Ok((value, tx.entries))
    }
}

fn run_as_keeper<T>(conn: &mut Conn, f: &mut impl FnMut(&mut Conn) -> Result<T>) -> Result<T> {
    conn.use_keeper_role()?;
    conn.set_statement_timeout(0)?;
    f(conn)
}

/// Runs the write in a transaction that has begun. Returns its value and its audit entries, which the caller appends at
/// the end of the transaction, so that the head of the organization's chain is locked as briefly as possible.
fn run_write(conn: &mut Conn, context: &CallerContext, f: &mut Query) -> Result<(Value, Vec<Entry>)> {
    if context.reads_all_organizations {
        conn.use_keeper_role()?;
    }
    // A request body may arrive slowly, and a write waits in the queue: the session that the guard accepted may have
    // ended by now.
    if let Some(actor) = context.actor
        && !(context.checks.session_is_valid)(conn, actor)?
    {
        return Err(ApiError::unauthenticated());
    }
    let mut tx = context.tx(conn, false);
    let value = match f(&mut tx) {
        // Break-glass access is read-only: the result of the write is discarded.
        Err(error) if tx.retry_with_break_glass(&error, context.checks)? => {
            return Err(match f(&mut tx) {
                Err(error)
                    if error.code() == Code::NotFound || error.is_transient() || error.source_error().is_some() =>
                {
                    error
                }
                _ => ApiError::forbidden("Break-glass access is read-only."),
            });
        }
        done => done?,
    };
    let (entries, changed_nothing) = (std::mem::take(&mut tx.entries), tx.changed_nothing);
    if entries.is_empty() && !changed_nothing {
        return Err(ApiError::internal("a change wrote no audit entry"));
    }
    Ok((value, entries))
}

/// One transaction on behalf of one caller. Stores accept only this type, so no query runs without a known caller.
pub struct Tx<'c> {
    pub conn: &'c mut Conn,
    actor: Option<Actor>,
    organization: OrganizationId,
    origin: Origin,
    /// Whether other callers' reads run in the same transaction.
    shared: bool,
    /// Whether this is the second run, which includes what the caller sees by break-glass access (AZ-13).
    by_break_glass: bool,
    entries: Vec<Entry>,
    changed_nothing: bool,
}

impl Tx<'_> {
    /// The signed-in user; 401 if nobody is signed in.
    pub fn actor(&self) -> Result<Actor> {
        self.actor.ok_or_else(ApiError::unauthenticated)
    }
    /// The organization whose rows the transaction sees; the nil id, which belongs to no organization, if nobody is
    /// signed in.
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }
    pub fn user(&self) -> Result<UserId> {
        Ok(self.actor()?.user)
    }
    /// The caller's own address; `None` if all callers have the same address.
    pub const fn caller_address(&self) -> Option<std::net::IpAddr> {
        self.origin.own_address
    }
    /// The cases that this caller may see without break-glass access.
    pub const fn case_access(&self) -> CaseAccess {
        CaseAccess::of(self.actor)
    }

    /// Whether break-glass access applies in addition to the caller's normal scope.
    pub const fn by_break_glass(&self) -> bool {
        self.by_break_glass
    }

    /// Returns true if a supervisor with open break-glass access did not find a record by its id; the read then runs
    /// again with that access. So break-glass access opens a record by its id, and the lists under the id of a case
    /// (`GET /cases/{id}/notes`), because those first look up the case. Lists over many cases, the search and the
    /// agenda do not fail with `NotFound`, so break-glass access adds nothing to them. Reads of other callers take no
    /// additional query.
    fn retry_with_break_glass(&mut self, error: &ApiError, checks: AccessChecks) -> Result<bool> {
        if error.code() == Code::NotFound && (checks.has_break_glass)(self)? {
            self.entries.clear();
            self.by_break_glass = true;
        }
        Ok(self.by_break_glass)
    }

    /// Switches to an organization, for sign-in and for the command line, where no token names it.
    pub fn switch_organization(&mut self, organization: OrganizationId) -> Result<()> {
        if self.shared {
            return Err(ApiError::internal("a signed-in caller cannot switch the organization of a shared read"));
        }
        self.organization = organization;
        Ok(self.conn.set_organization(organization)?)
    }

    /// Takes a lock until the transaction ends. Transactions that count by this subject then run one at a time, and
    /// each sees what the earlier ones have stored.
    pub fn lock(&mut self, purpose: lock::Purpose, subject: &[u8]) -> Result<()> {
        Ok(self.conn.advisory_lock(lock::Lock::new(purpose, self.organization, subject), false)?)
    }

    /// The same as a shared lock: nobody can take it exclusively meanwhile.
    pub fn lock_shared(&mut self, purpose: lock::Purpose, subject: &[u8]) -> Result<()> {
        Ok(self.conn.advisory_lock(lock::Lock::new(purpose, self.organization, subject), true)?)
    }

    /// Records a change: the action, the record, and the names (never the content) of the changed members.
    pub fn record<K: 'static>(&mut self, action: &'static str, subject: Id<K>, fields: Vec<String>) {
        let entry = self.entry(action, Some(subject.uuid())).fields(fields);
        self.entries.push(entry);
    }

    /// Records that the caller has read a record.
    pub fn audit_read<K: 'static>(&mut self, action: &'static str, subject: Id<K>) {
        let entry = self.entry(action, Some(subject.uuid()));
        self.entries.push(entry);
    }

    /// The same with codes that describe the read: for whom, and in which format.
    pub fn audit_read_as<K: 'static>(&mut self, action: &'static str, subject: Id<K>, how: &[&str]) {
        let mut entry = self.entry(action, Some(subject.uuid()));
        entry.fields.extend(how.iter().map(|code| (*code).to_owned()));
        self.entries.push(entry);
    }

    /// Records that the caller has read a page of records: one entry with their ids. A whole case gets one entry for
    /// every two hundred ids. An empty page leaves no entry.
    pub fn audit_read_all<K: 'static>(&mut self, action: &'static str, subjects: impl IntoIterator<Item = Id<K>>) {
        let ids: Vec<String> = subjects.into_iter().map(|id| id.to_string()).collect();
        for ids in ids.chunks(MAX_SUBJECTS) {
            let entry = self.entry(action, None).subjects(ids.to_vec());
            self.entries.push(entry);
        }
    }

    /// Records a read of something that is not a record. `fields` describes it in fixed codes of the program.
    pub fn audit_read_fields(&mut self, action: &'static str, fields: Vec<String>) {
        let entry = self.entry(action, None).fields(fields);
        self.entries.push(entry);
    }

    /// States that this write changed nothing, for example an idempotent replay, and needs no audit entry.
    pub const fn nothing_changed(&mut self) {
        self.changed_nothing = true;
    }

    /// The entry for an action that is about to be refused, for [`Db::audit_without_waiting`].
    pub fn refusal<K: 'static>(&self, action: &'static str, subject: Id<K>) -> Entry {
        self.entry(action, Some(subject.uuid())).refused()
    }

    /// Records an action under another user than the caller, such as the user who is signing in.
    pub fn record_as(&mut self, actor: Actor, action: &'static str) {
        let mut entry = self.entry(action, Some(actor.session.uuid()));
        entry.organization = actor.organization;
        entry.actor = Some(actor.user);
        entry.role = Some(actor.role);
        entry.session = Some(actor.session);
        self.entries.push(entry);
    }

    pub fn entry(&self, action: &'static str, subject: Option<uuid::Uuid>) -> Entry {
        let entry = Entry::new(self.actor, self.organization, &self.origin, action, subject);
        if self.by_break_glass { entry.fields(vec![audit::BY_BREAK_GLASS.into()]) } else { entry }
    }
}
