//! What privacy law requires of everything that leaves the organization.

pub mod notices;
