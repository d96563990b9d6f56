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
use diesel::{connection::DefaultLoadingMode, prelude::*};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How many lines one transaction reads. The next page is read in another transaction. Each page has the cost of its
/// statements and of its audit entries, which must be on disk before the page is sent.
const PAGE: usize = 5_000;

/// The columns of an export, and the labels of their keys, which are looked up once for all lines.
#[derive(Clone)]
pub struct Export {
    pub request: ReportRequest,
    codes: Vec<(&'static Group, Names)>,
    ids: Vec<(&'static Group, Names)>,
}

/// The position of the line after which the next page begins.
pub type After = (i64, uuid::Uuid);

/// The position before the first fact that another has replaced.
const BEFORE_REPLACED: After = (CURRENT - 1, uuid::Uuid::max());
/// When a fact was replaced that is still current.
const CURRENT: i64 = i64::MAX;

/// Identifies a fact: the id of the record, and when the fact was recorded.
pub type FactKey = (uuid::Uuid, i64);

/// What has been read of a slice with a page.
pub struct Page {
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

/// The labels of the keys that a page has had so far: few keys, in many lines.
#[derive(Default)]
struct Labels {
    codes: [HashMap<String, String>; LISTED_CODES],
    ids: [HashMap<uuid::Uuid, String>; LISTED_IDS],
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

    /// Passes the next lines of a slice to `write`. Each case in them is recorded in the audit log.
    ///
    /// The facts that were on record at a moment do not change, but their order may: current facts come first, and a
    /// fact moves to a later position when another fact replaces it. So no fact is skipped, but one may be read twice.
    /// `sent` has the facts that were listed while they were current; they are not listed again.
    pub fn page(
        &self,
        tx: &mut Tx,
        slice: &Slice,
        after: Option<After>,
        sent: &HashSet<FactKey>,
        write: impl FnOnce(&mut dyn Iterator<Item = Vec<Cell>>),
    ) -> Result<Page> {
        let visible = store::visible(tx, slice)?;
        let mut page = Page { current: Vec::new(), next: None };
        let [part] = self.request.measure.parts else { return Ok(page) };
        let (mut read, mut last, mut failed, mut labels) = (0, None, None, Labels::default());
        let mut cases = BTreeSet::new();
        let listing = self.listing(tx, part, visible, after);
        // The lines are written while they are read, so that memory does not hold them.
        let lines = listing.load_iter::<Listed, DefaultLoadingMode>(tx.conn)?;
        let lines = lines.map_while(|line| line.map_err(|error| failed = Some(error)).ok());
        let lines = lines.filter(|line| {
            let (replaced_at, id, case, recorded_at) = line.place;
            (read, last) = (read + 1, Some((replaced_at, id.uuid())));
            let key = (id.uuid(), recorded_at);
            if replaced_at == CURRENT {
                page.current.push(key);
            } else if sent.contains(&key) {
                return false;
            }
            cases.insert(CaseId::from_uuid(case.uuid()));
            true
        });
        write(&mut lines.map(|line| self.cells(line, &mut labels)));
        if let Some(error) = failed {
            return Err(error.into());
        }
        page.next = match after {
            _ if read == PAGE => last,
            Some((replaced_at, _)) if replaced_at < CURRENT => None,
            _ => Some(BEFORE_REPLACED),
        };
        tx.audit_read_all("case.exported", cases);
        Ok(page)
    }

    /// The client of each line of a slice, at most so many.
    pub fn clients(&self, tx: &mut Tx, slice: &Slice, most: i64) -> Result<Vec<ClientId>> {
        let visible = store::visible(tx, slice)?;
        let [part] = self.request.measure.parts else { return Ok(Vec::new()) };
        let sql = Condition::sql("SELECT f.client_id FROM ").then(part.facts.table());
        let sql = self.add_listed_conditions(sql, part, visible).then(" LIMIT ").number(most);
        let found: Vec<Key> = Keyed(sql).load(tx.conn)?;
        Ok(found.into_iter().map(|id| ClientId::from_uuid(id.uuid())).collect())
    }

    /// Appends the conditions of the list.
    fn add_listed_conditions(&self, sql: Condition, part: &Part, visible: Condition) -> Condition {
        let moments = &self.request.moments;
        let mut sql = moments.fill(add_conditions(sql, part, visible, moments), " AND f.voided_at > {at} AND (");
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
        sql = sql.then(" FROM ").then(part.facts.table());
        sql = sql.then(" JOIN cases AS c ON c.organization_id = f.organization_id AND c.id = f.case_id");
        sql = sql.then(" JOIN clients ON clients.organization_id = f.organization_id AND clients.id = f.client_id");
        sql = self.add_listed_conditions(sql, part, visible);
        sql = match after {
            Some((replaced_at, last)) if replaced_at < CURRENT => sql
                .then(" AND (f.replaced_at, ")
                .then(id)
                .then(") < (")
                .number(replaced_at)
                .then(", ")
                .id(last)
                .then(")"),
            // The number is part of the text, so that PostgreSQL knows how many facts are current when it plans the
            // statement. Otherwise it reads all of them for each page, and sorts them.
            _ => sql.then(" AND f.replaced_at = 9223372036854775807"),
        };
        if let Some((CURRENT, last)) = after {
            sql = sql.then(" AND ").then(id).then(" < ").id(last);
        }
        let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
        Listing(sql.then(" ORDER BY f.replaced_at DESC, ").then(id).then(" DESC LIMIT ").number(most))
    }

    fn cells(&self, line: Listed, labels: &mut Labels) -> Vec<Cell> {
        let (_, id, ..) = line.place;
        let mut cells = vec![Cell::Text(line.case_number), line.client.map_or(Cell::Empty, Cell::Text)];
        let ids: [_; LISTED_IDS] = line.ids.into();
        let codes: [_; LISTED_CODES] = line.codes.into();
        let several = |names: &Names, keys: &str| {
            let keys: Vec<String> = serde_json::from_str(keys).unwrap_or_default();
            keys.iter().map(|key| names.label(key)).collect::<Vec<_>>().join("; ")
        };
        cells.extend(self.ids.iter().zip(ids).zip(&mut labels.ids).map(|(((_, names), id), known)| {
            let Some(id) = id else { return Cell::Empty };
            Cell::Text(known.entry(id.uuid()).or_insert_with(|| names.label(&id.to_string())).clone())
        }));
        cells.extend(self.codes.iter().zip(codes).zip(&mut labels.codes).map(|(((group, names), code), known)| {
            let Some(code) = code else { return Cell::Empty };
            let label = known.entry(code).or_insert_with_key(|code| match group.keys {
                Keys::SeveralCodes(_) => several(names, code),
                _ => names.label(code),
            });
            Cell::Text(label.clone())
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
