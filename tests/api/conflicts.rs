//! Conflicts of interest: what is declared, how much each user sees of it, and what it prevents.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{
    auth::Role,
    types::{Day, Zone},
};
use serde_json::{Value, json};

async fn provider(by: &User<'_>) -> String {
    by.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id()
}
async fn declare(by: &User<'_>, provider: &str, kind: &str) -> String {
    by.post("/me/interests", json!({"provider_id": provider, "kind": kind, "text": "CANARY"})).await.expect(201).id()
}
async fn barrier(by: &User<'_>, case: &str, provider: &str) -> String {
    by.post(
        &format!("/cases/{case}/barriers"),
        json!({"type": "cost", "description": "Deposit.", "provider_id": provider}),
    )
    .await
    .expect(201)
    .id()
}
async fn checks(supervisor: &User<'_>, case: &str) -> Vec<Value> {
    pages(supervisor, &format!("/cases/{case}/conflict-checks"), 2).await
}
async fn check(supervisor: &User<'_>, case: &str, body: Value) -> crate::support::Reply {
    supervisor.post(&format!("/cases/{case}/conflict-checks"), body).await
}
async fn decide(by: &User<'_>, check: &str, decision: &str) -> crate::support::Reply {
    by.post(&format!("/conflict-checks/{check}/decision"), json!({"decision": decision, "reason": "Talked it over."}))
        .await
}
/// A case of `lead` in triage.
async fn in_triage(lead: &User<'_>, supervisor: &User<'_>) -> String {
    let case = lead.new_case().await;
    supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
    case
}
fn accept() -> Value {
    json!({"to": "accepted", "client_agreement": true})
}
fn accept_checked() -> Value {
    json!({"to": "accepted", "client_agreement": true, "conflict_check": true})
}
async fn events(by: &User<'_>, case: &str) -> Vec<String> {
    let timeline = pages(by, &format!("/cases/{case}/timeline"), 50).await;
    timeline
        .iter()
        .map(|entry| entry["event"].as_str().unwrap().to_owned())
        .filter(|event| event.starts_with("conflict_check."))
        .collect()
}

on_both_engines! {
    interests_are_visible_only_to_their_owner,
    invalid_interests_are_rejected_by_member,
    conflict_blocks_acceptance_until_a_decision,
    conflict_check_is_met_by_a_recorded_check_or_the_request_flag,
    conflict_is_resolved_by_reassigning_the_lead,
    new_lead_is_checked_for_conflicts_before_acceptance,
    conflict_check_runs_when_a_provider_or_user_is_added_to_a_case,
    conflict_check_uses_a_services_provider_and_current_interests_only,
    interest_follows_a_merged_provider,
    provider_merge_runs_conflict_checks_in_affected_cases,
    conflict_checks_need_a_case_supervisor_without_own_conflict,
}

async fn interests_are_visible_only_to_their_owner(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    let own = declare(&ana, &clinic, "own_treatment_there").await;
    assert_eq!(pages(&ana, "/me/interests", 1).await[0]["kind"], "own_treatment_there");
    for other in [&ben, &supervisor, &server.user_of_other_org(Role::Supervisor)] {
        assert_eq!(pages(other, "/me/interests", 5).await, Vec::<Value>::new());
        other.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "*")], None).await.expect(404);
    }
    for role in [Role::Admin, Role::Client, Role::Auditor] {
        server.user(role).get("/me/interests").await.expect(403);
    }
    ana.send("DELETE", &format!("/me/interests/{own}"), &[], None).await.expect(428);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "\"v9\"")], None).await.expect(412);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "\"v1\"")], None).await.expect(204);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "*")], None).await.expect(404);
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 50).await;
    let of = |action: &str| entries.iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((of("interest.declared"), of("interest.withdrawn")), (1, 1));
    assert!(
        !json!(entries).to_string().contains("CANARY") && !json!(entries).to_string().contains("own_treatment_there")
    );
}

async fn invalid_interests_are_rejected_by_member(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let clinic = provider(&ana).await;
    let theirs = provider(&server.user_of_other_org(Role::Advocate)).await;
    for (body, at, code) in [
        (json!({"kind": "family"}), "/provider_id", "required"),
        (json!({"provider_id": theirs, "kind": "family"}), "/provider_id", "unknown_reference"),
        (json!({"provider_id": TestServer::unknown_id(), "kind": "family"}), "/provider_id", "unknown_reference"),
        (json!({"provider_id": clinic, "kind": "neighbour"}), "/kind", "unknown_code"),
        (json!({"provider_id": clinic, "kind": "other"}), "/text", "required"),
        (
            json!({"provider_id": clinic, "kind": "family", "from_on": "2026-02-02", "to_on": "2026-02-01"}),
            "/to_on",
            "out_of_range",
        ),
        (json!({"provider_id": clinic, "kind": "family", "from_on": "2026-02-30"}), "/from_on", "invalid_date"),
    ] {
        ana.post("/me/interests", body).await.expect_fault(422, at, code);
    }
    assert_eq!(pages(&ana, "/me/interests", 5).await, Vec::<Value>::new());
}

async fn conflict_blocks_acceptance_until_a_decision(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ana, &clinic, "own_treatment_there").await;
    let case = in_triage(&ana, &supervisor).await;
    supervisor.transition(&case, accept()).await.expect_fault(409, "/conflict_check", "conflict_check");
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    barrier(&ana, &case, &clinic).await;
    // The check ran automatically, and reveals no more than necessary.
    let found = checks(&supervisor, &case).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["occasion"], &found[0]["result"]), (&json!("provider_added"), &json!("conflicts")));
    assert_eq!(found[0]["conflicts"], json!([{"user_id": ana.id(), "provider_id": clinic, "kind": "personal"}]));
    assert_eq!(events(&supervisor, &case).await, ["conflict_check.found"]);
    assert_eq!(events(&ana, &case).await, Vec::<String>::new(), "an advocate does not see it");
    let after = ana.get(&format!("/cases/{case}")).await.expect(200);
    assert_eq!(
        after.body["available_transitions"], before.body["available_transitions"],
        "nor can tell it from the case"
    );
    let other = in_triage(&ana, &supervisor).await;
    let blank = ana.get(&format!("/cases/{other}")).await.expect(200);
    ana.post(&format!("/cases/{other}/barriers"), json!({"type": "cost", "description": "Deposit."})).await.expect(201);
    let plain = ana.get(&format!("/cases/{other}")).await.expect(200);
    let moved =
        |before: &Value, after: &Value| after["version"].as_i64().unwrap() - before["version"].as_i64().unwrap();
    assert_eq!(moved(&before.body, &after.body), moved(&blank.body, &plain.body), "nor from its version");
    // The statement that a check was made is no longer enough.
    supervisor.transition(&case, accept_checked()).await.expect_fault(409, "/conflict_check", "conflict_check");
    let id = found[0]["id"].as_str().unwrap();
    supervisor
        .post(&format!("/conflict-checks/{id}/decision"), json!({"decision": "proceed_with_consent"}))
        .await
        .expect_fault(422, "/reason", "required");
    supervisor
        .post(&format!("/conflict-checks/{id}/decision"), json!({"decision": "look_away", "reason": "r"}))
        .await
        .expect_fault(422, "/decision", "unknown_code");
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    let decided = decide(&supervisor, id, "proceed_with_consent").await.expect(201);
    assert_eq!(ana.get(&format!("/cases/{case}")).await.expect(200).body, before.body, "nor of the decision");
    assert_eq!((&decided.body["decided_by"], &decided.body["version"]), (&json!(supervisor.id()), &json!(2)));
    assert_eq!(supervisor.get(&format!("/conflict-checks/{id}")).await.expect(200).body, decided.body);
    decide(&supervisor, id, "reassign").await.expect(409);
    // The recorded decision counts: the transition need not repeat it.
    supervisor.transition(&case, accept()).await.expect(201);
    assert_eq!(events(&supervisor, &case).await, ["conflict_check.decided", "conflict_check.found"]);
}

async fn conflict_check_is_met_by_a_recorded_check_or_the_request_flag(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = in_triage(&ana, &supervisor).await;
    let unmet = |case: &Value| {
        case["available_transitions"].as_array().unwrap().iter().find(|way| way["to"] == "accepted").unwrap()["unmet"]
            .clone()
    };
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    let run = check(&supervisor, &case, json!({})).await.expect(201);
    assert_eq!(
        (&run.body["result"], &run.body["conflicts"], &run.body["occasion"]),
        (&json!("clear"), &json!([]), &json!("asked_for"))
    );
    decide(&supervisor, &run.id(), "reassign").await.expect(409);
    let now = supervisor.get(&format!("/cases/{case}")).await.expect(200);
    assert_eq!(unmet(&now.body), json!(["client_agreement"]));
    assert_eq!(
        ana.get(&format!("/cases/{case}")).await.expect(200).body,
        before.body,
        "an advocate cannot tell that anybody looked"
    );
    supervisor.transition(&case, accept()).await.expect(201);
    let other = in_triage(&ana, &supervisor).await;
    supervisor.transition(&other, accept_checked()).await.expect(201);
    assert_eq!(checks(&supervisor, &other).await, Vec::<Value>::new());
}

async fn conflict_is_resolved_by_reassigning_the_lead(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ana, &clinic, "employed_by").await;
    let case = in_triage(&ana, &supervisor).await;
    barrier(&ana, &case, &clinic).await;
    let id = checks(&supervisor, &case).await[0]["id"].as_str().unwrap().to_owned();
    decide(&supervisor, &id, "reassign").await.expect(201);
    let case_now = supervisor.get(&format!("/cases/{case}")).await.expect(200);
    let accepting =
        case_now.body["available_transitions"].as_array().unwrap().iter().find(|way| way["to"] == "accepted").unwrap();
    assert!(accepting["unmet"].as_array().unwrap().contains(&json!("conflict_check")));
    // It was decided, but not carried out.
    supervisor.transition(&case, accept_checked()).await.expect_fault(409, "/conflict_check", "conflict_check");
    let with_ben = |mut body: Value| {
        body["lead_advocate_id"] = json!(ben.id());
        body
    };
    assert_eq!(
        check(&supervisor, &case, json!({"lead_advocate_id": ben.id()})).await.expect(201).body["result"],
        "clear"
    );
    supervisor.transition(&case, with_ben(accept())).await.expect(201);
    check(&supervisor, &case, json!({"lead_advocate_id": TestServer::unknown_id()})).await.expect_fault(
        422,
        "/lead_advocate_id",
        "unknown_reference",
    );
    check(&supervisor, &case, json!({"lead_advocate_id": server.user_of_other_org(Role::Advocate).id()}))
        .await
        .expect_fault(422, "/lead_advocate_id", "unknown_reference");
}

async fn new_lead_is_checked_for_conflicts_before_acceptance(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ben, &clinic, "financial").await;
    let case = in_triage(&ana, &supervisor).await;
    barrier(&ana, &case, &clinic).await;
    assert_eq!(checks(&supervisor, &case).await, Vec::<Value>::new(), "ana has nothing to do with it");
    let with_ben = |mut body: Value| {
        body["lead_advocate_id"] = json!(ben.id());
        body
    };
    supervisor.transition(&case, with_ben(accept_checked())).await.expect_fault(
        409,
        "/conflict_check",
        "conflict_check",
    );
    assert_eq!(
        supervisor.get(&format!("/cases/{case}")).await.expect(200).body["lead_advocate_id"],
        json!(ana.id()),
        "nothing was stored"
    );
    let run = check(&supervisor, &case, json!({"lead_advocate_id": ben.id()})).await.expect(201);
    assert_eq!(run.body["conflicts"], json!([{"user_id": ben.id(), "provider_id": clinic, "kind": "financial"}]));
    decide(&supervisor, &run.id(), "proceed_with_consent").await.expect(201);
    supervisor.transition(&case, with_ben(accept())).await.expect(201);
}

async fn conflict_check_runs_when_a_provider_or_user_is_added_to_a_case(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let (clinic, ward, agency) = (provider(&ana).await, provider(&ana).await, provider(&ana).await);
    let case = active_case(&ana, &supervisor).await;
    for place in [&clinic, &ward] {
        declare(&ana, place, "family").await;
    }
    declare(&ben, &clinic, "former_employee").await;
    barrier(&ana, &case, &agency).await;
    assert_eq!(checks(&supervisor, &case).await.len(), 0);
    // A changed barrier starts a check, only the first time.
    let id = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"}))
        .await
        .expect(201)
        .id();
    ana.patch(&format!("/barriers/{id}"), "*", json!({"provider_id": clinic})).await.expect(200);
    barrier(&ana, &case, &clinic).await;
    assert_eq!(checks(&supervisor, &case).await.len(), 1);
    // A new or changed meeting starts one.
    let meeting = json!({
        "type": "debrief", "mode": "phone", "starts_at": "2027-01-05T10:00:00Z", "ends_at": "2027-01-05T11:00:00Z",
        "time_zone": "America/Chicago", "purpose": "p",
    });
    let id = ana.post(&format!("/cases/{case}/meetings"), meeting.clone()).await.expect(201).id();
    ana.patch(&format!("/meetings/{id}"), "*", json!({"provider_id": ward})).await.expect(200);
    let found = checks(&supervisor, &case).await;
    assert_eq!((found.len(), found[0]["conflicts"].as_array().unwrap().len()), (2, 2));
    // A new participant starts one.
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"}))
        .await
        .expect(201);
    let found = checks(&supervisor, &case).await;
    assert_eq!(
        (found.len(), &found[0]["occasion"], found[0]["conflicts"].as_array().unwrap().len()),
        (3, &json!("assignment"), 3)
    );
    // A new lead starts one: ana's interests no longer matter.
    let cleo = server.user(Role::Advocate);
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": cleo.id(), "role": "lead"}))
        .await
        .expect(201);
    let now = check(&supervisor, &case, json!({})).await.expect(201);
    assert_eq!(now.body["conflicts"], json!([{"user_id": ben.id(), "provider_id": clinic, "kind": "work"}]));
    // Only the latest check can be decided.
    decide(&supervisor, found[0]["id"].as_str().unwrap(), "reassign").await.expect(409);
    assert_eq!(events(&supervisor, &case).await.len(), 4);
}

async fn conflict_check_uses_a_services_provider_and_current_interests_only(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (clinic, ward) = (provider(&ana).await, provider(&ana).await);
    let today = Day::today(&Zone::utc());
    ana.post("/me/interests", json!({"provider_id": ward, "kind": "family", "to_on": today.plus_days(-3)}))
        .await
        .expect(201);
    ana.post("/me/interests", json!({"provider_id": ward, "kind": "family", "from_on": today.plus_days(3)}))
        .await
        .expect(201);
    ana.post(
        "/me/interests",
        json!({"provider_id": clinic, "kind": "family", "from_on": today.plus_days(-3), "to_on": today.plus_days(3)}),
    )
    .await
    .expect(201);
    let case = active_case(&ana, &supervisor).await;
    barrier(&ana, &case, &ward).await;
    assert_eq!(checks(&supervisor, &case).await.len(), 0);
    let service = ana
        .post("/services", json!({"name": "Intake", "provider_id": clinic, "status": "active"}))
        .await
        .expect(201)
        .id();
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d", "service_id": service}))
        .await
        .expect(201);
    assert_eq!(checks(&supervisor, &case).await[0]["conflicts"][0]["provider_id"], json!(clinic));
}

async fn interest_follows_a_merged_provider(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (old, new) = (provider(&ana).await, provider(&ana).await);
    declare(&ana, &old, "family").await;
    supervisor.post(&format!("/providers/{old}/merge"), json!({"into": new})).await.expect(201);
    let case = active_case(&ana, &supervisor).await;
    barrier(&ana, &case, &new).await;
    assert_eq!(checks(&supervisor, &case).await[0]["conflicts"][0]["provider_id"], json!(new));
}

async fn provider_merge_runs_conflict_checks_in_affected_cases(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (old, new) = (provider(&ana).await, provider(&ana).await);
    declare(&ana, &old, "family").await;
    let (case, known, closed) =
        (active_case(&ana, &supervisor).await, in_triage(&ana, &supervisor).await, ana.new_case().await);
    barrier(&ana, &case, &new).await;
    barrier(&ana, &closed, &new).await;
    server
        .user(Role::Admin)
        .transition(&closed, json!({"to": "entered_in_error", "reason": "Twice."}))
        .await
        .expect(201);
    barrier(&ana, &known, &old).await;
    let id = checks(&supervisor, &known).await[0]["id"].as_str().unwrap().to_owned();
    decide(&supervisor, &id, "proceed_with_consent").await.expect(201);
    assert_eq!(checks(&supervisor, &case).await, Vec::<Value>::new());
    supervisor.post(&format!("/providers/{old}/merge"), json!({"into": new})).await.expect(201);
    let found = checks(&supervisor, &case).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["conflicts"], json!([{"user_id": ana.id(), "provider_id": new, "kind": "personal"}]));
    assert_eq!(checks(&supervisor, &closed).await.len(), 0);
    // A conflict that the client has accepted stays accepted after the provider's merge.
    assert_eq!(checks(&supervisor, &known).await.len(), 1);
    supervisor.transition(&known, accept()).await.expect(201);
}

async fn conflict_checks_need_a_case_supervisor_without_own_conflict(server: &TestServer) {
    let (ana, supervisor, other_supervisor) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&supervisor, &clinic, "family").await;
    let case = active_case(&ana, &supervisor).await;
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": supervisor.id(), "role": "mentor"}))
        .await
        .expect(201);
    barrier(&ana, &case, &clinic).await;
    let id = checks(&supervisor, &case).await[0]["id"].as_str().unwrap().to_owned();
    ana.get(&format!("/conflict-checks/{id}")).await.expect(403);
    ana.get(&format!("/cases/{case}/conflict-checks")).await.expect(403);
    for stranger in [
        &server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor),
        &server.user_of_other_org(Role::Supervisor),
    ] {
        stranger.get(&format!("/conflict-checks/{id}")).await.expect(404);
        stranger.get(&format!("/cases/{case}/conflict-checks")).await.expect(404);
        check(stranger, &case, json!({})).await.expect(404);
        decide(stranger, &id, "reassign").await.expect(404);
    }
    decide(&supervisor, &id, "proceed_with_consent").await.expect(403);
    let tried =
        futures_util::future::join_all((0..4).map(|_| decide(&other_supervisor, &id, "proceed_with_consent"))).await;
    let mut statuses: Vec<u16> = tried.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    let of = |action: &str| {
        entries.iter().filter(|entry| entry["action"] == action && entry["subject_id"] == id.as_str()).count()
    };
    assert_eq!((of("conflict_check.found"), of("conflict_check.decided")), (1, 1));
    assert!(!json!(entries).to_string().contains("Talked it over"));
}
