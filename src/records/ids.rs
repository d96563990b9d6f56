//! The ids of the records on which all others hang.

use crate::types::Id;

/// What [`CaseId`] is the id of.
#[derive(Debug, Clone, Copy)]
pub enum CaseKey {}
pub type CaseId = Id<CaseKey>;

/// What [`ClientId`] is the id of.
#[derive(Debug, Clone, Copy)]
pub enum ClientKey {}
pub type ClientId = Id<ClientKey>;
