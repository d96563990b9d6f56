//! The built-in rules: data files that are compiled into the program.

use super::model::{DeadlineRule, DeadlineRuleId, NewDeadlineRule, RuleRow, RuleSource};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

/// One rule of a pack, with its versions from the oldest on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltInRule {
    id: DeadlineRuleId,
    code: String,
    versions: Vec<NewDeadlineRule>,
}

#[expect(clippy::expect_used, reason = "the files are compiled in, and a unit test reads them")]
static PACKS: LazyLock<Vec<BuiltInRule>> = LazyLock::new(|| {
    let mut rules: Vec<BuiltInRule> = serde_json::from_str(include_str!("packs/us.json")).expect("us.json");
    rules.extend(serde_json::from_str::<Vec<BuiltInRule>>(include_str!("packs/uk.json")).expect("uk.json"));
    rules
});

/// The id of the built-in rule to which the program itself refers by this code.
pub fn id_of(code: &str) -> Option<DeadlineRuleId> {
    PACKS.iter().find(|rule| rule.code == code).map(|rule| rule.id)
}

/// The versions of each rule, from the oldest on: the built-in ones and those of `own`. If both have a version with the
/// same number, the organization's version applies. (An update of the product may add a version that the organization
/// has already added itself.)
pub fn with_own(own: Vec<RuleRow>) -> BTreeMap<DeadlineRuleId, Vec<DeadlineRule>> {
    let mut rules: BTreeMap<DeadlineRuleId, BTreeMap<i32, DeadlineRule>> = BTreeMap::new();
    for built_in in PACKS.iter() {
        for (version, terms) in (1..).zip(&built_in.versions) {
            let rule =
                DeadlineRule::new(built_in.id, Some(&built_in.code), version, RuleSource::BuiltIn, terms.clone());
            rules.entry(built_in.id).or_default().insert(version, rule);
        }
    }
    for row in own {
        let versions = rules.entry(row.id).or_default();
        let code = versions.values().find_map(|rule| rule.code);
        versions.insert(row.version, DeadlineRule::new(row.id, code, row.version, RuleSource::Organization, row.terms));
    }
    rules.into_iter().map(|(id, versions)| (id, end_each_before_the_next(versions.into_values().collect()))).collect()
}

/// Ends each version on the day before the next one begins.
fn end_each_before_the_next(mut versions: Vec<DeadlineRule>) -> Vec<DeadlineRule> {
    let starts: Vec<_> = versions.iter().skip(1).map(|next| next.effective_from).collect();
    for (version, start) in versions.iter_mut().zip(starts) {
        let last = start.plus_days(-1);
        version.effective_to = Some(version.effective_to.map_or(last, |to| to.min(last)));
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Day;
    use std::collections::BTreeSet;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn packs_have_unique_ids_and_valid_versions() {
        let rules = with_own(Vec::new());
        assert_eq!(rules.len(), PACKS.len(), "an id is given more than once");
        let codes: BTreeSet<_> = PACKS.iter().map(|rule| rule.code.as_str()).collect();
        assert_eq!(codes.len(), PACKS.len(), "a code is given more than once");
        assert!(PACKS.is_sorted_by_key(|rule| rule.id));
        for built_in in PACKS.iter() {
            let mut before = None;
            assert!(!built_in.versions.is_empty());
            for terms in &built_in.versions {
                validator::Validate::validate(terms).unwrap();
                let checked = terms.check(day("2026-11-24"), before);
                assert!(checked.is_ok(), "{}: {:?}", built_in.code, checked.unwrap_err().all_issues());
                assert!(before.is_none_or(|before| terms.effective_from > before), "{}", built_in.code);
                assert!(terms.url.is_some() || !terms.statutory, "{}", built_in.code);
                before = Some(terms.effective_from);
            }
        }
    }

    #[test]
    fn packs_contain_every_required_rule() {
        for code in [
            "medicaid_mco_plan_appeal",
            "medicaid_mco_appeal_resolution",
            "medicaid_mco_expedited_resolution",
            "medicaid_mco_state_fair_hearing",
            "medicaid_continuation_of_benefits",
            "medicaid_ffs_fair_hearing",
            "medicare_advantage_reconsideration",
            "employer_plan_internal_appeal",
            "aca_plan_internal_appeal",
            "external_review",
            "ssa_reconsideration",
            "snap_fair_hearing",
            "hhs_ocr_complaint",
            "ada_title_ii_complaint",
            "fair_housing_hud_complaint",
            "fair_housing_court",
            "eeoc_charge",
            "eeoc_charge_deferral",
            "hipaa_access",
            "hipaa_amendment",
            "reasonable_accommodation_reply",
            "nhs_complaint",
            "nhs_complaint_acknowledgement",
        ] {
            assert!(id_of(code).is_some(), "{code}");
        }
    }

    #[test]
    fn rule_version_is_in_force_until_the_next_one() {
        let rules = with_own(Vec::new());
        let versions = &rules[&id_of("medicare_advantage_reconsideration").unwrap()];
        let on = |text| {
            versions.iter().filter(|rule| rule.is_effective_on(day(text))).map(|rule| rule.version).collect::<Vec<_>>()
        };
        assert_eq!((on("2005-12-31"), on("2024-12-31"), on("2025-01-01")), (vec![], vec![1], vec![2]));
    }
}
