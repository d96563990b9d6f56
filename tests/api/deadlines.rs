//! Deadlines: how they are computed and stored, how they end, and what they block.

use crate::{
    on_both_engines,
    support::{Reply, TestServer, User, active_case, pages},
};
use alongside::{
    auth::Role,
    types::{Day, Zone},
};
use serde_json::{Value, json};

fn day(server: &TestServer, days: i32) -> Day {
    Day::today(&server.org.time_zone).plus_days(days)
}
fn on(due_on: Day) -> Value {
    json!({"due_on": due_on, "time_zone": "America/Chicago", "source": "manual"})
}
async fn action(user: &User<'_>, case: &str) -> String {
    let body = json!({"type": "internal_appeal", "forum": "The plan", "scheme": "medicaid_managed_care"});
    user.post(&format!("/cases/{case}/actions"), body).await.expect(201).id()
}
/// The built-in rule with this code.
async fn rule(user: &User<'_>, code: &str) -> Value {
    let found = pages(user, &format!("/deadline-rules?q={code}"), 50).await;
    found.into_iter().find(|rule| rule["code"] == code).unwrap_or_else(|| panic!("no rule {code}"))
}
/// The terms of a version of a rule, with changes, for a new request.
fn terms(rule: &Value, changes: Value) -> Value {
    let mut terms = rule.clone();
    for made in ["id", "code", "version", "source", "effective_to", "not_statutory", "disclaimer"] {
        terms.as_object_mut().unwrap().remove(made);
    }
    terms.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    terms
}
async fn enter(user: &User<'_>, action: &str, body: Value) -> Reply {
    user.post(&format!("/actions/{action}/deadlines"), body).await
}
fn unmet(case: &Reply, to: &str) -> Value {
    case.body["available_transitions"].as_array().unwrap().iter().find(|way| way["to"] == to).unwrap()["unmet"].clone()
}

const APPEAL: &str = "medicaid_mco_plan_appeal";

on_both_engines! {
    deadline_from_a_rule_has_due_date_and_computation_steps,
    deadline_with_unknown_trigger_is_pending_with_the_earliest_date,
    invalid_deadlines_are_rejected_by_member_and_not_stored,
    deadline_is_satisfied_in_time_or_late_with_a_cause,
    overridden_due_date_needs_a_reason_and_a_deadline_can_be_superseded,
    open_deadline_blocks_hold_and_closing_of_its_case,
    new_rule_version_does_not_change_existing_deadlines,
    only_one_of_concurrent_requests_satisfies_a_deadline,
    deadline_is_visible_only_to_users_who_see_its_case,
}

async fn deadline_from_a_rule_has_due_date_and_computation_steps(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let appeal = rule(&ana, APPEAL).await;
    let made =
        enter(&ana, &action, json!({"rule_id": appeal["id"], "trigger_date": day(server, -10)})).await.expect(201);
    assert_eq!(
        (&made.body["due_on"], &made.body["status"], &made.body["source"]),
        (&json!(day(server, 50)), &json!("running"), &json!("computed"))
    );
    assert_eq!(
        (&made.body["rule"]["citation"], &made.body["rule"]["version"]),
        (&appeal["citation"], &appeal["version"])
    );
    assert!(!made.body["steps"].as_array().unwrap().is_empty());
    let end =
        alongside::directory::deadline_rules::compute::end_of_day(day(server, 50), &server.org.time_zone).unwrap();
    assert_eq!(made.body["due_at"], json!(end));
    assert_eq!((&made.body["due_soon"], &made.body["overdue"]), (&json!(false), &json!(false)));
    // The date on the notice takes precedence over the computed one if it is earlier.
    let stated = enter(
        &ana,
        &action,
        json!({
            "rule_id": appeal["id"], "trigger_date": day(server, -10), "stated_due_on": day(server, 5),
            "time_zone": "America/New_York",
        }),
    )
    .await
    .expect(201);
    assert_eq!(
        (&stated.body["due_on"], &stated.body["source"], &stated.body["differs_from_notice"]),
        (&json!(day(server, 5)), &json!("stated_on_notice"), &json!(true))
    );
    assert_eq!(stated.body["due_soon"], true);
    let listed: Vec<Value> = pages(&ana, &format!("/actions/{action}/deadlines"), 1)
        .await
        .into_iter()
        .map(|deadline| deadline["id"].clone())
        .collect();
    assert_eq!(listed, [json!(stated.id()), json!(made.id())]);
    supervisor.get(&format!("/deadlines/{}", made.id())).await.expect(200);
    let trace = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    let of_it: Vec<&str> = trace
        .iter()
        .filter(|entry| entry["subject_id"] == made.id().as_str())
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(of_it, ["deadline.created", "deadline.read"]);
    let timeline = pages(&ana, &format!("/cases/{case}/timeline"), 50).await;
    assert_eq!(timeline.iter().filter(|entry| entry["event"] == "deadline.created").count(), 2);
}

async fn deadline_with_unknown_trigger_is_pending_with_the_earliest_date(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let rule = rule(&ana, APPEAL).await["id"].clone();
    let made = enter(&ana, &action, json!({"rule_id": rule, "trigger_not_before": day(server, -10)})).await.expect(201);
    assert_eq!(
        (&made.body["status"], &made.body["due_on"], &made.body["earliest_due_on"]),
        (&json!("pending_trigger"), &json!(day(server, 50)), &json!(day(server, 50)))
    );
    let known = ana
        .patch(&format!("/deadlines/{}", made.id()), &made.etag(), json!({"trigger_date": day(server, -3)}))
        .await
        .expect(200);
    assert_eq!((&known.body["status"], &known.body["due_on"]), (&json!("running"), &json!(day(server, 57))));
    assert!(known.body.get("trigger_not_before").is_none());
}

async fn invalid_deadlines_are_rejected_by_member_and_not_stored(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (case, other) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    let (here, there) = (action(&ana, &case).await, action(&ana, &other).await);
    let elsewhere = enter(&ana, &there, on(day(server, 9))).await.expect(201).id();
    let rule = rule(&ana, APPEAL).await["id"].clone();
    let with = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let ruled = json!({"rule_id": rule, "trigger_date": day(server, -10)});
    for (body, at, code) in [
        (
            with(
                ruled.clone(),
                "trigger_date",
                json!(Day::today(&Zone::parse("Pacific/Kiritimati").unwrap()).plus_days(1)),
            ),
            "/trigger_date",
            "in_the_future",
        ),
        (with(ruled.clone(), "trigger_date", json!("2027-02-29")), "/trigger_date", "invalid_date"),
        (with(ruled.clone(), "rule_id", json!(TestServer::unknown_id())), "/rule_id", "unknown_reference"),
        (with(ruled.clone(), "time_zone", json!("Mars/Base")), "/time_zone", "unknown_time_zone"),
        (with(ruled.clone(), "stated_due_on", json!(day(server, -11))), "/stated_due_on", "before_trigger"),
        (with(ruled.clone(), "due_on", json!(day(server, 3))), "/due_on", "not_allowed"),
        (with(ruled.clone(), "trigger_not_before", json!(day(server, -3))), "/trigger_not_before", "not_allowed"),
        (json!({"rule_id": rule}), "/trigger_date", "required"),
        (json!({"trigger_date": day(server, -3)}), "/rule_id", "required"),
        (json!({}), "/due_on", "required"),
        (json!({"due_on": day(server, 3), "source": "manual"}), "/time_zone", "required"),
        (json!({"due_on": day(server, 3), "time_zone": "UTC"}), "/source", "required"),
        (with(on(day(server, 3)), "source", json!("computed")), "/source", "not_allowed"),
        (on(Day::parse("2199-12-31").unwrap()), "/due_on", "out_of_range"),
        (with(on(day(server, 3)), "supersedes", json!(elsewhere)), "/supersedes", "other_case"),
        (with(on(day(server, 3)), "supersedes", json!(TestServer::unknown_id())), "/supersedes", "unknown_reference"),
    ] {
        enter(&ana, &here, body).await.expect_fault(422, at, code);
    }
    assert_eq!(ana.get(&format!("/actions/{here}/deadlines")).await.expect(200).body["items"], json!([]));
    ana.patch(&format!("/actions/{here}"), "*", json!({"status": "withdrawn"})).await.expect(200);
    enter(&ana, &here, on(day(server, 3))).await.expect(409);
}

async fn deadline_is_satisfied_in_time_or_late_with_a_cause(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (case, other) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    let (here, there) = (action(&ana, &case).await, action(&ana, &other).await);
    let timely = enter(&ana, &here, on(day(server, 3))).await.expect(201).id();
    let satisfy = async |id: &str, body: Value| ana.post(&format!("/deadlines/{id}/satisfy"), body).await;
    satisfy(&timely, json!({})).await.expect_fault(422, "/action_id", "not_filed");
    let mistaken = action(&ana, &case).await;
    ana.patch(&format!("/actions/{mistaken}"), "*", json!({"filed_on": day(server, -2)})).await.expect(200);
    ana.patch(&format!("/actions/{mistaken}"), "*", json!({"status": "entered_in_error"})).await.expect(200);
    satisfy(&timely, json!({"action_id": mistaken})).await.expect_fault(422, "/action_id", "not_filed");
    ana.patch(&format!("/actions/{here}"), "*", json!({"filed_on": day(server, -2)})).await.expect(200);
    satisfy(&timely, json!({"action_id": there})).await.expect_fault(422, "/action_id", "other_case");
    satisfy(&timely, json!({"action_id": TestServer::unknown_id()})).await.expect_fault(
        422,
        "/action_id",
        "unknown_reference",
    );
    satisfy(&timely, json!({"on": day(server, 2)})).await.expect_fault(422, "/on", "in_the_future");
    let met = satisfy(&timely, json!({})).await.expect(201);
    assert_eq!(
        (&met.body["status"], &met.body["satisfied_by"], &met.body["satisfied_on"], &met.body["late_filing"]),
        (&json!("satisfied"), &json!(here), &json!(day(server, -2)), &json!(false))
    );
    satisfy(&timely, json!({})).await.expect(409);

    let late = enter(&ana, &here, on(day(server, -5))).await.expect(201);
    assert_eq!((&late.body["status"], &late.body["overdue"]), (&json!("missed"), &json!(true)), "derived, as of now");
    let listed = |status: &str| format!("/deadlines?case={case}&status={status}");
    assert_eq!(pages(&ana, &listed("missed"), 50).await.len(), 1);
    assert_eq!(pages(&ana, &listed("running"), 50).await.len(), 0);
    assert_eq!(pages(&ana, &listed("running,missed"), 50).await.len(), 1);
    satisfy(&late.id(), json!({})).await.expect_fault(422, "/good_cause", "required");
    ana.patch(&format!("/deadlines/{}", late.id()), "*", json!({"status": "missed"})).await.expect(200);
    let filed = satisfy(&late.id(), json!({"good_cause": "The notice came late."})).await.expect(201);
    assert_eq!((&filed.body["status"], &filed.body["late_filing"]), (&json!("satisfied"), &json!(true)));
    assert_eq!(pages(&ana, &listed("satisfied"), 50).await.len(), 2);
}

async fn overridden_due_date_needs_a_reason_and_a_deadline_can_be_superseded(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let rule = rule(&ana, APPEAL).await["id"].clone();
    let made = enter(&ana, &action, json!({"rule_id": rule, "trigger_date": day(server, -10)})).await.expect(201);
    let path = format!("/deadlines/{}", made.id());
    ana.patch(&path, "*", json!({"due_on": day(server, 60)})).await.expect_fault(422, "/override_reason", "required");
    ana.patch(&path, "*", json!({"status": "missed"})).await.expect_fault(422, "/status", "not_over");
    ana.patch(&path, "*", json!({"trigger_date": day(server, 2)})).await.expect_fault(
        422,
        "/trigger_date",
        "in_the_future",
    );
    ana.patch(&path, "\"v7\"", json!({"note": "x"})).await.expect(412);
    let moved = ana
        .patch(&path, &made.etag(), json!({"due_on": day(server, 60), "override_reason": "Granted in writing."}))
        .await
        .expect(200);
    assert_eq!(
        (&moved.body["source"], &moved.body["due_on"], &moved.body["rule"]["id"]),
        (&json!("manual"), &json!(day(server, 60)), &rule)
    );
    let mut body = on(day(server, 70));
    body["supersedes"] = json!(made.id());
    let newer = enter(&ana, &action, body.clone()).await.expect(201).id();
    let old = ana.get(&path).await.expect(200);
    assert_eq!((&old.body["status"], &old.body["superseded_by"]), (&json!("superseded"), &json!(newer)));
    enter(&ana, &action, body).await.expect_fault(422, "/supersedes", "not_open");
    ana.patch(&path, "*", json!({"due_on": day(server, 61), "override_reason": "No."})).await.expect(409);
    ana.post(&format!("{path}/waive"), json!({"reason": "No."})).await.expect(409);
}

async fn open_deadline_blocks_hold_and_closing_of_its_case(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    let first = enter(&ana, &action, on(day(server, 20))).await.expect(201).id();
    enter(&ana, &action, on(day(server, 40))).await.expect(201);
    let open = ana.send("GET", &format!("/cases/{case}"), &[("if-none-match", &before.etag())], None).await.expect(200);
    assert_eq!(unmet(&open, "closing"), json!(["open_deadlines"]));
    let hold = |days| json!({"to": "on_hold", "reason": "Away.", "review_on": day(server, days)});
    ana.transition(&case, hold(30)).await.expect_fault(409, "/review_on", "deadline_inside_hold");
    ana.transition(&case, json!({"to": "closing"})).await.expect_fault(409, "/waive_deadlines", "open_deadlines");
    ana.transition(&case, json!({"to": "closing", "waive_deadlines": true})).await.expect_fault(
        409,
        "/waive_deadlines",
        "open_deadlines",
    );
    ana.post(&format!("/deadlines/{first}/waive"), json!({})).await.expect_fault(422, "/reason", "required");
    let waived = ana.post(&format!("/deadlines/{first}/waive"), json!({"reason": "Not wanted."})).await.expect(201);
    assert_eq!((&waived.body["status"], &waived.body["excused_reason"]), (&json!("excused"), &json!("Not wanted.")));
    ana.transition(&case, hold(30)).await.expect(201);
    ana.transition(&case, json!({"to": "active"})).await.expect(201);
    ana.transition(&case, json!({"to": "closing", "waive_deadlines": true, "reason": "Sam has moved away."}))
        .await
        .expect(201);
    let all = pages(&ana, &format!("/deadlines?case={case}"), 50).await;
    assert!(all.iter().all(|deadline| deadline["status"] == "excused"), "{all:#?}");
    assert_eq!(all[1]["excused_reason"], "Sam has moved away.");
    let timeline = pages(&ana, &format!("/cases/{case}/timeline"), 50).await;
    assert_eq!(timeline.iter().filter(|entry| entry["event"] == "deadline.excused").count(), 2);
    ana.transition(&case, json!({"to": "active"})).await.expect(201);
    assert_eq!(unmet(&ana.get(&format!("/cases/{case}")).await, "closing"), json!([]));
}

async fn new_rule_version_does_not_change_existing_deadlines(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let appeal = rule(&ana, APPEAL).await;
    let ruled = json!({"rule_id": appeal["id"], "trigger_date": day(server, -10)});
    let (one, two) = (
        enter(&ana, &action, ruled.clone()).await.expect(201).id(),
        enter(&ana, &action, ruled.clone()).await.expect(201).id(),
    );
    let by_hand = enter(&ana, &action, on(day(server, 50))).await.expect(201).id();
    let version = format!("/deadline-rules/{}/versions", appeal["id"].as_str().unwrap());
    admin.post(&version, terms(&appeal, json!({"amount": 45, "effective_from": day(server, -30)}))).await.expect(201);
    let waiting = pages(&supervisor, "/deadlines?needs_review=true", 1).await;
    assert_eq!(
        waiting.iter().map(|deadline| deadline["id"].as_str().unwrap()).collect::<Vec<_>>(),
        [one.as_str(), two.as_str()]
    );
    for deadline in &waiting {
        assert_eq!(
            (&deadline["due_on"], &deadline["review"]["proposed_due_on"]),
            (&json!(day(server, 50)), &json!(day(server, 35)))
        );
    }
    ana.post(&format!("/deadlines/{by_hand}/review"), json!({"decision": "adopt"})).await.expect(409);
    ana.post(&format!("/deadlines/{one}/review"), json!({"decision": "keep"}))
        .await
        .expect_fault(422, "/reason", "required");
    let kept = ana
        .post(&format!("/deadlines/{one}/review"), json!({"decision": "keep", "reason": "Confirmed by phone."}))
        .await
        .expect(201);
    assert_eq!(
        (&kept.body["due_on"], &kept.body["override_reason"]),
        (&json!(day(server, 50)), &json!("Confirmed by phone."))
    );
    let adopted = ana.post(&format!("/deadlines/{two}/review"), json!({"decision": "adopt"})).await.expect(201);
    assert_eq!((&adopted.body["due_on"], &adopted.body["rule"]["version"]), (&json!(day(server, 35)), &json!(2)));
    assert_eq!(supervisor.get("/deadlines?needs_review=true").await.expect(200).body["items"], json!([]));
}

async fn only_one_of_concurrent_requests_satisfies_a_deadline(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    ana.patch(&format!("/actions/{action}"), "*", json!({"filed_on": day(server, -2)})).await.expect(200);
    let deadline = enter(&ana, &action, on(day(server, 3))).await.expect(201).id();
    let path = format!("/deadlines/{deadline}/satisfy");
    let all = futures_util::future::join_all((0..10).map(|_| ana.post(&path, json!({})))).await;
    assert_eq!(all.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(all.iter().filter(|reply| reply.status == 409).count(), 9);
}

async fn deadline_is_visible_only_to_users_who_see_its_case(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let action = action(&ana, &case).await;
    let deadline = enter(&ana, &action, on(day(server, 3))).await.expect(201).id();
    assert_eq!(
        pages(
            &supervisor,
            &format!("/deadlines?advocate={}&due_from={}&due_before={}", ana.id(), day(server, 3), day(server, 4)),
            50
        )
        .await
        .len(),
        1
    );
    assert_eq!(pages(&supervisor, &format!("/deadlines?advocate={}", supervisor.id()), 50).await.len(), 0);
    assert_eq!(pages(&supervisor, &format!("/deadlines?due_before={}", day(server, 3)), 50).await.len(), 0);
    server.user(Role::Admin).get(&format!("/deadlines/{deadline}")).await.expect(403);
    for stranger in [
        &server.user(Role::Advocate),
        &server.user_of_other_org(Role::Supervisor),
        &server.user_in(&server.org, &[server.new_team("South")], Role::Supervisor),
    ] {
        stranger.get(&format!("/deadlines/{deadline}")).await.expect(404);
        stranger.get(&format!("/actions/{action}/deadlines")).await.expect(404);
        enter(stranger, &action, on(day(server, 3))).await.expect(404);
        stranger.patch(&format!("/deadlines/{deadline}"), "*", json!({"note": "x"})).await.expect(404);
        stranger.post(&format!("/deadlines/{deadline}/satisfy"), json!({})).await.expect(404);
        stranger.post(&format!("/deadlines/{deadline}/waive"), json!({"reason": "x"})).await.expect(404);
        stranger.post(&format!("/deadlines/{deadline}/review"), json!({"decision": "adopt"})).await.expect(404);
        assert_eq!(stranger.get("/deadlines?include_total=true").await.expect(200).body["total"], 0);
    }
}
