//! The work of users who leave, and of a case that was entered in error.

use crate::{
    authz::Records,
    on_both_engines,
    support::{World, active_case, conforms::DOC, pages},
};
use alongside::{
    auth::{Role, policy},
    types::{Day, Instant},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn ids(agenda: &Value, list: &str, member: &str) -> Vec<String> {
    agenda[list].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

/// The resources whose writes are not below a case.
const ELSEWHERE: [&str; 14] = [
    "audit-events",
    "auth",
    "break-glass", // it reads a case and changes nothing in it
    "clients",
    "deadline-rules",
    "invitations",
    "me", // feedback about a case that was entered in error is refused as if about no case: see `portal`
    "organization",
    "preparation-templates",
    "providers",
    "services",
    "statements", // of a client, not of a case
    "teams",
    "users",
];

/// The operations on a case that was entered in error that do not get the guard's response, with the reason.
const EXCEPTIONS: [(&str, u16, &str); 6] = [
    ("createCase", 201, "makes a case of its own"),
    ("transitionCase", 409, "the lifecycle has no step out of it, and says so"),
    ("endAssignment", 204, "access can be ended"),
    ("acceptHandover", 404, "the transition has withdrawn the offer"),
    ("refuseHandover", 404, "the transition has withdrawn the offer"),
    ("withdrawHandover", 409, "the transition has withdrawn the offer"),
];

on_both_engines! {
    case_entered_in_error_is_read_only,
    cases_of_a_removed_lead_are_listed_first,
    new_lead_takes_over_open_tasks,
}

async fn case_entered_in_error_is_read_only(w: &World) {
    let (ana, boss, mate, sam, admin) = (
        w.user(Role::Advocate),
        w.user(Role::Supervisor),
        w.user(Role::Advocate),
        w.user(Role::Client),
        w.user(Role::Admin),
    );
    let (mut refused, mut excepted, mut elsewhere) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (path, item) in DOC["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "get") {
            let id = operation["operationId"].as_str().unwrap();
            let resource = path.split('/').nth(3).unwrap_or_default();
            if ELSEWHERE.contains(&resource) {
                elsewhere.insert(resource);
                continue;
            }
            let records = Records::make(w, [&ana, &boss, &mate, &sam], path).await;
            let case = records.id("cases");
            admin.transition(&case, json!({"to": "entered_in_error", "reason": "Entered twice."})).await.expect(201);
            let (roles, _) = policy::roles(operation["x-permission"].as_str().unwrap()).unwrap();
            let user = match (id, roles.contains(&Role::Advocate)) {
                ("acceptHandover" | "refuseHandover", _) => &mate,
                (_, true) => &ana,
                (_, false) => &boss,
            };
            let headers: &[(&str, &str)] = if method == "post" { &[] } else { &[("if-match", "*")] };
            let before = boss.get(&format!("/cases/{case}")).await.expect(200).body;
            let reply =
                user.send(&method.to_uppercase(), &records.fill(path), headers, records.example(operation)).await;
            match EXCEPTIONS.iter().find(|(known, ..)| *known == id) {
                Some((_, status, why)) => {
                    assert_eq!(reply.status, *status, "{id} ({why}): {:#}", reply.body);
                    excepted.insert(id);
                }
                None => {
                    assert_eq!(
                        (reply.status, &reply.body["detail"]),
                        (409, &json!("The case was entered in error.")),
                        "{id}: {:#}",
                        reply.body
                    );
                    refused.insert(id);
                }
            }
            assert_eq!(boss.get(&format!("/cases/{case}")).await.expect(200).body, before, "{id} has changed the case");
        }
    }
    assert_eq!((excepted.len(), elsewhere.len()), (EXCEPTIONS.len(), ELSEWHERE.len()));
    assert!(refused.len() >= 27, "{refused:?}");
}

async fn cases_of_a_removed_lead_are_listed_first(w: &World) {
    let (ana, ben, boss, admin) =
        (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor), w.user(Role::Admin));
    let day = |days: i32| Day::today(&w.org.time_zone).plus_days(days);
    let (hers, his) = (active_case(&ana, &boss).await, active_case(&ben, &boss).await);
    // One day without contact is not quiet: if ana had not left, her case would not be in the list at all.
    for (user, case) in [(&ana, &hers), (&ben, &his)] {
        user.post(
            &format!("/cases/{case}/notes"),
            json!({
                "kind": "contact", "body": "b", "occurred_at": Instant::now(), "direction": "out", "mode": "phone",
                "successful": true,
            }),
        )
        .await
        .expect(201);
    }
    let nobodys = boss.new_case().await;
    let over = active_case(&ana, &boss).await;
    admin.transition(&over, json!({"to": "entered_in_error", "reason": "Twice."})).await.expect(201);
    let task =
        ana.post(&format!("/cases/{hers}/tasks"), json!({"title": "Call", "due_on": day(-1)})).await.expect(201).id();
    ben.post(&format!("/cases/{his}/tasks"), json!({"title": "Call", "due_on": day(-5)})).await.expect(201);
    let mut deadlines = Vec::new();
    for (user, case, days) in [(&ana, &hers, 20), (&ben, &his, 3)] {
        let action = user
            .post(&format!("/cases/{case}/actions"), json!({"type": "internal_appeal", "forum": "The plan"}))
            .await
            .expect(201)
            .id();
        let due = json!({"due_on": day(days), "time_zone": "America/Chicago", "source": "manual"});
        deadlines.push(user.post(&format!("/actions/{action}/deadlines"), due).await.expect(201).id());
    }
    let before = boss.get("/me/agenda").await.expect(200).body;
    assert_eq!(ids(&before, "quiet_cases", "case_id"), std::slice::from_ref(&nobodys));
    assert_eq!(ids(&before, "deadlines", "id"), [deadlines[1].clone(), deadlines[0].clone()]);
    for status in ["suspended", "removed"] {
        admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": status})).await.expect(200);
        let agenda = boss.get("/me/agenda").await.expect(200).body;
        assert_eq!(ids(&agenda, "quiet_cases", "case_id"), [hers.clone(), nobodys.clone()], "{status}");
        assert_eq!(ids(&agenda, "quiet_cases", "reason"), ["lead_left", "no_lead"]);
        assert_eq!(ids(&agenda, "tasks", "id")[0], task);
        assert_eq!(ids(&agenda, "deadlines", "id"), deadlines);
        for path in [
            format!("/cases/{hers}?expand=lead_advocate"),
            format!("/cases?advocate={}&expand=lead_advocate&status=active", ana.id()),
        ] {
            let shown = boss.get(&path).await.expect(200).body;
            let case = if shown.get("items").is_some() { &shown["items"][0] } else { &shown };
            assert_eq!(case["lead_advocate"]["status"], status, "{path}");
        }
        // The work goes to the supervisor.
        let theirs = ben.get("/me/agenda").await.expect(200).body;
        assert_eq!(
            (ids(&theirs, "quiet_cases", "case_id").len(), ids(&theirs, "tasks", "id").contains(&task)),
            (0, false)
        );
    }
    // If the case is quiet too, it is listed once, with the more urgent reason.
    let quiet = boss.get("/me/agenda?quiet_days=1").await.expect(200).body;
    assert_eq!(ids(&quiet, "quiet_cases", "case_id").iter().filter(|case| **case == hers).count(), 1);
    boss.post(&format!("/cases/{hers}/assignments"), json!({"user_id": ben.id(), "role": "lead"})).await.expect(201);
    let after = boss.get("/me/agenda").await.expect(200).body;
    assert_eq!(ids(&after, "quiet_cases", "case_id"), [nobodys]);
    assert_eq!(
        boss.get(&format!("/cases/{hers}?expand=lead_advocate")).await.expect(200).body["lead_advocate"]["status"],
        "active"
    );
}

/// By an assignment, by the acceptance of the case, and by a handover.
async fn new_lead_takes_over_open_tasks(w: &World) {
    let (boss, admin) = (w.user(Role::Supervisor), w.user(Role::Admin));
    let due = Day::today(&w.org.time_zone).plus_days(3);
    for way in ["assignment", "acceptance", "handover"] {
        let (ana, ben, co) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Advocate));
        let case = ana.new_case().await;
        if way == "acceptance" {
            boss.transition(&case, json!({"to": "triage"})).await.expect(201);
        }
        let gone = w.user(Role::Advocate);
        for (user, role) in [(&co, "co"), (&gone, "co")] {
            boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": user.id(), "role": role}))
                .await
                .expect(201);
        }
        let mut tasks = Vec::new();
        for (title, assignee, done) in [
            ("open", &ana, false),
            ("done", &ana, true),
            ("of another", &co, false),
            ("of one who has left", &gone, false),
        ] {
            let task = ana
                .post(
                    &format!("/cases/{case}/tasks"),
                    json!({"title": title, "due_on": due, "assignee_id": assignee.id()}),
                )
                .await
                .expect(201)
                .id();
            if done {
                ana.patch(&format!("/tasks/{task}"), "*", json!({"status": "done"})).await.expect(200);
            }
            tasks.push(task);
        }
        admin.patch(&format!("/users/{}", gone.id()), "*", json!({"status": "removed"})).await.expect(200);
        match way {
            "assignment" => {
                admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": "removed"})).await.expect(200);
                boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
                    .await
                    .expect(201);
            }
            "acceptance" => {
                boss.transition(&case, json!({
                    "to": "accepted", "client_agreement": true, "conflict_check": true, "lead_advocate_id": ben.id(),
                })).await.expect(201);
            }
            _ => {
                let offer = ana
                    .post(&format!("/cases/{case}/handovers"), json!({"to_user_id": ben.id(), "note": "n"}))
                    .await
                    .expect(201)
                    .id();
                ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(201);
            }
        }
        let mut assignees = Vec::new();
        for task in &tasks {
            assignees.push(
                boss.get(&format!("/tasks/{task}")).await.expect(200).body["assignee_id"].as_str().unwrap().to_owned(),
            );
        }
        assert_eq!(assignees, [ben.id(), ana.id(), co.id(), ben.id()], "{way}");
        let timeline = pages(&ben, &format!("/cases/{case}/timeline"), 50).await;
        assert_eq!(
            timeline
                .iter()
                .filter(|entry| entry["event"] == "task.updated"
                    && [&tasks[0], &tasks[3]].iter().any(|task| entry["subject_id"] == json!(task)))
                .count(),
            2,
            "{way}"
        );
    }
}
