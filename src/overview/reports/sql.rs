//! Builds the SQL that counts a measure. The text is the same for both engines.

use super::measure::{Count, FactSelection, Group, Part};
use crate::{
    auth::OrganizationId,
    db::{
        Condition,
        aggregate::{CountQuery, Keyed, MAX_COUNTS, MAX_GROUP_COLUMNS},
    },
    types::{Day, Instant},
};

/// The organization and the times of a report: the values of the names in a measure's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    pub organization: OrganizationId,
    /// The moment that the report is as of, and its day.
    pub at: Instant,
    /// Whether that is the moment of the request.
    pub is_now: bool,
    pub day: Day,
    /// The period: its days, and the moments at which they begin.
    pub from: Option<(Day, Instant)>,
    pub to: Option<(Day, Instant)>,
}

impl Moments {
    /// Appends SQL in which names in braces stand for values. A name without a value becomes NULL, so that the
    /// condition holds for no row.
    pub fn fill(&self, mut sql: Condition, template: &'static str) -> Condition {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            sql = sql.then(before);
            sql = match (name, self.from, self.to) {
                ("at", ..) => sql.number(self.at.micros()),
                ("instant", ..) => sql.at(self.at),
                ("organization", ..) => sql.id(self.organization.uuid()),
                ("day", ..) => sql.number(self.day.epoch_day()),
                ("from", Some((_, from)), _) => sql.number(from.micros()),
                ("to", _, Some((_, to))) => sql.number(to.micros()),
                ("from_day", Some((from, _)), _) => sql.number(from.epoch_day()),
                ("to_day", _, Some((to, _))) => sql.number(to.epoch_day()),
                _ => sql.then("NULL"),
            };
            rest = after;
        }
        sql.then(rest)
    }
}

/// The positions of the selected columns, for `GROUP BY`.
const COLUMN_POSITIONS: [&str; 2 * MAX_GROUP_COLUMNS + 1] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
/// The names of the groups in the inner query, where facts are aggregated first, and in the outer query.
const INSIDE: [&str; MAX_GROUP_COLUMNS] = [" AS k0", " AS k1", " AS k2", " AS k3"];
const OUTSIDE: [&str; MAX_GROUP_COLUMNS] = ["f.k0", "f.k1", "f.k2", "f.k3"];

/// The position of the last count of each query. It counts the facts of cases that were entered in error, which no
/// other counter includes.
pub const ENTERED_IN_ERROR: usize = MAX_COUNTS - 1;

/// Which facts a query counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those of the moment.
    AsOf,
    /// Those that no other has replaced, of cases that were not entered in error.
    Current,
    /// Those that no other has replaced, of cases that were entered in error. Only their number is counted.
    CurrentInError,
}

/// The condition on facts that no other has replaced. The number is in the text of the query, because an engine uses a
/// partial index only if the text implies the condition of the index.
const CURRENT: &str = " AND f.replaced_at = 9223372036854775807";

/// The query that counts a part by these groups, over the facts that the caller may see. `first_counter` is the
/// position of the part's first counter among the counters of the measure.
pub fn count_query(
    part: &Part,
    first_counter: usize,
    groups: &[&'static Group],
    visible: Condition,
    moments: &Moments,
    counted: Counted,
) -> CountQuery {
    let is_aggregated = part.selection.aggregated_by().is_some();
    let has_no_errors = is_aggregated || counted == Counted::Current;
    let mut sql = Condition::sql("SELECT ");
    let mut group_by: Vec<&'static str> = Vec::new();
    for ids in [false, true] {
        for (i, position) in
            COLUMN_POSITIONS.iter().skip(if ids { MAX_GROUP_COLUMNS } else { 0 }).take(MAX_GROUP_COLUMNS).enumerate()
        {
            sql = match groups.get(i).filter(|group| group.keys.are_ids() == ids) {
                None => sql.then(if ids { "CAST(NULL AS uuid), " } else { "CAST(NULL AS text), " }),
                Some(group) => {
                    group_by.push(position);
                    let expression = if is_aggregated { OUTSIDE.get(i).copied().unwrap_or("NULL") } else { group.sql };
                    moments.fill(sql, expression).then(", ")
                }
            };
        }
    }
    sql = match part.days {
        None => sql.then("CAST(NULL AS bigint)"),
        Some(days) => {
            group_by.extend(COLUMN_POSITIONS.last());
            moments.fill(sql, days)
        }
    };
    for i in 0..MAX_COUNTS {
        sql = sql.then(", ");
        let counter = i.checked_sub(first_counter).and_then(|i| part.counters.get(i));
        sql = match counter {
            Some(counter) if counted != Counted::CurrentInError => {
                add_counter(sql, counter.sql, has_no_errors, moments)
            }
            None if i == ENTERED_IN_ERROR && !has_no_errors => {
                moments.fill(sql, "count(CASE WHEN f.voided_at <= {at} THEN 1 END)")
            }
            _ => sql.then("CAST(0 AS bigint)"),
        };
    }
    sql = sql.then(" FROM ");
    sql = match part.selection.aggregated_by() {
        None => {
            let sql = sql.then(part.facts.table());
            match counted {
                Counted::AsOf => add_conditions(sql, part, visible, moments),
                Counted::Current => add_current(sql, part, visible, moments, "f.voided_at = 9223372036854775807"),
                Counted::CurrentInError => add_current(sql, part, visible, moments, "f.voided_at <= {at}"),
            }
        }
        Some((column, aggregates)) => {
            sql = sql.then("(SELECT ").then(column);
            for (group, name) in groups.iter().zip(INSIDE) {
                sql = moments.fill(sql.then(", "), group.sql).then(name);
            }
            for (name, expression) in aggregates {
                sql = moments.fill(sql.then(", "), expression).then(" AS ").then(name);
            }
            sql = add_conditions(sql.then(" FROM ").then(part.facts.table()), part, visible, moments);
            sql = moments.fill(sql, " AND f.voided_at > {at} GROUP BY ").then(column);
            for group in groups {
                sql = moments.fill(sql.then(", "), group.sql);
            }
            sql.then(") AS f")
        }
    };
    for (i, position) in group_by.into_iter().enumerate() {
        sql = sql.then(if i == 0 { " GROUP BY " } else { ", " }).then(position);
    }
    CountQuery(sql)
}

/// How long before a record is stored its id may be made, in milliseconds: longer than a change may take.
const OLDEST_ID: i64 = 15_000;

/// The query for any fact that began, ended or was found to be of a case that was entered in error after the moment.
/// Unless it finds one, the current facts are those of the moment. An id begins with the time at which it was made, so
/// a fact that began later and replaced none has a later id.
pub fn changed_since(part: &Part, visible: Condition, moments: &Moments) -> Keyed {
    let id = part.facts.id();
    let sql = Condition::sql("SELECT ").then(id).then(" FROM ").then(part.facts.table());
    let ended = moments.fill(
        add_scope(sql.clone(), visible.clone(), moments),
        " AND f.replaced_at > {at} AND f.replaced_at < 9223372036854775807",
    );
    let milliseconds = u128::try_from(moments.at.micros() / 1000 - OLDEST_ID).unwrap_or(0);
    let began = add_scope(sql.clone(), visible.clone(), moments).then(CURRENT).then(" AND ").then(id).then(" >= ");
    // With an upper bound, too, PostgreSQL expects few facts and uses the key.
    let began = began.id(uuid::Uuid::from_u128(milliseconds << 80)).then(" AND ").then(id).then(" <= ");
    let began = moments.fill(began.id(uuid::Uuid::max()), " AND f.recorded_at > {at}");
    let in_error = add_current(sql, part, visible, moments, "f.voided_at > {at} AND f.voided_at < 9223372036854775807");
    Keyed(ended.then(" UNION ALL ").with(began).then(" UNION ALL ").with(in_error).then(" LIMIT 1"))
}

fn add_counter(sql: Condition, count: Count, has_no_errors: bool, moments: &Moments) -> Condition {
    let when = if has_no_errors { "CASE WHEN (" } else { "CASE WHEN f.voided_at > {at} AND (" };
    match count {
        Count::Where("1 = 1") if has_no_errors => sql.then("count(*)"),
        Count::Where(condition) => {
            moments.fill(moments.fill(sql.then("count("), when), condition).then(") THEN 1 END)")
        }
        Count::Distinct(column) => {
            moments.fill(sql.then("count(DISTINCT "), when).then("1 = 1) THEN ").then(column).then(" END)")
        }
        Count::Sum(number) => {
            let sql = moments.fill(sql.then("CAST(coalesce(sum("), when).then("1 = 1) THEN ");
            moments.fill(sql, number).then(" END), 0) AS bigint)")
        }
    }
}

/// Appends the conditions on the facts. `recorded_at` is when a row begins, `replaced_at` when it ends, and `voided_at`
/// when its case was found to be entered in error; the last two are the greatest number if that has not happened. The
/// conditions are the organization, what the caller may see, when the facts were on record, and
/// which of them the part counts.
pub fn add_conditions(sql: Condition, part: &Part, visible: Condition, moments: &Moments) -> Condition {
    let sql = moments.fill(
        add_scope(sql, visible, moments),
        match part.selection {
            FactSelection::History => " AND f.recorded_at <= {at} AND (",
            FactSelection::OnRecord | FactSelection::PerClient(_) | FactSelection::PerProvider(_) => {
                " AND f.replaced_at > {at} AND f.recorded_at <= {at} AND ("
            }
        },
    );
    moments.fill(sql, part.condition).then(")")
}

/// Appends the conditions on current facts.
fn add_current(sql: Condition, part: &Part, visible: Condition, moments: &Moments, voided: &'static str) -> Condition {
    let sql = add_scope(sql, visible, moments).then(CURRENT).then(" AND ");
    moments.fill(moments.fill(sql, voided).then(" AND ("), part.condition).then(")")
}

/// Appends the organization, and what the caller may see.
fn add_scope(sql: Condition, visible: Condition, moments: &Moments) -> Condition {
    sql.then(" WHERE f.organization_id = ").id(moments.organization.uuid()).then(" AND ").with(visible)
}
