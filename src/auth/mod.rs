//! Authentication and authorization of callers.

pub mod guard;
pub mod password;
pub mod policy;
pub mod scopes;
pub mod secret_keys;
pub mod signing_keys;
pub mod source;
pub mod token;
pub mod totp;

pub use guard::{Allowed, Anyone, Caller, Operator, RecentlyAuthenticated};
pub use policy::{IntegrationPurpose, Role};
pub use scopes::Scopes;

use crate::types::{Id, Instant};

/// Marker types for the records that a caller carries, so that `auth` does not depend on the features.
#[derive(Debug)]
pub enum OrganizationKey {}
#[derive(Debug)]
pub enum UserKey {}
#[derive(Debug)]
pub enum TeamKey {}
#[derive(Debug)]
pub enum SessionKey {}
#[derive(Debug)]
pub enum RequestKey {}

pub type OrganizationId = Id<OrganizationKey>;
pub type UserId = Id<UserKey>;
pub type TeamId = Id<TeamKey>;
pub type SessionId = Id<SessionKey>;
pub type RequestId = Id<RequestKey>;

/// The signed-in user, as the database has them at this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub organization: OrganizationId,
    pub user: UserId,
    pub role: Role,
    /// Additional permissions of an integration.
    pub scopes: Scopes,
    /// The purpose for which an integration reads cases.
    pub purpose: Option<IntegrationPurpose>,
    pub session: SessionId,
    /// When the user last entered their password in this session.
    pub proved_at: Instant,
    /// Whether the user must set up a second factor before anything else.
    pub awaits_factor: bool,
}

/// The time in seconds after a password entry during which it is not required again (AU-13).
const RECENT_SECONDS: i64 = 600;

impl Actor {
    /// For tests.
    #[cfg(test)]
    pub fn somebody() -> Self {
        let (role, proved_at) = (Role::Advocate, Instant::now());
        let (scopes, purpose) = (Scopes::NONE, None);
        Self {
            organization: Id::new(),
            user: Id::new(),
            role,
            scopes,
            purpose,
            session: Id::new(),
            proved_at,
            awaits_factor: false,
        }
    }

    pub fn is_recently_authenticated(&self) -> bool {
        let now = Instant::now();
        // Another server's clock may be a little ahead.
        self.proved_at <= now.plus_seconds(60) && now < self.proved_at.plus_seconds(RECENT_SECONDS)
    }
}

/// The origin of a request. It is part of every entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub request: RequestId,
    /// An address, or `cli`.
    pub source: std::borrow::Cow<'static, str>,
    /// The caller's own address; `None` for the command line, and for the address of a proxy that all callers share.
    pub own_address: Option<std::net::IpAddr>,
}

/// The cases that a caller may see. `records::visibility` turns it into SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseAccess {
    /// All cases of the organization.
    Organization,
    /// No cases. Reports still count all cases, and hide small numbers by suppression.
    Counted,
    /// The cases of the teams that this user belongs to.
    Teams(UserId),
    /// The cases that this user is assigned to now.
    Assigned(UserId),
    /// No cases, and of the clients only the one who is this user. `portal` shows clients their own data.
    Own(UserId),
    Nothing,
}

impl CaseAccess {
    pub const fn of(actor: Option<Actor>) -> Self {
        match actor {
            // An integration must first have the permission in its scopes. A read for any purpose that is not recorded
            // as internal use would be a disclosure.
            Some(
                Actor { role: Role::Admin, .. }
                | Actor { role: Role::Integration, purpose: Some(IntegrationPurpose::Internal), .. },
            ) => Self::Organization,
            Some(Actor { role: Role::Integration, purpose: None, .. }) => Self::Counted,
            Some(Actor { role: Role::Supervisor, user, .. }) => Self::Teams(user),
            Some(Actor { role: Role::Advocate, user, .. }) => Self::Assigned(user),
            Some(Actor { role: Role::Client, user, .. }) => Self::Own(user),
            Some(Actor { role: Role::Auditor, .. }) | None => Self::Nothing,
        }
    }
}
