//! Row-level security (AZ-09): which rows of another organization PostgreSQL shows to a program that has forgotten the
//! filter on its own organization.

#![expect(clippy::disallowed_types, reason = "only PostgreSQL has row-level security")]

use crate::support::{
    PASSWORD, TestServer,
    database::{Engine, TestDatabase},
};
use alongside::{auth::Role, db::Conn, overview::kinds};
use diesel::{connection::SimpleConnection as _, prelude::*, sql_types::Text};
use serde_json::json;
use std::collections::BTreeSet;

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    fact: String,
}

fn facts(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    diesel::sql_query(sql)
        .load::<Fact>(conn)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .into_iter()
        .map(|row| row.fact)
        .collect()
}
fn count(conn: &mut PgConnection, sql: &str) -> i64 {
    facts(conn, &format!("SELECT count(*)::text AS fact FROM ({sql}) AS counted"))[0].parse().unwrap()
}
fn opened(database: &TestDatabase) -> PgConnection {
    let Conn::Pg(conn) = database.open() else { panic!("this is PostgreSQL") };
    conn
}

/// The tables whose rows belong to an organization.
fn tables(conn: &mut PgConnection) -> Vec<String> {
    of_organizations(conn, "BASE TABLE")
}
fn of_organizations(conn: &mut PgConnection, kind: &str) -> Vec<String> {
    let sql = format!(
        "SELECT table_name::text AS fact FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
         WHERE table_schema = 'public' AND column_name = 'organization_id' AND table_name <> 'login_names' AND table_type = '{kind}' ORDER BY 1"
    );
    facts(conn, &sql)
}

/// The kinds of which [`filled`] makes no record: their tables are like the others.
const NOT_FILLED: [&str; 7] = [
    "conflict_checks",
    "deadline_rules",
    "handovers",
    "invitations",
    "organizations",
    "preparation_templates",
    "team_deputies",
];

/// Records of nearly every kind, in both organizations.
async fn filled() -> TestServer {
    let server = TestServer::start(Engine::Postgres).await;
    for (ana, supervisor, admin, org) in [
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin), &server.org),
        (
            server.user_of_other_org(Role::Advocate),
            server.user_of_other_org(Role::Supervisor),
            server.user_of_other_org(Role::Admin),
            &server.other_org,
        ),
    ] {
        let team = supervisor.get("/teams").await.expect(200).body["items"][0]["id"].as_str().unwrap().to_owned();
        let client = ana.post("/clients", json!({"preferred_name": "Sam", "team_id": team})).await.expect(201).id();
        let case = json!({
            "client_id": client, "team_id": team, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
        });
        let case = ana.post("/cases", case).await.expect(201).id();
        supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "Called."})).await.expect(201);
        let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
        ana.post("/services", json!({"name": "Intake", "provider_id": provider, "status": "active"})).await.expect(201);
        let barrier = json!({"type": "cost", "description": "The fee.", "provider_id": provider});
        let barrier = ana.post(&format!("/cases/{case}/barriers"), barrier).await.expect(201).id();
        let action =
            ana.post(&format!("/barriers/{barrier}/actions"), json!({"type": "letter", "forum": "The clinic"})).await;
        let due = json!({"due_on": "2030-01-01", "time_zone": "America/Chicago", "source": "manual"});
        ana.post(&format!("/actions/{}/deadlines", action.expect(201).id()), due).await.expect(201);
        ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-01"})).await.expect(201);
        let meeting = json!({
            "type": "workplace", "mode": "phone", "starts_at": "2030-01-01T10:00:00Z",
            "ends_at": "2030-01-01T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Agree.",
        });
        let meeting = ana.post(&format!("/cases/{case}/meetings"), meeting).await.expect(201).id();
        let promise = json!({"party": "provider", "text": "Write it down."});
        ana.post(&format!("/meetings/{meeting}/commitments"), promise).await.expect(201);
        ana.post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time."}})).await.expect(201);
        let sam = server.user_in(
            if team == server.team.to_string() { &server.org } else { &server.other_org },
            &[],
            Role::Client,
        );
        ana.send("PUT", &format!("/clients/{client}/account"), &[], Some(json!({"user_id": sam.id()})))
            .await
            .expect(200);
        sam.post("/me/feedback", json!({"case_id": case, "text": "Thank you."})).await.expect(201);
        ana.post("/me/interests", json!({"provider_id": provider, "kind": "family"})).await.expect(201);
        ana.send("POST", "/providers", &[("idempotency-key", "k")], Some(json!({"name": "Hill Clinic"})))
            .await
            .expect(201);
        admin.post("/teams", json!({"name": "Night team"})).await.expect(201);
        let break_glass_request = json!({"case_id": case, "reason": "Sam is at the clinic's door."});
        server.user_in(org, &[], Role::Supervisor).post("/break-glass", break_glass_request).await.expect(201);
        supervisor.get(&format!("/clients/{client}/access-log")).await.expect(200);
        supervisor.get("/reports/barriers_open?format=csv&reason=For+the+board").await.expect(200);
        supervisor
            .get(&format!("/cases/{case}/file/print?for=internal&format=html&reason=For+the+review"))
            .await
            .expect(200);
        server
            .anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD})))
            .await
            .expect(200);
    }
    server
}

#[actix_web::test]
async fn row_level_security_blocks_rows_of_other_organizations_on_postgres() {
    let server = filled().await;
    let (mut past, mut conn) = (opened(&server.database), opened(&server.database));
    let tables = tables(&mut past);
    conn.batch_execute("SET ROLE alongside_app").unwrap();
    let mut full = Vec::new();
    for table in &tables {
        let all = format!("SELECT 1 FROM {table}");
        assert_eq!(count(&mut conn, &all), 0, "{table} shows rows to nobody in particular");
        for (own, other) in [(server.org.id, server.other_org.id), (server.other_org.id, server.org.id)] {
            let ours = count(&mut past, &format!("{all} WHERE organization_id = '{own}'"));
            let theirs = count(&mut past, &format!("{all} WHERE organization_id = '{other}'"));
            full.extend((ours > 0 && theirs > 0).then_some(table));
            conn.batch_execute(&format!("BEGIN; SET LOCAL app.organization = '{own}'")).unwrap();
            assert_eq!(count(&mut conn, &all), ours, "{table}");
            assert_eq!(count(&mut conn, &format!("{all} WHERE organization_id = '{other}'")), 0, "{table}");
            // The permitted changes apply to the organization's own rows, and no row can be given to another
            // organization.
            let mut tried = |sql: &str| {
                conn.batch_execute("SAVEPOINT before").unwrap();
                let done = diesel::sql_query(sql).execute(&mut conn);
                conn.batch_execute("ROLLBACK TO before").unwrap();
                done.map_err(|error| error.to_string())
            };
            match tried(&format!("DELETE FROM {table} WHERE organization_id = '{other}'")) {
                Ok(none) => assert_eq!(none, 0, "{table}"),
                Err(refused) => assert!(
                    ["audit_", "access_log", "export"].iter().any(|kept| table.starts_with(kept))
                        && refused.contains("permission denied"),
                    "{table}: {refused}"
                ),
            }
            match tried(&format!("UPDATE {table} SET organization_id = '{other}'")) {
                Ok(none) => assert!(none == 0 && ours == 0, "{table} lets {none} rows go"),
                Err(refused) => {
                    let kept = ["audit_events", "access_log", "exports", "export_clients"].contains(&table.as_str())
                        && refused.contains("permission denied");
                    assert!(kept || refused.contains("row-level security"), "{table}: {refused}");
                }
            }
            assert!(tried(&format!("TRUNCATE {table} CASCADE")).unwrap_err().contains("permission denied"), "{table}");
            conn.batch_execute("ROLLBACK").unwrap();
        }
    }
    for view in of_organizations(&mut past, "VIEW") {
        let all = format!("SELECT 1 FROM {view}");
        assert_eq!(count(&mut conn, &all), 0, "{view} shows rows to nobody in particular");
        let ours = count(&mut past, &format!("{all} WHERE organization_id = '{}'", server.org.id));
        conn.batch_execute(&format!("BEGIN; SET LOCAL app.organization = '{}'", server.org.id)).unwrap();
        assert_eq!((count(&mut conn, &all), ours > 0), (ours, true), "{view}");
        conn.batch_execute("ROLLBACK").unwrap();
    }
    println!("{} tables, of which {} have rows of both organizations", tables.len(), full.len() / 2);
    assert!(full.len() >= 40, "{full:?}");
    let without_rows = kinds::ALL.iter().map(|kind| kind.table).filter(|table| !full.iter().any(|full| full == table));
    let without_rows: BTreeSet<&str> = without_rows.collect();
    assert_eq!(without_rows, BTreeSet::from(NOT_FILLED), "the kinds of which `filled` makes no record");

    let begin = format!("BEGIN; SET LOCAL app.organization = '{}'", server.org.id);
    conn.batch_execute(&begin).unwrap();
    let insert =
        format!("INSERT INTO teams SELECT '{}', gen_random_uuid(), 'Theirs', 1, now(), now()", server.other_org.id);
    assert!(conn.batch_execute(&insert).unwrap_err().to_string().contains("row-level security"));
    conn.batch_execute(&format!("ROLLBACK; {begin}")).unwrap();
    assert_eq!(count(&mut conn, "SELECT 1 FROM organizations"), 1);
    // The only function that runs with other rights returns no rows of another organization either.
    past.batch_execute("UPDATE search_documents SET segment = 7 WHERE words LIKE '%sam%'").unwrap();
    let mut found = |whose| {
        let asked =
            format!("SELECT cardinality(search_in_segments('{whose}', ARRAY['''7xsam'':*'], 10))::text AS fact");
        facts(&mut conn, &asked)[0].parse::<i32>().unwrap()
    };
    assert!(found(server.org.id) > 0);
    assert_eq!(found(server.other_org.id), 0);
    // The role cannot gain more rights, nor change the audit log.
    for sql in [
        "ALTER TABLE teams DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_organization ON teams",
        "DELETE FROM audit_events",
        "UPDATE audit_events SET action = ''",
        "DELETE FROM audit_heads",
        "CREATE TABLE mine (a INT)",
    ] {
        conn.batch_execute("SAVEPOINT before").unwrap();
        let refused = conn.batch_execute(sql).unwrap_err().to_string();
        assert!(refused.contains("must be owner") || refused.contains("permission denied"), "{sql}: {refused}");
        conn.batch_execute("ROLLBACK TO before").unwrap();
    }
}

/// This includes future tables.
#[test]
fn every_organization_table_has_row_level_security_on_postgres() {
    let database = TestDatabase::make(Engine::Postgres);
    let mut conn = opened(&database);
    let mut expected = tables(&mut conn);
    expected.push("organizations".into());
    expected.sort();
    let behind = "SELECT relname::text AS fact FROM pg_class JOIN pg_policies ON tablename = relname AND policyname = 'own_organization'
                  WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity AND roles = '{alongside_app}' AND cmd = 'ALL' ORDER BY 1";
    let mut secured = facts(&mut conn, behind);
    secured.sort();
    let without: Vec<&String> = expected.iter().filter(|table| !secured.contains(table)).collect();
    assert!(without.is_empty(), "without row-level security or the policy own_organization: {without:?}");
    assert_eq!(secured, expected);
    let more =
        "SELECT concat(cmd, ' ', tablename) AS fact FROM pg_policies WHERE policyname <> 'own_organization' ORDER BY 1";
    let housekeeping = [
        "DELETE idempotency_keys",
        "DELETE mailed_secrets",
        "INSERT organizations",
        "SELECT access_log_marks",
        "SELECT audit_heads",
        "SELECT idempotency_keys",
        "SELECT mailed_secrets",
        "SELECT organizations",
        "SELECT search_documents",
    ];
    assert_eq!(facts(&mut conn, more), housekeeping, "what housekeeping goes through");
    let able = "SELECT rolname::text AS fact FROM pg_roles
                WHERE rolname LIKE 'alongside%' AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb)";
    assert_eq!(facts(&mut conn, able), [""; 0]);
    let owned = "SELECT relname::text AS fact FROM pg_class WHERE pg_get_userbyid(relowner) LIKE 'alongside%'";
    assert_eq!(facts(&mut conn, owned), [""; 0]);
}

/// A later migration that changes rows runs under row-level security, where an owner who is not a superuser sees no
/// rows: the change would silently do nothing.
#[test]
fn row_changing_migrations_lift_forced_row_level_security() {
    for folder in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres")).unwrap() {
        let folder = folder.unwrap();
        if folder.file_name().to_str().unwrap() <= "2026-11-26-000003_row_level_security" {
            continue;
        }
        let sql = std::fs::read_to_string(folder.path().join("up.sql")).unwrap();
        let begins = |line: &str| {
            ["INSERT INTO", "UPDATE ", "DELETE FROM"].iter().any(|words| line.trim_start().starts_with(words))
        };
        // The body of a function runs later, for a caller; that of `DO` runs in the migration.
        let (mut runs_now, mut before) = (String::new(), "");
        for (i, part) in sql.split("$$").enumerate() {
            if i % 2 == 0 || before.trim_end().ends_with("DO") {
                runs_now += part;
            }
            before = part;
        }
        let changes = runs_now.lines().any(begins);
        assert!(!changes || sql.contains("NO FORCE ROW LEVEL SECURITY"), "{:?}", folder.path());
    }
}
