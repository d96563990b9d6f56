//! The work itself: clients, their cases, and everything that is done for them.

pub mod clients;
