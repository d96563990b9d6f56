//! Kinds of records: what each declares is what the readers over all records do.

use crate::{
    on_both_engines,
    support::{
        TestServer, pages,
        records::{ClientRecords, WORD},
    },
};
use alongside::{
    overview::kinds,
    records::kind::{ForClient, Included, Kind},
};
use diesel::{QueryableByName, RunQueryDsl as _, sql_types::BigInt};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

on_both_engines! {
    each_reader_includes_exactly_the_kinds_that_declare_it,
}

fn of_clients() -> impl Iterator<Item = &'static Kind> {
    kinds::ALL.iter().copied().filter(|kind| kind.owners().is_some())
}

/// The faults of one reader: kinds whose declaration says one thing while the reader does another.
fn faults(
    reader: &str,
    records: &ClientRecords<'_>,
    declared: impl Fn(&Kind) -> bool,
    shows: impl Fn(&str) -> bool,
) -> Vec<String> {
    of_clients()
        .map(|kind| (kind, declared(kind), shows(&records.ids[kind.name])))
        .filter(|(_, declared, shown)| declared != shown)
        .map(|(kind, declared, shown)| format!("{reader}: {}: declared {declared}, shown {shown}", kind.name))
        .collect()
}

async fn each_reader_includes_exactly_the_kinds_that_declare_it(server: &TestServer) {
    let records = ClientRecords::make(server).await;
    let (lead, supervisor) = (&records.lead, &records.supervisor);
    let names: Vec<&str> = records.ids.keys().copied().collect();
    let mut declared: Vec<&str> = of_clients().map(|kind| kind.name).collect();
    declared.sort_unstable();
    assert_eq!(
        names, declared,
        "the records that support/records.rs makes, and the kinds that overview/kinds.rs lists"
    );

    let mut wrong = Vec::new();
    let is_in = |included: Included| included == Included::Yes;
    let found = pages(supervisor, &format!("/search?q={WORD}"), 50).await;
    wrong.extend(faults(
        "search",
        &records,
        |kind| is_in(kind.search),
        |id| found.iter().any(|found| found["id"] == id),
    ));

    let timeline = pages(supervisor, &format!("/cases/{}/timeline", records.case), 50).await;
    wrong.extend(faults(
        "timeline",
        &records,
        |kind| is_in(kind.timeline),
        |id| timeline.iter().any(|entry| entry["subject_id"] == id),
    ));

    let file = lead.get(&format!("/cases/{}/file", records.case)).await.expect(200).body;
    wrong.extend(faults(
        "case_file",
        &records,
        |kind| is_in(kind.case_file),
        |id| has(&file, &|name, value| name == "id" && value == id),
    ));

    let mut agendas = Vec::new();
    for user in [lead, supervisor, &records.colleague] {
        agendas.push(user.get("/me/agenda").await.expect(200).body);
    }
    // A case is on the agenda by `case_id`, since the entry says why it is there.
    let names =
        |agenda: &Value, id: &str| has(agenda, &|name, value| (name == "id" || name == "case_id") && value == id);
    wrong.extend(faults(
        "agenda",
        &records,
        |kind| is_in(kind.agenda),
        |id| agendas.iter().any(|agenda| names(agenda, id)),
    ));

    let handover = supervisor.get(&format!("/handovers/{}", records.ids["handover"])).await.expect(200).body;
    let open = &handover["open_work"];
    assert!(open.is_object(), "{handover:#}");
    wrong.extend(faults("handover", &records, |kind| is_in(kind.handover), |id| has(open, &|_, value| value == id)));

    // Every record was read or changed by now.
    let log = format!("/clients/{}/access-log", records.client);
    for kind in of_clients() {
        let path = kind.path.replace("{id}", &records.ids[kind.name]);
        if kind.path.ends_with("/{id}") {
            supervisor.get(&path).await;
        }
    }
    let entries = pages(supervisor, &log, 100).await;
    wrong.extend(faults(
        "access log",
        &records,
        |_| true,
        |id| entries.iter().any(|entry| entry["subject"]["id"] == id),
    ));
    let entries = pages(&records.client_user, &log, 100).await;
    wrong.extend(faults(
        "client's access log",
        &records,
        |kind| kind.client_access_log == ForClient::Yes,
        |id| entries.iter().any(|entry| entry["subject"]["id"] == id),
    ));
    let confidential = entries.iter().filter(|entry| entry["kept_in_confidence"] == true).count();
    assert!(confidential > 0 && of_clients().any(|kind| kind.client_access_log == ForClient::InConfidence));

    wrong.extend(faults(
        "report_facts",
        &records,
        |kind| is_in(kind.report_facts),
        |id| {
            let name = of_clients().find(|kind| records.ids[kind.name] == id).unwrap().name;
            has_facts(server, name)
        },
    ));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a member somewhere in a document answers.
fn has(document: &Value, answers: &dyn Fn(&str, &Value) -> bool) -> bool {
    match document {
        Value::Object(members) => members.iter().any(|(name, value)| answers(name, value) || has(value, answers)),
        Value::Array(items) => items.iter().any(|item| has(item, answers)),
        _ => false,
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether reports keep the history of this kind.
fn has_facts(server: &TestServer, kind: &str) -> bool {
    let table = format!("{kind}_facts");
    if !tables().iter().any(|(name, _)| *name == table) {
        return false;
    }
    let count: Count = diesel::sql_query(format!("SELECT count(*) AS count FROM {table}"))
        .get_result(&mut server.database.open())
        .unwrap();
    count.count > 0
}

/// The tables with their columns, as `db/schema.rs` says.
fn tables() -> Vec<(String, Vec<String>)> {
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/schema.rs")).unwrap();
    let tables = schema.split("table! {").skip(1).map(|table| {
        let mut lines = table.lines().map(str::trim).filter(|line| line.ends_with('{') || line.contains(" -> "));
        let name = lines.find(|line| line.ends_with('{')).unwrap().split([' ', '(']).next().unwrap().to_owned();
        let columns = lines.filter_map(|line| line.split_once(" -> ")).map(|(column, _)| column.to_owned());
        (name, columns.collect())
    });
    tables.collect()
}

/// Tables that hold the id of a client, a case or a meeting, and no kind of record.
const NO_KINDS: &[(&str, &str)] = &[
    ("access_log", "an index of the audit log"),
    ("action_facts", "the history of a kind, for reports"),
    ("barrier_facts", "the history of a kind, for reports"),
    ("case_episodes", "part of a case"),
    ("case_facts", "the history of a kind, for reports"),
    ("case_transitions", "part of a case"),
    ("client_accounts", "says which user is which client; it is in the audit log under the client"),
    ("client_merges", "says which id names which client"),
    ("deadline_facts", "the history of a kind, for reports"),
    ("export_clients", "says whose records are in an export"),
    ("meeting_facts", "the history of a kind, for reports"),
    ("search_documents", "the search index"),
    ("task_facts", "the history of a kind, for reports"),
    ("timeline_entries", "the timeline"),
];

#[test]
fn every_table_with_client_data_is_a_kind_or_a_listed_exception() {
    let all = tables();
    assert!(all.len() > 50, "{} tables", all.len());
    let belongs =
        |columns: &[String]| columns.iter().any(|name| ["case_id", "client_id", "meeting_id"].contains(&name.as_str()));
    let expected: BTreeSet<&str> =
        of_clients().map(|kind| kind.table).chain(NO_KINDS.iter().map(|(table, _)| *table)).collect();
    let found: BTreeSet<&str> = all
        .iter()
        .filter(|(_, columns)| belongs(columns))
        .map(|(name, _)| name.as_str())
        .chain(["clients", "cases"])
        .collect();
    let different: Vec<_> = found.symmetric_difference(&expected).collect();
    assert!(
        different.is_empty(),
        "tables that are no kind and not in NO_KINDS, or that have no client data: {different:?}"
    );
}

#[test]
fn every_declared_kind_is_listed_once() {
    fn count(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| match path.is_dir() {
                true => count(&path),
                false if path.extension().is_some_and(|end| end == "rs") => {
                    std::fs::read_to_string(&path).unwrap().matches("pub const KIND: Kind =").count()
                }
                false => 0,
            })
            .sum()
    }
    let names: BTreeSet<&str> = kinds::ALL.iter().map(|kind| kind.name).collect();
    let all: BTreeSet<String> = tables().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), kinds::ALL.len(), "two kinds have one name");
    assert_eq!(
        count(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")),
        kinds::ALL.len(),
        "a KIND is not listed in overview/kinds.rs"
    );
    for kind in kinds::ALL {
        assert!(all.contains(kind.table), "{}: there is no table {}", kind.name, kind.table);
    }
}

/// The parts of every action in the audit log: the first names a kind, or a reader over all of them.
#[test]
fn every_audit_action_names_a_kind_or_a_reader() {
    const READERS: &[&str] = &["agenda", "demo", "report", "search", "request"];
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => sources(&path, found),
                false => found.push(std::fs::read_to_string(&path).unwrap_or_default()),
            }
        }
    }
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut seen = 0;
    for text in &all {
        for call in ["tx.record(", "tx.audit_read(", "tx.audit_read_all(", "tx.audit_read_as(", "tx.audit_read_fields("]
        {
            for rest in text.split(call).skip(1) {
                let Some(action) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
                    continue;
                };
                let named = action.split('.').next().unwrap_or_default();
                assert!(kinds::find(named).is_some() || READERS.contains(&named), "{action} names no kind");
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "only {seen} actions were found");
}
