//! The audit log: who did what to which record. It is append-only, with one hash chain for each organization.
//!
//! Only `db` writes it: [`append`] runs at the end of every write, inside its transaction, and the [`AuditQueue`] takes
//! the entries of reads. An entry names records, members and people by id; it never contains content (LG-04).

mod batch_writer;
pub mod chain;
pub mod checkpoint;

pub use batch_writer::AuditQueue;
pub use chain::append;

use crate::{
    auth::{Actor, OrganizationId, Origin, RequestId, Role, SessionId, UserId},
    types::Instant,
};
use std::borrow::Cow;

/// Stands in `fields` of the entry for a read that only break-glass access allowed (AZ-13).
pub const BY_BREAK_GLASS: &str = "break_glass";

text_enum! {
    /// Whether the request was successful.
    pub enum Outcome { Done = "done", Refused = "refused" }
}

/// One action of a user or the server. `action` is `kind.verb`, and `subject` is a record of that kind.
#[derive(Debug, Clone)]
pub struct Entry {
    pub organization: OrganizationId,
    pub at: Instant,
    pub actor: Option<UserId>,
    pub role: Option<Role>,
    pub session: Option<SessionId>,
    /// The source address of the request; `cli` for the command line; or `server` for what a server does by itself.
    pub source: Cow<'static, str>,
    pub action: Cow<'static, str>,
    pub subject: Option<uuid::Uuid>,
    pub outcome: Outcome,
    /// The names of the changed members. For a refused request: the operation and the status.
    pub fields: Vec<String>,
    /// The records on the page that was returned.
    pub subjects: Vec<String>,
    pub request: RequestId,
}

impl Entry {
    /// An entry for an action that has just been done.
    pub fn new(
        actor: Option<Actor>,
        organization: OrganizationId,
        origin: &Origin,
        action: &'static str,
        subject: Option<uuid::Uuid>,
    ) -> Self {
        Self {
            organization,
            at: Instant::now(),
            actor: actor.map(|actor| actor.user),
            role: actor.map(|actor| actor.role),
            session: actor.map(|actor| actor.session),
            source: origin.source.clone(),
            action: action.into(),
            subject,
            outcome: Outcome::Done,
            fields: Vec::new(),
            subjects: Vec::new(),
            request: origin.request,
        }
    }
    /// Marks the entry as a refused action.
    pub const fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }
    pub fn fields(mut self, fields: Vec<String>) -> Self {
        self.fields = fields;
        self
    }
    pub fn subjects(mut self, subjects: Vec<String>) -> Self {
        self.subjects = subjects;
        self
    }
}
