//! Writes that wait at the same time share a transaction. Each still succeeds or fails on its own.

use crate::{
    on_both_engines,
    support::{
        TestServer,
        database::{Engine, TestDatabase},
    },
};
use alongside::{auth::Role, db::Conn, error::Code, types::Id};
use diesel::{RunQueryDsl as _, connection::SimpleConnection as _, sql_types::Text};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeSet;

on_both_engines! {
    writes_of_one_group_succeed_or_fail_each_on_its_own,
}

async fn writes_of_one_group_succeed_or_fail_each_on_its_own(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (client, mut cases) = (ana.new_client().await, Vec::new());
    for _ in 0..24 {
        cases.push(ana.new_case().await);
    }
    let new_case = |client: &str| json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my home."});
    let (ana, client, nobody) = (&ana, &client, TestServer::unknown_id());
    let replies = join_all(cases.iter().enumerate().map(|(i, case)| {
        let (path, nobody) = (format!("/cases/{case}"), &nobody);
        async move {
            match i % 4 {
                0 => ana.patch(&path, "*", json!({"priority": "high"})).await.expect(200),
                1 => ana.patch(&path, "\"v7\"", json!({"priority": "high"})).await.expect(412),
                2 => ana.post("/cases", new_case(client)).await.expect(201),
                _ => ana.post("/cases", new_case(nobody)).await.expect(422),
            }
        }
    }))
    .await;
    let mut numbers = BTreeSet::new();
    for (i, (case, reply)) in cases.iter().zip(&replies).enumerate() {
        let stored = ana.get(&format!("/cases/{case}")).await.expect(200).body;
        let expected = if i % 4 == 0 { ("high", 2) } else { ("routine", 1) };
        assert_eq!((stored["priority"].as_str().unwrap(), stored["version"].as_i64().unwrap()), expected);
        numbers.insert(stored["case_number"].to_string());
        if i % 4 == 2 {
            let made = ana.get(&format!("/cases/{}", reply.id())).await.expect(200).body;
            numbers.insert(made["case_number"].to_string());
        }
    }
    assert_eq!(numbers.len(), 30, "each case has its own number");
    let all = ana.get("/cases?include_total=true&limit=1").await.expect(200).body;
    assert_eq!(all["total"], 30, "a refused case is not stored");
    let auditor = server.user(Role::Auditor);
    for (action, count) in [("case.updated", 6), ("case.created", 30)] {
        let entries = auditor.get(&format!("/audit-events?action={action}&limit=200")).await.expect(200).body;
        assert_eq!(entries["items"].as_array().unwrap().len(), count, "{action}");
    }
    let verified = auditor.send("POST", "/audit-events/verification", &[], None).await.expect(200);
    assert_eq!(verified.body["verified"], true, "{:#}", verified.body);
}

/// A change that waits for a lock of another transaction must not delay the others that arrive with it.
#[actix_web::test]
async fn change_that_waits_for_a_lock_does_not_delay_others_on_postgres() {
    let server = TestServer::start(Engine::Postgres).await;
    let ana = server.user(Role::Advocate);
    let (locked, mut cases) = (ana.new_case().await, Vec::new());
    for _ in 0..40 {
        cases.push(ana.new_case().await);
    }
    let mut other = server.database.open();
    other.batch_execute(&format!("BEGIN; SELECT 1 FROM cases WHERE id = '{locked}' FOR UPDATE")).unwrap();
    let change = |case: &str| {
        let (ana, path) = (&ana, format!("/cases/{case}"));
        async move { ana.patch(&path, "*", json!({"priority": "high"})).await.expect(200) }
    };
    let others = async {
        join_all(cases.iter().map(|case| change(case))).await;
        other.batch_execute("ROLLBACK").unwrap();
    };
    futures_util::join!(change(&locked), others);
}

/// A statement that may take a minute must not keep the locks of other callers' writes.
#[test]
fn long_write_leaves_its_group_on_postgres() {
    let database = TestDatabase::make(Engine::Postgres);
    let mut conn = database.open();
    conn.begin_write(Id::NIL).unwrap();
    conn.set_statement_timeout(60).unwrap();
    conn.begin_next_write(Id::NIL, true).unwrap();
    // The long time limit of the first write does not apply to the next.
    let limit: String = diesel::select(diesel::dsl::sql::<Text>("current_setting('statement_timeout')"))
        .get_result({
            let Conn::Pg(c) = &mut conn else { panic!("this is PostgreSQL") };
            c
        })
        .unwrap();
    assert_eq!(limit, "5s");
    assert_eq!(conn.set_statement_timeout(60).unwrap_err().code(), Code::Contention);
    conn.rollback();
}
