//! Duplicate clients: they are reported on entry, and merged by a user.

use crate::{
    on_both_engines,
    support::{Reply, TestServer, User, active_case, database::Engine, pages},
};
use alongside::{auth::Role, casework::clients::merge::REFERENCING_TABLES};
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

async fn client(user: &User<'_>, body: Value) -> String {
    user.post("/clients", body).await.expect(201).id()
}

async fn merge(user: &User<'_>, from: &str, into: &str, more: Value) -> Reply {
    let mut body = json!({"into": into});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user.post(&format!("/clients/{from}/merge"), body).await
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

async fn open_case(user: &User<'_>, client: &str) -> String {
    let body = json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "A goal."});
    user.post("/cases", body).await.expect(201).id()
}

async fn statement(user: &User<'_>, client: &str, words: &str, approved: bool) -> String {
    let made = user
        .post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": words}}))
        .await
        .expect(201)
        .id();
    if approved {
        user.post(&format!("/statements/{made}/approve"), json!({"approved_by": "client", "method": "in_person"}))
            .await
            .expect(201);
    }
    made
}

on_both_engines! {
    possible_duplicates_are_reported_when_a_client_is_created,
    merge_moves_a_duplicates_records_and_both_ids_resolve,
    merge_conflicts_are_refused_until_the_request_decides_them,
    etags_from_before_a_merge_are_stale_after_it,
    merge_never_widens_contact_permissions,
    merge_requires_a_recent_password,
    merge_requires_two_clients_and_a_supervisor_who_sees_both,
    only_one_of_two_opposite_client_merges_succeeds,
    case_opened_during_a_client_merge_follows_the_client,
    every_table_that_references_clients_follows_a_merge,
}

async fn possible_duplicates_are_reported_when_a_client_is_created(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let elsewhere = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let first = ana
        .post(
            "/clients",
            json!({"preferred_name": "María López", "phone": "+1 555 010-0199", "date_of_birth": "1990-05-17"}),
        )
        .await
        .expect(201);
    assert!(first.body.get("possible_duplicates").is_none(), "{:#}", first.body);
    let first = first.id();
    // A client of another team is not reported to users who do not see that client.
    let hidden = client(&elsewhere, json!({"preferred_name": "Maria Lopez"})).await;
    for (body, in_common) in [
        (json!({"preferred_name": "maria lopez"}), json!(["name"])),
        (
            json!({"preferred_name": "Mari", "legal_name": "Lopez-Maria", "date_of_birth": "1990-05-17"}),
            json!(["name", "date_of_birth"]),
        ),
        (json!({"preferred_name": "Zoe", "phone": "(555) 010 0199"}), json!(["phone"])),
    ] {
        for user in [&ana, &supervisor] {
            let made = user.post("/clients", body.clone()).await.expect(201);
            let named = made.body["possible_duplicates"].as_array().unwrap();
            assert!(
                named.contains(&json!(first)) && !named.contains(&json!(hidden)) && !named.contains(&json!(made.id())),
                "{:#}",
                made.body
            );
            let shown = user.get(&format!("/clients/{}/possible-duplicates", made.id())).await.expect(200).body;
            let of_first =
                shown["items"].as_array().unwrap().iter().find(|item| item["client"]["id"] == json!(first)).unwrap();
            assert_eq!(
                (&of_first["in_common"], &of_first["client"]["preferred_name"]),
                (&in_common, &json!("María López"))
            );
            let scores: Vec<i64> =
                shown["items"].as_array().unwrap().iter().map(|item| item["score"].as_i64().unwrap()).collect();
            assert!(scores.len() <= 10 && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        }
    }
    // Ben sees none of them, and Zora has nothing in common with anybody.
    let made = ben.post("/clients", json!({"preferred_name": "Maria Lopez"})).await.expect(201);
    assert!(made.body.get("possible_duplicates").is_none(), "{:#}", made.body);
    ben.get(&format!("/clients/{first}/possible-duplicates")).await.expect(404);
    assert!(
        supervisor
            .post("/clients", json!({"preferred_name": "Zora"}))
            .await
            .expect(201)
            .body
            .get("possible_duplicates")
            .is_none()
    );
    let auditor = server.user(Role::Auditor);
    let entries = pages(&auditor, "/audit-events?action=client.duplicates_read", 50).await;
    assert_eq!(entries.len(), 6);
    // A client who is named as a possible duplicate counts as read.
    let named = ana.post("/clients", json!({"preferred_name": "Nobody", "phone": "555 010 0199"})).await.expect(201);
    assert!(named.body["possible_duplicates"].as_array().unwrap().contains(&json!(first)), "{:#}", named.body);
    let log = pages(&supervisor, &format!("/clients/{first}/access-log"), 50).await;
    assert!(
        log.iter()
            .any(|entry| entry["action"] == "client.listed" && entry["request_id"] == named.header("x-request-id")),
        "{log:#?}"
    );
}

async fn merge_moves_a_duplicates_records_and_both_ids_resolve(server: &TestServer) {
    let (ana, supervisor, sam) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Client));
    let old = client(
        &ana,
        json!({"preferred_name": "Sammy Quill", "phone": "+1 555 010-0199", "safe_contact": {"call": true}}),
    )
    .await;
    let new = client(
        &ana,
        json!({"preferred_name": "Sam Quill", "pronouns": "they/them", "safe_contact": {"call": true, "text": true}}),
    )
    .await;
    let (case, other) = (open_case(&ana, &old).await, open_case(&ana, &new).await);
    let barrier = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"}))
        .await
        .expect(201)
        .id();
    ana.send("PUT", &format!("/clients/{old}/account"), &[], Some(json!({"user_id": sam.id()}))).await.expect(200);
    let said = sam.post("/me/feedback", json!({"text": "It helps."})).await.expect(201).id();
    let (first, draft) = (statement(&ana, &old, "Time.", true).await, statement(&ana, &new, "Quiet.", false).await);
    ana.get(&format!("/statements/{first}/print?format=html&for=client&reason=Handed+over")).await.expect(200);
    let etag = supervisor.get(&format!("/clients/{new}")).await.expect(200).etag();

    let merged = merge(&supervisor, &old, &new, json!({"reason": "CANARY"})).await.expect(201);
    assert_eq!(
        (&merged.body["id"], &merged.body["merged_ids"], &merged.body["version"]),
        (&json!(new), &json!([old]), &json!(2))
    );
    assert_eq!(
        (&merged.body["phone"], &merged.body["other_names"]),
        (&json!("+1 555 010-0199"), &json!(["Sammy Quill"]))
    );
    assert_eq!(
        (&merged.body["safe_contact"]["call"], &merged.body["safe_contact"]["text"]),
        (&json!(true), &json!(false)),
        "what both allow"
    );

    for id in [&old, &new] {
        assert_eq!(ana.get(&format!("/clients/{id}")).await.expect(200).id(), new);
        assert_eq!(
            ids(&pages(&ana, &format!("/cases?client={id}"), 1).await).into_iter().collect::<BTreeSet<_>>(),
            BTreeSet::from([case.as_str(), other.as_str()])
        );
        assert_eq!(ids(&pages(&ana, &format!("/clients/{id}/feedback"), 5).await), [said.as_str()]);
        assert_eq!(ids(&pages(&ana, &format!("/clients/{id}/statements"), 5).await), [draft.as_str(), first.as_str()]);
        assert_eq!(ana.get(&format!("/clients/{id}/account")).await.expect(200).body["client_id"], json!(new));
        for path in ["self-advocacy", "possible-duplicates"] {
            supervisor.get(&format!("/clients/{id}/{path}")).await.expect(200);
        }
        assert_eq!(ana.get(&format!("/statements/{first}")).await.expect(200).body["client_id"], json!(new));
    }
    // A change to the old id changes the remaining client, and a new reference to the old id becomes one to the
    // remaining client.
    ana.patch(&format!("/clients/{old}"), &etag, json!({"language": "Spanish"})).await.expect(412);
    assert_eq!(
        ana.patch(&format!("/clients/{old}"), &merged.etag(), json!({"language": "Spanish"})).await.expect(200).id(),
        new
    );
    let again = open_case(&ana, &old).await;
    assert_eq!(ana.get(&format!("/cases/{again}")).await.expect(200).body["client_id"], json!(new));
    let moved = ana.get(&format!("/cases/{case}")).await.expect(200).body;
    assert_eq!((&moved["client_id"], &moved["version"]), (&json!(new), &json!(2)));
    // Lists and searches show the remaining client, by the names of both.
    for user in [&ana, &supervisor] {
        assert_eq!(ids(&pages(user, "/clients", 5).await), [new.as_str()]);
        for q in ["sammy", "sam+quill", "5550100199"] {
            let found = pages(user, &format!("/search?kind=client&q={q}"), 5).await;
            assert_eq!(ids(&found), [new.as_str()], "{q}");
            assert_eq!(ids(&pages(user, &format!("/clients?q={q}"), 5).await), [new.as_str()], "{q}");
        }
    }
    // The person can still sign in, and sees all their own records.
    assert_eq!(sam.get("/me/client").await.expect(200).id(), new);
    assert_eq!(pages(&sam, "/me/cases", 5).await.len(), 3);

    // The audit log names every record that moved, and the access log of the remaining client includes the reads of the
    // other one.
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    let has = |action: &str, id: &str, field: &str| {
        entries.iter().any(|entry| {
            entry["action"] == action
                && entry["subject_id"] == id
                && entry["fields"].as_array().is_some_and(|fields| fields.contains(&json!(field)))
        })
    };
    for (action, id, field) in [
        ("client.merged", &old, "into"),
        ("client.updated", &new, "merged_ids"),
        ("case.updated", &case, "client_id"),
        ("feedback.updated", &said, "client_id"),
        ("statement.updated", &first, "client_id"),
    ] {
        assert!(has(action, id, field), "{action}");
    }
    assert!(has("client.account_removed", &old, &sam.id()) && has("client.account_set", &new, &sam.id()));
    assert!(!json!(entries).to_string().contains("CANARY"));
    for id in [&old, &new] {
        let exports = pages(&server.user(Role::Auditor), &format!("/exports?client_id={id}"), 5).await;
        assert_eq!(
            exports.iter().map(|export| &export["client_ids"]).collect::<Vec<_>>(),
            [&json!([old])],
            "as it was handed out"
        );
        let log = pages(&supervisor, &format!("/clients/{id}/access-log"), 50).await;
        let subjects: BTreeSet<&str> = log.iter().map(|entry| entry["subject"]["id"].as_str().unwrap()).collect();
        for subject in [&old, &new, &case, &barrier, &said, &first] {
            assert!(subjects.contains(subject.as_str()), "{subject}: {log:#?}");
        }
    }
    // Reports count one person, and the report facts of the cases match the records.
    for kind in ["case", "barrier"] {
        let (table, view) = (format!("{kind}_facts"), format!("{kind}_history"));
        for (one, other) in [(&table, &view), (&view, &table)] {
            let sql = format!(
                "SELECT count(*) AS count FROM (SELECT client_id, case_id FROM {one} EXCEPT SELECT client_id, case_id \
                 FROM {other}) AS missing"
            );
            let mut conn = server.database.open();
            let missing: Vec<Count> = alongside::on_engine!(&mut conn, |c| diesel::sql_query(&sql).load(c)).unwrap();
            assert_eq!(missing[0].count, 0, "rows of {one} that {other} does not have");
        }
    }
}

async fn merge_conflicts_are_refused_until_the_request_decides_them(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (old, new) =
        (client(&ana, json!({"preferred_name": "A"})).await, client(&ana, json!({"preferred_name": "B"})).await);
    for id in [&old, &new] {
        let account = server.user(Role::Client);
        ana.send("PUT", &format!("/clients/{id}/account"), &[], Some(json!({"user_id": account.id()})))
            .await
            .expect(200);
    }
    let refused = merge(&supervisor, &old, &new, json!({})).await.expect(409);
    assert_eq!(refused.body["code"], "merge_conflict");
    ana.send("DELETE", &format!("/clients/{old}/account"), &[], None).await.expect(204);
    let (theirs, mine) = (statement(&ana, &old, "Theirs.", true).await, statement(&ana, &new, "Mine.", true).await);
    let (their_draft, my_draft) =
        (statement(&ana, &old, "Their draft.", false).await, statement(&ana, &new, "My draft.", false).await);
    assert_eq!(merge(&supervisor, &old, &new, json!({})).await.expect(409).body["code"], "merge_conflict");
    assert_eq!(ana.get(&format!("/clients/{old}")).await.expect(200).id(), old, "nothing was stored");
    let third = client(&ana, json!({"preferred_name": "C"})).await;
    merge(&supervisor, &old, &new, json!({"statements_of": third})).await.expect_fault(
        422,
        "/statements_of",
        "not_one_of_both",
    );
    merge(&supervisor, &old, &new, json!({"statements_of": old})).await.expect(201);
    let listed = pages(&ana, &format!("/clients/{new}/statements"), 5).await;
    let states: Vec<(&str, &str, i64)> = listed
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_str().unwrap(), one["number"].as_i64().unwrap()))
        .collect();
    assert_eq!(states[..2], [(their_draft.as_str(), "draft", 4), (theirs.as_str(), "approved", 3)]);
    let earlier: BTreeSet<(&str, &str)> = states[2..].iter().map(|(id, status, _)| (*id, *status)).collect();
    assert_eq!(earlier, BTreeSet::from([(mine.as_str(), "superseded"), (my_draft.as_str(), "superseded")]));
    let entries = pages(&server.user(Role::Auditor), "/audit-events?action=statement.superseded", 50).await;
    let subjects: BTreeSet<&str> = entries.iter().map(|entry| entry["subject_id"].as_str().unwrap()).collect();
    assert_eq!(subjects, BTreeSet::from([mine.as_str(), my_draft.as_str()]));
    // A statement that the client never approved goes to no recipient outside, also after a merge.
    let print = |id: &str| {
        format!("/statements/{id}/print?format=html&for=recipient&recipient=Clinic&purpose=treatment&reason=Meeting")
    };
    ana.get(&print(&my_draft)).await.expect(409);
    ana.get(&print(&mine)).await.expect(200);
}

async fn etags_from_before_a_merge_are_stale_after_it(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (old, new) =
        (client(&ana, json!({"preferred_name": "A"})).await, client(&ana, json!({"preferred_name": "B"})).await);
    let mut before = Vec::new();
    for (id, changes) in [(&old, 2), (&new, 1)] {
        before.push(ana.get(&format!("/clients/{id}")).await.expect(200).etag());
        for _ in 0..changes {
            before.push(
                ana.patch(&format!("/clients/{id}"), "*", json!({"language": "Spanish"})).await.expect(200).etag(),
            );
        }
    }
    let merged = merge(&supervisor, &old, &new, json!({})).await.expect(201);
    assert_eq!(merged.body["version"], 4);
    for id in [&old, &new] {
        for etag in &before {
            ana.patch(&format!("/clients/{id}"), etag, json!({"safe_contact": {"call": true}})).await.expect(412);
            ana.send("GET", &format!("/clients/{id}"), &[("if-none-match", etag)], None).await.expect(200);
        }
    }
    ana.patch(&format!("/clients/{old}"), &merged.etag(), json!({"language": "English"})).await.expect(200);
}

async fn merge_never_widens_contact_permissions(server: &TestServer) {
    let (ana, supervisor, sam) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Client));
    let of =
        |name: &str, rules: Value| json!({"preferred_name": name, "phone": "+1 555 010-0199", "safe_contact": rules});
    let old = client(&ana, of("A", json!({"email": false, "never_contact": "x".repeat(600)}))).await;
    let new = client(&ana, of("B", json!({"call": true, "email": true, "never_contact": "y".repeat(600)}))).await;
    ana.send("PUT", &format!("/clients/{old}/account"), &[], Some(json!({"user_id": sam.id()}))).await.expect(200);
    let refused = merge(&supervisor, &old, &new, json!({})).await.expect(409);
    assert_eq!(refused.body["code"], "merge_conflict");
    assert!(refused.body["detail"].as_str().unwrap().contains("safe_contact.never_contact"), "{:#}", refused.body);
    ana.patch(&format!("/clients/{old}"), "*", json!({"safe_contact": {"never_contact": "Not at work."}}))
        .await
        .expect(200);
    let rules = &merge(&supervisor, &old, &new, json!({})).await.expect(201).body["safe_contact"];
    assert_eq!((&rules["call"], &rules["email"]), (&json!(false), &json!(false)));
    let words = rules["never_contact"].as_str().unwrap();
    assert!(words.contains("Not at work.") && words.contains(&"y".repeat(600)), "{words}");
}

/// AU-13: after a merge, the user who is linked to one client sees the records of both.
async fn merge_requires_a_recent_password(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (one, two) =
        (client(&ana, json!({"preferred_name": "A"})).await, client(&ana, json!({"preferred_name": "B"})).await);
    let refused =
        merge(&server.user_with_old_password_entry(Role::Supervisor), &one, &two, json!({})).await.expect(403);
    assert_eq!(refused.body["code"], "reauthentication_required");
}

async fn merge_requires_two_clients_and_a_supervisor_who_sees_both(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let south = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let (one, two) =
        (client(&ana, json!({"preferred_name": "One"})).await, client(&ana, json!({"preferred_name": "Two"})).await);
    let hidden = client(&south, json!({"preferred_name": "One"})).await;
    let theirs = client(&server.user_of_other_org(Role::Supervisor), json!({"preferred_name": "One"})).await;
    merge(&ana, &one, &two, json!({})).await.expect(403);
    merge(&admin, &one, &two, json!({})).await.expect(403);
    merge(&supervisor, &one, &one, json!({})).await.expect_fault(422, "/into", "same_record");
    for id in [&hidden, &theirs, &TestServer::unknown_id()] {
        merge(&supervisor, &one, id, json!({})).await.expect_fault(422, "/into", "unknown_reference");
        merge(&supervisor, id, &one, json!({})).await.expect(404);
    }
    merge(&south, &one, &hidden, json!({})).await.expect(404);
    merge(&supervisor, &one, &two, json!({})).await.expect(201);
    merge(&supervisor, &one, &two, json!({})).await.expect_fault(422, "/into", "same_record");
    // A chain of merges leads to its end, which is found under every id.
    let three = client(&ana, json!({"preferred_name": "Three"})).await;
    assert_eq!(merge(&supervisor, &two, &three, json!({})).await.expect(201).body["merged_ids"], json!([one, two]));
    for id in [&one, &two, &three] {
        assert_eq!(ana.get(&format!("/clients/{id}")).await.expect(200).id(), three);
    }
    merge(&supervisor, &one, &client(&ana, json!({"preferred_name": "Four"})).await, json!({})).await.expect(409);
    // A supervisor who sees neither client does not find the remaining one by the id of the duplicate.
    south.get(&format!("/clients/{one}")).await.expect(404);
}

async fn only_one_of_two_opposite_client_merges_succeeds(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    for _ in 0..5 {
        let (a, b) = (
            client(&supervisor, json!({"preferred_name": "A"})).await,
            client(&supervisor, json!({"preferred_name": "B"})).await,
        );
        let (one, other) =
            futures_util::future::join(merge(&supervisor, &a, &b, json!({})), merge(&supervisor, &b, &a, json!({})))
                .await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "{one:?} {other:?}");
        let ends = [
            supervisor.get(&format!("/clients/{a}")).await.expect(200).id(),
            supervisor.get(&format!("/clients/{b}")).await.expect(200).id(),
        ];
        assert_eq!(ends[0], ends[1]);
    }
}

async fn case_opened_during_a_client_merge_follows_the_client(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    active_case(&ana, &supervisor).await;
    let (old, new) =
        (client(&ana, json!({"preferred_name": "Old"})).await, client(&ana, json!({"preferred_name": "New"})).await);
    // Ana sees the remaining client, whichever request comes first.
    open_case(&ana, &new).await;
    let open = || open_case(&ana, &old);
    let (merged, ..) = futures_util::join!(merge(&supervisor, &old, &new, json!({})), open(), open(), open(), open());
    merged.expect(201);
    assert_eq!(pages(&supervisor, &format!("/cases?client={new}"), 50).await.len(), 5);
    assert!(pages(&supervisor, "/cases", 50).await.iter().all(|case| case["client_id"] != json!(old)));
}

async fn every_table_that_references_clients_follows_a_merge(server: &TestServer) {
    let sql = match server.engine {
        Engine::Sqlite => {
            "SELECT DISTINCT t.name FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND \
             f.\"table\" = 'clients' ORDER BY 1"
        }
        Engine::Postgres => {
            "SELECT DISTINCT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'f' AND confrelid = \
             'clients'::regclass ORDER BY 1"
        }
    };
    let mut conn = server.database.open();
    let tables: Vec<Named> = alongside::on_engine!(&mut conn, |c| diesel::sql_query(sql).load(c)).unwrap();
    let tables: Vec<&str> =
        tables.iter().map(|table| table.name.as_str()).filter(|name| *name != "client_merges").collect();
    // Exports stay under the id with which they were made.
    assert_eq!(tables, REFERENCING_TABLES, "what refers to clients must be moved by clients::merge");
}
