//! The version of a case file for the client: types of its own, filled by queries that read no more columns than are
//! shown, so that what is for staff cannot stand in it by mistake. Cases, meetings, promises and statements are what
//! the portal shows of them.

pub mod model;
pub mod print;
pub mod store;
