//! The records behind a number: one line for each record that a measure counts, so that a reader can verify the number.

use super::{
    measure::{Count, Group, Keys, Measure, Part},
    request::{ReportRequest, Slice},
    sql::add_conditions,
    store::{self, Names},
};
use crate::{
    casework::{cases::model::CaseId, clients::model::ClientId},
    db::{
        Condition, Tx,
        aggregate::{Keyed, LISTED_CODES, LISTED_IDS, Listed, Listing, MAX_COUNTS},
        dialect::Key,
    },
    error::Result,
    print::table::{Cell, Column, ColumnKind},
    records::visibility,
};
use diesel::prelude::*;
use std::collections::HashSet;

/// How many lines one transaction reads. The next page is read in another transaction.
const PAGE: usize = 4_000;

/// The columns of an export, and the labels of their keys, which are looked up once for all lines.
#[derive(Clone)]
pub struct Export {
    pub request: ReportRequest,
    codes: Vec<(&'static Group, Names)>,
    ids: Vec<(&'static Group, Names)>,
}

/// The position of the line after which the next page begins.
pub type After = (i64, uuid::Uuid);

/// Identifies a fact: the id of the record, and when the fact was recorded.
pub type FactKey = (uuid::Uuid, i64);

/// A page of lines.
pub struct Page {
    pub lines: Vec<Vec<Cell>>,
    /// The keys of those facts that no later fact had replaced yet.
    pub current: Vec<FactKey>,
    /// Absent if the slice has no more lines.
    pub next: Option<After>,
}

/// Whether the records of a measure can be listed: if it counts each record once, and records of one kind.
pub fn are_listed(measure: &Measure) -> bool {
    let [part] = measure.parts else { return false };
    let counted = part.counters.iter().find(|counter| counter.name == measure.unit_counter);
    part.selection.aggregated_by().is_none() && counted.is_some_and(|counter| matches!(counter.sql, Count::Where(_)))
}

impl Export {
    pub fn new(tx: &mut Tx, request: ReportRequest) -> Result<Self> {
        let mut export = Self { codes: Vec::new(), ids: Vec::new(), request };
        for group in export.request.measure.groups {
            let (groups, most) =
                if group.keys.are_ids() { (&mut export.ids, LISTED_IDS) } else { (&mut export.codes, LISTED_CODES) };
            if groups.len() < most {
                groups.push((group, store::names(tx, group)?));
            }
        }
        Ok(export)
    }

    pub fn columns(&self) -> Vec<Column> {
        let column =
            |name: &'static str, label: &str, kind| Column { name: name.into(), label: label.to_owned(), kind };
        let mut columns =
            vec![column("case_number", "Case", ColumnKind::Text), column("client", "Client", ColumnKind::Text)];
        columns.extend(
            self.ids.iter().chain(&self.codes).map(|(group, _)| column(group.name, group.title, ColumnKind::Text)),
        );
        if let [part] = self.request.measure.parts {
            columns.extend(part.days.map(|_| column("days", "Days", ColumnKind::Count)));
            columns.extend(
                part.counters
                    .iter()
                    .filter(|counter| matches!(counter.sql, Count::Where(_)))
                    .map(|counter| column(counter.name, counter.name, ColumnKind::Count)),
            );
        }
        columns.push(column("id", "Id", ColumnKind::Text));
        columns
    }

    /// The next lines of a slice. Each case in them is recorded in the audit log.
    ///
    /// The facts that were on record at a moment do not change, but their order may: current facts come first, and a
    /// fact moves to a later position when another fact replaces it. So no fact is skipped, but one may be read twice.
    /// `sent` has the facts that were listed while they were current; they are not listed again.
    pub fn page(&self, tx: &mut Tx, slice: &Slice, after: Option<After>, sent: &HashSet<FactKey>) -> Result<Page> {
        let visible = store::visible(tx, slice)?;
        let [part] = self.request.measure.parts else {
            return Ok(Page { lines: Vec::new(), current: Vec::new(), next: None });
        };
        let mut lines: Vec<Listed> = self.listing(tx, part, visible, after).load(tx.conn)?;
        let full = lines.len() > PAGE;
        lines.truncate(PAGE);
        let next = lines.last().filter(|_| full).map(|last| (last.place.0, last.place.1.uuid()));
        let key = |line: &Listed| (line.place.1.uuid(), line.place.3);
        lines.retain(|line| line.place.0 == i64::MAX || !sent.contains(&key(line)));
        let current = lines.iter().filter(|line| line.place.0 == i64::MAX).map(key).collect();
        tx.audit_read_all(
            "case.exported",
            lines.iter().map(|line| CaseId::from_uuid(line.place.2.uuid())).collect::<std::collections::BTreeSet<_>>(),
        );
        Ok(Page { lines: lines.into_iter().map(|line| self.cells(line)).collect(), current, next })
    }

    /// The clients whose records a slice lists, each once.
    pub fn clients(&self, tx: &mut Tx, slice: &Slice) -> Result<Vec<ClientId>> {
        let visible = store::visible(tx, slice)?;
        let [part] = self.request.measure.parts else { return Ok(Vec::new()) };
        let found: Vec<Key> =
            Keyed(self.add_from_and_conditions(Condition::sql("SELECT DISTINCT f.client_id"), part, visible))
                .load(tx.conn)?;
        Ok(found.into_iter().map(|id| ClientId::from_uuid(id.uuid())).collect())
    }

    /// Appends `FROM` and the conditions of the list to the selected columns.
    fn add_from_and_conditions(&self, sql: Condition, part: &Part, visible: Condition) -> Condition {
        let moments = &self.request.moments;
        let mut sql = sql.then(" FROM ").then(part.facts.table());
        sql = sql.then(" JOIN cases AS c ON c.organization_id = f.organization_id AND c.id = f.case_id");
        sql = sql.then(" JOIN clients ON clients.organization_id = f.organization_id AND clients.id = f.client_id");
        sql = moments.fill(add_conditions(sql, part, visible, moments), " AND f.voided_at > {at} AND (");
        let counted = part
            .counters
            .iter()
            .find(|counter| counter.name == self.request.measure.unit_counter)
            .map(|counter| counter.sql);
        sql = match counted {
            Some(Count::Where(condition)) => moments.fill(sql, condition),
            _ => sql.then("1 = 0"),
        };
        sql.then(")")
    }

    /// Facts that no other has replaced come first, then the others, the latest replaced first. A caller who sees a case
    /// may have no right to see its client. Then the name is left out, as with `expand=client`.
    fn listing(&self, tx: &Tx, part: &Part, visible: Condition, after: Option<After>) -> Listing {
        let (moments, id) = (&self.request.moments, part.facts.id());
        let mut sql =
            Condition::sql("SELECT f.replaced_at, ").then(id).then(", f.case_id, f.recorded_at, c.case_number, ");
        sql = sql.then("CASE WHEN ").with(visibility::visible_clients(tx)).then(" THEN clients.preferred_name END, ");
        for i in 0..LISTED_CODES {
            sql = match self.codes.get(i) {
                Some((group, _)) => moments.fill(sql, group.sql).then(", "),
                None => sql.then("CAST(NULL AS text), "),
            };
        }
        for i in 0..LISTED_IDS {
            sql = match self.ids.get(i) {
                Some((group, _)) => moments.fill(sql, group.sql).then(", "),
                None => sql.then("CAST(NULL AS uuid), "),
            };
        }
        sql = moments.fill(sql, part.days.unwrap_or("CAST(NULL AS bigint)"));
        for i in 0..MAX_COUNTS {
            sql = match part.counters.get(i).map(|counter| counter.sql) {
                Some(Count::Where(condition)) => {
                    moments.fill(sql.then(", CAST(CASE WHEN "), condition).then(" THEN 1 ELSE 0 END AS bigint)")
                }
                _ => sql.then(", CAST(0 AS bigint)"),
            };
        }
        sql = self.add_from_and_conditions(sql, part, visible);
        if let Some((replaced_at, last)) = after {
            sql = sql
                .then(" AND (f.replaced_at, ")
                .then(id)
                .then(") < (")
                .number(replaced_at)
                .then(", ")
                .id(last)
                .then(")");
        }
        let more = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        Listing(sql.then(" ORDER BY f.replaced_at DESC, ").then(id).then(" DESC LIMIT ").number(more))
    }

    fn cells(&self, line: Listed) -> Vec<Cell> {
        let (_, id, ..) = line.place;
        let mut cells = vec![Cell::Text(line.case_number), line.client.map_or(Cell::Empty, Cell::Text)];
        let ids: [_; LISTED_IDS] = line.ids.into();
        let codes: [_; LISTED_CODES] = line.codes.into();
        let named = |names: &Names, key: Option<&str>| key.map_or(Cell::Empty, |key| Cell::Text(names.label(key)));
        let several = |names: &Names, keys: &str| {
            let keys: Vec<String> = serde_json::from_str(keys).unwrap_or_default();
            Cell::Text(keys.iter().map(|key| names.label(key)).collect::<Vec<_>>().join("; "))
        };
        cells.extend(
            self.ids.iter().zip(ids).map(|((_, names), id)| named(names, id.map(|id| id.to_string()).as_deref())),
        );
        cells.extend(self.codes.iter().zip(codes).map(|((group, names), code)| match (group.keys, code) {
            (Keys::SeveralCodes(_), Some(codes)) => several(names, &codes),
            (_, code) => named(names, code.as_deref()),
        }));
        if let [part] = self.request.measure.parts {
            cells.extend(part.days.map(|_| line.days.map_or(Cell::Empty, Cell::Count)));
            let flags: [i64; MAX_COUNTS] = line.flags.into();
            let counters =
                part.counters.iter().zip(flags).filter(|(counter, _)| matches!(counter.sql, Count::Where(_)));
            cells.extend(counters.map(|(_, flag)| Cell::Count(flag)));
        }
        cells.push(Cell::Text(id.to_string()));
        cells
    }
}
