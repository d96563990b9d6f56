//! Substitution of users: handovers, deputies, and temporary cover that ends by itself.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{
    auth::Role,
    db::schema,
    types::{Day, Instant},
};
use diesel::prelude::*;
use serde_json::{Value, json};

fn days_from_now(server: &TestServer, days: i32) -> Day {
    Day::today(&server.org.time_zone).plus_days(days)
}

/// Makes a supervisor of another team the deputy of the test's team, from today for this many days.
async fn add_deputy(server: &TestServer, admin: &User<'_>, deputy: &User<'_>, days: i32) -> String {
    let body = json!({
        "user_id": deputy.id(), "starts_on": days_from_now(server, 0), "ends_on": days_from_now(server, days - 1),
        "reason": "CANARY is ill.",
    });
    admin.post(&format!("/teams/{}/deputies", server.team), body).await.expect(201).id()
}

/// Moves the period of every deputy.
fn at_another_time(server: &TestServer, starts_in_hours: i64, ends_in_hours: i64) {
    use schema::team_deputies::dsl::*;
    let now = Instant::now();
    let window =
        (starts_at.eq(now.plus_seconds(starts_in_hours * 3600)), ends_at.eq(now.plus_seconds(ends_in_hours * 3600)));
    diesel::update(team_deputies).set(window).execute(&mut server.database.open()).unwrap();
}

async fn audit_actions(server: &TestServer, subject: &str) -> Vec<String> {
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 50).await;
    entries
        .iter()
        .filter(|entry| entry["subject_id"] == subject)
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

/// A case with open work of every kind.
struct CaseWithOpenWork {
    case: String,
    client: String,
    meeting: String,
    task: String,
    commitment: String,
}

impl CaseWithOpenWork {
    async fn make(lead: &User<'_>, supervisor: &User<'_>) -> Self {
        let case = active_case(lead, supervisor).await;
        let client = lead.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let booked = json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": "2030-01-05T10:00:00Z",
            "ends_at": "2030-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan.",
        });
        let meeting = lead.post(&format!("/cases/{case}/meetings"), booked).await.expect(201).id();
        let task = lead
            .post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-06"}))
            .await
            .expect(201)
            .id();
        let done = lead
            .post(&format!("/cases/{case}/tasks"), json!({"title": "Done", "due_on": "2030-01-06"}))
            .await
            .expect(201)
            .id();
        lead.patch(&format!("/tasks/{done}"), "*", json!({"status": "done"})).await.expect(200);
        let promise = json!({"party": "provider", "text": "Write it down.", "due_on": "2030-01-07"});
        let commitment = lead.post(&format!("/meetings/{meeting}/commitments"), promise).await.expect(201).id();
        Self { case, client, meeting, task, commitment }
    }

    fn records(&self) -> Vec<String> {
        let Self { case, client, meeting, task, commitment } = self;
        vec![
            format!("/cases/{case}"),
            format!("/clients/{client}"),
            format!("/meetings/{meeting}"),
            format!("/tasks/{task}"),
            format!("/commitments/{commitment}"),
            format!("/cases/{case}/timeline"),
            format!("/cases/{case}/assignments"),
        ]
    }
}

on_both_engines! {
    deputy_has_the_access_of_the_team_supervisor,
    only_administrators_appoint_supervisors_as_deputies_for_a_period,
    reason_for_a_deputy_is_visible_only_to_admin_and_supervisor,
    deputy_loses_access_with_the_supervisor_role,
    cover_assignment_ends_automatically,
    accepted_handover_moves_the_case_and_its_visibility,
    refused_or_withdrawn_handover_is_no_longer_visible,
    handover_requires_a_permitted_sender_and_an_eligible_recipient,
    previous_lead_keeps_access_only_until_the_agreed_day,
    only_one_of_64_concurrent_handover_offers_or_acceptances_succeeds,
    only_one_of_concurrent_acceptance_and_withdrawal_succeeds,
}

async fn deputy_has_the_access_of_the_team_supervisor(server: &TestServer) {
    let (admin, ana, supervisor) =
        (server.user(Role::Admin), server.user(Role::Advocate), server.user(Role::Supervisor));
    let (south, west) = (server.new_team("South side"), server.new_team("West side"));
    let deputy = server.user_in(&server.org, &[south], Role::Supervisor);
    let stranger = server.user_in(&server.org, &[west], Role::Supervisor);
    let case = ana.new_case().await;
    let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
    let barrier = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "waitlist_delay", "description": "Six weeks."}))
        .await
        .expect(201)
        .id();
    let task = ana
        .post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"}))
        .await
        .expect(201)
        .id();
    let meeting = ana
        .post(
            &format!("/cases/{case}/meetings"),
            json!({
                "type": "discharge_planning", "mode": "phone", "starts_at": "2030-01-05T10:00:00Z",
                "ends_at": "2030-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan.",
            }),
        )
        .await
        .expect(201)
        .id();
    let note = ana
        .post(&format!("/cases/{case}/notes"), json!({"kind": "restricted", "body": "In confidence."}))
        .await
        .expect(201)
        .id();
    let commitment = ana
        .post(&format!("/meetings/{meeting}/commitments"), json!({"party": "provider", "text": "Write it down."}))
        .await
        .expect(201)
        .id();
    let records = [
        format!("/cases/{case}"),
        format!("/clients/{client}"),
        format!("/barriers/{barrier}"),
        format!("/tasks/{task}"),
        format!("/meetings/{meeting}"),
        format!("/notes/{note}"),
        format!("/commitments/{commitment}"),
        format!("/cases/{case}/timeline"),
        format!("/cases/{case}/assignments"),
        format!("/teams/{}", server.team),
        format!("/users/{}", ana.id()),
    ];
    let lists = ["/cases", "/clients", "/barriers", "/meetings", "/tasks"];
    let sees = async |who: &User<'_>, expected: bool| {
        for record in &records {
            who.get(record).await.expect(if expected { 200 } else { 404 });
        }
        for list in lists {
            assert_eq!(
                who.get(list).await.expect(200).body["items"].as_array().unwrap().len(),
                usize::from(expected),
                "{list}"
            );
        }
    };
    sees(&supervisor, true).await;
    sees(&deputy, false).await;
    let id = add_deputy(server, &admin, &deputy, 7).await;
    sees(&deputy, true).await;
    sees(&stranger, false).await;
    assert_eq!(deputy.get("/me").await.expect(200).body["team_ids"].as_array().unwrap().len(), 2);
    deputy.transition(&case, json!({"to": "triage"})).await.expect(201);
    deputy
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": server.user(Role::Advocate).id(), "role": "co"}))
        .await
        .expect(201);
    deputy.post("/clients", json!({"preferred_name": "Lee"})).await.expect_fault(422, "/team_id", "required");
    let made = deputy.post("/clients", json!({"preferred_name": "Lee", "team_id": server.team})).await.expect(201).id();
    supervisor.get(&format!("/clients/{made}")).await.expect(200);
    // The deputy's access ends at once when it is ended, and by itself when its time is over; it does not start early.
    let at = format!("/teams/{}/deputies/{id}", server.team);
    admin.send("DELETE", &at, &[], None).await.expect(428);
    admin.send("DELETE", &at, &[("if-match", "\"v9\"")], None).await.expect(412);
    admin.send("DELETE", &at, &[("if-match", "\"v1\"")], None).await.expect(204);
    admin.send("DELETE", &at, &[("if-match", "\"v2\"")], None).await.expect(409);
    for record in &records {
        deputy.get(record).await.expect(404);
    }
    assert_eq!(audit_actions(server, &id).await, ["deputy.created", "deputy.ended"]);
    add_deputy(server, &admin, &deputy, 1).await;
    deputy.get(&records[0]).await.expect(200);
    at_another_time(server, -48, -1);
    for record in &records {
        deputy.get(record).await.expect(404);
    }
    at_another_time(server, 1, 48);
    for record in &records {
        deputy.get(record).await.expect(404);
    }
    at_another_time(server, -1, 1);
    deputy.get(&records[0]).await.expect(200);
}

async fn only_administrators_appoint_supervisors_as_deputies_for_a_period(server: &TestServer) {
    let (admin, ana, supervisor) =
        (server.user(Role::Admin), server.user(Role::Advocate), server.user(Role::Supervisor));
    let deputy = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let path = format!("/teams/{}/deputies", server.team);
    let body = |user: String, from: i32, to: i32| {
        json!({
            "user_id": user, "starts_on": days_from_now(server, from), "ends_on": days_from_now(server, to),
        })
    };
    for who in [&ana, &supervisor, &deputy] {
        who.post(&path, body(deputy.id(), 0, 6)).await.expect(403);
    }
    server.user_of_other_org(Role::Admin).post(&path, body(deputy.id(), 0, 6)).await.expect(404);
    server.user_of_other_org(Role::Admin).get(&path).await.expect(404);
    deputy.get(&path).await.expect(404);
    for user in
        [server.user_of_other_org(Role::Supervisor).id(), TestServer::unknown_id(), server.user(Role::Auditor).id()]
    {
        admin.post(&path, body(user, 0, 6)).await.expect_fault(422, "/user_id", "unknown_reference");
    }
    admin.post(&path, body(ana.id(), 0, 6)).await.expect_fault(422, "/user_id", "not_a_supervisor");
    admin.post(&path, body(deputy.id(), -1, 6)).await.expect_fault(422, "/starts_on", "in_the_past");
    admin.post(&path, body(deputy.id(), 3, 2)).await.expect_fault(422, "/ends_on", "before_start");
    admin.post(&path, body(deputy.id(), 0, 366)).await.expect_fault(422, "/ends_on", "out_of_range");
    admin
        .post(&path, json!({"user_id": deputy.id(), "starts_on": days_from_now(server, 0)}))
        .await
        .expect_fault(422, "/ends_on", "required");
    assert_eq!(admin.get(&path).await.expect(200).body["items"], json!([]), "what was refused left nothing");
    let same = futures_util::future::join_all((0..8).map(|_| admin.post(&path, body(deputy.id(), 0, 365)))).await;
    assert_eq!(same.iter().filter(|reply| reply.status == 201).count(), 1, "nobody is deputised twice at once");
    assert!(same.iter().all(|reply| matches!(reply.status, 201 | 409)));
    let later = admin.post(&path, body(deputy.id(), 400, 410)).await.expect(201);
    admin.send("DELETE", &format!("{path}/{}", later.id()), &[("if-match", "*")], None).await.expect(204);
    admin.post(&path, body(deputy.id(), 400, 410)).await.expect(201);
    assert_eq!(pages(&supervisor, &path, 2).await.len(), 3);
    let running = ana.get(&format!("{path}?current=true")).await.expect(200).body["items"].clone();
    assert_eq!(
        (running.as_array().unwrap().len(), &running[0]["user_id"], &running[0]["display_name"]),
        (1, &json!(deputy.id()), &json!("A supervisor"))
    );
    assert_eq!(pages(&supervisor, &format!("{path}?current=false"), 50).await.len(), 2);
}

async fn reason_for_a_deputy_is_visible_only_to_admin_and_supervisor(server: &TestServer) {
    let (admin, ana, supervisor) =
        (server.user(Role::Admin), server.user(Role::Advocate), server.user(Role::Supervisor));
    add_deputy(server, &admin, &server.user_in(&server.org, &[], Role::Supervisor), 7).await;
    let path = format!("/teams/{}/deputies", server.team);
    for (who, observed) in [(&admin, true), (&supervisor, true), (&ana, false)] {
        assert_eq!(who.get(&path).await.expect(200).body.to_string().contains("CANARY"), observed);
    }
    let trace = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    assert!(!Value::Array(trace).to_string().contains("CANARY"));
}

async fn deputy_loses_access_with_the_supervisor_role(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let deputy = server.user_in(&server.org, &[], Role::Supervisor);
    let case = active_case(&ana, &server.user(Role::Supervisor)).await;
    add_deputy(server, &admin, &deputy, 7).await;
    deputy.get(&format!("/cases/{case}")).await.expect(200);
    admin.patch(&format!("/users/{}", deputy.id()), "*", json!({"role": "advocate"})).await.expect(200);
    for path in [format!("/cases/{case}"), format!("/teams/{}", server.team), format!("/users/{}", ana.id())] {
        assert!(matches!(deputy.get(&path).await.status, 401 | 404), "{path}");
    }
}

async fn cover_assignment_ends_automatically(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let task = ana
        .post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"}))
        .await
        .expect(201)
        .id();
    let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
    let path = format!("/cases/{case}/assignments");
    let body =
        |role: &str, days: i32| json!({"user_id": ben.id(), "role": role, "ends_on": days_from_now(server, days)});
    supervisor.post(&path, body("lead", 7)).await.expect_fault(422, "/ends_on", "lead_has_no_end");
    supervisor.post(&path, body("cover", -1)).await.expect_fault(422, "/ends_on", "out_of_range");
    supervisor.post(&path, body("cover", 367)).await.expect_fault(422, "/ends_on", "out_of_range");
    let cover = supervisor.post(&path, body("cover", 0)).await.expect(201);
    let end = days_from_now(server, 1).begins(&server.org.time_zone);
    assert_eq!(cover.body["ended_at"], json!(end));
    supervisor.post(&path, body("cover", 3)).await.expect(409);
    let seen = [format!("/cases/{case}"), format!("/tasks/{task}"), format!("/clients/{client}")];
    for record in &seen {
        ben.get(record).await.expect(200);
    }
    assert_eq!(pages(&supervisor, &format!("{path}?current=true"), 50).await.len(), 2);
    {
        use schema::assignments::dsl::*;
        let over = diesel::update(assignments.filter(user_id.eq(ben.actor.user)))
            .set(ended_at.eq(Instant::now().plus_seconds(-1)));
        over.execute(&mut server.database.open()).unwrap();
    }
    for record in &seen {
        ben.get(record).await.expect(404);
    }
    assert_eq!(ben.get("/cases").await.expect(200).body["items"], json!([]));
    assert_eq!(pages(&supervisor, &format!("{path}?current=true"), 50).await.len(), 1);
    assert_eq!(pages(&supervisor, &format!("{path}?current=false"), 50).await.len(), 1);
    supervisor.send("DELETE", &format!("{path}/{}", cover.id()), &[("if-match", "*")], None).await.expect(409);
    supervisor.post(&path, body("cover", 3)).await.expect(201);
    ben.get(&seen[0]).await.expect(200);
}

async fn accepted_handover_moves_the_case_and_its_visibility(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let work = CaseWithOpenWork::make(&ana, &supervisor).await;
    let records = work.records();
    let confidence = ana
        .post(&format!("/cases/{}/notes", work.case), json!({"kind": "restricted", "body": "In confidence."}))
        .await
        .expect(201)
        .id();
    let shared = ana
        .post(&format!("/cases/{}/notes", work.case), json!({"kind": "progress", "body": "CANARY called."}))
        .await
        .expect(201)
        .id();
    let action = ana
        .post(&format!("/cases/{}/actions", work.case), json!({"type": "internal_appeal", "forum": "The plan"}))
        .await
        .expect(201)
        .id();
    let deadline = json!({"due_on": "2030-01-04", "time_zone": "America/Chicago", "source": "manual"});
    let deadline = ana.post(&format!("/actions/{action}/deadlines"), deadline).await.expect(201).id();
    // A waived deadline is not open work.
    let waived = json!({"due_on": "2030-01-03", "time_zone": "America/Chicago", "source": "manual"});
    let waived = ana.post(&format!("/actions/{action}/deadlines"), waived).await.expect(201).id();
    ana.post(&format!("/deadlines/{waived}/waive"), json!({"reason": "Not needed."})).await.expect(201);
    let offers = format!("/cases/{}/handovers", work.case);
    let offer = ana.post(&offers, json!({"to_user_id": ben.id(), "note": "The appeal is filed."})).await.expect(201);
    let at = format!("/handovers/{}", offer.id());
    assert_eq!(offer.header("location"), format!("/api/v1{at}"));
    let open = json!({
        "deadlines": [{"id": deadline, "due_on": "2030-01-04"}],
        "meetings": [{"id": work.meeting, "starts_at": "2030-01-05T10:00:00.000Z"}],
        "tasks": [{"id": work.task, "due_on": "2030-01-06"}],
        "commitments": [{"id": work.commitment, "due_on": "2030-01-07"}],
    });
    assert_eq!(offer.body["open_work"], open);
    // Before acceptance: the offer, and nothing of the case.
    for record in &records {
        ben.get(record).await.expect(404);
    }
    ben.get(&offers).await.expect(404);
    let seen = ben.get(&at).await.expect(200);
    assert!(seen.body.get("open_work").is_none(), "{:#}", seen.body);
    assert_eq!(
        (&seen.body["open_counts"]["tasks"], &seen.body["open_counts"]["meetings"], &seen.body["note"]),
        (&json!(1), &json!(1), &json!("The appeal is filed."))
    );
    assert_eq!(seen.body["case_number"], ana.get(&records[0]).await.body["case_number"]);
    for hidden in [&work.task, &work.meeting, &work.commitment, &work.client, &deadline, &action] {
        assert!(!seen.body.to_string().contains(hidden.as_str()), "{:#}", seen.body);
    }
    let waiting = ben.get("/handovers?status=offered&mine=true").await.expect(200).body["items"].clone();
    assert_eq!((waiting.as_array().unwrap().len(), &waiting[0]["id"]), (1, &json!(offer.id())));
    assert!(waiting[0].get("open_work").is_none());
    assert_eq!(ana.get("/handovers?status=offered&mine=true").await.expect(200).body["items"], json!([]));
    // Nobody else can answer the offer, and users who do not see the case do not see it.
    for who in [
        server.user(Role::Advocate),
        server.user_of_other_org(Role::Advocate),
        server.user_of_other_org(Role::Supervisor),
        server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor),
    ] {
        who.get(&at).await.expect(404);
        who.send("POST", &format!("{at}/accept"), &[], None).await.expect(404);
        who.send("POST", &format!("{at}/withdraw"), &[], None).await.expect(404);
        assert_eq!(who.get("/handovers").await.expect(200).body["items"], json!([]));
    }
    for who in [&ana, &supervisor] {
        who.send("POST", &format!("{at}/accept"), &[], None).await.expect(403);
    }
    supervisor.post(&format!("{at}/refuse"), json!({"reason": "No."})).await.expect(403);
    ben.send("POST", &format!("{at}/withdraw"), &[], None).await.expect(403);
    // At the time of acceptance, the new lead sees the case, and the old lead no longer does.
    let accepted =
        ben.send("POST", &format!("{at}/accept"), &[("idempotency-key", "accept-1")], None).await.expect(201);
    assert_eq!((&accepted.body["status"], &accepted.body["open_work"]), (&json!("accepted"), &open));
    for record in records.iter().chain([&at, &offers, &format!("/notes/{shared}"), &format!("/notes/{confidence}")]) {
        ana.get(record).await.expect(404);
    }
    for list in ["/cases", "/tasks", "/meetings", "/handovers", "/clients"] {
        assert_eq!(ana.get(list).await.expect(200).body["items"], json!([]), "{list}");
    }
    for record in records.iter().chain([&at, &offers, &format!("/notes/{shared}")]) {
        ben.get(record).await.expect(200);
    }
    ben.get(&format!("/notes/{confidence}")).await.expect(404);
    supervisor.get(&format!("/notes/{confidence}")).await.expect(200);
    assert_eq!(ben.get(&records[0]).await.body["lead_advocate_id"], json!(ben.id()));
    assert_eq!(
        ben.get(&format!("/tasks/{}", work.task)).await.body["assignee_id"],
        json!(ben.id()),
        "what the lead before had to do goes with the case"
    );
    let replayed =
        ben.send("POST", &format!("{at}/accept"), &[("idempotency-key", "accept-1")], None).await.expect(201);
    assert_eq!(replayed.header("idempotency-replayed"), "true");
    ben.send("POST", &format!("{at}/accept"), &[], None).await.expect(409);
    supervisor.send("POST", &format!("{at}/withdraw"), &[], None).await.expect(409);
    let lines: Vec<String> = pages(&ben, &format!("/cases/{}/timeline", work.case), 50)
        .await
        .iter()
        .map(|line| line["event"].as_str().unwrap().to_owned())
        .collect();
    for event in ["handover.offered", "handover.accepted", "assignment.ended", "assignment.started"] {
        assert!(lines.iter().any(|line| line == event), "{event} is missing: {lines:?}");
    }
    let actions = audit_actions(server, &offer.id()).await;
    assert_eq!(actions.first().map(String::as_str), Some("handover.offered"));
    assert!(actions.contains(&"handover.read".into()) && actions.contains(&"handover.accepted".into()), "{actions:?}");
    // The next offer can be made.
    ben.post(&offers, json!({"to_user_id": ana.id(), "note": "Back to you."})).await.expect(201);
}

async fn refused_or_withdrawn_handover_is_no_longer_visible(server: &TestServer) {
    let (ana, ben, cat, supervisor) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
    );
    let case = active_case(&ana, &supervisor).await;
    let offers = format!("/cases/{case}/handovers");
    let offer = ana.post(&offers, json!({"to_user_id": ben.id(), "note": "CANARY one."})).await.expect(201).id();
    ana.post(&offers, json!({"to_user_id": cat.id(), "note": "n"})).await.expect(409);
    ben.post(&format!("/handovers/{offer}/refuse"), json!({})).await.expect_fault(422, "/reason", "required");
    ben.post(&format!("/handovers/{offer}/refuse"), json!({"reason": "x".repeat(2001)}))
        .await
        .expect_fault(422, "/reason", "too_long");
    let refused =
        ben.post(&format!("/handovers/{offer}/refuse"), json!({"reason": "I am away, CANARY."})).await.expect(201);
    assert_eq!((&refused.body["status"], &refused.body["reason"]), (&json!("refused"), &json!("I am away, CANARY.")));
    ben.get(&format!("/handovers/{offer}")).await.expect(404);
    ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(404);
    assert_eq!(ana.get(&format!("/handovers/{offer}")).await.expect(200).body["reason"], "I am away, CANARY.");
    assert_eq!(ana.get(&format!("/cases/{case}")).await.expect(200).body["lead_advocate_id"], json!(ana.id()));
    // The user who offered it can withdraw it, and a supervisor of the case can.
    for who in [&ana, &supervisor] {
        let offer = ana.post(&offers, json!({"to_user_id": ben.id(), "note": "n"})).await.expect(201).id();
        let withdrawn = who.send("POST", &format!("/handovers/{offer}/withdraw"), &[], None).await.expect(201);
        assert_eq!(withdrawn.body["status"], "withdrawn");
        ben.get(&format!("/handovers/{offer}")).await.expect(404);
        ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(404);
    }
    // The offer also ends if the case gets another lead in another way.
    let offer = ana.post(&offers, json!({"to_user_id": ben.id(), "note": "n"})).await.expect(201).id();
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": cat.id(), "role": "lead"}))
        .await
        .expect(201);
    assert_eq!(cat.get(&format!("/handovers/{offer}")).await.expect(200).body["status"], "withdrawn");
    ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(404);
    // The offer also ends if the case turns out to be entered in error.
    let mistake = active_case(&ana, &supervisor).await;
    let offer = ana
        .post(&format!("/cases/{mistake}/handovers"), json!({"to_user_id": ben.id(), "note": "n"}))
        .await
        .expect(201)
        .id();
    server
        .user(Role::Admin)
        .transition(&mistake, json!({"to": "entered_in_error", "reason": "Twice."}))
        .await
        .expect(201);
    assert_eq!(ana.get(&format!("/handovers/{offer}")).await.expect(200).body["status"], "withdrawn");
    ben.get(&format!("/handovers/{offer}")).await.expect(404);
    let all = pages(&supervisor, &offers, 2).await;
    let statuses: Vec<&str> = all.iter().map(|handover| handover["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["withdrawn", "withdrawn", "withdrawn", "refused"]);
    assert_eq!(pages(&supervisor, &format!("{offers}?status=refused"), 50).await.len(), 1);
    assert_eq!(pages(&supervisor, "/handovers?sort=offered_at", 3).await.len(), 5);
    let trace = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    assert!(!Value::Array(trace).to_string().contains("CANARY"));
}

async fn handover_requires_a_permitted_sender_and_an_eligible_recipient(server: &TestServer) {
    let (ana, ben, co, supervisor) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
    );
    let case = active_case(&ana, &supervisor).await;
    supervisor.post(&format!("/cases/{case}/assignments"), json!({"user_id": co.id(), "role": "co"})).await.expect(201);
    let offers = format!("/cases/{case}/handovers");
    let to = |user: String| json!({"to_user_id": user, "note": "n"});
    co.post(&offers, to(ben.id())).await.expect(403);
    ben.post(&offers, to(ben.id())).await.expect(404);
    server.user(Role::Admin).post(&offers, to(ben.id())).await.expect(403);
    for user in [
        server.user_of_other_org(Role::Advocate).id(),
        TestServer::unknown_id(),
        server.user(Role::Auditor).id(),
        server.user(Role::Admin).id(),
    ] {
        ana.post(&offers, to(user)).await.expect_fault(422, "/to_user_id", "unknown_reference");
    }
    for who in [&ana, &supervisor] {
        who.post(&offers, to(ana.id())).await.expect_fault(422, "/to_user_id", "present_lead");
    }
    supervisor.post(&offers, to(supervisor.id())).await.expect_fault(422, "/to_user_id", "yourself");
    let elsewhere = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    ana.post(&offers, to(elsewhere.id())).await.expect_fault(422, "/to_user_id", "not_in_team");
    let mut body = to(ben.id());
    for days in [-1, 32] {
        body["keep_until"] = json!(days_from_now(server, days));
        ana.post(&offers, body.clone()).await.expect_fault(422, "/keep_until", "out_of_range");
    }
    ana.post(&offers, json!({"to_user_id": ben.id()})).await.expect_fault(422, "/note", "required");
    ana.post(&offers, json!({"to_user_id": ben.id(), "note": " "})).await.expect_fault(422, "/note", "blank");
    ana.post(&offers, json!({"to_user_id": ben.id(), "note": "n", "status": "accepted"})).await.expect_fault(
        422,
        "/status",
        "unknown_member",
    );
    assert_eq!(pages(&supervisor, &offers, 50).await, Vec::<Value>::new());
    let leaderless = supervisor.post("/cases", json!({
        "client_id": supervisor.new_client().await, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
    })).await.expect(201).id();
    supervisor.post(&format!("/cases/{leaderless}/handovers"), to(ben.id())).await.expect(409);
    // A supervisor in the team may take over the case, and one who has left the team may not.
    let colleague = server.user(Role::Supervisor);
    let offer = ana.post(&offers, to(colleague.id())).await.expect(201).id();
    let admin = server.user(Role::Admin);
    admin.send("DELETE", &format!("/teams/{}/members/{}", server.team, colleague.id()), &[], None).await.expect(204);
    colleague.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(409);
    admin.send("PUT", &format!("/teams/{}/members/{}", server.team, colleague.id()), &[], None).await.expect(204);
    colleague.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(201);
    ana.get(&format!("/cases/{case}")).await.expect(404);
    co.get(&format!("/cases/{case}")).await.expect(200);
}

async fn previous_lead_keeps_access_only_until_the_agreed_day(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let body = json!({"to_user_id": ben.id(), "note": "n", "keep_until": days_from_now(server, 3)});
    let offer = supervisor.post(&format!("/cases/{case}/handovers"), body).await.expect(201).id();
    assert_eq!(
        ben.get(&format!("/handovers/{offer}")).await.expect(200).body["keep_until"],
        json!(days_from_now(server, 3))
    );
    ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(201);
    ana.get(&format!("/cases/{case}")).await.expect(200);
    let assigned = pages(&supervisor, &format!("/cases/{case}/assignments?current=true"), 50).await;
    let cover = assigned.iter().find(|row| row["role"] == "cover").unwrap();
    assert_eq!(
        (&cover["user_id"], &cover["ended_at"]),
        (&json!(ana.id()), &json!(days_from_now(server, 4).begins(&server.org.time_zone)))
    );
    supervisor
        .send(
            "DELETE",
            &format!("/cases/{case}/assignments/{}", cover["id"].as_str().unwrap()),
            &[("if-match", "*")],
            None,
        )
        .await
        .expect(204);
    ana.get(&format!("/cases/{case}")).await.expect(404);
}

async fn only_one_of_64_concurrent_handover_offers_or_acceptances_succeeds(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let offers = format!("/cases/{case}/handovers");
    let body = json!({"to_user_id": ben.id(), "note": "n"});
    let tries = futures_util::future::join_all((0..64).map(|_| ana.post(&offers, body.clone()))).await;
    let made: Vec<&crate::support::Reply> = tries.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!((made.len(), tries.iter().filter(|reply| reply.status == 409).count()), (1, 63));
    let accept = format!("/handovers/{}/accept", made[0].id());
    let tries = futures_util::future::join_all((0..64).map(|_| ben.send("POST", &accept, &[], None))).await;
    let statuses: Vec<u16> = tries.iter().map(|reply| reply.status).collect();
    assert_eq!(
        (
            statuses.iter().filter(|status| **status == 201).count(),
            statuses.iter().filter(|status| **status == 409).count()
        ),
        (1, 63),
        "{statuses:?}"
    );
    let current = pages(&supervisor, &format!("/cases/{case}/assignments?current=true"), 50).await;
    assert_eq!((current.len(), &current[0]["user_id"], &current[0]["role"]), (1, &json!(ben.id()), &json!("lead")));
    ana.get(&format!("/cases/{case}")).await.expect(404);
}

async fn only_one_of_concurrent_acceptance_and_withdrawal_succeeds(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    for _ in 0..6 {
        let case = active_case(&ana, &supervisor).await;
        let offer = ana
            .post(&format!("/cases/{case}/handovers"), json!({"to_user_id": ben.id(), "note": "n"}))
            .await
            .expect(201)
            .id();
        let (accept, withdraw) = (format!("/handovers/{offer}/accept"), format!("/handovers/{offer}/withdraw"));
        let (accepted, withdrawn) =
            futures_util::future::join(ben.send("POST", &accept, &[], None), ana.send("POST", &withdraw, &[], None))
                .await;
        assert_eq!(
            usize::from(accepted.status == 201) + usize::from(withdrawn.status == 201),
            1,
            "{} {}",
            accepted.status,
            withdrawn.status
        );
        let lead = if accepted.status == 201 { &ben } else { &ana };
        assert_eq!(supervisor.get(&format!("/cases/{case}")).await.body["lead_advocate_id"], json!(lead.id()));
    }
}
