//! Who signs in: organizations, their teams and users, and the sessions of these.

pub mod email_change;
pub mod invitations;
pub mod letters;
pub mod mailed_secrets;
pub mod organizations;
pub mod recovery;
pub mod second_factor;
pub mod sessions;
pub mod teams;
pub mod users;
