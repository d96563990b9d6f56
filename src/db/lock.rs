//! Advisory locks, for a rule that counts rows when there is no single row that every transaction that counts would
//! lock.

use crate::auth::OrganizationId;
use sha2::{Digest as _, Sha256};

/// The purpose of a lock. Each purpose has its own locks, even for the same subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A deadline rule, by its id: protects which of its versions is in force. Most rules come with the product and
    /// have no row.
    DeadlineRule,
    /// The break-glass access of one user, by the user's id: protects the number of accesses that wait for a review.
    BreakGlass,
    /// An e-mail address in an organization: protects which user signs in with it or is invited to.
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

    /// The number of the lock in PostgreSQL. With 64 bits, a collision of two held locks of one server is expected once
    /// in billions of years, and then one transaction only waits for the other.
    pub const fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    #[test]
    fn lock_is_specific_to_purpose_organization_and_subject() {
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
