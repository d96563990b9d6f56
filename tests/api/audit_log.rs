//! The audit log: it contains every change and every read, and nobody can change it unnoticed.

use crate::{
    on_both_engines,
    support::{TestServer, active_case, operator, pages},
};
use alongside::{
    audit::checkpoint::{self, CheckpointWriter, Checkpoints},
    auth::{Actor, Role, token::Keys},
    db::schema,
    identity::users::model::UserStatus,
    types::{Id, Instant},
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};
use std::sync::Arc;

async fn entries(server: &TestServer) -> Vec<Value> {
    pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 50).await
}
fn actions(entries: &[Value], subject: &str) -> Vec<String> {
    entries
        .iter()
        .filter(|entry| entry["subject_id"] == subject)
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

on_both_engines! {
    audit_entries_are_filtered_by_session_and_source,
    a_read_is_in_the_audit_log_before_its_response,
    audit_entry_of_a_change_names_members_without_content,
    a_list_leaves_one_audit_entry_with_the_returned_ids,
    invalid_change_leaves_no_audit_entry,
    access_refusal_is_in_the_audit_log_before_its_response,
    use_of_an_ended_session_is_audited_at_most_once_per_minute,
    login_success_and_failure_are_in_the_audit_log,
    audit_sequence_has_no_gaps_under_concurrent_writes,
    audit_entries_cannot_be_updated_or_deleted,
    verification_finds_entries_altered_with_triggers_disabled,
    verification_does_not_block_writes,
    checkpoints_reveal_a_truncated_or_rehashed_audit_log,
    auditor_sees_audit_entries_and_ids_but_no_content,
    audit_log_is_readable_only_by_auditors_of_the_same_organization,
}

async fn audit_entries_are_filtered_by_session_and_source(server: &TestServer) {
    let (ana, auditor) = (server.user(Role::Advocate), server.user(Role::Auditor));
    let case = ana.new_case().await;
    let signed_in = server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": crate::support::PASSWORD})))
        .await
        .expect(200);
    let second = signed_in.body["access_token"].as_str().unwrap();
    server.send(Some(second), "GET", &format!("/api/v1/cases/{case}"), &[], None).await.expect(200);
    let found = async |query: String| {
        let listed = auditor.get(&format!("/audit-events?limit=200&{query}")).await.expect(200);
        listed.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                (entry["action"].as_str().unwrap().to_owned(), entry["session_id"].clone(), entry["source"].clone())
            })
            .collect::<Vec<_>>()
    };
    let first = found(format!("session_id={}", ana.actor.session)).await;
    assert!(
        first.iter().any(|(action, ..)| action == "case.created")
            && !first.iter().any(|(action, ..)| action == "session.started"),
        "{first:?}"
    );
    assert!(first.iter().all(|(_, session, _)| *session == json!(ana.actor.session)));
    let all = found("action=case.read".to_owned()).await;
    let other = all[0].1.as_str().unwrap().to_owned();
    assert_ne!(other, ana.actor.session.to_string());
    let second: Vec<String> =
        found(format!("session_id={other}")).await.into_iter().map(|(action, ..)| action).collect();
    assert_eq!(second, ["case.read", "session.started"]);
    let here = found("source=127.0.0.1&sort=sequence".to_owned()).await;
    assert!(here.len() > 4 && here.iter().all(|(_, _, source)| source == "127.0.0.1"), "{here:?}");
    for nothing in [
        format!("session_id={}", TestServer::unknown_id()),
        format!("session_id={}", server.user_of_other_org(Role::Advocate).actor.session),
        "source=192.0.2.1".to_owned(),
        "source=cli".to_owned(),
    ] {
        assert!(found(nothing.clone()).await.is_empty(), "{nothing}");
    }
    auditor.get("/audit-events?session_id=x").await.expect_fault(400, "session_id", "invalid");
}

async fn a_read_is_in_the_audit_log_before_its_response(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let case = ana.new_case().await;
    let read = ana.get(&format!("/cases/{case}")).await.expect(200);
    let entries = entries(server).await;
    assert_eq!(actions(&entries, &case), ["case.created", "case.read"]);
    let entry = entries.iter().find(|entry| entry["action"] == "case.read").unwrap();
    assert_eq!(
        (&entry["actor_id"], &entry["actor_role"], &entry["source"]),
        (&json!(ana.id()), &json!("advocate"), &json!("127.0.0.1"))
    );
    assert_eq!(entry["request_id"], read.header("x-request-id"));
}

async fn audit_entry_of_a_change_names_members_without_content(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let case = ana.new_case().await;
    ana.patch(&format!("/cases/{case}"), "*", json!({"client_goal": "CANARY-CANARY", "tags": ["CANARY"]}))
        .await
        .expect(200);
    let entries = entries(server).await;
    let entry = entries.iter().find(|entry| entry["action"] == "case.updated").unwrap();
    assert_eq!(entry["fields"], json!(["client_goal", "tags"]));
    assert!(!serde_json::to_string(&entries).unwrap().contains("CANARY"));
}

async fn a_list_leaves_one_audit_entry_with_the_returned_ids(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (one, two) = (ana.new_case().await, ana.new_case().await);
    ana.get("/cases").await.expect(200);
    let entries = entries(server).await;
    let listed = entries.iter().find(|entry| entry["action"] == "case.listed").unwrap();
    assert_eq!(listed["subject_ids"], json!([two, one]));
}

async fn invalid_change_leaves_no_audit_entry(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let case = ana.new_case().await;
    let before = entries(server).await.len();
    ana.patch(&format!("/cases/{case}"), "\"v9\"", json!({"tags": []})).await.expect(412);
    ana.transition(&case, json!({"to": "closed"})).await.expect(409);
    let after = entries(server).await;
    assert!(after[before..].iter().all(|entry| entry["action"] == "audit.read"), "{after:#?}");
}

async fn access_refusal_is_in_the_audit_log_before_its_response(server: &TestServer) {
    let (ana, ben, auditor) = (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Auditor));
    let (case, nobodys) = (ana.new_case().await, TestServer::unknown_id());
    let hidden = ben.get(&format!("/cases/{case}?expand=client")).await.expect(404);
    ben.patch(&format!("/cases/{case}"), "*", json!({"tags": ["CANARY"]})).await.expect(404);
    ben.get(&format!("/cases/{nobodys}")).await.expect(404);
    server.user(Role::Admin).get("/clients").await.expect(403);
    auditor.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "CANARY"})).await.expect(403);
    // A percent-encoded letter is the same letter, here as for the router.
    ben.get(&format!("/c%61ses/{}%{:02x}{}", &case[..8], case.as_bytes()[8], &case[9..])).await;
    ben.post(
        "/cases",
        json!({"client_id": nobodys, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g"}),
    )
    .await
    .expect(422);
    ben.get("/cases?nonsense=1").await.expect(400);
    let entries = entries(server).await;
    let refused: Vec<_> = entries.iter().filter(|entry| entry["action"] == "request.refused").collect();
    let observed: Vec<_> =
        refused.iter().map(|entry| (entry["fields"].clone(), entry["subject_id"].as_str().unwrap_or(""))).collect();
    assert_eq!(
        observed,
        [
            (json!(["GET /api/v1/cases/{id}", "404"]), case.as_str()),
            (json!(["PATCH /api/v1/cases/{id}", "404"]), &case),
            (json!(["GET /api/v1/cases/{id}", "404"]), &nobodys),
            (json!(["GET /api/v1/clients", "403"]), ""),
            (json!(["POST /api/v1/cases/{id}/notes", "403"]), &case),
            (json!(["GET /api/v1/cases/{id}", "404"]), &case),
            (json!(["POST /api/v1/cases", "422"]), ""),
        ]
    );
    assert!(refused.iter().all(|entry| entry["outcome"] == "refused"), "{refused:#?}");
    assert_eq!(
        (&refused[0]["actor_id"], &refused[0]["request_id"]),
        (&json!(ben.id()), &json!(hidden.header("x-request-id")))
    );
    assert!(!serde_json::to_string(&entries).unwrap().contains("CANARY"));
}

async fn use_of_an_ended_session_is_audited_at_most_once_per_minute(server: &TestServer) {
    let (ana, kept) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let case = ana.new_case().await;
    let suspended = server.user_with_status(Role::Supervisor, UserStatus::Suspended);
    ana.send("POST", "/auth/logout", &[], None).await.expect(204);
    let refused = ana.get(&format!("/cases/{case}")).await.expect(401);
    // Many refused requests leave one entry per minute, not one each.
    for _ in 0..20 {
        ana.get("/cases").await.expect(401);
    }
    suspended.get("/clients").await.expect(401);
    // An operation that does not authenticate its caller refuses nobody for that reason.
    ana.send(
        "POST",
        "/auth/login",
        &[],
        Some(json!({"email": "nobody@example.org", "password": "not the right password"})),
    )
    .await
    .expect(401);
    // Every token expires, which is not recorded; neither is a token without a session of this server.
    let stranger = Actor { session: Id::new(), ..kept.actor };
    let bare =
        |token: String| async move { server.send(Some(&token), "GET", "/api/v1/cases", &[], None).await.expect(401) };
    bare(server.keys.mint(stranger).unwrap()).await;
    bare(server.keys.mint(Actor { organization: Id::new(), ..stranger }).unwrap()).await;
    bare("no token".into()).await;
    let mine = schema::sessions::table.filter(schema::sessions::id.eq(kept.actor.session));
    diesel::update(mine)
        .set(schema::sessions::expires_at.eq(Instant::now().plus_seconds(-1)))
        .execute(&mut server.database.open())
        .unwrap();
    kept.get("/cases").await.expect(401);
    let entries = entries(server).await;
    let refusals: Vec<_> =
        entries.iter().filter(|entry| entry["outcome"] == "refused" && entry["action"] == "request.refused").collect();
    let observed: Vec<_> = refusals
        .iter()
        .map(|entry| (entry["actor_id"].clone(), entry["session_id"].clone(), entry["fields"].clone()))
        .collect();
    assert_eq!(
        observed,
        [
            (json!(ana.id()), json!(ana.actor.session), json!(["GET /api/v1/cases/{id}", "401"])),
            (json!(suspended.id()), json!(suspended.actor.session), json!(["GET /api/v1/clients", "401"])),
        ]
    );
    assert_eq!(
        (&refusals[0]["subject_id"], &refusals[0]["request_id"], refusals[0].get("actor_role")),
        (&json!(case), &json!(refused.header("x-request-id")), None)
    );
}

async fn login_success_and_failure_are_in_the_audit_log(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for password in [crate::support::PASSWORD, "not the right password"] {
        server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": password}))).await;
    }
    // A refusal is recorded asynchronously.
    for _ in 0..100 {
        let entries = entries(server).await;
        if entries.iter().any(|entry| {
            entry["action"] == "session.refused"
                && entry["outcome"] == "refused"
                && entry["subject_id"] == ana.id().as_str()
        }) {
            assert!(
                entries
                    .iter()
                    .any(|entry| entry["action"] == "session.started" && entry["actor_id"] == ana.id().as_str())
            );
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the refused login is not in the audit log");
}

async fn audit_sequence_has_no_gaps_under_concurrent_writes(server: &TestServer) {
    let users: Vec<_> = (0..8).map(|_| server.user(Role::Advocate)).collect();
    futures_util::future::join_all(users.iter().map(|user| async {
        for _ in 0..5 {
            user.get(&format!("/cases/{}", user.new_case().await)).await.expect(200);
        }
    }))
    .await;
    let entries = entries(server).await;
    let numbers: Vec<i64> = entries.iter().map(|entry| entry["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>());
    let auditor = server.user(Role::Auditor);
    let verified = auditor.send("POST", "/audit-events/verification", &[], None).await.expect(200);
    assert_eq!(verified.body["verified"], true, "{:#}", verified.body);
}

async fn audit_entries_cannot_be_updated_or_deleted(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for _ in 0..4 {
        ana.new_client().await;
    }
    let mut conn = server.database.open();
    for sql in ["UPDATE audit_events SET action = 'nothing'", "DELETE FROM audit_events"] {
        assert!(alongside::on_engine!(&mut conn, |c| c.batch_execute(sql)).is_err(), "{sql}");
    }
    if server.engine == crate::support::database::Engine::Sqlite {
        let replace = "INSERT OR REPLACE INTO audit_events SELECT * FROM audit_events";
        assert!(
            alongside::on_engine!(&mut conn, |c| c.batch_execute(replace)).is_err(),
            "what REPLACE takes away is taken away too"
        );
    }
}

async fn verification_finds_entries_altered_with_triggers_disabled(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for _ in 0..5 {
        ana.new_client().await;
    }
    let auditor = server.user(Role::Auditor);
    let verify = || async { auditor.send("POST", "/audit-events/verification", &[], None).await.expect(200).body };
    assert_eq!(verify().await["verified"], true);
    let mut conn = server.database.open();
    let unguard = match server.engine {
        crate::support::database::Engine::Sqlite => {
            "DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete"
        }
        crate::support::database::Engine::Postgres => "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    };
    let mut run = |sql: &str| alongside::on_engine!(&mut conn, |c| c.batch_execute(sql)).unwrap();
    run(unguard);
    run("UPDATE audit_events SET action = action || '!' WHERE sequence = 3");
    assert_eq!(verify().await["first_broken"], json!({"sequence": 3, "reason": "altered"}));
    run("UPDATE audit_events SET action = replace(action, '!', '') WHERE sequence = 3");
    assert_eq!(verify().await["verified"], true);
    run("INSERT INTO audit_events SELECT organization_id, sequence + 1000, at, actor_id, actor_role, session_id, \
         source, action, subject_id, outcome, fields, subjects, request_id, hash FROM audit_events WHERE sequence = 3");
    let beyond = verify().await;
    assert_eq!((&beyond["verified"], &beyond["first_broken"]["reason"]), (&json!(false), &json!("inserted")));
    run("DELETE FROM audit_events WHERE sequence > 1000");
    assert_eq!(verify().await["verified"], true);
    run("DELETE FROM audit_events WHERE sequence = 2");
    assert_eq!(verify().await["first_broken"], json!({"sequence": 2, "reason": "missing"}));
    // A chain without its head is not mistaken for one that never existed.
    run("DELETE FROM audit_heads");
    assert_eq!(alongside::audit::chain::verify(&mut conn, server.org.id).unwrap().broken, Some((1, "missing")));
    assert!(alongside::audit::chain::organizations(&mut conn).unwrap().contains(&server.org.id));
}

/// The verification of a large database runs beside a server that continues to write, and reads one snapshot.
async fn verification_does_not_block_writes(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    ana.new_client().await;
    let (db, organization) = (server.open_db(), server.org.id);
    // The verification neither waits for a write nor blocks one.
    let mut writer = server.database.open();
    writer.begin_write(server.org.id).unwrap();
    diesel::delete(schema::idempotency_keys::table).execute(&mut writer).unwrap();
    let (_, wrong) = alongside::admin::verify(&db, &operator(), None).unwrap();
    let secrets = alongside::auth::secret_keys::SecretKeys::read(server.database.folder.path()).unwrap();
    let (_, undecrypted) = alongside::admin::check_secrets(&db, &operator(), secrets).unwrap();
    let of_this: Vec<&String> = wrong.iter().filter(|fault| fault.contains(&server.org.id.to_string())).collect();
    assert_eq!((of_this, undecrypted), (vec![], vec![]));
    writer.rollback();
    let ((begin, begun), (go_on, goes_on)) = (tokio::sync::oneshot::channel(), tokio::sync::oneshot::channel());
    let verified = tokio::task::spawn_blocking(move || {
        db.inspect_blocking(&operator(), |tx| {
            let before = alongside::audit::chain::verify(tx.conn, organization)?;
            begin.send(()).unwrap();
            goes_on.blocking_recv().unwrap();
            Ok((before, alongside::audit::chain::verify(tx.conn, organization)?))
        })
    });
    begun.await.unwrap();
    ana.new_client().await;
    server.user(Role::Supervisor).get("/clients").await.expect(200);
    go_on.send(()).unwrap();
    let (before, after) = verified.await.unwrap().unwrap();
    assert!(before.broken.is_none() && after.broken.is_none());
    assert_eq!(before.entries, after.entries);
}

// What the chain alone cannot detect: a deleted end including the head, and a chain that was hashed again from the
// start.
async fn checkpoints_reveal_a_truncated_or_rehashed_audit_log(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for _ in 0..3 {
        ana.new_client().await;
    }
    let (db, file) = (server.open_db(), server.database.folder.path().join("checkpoints.jsonl"));
    let mut writer = CheckpointWriter::new(Arc::clone(&server.keys), file.clone());
    writer.write(&db).await.unwrap();
    writer.write(&db).await.unwrap();
    ana.new_client().await;
    writer.write(&db).await.unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        lines().lines().filter(|line| !line.is_empty()).count(),
        2,
        "one for each time that the chain had grown"
    );
    let mut conn = server.database.open();
    let mut against =
        |keys: &Keys| checkpoint::verify(&mut conn, Some(keys), &Checkpoints::read(file.clone()).unwrap()).unwrap().1;
    assert_eq!(against(&server.keys), [""; 0]);
    // An incomplete last line is ignored; a checkpoint of another key is detected.
    std::fs::write(&file, format!("{}{{\"organization\":", lines())).unwrap();
    CheckpointWriter::new(Arc::clone(&server.keys), file.clone()).write(&db).await.unwrap();
    assert_eq!(against(&server.keys), [""; 0]);
    let other = Keys::load(tempfile::tempdir().unwrap().path()).unwrap();
    let theirs = against(&other);
    for (words, times) in
        [("was not signed with any of these keys", 3), ("it cannot be read", 1), ("and no checkpoint in", 1)]
    {
        assert_eq!(theirs.iter().filter(|line| line.contains(words)).count(), times, "{words}: {theirs:?}");
    }
    assert_eq!(theirs.len(), 5);
    std::fs::write(&file, lines().replacen("\"sequence\":5", "\"sequence\":4", 1)).unwrap();
    assert_eq!(against(&server.keys).len(), 1);
    std::fs::write(&file, lines().replacen("\"sequence\":4", "\"sequence\":5", 1)).unwrap();
    assert_eq!(against(&server.keys), [""; 0]);

    let unguard = match server.engine {
        crate::support::database::Engine::Sqlite => {
            "DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete"
        }
        crate::support::database::Engine::Postgres => "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    };
    let mut past = server.database.open();
    past.batch_execute(unguard).unwrap();
    past.batch_execute(
        "DELETE FROM audit_events WHERE sequence > 5; UPDATE audit_heads SET sequence = 5, hash = \
         (SELECT hash FROM audit_events WHERE sequence = 5)",
    )
    .unwrap();
    assert_eq!(
        alongside::audit::chain::verify(&mut past, server.org.id).unwrap().broken,
        None,
        "by itself the chain holds"
    );
    let found = against(&server.keys);
    assert!(
        found.len() == 2 && found.iter().all(|line| line.contains("entry 7") && line.ends_with("is missing")),
        "{found:?}"
    );
    past.batch_execute(
        "UPDATE audit_events SET hash = (SELECT hash FROM audit_events WHERE sequence = 1) WHERE sequence = 5",
    )
    .unwrap();
    assert_eq!(against(&server.keys).len(), 3);
}

/// An auditor sees entries, ids and names of members, and apart from these only the organization's settings, the
/// vocabulary and their own account.
async fn auditor_sees_audit_entries_and_ids_but_no_content(server: &TestServer) {
    let (ana, supervisor, sam, auditor) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Client),
        server.user(Role::Auditor),
    );
    let me = auditor.get("/me").await.expect(200);
    assert_eq!(
        me.body["permissions"],
        json!([
            "self:read",
            "self:write",
            "self:factor",
            "organization:read",
            "code_lists:read",
            "exports:read",
            "audit:read"
        ])
    );
    let case = active_case(&ana, &supervisor).await;
    let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
    sam.link_to(&client);
    ana.patch(
        &format!("/clients/{client}"),
        "*",
        json!({"preferred_name": "CANARY", "phone": "CANARY", "address": "CANARY"}),
    )
    .await
    .expect(200);
    ana.patch(&format!("/cases/{case}"), "*", json!({"client_goal": "CANARY", "tags": ["CANARY"]})).await.expect(200);
    ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "CANARY"})).await.expect(201);
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "CANARY"})).await.expect(201);
    ana.post(&format!("/cases/{case}/tasks"), json!({"title": "CANARY", "due_on": "2030-01-05"})).await.expect(201);
    sam.post("/me/statements", json!({"sections": {"needs": "CANARY"}})).await.expect(201);
    sam.post("/me/feedback", json!({"case_id": case, "rating": 1, "text": "CANARY"})).await.expect(201);
    ana.get("/search?q=CANARY").await.expect(200);
    ana.get("/cases?q=CANARY").await.expect(200);
    server.user(Role::Auditor).get("/cases?q=CANARY").await.expect(403);
    let entries = pages(&auditor, "/audit-events", 50).await;
    assert!(entries.len() > 15 && !json!(entries).to_string().to_lowercase().contains("canary"));
    let names = |entry: &Value| entry.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut known: Vec<String> = entries.iter().flat_map(names).collect();
    known.sort();
    known.dedup();
    assert_eq!(
        known,
        [
            "action",
            "actor_id",
            "actor_role",
            "at",
            "fields",
            "hash",
            "outcome",
            "request_id",
            "sequence",
            "session_id",
            "source",
            "subject_id",
            "subject_ids"
        ]
    );
    for path in [
        "/users",
        "/teams",
        "/clients",
        "/cases",
        "/search?q=sam",
        "/providers",
        "/deadline-rules",
        "/me/agenda",
        "/me/cases",
    ] {
        auditor.get(path).await.expect(403);
    }
    auditor.patch("/organization", "*", json!({"client_word": "peer"})).await.expect(403);
}

async fn audit_log_is_readable_only_by_auditors_of_the_same_organization(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    ana.new_client().await;
    for role in [Role::Admin, Role::Supervisor, Role::Advocate] {
        server.user(role).get("/audit-events").await.expect(403);
    }
    let theirs = server.user_of_other_org(Role::Auditor).get("/audit-events").await.expect(200);
    assert!(!theirs.body.to_string().contains(&ana.id()));
}
