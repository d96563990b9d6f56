//! The work itself: clients, their cases, and everything that is done for them.

pub mod assignments;
#[macro_use]
pub mod cases;
pub mod clients;
pub mod meetings;
pub mod notes;
pub mod timeline;
