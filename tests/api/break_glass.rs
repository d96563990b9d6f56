//! Break-glass access: a supervisor of another team reads one case for some hours and changes nothing, and another
//! supervisor reviews the reason (AZ-13).

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{
    auth::Role,
    casework::break_glass::model::BreakGlassRow,
    db::schema,
    types::{Day, Id, Instant, Zone},
};
use diesel::prelude::*;
use serde_json::{Value, json};

const REASON: &str = "Sam is at the clinic's door.";

fn glass(case: &str) -> Value {
    json!({"case_id": case, "reason": REASON})
}

/// Lets an open access expire.
fn expire(server: &TestServer, glass: &str) {
    use schema::break_glass::dsl::*;
    let row = break_glass.filter(id.eq(Id::<BreakGlassRow>::parse(glass).unwrap()));
    let past = Instant::now().plus_seconds(-1);
    assert_eq!(diesel::update(row).set(expires_at.eq(past)).execute(&mut server.database.open()).unwrap(), 1);
}

async fn entries_of(server: &TestServer, subject: &str) -> Vec<Value> {
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    entries.into_iter().filter(|entry| entry["subject_id"] == subject).collect()
}

/// A case with records of every kind.
pub struct CaseWithRecords {
    pub case: String,
    pub client: String,
    /// The path of each record, and of each list below a record.
    pub shown: Vec<String>,
    /// Changes to the records, each valid for a user who may make it.
    pub changes: Vec<(&'static str, String, Value)>,
}

impl CaseWithRecords {
    pub async fn make(ana: &User<'_>, supervisor: &User<'_>, colleague: &User<'_>) -> Self {
        let case = active_case(ana, supervisor).await;
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
        ana.post("/me/interests", json!({"provider_id": provider, "kind": "family"})).await.expect(201);
        let post = |path: String, body: Value| async move { ana.post(&path, body).await.expect(201).id() };
        let barrier = post(
            format!("/cases/{case}/barriers"),
            json!({"type": "cost", "description": "d", "provider_id": provider}),
        )
        .await;
        let check = supervisor.get(&format!("/cases/{case}/conflict-checks")).await.expect(200).body["items"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let action =
            post(format!("/barriers/{barrier}/actions"), json!({"type": "internal_appeal", "forum": "The plan"})).await;
        let due = json!({"due_on": "2030-01-05", "time_zone": "America/Chicago", "source": "manual"});
        let deadline = post(format!("/actions/{action}/deadlines"), due).await;
        let note = post(format!("/cases/{case}/notes"), json!({"kind": "restricted", "body": "In confidence."})).await;
        let task = post(format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await;
        let met = json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": "2030-01-05T10:00:00Z",
            "ends_at": "2030-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan.",
        });
        let meeting = post(format!("/cases/{case}/meetings"), met).await;
        let promise =
            post(format!("/meetings/{meeting}/commitments"), json!({"party": "provider", "text": "Write it down."}))
                .await;
        let statement = post(format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time."}})).await;
        let item = ana.get(&format!("/meetings/{meeting}/preparation")).await.expect(200).body["items"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut shown: Vec<String> = [
            "",
            "/transitions",
            "/assignments",
            "/handovers",
            "/timeline",
            "/barriers",
            "/actions",
            "/meetings",
            "/notes",
            "/tasks",
            "/conflict-checks",
        ]
        .iter()
        .map(|list| format!("/cases/{case}{list}"))
        .collect();
        shown.extend([
            format!("/cases/{case}?expand=client"),
            format!("/clients/{client}"),
            format!("/clients/{client}/statements"),
            format!("/clients/{client}/self-advocacy"),
            format!("/statements/{statement}"),
            format!("/conflict-checks/{check}"),
            format!("/barriers/{barrier}"),
            format!("/barriers/{barrier}/actions"),
            format!("/actions/{action}"),
            format!("/actions/{action}/deadlines"),
            format!("/deadlines/{deadline}"),
            format!("/notes/{note}"),
            format!("/tasks/{task}"),
            format!("/meetings/{meeting}"),
            format!("/meetings/{meeting}/preparation"),
            format!("/meetings/{meeting}/commitments"),
            format!("/commitments/{promise}"),
        ]);
        let changes = vec![
            ("POST", format!("/conflict-checks/{check}/decision"), json!({"decision": "reassign", "reason": "r"})),
            ("PATCH", format!("/cases/{case}"), json!({"tags": ["mine"]})),
            ("PATCH", format!("/clients/{client}"), json!({"preferred_name": "Kim"})),
            ("PATCH", format!("/barriers/{barrier}"), json!({"severity": "high"})),
            ("PATCH", format!("/actions/{action}"), json!({"description": "d"})),
            ("PATCH", format!("/deadlines/{deadline}"), json!({"note": "n"})),
            ("PATCH", format!("/tasks/{task}"), json!({"title": "Call again"})),
            ("PATCH", format!("/meetings/{meeting}"), json!({"purpose": "Another."})),
            ("PATCH", format!("/commitments/{promise}"), json!({"status": "kept"})),
            ("PATCH", format!("/statements/{statement}"), json!({"sections": {"needs": "None."}})),
            ("PATCH", format!("/preparation-items/{item}"), json!({"done": true})),
            (
                "POST",
                format!("/cases/{case}/transitions"),
                json!({"to": "on_hold", "reason": "r", "review_on": Day::today(&Zone::utc()).plus_days(30)}),
            ),
            ("POST", format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "b"})),
            ("POST", format!("/cases/{case}/tasks"), json!({"title": "t", "due_on": "2030-01-01"})),
            ("POST", format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"})),
            ("POST", format!("/cases/{case}/assignments"), json!({"user_id": colleague.id(), "role": "co"})),
            ("POST", format!("/cases/{case}/conflict-checks"), json!({})),
            ("POST", format!("/barriers/{barrier}/actions"), json!({"type": "letter", "forum": "f"})),
            ("POST", format!("/meetings/{meeting}/commitments"), json!({"party": "advocate", "text": "t"})),
            ("POST", format!("/deadlines/{deadline}/waive"), json!({"reason": "r"})),
            (
                "POST",
                format!("/statements/{statement}/approve"),
                json!({"approved_by": "client", "method": "in_person"}),
            ),
            ("POST", format!("/clients/{client}/statements"), json!({"sections": {"needs": "None."}})),
        ];
        Self { case, client, shown, changes }
    }
}

on_both_engines! {
    break_glass_access_is_read_only_and_limited_to_one_case,
    break_glass_reads_are_marked_in_audit_log_and_access_is_on_timeline,
    break_glass_is_reviewed_by_another_supervisor_of_the_case,
    break_glass_requires_another_teams_case_a_reason_and_no_open_access,
}

async fn break_glass_access_is_read_only_and_limited_to_one_case(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let kim = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let lee = server.user_in(&server.org, &[server.new_team("West side")], Role::Supervisor);
    let (work, other) =
        (CaseWithRecords::make(&ana, &supervisor, &server.user(Role::Advocate)).await, ana.new_case().await);
    let refused = async |who: &User<'_>| {
        for path in &work.shown {
            who.get(path).await.expect(404);
        }
        for (method, path, body) in &work.changes {
            who.send(method, path, &[("if-match", "*")], Some(body.clone())).await.expect(404);
        }
    };
    refused(&kim).await;
    let opened = kim.post("/break-glass", glass(&work.case)).await.expect(201);
    for path in &work.shown {
        kim.get(path).await.expect(200);
    }
    assert_eq!(
        kim.get(&format!("/cases/{}?expand=client", work.case)).await.body["client"]["id"],
        work.client.as_str()
    );
    // Break-glass access allows no change, however valid, and a rejected change leaves nothing.
    let before = supervisor.get(&format!("/cases/{}/timeline", work.case)).await.expect(200).body;
    for (method, path, body) in &work.changes {
        let reply = kim.send(method, path, &[("if-match", "*")], Some(body.clone())).await;
        assert_eq!(reply.status, 403, "{method} {path}: {:#}", reply.body);
    }
    assert_eq!(supervisor.get(&format!("/cases/{}/timeline", work.case)).await.expect(200).body, before);
    let named = json!({"client_id": work.client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g"});
    kim.post("/cases", named).await.expect_fault(422, "/client_id", "unknown_reference");
    // The case appears in no list except those below it, and in no search. The access shows no other case, and nobody
    // else sees more.
    for list in [
        "/cases",
        "/clients",
        "/barriers",
        "/actions",
        "/deadlines",
        "/meetings",
        "/tasks",
        "/handovers",
        "/search?q=sam",
    ] {
        assert_eq!(kim.get(list).await.expect(200).body["items"], json!([]), "{list}");
    }
    assert!(!kim.get("/me/agenda").await.expect(200).body.to_string().contains(&work.case));
    for path in
        [format!("/cases/{other}"), format!("/cases/{other}/notes"), format!("/cases/{}", TestServer::unknown_id())]
    {
        kim.get(&path).await.expect(404);
    }
    refused(&lee).await;
    // The access ends at once when it expires and when it is ended.
    expire(server, &opened.id());
    refused(&kim).await;
    kim.post("/break-glass", glass(&work.case)).await.expect(409); // nobody has reviewed her access yet
    supervisor.post(&format!("/break-glass/{}/review", opened.id()), json!({})).await.expect(201);
    let again = kim.post("/break-glass", glass(&work.case)).await.expect(201).id();
    kim.get(&work.shown[0]).await.expect(200);
    kim.send("DELETE", &format!("/break-glass/{again}"), &[("if-match", "\"v1\"")], None).await.expect(204);
    kim.send("DELETE", &format!("/break-glass/{again}"), &[("if-match", "\"v2\"")], None).await.expect(409);
    refused(&kim).await;
    for (method, path, body) in &work.changes {
        let mut reply = supervisor.send(method, path, &[("if-match", "*")], Some(body.clone())).await;
        if reply.status == 403 {
            reply = ana.send(method, path, &[("if-match", "*")], Some(body.clone())).await;
        } // This step is for the lead.
        assert!(reply.status < 300, "a good change: {method} {path}: {:#}", reply.body);
    }
}

async fn break_glass_reads_are_marked_in_audit_log_and_access_is_on_timeline(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let kim = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let case = ana.new_case().await;
    let opened = kim.post("/break-glass", glass(&case)).await.expect(201).id();
    kim.get(&format!("/cases/{case}")).await.expect(200);
    supervisor.get(&format!("/cases/{case}")).await.expect(200);
    kim.patch(&format!("/cases/{case}"), "*", json!({"tags": []})).await.expect(403);
    let looks: Vec<_> = entries_of(server, &case)
        .await
        .into_iter()
        .filter(|entry| entry["action"] != "case.created")
        .map(|entry| (entry["action"].clone(), entry["actor_id"].clone(), entry["fields"].clone()))
        .collect();
    assert_eq!(
        looks,
        [
            (json!("case.read"), json!(kim.id()), json!(["break_glass"])),
            (json!("case.read"), json!(supervisor.id()), json!([])),
            (json!("request.refused"), json!(kim.id()), json!(["PATCH /api/v1/cases/{id}", "403"])),
        ]
    );
    supervisor.send("DELETE", &format!("/break-glass/{opened}"), &[("if-match", "*")], None).await.expect(204);
    supervisor.post(&format!("/break-glass/{opened}/review"), json!({})).await.expect(201);
    let actions: Vec<_> = entries_of(server, &opened)
        .await
        .into_iter()
        .map(|entry| (entry["action"].clone(), entry["actor_id"].clone()))
        .collect();
    assert_eq!(
        actions,
        [
            (json!("break_glass.opened"), json!(kim.id())),
            (json!("break_glass.ended"), json!(supervisor.id())),
            (json!("break_glass.reviewed"), json!(supervisor.id()))
        ]
    );
    // The people who work on the case see it.
    let timeline = ana.get(&format!("/cases/{case}/timeline")).await.expect(200).body["items"].clone();
    let observed: Vec<_> = timeline
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["subject_id"] == opened)
        .map(|entry| (entry["event"].clone(), entry["actor_id"].clone()))
        .collect();
    assert_eq!(
        observed,
        [
            (json!("break_glass.reviewed"), json!(supervisor.id())),
            (json!("break_glass.ended"), json!(supervisor.id())),
            (json!("break_glass.opened"), json!(kim.id()))
        ]
    );
    let trace = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    assert!(!Value::Array(trace).to_string().contains(REASON), "a reason is content");
}

async fn break_glass_is_reviewed_by_another_supervisor_of_the_case(server: &TestServer) {
    let (ana, supervisor, other_supervisor) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Supervisor));
    let south = server.new_team("South side");
    let (kim, bo) = (
        server.user_in(&server.org, &[south], Role::Supervisor),
        server.user_in(&server.org, &[south], Role::Supervisor),
    );
    let case = ana.new_case().await;
    let opened = kim.post("/break-glass", glass(&case)).await.expect(201);
    let (id, path) = (opened.id(), format!("/break-glass/{}", opened.id()));
    let until = Instant::parse(opened.body["expires_at"].as_str().unwrap()).unwrap();
    let hours =
        (until.micros() - Instant::parse(opened.body["opened_at"].as_str().unwrap()).unwrap().micros()) / 3_600_000_000;
    assert_eq!(hours, 4);
    // Only the users who are to review it get a message.
    for supervisor in [&supervisor, &other_supervisor] {
        assert!(server.emails(&supervisor.email, 1).await[0].contains("Subject: For your review"));
    }
    assert_eq!(std::fs::read_dir(server.database.mail()).unwrap().count(), 2);
    assert_eq!(kim.get(&path).await.expect(200).body, opened.body);
    // It is in the lists of the case's supervisors and in the user's own; nobody else sees it.
    let waits = async |who: &User<'_>| {
        pages(who, "/break-glass?reviewed=false", 1).await.iter().filter(|glass| glass["id"] == id.as_str()).count()
    };
    assert_eq!(
        (waits(&kim).await, waits(&supervisor).await, waits(&other_supervisor).await, waits(&bo).await),
        (1, 1, 1, 0)
    );
    let user_of_other_org = server.user_of_other_org(Role::Supervisor);
    for stranger in [&bo, &user_of_other_org] {
        stranger.get(&path).await.expect(404);
        stranger.send("DELETE", &path, &[("if-match", "*")], None).await.expect(404);
        stranger.post(&format!("{path}/review"), json!({})).await.expect(404);
    }
    for role in [Role::Admin, Role::Advocate, Role::Auditor, Role::Client, Role::Integration] {
        let nobody = server.user(role);
        nobody.post("/break-glass", glass(&case)).await.expect(403);
        nobody.get("/break-glass").await.expect(403);
    }
    supervisor.post(&format!("{path}/review"), json!({})).await.expect(409);
    supervisor.send("DELETE", &path, &[("if-match", "\"v1\"")], None).await.expect(204);
    kim.get(&format!("/cases/{case}")).await.expect(404);
    kim.post(&format!("{path}/review"), json!({})).await.expect(403);
    let reviews = futures_util::future::join_all(
        [&supervisor, &other_supervisor]
            .map(async |who| who.post(&format!("{path}/review"), json!({"finding": "Kim called the clinic."})).await),
    )
    .await;
    let mut statuses: Vec<u16> = reviews.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "it is reviewed once");
    let seen = kim.get(&path).await.expect(200);
    assert!([supervisor.id(), other_supervisor.id()].iter().any(|who| seen.body["reviewed_by"] == who.as_str()));
    assert_eq!(seen.body["finding"], "Kim called the clinic.");
    assert_eq!((waits(&supervisor).await, pages(&supervisor, "/break-glass?reviewed=true", 1).await.len()), (0, 1));
}

async fn break_glass_requires_another_teams_case_a_reason_and_no_open_access(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let kim = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let case = ana.new_case().await;
    supervisor.post("/break-glass", glass(&case)).await.expect(409);
    for short in ["too short", "  nine chrs      "] {
        kim.post("/break-glass", json!({"case_id": case, "reason": short})).await.expect_fault(
            422,
            "/reason",
            "too_short",
        );
    }
    kim.post("/break-glass", json!({"case_id": case})).await.expect_fault(422, "/reason", "required");
    // A missing case and one of another organization give the same response.
    let mut observed = Vec::new();
    for (who, case) in [(&kim, TestServer::unknown_id()), (&server.user_of_other_org(Role::Supervisor), case.clone())] {
        let reply = who.post("/break-glass", glass(&case)).await;
        observed.push(reply.observed());
        reply.expect_fault(422, "/case_id", "unknown_reference");
    }
    assert_eq!(observed[0], observed[1]);
    let key = [("idempotency-key", "once")];
    let first = kim.send("POST", "/break-glass", &key, Some(glass(&case))).await.expect(201);
    let again = kim.send("POST", "/break-glass", &key, Some(glass(&case))).await.expect(201);
    assert_eq!(first.body, again.body);
    kim.post("/break-glass", glass(&case)).await.expect(409);
    expire(server, &first.id());
    kim.post("/break-glass", glass(&case)).await.expect(409);
    supervisor.post(&format!("/break-glass/{}/review", first.id()), json!({})).await.expect(201);
    let many = futures_util::future::join_all((0..8).map(|_| kim.post("/break-glass", glass(&case)))).await;
    assert_eq!(many.iter().filter(|reply| reply.status == 201).count(), 1);
    assert!(many.iter().all(|reply| matches!(reply.status, 201 | 409)));
    // A user who is no longer a supervisor sees nothing by it.
    server.user(Role::Admin).patch(&format!("/users/{}", kim.id()), "*", json!({"role": "advocate"})).await.expect(200);
    assert!(matches!(kim.get(&format!("/cases/{case}")).await.status, 401 | 404));
}
