//! Who is calling, and what they may do.

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

/// Names the kinds of records that a caller carries, so that `auth` need not know the features.
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

/// Who is signed in, as the database says it at this very request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub organization: OrganizationId,
    pub user: UserId,
    pub role: Role,
    /// What they may do besides, where they are an integration.
    pub scopes: Scopes,
    /// What they read cases for, where they are an integration.
    pub purpose: Option<IntegrationPurpose>,
    pub session: SessionId,
    /// When they last said their password in this session.
    pub proved_at: Instant,
    /// Whether they must set up a second factor before anything else.
    pub awaits_factor: bool,
}

/// For so many seconds after the password was said it is not asked for again (AU-13).
const FRESH_SECONDS: i64 = 600;

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

    pub fn is_fresh(&self) -> bool {
        let now = Instant::now();
        // Another server's clock may be a little ahead.
        self.proved_at <= now.plus_seconds(60) && now < self.proved_at.plus_seconds(FRESH_SECONDS)
    }
}

/// Where a request comes from; part of every entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub request: RequestId,
    /// An address, or `cli`.
    pub source: std::borrow::Cow<'static, str>,
    /// The same address, unless it is that of a proxy through which everybody comes.
    pub of_one: Option<std::net::IpAddr>,
}

/// Which cases a caller may see; `casework::cases::store` turns it into SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every case of the organization.
    Organization,
    /// None. Reports count all of them, and show protected numbers.
    Counted,
    /// Those of the teams that this user is in.
    Teams(UserId),
    /// Those that this user is assigned to now.
    Assigned(UserId),
    /// None, and of the clients the one whom this user is: `portal` shows them what is theirs.
    Own(UserId),
    Nothing,
}

impl Scope {
    pub const fn of(actor: Option<Actor>) -> Self {
        match actor {
            // An integration has to be let in by its scopes first. What is not recorded as internal use would be a
            // disclosure.
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
