//! Access logs: who read or changed the records of one client.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{
    audit::{self, Entry},
    auth::{Origin, RequestId, Role},
    db::schema,
    overview::access_log::index,
    types::Id,
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};

fn log(client: &str) -> String {
    format!("/clients/{client}/access-log")
}

/// The action, the kind of record and the actor of each entry, oldest first.
fn observed(entries: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries
        .iter()
        .rev()
        .map(|entry| (text(&entry["action"]), text(&entry["subject"]["id"]), text(&entry["actor"]["id"])))
        .collect()
}

async fn client_of(who: &User<'_>, case: &str) -> String {
    who.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned()
}

on_both_engines! {
    feedback_about_a_case_is_listed_only_for_supervisors_of_that_case,
    clients_see_only_time_and_role_of_confidential_access_log_entries,
    access_log_lists_every_read_and_change_of_one_client_only,
    reading_an_access_log_is_logged_and_paginated,
    access_log_requires_a_supervisor_and_omits_hidden_cases,
    break_glass_reads_are_marked_and_do_not_open_the_access_log,
    access_log_includes_unindexed_entries_and_operator_changes,
}

async fn clients_see_only_time_and_role_of_confidential_access_log_entries(server: &TestServer) {
    let (ana, sam, other) = (server.user(Role::Advocate), server.user(Role::Client), server.user(Role::Client));
    let (client, elsewhere) = (ana.new_client().await, ana.new_client().await);
    for (user, client) in [(&sam, &client), (&other, &elsewhere)] {
        ana.send("PUT", &format!("/clients/{client}/account"), &[], Some(json!({"user_id": user.id()})))
            .await
            .expect(200);
    }
    let open = json!({
        "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my medication.",
    });
    let case = ana.post("/cases", open).await.expect(201).id();
    let note = ana
        .post(&format!("/cases/{case}/notes"), json!({"kind": "restricted", "body": "In confidence."}))
        .await
        .expect(201)
        .id();
    ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "The clinic answers."}))
        .await
        .expect(201);
    // A list of both notes is one entry.
    let listed = ana.get(&format!("/cases/{case}/notes")).await.expect(200);
    server.user(Role::Supervisor).get(&format!("/notes/{note}")).await.expect(200);
    ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await.expect(201);
    sam.post("/me/feedback", json!({"text": "It helps."})).await.expect(201);
    ana.get(&format!("/clients/{client}/feedback")).await.expect(200);
    let shown = sam.get(&format!("{}?include_total=true", log(&client))).await.expect(200);
    let items = shown.body["items"].as_array().unwrap();
    assert_eq!(shown.body["total"], items.len());
    let (confidential, items): (Vec<Value>, Vec<Value>) =
        items.iter().cloned().partition(|entry| entry["kept_in_confidence"] == true);
    let observed: Vec<_> = confidential
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap(), entry["actor"]["role"].as_str().unwrap()))
        .collect();
    assert_eq!(
        observed,
        [
            ("confidential.read", "supervisor"),
            ("confidential.read", "advocate"),
            ("confidential.changed", "advocate"),
            ("confidential.changed", "advocate")
        ]
    );
    for entry in &confidential {
        assert!(
            entry["at"].is_string() && entry.get("subject").is_none() && entry["actor"].get("id").is_none(),
            "{entry:#}"
        );
        assert_eq!(entry["actor"]["display_name"], "Somebody of the organization");
    }
    assert_eq!(confidential[1]["request_id"], listed.header("x-request-id"));
    assert!(!shown.body.to_string().contains(&note) && !shown.body.to_string().contains("note."));
    // The pages contain the same entries for any page size.
    let small = pages(&sam, &log(&client), 1).await;
    assert_eq!(small.iter().filter(|entry| entry["kept_in_confidence"] == true).count(), 4);
    let kinds: std::collections::BTreeSet<_> =
        items.iter().map(|entry| entry["subject"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["case", "client", "feedback"]);
    for (action, who) in [("case.created", &ana), ("feedback.given", &sam), ("feedback.listed", &ana)] {
        assert!(
            items.iter().any(|entry| entry["action"] == action && entry["actor"]["id"] == who.id()),
            "{action}: {items:#?}"
        );
    }
    for stranger in [&other, &server.user(Role::Client), &server.user_of_other_org(Role::Client)] {
        stranger.get(&log(&client)).await.expect(404);
    }
    ana.get(&log(&client)).await.expect(403);
}

async fn access_log_lists_every_read_and_change_of_one_client_only(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let (client, other) = (ana.new_client().await, ana.new_client().await);
    let open = |client: &str| {
        json!({
            "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my medication.",
        })
    };
    let case = ana.post("/cases", open(&client)).await.expect(201).id();
    let other_case = ana.post("/cases", open(&other)).await.expect(201).id();
    let assignment = ana.get(&format!("/cases/{case}/assignments")).await.expect(200).body["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
    let post = |path: String, body: Value| {
        let ana = ana.clone();
        async move { ana.post(&path, body).await.expect(201).id() }
    };
    ana.post("/me/interests", json!({"provider_id": provider, "kind": "family"})).await.expect(201);
    let barrier =
        post(format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d", "provider_id": provider}))
            .await;
    let check = supervisor.get(&format!("/cases/{case}/conflict-checks")).await.expect(200).body["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let action =
        post(format!("/barriers/{barrier}/actions"), json!({"type": "internal_appeal", "forum": "The plan"})).await;
    let deadline = post(
        format!("/actions/{action}/deadlines"),
        json!({"due_on": "2030-01-05", "time_zone": "America/Chicago", "source": "manual"}),
    )
    .await;
    let note = post(format!("/cases/{case}/notes"), json!({"kind": "restricted", "body": "In confidence."})).await;
    let met = json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": "2030-01-05T10:00:00Z",
        "ends_at": "2030-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan.",
    });
    let meeting = post(format!("/cases/{case}/meetings"), met).await;
    let promise =
        post(format!("/meetings/{meeting}/commitments"), json!({"party": "provider", "text": "Write it down."})).await;
    let item = post(
        format!("/meetings/{meeting}/preparation"),
        json!({"category": "documents", "text": "The letter.", "mandatory": true, "owner": "client"}),
    )
    .await;
    let statement = post(format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time."}})).await;
    let colleague = server.user(Role::Advocate);
    let handover = post(format!("/cases/{case}/handovers"), json!({"to_user_id": colleague.id(), "note": "n"})).await;
    let (task, other_task) = (
        post(format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await,
        post(format!("/cases/{other_case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await,
    );
    // A list shows both clients, and the log of each client contains the part about that client.
    ana.get("/tasks").await.expect(200);
    admin.get(&format!("/cases/{case}")).await.expect(200);
    ana.get(&format!("/cases/{other_case}")).await.expect(200);
    supervisor.get(&format!("/notes/{note}")).await.expect(200);
    supervisor.get(&format!("/cases/{case}/timeline")).await.expect(200);
    colleague.get("/handovers?mine=true").await.expect(200);
    // A refused request showed nothing.
    colleague.get(&format!("/cases/{case}")).await.expect(404);
    ana.get("/search?q=medication").await.expect(200);
    let (a, b) = (ana.id(), supervisor.id());
    let entries = pages(&supervisor, &log(&client), 3).await;
    let mut expected: Vec<(&str, &str, &str)> = vec![
        ("client.created", &client, &a),
        ("case.created", &case, &a),
        ("assignment.created", &assignment, &a),
        ("case.assignments_read", &case, &a),
        ("barrier.created", &barrier, &a),
        ("conflict_check.found", &check, &a),
        ("conflict_check.listed", &check, &b),
        ("action.created", &action, &a),
        ("deadline.created", &deadline, &a),
        ("note.created", &note, &a),
        ("meeting.created", &meeting, &a),
        ("commitment.created", &promise, &a),
        ("preparation_item.created", &item, &a),
        ("statement.created", &statement, &a),
        ("handover.offered", &handover, &a),
        ("task.created", &task, &a),
        ("task.listed", &task, &a),
        // The other client has the same name: the user who entered it was shown this one as a possible duplicate.
        ("client.listed", &client, &a),
    ];
    let (admin, colleague) = (admin.id(), colleague.id());
    expected.extend([
        ("case.read", case.as_str(), admin.as_str()),
        ("note.read", &note, &b),
        ("case.timeline_read", &case, &b),
        ("handover.listed", &handover, &colleague),
        ("search.performed", &case, &a),
    ]);
    let found = observed(&entries);
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|(action, id, actor)| (action.as_str(), id.as_str(), actor.as_str())).collect();
    for wanted in &expected {
        assert_eq!(found.iter().filter(|found| *found == wanted).count(), 1, "{wanted:?} in {found:#?}");
    }
    assert!(
        found.iter().all(|(action, id, _)| *action == "client.access_log_read"
            || expected.iter().any(|(known, with, _)| known == action && with == id)),
        "{found:#?}"
    );
    let foreign = [other.as_str(), &other_case, &other_task, &provider];
    assert!(found.iter().all(|(_, id, _)| !foreign.contains(id)));
    let listed = entries.iter().find(|entry| entry["action"] == "task.listed").unwrap();
    assert_eq!(
        (&listed["subject"]["kind"], &listed["actor"]["role"], &listed["actor"]["display_name"]),
        (&json!("task"), &json!("advocate"), &json!("A advocate"))
    );
    let others = observed(&pages(&supervisor, &log(&other), 50).await);
    assert!(
        others.contains(&("task.listed".into(), other_task, ana.id()))
            && others.iter().all(|(_, id, _)| *id != task && *id != case),
        "{others:#?}"
    );
    assert!(!Value::Array(entries).to_string().contains("medication"), "no content");
}

async fn reading_an_access_log_is_logged_and_paginated(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client = ana.new_client().await;
    for _ in 0..5 {
        ana.get(&format!("/clients/{client}")).await.expect(200);
    }
    let first = supervisor.get(&format!("{}?include_total=true", log(&client))).await.expect(200);
    assert_eq!((first.body["items"].as_array().unwrap().len(), &first.body["total"]), (6, &json!(6)));
    let second = supervisor.get(&log(&client)).await.expect(200);
    assert_eq!(
        (&second.body["items"][0]["action"], &second.body["items"][0]["actor"]["id"]),
        (&json!("client.access_log_read"), &json!(supervisor.id()))
    );
    assert_eq!(second.body["items"][0]["request_id"], first.header("x-request-id"));
    let mut down = pages(&supervisor, &log(&client), 50).await;
    let read = down.iter().position(|entry| entry["action"] == "client.read").unwrap();
    down.drain(..read);
    let mut up = pages(&supervisor, &format!("{}?sort=at", log(&client)), 2).await;
    up.truncate(down.len());
    up.reverse();
    assert_eq!(up, down);
    let cursor = supervisor.get(&format!("{}?limit=1", log(&client))).await.body["page"]["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = server.user(Role::Supervisor);
    other.get(&format!("{}?limit=1&cursor={cursor}", log(&client))).await.expect(400);
}

async fn access_log_requires_a_supervisor_and_omits_hidden_cases(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let south = server.new_team("South side");
    let kim = server.user_in(&server.org, &[south], Role::Supervisor);
    let both = server.user_in(&server.org, &[server.team, south], Role::Supervisor);
    let client = ana.new_client().await;
    for role in [Role::Admin, Role::Advocate, Role::Integration, Role::Auditor] {
        server.user(role).get(&log(&client)).await.expect(403);
    }
    server.user(Role::Client).get(&log(&client)).await.expect(404);
    kim.get(&log(&client)).await.expect(404);
    server.user_of_other_org(Role::Supervisor).get(&log(&client)).await.expect(404);
    supervisor.get(&log(&TestServer::unknown_id())).await.expect(404);
    // The client belongs to one team, and one of the client's cases to another.
    let case = json!({
        "client_id": client, "team_id": south, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
    });
    let case = both.post("/cases", case).await.expect(201).id();
    both.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "b"})).await.expect(201);
    let seen = |entries: &[Value]| {
        observed(entries).iter().filter(|(action, ..)| action == "case.created" || action == "note.created").count()
    };
    let (of_boss, of_both) = (pages(&supervisor, &log(&client), 50).await, pages(&both, &log(&client), 50).await);
    assert_eq!((seen(&of_boss), seen(&of_both)), (0, 2));
    let total = supervisor.get(&format!("{}?include_total=true&limit=1", log(&client))).await.expect(200).body["total"]
        .as_u64()
        .unwrap();
    assert!(total < of_both.len() as u64, "{total}");
}

async fn break_glass_reads_are_marked_and_do_not_open_the_access_log(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let kim = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let case = active_case(&ana, &supervisor).await;
    let client = client_of(&ana, &case).await;
    let access_id = kim
        .post("/break-glass", json!({"case_id": case, "reason": "Sam is at the clinic's door."}))
        .await
        .expect(201)
        .id();
    kim.get(&format!("/clients/{client}")).await.expect(200);
    kim.get(&log(&client)).await.expect(404);
    let entries = pages(&supervisor, &log(&client), 50).await;
    let of_kim: Vec<_> = entries
        .iter()
        .rev()
        .filter(|entry| entry["actor"]["id"] == kim.id())
        .map(|entry| (entry["action"].clone(), entry["subject"]["id"].clone(), entry["break_glass"].clone()))
        .collect();
    assert_eq!(
        of_kim,
        [
            (json!("break_glass.opened"), json!(access_id), Value::Null),
            (json!("client.read"), json!(client), json!(true))
        ]
    );
}

async fn access_log_includes_unindexed_entries_and_operator_changes(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let client = client_of(&ana, &case).await;
    ana.get("/cases").await.expect(200);
    let origin = Origin { request: RequestId::new(), source: "cli".into(), own_address: None };
    let entry =
        Entry::new(None, server.org.id, &origin, "client.updated", Some(Id::<()>::parse(&client).unwrap().uuid()));
    let mut conn = server.database.open();
    // More entries without a client than one lookup and one block hold.
    let mut many: Vec<Entry> = (0..4200)
        .map(|_| Entry::new(None, server.org.id, &origin, "organization.updated", Some(server.org.id.uuid())))
        .collect();
    many.push(entry);
    conn.transaction(|conn| audit::append(conn, None, many)).unwrap();
    let before = pages(&supervisor, &log(&client), 50).await;
    assert_eq!(before[0]["actor"], json!({"display_name": "The operator"}));
    assert!(before.len() > 5, "{before:#?}");
    alongside::on_engine!(&mut conn, |c| c.batch_execute("DELETE FROM access_log; DELETE FROM access_log_marks"))
        .unwrap();
    // Housekeeping indexes all entries except the last few, for every organization.
    let db = server.open_db();
    while index::run_once(&db).await.unwrap() {}
    let rows: i64 = schema::access_log::table.count().get_result(&mut conn).unwrap();
    let (head, mark) = index::index_progress(&mut conn, server.org.id).unwrap();
    assert!(rows > 0 && mark > 4_000 && head - mark < 256, "{rows} rows, {mark} of {head}");
    let after = pages(&supervisor, &log(&client), 50).await;
    assert_eq!(after[after.len() - before.len()..], before);
    let verified = server.user(Role::Auditor).send("POST", "/audit-events/verification", &[], None).await.expect(200);
    assert_eq!(verified.body["verified"], true, "{:#}", verified.body);
    // Many concurrent requests index each entry only once.
    let logs = log(&client);
    let all = futures_util::future::join_all((0..16).map(|_| supervisor.get(&logs))).await;
    assert!(all.iter().all(|reply| reply.status == 200));
    let entries = pages(&supervisor, &logs, 200).await;
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry["action"] == "client.access_log_read"
                && all.iter().any(|reply| entry["request_id"] == reply.header("x-request-id")))
            .count(),
        16
    );
}

/// The client is in one team, the case in another.
async fn feedback_about_a_case_is_listed_only_for_supervisors_of_that_case(server: &TestServer) {
    let (ana, supervisor, sam) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Client));
    let south = server.new_team("South side");
    let (colleague, other_supervisor) = (
        server.user_in(&server.org, &[server.team, south], Role::Supervisor),
        server.user_in(&server.org, &[south], Role::Supervisor),
    );
    let client = ana.new_client().await;
    sam.link_to(&client);
    let case = json!({
        "client_id": client, "team_id": south, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
    });
    let case = colleague.post("/cases", case).await.expect(201).id();
    let feedback = sam.post("/me/feedback", json!({"text": "It helps.", "case_id": case})).await.expect(201).id();
    let general = sam.post("/me/feedback", json!({"text": "Thank you."})).await.expect(201).id();
    for (reader, expected) in [(&supervisor, [false, true]), (&colleague, [true, true])] {
        let entries = pages(reader, &log(&client), 50).await;
        let shown = [&feedback, &general].map(|id| entries.iter().any(|entry| entry["subject"]["id"] == id.as_str()));
        assert_eq!(shown, expected, "{entries:#?}");
    }
    other_supervisor.get(&log(&client)).await.expect(404);
}
