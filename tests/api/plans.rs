//! The plans of every list, search and report, with all cases in one team: each statement uses an index, and touches at
//! most three times as many rows of a table as it shows or counts.
//!
//! A server answers the requests, and the test runs the statements of its reading connections again, with the same
//! values. PostgreSQL counts the rows and index entries that a statement touches, also within functions. SQLite does not
//! count them, so there the test reads the plan: no table is scanned, and none is sorted after it was narrowed by the
//! organization alone.
//!
//! `ALONGSIDE_PLANS_CASES=100000 ./test plans` does the same with another number of cases.

use crate::{
    demo::{SignedInUser, fill, sign_in_all},
    support::{TestServer, conforms::DOC, database::Engine},
};
use alongside::{
    auth::Role,
    db::Conn,
    on_engine,
    overview::reports::measure::{self, ReportTime},
    types::{Day, Instant, Zone},
};
use diesel::{
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _, set_default_instrumentation},
    prelude::*,
    sql_types::{BigInt, Text},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

const CASES: u32 = 1_500;
/// The rows of a page, and those that a request may read beside it: its session, its organization, its teams.
const PAGE: i64 = 50;

/// Statements that touch more rows than they show, each with a part of its text, the table, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("search_segments", "search_segments", "It has a row for 2,048 documents."),
    ("search_in_segments", "search_documents", "It reads segments of 2,048 documents as a whole."),
    (
        "search_documents.case_id IN (SELECT assignments",
        "search_documents",
        "An advocate's documents are few, and their words are compared without an index.",
    ),
    ("access_log", "access_log", "It reads blocks of the index as a whole."),
    ("AS theirs", "theirs", "It has a row for each user."),
    ("team_members", "team_members", "The same."),
    ("team_members", "users", "The same."),
    ("users\".\"id\" = ANY", "users", "The same: PostgreSQL reads a table of this size as a whole."),
    ("lead_advocate_id\" = ANY", "cases", "It looks for the cases of users who have left among all that are open."),
    ("assignee_id\" = ANY", "tasks", "It looks for the tasks of users who have left among all tasks that are due."),
    ("f.case_id IN (SELECT assignments", "_facts", "An advocate's cases are few, and are read with their history."),
    ("- 180 AND f.occurred_on", "barrier_facts", "It reads the barriers of more than 180 days ago, too."),
];

/// The same, if there are fewer than [`MANY_CASES`]: then an advocate has one case in twenty-five, and reading all of them
/// in order until a page is full costs less than to start from the advocate's.
const EXCEPTIONS_OF_FEW_CASES: &[(&str, &str)] = &[
    ("IN (SELECT assignments.case_id", "actions"),
    ("IN (SELECT assignments.case_id", "barriers"),
    ("IN (SELECT assignments.case_id", "cases"),
    ("IN (SELECT assignments.case_id", "deadlines"),
    ("IN (SELECT assignments.case_id", "meetings"),
    ("IN (SELECT assignments.case_id", "tasks"),
];
const MANY_CASES: u32 = 20_000;

/// For each database under test, by its name: what its reading connections have been sent.
static SENT: Mutex<Vec<(String, Vec<String>)>> = Mutex::new(Vec::new());

fn all_sent() -> MutexGuard<'static, Vec<(String, Vec<String>)>> {
    SENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the statements of one connection.
#[derive(Default)]
struct Recorder {
    database: Option<usize>,
    is_reading: bool,
}
impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match (event, self.database) {
            (InstrumentationEvent::StartEstablishConnection { url, .. }, _) => {
                self.database = all_sent().iter().position(|(database, _)| url.contains(database));
            }
            (InstrumentationEvent::StartQuery { query, .. }, Some(database)) => {
                let query = query.to_string();
                self.is_reading |= query.contains("plan_cache_mode") || query.contains("query_only");
                if self.is_reading {
                    all_sent()[database].1.push(query);
                }
            }
            _ => {}
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    detail: String,
}
#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}
#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// The values of a statement, from diesel's description of them.
fn values(binds: &str) -> Vec<String> {
    let (mut all, mut depth, mut in_text, mut escaped, mut now) = (Vec::new(), 0, false, false, String::new());
    for c in binds.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(binds).chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '[' | '(' if !in_text => depth += 1,
            ']' | ')' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                all.push(std::mem::take(&mut now));
                continue;
            }
            _ => {}
        }
        now.push(c);
    }
    all.push(now);
    all.iter().map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// A value as PostgreSQL reads it in a text of any type; `None` for NULL.
fn text(value: &str) -> Option<String> {
    let within = |name: &str| value.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
    if let Some(inner) = within("Some(") {
        return text(inner);
    }
    if let Some(micros) = within("Instant(") {
        return Some(Instant::from_micros(micros.parse().unwrap()).to_string());
    }
    if let Some(day) = within("Day(") {
        return Some(day.to_owned());
    }
    if value.starts_with('[') {
        let quoted = |text: String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let each: Vec<String> = values(value).iter().map(|one| text(one).map_or("NULL".into(), quoted)).collect();
        return Some(format!("{{{}}}", each.join(",")));
    }
    if value.starts_with('"') {
        return Some(serde_json::from_str(value).unwrap_or_else(|_| value.trim_matches('"').to_owned()));
    }
    if value == "None" {
        return None;
    }
    // A number, an id, or a variant of an enum, whose code is its name in small letters.
    let mut code = String::new();
    for c in value.chars() {
        if c.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
    }
    Some(code)
}

/// The rows that a plan shows or counts: those of its result, or those that it aggregates.
fn shown(plan: &Value) -> i64 {
    let rows = |node: &Value| {
        let number = |name: &str| node[name].as_f64().unwrap_or(0.0);
        (number("Actual Rows") * number("Actual Loops")) as i64
    };
    let mut most = rows(plan);
    let mut node = plan;
    while let Some(below) = node["Plans"].as_array().and_then(|all| all.first()) {
        if node["Node Type"].as_str().is_some_and(|kind| kind.contains("Aggregate")) {
            most = most.max(rows(below));
        }
        node = below;
    }
    most
}

/// How many rows and index entries of each table this connection has touched. PostgreSQL forgets them from time to time,
/// but not within a transaction.
fn touched(conn: &mut Conn) -> BTreeMap<String, i64> {
    let sql = "SELECT relname::text AS name, (seq_tup_read + coalesce((SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
                   FROM pg_index WHERE indrelid = relid), 0))::bigint AS rows FROM pg_stat_xact_user_tables";
    let tables: Vec<Touched> = on_engine!(conn, |c| diesel::sql_query(sql).load(c)).unwrap();
    tables.into_iter().map(|table| (table.name, table.rows)).collect()
}

/// What is wrong with a statement on PostgreSQL, which runs it like the server: with the settings and the role of a
/// reading connection.
fn faults_on_postgres(conn: &mut Conn, settings: &str, organization: &str, sql: &str, binds: &str) -> Vec<String> {
    conn.batch_execute(&format!(
        "BEGIN; {}; SET LOCAL ROLE alongside_app; SET LOCAL app.organization = '{organization}'; PREPARE plan AS {sql}",
        settings.replace("SET ", "SET LOCAL ")
    ))
    .unwrap_or_else(|error| panic!("{error}: {sql}"));
    let before = touched(conn);
    let quoted = |value: &String| text(value).map_or("NULL".into(), |text| format!("'{}'", text.replace('\'', "''")));
    let values: Vec<String> = values(binds).iter().map(quoted).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE plan{values}");
    let plan: Plan = on_engine!(conn, |c| diesel::sql_query(explain).get_result(c))
        .unwrap_or_else(|error| panic!("{error}: {sql} {values}"));
    let plan: Value = serde_json::from_str(&plan.plan).unwrap();
    let shown = shown(&plan[0]["Plan"]).max(PAGE);
    let after = touched(conn);
    conn.batch_execute("ROLLBACK; DEALLOCATE ALL").unwrap();
    let rows = after.iter().map(|(name, rows)| (name, rows - before.get(name).unwrap_or(&0)));
    let excess = rows.filter(|(_, rows)| *rows > 3 * shown);
    excess.map(|(name, rows)| format!("touches {rows} rows of {name} for {shown}")).collect()
}

/// What is wrong with the plan of a statement on SQLite.
fn faults_on_sqlite(conn: &mut Conn, sql: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {sql}");
    let lines: Vec<Line> = on_engine!(conn, |c| diesel::sql_query(explain).load(c)).unwrap();
    let lines: Vec<&str> = lines.iter().map(|line| line.detail.as_str()).collect();
    let is_subquery = |name: &str| {
        lines.iter().any(|line| {
            line.split_once(' ') == Some(("MATERIALIZE", name)) || line.split_once(' ') == Some(("CO-ROUTINE", name))
        })
    };
    let scans = |line: &&&str| {
        line.strip_prefix("SCAN ").is_some_and(|what| {
            let is_table = !what.starts_with('(') && !what.starts_with("CONSTANT") && !is_subquery(what);
            is_table && !what.contains("VIRTUAL TABLE INDEX")
        })
    };
    let mut faults: Vec<String> = lines.iter().filter(scans).map(|line| (*line).to_owned()).collect();
    let narrows_little = |line: &&&str| line.starts_with("SEARCH") && line.ends_with("(organization_id=?)");
    if lines.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY")) {
        faults.extend(lines.iter().filter(narrows_little).map(|line| format!("{line}, and sorts")));
    }
    faults
}

/// The lists, the search and the reports of the OpenAPI document. `ids` gives an id for the path of a record.
fn paths(ids: &impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut all = Vec::new();
    for (path, item) in DOC["paths"].as_object().unwrap() {
        let Some(parameters) = item["get"]["parameters"].as_array() else { continue };
        let path = path.trim_start_matches("/api/v1");
        if !parameters.iter().any(|parameter| parameter["name"] == "limit") {
            continue;
        }
        let path = match path.split_once("/{id}") {
            Some((collection, rest)) => match ids(collection) {
                Some(id) => format!("{collection}/{id}{rest}"),
                None => continue,
            },
            None => path.to_owned(),
        };
        match path.as_str() {
            // A word in every note, one in a few, the beginning of a word, two words, and one that is nowhere.
            "/search" => all.extend(
                ["contact", "supervision", "superv", "contact+supervision", "nowhere"]
                    .map(|q| format!("{path}?q={q}&include_total=true")),
            ),
            _ => all.extend([format!("{path}?limit=50"), format!("{path}?limit=50&include_total=true")]),
        }
    }
    let today = Day::today(&Zone::parse("UTC").unwrap());
    let period = format!("from={}&to={today}", today.plus_days(-365));
    all.push("/me/agenda".into());
    all.into_iter()
        .chain(measure::all().map(|measure| {
            let period = if matches!(measure.time, ReportTime::Period) { period.as_str() } else { "" };
            format!("/reports/{}?{period}", measure.id)
        }))
        .collect()
}

async fn check_statements(engine: Engine) {
    set_default_instrumentation(|| Some(Box::new(Recorder::default()))).unwrap();
    let database = crate::support::database::TestDatabase::make(engine);
    let position = {
        let mut all = all_sent();
        all.push((database.name(), Vec::new()));
        all.len() - 1
    };
    let sent = || std::mem::take(&mut all_sent()[position].1);
    let server = TestServer::start_at(database, engine).await;
    let cases = std::env::var("ALONGSIDE_PLANS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let made = fill(&server, cases, 1, 1);
    let mut conn = server.database.open();
    if engine == Engine::Postgres {
        conn.batch_execute("VACUUM ANALYZE").unwrap();
    }
    let users = sign_in_all(&server, &made).await;
    let settings = sent().into_iter().find(|query| query.contains("plan_cache_mode")).unwrap_or_default();
    let settings = settings.split(" -- binds").next().unwrap_or_default().to_owned();
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for role in [Role::Supervisor, Role::Advocate] {
        let user: &SignedInUser = users.iter().find(|user| user.role == role).unwrap();
        let mut found = BTreeMap::new();
        for collection in ["actions", "barriers", "cases", "clients", "meetings", "teams"] {
            let page = user.get(&format!("/{collection}?limit=1")).await;
            found.extend(page["items"][0]["id"].as_str().map(|id| (format!("/{collection}"), id.to_owned())));
        }
        for path in paths(&|collection| found.get(collection).cloned()) {
            sent();
            let status = user.status(&path).await;
            assert!(matches!(status, 200 | 403), "{path} answered {status}");
            for query in sent() {
                let (sql, binds) = query.rsplit_once(" -- binds: ").unwrap_or((&query, "[]"));
                // A statement is looked at once for each role, because a role decides on its rows.
                if !sql.starts_with("SELECT") || !seen.insert(format!("{role:?} {sql}")) {
                    continue;
                }
                let found = match engine {
                    Engine::Postgres => {
                        faults_on_postgres(&mut conn, &settings, &made.organization.to_string(), sql, binds)
                    }
                    Engine::Sqlite => faults_on_sqlite(&mut conn, sql),
                };
                let is_in = |part: &str, table: &str, fault: &str| sql.contains(part) && fault.contains(table);
                let is_known = |fault: &String| {
                    EXCEPTIONS.iter().any(|(part, table, _)| is_in(part, table, fault))
                        || cases < MANY_CASES
                            && EXCEPTIONS_OF_FEW_CASES.iter().any(|(part, table)| is_in(part, table, fault))
                };
                let found = found.into_iter().filter(|fault| !is_known(fault));
                faults.extend(found.map(|fault| format!("{role:?} {path}: {fault}\n    {sql}")));
            }
        }
    }
    assert!(seen.len() > 60, "the test has seen {} statements only", seen.len());
    assert!(faults.is_empty(), "{} of {} statements:\n{}", faults.len(), seen.len(), faults.join("\n"));
}

// Not `on_both_engines`: the connections must be recorded from the start of the server.
mod sqlite {
    #[actix_web::test]
    async fn statements_touch_few_rows() {
        super::check_statements(super::Engine::Sqlite).await;
    }
}
mod postgres {
    #[actix_web::test]
    async fn statements_touch_few_rows() {
        super::check_statements(super::Engine::Postgres).await;
    }
}
