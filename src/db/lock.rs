//! Locks that are no rows: for a rule that counts, where there is no row that everybody who counts would hold.

use crate::auth::OrganizationId;
use sha2::{Digest as _, Sha256};

/// What a lock is for. Each purpose has its own locks: two purposes never meet by the same subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A deadline rule, by its id: which of its versions counts. Most rules come with the product and have no row.
    DeadlineRule,
    /// The break-glass access of one user, by their id: how much of it waits for a review.
    BreakGlass,
    /// An e-mail address in an organization: who signs in with it, or is invited to.
    Address,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::DeadlineRule => "deadline rule",
            Self::BreakGlass => "break-glass access",
            Self::Address => "address",
        }
    }
}

/// A lock that one transaction holds until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock(i64);

impl Lock {
    pub fn new(purpose: Purpose, organization: OrganizationId, subject: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update("alongside lock\n")
            .chain_update(purpose.name())
            .chain_update("\n")
            .chain_update(organization.uuid().as_bytes())
            .chain_update(subject)
            .finalize();
        Self(hash.iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte)))
    }

    /// The number by which PostgreSQL knows it. Of 64 bits: two locks of one server meet by chance once in billions of
    /// years, and then one waits for the other.
    pub const fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    #[test]
    fn a_lock_is_of_its_purpose_its_organization_and_its_subject() {
        let (one, other) = (Id::from_uuid(uuid::Uuid::from_u128(1)), Id::from_uuid(uuid::Uuid::from_u128(2)));
        let lock = Lock::new(Purpose::BreakGlass, one, b"a");
        assert_eq!(lock, Lock::new(Purpose::BreakGlass, one, b"a"));
        for different in [
            Lock::new(Purpose::Address, one, b"a"),
            Lock::new(Purpose::BreakGlass, other, b"a"),
            Lock::new(Purpose::BreakGlass, one, b"b"),
        ] {
            assert_ne!(lock, different);
        }
    }
}
