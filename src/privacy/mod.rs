//! What the law of privacy asks of everything that leaves the organization.

pub mod notices;
