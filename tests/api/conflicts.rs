//! Conflicts of interest: what is declared, how much each user sees of it, and what it prevents.

use crate::{
    on_both_engines,
    support::{User, World, active_case, pages},
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
async fn checks(boss: &User<'_>, case: &str) -> Vec<Value> {
    pages(boss, &format!("/cases/{case}/conflict-checks"), 2).await
}
async fn check(boss: &User<'_>, case: &str, body: Value) -> crate::support::Reply {
    boss.post(&format!("/cases/{case}/conflict-checks"), body).await
}
async fn decide(by: &User<'_>, check: &str, decision: &str) -> crate::support::Reply {
    by.post(&format!("/conflict-checks/{check}/decision"), json!({"decision": decision, "reason": "Talked it over."}))
        .await
}
/// A case of `lead` in triage.
async fn in_triage(lead: &User<'_>, boss: &User<'_>) -> String {
    let case = lead.new_case().await;
    boss.transition(&case, json!({"to": "triage"})).await.expect(201);
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

async fn interests_are_visible_only_to_their_owner(w: &World) {
    let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    let own = declare(&ana, &clinic, "own_treatment_there").await;
    assert_eq!(pages(&ana, "/me/interests", 1).await[0]["kind"], "own_treatment_there");
    for other in [&ben, &boss, &w.outsider(Role::Supervisor)] {
        assert_eq!(pages(other, "/me/interests", 5).await, Vec::<Value>::new());
        other.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "*")], None).await.expect(404);
    }
    for role in [Role::Admin, Role::Client, Role::Auditor] {
        w.user(role).get("/me/interests").await.expect(403);
    }
    ana.send("DELETE", &format!("/me/interests/{own}"), &[], None).await.expect(428);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "\"v9\"")], None).await.expect(412);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "\"v1\"")], None).await.expect(204);
    ana.send("DELETE", &format!("/me/interests/{own}"), &[("if-match", "*")], None).await.expect(404);
    let entries = pages(&w.user(Role::Auditor), "/audit-events", 50).await;
    let of = |action: &str| entries.iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((of("interest.declared"), of("interest.withdrawn")), (1, 1));
    assert!(
        !json!(entries).to_string().contains("CANARY") && !json!(entries).to_string().contains("own_treatment_there")
    );
}

async fn invalid_interests_are_rejected_by_member(w: &World) {
    let ana = w.user(Role::Advocate);
    let clinic = provider(&ana).await;
    let theirs = provider(&w.outsider(Role::Advocate)).await;
    for (body, at, code) in [
        (json!({"kind": "family"}), "/provider_id", "required"),
        (json!({"provider_id": theirs, "kind": "family"}), "/provider_id", "unknown_reference"),
        (json!({"provider_id": World::unknown_id(), "kind": "family"}), "/provider_id", "unknown_reference"),
        (json!({"provider_id": clinic, "kind": "neighbour"}), "/kind", "unknown_code"),
        (json!({"provider_id": clinic, "kind": "other"}), "/text", "required"),
        (
            json!({"provider_id": clinic, "kind": "family", "from_on": "2026-02-02", "to_on": "2026-02-01"}),
            "/to_on",
            "out_of_range",
        ),
        (json!({"provider_id": clinic, "kind": "family", "from_on": "2026-02-30"}), "/from_on", "invalid_date"),
    ] {
        ana.post("/me/interests", body).await.faulty(422, at, code);
    }
    assert_eq!(pages(&ana, "/me/interests", 5).await, Vec::<Value>::new());
}

async fn conflict_blocks_acceptance_until_a_decision(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ana, &clinic, "own_treatment_there").await;
    let case = in_triage(&ana, &boss).await;
    boss.transition(&case, accept()).await.faulty(409, "/conflict_check", "conflict_check");
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    barrier(&ana, &case, &clinic).await;
    // The check ran automatically, and reveals no more than necessary.
    let found = checks(&boss, &case).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["occasion"], &found[0]["result"]), (&json!("provider_added"), &json!("conflicts")));
    assert_eq!(found[0]["conflicts"], json!([{"user_id": ana.id(), "provider_id": clinic, "kind": "personal"}]));
    assert_eq!(events(&boss, &case).await, ["conflict_check.found"]);
    assert_eq!(events(&ana, &case).await, Vec::<String>::new(), "an advocate does not see it");
    let after = ana.get(&format!("/cases/{case}")).await.expect(200);
    assert_eq!(
        after.body["available_transitions"], before.body["available_transitions"],
        "nor can tell it from the case"
    );
    let other = in_triage(&ana, &boss).await;
    let blank = ana.get(&format!("/cases/{other}")).await.expect(200);
    ana.post(&format!("/cases/{other}/barriers"), json!({"type": "cost", "description": "Deposit."})).await.expect(201);
    let plain = ana.get(&format!("/cases/{other}")).await.expect(200);
    let moved =
        |before: &Value, after: &Value| after["version"].as_i64().unwrap() - before["version"].as_i64().unwrap();
    assert_eq!(moved(&before.body, &after.body), moved(&blank.body, &plain.body), "nor from its version");
    // The statement that a check was made is no longer enough.
    boss.transition(&case, accept_checked()).await.faulty(409, "/conflict_check", "conflict_check");
    let id = found[0]["id"].as_str().unwrap();
    boss.post(&format!("/conflict-checks/{id}/decision"), json!({"decision": "proceed_with_consent"}))
        .await
        .faulty(422, "/reason", "required");
    boss.post(&format!("/conflict-checks/{id}/decision"), json!({"decision": "look_away", "reason": "r"}))
        .await
        .faulty(422, "/decision", "unknown_code");
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    let decided = decide(&boss, id, "proceed_with_consent").await.expect(201);
    assert_eq!(ana.get(&format!("/cases/{case}")).await.expect(200).body, before.body, "nor of the decision");
    assert_eq!((&decided.body["decided_by"], &decided.body["version"]), (&json!(boss.id()), &json!(2)));
    assert_eq!(boss.get(&format!("/conflict-checks/{id}")).await.expect(200).body, decided.body);
    decide(&boss, id, "reassign").await.expect(409);
    // The recorded decision counts: the transition need not repeat it.
    boss.transition(&case, accept()).await.expect(201);
    assert_eq!(events(&boss, &case).await, ["conflict_check.decided", "conflict_check.found"]);
}

async fn conflict_check_is_met_by_a_recorded_check_or_the_request_flag(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    let case = in_triage(&ana, &boss).await;
    let unmet = |case: &Value| {
        case["available_transitions"].as_array().unwrap().iter().find(|way| way["to"] == "accepted").unwrap()["unmet"]
            .clone()
    };
    let before = ana.get(&format!("/cases/{case}")).await.expect(200);
    let run = check(&boss, &case, json!({})).await.expect(201);
    assert_eq!(
        (&run.body["result"], &run.body["conflicts"], &run.body["occasion"]),
        (&json!("clear"), &json!([]), &json!("asked_for"))
    );
    decide(&boss, &run.id(), "reassign").await.expect(409);
    let now = boss.get(&format!("/cases/{case}")).await.expect(200);
    assert_eq!(unmet(&now.body), json!(["client_agreement"]));
    assert_eq!(
        ana.get(&format!("/cases/{case}")).await.expect(200).body,
        before.body,
        "an advocate cannot tell that anybody looked"
    );
    boss.transition(&case, accept()).await.expect(201);
    let other = in_triage(&ana, &boss).await;
    boss.transition(&other, accept_checked()).await.expect(201);
    assert_eq!(checks(&boss, &other).await, Vec::<Value>::new());
}

async fn conflict_is_resolved_by_reassigning_the_lead(w: &World) {
    let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ana, &clinic, "employed_by").await;
    let case = in_triage(&ana, &boss).await;
    barrier(&ana, &case, &clinic).await;
    let id = checks(&boss, &case).await[0]["id"].as_str().unwrap().to_owned();
    decide(&boss, &id, "reassign").await.expect(201);
    let case_now = boss.get(&format!("/cases/{case}")).await.expect(200);
    let accepting =
        case_now.body["available_transitions"].as_array().unwrap().iter().find(|way| way["to"] == "accepted").unwrap();
    assert!(accepting["unmet"].as_array().unwrap().contains(&json!("conflict_check")));
    // It was decided, but not carried out.
    boss.transition(&case, accept_checked()).await.faulty(409, "/conflict_check", "conflict_check");
    let with_ben = |mut body: Value| {
        body["lead_advocate_id"] = json!(ben.id());
        body
    };
    assert_eq!(check(&boss, &case, json!({"lead_advocate_id": ben.id()})).await.expect(201).body["result"], "clear");
    boss.transition(&case, with_ben(accept())).await.expect(201);
    check(&boss, &case, json!({"lead_advocate_id": World::unknown_id()})).await.faulty(
        422,
        "/lead_advocate_id",
        "unknown_reference",
    );
    check(&boss, &case, json!({"lead_advocate_id": w.outsider(Role::Advocate).id()})).await.faulty(
        422,
        "/lead_advocate_id",
        "unknown_reference",
    );
}

async fn new_lead_is_checked_for_conflicts_before_acceptance(w: &World) {
    let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&ben, &clinic, "financial").await;
    let case = in_triage(&ana, &boss).await;
    barrier(&ana, &case, &clinic).await;
    assert_eq!(checks(&boss, &case).await, Vec::<Value>::new(), "ana has nothing to do with it");
    let with_ben = |mut body: Value| {
        body["lead_advocate_id"] = json!(ben.id());
        body
    };
    boss.transition(&case, with_ben(accept_checked())).await.faulty(409, "/conflict_check", "conflict_check");
    assert_eq!(
        boss.get(&format!("/cases/{case}")).await.expect(200).body["lead_advocate_id"],
        json!(ana.id()),
        "nothing was stored"
    );
    let run = check(&boss, &case, json!({"lead_advocate_id": ben.id()})).await.expect(201);
    assert_eq!(run.body["conflicts"], json!([{"user_id": ben.id(), "provider_id": clinic, "kind": "financial"}]));
    decide(&boss, &run.id(), "proceed_with_consent").await.expect(201);
    boss.transition(&case, with_ben(accept())).await.expect(201);
}

async fn conflict_check_runs_when_a_provider_or_user_is_added_to_a_case(w: &World) {
    let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
    let (clinic, ward, agency) = (provider(&ana).await, provider(&ana).await, provider(&ana).await);
    let case = active_case(&ana, &boss).await;
    for place in [&clinic, &ward] {
        declare(&ana, place, "family").await;
    }
    declare(&ben, &clinic, "former_employee").await;
    barrier(&ana, &case, &agency).await;
    assert_eq!(checks(&boss, &case).await.len(), 0);
    // By a changed barrier, and only the first time.
    let id = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"}))
        .await
        .expect(201)
        .id();
    ana.patch(&format!("/barriers/{id}"), "*", json!({"provider_id": clinic})).await.expect(200);
    barrier(&ana, &case, &clinic).await;
    assert_eq!(checks(&boss, &case).await.len(), 1);
    // By a meeting, new or changed.
    let meeting = json!({
        "type": "debrief", "mode": "phone", "starts_at": "2027-01-05T10:00:00Z", "ends_at": "2027-01-05T11:00:00Z",
        "time_zone": "America/Chicago", "purpose": "p",
    });
    let id = ana.post(&format!("/cases/{case}/meetings"), meeting.clone()).await.expect(201).id();
    ana.patch(&format!("/meetings/{id}"), "*", json!({"provider_id": ward})).await.expect(200);
    let found = checks(&boss, &case).await;
    assert_eq!((found.len(), found[0]["conflicts"].as_array().unwrap().len()), (2, 2));
    // By a new participant.
    boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"})).await.expect(201);
    let found = checks(&boss, &case).await;
    assert_eq!(
        (found.len(), &found[0]["occasion"], found[0]["conflicts"].as_array().unwrap().len()),
        (3, &json!("assignment"), 3)
    );
    // By another lead: ana's relations no longer matter.
    let cleo = w.user(Role::Advocate);
    boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": cleo.id(), "role": "lead"})).await.expect(201);
    let now = check(&boss, &case, json!({})).await.expect(201);
    assert_eq!(now.body["conflicts"], json!([{"user_id": ben.id(), "provider_id": clinic, "kind": "work"}]));
    // Only the latest check can be decided.
    decide(&boss, found[0]["id"].as_str().unwrap(), "reassign").await.expect(409);
    assert_eq!(events(&boss, &case).await.len(), 4);
}

async fn conflict_check_uses_a_services_provider_and_current_interests_only(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
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
    let case = active_case(&ana, &boss).await;
    barrier(&ana, &case, &ward).await;
    assert_eq!(checks(&boss, &case).await.len(), 0);
    let service = ana
        .post("/services", json!({"name": "Intake", "provider_id": clinic, "status": "active"}))
        .await
        .expect(201)
        .id();
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d", "service_id": service}))
        .await
        .expect(201);
    assert_eq!(checks(&boss, &case).await[0]["conflicts"][0]["provider_id"], json!(clinic));
}

async fn interest_follows_a_merged_provider(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    let (old, new) = (provider(&ana).await, provider(&ana).await);
    declare(&ana, &old, "family").await;
    boss.post(&format!("/providers/{old}/merge"), json!({"into": new})).await.expect(201);
    let case = active_case(&ana, &boss).await;
    barrier(&ana, &case, &new).await;
    assert_eq!(checks(&boss, &case).await[0]["conflicts"][0]["provider_id"], json!(new));
}

async fn provider_merge_runs_conflict_checks_in_affected_cases(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    let (old, new) = (provider(&ana).await, provider(&ana).await);
    declare(&ana, &old, "family").await;
    let (case, known, closed) = (active_case(&ana, &boss).await, in_triage(&ana, &boss).await, ana.new_case().await);
    barrier(&ana, &case, &new).await;
    barrier(&ana, &closed, &new).await;
    w.user(Role::Admin).transition(&closed, json!({"to": "entered_in_error", "reason": "Twice."})).await.expect(201);
    barrier(&ana, &known, &old).await;
    let id = checks(&boss, &known).await[0]["id"].as_str().unwrap().to_owned();
    decide(&boss, &id, "proceed_with_consent").await.expect(201);
    assert_eq!(checks(&boss, &case).await, Vec::<Value>::new());
    boss.post(&format!("/providers/{old}/merge"), json!({"into": new})).await.expect(201);
    let found = checks(&boss, &case).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["conflicts"], json!([{"user_id": ana.id(), "provider_id": new, "kind": "personal"}]));
    assert_eq!(checks(&boss, &closed).await.len(), 0);
    // A conflict that the client has accepted stays accepted after the provider's merge.
    assert_eq!(checks(&boss, &known).await.len(), 1);
    boss.transition(&known, accept()).await.expect(201);
}

async fn conflict_checks_need_a_case_supervisor_without_own_conflict(w: &World) {
    let (ana, boss, other_boss) = (w.user(Role::Advocate), w.user(Role::Supervisor), w.user(Role::Supervisor));
    let clinic = provider(&ana).await;
    declare(&boss, &clinic, "family").await;
    let case = active_case(&ana, &boss).await;
    boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": boss.id(), "role": "mentor"})).await.expect(201);
    barrier(&ana, &case, &clinic).await;
    let id = checks(&boss, &case).await[0]["id"].as_str().unwrap().to_owned();
    ana.get(&format!("/conflict-checks/{id}")).await.expect(403);
    ana.get(&format!("/cases/{case}/conflict-checks")).await.expect(403);
    for stranger in [&w.user_in(&w.org, &[w.new_team("South side")], Role::Supervisor), &w.outsider(Role::Supervisor)] {
        stranger.get(&format!("/conflict-checks/{id}")).await.expect(404);
        stranger.get(&format!("/cases/{case}/conflict-checks")).await.expect(404);
        check(stranger, &case, json!({})).await.expect(404);
        decide(stranger, &id, "reassign").await.expect(404);
    }
    decide(&boss, &id, "proceed_with_consent").await.expect(403);
    let tried = futures_util::future::join_all((0..4).map(|_| decide(&other_boss, &id, "proceed_with_consent"))).await;
    let mut statuses: Vec<u16> = tried.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    let entries = pages(&w.user(Role::Auditor), "/audit-events", 200).await;
    let of = |action: &str| {
        entries.iter().filter(|entry| entry["action"] == action && entry["subject_id"] == id.as_str()).count()
    };
    assert_eq!((of("conflict_check.found"), of("conflict_check.decided")), (1, 1));
    assert!(!json!(entries).to_string().contains("Talked it over"));
}
