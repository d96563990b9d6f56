//! Report facts: the tables, views and triggers of both engines follow from one declaration, `reports::facts::TABLES`.
//!
//! The test writes the SQL from the declaration, runs it on a migrated database in place of what is there, and compares
//! the catalog before and after. If they differ, the SQL is in a file that the failure names: copy from it into a new
//! migration.

use crate::{
    on_both_engines,
    support::{TestServer, database::Engine},
};
use alongside::{
    db::Conn,
    on_engine,
    overview::reports::facts::{BeforeEnd, FactTable, Field, History, Index, TABLES, Value},
};
use diesel::{QueryableByName, RunQueryDsl as _, connection::SimpleConnection as _, sql_types::Text};
use std::{collections::BTreeMap, path::Path};

on_both_engines! {
    the_migrations_made_what_the_declaration_of_report_facts_says,
}

/// The time of the end of a row that no other has replaced.
const NEVER: &str = "9223372036854775807";
const IN_CASELOAD: &str = "IN ('accepted', 'active', 'on_hold', 'closing')";

impl Engine {
    /// The new and the old row of a trigger.
    const fn rows(self) -> (&'static str, &'static str) {
        match self {
            Self::Sqlite => ("new", "old"),
            Self::Postgres => ("NEW", "OLD"),
        }
    }
    fn moment(self, expression: &str) -> String {
        match self {
            Self::Sqlite => expression.to_owned(),
            Self::Postgres => format!("micros({expression})"),
        }
    }
    const fn column_type(self, value: Value) -> &'static str {
        match (self, value) {
            (Self::Sqlite, Value::Id(_)) => "BLOB",
            (Self::Postgres, Value::Id(_)) => "UUID",
            (_, Value::Text(_) | Value::Json(_) | Value::Code(_) | Value::TypeOfAction) => "TEXT",
            (Self::Sqlite, _) => "INTEGER",
            (Self::Postgres, Value::Moment(_) | Value::ComputedMoment) => "INT8",
            (Self::Postgres, _) => "INT4",
        }
    }
    /// The value of a field of the record `row`.
    fn value(self, value: Value, row: &str) -> String {
        match (self, value) {
            (_, Value::Id(column) | Value::Text(column) | Value::Number(column))
            | (Self::Sqlite, Value::Flag(column) | Value::Json(column)) => format!("{row}.{column}"),
            (Self::Postgres, Value::Flag(column)) => format!("{row}.{column}::int4"),
            (Self::Postgres, Value::Json(column)) => format!("{row}.{column}::text"),
            (_, Value::Moment(column)) => self.moment(&format!("{row}.{column}")),
            (Self::Sqlite, Value::Day(column)) => format!("CAST(julianday({row}.{column}) - 2440587.5 AS INTEGER)"),
            (Self::Postgres, Value::Day(column)) => format!("({row}.{column} - DATE '1970-01-01')"),
            (Self::Sqlite, Value::Code(column)) => format!("json_extract({row}.{column}, '$.code')"),
            (Self::Postgres, Value::Code(column)) => format!("({row}.{column} ->> 'code')"),
            (Self::Sqlite, Value::RatingChange(rating)) => format!(
                "json_extract({row}.ratings_after, '$.{rating}') - json_extract({row}.ratings_before, '$.{rating}')"
            ),
            (Self::Postgres, Value::RatingChange(rating)) => {
                format!("({row}.ratings_after ->> '{rating}')::int4 - ({row}.ratings_before ->> '{rating}')::int4")
            }
            (_, Value::TypeOfAction) => format!(
                "(SELECT type FROM actions
                WHERE actions.organization_id = {row}.organization_id AND actions.id = {row}.action_id)"
            ),
            (_, Value::ComputedMoment | Value::ComputedNumber) => panic!("the SQL of a case names it"),
        }
    }
    fn null(self, value: Value) -> String {
        match self {
            Self::Sqlite => "NULL".to_owned(),
            Self::Postgres => format!("NULL::{}", self.column_type(value).to_lowercase()),
        }
    }
    /// When the case `c` of a record was found to be entered in error.
    fn voided_at(self) -> String {
        let at = self.moment("c.updated_at");
        format!("CASE WHEN c.status = 'entered_in_error' THEN {at} ELSE {NEVER} END")
    }
}

fn is_case(table: &FactTable) -> bool {
    matches!(table.history, History::OfCase)
}
fn names(table: &FactTable) -> Vec<&'static str> {
    table.fields.iter().map(|field| field.name).collect()
}
/// All columns of the table, in their order.
fn columns(table: &FactTable) -> String {
    let case = if is_case(table) { "" } else { "case_id, " };
    let (kind, fields) = (table.kind, names(table).join(", "));
    format!("organization_id, team_id, replaced_at, {kind}_id, recorded_at, {case}client_id, {fields}, voided_at")
}
/// The columns of the record whose change begins a new row.
fn reported_columns(table: &FactTable) -> Vec<&'static str> {
    let mut columns = if is_case(table) { vec!["team_id"] } else { Vec::new() };
    let of_fields = table.fields.iter().flat_map(|field| match field.value {
        Value::Id(column) | Value::Text(column) | Value::Number(column) | Value::Flag(column) => vec![column],
        Value::Moment(column) | Value::Day(column) | Value::Json(column) | Value::Code(column) => vec![column],
        Value::RatingChange(_) => vec!["ratings_before", "ratings_after"],
        Value::TypeOfAction | Value::ComputedMoment | Value::ComputedNumber => Vec::new(),
    });
    for column in of_fields.chain(table.also_changed_by.iter().copied()) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}
fn list(columns: &[&str], row: &str) -> String {
    columns.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ")
}

/// The table and its indexes.
fn table_sql(engine: Engine, table: &FactTable) -> Vec<String> {
    let kind = table.kind;
    let (id, moment, number) = match engine {
        Engine::Sqlite => ("BLOB", "INTEGER", "STRICT, WITHOUT ROWID"),
        Engine::Postgres => ("UUID", "INT8", ""),
    };
    let field = |field: &Field| {
        let required = if field.required { " NOT NULL" } else { "" };
        format!("{:<18} {}{required}", field.name, engine.column_type(field.value))
    };
    let case = if is_case(table) { String::new() } else { format!("case_id            {id} NOT NULL,\n    ") };
    let fields = table.fields.iter().map(field).collect::<Vec<_>>().join(",\n    ");
    let mut sql = vec![
        format!(
            "CREATE TABLE {kind}_facts (
    organization_id    {id} NOT NULL,
    team_id            {id} NOT NULL,
    replaced_at        {moment} NOT NULL,
    {:<18} {id} NOT NULL,
    recorded_at        {moment} NOT NULL,
    {case}client_id          {id} NOT NULL,
    {fields},
    voided_at          {moment} NOT NULL,
    PRIMARY KEY (organization_id, team_id, replaced_at, {kind}_id)
) {number}",
            format!("{kind}_id")
        ),
        format!("CREATE INDEX {kind}_facts_by_case ON {kind}_facts (organization_id, case_id, replaced_at)"),
    ];
    sql.extend(table.indexes.iter().map(|Index { name, columns, condition }| {
        format!(
            "CREATE INDEX {kind}_facts_{name} ON {kind}_facts (organization_id, team_id, {columns}) WHERE {condition}"
        )
    }));
    if engine == Engine::Postgres {
        // On SQLite the table itself is this index.
        let all = columns(table);
        let (key, rest) = all.split_at(all.find(", ").map_or(0, |_| "organization_id, team_id, replaced_at".len()));
        sql.push(format!(
            "CREATE INDEX {kind}_facts_of_team ON {kind}_facts ({key}) INCLUDE ({})",
            rest.trim_start_matches(", ")
        ));
        sql.push(format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {kind}_facts TO alongside_app"));
        sql.push(format!("ALTER TABLE {kind}_facts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"));
        sql.push(format!(
            "CREATE POLICY own_organization ON {kind}_facts TO alongside_app \
             USING (organization_id = NULLIF(current_setting('app.organization', TRUE), '')::uuid)"
        ));
    }
    sql
}

/// The view that derives the facts from the records.
fn history_sql(engine: Engine, table: &FactTable) -> Vec<String> {
    let kind = table.kind;
    let select = match table.history {
        History::OfCase => history_of_cases(engine),
        History::BeginAndEnd { began, ended, at } => {
            let at = engine.moment(at);
            let value = |field: &Field| engine.value(field.value, "b");
            let before = |field: &Field| {
                let (name, now) = (field.name, value(field));
                let before = match field.before_end {
                    BeforeEnd::Same => return format!("{now} AS {name}"),
                    BeforeEnd::Null => engine.null(field.value),
                    BeforeEnd::Sql(sql) => sql.to_owned(),
                };
                format!("CASE WHEN {ended} THEN {before} ELSE {now} END AS {name}")
            };
            let all =
                |value: &dyn Fn(&Field) -> String| table.fields.iter().map(value).collect::<Vec<_>>().join(",\n    ");
            let from = format!(
                "FROM {} AS b JOIN cases AS c ON c.organization_id = b.organization_id AND c.id = b.case_id",
                table.records
            );
            let (began, voided_at) = (engine.moment(&format!("b.{began}")), engine.voided_at());
            format!(
                "SELECT b.organization_id, c.team_id, CASE WHEN {ended} THEN {at} ELSE {NEVER} END AS replaced_at,
    b.id AS {kind}_id, {began} AS recorded_at, b.case_id, c.client_id,
    {},
    {voided_at} AS voided_at
{from}
UNION ALL
SELECT b.organization_id, c.team_id, {NEVER}, b.id, {at}, b.case_id, c.client_id,
    {},
    {voided_at}
{from}
WHERE {ended}",
                all(&before),
                all(&value)
            )
        }
    };
    match engine {
        Engine::Sqlite => vec![format!("CREATE VIEW {kind}_history AS\n{select}")],
        Engine::Postgres => vec![
            format!("CREATE VIEW {kind}_history WITH (security_invoker = TRUE) AS\n{select}"),
            format!("GRANT SELECT ON {kind}_history TO alongside_app"),
        ],
    }
}

/// Of a case the records tell everything: each transition, contact and change of lead begins a row.
fn history_of_cases(engine: Engine) -> String {
    let moment = |sql: &str| engine.moment(sql);
    let (no_moment, reason, as_number) = match engine {
        Engine::Sqlite => ("NULL", "json_extract(s.given, '$.reason_code')", ""),
        Engine::Postgres => ("NULL::timestamptz", "(s.given ->> 'reason_code')", "::int4"),
    };
    let until = match engine {
        Engine::Sqlite => "h.until",
        Engine::Postgres => "micros(h.until)",
    };
    let of_episode = |column: &str| {
        format!(
            "CASE WHEN s.to_status = 'closed' THEN (SELECT e.{column} FROM case_episodes AS e
        WHERE e.organization_id = h.organization_id AND e.case_id = h.case_id AND e.opened_at <= h.at
        ORDER BY e.opened_at DESC LIMIT 1) END AS {column}"
        )
    };
    format!(
        "WITH change_times AS (
    SELECT organization_id, case_id, at, max(contact_at) AS contact_at
    FROM (
        SELECT organization_id, case_id, at, {no_moment} AS contact_at FROM case_transitions
        UNION ALL SELECT organization_id, case_id, occurred_at, occurred_at FROM notes
            WHERE kind = 'contact' AND successful
        UNION ALL SELECT organization_id, case_id, started_at, {no_moment} FROM assignments WHERE role = 'lead'
    ) AS moments
    GROUP BY organization_id, case_id, at
), rows_by_time AS (
    SELECT m.organization_id, m.case_id, m.at, lead(m.at) OVER so_far AS until,
        min(m.contact_at) OVER so_far AS first_contact_at, max(m.contact_at) OVER so_far AS last_contact_at,
        (SELECT t.id FROM case_transitions AS t
            WHERE t.organization_id = m.organization_id AND t.case_id = m.case_id AND t.at <= m.at
            ORDER BY t.at DESC, t.id DESC LIMIT 1) AS transition_id,
        (SELECT a.user_id FROM assignments AS a
            WHERE a.organization_id = m.organization_id AND a.case_id = m.case_id AND a.role = 'lead'
                AND a.started_at <= m.at
            ORDER BY a.started_at DESC, a.id DESC LIMIT 1) AS lead_id,
        (SELECT max(e.opened_at) FROM case_episodes AS e
            WHERE e.organization_id = m.organization_id AND e.case_id = m.case_id AND e.opened_at <= m.at) AS began_at
    FROM change_times AS m
    WINDOW so_far AS (PARTITION BY m.organization_id, m.case_id ORDER BY m.at)
)
SELECT h.organization_id, c.team_id, coalesce({until}, {NEVER}) AS replaced_at, h.case_id,
    {at} AS recorded_at, c.client_id,
    CASE WHEN h.until IS NULL THEN c.lead_advocate_id ELSE h.lead_id END AS lead_id,
    s.to_status AS status, {since} AS since,
    CASE WHEN h.at = s.at THEN (s.to_status {IN_CASELOAD}){as_number}
        - (coalesce(s.from_status, '') {IN_CASELOAD}){as_number} ELSE 0 END AS step,
    {began_at} AS began_at, c.priority, c.advocacy_type, c.intake_source, {opened_at} AS opened_at,
    {first} AS first_contact_at,
    {last} AS last_contact_at,
    {closing_reason},
    {outcome},
    CASE WHEN s.to_status IN ('declined', 'waitlisted') THEN {reason} END AS unmet_reason,
    {voided_at} AS voided_at
FROM rows_by_time AS h
    JOIN case_transitions AS s ON s.organization_id = h.organization_id AND s.id = h.transition_id
    JOIN cases AS c ON c.organization_id = h.organization_id AND c.id = h.case_id",
        at = moment("h.at"),
        since = moment("s.at"),
        began_at = moment("coalesce(h.began_at, c.opened_at)"),
        opened_at = moment("c.opened_at"),
        first = moment("CASE WHEN h.until IS NULL THEN c.first_contact_at ELSE h.first_contact_at END"),
        last = moment("CASE WHEN h.until IS NULL THEN c.last_contact_at ELSE h.last_contact_at END"),
        closing_reason = of_episode("closing_reason"),
        outcome = of_episode("outcome"),
        voided_at = engine.voided_at(),
    )
}

/// The triggers that write the facts, in the transaction of the change.
fn trigger_sql(engine: Engine, table: &FactTable) -> Vec<String> {
    let (kind, records) = (table.kind, table.records);
    let (new, old) = engine.rows();
    let reported = reported_columns(table);
    let (before, after) = (list(&reported, old), list(&reported, new));
    match engine {
        Engine::Sqlite => {
            let (on_insert, on_update) = if is_case(table) { sqlite_case(table) } else { sqlite_record(table) };
            vec![
                format!("CREATE TRIGGER {kind}_facts_on_insert AFTER INSERT ON {records} BEGIN {on_insert} END"),
                format!(
                    "CREATE TRIGGER {kind}_facts_on_update AFTER UPDATE ON {records}\nWHEN ({after})\n    \
                     IS NOT ({before})\nBEGIN {on_update} END"
                ),
            ]
        }
        Engine::Postgres => {
            let body = if is_case(table) { postgres_case(table) } else { postgres_record(table) };
            vec![
                format!("CREATE FUNCTION write_{kind}_facts() RETURNS TRIGGER LANGUAGE plpgsql AS $${body}$$"),
                format!(
                    "CREATE TRIGGER {kind}_facts_on_insert AFTER INSERT ON {records} FOR EACH ROW \
                     WHEN (NOT report_facts_deferred()) EXECUTE FUNCTION write_{kind}_facts()"
                ),
                format!(
                    "CREATE TRIGGER {kind}_facts_on_update AFTER UPDATE ON {records} FOR EACH ROW\nWHEN (ROW({after})\n    \
                     IS DISTINCT FROM ROW({before}))\nEXECUTE FUNCTION write_{kind}_facts()"
                ),
            ]
        }
    }
}

/// Inserts a row of facts for the new version of a record. `recorded_at` is the time when the row begins.
fn new_row(engine: Engine, table: &FactTable, recorded_at: &str) -> String {
    let (new, _) = engine.rows();
    let values: Vec<String> = table.fields.iter().map(|field| engine.value(field.value, new)).collect();
    format!(
        "INSERT INTO {kind}_facts ({columns})
    SELECT {new}.organization_id, c.team_id, {NEVER}, {new}.id, {recorded_at}, {new}.case_id, c.client_id, {values}, {voided_at}
    FROM cases AS c WHERE c.organization_id = {new}.organization_id AND c.id = {new}.case_id;",
        kind = table.kind,
        columns = columns(table),
        values = values.join(", "),
        voided_at = engine.voided_at(),
    )
}

fn sqlite_record(table: &FactTable) -> (String, String) {
    let kind = table.kind;
    // A change at the very time of the one before, or after the clock was set back, begins right after it.
    let recorded_at = format!(
        "coalesce((SELECT max(replaced_at) FROM {kind}_facts
            WHERE organization_id = new.organization_id AND case_id = new.case_id AND {kind}_id = new.id
                AND replaced_at < {NEVER}), new.updated_at)"
    );
    let on_update = format!(
        "
    UPDATE {kind}_facts SET replaced_at = max(new.updated_at, recorded_at + 1)
    WHERE organization_id = new.organization_id AND case_id = new.case_id AND replaced_at = {NEVER} AND {kind}_id = new.id;
    {}
",
        new_row(Engine::Sqlite, table, &recorded_at)
    );
    (format!("\n    {}\n", new_row(Engine::Sqlite, table, "new.updated_at")), on_update)
}

fn postgres_record(table: &FactTable) -> String {
    let kind = table.kind;
    format!(
        "
DECLARE
    now INT8 := micros(NEW.updated_at);
    ended_at INT8;
BEGIN
    UPDATE {kind}_facts SET replaced_at = greatest(now, recorded_at + 1)
    WHERE organization_id = NEW.organization_id AND case_id = NEW.case_id AND replaced_at = {NEVER} AND {kind}_id = NEW.id
    RETURNING replaced_at INTO ended_at;
    now := coalesce(ended_at, now);
    {}
    RETURN NULL;
END ",
        new_row(Engine::Postgres, table, "now")
    )
}

/// The values of a row of facts of a case, with the three that its triggers compute.
fn case_values(engine: Engine, table: &FactTable, since: &str, step: &str, began_at: &str) -> String {
    let (new, _) = engine.rows();
    let value = |field: &Field| match field.name {
        "since" => since.to_owned(),
        "step" => step.to_owned(),
        "began_at" => began_at.to_owned(),
        _ => engine.value(field.value, new),
    };
    table.fields.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn sqlite_case(table: &FactTable) -> (String, String) {
    const CHANGED_AT: &str = "coalesce(new.kept_at, new.updated_at)";
    let columns = columns(table);
    let latest = |column: &str| {
        format!(
            "(SELECT {column} FROM case_facts WHERE organization_id = new.organization_id AND case_id = new.id
            ORDER BY replaced_at DESC LIMIT 1)"
        )
    };
    let voided_at = |at: &str| format!("CASE WHEN new.status = 'entered_in_error' THEN {at} ELSE {NEVER} END");
    let inside = format!("new.status {IN_CASELOAD}");
    let values = case_values(Engine::Sqlite, table, CHANGED_AT, &inside, "new.opened_at");
    let on_insert = format!(
        "
    INSERT INTO case_facts ({columns})
    VALUES (new.organization_id, new.team_id, {NEVER}, new.id, {CHANGED_AT}, new.client_id, {values},
        {});
",
        voided_at(CHANGED_AT)
    );
    let since =
        format!("CASE WHEN new.status = old.status THEN coalesce({}, latest.at) ELSE latest.at END", latest("since"));
    let step = format!(
        "CASE WHEN new.status = old.status THEN 0 ELSE (new.status {IN_CASELOAD}) - (old.status {IN_CASELOAD}) END"
    );
    let began_at = format!(
        "CASE WHEN new.episode = old.episode THEN coalesce({}, new.opened_at) ELSE latest.at END",
        latest("began_at")
    );
    let values = case_values(Engine::Sqlite, table, &since, &step, &began_at);
    let on_update = format!(
        "
    UPDATE case_facts SET replaced_at = max({CHANGED_AT}, recorded_at + 1)
    WHERE organization_id = new.organization_id AND team_id = old.team_id AND replaced_at = {NEVER} AND case_id = new.id;
    INSERT INTO case_facts ({columns})
    SELECT new.organization_id, new.team_id, {NEVER}, new.id, latest.at, new.client_id, {values},
        {}
    FROM (SELECT coalesce((SELECT max(replaced_at) FROM case_facts WHERE organization_id = new.organization_id
        AND case_id = new.id AND replaced_at < {NEVER}), {CHANGED_AT}) AS at) AS latest;
",
        voided_at("latest.at")
    );
    (on_insert, on_update)
}

fn postgres_case(table: &FactTable) -> String {
    let since = "CASE WHEN TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN now ELSE coalesce(last.since, now) END";
    let step = format!(
        "CASE WHEN TG_OP = 'INSERT' THEN inside WHEN NEW.status = OLD.status THEN 0 \
         ELSE inside - (OLD.status {IN_CASELOAD})::int4 END"
    );
    let began_at = "CASE WHEN TG_OP = 'INSERT' THEN micros(NEW.opened_at) \
         WHEN NEW.episode = OLD.episode THEN coalesce(last.began_at, micros(NEW.opened_at)) ELSE now END";
    let values = case_values(Engine::Postgres, table, since, &step, began_at);
    let void: Vec<String> = TABLES.iter().map(|table| void_sql(table.kind, "now", "NEW")).collect();
    format!(
        "
DECLARE
    now INT8 := micros(coalesce(NEW.kept_at, NEW.updated_at));
    last case_facts;
    inside CONSTANT INT4 := (NEW.status {IN_CASELOAD})::int4;
BEGIN
    SELECT * INTO last FROM case_facts WHERE organization_id = NEW.organization_id AND case_id = NEW.id ORDER BY replaced_at DESC LIMIT 1;
    now := greatest(now, last.recorded_at + 1);
    UPDATE case_facts SET replaced_at = now
    WHERE organization_id = NEW.organization_id AND team_id = last.team_id AND replaced_at = {NEVER} AND case_id = NEW.id;
    INSERT INTO case_facts ({columns})
    VALUES (NEW.organization_id, NEW.team_id, {NEVER}, NEW.id, now, NEW.client_id, {values},
        CASE WHEN NEW.status = 'entered_in_error' THEN now ELSE {NEVER} END);
    IF TG_OP = 'UPDATE' AND NEW.status = 'entered_in_error' AND OLD.status <> NEW.status THEN
        {}
    END IF;
    RETURN NULL;
END ",
        void.join("\n        "),
        columns = columns(table),
    )
}

fn void_sql(kind: &str, at: &str, new: &str) -> String {
    format!(
        "UPDATE {kind}_facts SET voided_at = {at} WHERE organization_id = {new}.organization_id AND case_id = {new}.id;"
    )
}

/// The triggers that are not those of one kind: of a case that was entered in error, and of the type of an action,
/// which its deadlines carry.
fn shared_triggers(engine: Engine) -> Vec<String> {
    let (new, _) = engine.rows();
    let deadlines = TABLES.iter().find(|table| table.kind == "deadline").unwrap();
    let columns = columns(deadlines);
    let values = list(&columns.split(", ").collect::<Vec<_>>(), "f")
        .replace("f.replaced_at, f.deadline_id, f.recorded_at", &format!("{NEVER}, f.deadline_id, f.replaced_at"))
        .replace("f.action_type", &format!("{new}.type"));
    let now = engine.moment(&format!("{new}.updated_at"));
    let later = match engine {
        Engine::Sqlite => "max",
        Engine::Postgres => "greatest",
    };
    let of_action =
        format!("(SELECT id FROM deadlines WHERE organization_id = {new}.organization_id AND action_id = {new}.id)");
    let on_type = format!(
        "
    UPDATE deadline_facts SET replaced_at = {later}({now}, recorded_at + 1)
    WHERE organization_id = {new}.organization_id AND case_id = {new}.case_id AND replaced_at = {NEVER} AND deadline_id IN {of_action};
    INSERT INTO deadline_facts ({columns})
    SELECT {values}
    FROM deadline_facts AS f
    WHERE f.organization_id = {new}.organization_id AND f.case_id = {new}.case_id AND f.deadline_id IN {of_action}
        AND f.replaced_at = (SELECT max(l.replaced_at) FROM deadline_facts AS l WHERE l.organization_id = f.organization_id
            AND l.case_id = f.case_id AND l.deadline_id = f.deadline_id);
"
    );
    match engine {
        Engine::Sqlite => {
            let void = TABLES.iter().map(|table| void_sql(table.kind, "coalesce(new.kept_at, new.updated_at)", "new"));
            let void: Vec<String> = void.collect();
            vec![
                format!(
                    "CREATE TRIGGER case_facts_on_entered_in_error AFTER UPDATE OF status ON cases \
                     WHEN new.status = 'entered_in_error' AND old.status <> new.status BEGIN\n    {}\nEND",
                    void.join("\n    ")
                ),
                format!(
                    "CREATE TRIGGER deadline_facts_on_action_type AFTER UPDATE OF type ON actions \
                     WHEN new.type <> old.type BEGIN {on_type} END"
                ),
            ]
        }
        Engine::Postgres => vec![
            format!(
                "CREATE FUNCTION write_deadline_facts_of_action() RETURNS TRIGGER LANGUAGE plpgsql AS $$\n\
                 BEGIN {on_type} RETURN NULL;\nEND $$"
            ),
            "CREATE TRIGGER deadline_facts_on_action_type AFTER UPDATE OF type ON actions FOR EACH ROW \
             WHEN (NEW.type <> OLD.type) EXECUTE FUNCTION write_deadline_facts_of_action()"
                .to_owned(),
        ],
    }
}

/// `alongside demo` builds the facts when all records are there, and not with each record. On SQLite it drops the
/// triggers until then.
fn deferral(engine: Engine) -> Option<String> {
    (engine == Engine::Postgres).then(|| {
        "CREATE FUNCTION report_facts_deferred() RETURNS BOOL LANGUAGE sql STABLE \
         RETURN coalesce(current_setting('app.report_facts', TRUE), '') = 'deferred'"
            .to_owned()
    })
}

/// All of the SQL for one engine, in an order in which it runs on a database that has none of it.
fn written(engine: Engine) -> Vec<String> {
    let of = |sql: fn(Engine, &FactTable) -> Vec<String>| TABLES.iter().flat_map(move |table| sql(engine, table));
    of(table_sql)
        .chain(of(history_sql))
        .chain(deferral(engine))
        .chain(of(trigger_sql))
        .chain(shared_triggers(engine))
        .collect()
}

/// Removes what the migrations made.
fn removal(engine: Engine) -> Vec<String> {
    let each = |sql: &dyn Fn(&FactTable) -> String| TABLES.iter().map(sql).collect::<Vec<_>>();
    let mut sql = match engine {
        Engine::Sqlite => [
            each(&|table| format!("DROP TRIGGER {}_facts_on_insert", table.kind)),
            each(&|table| format!("DROP TRIGGER {}_facts_on_update", table.kind)),
            vec![
                "DROP TRIGGER case_facts_on_entered_in_error".to_owned(),
                "DROP TRIGGER deadline_facts_on_action_type".to_owned(),
            ],
        ]
        .concat(),
        Engine::Postgres => [
            each(&|table| format!("DROP FUNCTION write_{}_facts CASCADE", table.kind)),
            vec![
                "DROP FUNCTION write_deadline_facts_of_action CASCADE".to_owned(),
                "DROP FUNCTION report_facts_deferred".to_owned(),
            ],
        ]
        .concat(),
    };
    sql.extend(each(&|table| format!("DROP VIEW {}_history", table.kind)));
    sql.extend(each(&|table| format!("DROP TABLE {}_facts", table.kind)));
    sql
}

#[derive(QueryableByName)]
struct Definition {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    definition: String,
}

/// What the database has of report facts, without the difference of line breaks.
fn catalog(conn: &mut Conn, engine: Engine) -> BTreeMap<String, String> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT type || ' ' || name AS name, sql AS definition FROM sqlite_master \
             WHERE sql IS NOT NULL AND (sql LIKE '%\\_facts%' ESCAPE '\\' OR name IN ('case_history', 'barrier_history', \
             'action_history', 'deadline_history', 'meeting_history', 'task_history'))"
        }
        Engine::Postgres => {
            "WITH facts AS (SELECT oid, relname::text, relkind, relrowsecurity, relforcerowsecurity, relacl, reloptions
                FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relname LIKE '%\\_facts' OR relname IN
                ('case_history', 'barrier_history', 'action_history', 'deadline_history', 'meeting_history', 'task_history')))
             SELECT 'relation ' || relname AS name, concat_ws(' ', relkind, relrowsecurity, relforcerowsecurity, relacl, reloptions,
                CASE WHEN relkind = 'v' THEN pg_get_viewdef(oid) END) AS definition FROM facts
             UNION ALL SELECT 'column ' || relname || '.' || attname, concat_ws(' ', attnum, format_type(atttypid, atttypmod), attnotnull)
                FROM facts JOIN pg_attribute ON attrelid = facts.oid AND attnum > 0
             UNION ALL SELECT 'index ' || indexname, indexdef FROM pg_indexes JOIN facts ON relname = tablename
             UNION ALL SELECT 'policy ' || tablename || '.' || policyname, concat_ws(' ', roles, cmd, qual, with_check)
                FROM pg_policies JOIN facts ON relname = tablename
             UNION ALL SELECT 'function ' || proname, pg_get_functiondef(oid) FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace AND (prosrc LIKE '%\\_facts%' OR proname LIKE '%report\\_facts%')
             UNION ALL SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE '%facts%'"
        }
    };
    let rows: Vec<Definition> = on_engine!(conn, |conn| diesel::sql_query(sql).load(conn)).unwrap();
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    rows.into_iter().map(|row| (row.name, plain(&row.definition))).collect()
}

async fn the_migrations_made_what_the_declaration_of_report_facts_says(w: &TestServer) {
    let engine = w.engine;
    let sql = written(engine);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report_facts.{engine:?}.sql").to_lowercase());
    std::fs::write(&file, sql.iter().map(|sql| format!("{sql};\n")).collect::<String>()).unwrap();
    let (migrated, declared) = w.database.with_conn(|conn| {
        let migrated = catalog(conn, engine);
        for sql in removal(engine).iter().chain(&sql) {
            on_engine!(conn, |conn| conn.batch_execute(sql)).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        (migrated, catalog(conn, engine))
    });
    assert!(migrated.len() > 30, "{migrated:?}");
    let names: std::collections::BTreeSet<&String> = migrated.keys().chain(declared.keys()).collect();
    let different: Vec<String> = names
        .into_iter()
        .filter(|name| migrated.get(*name) != declared.get(*name))
        .map(|name| format!("{name}:\n migrated {:?}\n declared {:?}", migrated.get(name), declared.get(name)))
        .collect();
    assert!(different.is_empty(), "{}\nThe declared SQL is in {}.", different.join("\n"), file.display());
}
