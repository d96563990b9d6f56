//! The main task, end to end, and the records that belong to a case.

use crate::{
    on_both_engines,
    support::{TestServer, active_case, pages},
};
use alongside::{
    auth::Role,
    types::{Day, Instant},
};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

fn soon(hours: i64) -> String {
    Instant::now().plus_seconds(hours * 3600).to_string()
}
fn meeting(starts: &str, ends: &str) -> Value {
    json!({
        "type": "discharge_planning", "mode": "in_person", "starts_at": starts, "ends_at": ends,
        "time_zone": "America/Chicago", "purpose": "Agree how treatment goes on.",
    })
}

on_both_engines! {
    main_workflow_runs_end_to_end,
    records_of_a_case_are_visible_only_to_users_who_see_the_case,
    restricted_note_is_visible_only_to_its_author_and_supervisors,
    note_is_locked_after_a_day_and_can_then_be_amended,
    barrier_that_changes_available_transitions_changes_the_case_etag,
    invalid_barriers_meetings_notes_and_tasks_are_rejected_by_member,
    meeting_can_be_rescheduled_and_its_template_replaced,
    services_and_code_lists_can_be_queried,
}

async fn main_workflow_runs_end_to_end(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client =
        ana.post("/clients", json!({"preferred_name": "Sam", "safe_contact": {"text": true}})).await.expect(201).id();
    let case = ana
        .post(
            "/cases",
            json!({
                "client_id": client, "advocacy_type": "peer", "intake_source": "treatment_provider",
                "client_goal": "Stay on my medication.",
            }),
        )
        .await
        .expect(201)
        .id();
    let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
    let at = |path: &str| format!("/cases/{case}/{path}");
    supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
    supervisor
        .transition(&case, json!({"to": "accepted", "client_agreement": true, "conflict_check": true}))
        .await
        .expect(201);
    ana.transition(&case, json!({"to": "active"})).await.expect_fault(409, "/first_contact", "first_contact");
    ana.post(
        &at("notes"),
        json!({
            "kind": "contact", "body": "Spoke with Sam.", "occurred_at": soon(-2), "direction": "out", "mode": "phone",
            "successful": true, "minutes": 20,
        }),
    )
    .await
    .expect(201);
    ana.transition(&case, json!({"to": "active"})).await.expect(201);
    let barrier = ana
        .post(
            &at("barriers"),
            json!({
                "type": "moud_required_to_stop", "description": "The clinic asks Sam to stop buprenorphine.",
                "provider_id": provider, "bases": ["disability_moud_or_medication"], "severity": "high",
            }),
        )
        .await
        .expect(201);
    let booked = ana
        .post(&at("meetings"), {
            let mut body = meeting(&soon(-1), &soon(1));
            body["provider_id"] = json!(provider);
            body
        })
        .await
        .expect(201);
    assert_eq!(booked.body["readiness"]["done"], 0);
    let items = ana.get(&format!("/meetings/{}/preparation", booked.id())).await.expect(200).body["items"].clone();
    let mandatory: Vec<&Value> = items.as_array().unwrap().iter().filter(|item| item["mandatory"] == true).collect();
    for item in &mandatory {
        ana.patch(&format!("/preparation-items/{}", item["id"].as_str().unwrap()), "\"v1\"", json!({"done": true}))
            .await
            .expect(200);
    }
    let ready = ana.get(&format!("/meetings/{}", booked.id())).await.expect(200);
    assert_eq!(ready.body["readiness"]["ratio"], json!(1.0));
    let bare = ana.post(&format!("/meetings/{}/outcome", booked.id()), json!({"status": "held"})).await.expect(422);
    let pointers: Vec<String> = bare.faults().into_iter().map(|(at, _)| at).collect();
    assert_eq!(pointers, ["/who_spoke", "/outcomes", "/summary"]);
    let day = Day::today(&server.org.time_zone).plus_days(7);
    let outcome = json!({
        "status": "held", "who_spoke": "spoke_with_support", "outcomes": ["agreed_written_plan"],
        "summary": "The clinic will keep the prescription.",
        "commitments": [{"party": "provider", "text": "Send the plan in writing.", "due_on": day}],
        "follow_up_tasks": [{"title": "Check that the plan came", "due_on": day}],
    });
    let held = ana.post(&format!("/meetings/{}/outcome", booked.id()), outcome).await.expect(201);
    assert_eq!((&held.body["status"], held.body["commitments"].as_array().unwrap().len()), (&json!("held"), 1));
    ana.post(&format!("/meetings/{}/outcome", booked.id()), json!({"status": "no_show"})).await.expect(409);
    assert_eq!(pages(&ana, &at("tasks"), 10).await.len(), 1);
    ana.transition(&case, json!({"to": "closing"})).await.expect_fault(409, "/to", "barriers_disposed");
    ana.patch(
        &format!("/barriers/{}", barrier.id()),
        "\"v1\"",
        json!({"status": "resolved", "disposition": "resolved_full", "judged_by": "client"}),
    )
    .await
    .expect(200);
    ana.transition(&case, json!({"to": "closing"})).await.expect(201);
    supervisor
        .transition(
            &case,
            json!({
                "to": "closed", "closing_reason": "resolved_in_client_favor", "closing_summary": "Medication kept.",
                "outcome": "goal_met",
            }),
        )
        .await
        .expect(201);
    let timeline = pages(&ana, &at("timeline"), 7).await;
    for event in [
        "case.opened",
        "note.created",
        "barrier.created",
        "meeting.created",
        "meeting.held",
        "task.created",
        "barrier.updated",
    ] {
        assert!(timeline.iter().any(|entry| entry["event"] == event), "{event} is missing: {timeline:#?}");
    }
    let verified = server.user(Role::Auditor).send("POST", "/audit-events/verification", &[], None).await.expect(200);
    assert_eq!(verified.body["verified"], true);
}

async fn records_of_a_case_are_visible_only_to_users_who_see_the_case(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    let mut records = Vec::new();
    for (path, body) in [
        ("barriers", json!({"type": "cost", "description": "Deposit."})),
        ("notes", json!({"kind": "progress", "body": "Called."})),
        ("tasks", json!({"title": "Call", "due_on": "2027-01-05"})),
        ("meetings", meeting("2027-01-05T10:00:00Z", "2027-01-05T11:00:00Z")),
    ] {
        records.push((path, ana.post(&format!("/cases/{case}/{path}"), body.clone()).await.expect(201).id()));
        for stranger in [
            &ben,
            &server.user_of_other_org(Role::Supervisor),
            &server.user_in(&server.org, &[server.new_team(path)], Role::Supervisor),
        ] {
            stranger.post(&format!("/cases/{case}/{path}"), body.clone()).await.expect(404);
            stranger.get(&format!("/cases/{case}/{path}")).await.expect(404);
            if path != "notes" {
                assert_eq!(stranger.get(&format!("/{path}")).await.expect(200).body["items"], json!([]), "{path}");
            }
            stranger.get(&format!("/{path}/{}", records.last().unwrap().1)).await.expect(404);
        }
        supervisor.get(&format!("/{path}/{}", records.last().unwrap().1)).await.expect(200);
        server.user(Role::Admin).get(&format!("/{path}/{}", records.last().unwrap().1)).await.expect(403);
    }
    // The case goes to another lead, with all its records.
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    for (path, id) in &records {
        ana.get(&format!("/{path}/{id}")).await.expect(404);
        ben.get(&format!("/{path}/{id}")).await.expect(200);
    }
}

async fn restricted_note_is_visible_only_to_its_author_and_supervisors(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"}))
        .await
        .expect(201);
    for kind in ["restricted", "supervision"] {
        let note = ana
            .post(&format!("/cases/{case}/notes"), json!({"kind": kind, "body": "Between us."}))
            .await
            .expect(201)
            .id();
        ben.get(&format!("/notes/{note}")).await.expect(404);
        for reader in [&ana, &supervisor] {
            reader.get(&format!("/notes/{note}")).await.expect(200);
        }
    }
    assert_eq!(ben.get(&format!("/cases/{case}/notes?include_total=true")).await.expect(200).body["total"], 0);
    assert_eq!(supervisor.get(&format!("/cases/{case}/notes?include_total=true")).await.expect(200).body["total"], 2);
    let observed = pages(&ben, &format!("/cases/{case}/timeline"), 50).await;
    assert!(observed.iter().all(|entry| entry["event"] != "note.created"), "{observed:#?}");
}

async fn note_is_locked_after_a_day_and_can_then_be_amended(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let note =
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "Called."})).await.expect(201);
    let path = format!("/notes/{}", note.id());
    ana.patch(&path, "\"v1\"", json!({"body": "Called twice."})).await.expect(200);
    supervisor.patch(&path, "\"v2\"", json!({"body": "Never called."})).await.expect(403);
    ana.post(&format!("{path}/amendments"), json!({"body": "Too early."})).await.expect(409);
    let yesterday = Instant::now().plus_seconds(-25 * 3600);
    let sql = match server.engine {
        crate::support::database::Engine::Sqlite => format!("UPDATE notes SET created_at = {}", yesterday.micros()),
        crate::support::database::Engine::Postgres => format!("UPDATE notes SET created_at = '{yesterday}'"),
    };
    alongside::on_engine!(&mut server.database.open(), |c| c.batch_execute(&sql)).unwrap();
    let locked = ana.patch(&path, "\"v2\"", json!({"body": "Called three times."})).await.expect(409);
    assert_eq!(locked.body["code"], "note_locked");
    supervisor.post(&format!("{path}/amendments"), json!({"body": "The clinic called back."})).await.expect(201);
    let read = ana.get(&path).await.expect(200);
    assert_eq!(
        (&read.body["body"], &read.body["amendments"][0]["body"]),
        (&json!("Called twice."), &json!("The clinic called back."))
    );
    assert_eq!(read.body["version"], 3);
}

async fn barrier_that_changes_available_transitions_changes_the_case_etag(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let etag = ana.get(&format!("/cases/{case}")).await.etag();
    let barrier = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "Deposit."}))
        .await
        .expect(201)
        .id();
    let now = ana.send("GET", &format!("/cases/{case}"), &[("if-none-match", &etag)], None).await.expect(200);
    let closing = now.body["available_transitions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|way| way["to"] == "closing")
        .unwrap()
        .clone();
    assert_eq!(closing["unmet"], json!(["barriers_disposed"]));
    ana.patch(&format!("/barriers/{barrier}"), "*", json!({"status": "resolved"})).await.expect(422);
    ana.patch(
        &format!("/barriers/{barrier}"),
        "*",
        json!({"status": "resolved", "disposition": "workaround_found", "judged_by": "client"}),
    )
    .await
    .expect(200);
    ana.send("GET", &format!("/cases/{case}"), &[("if-none-match", &now.etag())], None).await.expect(200);
}

async fn invalid_barriers_meetings_notes_and_tasks_are_rejected_by_member(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let theirs = server
        .user_of_other_org(Role::Advocate)
        .post("/providers", json!({"name": "Elsewhere"}))
        .await
        .expect(201)
        .id();
    let (starts, ends) = ("2027-01-05T10:00:00Z", "2027-01-05T11:00:00Z");
    let with = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let barrier = json!({"type": "cost", "description": "Deposit."});
    let note = json!({
        "kind": "contact", "body": "b", "occurred_at": "2026-01-05T10:00:00Z", "direction": "out", "mode": "phone",
        "successful": true,
    });
    let task = json!({"title": "t", "due_on": "2027-01-05"});
    for (path, body, at) in [
        ("barriers", with(barrier.clone(), "type", json!("other")), "/type_text"),
        ("barriers", with(barrier.clone(), "bases", json!(["other"])), "/basis_text"),
        ("barriers", with(barrier.clone(), "provider_id", json!(theirs)), "/provider_id"),
        ("barriers", with(barrier.clone(), "service_id", json!(TestServer::unknown_id())), "/service_id"),
        ("barriers", with(barrier.clone(), "occurred_on", json!("2199-01-01")), "/occurred_on"),
        (
            "barriers",
            with(
                barrier.clone(),
                "service_type",
                json!({"system": "open_eligibility", "code": "9999", "version": "1"}),
            ),
            "/service_type/code",
        ),
        ("meetings", meeting(ends, starts), "/ends_at"),
        ("meetings", with(meeting(starts, ends), "time_zone", json!("Mars/Base")), "/time_zone"),
        ("meetings", with(meeting(starts, ends), "provider_id", json!(theirs)), "/provider_id"),
        ("meetings", with(meeting(starts, ends), "status", json!("held")), "/status"),
        ("meetings", with(meeting(starts, ends), "reschedules", json!(TestServer::unknown_id())), "/reschedules"),
        ("notes", with(note.clone(), "occurred_at", json!("2199-01-01T00:00:00Z")), "/occurred_at"),
        ("notes", with(note.clone(), "minutes", json!(1441)), "/minutes"),
        (
            "notes",
            json!({
                "kind": "contact", "body": "b", "occurred_at": "2026-01-05T10:00:00Z", "mode": "phone",
                "successful": true,
            }),
            "/direction",
        ),
        ("notes", json!({"kind": "progress", "body": "b", "successful": true}), "/successful"),
        ("tasks", with(task.clone(), "due_on", json!("2027-02-30")), "/due_on"),
        (
            "tasks",
            with(task.clone(), "assignee_id", json!(server.user_of_other_org(Role::Advocate).id())),
            "/assignee_id",
        ),
    ] {
        let reply = ana.post(&format!("/cases/{case}/{path}"), body.clone()).await.expect(422);
        assert!(reply.faults().iter().any(|(pointer, _)| pointer == at), "{path} {body}: {:#}", reply.body);
    }
    for path in ["barriers", "meetings", "notes", "tasks"] {
        assert_eq!(
            ana.get(&format!("/cases/{case}/{path}")).await.expect(200).body["items"],
            json!([]),
            "{path}: nothing was stored"
        );
    }
}

async fn meeting_can_be_rescheduled_and_its_template_replaced(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let case = active_case(&ana, &supervisor).await;
    let path = format!("/cases/{case}/meetings");
    let first = ana.post(&path, meeting("2027-01-05T10:00:00Z", "2027-01-05T11:00:00Z")).await.expect(201).id();
    let template = admin.get("/preparation-templates/discharge_planning").await.expect(200);
    assert_eq!(template.body["source"], "built_in");
    admin
        .send(
            "PUT",
            "/preparation-templates/discharge_planning",
            &[("if-match", &template.etag())],
            Some(json!({
                "items": [{"category": "purpose", "text": "What do you want?", "mandatory": true, "owner": "client"}],
            })),
        )
        .await
        .expect(200);
    ana.send("PUT", "/preparation-templates/discharge_planning", &[], Some(json!({"items": []}))).await.expect(403);
    ana.get("/preparation-templates/nonsense").await.expect(404);
    let mut body = meeting("2027-01-06T10:00:00Z", "2027-01-06T11:00:00Z");
    body["reschedules"] = json!(first);
    let second = ana.post(&path, body.clone()).await.expect(201);
    assert_eq!(second.body["readiness"]["mandatory"], 1);
    let old = ana.get(&format!("/meetings/{first}")).await.expect(200);
    assert_eq!((&old.body["status"], &old.body["rescheduled_to"]), (&json!("rescheduled"), &json!(second.id())));
    ana.post(&path, body).await.expect(409);
    ana.patch(&format!("/meetings/{first}"), "*", json!({"purpose": "Too late."})).await.expect(409);
    ana.post(
        &format!("/meetings/{}/outcome", second.id()),
        json!({"status": "held", "who_spoke": "spoke_for_self", "outcomes": ["goal_met"], "summary": "s"}),
    )
    .await
    .expect(422);
    assert_eq!(pages(&ana, "/meetings?mine=true&status=booked", 5).await.len(), 1);
}

async fn services_and_code_lists_can_be_queried(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
    let service = ana
        .post("/services", json!({"name": "Intake", "provider_id": provider, "status": "active"}))
        .await
        .expect(201)
        .id();
    ana.patch(&format!("/services/{service}"), "\"v1\"", json!({"wait_time": "Six weeks"})).await.expect(200);
    ana.post("/services", json!({"name": "Intake", "provider_id": TestServer::unknown_id(), "status": "active"}))
        .await
        .expect_fault(422, "/provider_id", "unknown_reference");
    assert_eq!(pages(&ana, &format!("/services?provider={provider}&status=active"), 5).await.len(), 1);
    server.user_of_other_org(Role::Advocate).get(&format!("/services/{service}")).await.expect(404);
    let lists = ana.get("/code-lists").await.expect(200);
    assert!(lists.body["items"].as_array().unwrap().iter().any(|list| list["name"] == "barrier_type"));
    let list = ana.get("/code-lists/barrier_type").await.expect(200);
    assert_eq!(list.body["codes"].as_array().unwrap().len(), 51);
    ana.get("/code-lists/nonsense").await.expect(404);
}
