//! The escalation ladder: actions for a barrier or a case, the possible next steps, and retaliation links between
//! barriers.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{auth::Role, types::Day};
use serde_json::{Value, json};

fn day(server: &TestServer, days: i32) -> Day {
    Day::today(&server.org.time_zone).plus_days(days)
}
fn appeal() -> Value {
    json!({"type": "internal_appeal", "forum": "Riverside Health Plan", "scheme": "medicaid_managed_care"})
}
fn with(mut body: Value, members: Value) -> Value {
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}
async fn barrier(user: &User<'_>, case: &str, members: Value) -> String {
    let body = with(json!({"type": "prior_auth_denial", "description": "The plan will not pay."}), members);
    user.post(&format!("/cases/{case}/barriers"), body).await.expect(201).id()
}
async fn audit_actions(server: &TestServer, subject: &str) -> Vec<String> {
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    entries
        .iter()
        .filter(|entry| entry["subject_id"] == subject)
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

on_both_engines! {
    denied_appeal_suggests_a_fair_hearing_with_its_deadline,
    action_without_a_scheme_gets_next_steps_of_every_scheme,
    invalid_actions_are_rejected_by_member_and_not_stored,
    action_status_follows_the_table_and_parents_form_no_cycle,
    action_is_visible_only_to_users_who_see_its_case,
    new_barrier_soon_after_an_action_is_flagged_as_possible_retaliation,
}

async fn denied_appeal_suggests_a_fair_hearing_with_its_deadline(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let provider = ana.post("/providers", json!({"name": "Riverside Health Plan"})).await.expect(201).id();
    let barrier = barrier(&ana, &case, json!({"provider_id": provider})).await;
    let ladder = format!("/barriers/{barrier}/actions");
    let first = ana.post(&ladder, appeal()).await.expect(201);
    assert_eq!((&first.body["status"], &first.body["provider_id"]), (&json!("draft"), &json!(provider)));
    assert!(first.body.get("next_steps").is_none());
    let path = format!("/actions/{}", first.id());
    let filed =
        ana.patch(&path, &first.etag(), json!({"filed_on": day(server, -40), "method": "fax"})).await.expect(200);
    assert_eq!(filed.body["status"], "filed");
    let decided =
        ana.patch(&path, &filed.etag(), json!({"decision": "denied", "decided_on": day(server, -5)})).await.expect(200);
    assert_eq!(decided.body["status"], "decided");
    let read = supervisor.get(&path).await.expect(200);
    let steps = read.body["next_steps"].as_array().unwrap();
    assert!(
        steps.iter().all(|step| step["scheme"].is_null() || step["scheme"] == "medicaid_managed_care"),
        "{steps:#?}"
    );
    let hearing = steps.iter().find(|step| step["type"] == "fair_hearing").unwrap();
    assert_eq!(hearing["rule"]["due_on"], json!(day(server, -5 + 90)), "{hearing:#}");
    assert!(hearing["rule"]["citation"].as_str().unwrap().contains("438.408"));
    let continuation = steps.iter().find(|step| step["type"] == "benefits_continuation_request").unwrap();
    assert_eq!(continuation["rule"]["due_on"], json!(day(server, -5 + 10)), "{continuation:#}");

    let next = json!({
        "type": "fair_hearing", "forum": "State hearing office", "scheme": "medicaid_managed_care", "level": 2,
        "parent_action_id": first.id(), "escalation_reason": "The plan has upheld its denial.",
    });
    let second = ana.post(&ladder, next).await.expect(201);
    assert_eq!(second.body["parent_action_id"], json!(first.id()));
    let listed: Vec<Value> = pages(&ana, &ladder, 1).await.into_iter().map(|action| action["id"].clone()).collect();
    assert_eq!(listed, [json!(second.id()), json!(first.id())]);
    let of_case = ana
        .post(&format!("/cases/{case}/actions"), json!({"type": "letter", "forum": "The county"}))
        .await
        .expect(201)
        .id();
    assert_eq!(pages(&ana, &format!("/cases/{case}/actions"), 2).await.len(), 3);
    assert_eq!(pages(&ana, &format!("/actions?type=letter,inquiry&case={case}"), 50).await[0]["id"], json!(of_case));
    assert_eq!(pages(&ana, &format!("/actions?provider={provider}&status=decided"), 50).await.len(), 1);

    let timeline = pages(&ana, &format!("/cases/{case}/timeline"), 50).await;
    let mut events: Vec<&str> = timeline
        .iter()
        .filter(|entry| entry["subject_id"] == first.id().as_str())
        .map(|entry| entry["event"].as_str().unwrap())
        .collect();
    events.reverse();
    assert_eq!(events, ["action.created", "action.filed", "action.decided"]);
    let audit_actions = audit_actions(server, &first.id()).await;
    assert_eq!(audit_actions, ["action.created", "action.filed", "action.decided", "action.read"]);
}

async fn action_without_a_scheme_gets_next_steps_of_every_scheme(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let decided = |kind: &str, decision: &str| {
        json!({
            "type": kind, "forum": "Them", "filed_on": day(server, -30), "decision": decision, "decided_on": day(server, -3),
        })
    };
    let asked = ana
        .post(&format!("/cases/{case}/actions"), decided("reasonable_accommodation_request", "no_response"))
        .await
        .expect(201);
    let schemes: Vec<&str> = asked.body["next_steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["type"] == "civil_rights_complaint")
        .map(|step| step["scheme"].as_str().unwrap())
        .collect();
    assert_eq!(schemes, ["hhs_ocr", "ada_title_ii", "fair_housing", "eeoc"]);
    let appeal = ana.post(&format!("/cases/{case}/actions"), decided("internal_appeal", "denied")).await.expect(201);
    let steps = appeal.body["next_steps"].as_array().unwrap();
    for (kind, scheme) in [
        ("fair_hearing", "medicaid_managed_care"),
        ("external_review", "employer_plan"),
        ("external_review", "aca_plan"),
        ("external_review", "medicare_advantage"),
        ("fair_hearing", "ssa"),
    ] {
        assert!(
            steps.iter().any(|step| step["type"] == kind && step["scheme"] == scheme),
            "{kind} {scheme}: {steps:#?}"
        );
    }
    let records = ana.post(&format!("/cases/{case}/actions"), decided("records_request", "denied")).await.expect(201);
    assert_eq!(records.body["next_steps"][0]["type"], "privacy_complaint");
    let won = ana.post(&format!("/cases/{case}/actions"), decided("internal_appeal", "granted")).await.expect(201);
    assert_eq!(won.body["next_steps"], json!([]));
}

async fn invalid_actions_are_rejected_by_member_and_not_stored(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (case, other) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    let elsewhere = ana.post(&format!("/cases/{other}/actions"), appeal()).await.expect(201).id();
    let theirs = server
        .user_of_other_org(Role::Advocate)
        .post("/providers", json!({"name": "Elsewhere"}))
        .await
        .expect(201)
        .id();
    for (members, at, code) in [
        (json!({"type": "nonsense"}), "/type", "unknown_code"),
        (json!({"scheme": "nonsense"}), "/scheme", "unknown_code"),
        (json!({"level": 10}), "/level", "out_of_range"),
        (json!({"status": "filed"}), "/filed_on", "required"),
        (json!({"status": "decided"}), "/decision", "required"),
        (json!({"filed_on": day(server, 1)}), "/filed_on", "in_the_future"),
        (json!({"filed_on": "2026-02-30"}), "/filed_on", "invalid_date"),
        (
            json!({"filed_on": day(server, -2), "decision": "denied", "decided_on": day(server, -3)}),
            "/decided_on",
            "before_filing",
        ),
        (
            json!({"filed_on": day(server, -2), "decision": "denied", "decided_on": day(server, 1)}),
            "/decided_on",
            "in_the_future",
        ),
        (json!({"late_filing": true}), "/good_cause", "required"),
        (json!({"parent_action_id": elsewhere}), "/escalation_reason", "required"),
        (json!({"parent_action_id": elsewhere, "escalation_reason": "On."}), "/parent_action_id", "other_case"),
        (
            json!({"parent_action_id": TestServer::unknown_id(), "escalation_reason": "On."}),
            "/parent_action_id",
            "unknown_reference",
        ),
        (json!({"provider_id": theirs}), "/provider_id", "unknown_reference"),
        (json!({"case_id": case}), "/case_id", "unknown_member"),
    ] {
        ana.post(&format!("/cases/{case}/actions"), with(appeal(), members.clone())).await.expect_fault(422, at, code);
    }
    for missing in ["type", "forum"] {
        let mut body = appeal();
        body.as_object_mut().unwrap().remove(missing);
        ana.post(&format!("/cases/{case}/actions"), body).await.expect_fault(422, &format!("/{missing}"), "required");
    }
    assert_eq!(ana.get(&format!("/cases/{case}/actions")).await.expect(200).body["items"], json!([]));
}

async fn action_status_follows_the_table_and_parents_form_no_cycle(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let ladder = format!("/cases/{case}/actions");
    let first = ana.post(&ladder, appeal()).await.expect(201).id();
    let on = json!({"parent_action_id": first, "escalation_reason": "On."});
    let second = ana.post(&ladder, with(appeal(), on)).await.expect(201).id();
    for parent in [&first, &second] {
        ana.patch(&format!("/actions/{first}"), "*", json!({"parent_action_id": parent, "escalation_reason": "On."}))
            .await
            .expect_fault(422, "/parent_action_id", "cycle");
    }
    let path = format!("/actions/{second}");
    ana.patch(&path, "\"v9\"", json!({"level": 2})).await.expect(412);
    ana.send("PATCH", &path, &[], Some(json!({"level": 2}))).await.expect(428);
    ana.patch(&path, "\"v1\"", json!({"status": "withdrawn"})).await.expect(200);
    for back in ["draft", "filed", "in_progress", "decided"] {
        ana.patch(&path, "*", json!({"status": back})).await.expect_fault(422, "/status", "transition_not_allowed");
    }
    ana.patch(&path, "*", json!({"status": "entered_in_error"})).await.expect(200);
    ana.patch(&path, "*", json!({"status": "withdrawn"})).await.expect_fault(422, "/status", "transition_not_allowed");
    assert_eq!(ana.get(&path).await.expect(200).body["version"], 3);
}

async fn action_is_visible_only_to_users_who_see_its_case(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let barrier = barrier(&ana, &case, json!({})).await;
    let action = ana.post(&format!("/barriers/{barrier}/actions"), appeal()).await.expect(201).id();
    supervisor.get(&format!("/actions/{action}")).await.expect(200);
    server.user(Role::Admin).get(&format!("/actions/{action}")).await.expect(403);
    for stranger in [
        &server.user(Role::Advocate),
        &server.user_of_other_org(Role::Supervisor),
        &server.user_in(&server.org, &[server.new_team("South")], Role::Supervisor),
    ] {
        for path in
            [format!("/actions/{action}"), format!("/barriers/{barrier}/actions"), format!("/cases/{case}/actions")]
        {
            stranger.get(&path).await.expect(404);
        }
        stranger.patch(&format!("/actions/{action}"), "*", json!({"level": 2})).await.expect(404);
        stranger.post(&format!("/barriers/{barrier}/actions"), appeal()).await.expect(404);
        stranger.post(&format!("/cases/{case}/actions"), appeal()).await.expect(404);
        assert_eq!(stranger.get("/actions?include_total=true").await.expect(200).body["total"], 0);
    }
}

async fn new_barrier_soon_after_an_action_is_flagged_as_possible_retaliation(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let new = async |name: &str| ana.post("/providers", json!({"name": name})).await.expect(201).id();
    let (clinic, house) = (new("Clinic").await, new("House").await);
    let first = barrier(&ana, &case, json!({"provider_id": clinic})).await;
    let flagged = async |barrier: String| {
        ana.get(&format!("/barriers/{barrier}")).await.expect(200).body["possible_retaliation"] == true
    };
    assert!(!flagged(first.clone()).await);
    ana.post(&format!("/barriers/{first}/actions"), json!({"type": "grievance", "forum": "The clinic"}))
        .await
        .expect(201);
    assert!(!flagged(barrier(&ana, &case, json!({"provider_id": clinic})).await).await, "a draft has done nothing yet");
    ana.post(
        &format!("/barriers/{first}/actions"),
        json!({"type": "grievance", "forum": "The clinic", "filed_on": day(server, -80)}),
    )
    .await
    .expect(201);
    let second = barrier(&ana, &case, json!({"provider_id": clinic})).await;
    assert!(flagged(second.clone()).await);
    assert!(!flagged(first.clone()).await, "what was there before is no retaliation");
    assert!(!flagged(barrier(&ana, &case, json!({"provider_id": house})).await).await);
    assert!(!flagged(barrier(&ana, &case, json!({})).await).await);
    assert!(
        !flagged(barrier(&ana, &case, json!({"provider_id": clinic, "occurred_on": day(server, -81)})).await).await
    );
    let other_client = active_case(&ana, &supervisor).await;
    assert!(!flagged(barrier(&ana, &other_client, json!({"provider_id": clinic})).await).await);
    let listed = pages(&supervisor, "/barriers?possible_retaliation=true", 50).await;
    assert_eq!(listed.iter().map(|barrier| barrier["id"].as_str().unwrap()).collect::<Vec<_>>(), [second.as_str()]);
    ana.patch(&format!("/barriers/{second}"), "*", json!({"provider_id": house})).await.expect(200);
    assert!(!flagged(second).await);
}
