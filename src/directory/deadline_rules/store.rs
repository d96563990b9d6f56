//! The catalogue of deadline rules: the built-in ones and those that the organization has added, read together.

use super::{catalogue, compute::Trigger, compute::compute, holidays::Holidays, model::*};
use crate::{
    db::{Dialect, Tx, lock::Purpose, schema::deadline_rules as rules},
    directory::Dependents,
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, List, Page},
    identity::organizations,
    types::{Day, Id, Zone},
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// The versions that this caller may see: all of the organization.
fn visible(tx: &Tx) -> rules::BoxedQuery<'static, Dialect> {
    rules::table.filter(rules::organization_id.eq(tx.organization())).into_boxed()
}

/// Every rule that applies in the organization, with its versions from the oldest on.
fn all(tx: &mut Tx) -> Result<BTreeMap<DeadlineRuleId, Vec<DeadlineRule>>> {
    let own: Vec<RuleRow> = visible(tx).select(RuleRow::as_select()).load(tx.conn)?;
    Ok(catalogue::with_own(own))
}

/// The versions of a rule, from the oldest on.
pub fn find(tx: &mut Tx, id: DeadlineRuleId) -> Result<Vec<DeadlineRule>> {
    let own: Vec<RuleRow> = visible(tx).filter(rules::id.eq(id)).select(RuleRow::as_select()).load(tx.conn)?;
    catalogue::with_own(own).remove(&id).ok_or_else(ApiError::not_found)
}

/// Locks a rule against changes until the transaction ends: shared with others that compute by it, or exclusively to
/// add a version. It is locked before any case is. An advisory lock, because most rules are built in and have no row.
fn lock_for_update(tx: &mut Tx, id: DeadlineRuleId, shared: bool) -> Result<()> {
    let (purpose, rule) = (Purpose::DeadlineRule, id.uuid());
    if shared { tx.lock_shared(purpose, rule.as_bytes()) } else { tx.lock(purpose, rule.as_bytes()) }
}

/// Locks a rule against changes until the transaction ends. So a deadline that is computed by it is either on the
/// review list of the next version, or computed by that version.
pub fn lock_against_new_versions(tx: &mut Tx, id: DeadlineRuleId) -> Result<()> {
    lock_for_update(tx, id, true)
}

/// The version of a rule, named in a request body as `rule_id`, for a clock that starts on `on`.
pub fn effective(tx: &mut Tx, id: DeadlineRuleId, on: Day) -> Result<DeadlineRule> {
    let versions = find(tx, id).map_err(|error| error.not_found_as_unknown_reference("/rule_id"))?;
    versions.into_iter().rfind(|version| version.is_effective_on(on)).ok_or_else(|| {
        ApiError::invalid("/trigger_date", "no_rule_in_force", "is a day for which no version of the rule is in force")
    })
}

/// The version of the rule with this `code`, for a clock that starts on this day.
pub fn effective_by_code(tx: &mut Tx, code: &str, on: Day) -> Result<Option<DeadlineRule>> {
    let Some(id) = catalogue::id_of(code) else { return Ok(None) };
    Ok(find(tx, id)?.into_iter().rfind(|version| version.is_effective_on(on)))
}

/// The version of a rule to show: the one in force today, or the newest if none is.
fn present(versions: Vec<DeadlineRule>, today: Day) -> Option<DeadlineRule> {
    let in_force = versions.iter().rfind(|version| version.is_effective_on(today)).cloned();
    in_force.or_else(|| versions.into_iter().next_back())
}

fn home_zone(tx: &mut Tx) -> Result<Zone> {
    Ok(organizations::store::find(tx)?.time_zone)
}

pub fn get(tx: &mut Tx, id: DeadlineRuleId) -> Result<DeadlineRule> {
    let today = Day::today(&home_zone(tx)?);
    let rule = present(find(tx, id)?, today).ok_or_else(ApiError::not_found)?;
    tx.audit_read("deadline_rule.read", id);
    Ok(rule)
}

pub fn page(tx: &mut Tx, list: &List<DeadlineRuleFilter>) -> Result<Page<DeadlineRule>> {
    let today = Day::today(&home_zone(tx)?);
    let shown = all(tx)?.into_values().filter_map(|versions| present(versions, today));
    let found: Vec<DeadlineRule> = shown.filter(|rule| list.filter.admits(rule)).collect();
    let page = paginate(tx, list, found, |rule| (0, rule.id.uuid()))?;
    tx.audit_read_all("deadline_rule.listed", page.items.iter().map(|rule| rule.id));
    Ok(page)
}

pub fn page_of_versions(tx: &mut Tx, id: DeadlineRuleId, list: &List<RuleVersionFilter>) -> Result<Page<DeadlineRule>> {
    let versions = find(tx, id)?;
    let page = paginate(tx, list, versions, |rule| (rule.version.into(), rule.id.uuid()))?;
    tx.audit_read("deadline_rule.versions_listed", id);
    Ok(page)
}

/// The page of `rules`, which must be in ascending order of their positions. The catalogue is small, and the
/// built-in rules are in no table, so it is paginated in memory, with the same cursors as every list.
fn paginate<F: crate::http::Filter>(
    tx: &Tx,
    list: &List<F>,
    mut rules: Vec<DeadlineRule>,
    position: impl Fn(&DeadlineRule) -> (i64, uuid::Uuid),
) -> Result<Page<DeadlineRule>> {
    let actor = tx.actor()?;
    let total = list.include_total.then(|| i64::try_from(rules.len()).unwrap_or(i64::MAX));
    if list.down() {
        rules.reverse();
    }
    if let Some(after) = list.after(actor)? {
        rules.retain(|rule| if list.down() { position(rule) < after } else { position(rule) > after });
    }
    rules.truncate(usize::try_from(list.fetch()).unwrap_or(usize::MAX));
    Ok(list.page(actor, rules, total, position, |rule| rule))
}

/// Creates a rule of the organization's own.
pub fn create(tx: &mut Tx, new: &Body<NewDeadlineRule>) -> Result<DeadlineRule> {
    new.check(Day::latest_today([&home_zone(tx)?]), None)?;
    let row = RuleRow::new(tx.organization(), Id::new(), 1, tx.user()?, new);
    diesel::insert_into(rules::table).values(&row).execute(tx.conn)?;
    tx.record("deadline_rule.created", row.id, new.members());
    Ok(DeadlineRule::new(row.id, None, row.version, RuleSource::Organization, row.terms))
}

/// Adds a newer version of any rule. The previous versions do not change.
pub fn add_version(
    tx: &mut Tx,
    id: DeadlineRuleId,
    new: &Body<NewDeadlineRule>,
    dependents: &Dependents,
) -> Result<DeadlineRule> {
    lock_for_update(tx, id, false)?;
    let versions = find(tx, id)?;
    let newest = versions.last().ok_or_else(ApiError::not_found)?;
    new.check(Day::latest_today([&home_zone(tx)?]), Some(newest.effective_from))?;
    let row = RuleRow::new(tx.organization(), id, newest.version + 1, tx.user()?, new);
    // If another request has used this number meanwhile, the transaction runs again and takes the next number.
    let elsewhere = || {
        ApiError::new(Code::Contention, "Another request is adding a version of this rule.").header("retry-after", "1")
    };
    diesel::insert_into(rules::table).values(&row).execute(tx.conn).on_unique(elsewhere)?;
    tx.record("deadline_rule.version_added", id, new.members());
    // Puts the open deadlines that the new version would move on the review list.
    (dependents.rule_version_added)(tx, id)?;
    Ok(DeadlineRule::new(id, newest.code, row.version, RuleSource::Organization, row.terms))
}

/// Computes a due date. Nothing is stored.
pub fn preview(tx: &mut Tx, asked: &DeadlinePreviewRequest) -> Result<DeadlinePreview> {
    let zone = match &asked.time_zone {
        Some(zone) => zone.clone(),
        None => home_zone(tx)?,
    };
    let trigger = Trigger::from_request(
        asked.trigger_date,
        asked.trigger_not_before,
        Day::latest_today([&zone, &home_zone(tx)?]),
    )?;
    let rule = effective(tx, asked.rule_id, trigger.day())?;
    let computed = compute(&rule, trigger, &zone, asked.stated_due_on, Holidays::built_in())?;
    tx.audit_read("deadline_rule.previewed", rule.id);
    Ok(DeadlinePreview::new(rule, computed, zone))
}
