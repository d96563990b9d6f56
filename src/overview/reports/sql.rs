//! Builds the SQL that counts a measure. The text is the same for both engines.

use super::measure::{Count, FactSelection, Group, Part};
use crate::{
    auth::OrganizationId,
    db::{
        Condition,
        aggregate::{CountQuery, MAX_COUNTS, MAX_GROUP_COLUMNS},
    },
    types::{Day, Instant},
};

/// The organization and the times of a report: the values of the names in a measure's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    pub organization: OrganizationId,
    /// The moment that the report is as of, and its day.
    pub at: Instant,
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

/// The query that counts a part by these groups, over the facts that the caller may see. `first_counter` is the
/// position of the part's first counter among the counters of the measure.
pub fn count_query(
    part: &Part,
    first_counter: usize,
    groups: &[&'static Group],
    visible: Condition,
    moments: &Moments,
) -> CountQuery {
    let is_aggregated = part.selection.aggregated_by().is_some();
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
            Some(counter) => add_counter(sql, counter.sql, is_aggregated, moments),
            None if i == ENTERED_IN_ERROR && !is_aggregated => {
                moments.fill(sql, "count(CASE WHEN f.voided_at <= {at} THEN 1 END)")
            }
            None => sql.then("CAST(0 AS bigint)"),
        };
    }
    sql = sql.then(" FROM ");
    sql = match part.selection.aggregated_by() {
        None => add_conditions(sql.then(part.facts.table()), part, visible, moments),
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

fn add_counter(sql: Condition, count: Count, is_aggregated: bool, moments: &Moments) -> Condition {
    let when = if is_aggregated { "CASE WHEN (" } else { "CASE WHEN f.voided_at > {at} AND (" };
    match count {
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
    let sql = sql.then(" WHERE f.organization_id = ").id(moments.organization.uuid()).then(" AND ").with(visible);
    let sql = moments.fill(
        sql,
        match part.selection {
            FactSelection::History => " AND f.recorded_at <= {at} AND (",
            FactSelection::OnRecord | FactSelection::PerClient(_) | FactSelection::PerProvider(_) => {
                " AND f.replaced_at > {at} AND f.recorded_at <= {at} AND ("
            }
        },
    );
    moments.fill(sql, part.condition).then(")")
}
