//! Who signs in: organizations, their teams and users, and the users' sessions.

pub mod email_change;
pub mod emails;
pub mod invitations;
pub mod one_time_tokens;
pub mod organizations;
pub mod recovery;
pub mod second_factor;
pub mod sessions;
pub mod teams;
pub mod users;
