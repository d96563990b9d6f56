//! Deadline rules: the catalogue with its versions, and the dates computed from them.

use crate::{
    on_both_engines,
    support::{TestServer, User, pages},
};
use alongside::{
    auth::{Role, Scopes},
    types::Day,
};
use serde_json::{Value, json};

/// At least forty due dates, each computed by hand from the cited rule.
const EXAMPLES: &str = include_str!("deadline_examples.json");

const APPEAL: &str = "medicaid_mco_plan_appeal";

fn terms(change: Value) -> Value {
    let mut body = json!({
        "name": "Our follow-up of a letter", "jurisdiction": "us_il", "scheme": "other", "action_type": "letter",
        "trigger": "request_received", "amount": 10, "unit": "business_day", "bound": "exact", "weekend_rule": "none",
        "holiday_calendar": "us_federal", "party": "other_side", "statutory": false, "effective_from": "2020-01-01",
        "last_verified_on": "2026-01-05",
    });
    for (member, value) in change.as_object().unwrap() {
        body[member] = value.clone();
    }
    body
}
fn without(member: &str) -> Value {
    let mut body = terms(json!({}));
    body.as_object_mut().unwrap().remove(member);
    body
}
async fn id_of(user: &User<'_>, code: &str) -> String {
    let found = user.get(&format!("/deadline-rules?q={code}&limit=200")).await.expect(200).body["items"].clone();
    found.as_array().unwrap().iter().find(|rule| rule["code"] == code).unwrap_or_else(|| panic!("no {code}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}
async fn preview(user: &User<'_>, body: Value) -> crate::support::Reply {
    user.post("/deadline-rules/preview", body).await
}
async fn audit_actions(server: &TestServer, subject: &str) -> Vec<String> {
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 50).await;
    entries
        .iter()
        .filter(|entry| entry["subject_id"] == subject)
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn there_are_at_least_forty_worked_examples() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    assert!(examples.len() >= 40, "{}", examples.len());
}

on_both_engines! {
    every_worked_example_gives_the_expected_due_date,
    catalogue_supports_filters_and_pagination,
    organization_adds_its_own_deadline_rules,
    rule_version_in_force_on_the_trigger_date_is_used,
    invalid_rules_are_rejected_by_member,
    invalid_previews_are_rejected_by_member,
    preview_reports_unknown_triggers_and_missing_holidays,
    only_administrators_write_rules_and_every_read_is_audited,
    concurrently_added_rule_versions_get_consecutive_numbers,
}

async fn every_worked_example_gives_the_expected_due_date(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let rules = pages(&ana, "/deadline-rules", 50).await;
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    for example in &examples {
        let rule = rules
            .iter()
            .find(|rule| rule["code"] == example["rule"])
            .unwrap_or_else(|| panic!("no {}", example["rule"]));
        let mut body =
            json!({"rule_id": rule["id"], "trigger_date": example["trigger_date"], "time_zone": example["zone"]});
        if let Some(stated) = example.get("stated") {
            body["stated_due_on"] = stated.clone();
        }
        let found = preview(&ana, body).await.expect(200).body;
        assert_eq!(found["due_on"], example["due_on"], "{example:#}\n{found:#}");
        let moved = found["steps"].as_array().unwrap().iter().any(|step| step["code"] == "moved_to_business_day");
        for (member, observed) in [
            ("due_at", &found["due_at"]),
            ("source", &found["source"]),
            ("differs", &found["differs_from_notice"]),
            ("earliest", &found["earliest_due_on"]),
            ("latest", &found["latest_due_on"]),
            ("not_statutory", &found["not_statutory"]),
            ("moved", &json!(moved)),
        ] {
            if let Some(expected) = example.get(member) {
                assert_eq!(observed, expected, "{member}: {example:#}\n{found:#}");
            }
        }
        assert!(["2026-11-01", "2026-11-24"].contains(&found["last_verified_on"].as_str().unwrap()), "{found:#}");
        assert_eq!(found["citation"].is_string(), found["not_statutory"] == false, "{found:#}");
        assert_eq!(found["holidays_complete"], true, "{found:#}");
    }
    // Every built-in rule has an example.
    for rule in &rules {
        assert!(examples.iter().any(|example| example["rule"] == rule["code"]), "{} has no example", rule["code"]);
    }
}

async fn catalogue_supports_filters_and_pagination(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let every = pages(&ana, "/deadline-rules", 7).await;
    assert!(every.len() >= 25, "{}", every.len());
    let down = pages(&ana, "/deadline-rules?sort=-id", 4).await;
    assert!(every.iter().rev().map(|rule| &rule["id"]).eq(down.iter().map(|rule| &rule["id"])));
    let codes = |rules: Vec<Value>| {
        rules.iter().map(|rule| rule["code"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(pages(&ana, "/deadline-rules?q=438.402", 50).await), [APPEAL]);
    assert_eq!(codes(pages(&ana, "/deadline-rules?q=SNAP", 50).await), ["snap_fair_hearing"]);
    assert_eq!(
        codes(pages(&ana, "/deadline-rules?jurisdiction=england&action_type=ombudsman", 50).await),
        ["nhs_ombudsman"]
    );
    assert_eq!(
        codes(pages(&ana, "/deadline-rules?scheme=reasonable_accommodation&party=other_side", 50).await),
        ["reasonable_accommodation_reply"]
    );
    let total = ana.get("/deadline-rules?scheme=ssa&limit=1&include_total=true").await.expect(200).body;
    assert_eq!((&total["total"], total["page"]["has_more"].as_bool()), (&json!(3), Some(true)));
    for (query, parameter) in
        [("scheme=nope", "scheme"), ("sort=name", "sort"), ("colour=red", "colour"), ("party=them", "party")]
    {
        let refused = ana.get(&format!("/deadline-rules?{query}")).await.expect(400);
        assert_eq!(refused.faults()[0].0, parameter, "{query}");
    }
    let rule = ana.get(&format!("/deadline-rules/{}", id_of(&ana, APPEAL).await)).await.expect(200);
    assert_eq!(
        (rule.etag().as_str(), &rule.body["source"], &rule.body["amount"]),
        ("\"v1\"", &json!("built_in"), &json!(60))
    );
    ana.get(&format!("/deadline-rules/{}", TestServer::unknown_id())).await.expect(404);
    ana.get(&format!("/deadline-rules/{}/versions", TestServer::unknown_id())).await.expect(404);
}

async fn organization_adds_its_own_deadline_rules(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let made = admin
        .post("/deadline-rules", terms(json!({"name": "Letter, Illinois", "citation": "House rule 7"})))
        .await
        .expect(201);
    assert_eq!(
        (&made.body["source"], &made.body["version"], made.header("location")),
        (&json!("organization"), &json!(1), format!("/api/v1/deadline-rules/{}", made.id()).as_str())
    );
    assert!(made.body.get("code").is_none() && made.body.get("effective_to").is_none());
    assert_eq!(pages(&ana, "/deadline-rules?q=house%20rule", 50).await.len(), 1);
    let found = preview(&ana, json!({"rule_id": made.id(), "trigger_date": "2025-11-20"})).await.expect(200).body;
    // The organization's own time zone is Chicago.
    assert_eq!(
        (&found["due_on"], &found["due_at"], &found["time_zone"], &found["not_statutory"]),
        (&json!("2025-12-05"), &json!("2025-12-06T05:59:59.999Z"), &json!("America/Chicago"), &json!(true))
    );
    // Another organization does not see it.
    let other = server.user_of_other_org(Role::Admin);
    other.get(&format!("/deadline-rules/{}", made.id())).await.expect(404);
    other.post(&format!("/deadline-rules/{}/versions", made.id()), terms(json!({}))).await.expect(404);
    preview(&other, json!({"rule_id": made.id(), "trigger_date": "2025-11-20"})).await.expect_fault(
        422,
        "/rule_id",
        "unknown_reference",
    );
    assert!(pages(&other, "/deadline-rules?q=house%20rule", 50).await.is_empty());
    let key = [("idempotency-key", "once-only")];
    let first = admin.send("POST", "/deadline-rules", &key, Some(terms(json!({})))).await.expect(201);
    let again = admin.send("POST", "/deadline-rules", &key, Some(terms(json!({})))).await.expect(201);
    assert_eq!((first.id(), again.header("idempotency-replayed")), (again.id(), "true"));
}

async fn rule_version_in_force_on_the_trigger_date_is_used(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let id = id_of(&ana, "medicare_advantage_reconsideration").await;
    for (trigger, version, due) in [("2024-12-31", 1, "2025-03-01"), ("2025-01-01", 2, "2025-03-07")] {
        let found = preview(&ana, json!({"rule_id": id, "trigger_date": trigger})).await.expect(200).body;
        assert_eq!((&found["rule_version"], &found["due_on"]), (&json!(version), &json!(due)));
    }
    let path = format!("/deadline-rules/{}", id_of(&ana, APPEAL).await);
    let newer = |change: Value| {
        let mut body = terms(json!({
            "name": "Appeal to a plan", "jurisdiction": "us", "scheme": "medicaid_managed_care",
            "action_type": "internal_appeal", "trigger": "notice_date", "unit": "calendar_day", "amount": 90,
            "statutory": true, "citation": "A later law", "party": "us", "effective_from": "2026-02-01",
        }));
        for (member, value) in change.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    };
    let second = admin.post(&format!("{path}/versions"), newer(json!({}))).await.expect(201);
    assert_eq!(
        (&second.body["version"], &second.body["code"], &second.body["source"], second.etag().as_str()),
        (&json!(2), &json!(APPEAL), &json!("organization"), "\"v2\"")
    );
    let id = second.id();
    for (trigger, version, due) in [("2026-01-31", 1, "2026-04-01"), ("2026-02-01", 2, "2026-05-02")] {
        let found = preview(&ana, json!({"rule_id": id, "trigger_date": trigger})).await.expect(200).body;
        assert_eq!((&found["rule_version"], &found["due_on"]), (&json!(version), &json!(due)), "{trigger}");
    }
    // A correction on the same day; and one for a future day, which is not shown as the current version.
    admin.post(&format!("{path}/versions"), newer(json!({"amount": 80}))).await.expect(201);
    let to_come = Day::today(&server.org.time_zone).plus_days(30).to_string();
    admin.post(&format!("{path}/versions"), newer(json!({"amount": 70, "effective_from": to_come}))).await.expect(201);
    let shown = ana.get(&path).await.expect(200);
    assert_eq!((&shown.body["version"], &shown.body["amount"]), (&json!(3), &json!(80)));
    let versions = pages(&ana, &format!("{path}/versions"), 3).await;
    let observed: Vec<_> = versions
        .iter()
        .map(|rule| {
            (
                rule["version"].as_i64().unwrap(),
                rule["amount"].as_i64().unwrap(),
                rule["effective_to"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let last = Day::today(&server.org.time_zone).plus_days(29).to_string();
    assert_eq!(
        observed,
        [(4, 70, None), (3, 80, Some(last)), (2, 90, Some("2026-01-31".into())), (1, 60, Some("2026-01-31".into()))]
    );
    admin.post(&format!("{path}/versions"), newer(json!({}))).await.expect_fault(
        422,
        "/effective_from",
        "before_present_version",
    );
    // Another organization still uses the first version.
    let theirs = server.user_of_other_org(Role::Advocate).get(&path).await.expect(200);
    assert_eq!(theirs.body["amount"], 60);
    // A rule that has ended computes nothing after its end, and is still shown.
    let ended = admin.post("/deadline-rules", terms(json!({"effective_to": "2021-12-31"}))).await.expect(201).id();
    preview(&ana, json!({"rule_id": ended, "trigger_date": "2022-01-01"})).await.expect_fault(
        422,
        "/trigger_date",
        "no_rule_in_force",
    );
    preview(&ana, json!({"rule_id": ended, "trigger_date": "2021-12-31"})).await.expect(200);
    ana.get(&format!("/deadline-rules/{ended}")).await.expect(200);
}

async fn invalid_rules_are_rejected_by_member(server: &TestServer) {
    let admin = server.user(Role::Admin);
    let tomorrow = Day::today(&server.org.time_zone).plus_days(2);
    for member in [
        "name",
        "jurisdiction",
        "scheme",
        "action_type",
        "trigger",
        "amount",
        "unit",
        "bound",
        "weekend_rule",
        "holiday_calendar",
        "party",
        "statutory",
        "effective_from",
        "last_verified_on",
    ] {
        admin.post("/deadline-rules", without(member)).await.expect_fault(422, &format!("/{member}"), "required");
    }
    for (change, at, code) in [
        (json!({"unit": "fortnight"}), "/unit", "unknown_code"),
        (json!({"scheme": "nope"}), "/scheme", "unknown_code"),
        (json!({"amount": 0}), "/amount", "out_of_range"),
        (json!({"amount": 1001}), "/amount", "out_of_range"),
        (json!({"amount": 1.5}), "/amount", "wrong_type"),
        (json!({"receipt_presumption_days": -1}), "/receipt_presumption_days", "out_of_range"),
        (json!({"bound": "floor", "max_amount": 9}), "/max_amount", "out_of_range"),
        (json!({"max_amount": 20}), "/max_amount", "not_allowed"),
        (json!({"statutory": true}), "/citation", "required"),
        (json!({"url": "javascript:alert(1)"}), "/url", "invalid_url"),
        (json!({"effective_to": "2019-01-01"}), "/effective_to", "before_effective_from"),
        (json!({"effective_from": "2026-02-29"}), "/effective_from", "invalid_date"),
        (json!({"last_verified_on": tomorrow}), "/last_verified_on", "in_the_future"),
        (json!({"version": 7}), "/version", "unknown_member"),
    ] {
        admin.post("/deadline-rules", terms(change)).await.expect_fault(422, at, code);
    }
    assert!(pages(&admin, "/deadline-rules?jurisdiction=us_il", 50).await.is_empty(), "nothing was stored");
}

async fn invalid_previews_are_rejected_by_member(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let id = id_of(&ana, APPEAL).await;
    let tomorrow = Day::today(&alongside::types::Zone::parse("Pacific/Kiritimati").unwrap()).plus_days(1);
    for (body, at, code) in [
        (json!({"trigger_date": "2026-03-02"}), "/rule_id", "required"),
        (json!({"rule_id": TestServer::unknown_id(), "trigger_date": "2026-03-02"}), "/rule_id", "unknown_reference"),
        (json!({"rule_id": id}), "/trigger_date", "required"),
        (json!({"rule_id": id, "trigger_date": tomorrow}), "/trigger_date", "in_the_future"),
        (json!({"rule_id": id, "trigger_date": "2026-02-29"}), "/trigger_date", "invalid_date"),
        (json!({"rule_id": id, "trigger_date": "2016-12-31"}), "/trigger_date", "no_rule_in_force"),
        (
            json!({"rule_id": id, "trigger_date": "2026-03-02", "trigger_not_before": "2026-03-01"}),
            "/trigger_not_before",
            "not_allowed",
        ),
        (
            json!({"rule_id": id, "trigger_date": "2026-03-02", "time_zone": "Mars/Olympus"}),
            "/time_zone",
            "unknown_time_zone",
        ),
        (
            json!({"rule_id": id, "trigger_date": "2026-03-02", "stated_due_on": "2026-03-01"}),
            "/stated_due_on",
            "before_trigger",
        ),
        (json!({"rule_id": id, "trigger_not_before": "2199-12-01"}), "/trigger_not_before", "out_of_range"),
        (json!({"rule_id": id, "trigger_date": "2026-03-02", "colour": "red"}), "/colour", "unknown_member"),
    ] {
        preview(&ana, body).await.expect_fault(422, at, code);
    }
}

async fn preview_reports_unknown_triggers_and_missing_holidays(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let codes = |found: &Value| {
        found["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["code"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let unknown = preview(&ana, json!({"rule_id": id_of(&ana, APPEAL).await, "trigger_not_before": "2026-03-02"}))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&unknown["pending"], &unknown["due_on"], &unknown["earliest_due_on"]),
        (&json!(true), &json!("2026-05-01"), &json!("2026-05-01"))
    );
    assert_eq!(codes(&unknown), ["trigger_unknown", "counted", "end_of_day"]);
    // The table of holidays ends before this due date.
    let long = admin
        .post("/deadline-rules", terms(json!({"unit": "month", "amount": 120, "weekend_rule": "next_business_day"})))
        .await
        .expect(201)
        .id();
    let far = preview(&ana, json!({"rule_id": long, "trigger_date": "2026-03-02"})).await.expect(200).body;
    assert_eq!((&far["holidays_complete"], &far["due_on"]), (&json!(false), &json!("2036-03-03")));
    assert!(codes(&far).contains(&"holidays_unknown".to_owned()));
    let leap = preview(
        &ana,
        json!({"rule_id": id_of(&ana, "fair_housing_hud_complaint").await, "trigger_date": "2024-02-29"}),
    )
    .await
    .expect(200)
    .body;
    assert_eq!(leap["due_on"], "2025-02-28");
}

async fn only_administrators_write_rules_and_every_read_is_audited(server: &TestServer) {
    let (admin, ana, supervisor) =
        (server.user(Role::Admin), server.user(Role::Advocate), server.user(Role::Supervisor));
    let rule = admin.post("/deadline-rules", terms(json!({"name": "CANARY", "note": "CANARY"}))).await.expect(201).id();
    let versions = format!("/deadline-rules/{rule}/versions");
    for user in [&ana, &supervisor] {
        user.post("/deadline-rules", terms(json!({}))).await.expect(403);
        user.post(&versions, terms(json!({}))).await.expect(403);
    }
    let unscoped = server.user_with_scopes(&server.org, &[], Role::Integration, Scopes::NONE);
    for user in [server.user(Role::Client), server.user(Role::Auditor), unscoped] {
        user.get("/deadline-rules").await.expect(403);
        preview(&user, json!({"rule_id": rule, "trigger_date": "2026-03-02"})).await.expect(403);
    }
    admin.post(&versions, terms(json!({"effective_from": "2026-01-01"}))).await.expect(201);
    ana.get(&format!("/deadline-rules/{rule}")).await.expect(200);
    ana.get(&versions).await.expect(200);
    preview(&supervisor, json!({"rule_id": rule, "trigger_date": "2026-03-02"})).await.expect(200);
    assert_eq!(
        audit_actions(server, &rule).await,
        [
            "deadline_rule.created",
            "request.refused",
            "request.refused",
            "deadline_rule.version_added",
            "deadline_rule.read",
            "deadline_rule.versions_listed",
            "deadline_rule.previewed"
        ]
    );
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 50).await;
    assert!(!serde_json::to_string(&entries).unwrap().contains("CANARY"));
}

async fn concurrently_added_rule_versions_get_consecutive_numbers(server: &TestServer) {
    let admins: Vec<_> = (0..4).map(|_| server.user(Role::Admin)).collect();
    let path = format!("/deadline-rules/{}/versions", id_of(&admins[0], APPEAL).await);
    let added = futures_util::future::join_all(
        admins.iter().map(|admin| admin.post(&path, terms(json!({"effective_from": "2026-02-01"})))),
    )
    .await;
    let mut numbers: Vec<i64> =
        added.into_iter().map(|reply| reply.expect(201).body["version"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..6).collect::<Vec<_>>());
}
