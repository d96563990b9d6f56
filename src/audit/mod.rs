//! The audit log: who did what to which record, append-only, one hash chain an organization.
//!
//! `db` is the only one that writes it: [`append`] runs at the end of every write, inside its transaction, and the
//! [`AuditQueue`] takes what was only looked at. An entry names records, members and people by id; it never holds
//! content (LG-04).

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

/// What stands in the place of members in the entry of a look that only break-glass allowed (AZ-13).
pub const THROUGH_GLASS: &str = "break_glass";

text_enum! {
    /// How it went.
    pub enum Outcome { Done = "done", Refused = "refused" }
}

/// One thing that somebody did. `action` is `kind.verb`, and `subject` a record of that kind.
#[derive(Debug, Clone)]
pub struct Entry {
    pub organization: OrganizationId,
    pub at: Instant,
    pub actor: Option<UserId>,
    pub role: Option<Role>,
    pub session: Option<SessionId>,
    /// The address it came from, or `cli`; or `server`, for what a server does by itself.
    pub source: Cow<'static, str>,
    pub action: Cow<'static, str>,
    pub subject: Option<uuid::Uuid>,
    pub outcome: Outcome,
    /// The names of the members that changed; of a refused request the call and the status.
    pub fields: Vec<String>,
    /// The records of a page that was shown.
    pub subjects: Vec<String>,
    pub request: RequestId,
}

impl Entry {
    /// An entry of what has just been done, by whom, to which record.
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
    /// The same of what was not done.
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
