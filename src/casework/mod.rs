//! Casework: clients, their cases, and all records of the work on them.

pub mod actions;
pub mod assignments;
pub mod barriers;
pub mod break_glass;
pub mod cases;
pub mod clients;
pub mod conflicts;
pub mod deadlines;
pub mod handovers;
pub mod meetings;
pub mod notes;
pub mod statements;
pub mod tasks;
