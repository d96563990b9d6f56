//! Casework: clients, their cases, and all records of the work on them.

pub mod actions;
pub mod agenda;
pub mod assignments;
pub mod barriers;
pub mod break_glass;
pub mod case_file;
#[macro_use]
pub mod cases;
pub mod clients;
pub mod conflicts;
pub mod deadlines;
pub mod handovers;
pub mod meetings;
pub mod notes;
pub mod provider_memory;
pub mod self_advocacy;
pub mod statements;
pub mod tasks;
pub mod timeline;
