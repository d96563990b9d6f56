//! A kind of service, by the code of a taxonomy.

use super::{Line, code::LISTS};
use crate::error::{ApiError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The taxonomy that is part of the product. Its codes are checked.
const OPEN_ELIGIBILITY: &str = "open_eligibility";

/// A kind of service: the code of a taxonomy, `open_eligibility` or the organization's own.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"system": "open_eligibility", "code": "1178", "version": "1"}))]
pub struct ServiceType {
    pub system: Line<80>,
    pub code: Line<80>,
    /// Of the taxonomy, where it has one.
    pub version: Option<Line<40>>,
}

impl ServiceType {
    /// Checks that the code exists in its system, if the system is known. `pointer` is the position of the service type
    /// in the body.
    pub fn check(&self, pointer: &str) -> Result<()> {
        let known = |code: &str| {
            LISTS
                .get(OPEN_ELIGIBILITY)
                .is_some_and(|list| list.entries().any(|entry| entry.code == code && !entry.retired))
        };
        if self.system.as_str() != OPEN_ELIGIBILITY || known(self.code.as_str()) {
            return Ok(());
        }
        Err(ApiError::invalid(
            format!("{pointer}/code"),
            "unknown_code",
            "must be a code of the list open_eligibility (GET /api/v1/code-lists/open_eligibility)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_the_known_taxonomy_are_checked() {
        let check = |system: &str, code: &str| {
            let kind =
                ServiceType { system: Line::parse(system).unwrap(), code: Line::parse(code).unwrap(), version: None };
            kind.check("/service_type").is_ok()
        };
        assert!(check("open_eligibility", "1178"));
        assert!(!check("open_eligibility", "nope"));
        assert!(check("river_peers", "nope"));
    }
}
