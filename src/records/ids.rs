//! The ids of cases and clients, to which most other records belong.

use crate::types::Id;

/// The marker type of [`CaseId`].
#[derive(Debug, Clone, Copy)]
pub enum CaseKey {}
pub type CaseId = Id<CaseKey>;

/// The marker type of [`ClientId`].
#[derive(Debug, Clone, Copy)]
pub enum ClientKey {}
pub type ClientId = Id<ClientKey>;
