//! Cases: who sees them, their transitions, and concurrent changes.

use crate::{
    on_both_engines,
    support::{TestServer, active_case, pages},
};
use alongside::{
    auth::Role,
    casework::cases::{
        lifecycle::{self, LIFECYCLE},
        model::CaseStatus,
    },
};
use serde_json::json;

on_both_engines! {
    advocates_see_only_their_own_cases,
    administrator_sees_case_status_but_no_content,
    case_moves_from_referral_to_closure_and_can_be_reopened,
    transitions_not_in_the_table_are_refused_from_every_status,
    transition_is_allowed_only_to_roles_in_the_table,
    closing_a_case_can_require_a_second_person,
    a_change_needs_the_version_that_was_read,
    patch_keeps_absent_members_clears_nulls_and_sets_values,
    only_one_of_200_concurrent_changes_to_one_version_succeeds,
    only_one_of_200_concurrent_transitions_succeeds,
    list_pagination_returns_each_record_once_in_order,
    cursor_is_valid_only_for_its_list_and_reader,
    new_lead_replaces_the_previous_lead,
    body_ids_of_hidden_records_are_unknown_references,
    timeline_lists_events_newest_first,
}

async fn advocates_see_only_their_own_cases(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    let path = format!("/cases/{case}");
    ana.get(&path).await.expect(200);
    supervisor.get(&path).await.expect(200);
    let foreign = ben.get(&path).await.expect(404);
    let missing = ben.get(&format!("/cases/{}", TestServer::unknown_id())).await.expect(404);
    for member in ["type", "title", "status", "detail", "code"] {
        assert_eq!(foreign.body[member], missing.body[member], "a hidden case answers like none");
    }
    for (role, org) in [(Role::Supervisor, "other"), (Role::Admin, "other"), (Role::Advocate, "other")] {
        server.user_of_other_org(role).get(&path).await.expect(404);
        assert_eq!(server.user_of_other_org(role).get("/cases").await.expect(200).body["items"], json!([]), "{org}");
    }
    let elsewhere = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    elsewhere.get(&path).await.expect(404);
    assert_eq!(ben.get("/cases").await.expect(200).body["items"], json!([]));
    ben.patch(&path, "*", json!({"priority": "high"})).await.expect(404);
    ben.transition(&case, json!({"to": "triage"})).await.expect(404);
}

async fn administrator_sees_case_status_but_no_content(server: &TestServer) {
    let (ana, admin) = (server.user(Role::Advocate), server.user(Role::Admin));
    let case = ana.new_case().await;
    let seen = admin.get(&format!("/cases/{case}")).await.expect(200);
    assert!(seen.body.get("client_goal").is_none(), "{:#}", seen.body);
    assert_eq!(seen.body["status"], "referred");
    admin.get("/cases?q=medication").await.expect(403);
    admin.get("/clients").await.expect(403);
}

async fn case_moves_from_referral_to_closure_and_can_be_reopened(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let active = ana.get(&format!("/cases/{case}")).await.expect(200);
    assert_eq!(active.body["first_contact_at"], "2026-01-05T10:00:00.000Z");
    ana.transition(&case, json!({"to": "closing"})).await.expect(201);
    let bare = supervisor.transition(&case, json!({"to": "closed"})).await.expect(409);
    assert_eq!(bare.body["code"], "guards_unmet");
    let codes: Vec<String> = bare.faults().into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, ["closing_reason", "closing_summary", "outcome"]);
    let closed = supervisor
        .transition(
            &case,
            json!({
                "to": "closed", "closing_reason": "resolved_in_client_favor", "closing_summary": "Medication kept.",
                "outcome": "goal_met",
            }),
        )
        .await
        .expect(201);
    assert_eq!(closed.body["outcome"], "goal_met");
    assert!(closed.body["closed_at"].is_string());
    supervisor.transition(&case, json!({"to": "active"})).await.expect_fault(409, "/reason", "reason");
    let again = supervisor
        .transition(&case, json!({"to": "active", "reason": "The clinic went back on its word."}))
        .await
        .expect(201);
    assert_eq!(again.body["episode"], 2);
    assert!(again.body.get("outcome").is_none());
    let history = pages(&ana, &format!("/cases/{case}/transitions"), 2).await;
    let steps: Vec<&str> = history.iter().rev().map(|step| step["to"].as_str().unwrap()).collect();
    assert_eq!(steps, ["referred", "triage", "accepted", "active", "closing", "closed", "active"]);
    assert_eq!(history[1]["given"]["closing_summary"], "Medication kept.");
}

async fn transitions_not_in_the_table_are_refused_from_every_status(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let all = json!({
        "reason": "r", "signpost": "s", "client_agreement": true, "conflict_check": true,
        "lead_advocate_id": ana.id(), "first_contact": "2026-01-05T10:00:00Z", "closing_reason": "capacity",
        "closing_summary": "s", "outcome": "not_known", "waive_deadlines": true,
    });
    let day = alongside::types::Day::today(&server.org.time_zone).plus_days(30).to_string();
    let full = |to: CaseStatus| {
        let mut body = all.clone();
        body["to"] = json!(to.as_str());
        body["review_on"] = json!(day);
        body
    };
    // The shortest path to each status in the transition table.
    for target in CaseStatus::ALL {
        let case = ana.new_case().await;
        let mut way = vec![(CaseStatus::Referred, Vec::new())];
        let mut found = None;
        while let Some((at, steps)) = way.pop() {
            if at == *target {
                found = Some(steps);
                break;
            }
            for step in LIFECYCLE.iter().filter(|step| step.from == at && steps.len() < 8) {
                let mut steps: Vec<CaseStatus> = steps.clone();
                if steps.contains(&step.to) {
                    continue;
                }
                steps.push(step.to);
                way.insert(0, (step.to, steps));
            }
            if *target == CaseStatus::EnteredInError {
                found = Some(vec![CaseStatus::EnteredInError]);
                break;
            }
        }
        for to in found.unwrap() {
            let from = ana.get(&format!("/cases/{case}")).await.expect(200).body["status"].as_str().unwrap().to_owned();
            let from = CaseStatus::ALL.iter().find(|status| status.as_str() == from).unwrap();
            let (by, _) = lifecycle::find(*from, to).unwrap();
            let mover = match by[0] {
                lifecycle::Mover::Lead => &ana,
                lifecycle::Mover::Supervisor => &supervisor,
                lifecycle::Mover::Admin => &admin,
            };
            mover.transition(&case, full(to)).await.expect(201);
        }
        for to in CaseStatus::ALL {
            if lifecycle::find(*target, *to).is_none() {
                let refused = supervisor.transition(&case, full(*to)).await.expect(409);
                assert_eq!(refused.body["code"], "transition_not_allowed", "{target:?} to {to:?}");
            }
        }
        let still = ana.get(&format!("/cases/{case}")).await.expect(200);
        assert_eq!(still.body["status"], target.as_str());
    }
}

async fn transition_is_allowed_only_to_roles_in_the_table(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    ana.transition(&case, json!({"to": "triage"})).await.expect(403);
    supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
    let ways = ana.get(&format!("/cases/{case}")).await.body["available_transitions"].clone();
    let accepted = ways.as_array().unwrap().iter().find(|way| way["to"] == "accepted").unwrap().clone();
    assert_eq!(
        accepted,
        json!({
            "to": "accepted", "by": ["supervisor"], "permitted": false, "unmet": ["client_agreement", "conflict_check"],
        })
    );
}

async fn closing_a_case_can_require_a_second_person(server: &TestServer) {
    let (supervisor, other, admin) =
        (server.user(Role::Supervisor), server.user(Role::Supervisor), server.user(Role::Admin));
    let etag = admin.get("/organization").await.etag();
    admin.patch("/organization", &etag, json!({"second_person_closes": true})).await.expect(200);
    let case = {
        let client = supervisor.new_client().await;
        supervisor
            .post(
                "/cases",
                json!({
                    "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
                    "lead_advocate_id": supervisor.id(),
                }),
            )
            .await
            .expect(201)
            .id()
    };
    for step in [
        json!({"to": "triage"}),
        json!({"to": "accepted", "client_agreement": true, "conflict_check": true}),
        json!({"to": "active", "first_contact": "2026-01-05T10:00:00Z"}),
        json!({"to": "closing"}),
    ] {
        supervisor.transition(&case, step).await.expect(201);
    }
    let close = json!({"to": "closed", "closing_reason": "capacity", "closing_summary": "s", "outcome": "not_known"});
    supervisor.transition(&case, close.clone()).await.expect_fault(409, "/to", "second_person");
    other.transition(&case, close).await.expect(201);
}

async fn a_change_needs_the_version_that_was_read(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let path = format!("/cases/{}", ana.new_case().await);
    let read = ana.get(&path).await.expect(200);
    assert_eq!(read.etag(), "\"v1\"");
    ana.send("PATCH", &path, &[], Some(json!({"priority": "high"}))).await.expect(428);
    let changed = ana.patch(&path, "\"v1\"", json!({"priority": "high"})).await.expect(200);
    assert_eq!((changed.etag().as_str(), &changed.body["version"]), ("\"v2\"", &json!(2)));
    let stale = ana.patch(&path, "\"v1\"", json!({"priority": "routine"})).await.expect(412);
    assert_eq!(stale.etag(), "\"v2\"");
    assert_eq!(ana.get(&path).await.body["priority"], "high");
    ana.send("GET", &path, &[("if-none-match", "\"v2\"")], None).await.expect(304);
    ana.send("GET", &path, &[("if-none-match", "\"v1\"")], None).await.expect(200);
}

async fn patch_keeps_absent_members_clears_nulls_and_sets_values(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let path = format!("/cases/{}", ana.new_case().await);
    ana.patch(&path, "*", json!({"priority": "urgent"})).await.expect_fault(422, "/priority_reason", "required");
    ana.patch(&path, "*", json!({"priority": "urgent", "priority_reason": "Eviction on Friday.", "tags": ["a", "b"]}))
        .await
        .expect(200);
    let kept = ana.patch(&path, "*", json!({"tags": ["c"]})).await.expect(200);
    assert_eq!((&kept.body["priority_reason"], &kept.body["tags"]), (&json!("Eviction on Friday."), &json!(["c"])));
    let cleared = ana.patch(&path, "*", json!({"priority": "routine", "priority_reason": null})).await.expect(200);
    assert!(cleared.body.get("priority_reason").is_none());
    ana.patch(&path, "*", json!({"client_goal": null})).await.expect(422);
    let merge = ana
        .raw("PATCH", &path, &[("if-match", "*"), ("content-type", "application/merge-patch+json")], "{}".into())
        .await;
    assert!(matches!(merge.status, 200 | 415), "{}", merge.status);
}

async fn only_one_of_200_concurrent_changes_to_one_version_succeeds(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let path = format!("/cases/{}", ana.new_case().await);
    let tries = futures_util::future::join_all((0..200).map(|i| {
        let (ana, path) = (&ana, &path);
        async move { ana.patch(path, "\"v1\"", json!({"tags": [format!("t{i}")]})).await.status }
    }))
    .await;
    assert_eq!(tries.iter().filter(|status| **status == 200).count(), 1, "{tries:?}");
    assert_eq!(tries.iter().filter(|status| **status == 412).count(), 199, "{tries:?}");
    assert_eq!(ana.get(&path).await.body["version"], 2);
}

async fn only_one_of_200_concurrent_transitions_succeeds(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    let tries = futures_util::future::join_all((0..200).map(|_| {
        let (supervisor, case) = (&supervisor, &case);
        async move { supervisor.transition(case, json!({"to": "triage"})).await.status }
    }))
    .await;
    assert_eq!(tries.iter().filter(|status| **status == 201).count(), 1, "{tries:?}");
    assert_eq!(tries.iter().filter(|status| **status == 409).count(), 199, "{tries:?}");
}

async fn list_pagination_returns_each_record_once_in_order(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let client = supervisor.new_client().await;
    let mut made = Vec::new();
    for i in 0..7 {
        made.push(supervisor.post("/cases", json!({
            "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": format!("goal {i}"),
            "tags": [if i % 2 == 0 { "even" } else { "odd" }],
        })).await.expect(201).id());
    }
    let listed: Vec<String> =
        pages(&supervisor, "/cases", 3).await.iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect();
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(listed, newest_first);
    let oldest_first: Vec<String> = pages(&supervisor, "/cases?sort=opened_at", 2)
        .await
        .iter()
        .map(|case| case["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(oldest_first, made);
    assert_eq!(pages(&supervisor, "/cases?tag=odd", 2).await.len(), 3);
    assert_eq!(pages(&supervisor, "/cases?q=GOAL%205", 2).await.len(), 1);
    assert_eq!(pages(&supervisor, "/cases?status=active,referred&priority=routine", 5).await.len(), 7);
    assert_eq!(pages(&supervisor, "/cases?status=active", 5).await.len(), 0);
    let counted = supervisor.get("/cases?limit=1&include_total=true").await.expect(200);
    assert_eq!(counted.body["total"], 7);
    let expanded = supervisor.get("/cases?limit=1&expand=client").await.expect(200);
    assert_eq!(expanded.body["items"][0]["client"]["preferred_name"], "Sam");
}

async fn cursor_is_valid_only_for_its_list_and_reader(server: &TestServer) {
    let (supervisor, ben) = (server.user(Role::Supervisor), server.user(Role::Supervisor));
    for _ in 0..3 {
        supervisor.new_case().await;
    }
    let next = supervisor.get("/cases?limit=1").await.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    supervisor.get(&format!("/cases?limit=1&cursor={next}")).await.expect(200);
    ben.get(&format!("/cases?limit=1&cursor={next}")).await.expect_fault(400, "cursor", "invalid_cursor");
    supervisor.get(&format!("/cases?limit=1&status=referred&cursor={next}")).await.expect_fault(
        400,
        "cursor",
        "invalid_cursor",
    );
    supervisor.get(&format!("/clients?limit=1&cursor={next}")).await.expect_fault(400, "cursor", "invalid_cursor");
    let forged = format!("{}{}", if next.starts_with('A') { 'B' } else { 'A' }, &next[1..]);
    supervisor.get(&format!("/cases?limit=1&cursor={forged}")).await.expect_fault(400, "cursor", "invalid_cursor");
    supervisor.get("/cases?cursor=nonsense!").await.expect_fault(400, "cursor", "invalid_cursor");
}

async fn new_lead_replaces_the_previous_lead(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let assignments = format!("/cases/{case}/assignments");
    ana.post(&assignments, json!({"user_id": ben.id(), "role": "co"})).await.expect(403);
    let co = supervisor.post(&assignments, json!({"user_id": ben.id(), "role": "co"})).await.expect(201);
    ben.get(&format!("/cases/{case}")).await.expect(200);
    supervisor.post(&assignments, json!({"user_id": ben.id(), "role": "cover"})).await.expect(409);
    supervisor.send("DELETE", &format!("{assignments}/{}", co.id()), &[("if-match", "\"v1\"")], None).await.expect(204);
    ben.get(&format!("/cases/{case}")).await.expect(404);
    supervisor.post(&assignments, json!({"user_id": ben.id(), "role": "lead"})).await.expect(201);
    ana.get(&format!("/cases/{case}")).await.expect(404);
    assert_eq!(ben.get(&format!("/cases/{case}")).await.expect(200).body["lead_advocate_id"], json!(ben.id()));
    let lead = supervisor.get(&format!("{assignments}?current=true")).await.body["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    supervisor.send("DELETE", &format!("{assignments}/{lead}"), &[("if-match", "*")], None).await.expect(409);
    for stranger in
        [server.user_of_other_org(Role::Advocate).id(), TestServer::unknown_id(), server.user(Role::Auditor).id()]
    {
        supervisor.post(&assignments, json!({"user_id": stranger, "role": "co"})).await.expect_fault(
            422,
            "/user_id",
            "unknown_reference",
        );
    }
}

async fn body_ids_of_hidden_records_are_unknown_references(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let (theirs, bens) = (server.user_of_other_org(Role::Advocate).new_client().await, ben.new_client().await);
    let case = |client: &str| {
        json!({
            "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g",
        })
    };
    for client in [theirs, bens, TestServer::unknown_id()] {
        ana.post("/cases", case(&client)).await.expect_fault(422, "/client_id", "unknown_reference");
    }
    let mut body = case(&ana.new_client().await);
    body["team_id"] = json!(server.other_team.to_string());
    ana.post("/cases", body).await.expect_fault(422, "/team_id", "unknown_reference");
}

async fn timeline_lists_events_newest_first(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let events: Vec<String> = pages(&ana, &format!("/cases/{case}/timeline"), 2)
        .await
        .iter()
        .map(|entry| format!("{} {}", entry["event"].as_str().unwrap(), entry["detail"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        events,
        [
            "case.transitioned active",
            "case.transitioned accepted",
            "case.transitioned triage",
            "case.opened ",
            "assignment.started lead"
        ]
    );
}
