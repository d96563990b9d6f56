//! The client's version of a case file. It has its own types, and its queries select only the columns that are shown,
//! so that content for staff cannot get into it by mistake. For cases, meetings, promises and statements it uses the
//! types of the portal.

pub mod model;
pub mod print;
pub mod store;
