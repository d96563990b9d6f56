//! Reference data: providers and their services, the rules of deadlines, and preparation templates.

pub mod deadline_rules;
pub mod preparation_templates;
pub mod providers;
pub mod services;

use crate::{db::Tx, error::Result};
use deadline_rules::model::DeadlineRuleId;
use providers::model::ProviderId;

/// Functions that update cases in the same transaction when the directory changes. `app` provides them, because the
/// directory does not depend on casework.
#[derive(Debug, Clone, Copy)]
pub struct Dependents {
    /// A provider was merged into this one.
    pub provider_merged: fn(&mut Tx<'_>, ProviderId) -> Result<()>,
    /// A rule has a new version.
    pub rule_version_added: fn(&mut Tx<'_>, DeadlineRuleId) -> Result<()>,
}
