//! Every operation of the document, asked by every kind of caller, held against `authz.txt`.
//!
//! A change of policy is a diff in that file: `BLESS=1 ./test authz` writes it.

use crate::{
    on_both_engines,
    support::{User, World, active_case, body, conforms::DOC},
};
use alongside::auth::{Role, policy};
use serde_json::{Value, json};
use std::fmt::Write as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/authz.txt");

/// One organization's records, of the caller `ana` and her supervisor.
struct Records {
    ids: Vec<(&'static str, String)>,
}

impl Records {
    fn id(&self, kind: &str) -> String {
        self.ids.iter().find(|(known, _)| *known == kind).unwrap_or_else(|| panic!("no record for {kind}")).1.clone()
    }

    /// Makes what an operation's path and body name.
    async fn make(w: &World, ana: &User<'_>, boss: &User<'_>, mate: &User<'_>, path: &str) -> Self {
        let case = active_case(ana, boss).await;
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
        let mut ids = vec![
            ("users", w.user(Role::Advocate).id()),
            ("teams", w.team.to_string()),
            ("mate", mate.id()),
            ("clients", client),
            ("cases", case.clone()),
            ("providers", provider.clone()),
        ];
        let post = |path: String, body: Value| async move { ana.post(&path, body).await.expect(201).id() };
        if path.contains("/deadline-rules/{") {
            let rule = json!({"name": "A letter's follow-up", "jurisdiction": "us", "scheme": "other", "action_type": "letter", "trigger": "request_received", "amount": 10, "unit": "business_day", "bound": "exact", "weekend_rule": "none", "holiday_calendar": "us_federal", "party": "other_side", "statutory": false, "effective_from": "2020-01-01", "last_verified_on": "2026-01-05"});
            ids.push(("deadline-rules", w.user(Role::Admin).post("/deadline-rules", rule).await.expect(201).id()));
        }
        if path.contains("assignment_id") {
            ids.push((
                "assignments",
                boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": mate.id(), "role": "co"})).await.expect(201).id(),
            ));
        }
        if path.contains("/deputies") {
            // Somebody new each time: nobody is deputised twice for the same days.
            let new = w.user(Role::Supervisor).id();
            if path.contains("deputy_id") {
                let body = json!({"user_id": new, "starts_on": "2030-07-01", "ends_on": "2030-07-14"});
                let made = w.user(Role::Admin).post(&format!("/teams/{}/deputies", w.team), body).await.expect(201);
                ids.push(("deputies", made.id()));
            }
            ids.push(("supervisor", new));
        }
        if path.contains("/handovers/{") {
            let offer = json!({"to_user_id": mate.id(), "note": "The clinic answers by Friday."});
            ids.push(("handovers", post(format!("/cases/{case}/handovers"), offer).await));
        }
        if path.contains("/barriers/{") {
            ids.push((
                "barriers",
                post(format!("/cases/{case}/barriers"), json!({"type": "waitlist_delay", "description": "Six weeks."})).await,
            ));
        }
        if path.contains("/actions/{") || path.contains("/deadlines/{") {
            let action = post(format!("/cases/{case}/actions"), json!({"type": "internal_appeal", "forum": "The plan"})).await;
            let due = json!({"due_on": "2027-01-05", "time_zone": "America/Chicago", "source": "manual"});
            ids.push(("deadlines", post(format!("/actions/{action}/deadlines"), due).await));
            ids.push(("actions", action));
        }
        if path.contains("/notes/{") {
            ids.push(("notes", post(format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "Called."})).await));
        }
        if path.contains("/statements/{") {
            let statement = json!({"sections": {"needs": "Time to read before I sign."}});
            ids.push(("statements", post(format!("/clients/{}/statements", ids[3].1), statement).await));
        }
        if path.contains("/tasks/{") {
            ids.push(("tasks", post(format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2027-01-05"})).await));
        }
        let service = ana.post("/services", json!({"name": "Intake", "provider_id": provider, "status": "active"})).await.expect(201).id();
        ids.push(("services", service));
        if path.contains("/meetings/{") || path.contains("/preparation-items/") || path.contains("/commitments/") {
            let meeting = json!({"type": "discharge_planning", "mode": "phone", "starts_at": "2026-01-05T10:00:00Z", "ends_at": "2026-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan."});
            let meeting = post(format!("/cases/{case}/meetings"), meeting).await;
            let items = ana.get(&format!("/meetings/{meeting}/preparation")).await.expect(200);
            ids.push(("preparation-items", items.body["items"][0]["id"].as_str().unwrap().to_owned()));
            ids.push((
                "commitments",
                post(format!("/meetings/{meeting}/commitments"), json!({"party": "provider", "text": "Write it down."})).await,
            ));
            ids.push(("meetings", meeting));
        }
        if path.contains("/merge") {
            ids.push(("other_providers", ana.post("/providers", json!({"name": "Riverside"})).await.expect(201).id()));
            let twin = ana.post("/services", json!({"name": "Intake", "provider_id": provider, "status": "active"})).await.expect(201).id();
            ids.push(("other_services", twin));
        }
        if path.contains("/interests/{") || path.contains("/conflict-checks/{") {
            ids.push(("interests", ana.post("/me/interests", json!({"provider_id": provider, "kind": "family"})).await.expect(201).id()));
            ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d", "provider_id": provider}))
                .await
                .expect(201);
            let found = boss.get(&format!("/cases/{case}/conflict-checks")).await.expect(200);
            ids.push(("conflict-checks", found.body["items"][0]["id"].as_str().unwrap().to_owned()));
        }
        Self { ids }
    }

    fn fill(&self, path: &str) -> String {
        let mut parts: Vec<String> = path.split('/').map(str::to_owned).collect();
        for i in 1..parts.len() {
            parts[i] = match parts[i].as_str() {
                "{id}" => self.id(&parts[i - 1].clone()),
                "{user_id}" => self.id("mate"),
                "{assignment_id}" => self.id("assignments"),
                "{deputy_id}" => self.id("deputies"),
                "{name}" => "barrier_type".into(),
                "{meeting_type}" => "discharge_planning".into(),
                other => other.to_owned(),
            };
        }
        // Asked with nothing to look for, it would refuse everybody alike.
        let question = if path.ends_with("/search") { "?q=sam" } else { "" };
        parts.join("/") + question
    }

    /// The document's own example, with ids that there are.
    fn example(&self, operation: &Value) -> Option<Value> {
        fn walk(records: &Records, value: &mut Value) {
            match value {
                Value::Object(map) => {
                    map.remove("reschedules");
                    for (name, value) in map {
                        let kind = match name.as_str() {
                            "client_id" => "clients",
                            "team_id" => "teams",
                            "user_id" | "to_user_id" | "lead_advocate_id" | "assignee_id" => "mate",
                            "provider_id" => "providers",
                            "service_id" => "services",
                            _ => {
                                walk(records, value);
                                continue;
                            }
                        };
                        *value = json!(records.id(kind));
                    }
                }
                Value::Array(items) => items.iter_mut().for_each(|value| walk(records, value)),
                _ => {}
            }
        }
        let mut example = body(operation)?;
        walk(self, &mut example);
        if let Some(kind) = match operation["operationId"].as_str() {
            Some("mergeProvider") => Some("other_providers"),
            Some("mergeService") => Some("other_services"),
            _ => None,
        } {
            example["into"] = json!(self.id(kind));
        }
        if operation["operationId"] == "transitionCase" {
            example = json!({"to": "on_hold", "reason": "Waiting for the clinic.", "review_on": alongside::types::Day::today(&alongside::types::Zone::utc()).plus_days(30)});
        }
        if operation["operationId"] == "createDeputy" {
            example["user_id"] = json!(self.id("supervisor"));
        }
        if operation["operationId"] == "createCase" {
            example.as_object_mut().unwrap().remove("lead_advocate_id");
        }
        Some(example)
    }
}

on_both_engines! {
    async fn every_operation_answers_every_caller_as_the_table_says(w) {
        let (ana, boss, mate) = (w.user(Role::Advocate), w.user(Role::Supervisor), w.user(Role::Advocate));
        let elsewhere = w.new_team("South side");
        let callers: Vec<(&str, Option<User<'_>>)> = vec![
            ("nobody", None),
            ("other_org", Some(w.outsider(Role::Supervisor))),
            ("other_org_admin", Some(w.outsider(Role::Admin))),
            ("other_team", Some(w.user_in(&w.org, &[elsewhere], Role::Supervisor))),
            ("stranger", Some(w.user_in(&w.org, &[elsewhere], Role::Advocate))),
            ("client", Some(w.user(Role::Client))),
            ("integration", Some(w.user(Role::Integration))),
            ("auditor", Some(w.user(Role::Auditor))),
            ("admin", Some(w.user(Role::Admin))),
            ("supervisor", Some(boss.clone())),
            ("advocate", Some(ana.clone())),
        ];
        let mut table = format!("{:<28}{:<22}", "# operation", "permission");
        for (name, _) in &callers { let _ = write!(table, "{name:<17}"); }
        table = table.trim_end().to_owned() + "\n";
        let mut cells = 0;
        for (path, item) in DOC["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                // These end or begin the caller's own session; `identity` tests them.
                if path.starts_with("/api/v1/auth/") && id != "logout" { continue; }
                let permission = operation["x-permission"].as_str();
                let mut row = format!("{id:<28}{:<22}", permission.unwrap_or("-"));
                let mut records = Records::make(w, &ana, &boss, &mate, path).await;
                for (name, caller) in &callers {
                    let own;
                    // Whoever signs out here is somebody of their own.
                    let caller = match (id, caller) {
                        ("logout" | "changePassword", Some(caller)) => { own = w.user(caller.actor.role); Some(&own) }
                        _ => caller.as_ref(),
                    };
                    let url = records.fill(path);
                    let headers: &[(&str, &str)] = if matches!(method.as_str(), "patch" | "delete" | "put") { &[("if-match", "*")] } else { &[] };
                    let method = method.to_uppercase();
                    let example = records.example(operation);
                    let reply = match caller {
                        Some(caller) => caller.send(&method, &url, headers, example).await,
                        None => w.send(None, &method, &url, headers, example.map(|body| body.to_string())).await,
                    };
                    let status = reply.status;
                    let _ = write!(row, "{status:<17}");
                    cells += 1;
                    if let Some(permission) = permission {
                        match caller {
                            None => assert_eq!(status, 401, "{id} for {name}"),
                            Some(caller) => {
                                let allowed = policy::roles(permission).unwrap().contains(&caller.actor.role);
                                assert!(allowed || status == 403, "{id}: {name} is not in the policy and got {status}");
                            }
                        }
                        let object = path.contains("{id}") || path.contains("_id}");
                        if object && name.starts_with("other_org") {
                            assert!(matches!(status, 403 | 404), "{id}: another organization got {status}");
                        }
                    }
                    assert!(status < 500, "{id} for {name}: {status} {:#}", reply.body);
                    if status < 300 && method != "GET" {
                        records = Records::make(w, &ana, &boss, &mate, path).await;
                    }
                }
                table += row.trim_end();
                table.push('\n');
            }
        }
        eprintln!("{cells} cells");
        if std::env::var_os("BLESS").is_some() { std::fs::write(FILE, &table).unwrap(); }
        let filed = std::fs::read_to_string(FILE).unwrap_or_default();
        let changed: Vec<(&str, &str)> = table.lines().zip(filed.lines().chain(std::iter::repeat(""))).filter(|(now, before)| now != before).collect();
        assert!(table == filed, "authz.txt says otherwise (BLESS=1 ./test authz writes it): {changed:#?}");
    }
}
