//! Checks that the two migration folders and `schema.rs` define the same schema.

use crate::support::{
    TestServer,
    database::{Engine, TestDatabase},
    db_options, operator,
};
use alongside::{
    auth::{Role, token::random_secret},
    db::{Conn, Db, Options, Use, migrate},
    demo, on_engine,
};
use diesel::prelude::*;
use serde_json::json;
use std::{collections::BTreeSet, fmt::Write as _};

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = diesel::sql_types::Text)]
    fact: String,
}

fn facts(conn: &mut Conn, sql: &str) -> BTreeSet<String> {
    let rows: Vec<Fact> = on_engine!(conn, |c| diesel::sql_query(sql).load(c)).unwrap();
    rows.into_iter().map(|row| row.fact).collect()
}

/// Every column with its type and nullability; every key, index and reference; in a form that both catalogues can
/// produce. A CHECK that only SQLite needs (a JSON text, 0 or 1) has no counterpart and is left out. Full-text indexes
/// differ: PostgreSQL has an index on an expression, which names no column; SQLite has a table whose name ends in
/// `_fts`, and the tables in which FTS5 stores it.
const POSTGRES: &str = r#"
  SELECT c.table_name || '.' || c.column_name || ' ' || CASE c.data_type
           WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB' WHEN 'timestamp with time zone' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER'
           WHEN 'integer' THEN 'INTEGER' WHEN 'bigint' THEN 'INTEGER' ELSE 'TEXT' END ||
         CASE c.is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS fact
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE' AND c.table_schema = 'public' AND c.table_name NOT LIKE '\_\_%'
  UNION ALL
  SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE 'index ' || x.relname || ' ' END || t.relname || '(' || string_agg(a.attname, ',' ORDER BY k.n) || ')'
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
    JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n) ON true
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
   WHERE t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\_\_%'
   GROUP BY i.indexrelid, i.indisunique, x.relname, t.relname
  UNION ALL
  SELECT 'fk ' || conrelid::regclass || '(' || string_agg(a.attname, ',' ORDER BY k.n) || ') -> ' || confrelid::regclass
    FROM pg_constraint c JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(attnum, n) ON true
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
   WHERE c.contype = 'f' GROUP BY c.oid, conrelid, confrelid
  UNION ALL
  SELECT 'check ' || conrelid::regclass || '.' || a.attname || ' ' ||
         coalesce((SELECT string_agg(m[1], ',' ORDER BY m[1] COLLATE pg_catalog."C") FROM regexp_matches(pg_get_constraintdef(k.oid), '''([a-z_]+)''', 'g') m), '')
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
   WHERE k.contype = 'c' AND pg_get_constraintdef(k.oid) LIKE '%ANY%'"#;

const SQLITE: &str = r"
  WITH tables AS (SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\_\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
                    AND name NOT LIKE '%\_fts' ESCAPE '\' AND name NOT LIKE '%\_fts\_%' ESCAPE '\')
  SELECT t.name || '.' || c.name || ' ' || c.type || CASE WHEN c.[notnull] THEN ' not null' ELSE '' END AS fact FROM tables t, pragma_table_info(t.name) c
  UNION ALL
  SELECT CASE WHEN i.[unique] THEN 'unique ' ELSE 'index ' || i.name || ' ' END || t.name || '(' ||
         (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')'
    FROM tables t, pragma_index_list(t.name) i
  UNION ALL
  SELECT 'fk ' || t.name || '(' || group_concat(f.[from], ',' ORDER BY f.seq) || ') -> ' || f.[table] FROM tables t, pragma_foreign_key_list(t.name) f GROUP BY t.name, f.id";

#[test]
fn both_engines_have_the_same_migrations() {
    let (postgres, sqlite) = migrate::names();
    assert_eq!(postgres, sqlite);
}

#[test]
fn sqlite_and_postgres_end_up_with_the_same_schema() {
    let (postgres, sqlite) = (TestDatabase::make(Engine::Postgres), TestDatabase::make(Engine::Sqlite));
    let theirs = facts(&mut postgres.open(), POSTGRES);
    let (checks, theirs): (BTreeSet<_>, BTreeSet<_>) = theirs.into_iter().partition(|fact| fact.starts_with("check "));
    let ours = facts(&mut sqlite.open(), SQLITE);
    // Only SQLite indexes the whole text that an advocate searches: an index entry of PostgreSQL cannot be that long.
    // And what reports read is a table in that order on SQLite, while PostgreSQL has a separate index.
    let differs =
        |fact: &String| fact.starts_with("index search_documents_by_case ") || fact.contains("_facts_of_team ");
    let alike =
        |facts: BTreeSet<String>| -> BTreeSet<String> { facts.into_iter().filter(|fact| !differs(fact)).collect() };
    let (theirs, ours) = (alike(theirs), alike(ours));
    let (missing, extra): (Vec<_>, Vec<_>) = (theirs.difference(&ours).collect(), ours.difference(&theirs).collect());
    assert!(missing.is_empty() && extra.is_empty(), "only in postgres: {missing:#?}\nonly in sqlite: {extra:#?}");
    // SQLite stores a CHECK only as text, so its words are searched there.
    for check in checks {
        let words: Vec<&str> = check.splitn(3, ' ').collect();
        let (table, column) = words[1].split_once('.').unwrap();
        let sql = facts(&mut sqlite.open(), &format!("SELECT sql AS fact FROM sqlite_schema WHERE name = '{table}'"));
        let line = sql
            .first()
            .unwrap()
            .lines()
            .find(|line| line.contains(&format!("CHECK ({column} IN ")))
            .unwrap_or_else(|| panic!("no {check}"))
            .to_owned();
        let mut held: Vec<String> = line.split('\'').skip(1).step_by(2).map(str::to_owned).collect();
        held.sort();
        assert_eq!(held.join(","), words[2], "{check}");
    }
}

/// `schema.rs`, generated from PostgreSQL's catalogue. `BLESS=1` writes it.
#[test]
fn schema_rs_matches_the_migrations_on_postgres() {
    let database = TestDatabase::make(Engine::Postgres);
    let mut conn = database.open();
    let columns = facts(
        &mut conn,
        r"SELECT c.table_name || ' ' || lpad(c.ordinal_position::text, 3, '0') || ' ' || c.column_name || ' ' || CASE c.data_type
            WHEN 'uuid' THEN 'Uuid' WHEN 'bytea' THEN 'Bytea' WHEN 'timestamp with time zone' THEN 'Timestamptz' WHEN 'boolean' THEN 'Bool'
            WHEN 'integer' THEN 'Int4' WHEN 'bigint' THEN 'Int8' WHEN 'jsonb' THEN 'Jsonb' WHEN 'date' THEN 'Date' ELSE 'Text' END || ' ' || c.is_nullable AS fact
          FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '\_\_%'",
    );
    let keys = facts(
        &mut conn,
        r"SELECT t.relname || ' ' || string_agg(a.attname, ', ' ORDER BY k.n) AS fact FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
            JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k(attnum, n) ON true JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
           WHERE i.indisprimary AND t.relnamespace = 'public'::regnamespace AND t.relname NOT LIKE '\_\_%' GROUP BY t.relname",
    );
    let mut schema = String::from(
        "//! The tables of both engines. Generated from PostgreSQL's catalogue: `BLESS=1 ./test schema_rs`.\n",
    );
    let mut tables = Vec::new();
    for key in &keys {
        let (table, key) = key.split_once(' ').unwrap();
        tables.push(table);
        write!(schema, "\ndiesel::table! {{\n    use crate::types::sql::*;\n\n    {table} ({key}) {{\n").unwrap();
        for column in columns.iter().filter(|column| column.split(' ').next() == Some(table)) {
            let parts: Vec<&str> = column.split(' ').collect();
            let name = if parts[2] == "type" { "#[sql_name = \"type\"]\n        type_" } else { parts[2] };
            let kind = if parts[4] == "YES" { format!("Nullable<{}>", parts[3]) } else { parts[3].to_owned() };
            writeln!(schema, "        {name} -> {kind},").unwrap();
        }
        schema.push_str("    }\n}\n");
    }
    schema.push_str("\ndiesel::allow_tables_to_appear_in_same_query!(\n");
    for table in tables {
        writeln!(schema, "    {table},").unwrap();
    }
    schema.push_str(");\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/db/schema.rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == schema, "src/db/schema.rs is stale: BLESS=1 ./test schema_rs");
}

/// The usual owner of a database, who is not a superuser.
#[actix_web::test]
async fn database_owner_without_superuser_rights_fills_and_serves_it_on_postgres() {
    let database = TestDatabase::of_a_plain_owner();
    let options =
        Options { connections: 2, readers: 2, migrate: true, purpose: Use::Loading, ..db_options(&database.url) };
    let operator = operator();
    // Twice: the second run finds an existing organization.
    let fill = |seed| {
        let db = Db::open(&options).unwrap();
        let made = demo::fill(&db, &operator, &demo::Plan::new(20, seed), random_secret).unwrap();
        demo::build_report_facts(&db, &made).unwrap();
        made
    };
    // The command line runs outside an async runtime, so its thread may block.
    let made = std::thread::scope(|threads| threads.spawn(|| (fill(2), fill(1)).1).join().unwrap());
    let server = TestServer::start_at(database, Engine::Postgres).await;
    let supervisor = made.sign_ins.iter().find(|sign_in| sign_in.role == Role::Supervisor).unwrap();
    let body = json!({"email": supervisor.email, "password": supervisor.password});
    let token = server.anyone("POST", "/api/v1/auth/login", Some(body)).await.expect(200).body["access_token"].clone();
    let cases = server.send(token.as_str(), "GET", "/api/v1/cases?include_total=true", &[], None).await.expect(200);
    assert_eq!(cases.body["total"], 20);
    server.anyone("GET", "/readyz", None).await.expect(200);
}

/// SQLite rewrites the indexes and checks the foreign keys of every column that an `UPDATE` names.
#[test]
fn columns_of_indexes_are_written_only_if_changed() {
    let sources: Vec<String> =
        crate::architecture::sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")))
            .into_iter()
            .map(|(_, text)| text)
            .collect();
    let table_of = |row: &str| {
        let before = sources.iter().find_map(|text| text.split_once(&format!("pub struct {row} {{"))).unwrap().0;
        before.rsplit("table_name = ").next().unwrap().split([',', ')']).next().unwrap().to_owned()
    };
    let mut compared = BTreeSet::new();
    let mut tables = BTreeSet::new();
    for declaration in sources.iter().flat_map(|text| text.split("\nversioned! {\n").skip(1)) {
        let table = table_of(declaration.split(',').next().unwrap().trim());
        let columns = declaration.split("if_changed [").nth(1).unwrap().split(']').next().unwrap();
        let columns = columns.split(',').map(|column| column.trim().trim_end_matches('_'));
        compared.extend(columns.filter(|column| !column.is_empty()).map(|column| format!("{table}.{column}")));
        tables.insert(table);
    }
    let mut needed = facts(
        &mut TestDatabase::make(Engine::Sqlite).open(),
        r"WITH tables AS (SELECT name FROM sqlite_schema WHERE type = 'table'),
            indexes AS (SELECT t.name AS of_table, i.name, substr(s.sql, instr(s.sql, 'WHERE')) AS filter
              FROM tables t, pragma_index_list(t.name) i LEFT JOIN sqlite_schema s ON s.name = i.name AND i.partial WHERE i.origin <> 'pk')
          SELECT of_table || '.' || x.name AS fact FROM indexes i, pragma_index_info(i.name) x
          UNION SELECT of_table || '.' || c.name FROM indexes i, pragma_table_info(i.of_table) c WHERE i.filter LIKE '%' || c.name || '%'
          UNION SELECT t.name || '.' || f.[from] FROM tables t, pragma_foreign_key_list(t.name) f",
    );
    needed.retain(|fact| {
        let (table, column) = fact.split_once('.').unwrap();
        tables.contains(table) && !["organization_id", "id"].contains(&column)
    });
    assert!(!needed.is_empty());
    assert_eq!(compared, needed, "the lists `if_changed` of `versioned!`, and the columns of indexes and foreign keys");
}
