//! Who signs in: organizations, their teams and users, and the sessions of these.

pub mod organizations;
pub mod sessions;
pub mod teams;
pub mod users;
