//! The cases and tasks of users who have left: suspended or removed users.

use crate::{
    on_both_engines,
    support::{TestServer, active_case, pages},
};
use alongside::{
    auth::Role,
    types::{Day, Instant},
};
use serde_json::{Value, json};

fn ids(agenda: &Value, list: &str, member: &str) -> Vec<String> {
    agenda[list].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

on_both_engines! {
    cases_of_a_removed_lead_are_listed_first,
    new_lead_takes_over_open_tasks,
}

async fn cases_of_a_removed_lead_are_listed_first(server: &TestServer) {
    let (ana, ben, supervisor, admin) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
    );
    let day = |days: i32| Day::today(&server.org.time_zone).plus_days(days);
    let (hers, his) = (active_case(&ana, &supervisor).await, active_case(&ben, &supervisor).await);
    // One day without contact is not too long: if ana had not left, her case would not be in the list.
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
    let nobodys = supervisor.new_case().await;
    let over = active_case(&ana, &supervisor).await;
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
    let before = supervisor.get("/me/agenda").await.expect(200).body;
    assert_eq!(ids(&before, "quiet_cases", "case_id"), std::slice::from_ref(&nobodys));
    assert_eq!(ids(&before, "deadlines", "id"), [deadlines[1].clone(), deadlines[0].clone()]);
    for status in ["suspended", "removed"] {
        admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": status})).await.expect(200);
        let agenda = supervisor.get("/me/agenda").await.expect(200).body;
        assert_eq!(ids(&agenda, "quiet_cases", "case_id"), [hers.clone(), nobodys.clone()], "{status}");
        assert_eq!(ids(&agenda, "quiet_cases", "reason"), ["lead_left", "no_lead"]);
        assert_eq!(ids(&agenda, "tasks", "id")[0], task);
        assert_eq!(ids(&agenda, "deadlines", "id"), deadlines);
        for path in [
            format!("/cases/{hers}?expand=lead_advocate"),
            format!("/cases?advocate={}&expand=lead_advocate&status=active", ana.id()),
        ] {
            let shown = supervisor.get(&path).await.expect(200).body;
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
    let quiet = supervisor.get("/me/agenda?quiet_days=1").await.expect(200).body;
    assert_eq!(ids(&quiet, "quiet_cases", "case_id").iter().filter(|case| **case == hers).count(), 1);
    supervisor
        .post(&format!("/cases/{hers}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    let after = supervisor.get("/me/agenda").await.expect(200).body;
    assert_eq!(ids(&after, "quiet_cases", "case_id"), [nobodys]);
    assert_eq!(
        supervisor.get(&format!("/cases/{hers}?expand=lead_advocate")).await.expect(200).body["lead_advocate"]["status"],
        "active"
    );
}

/// The lead changes by an assignment, by the acceptance of the case, and by a handover.
async fn new_lead_takes_over_open_tasks(server: &TestServer) {
    let (supervisor, admin) = (server.user(Role::Supervisor), server.user(Role::Admin));
    let due = Day::today(&server.org.time_zone).plus_days(3);
    for way in ["assignment", "acceptance", "handover"] {
        let (ana, ben, co) = (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Advocate));
        let case = ana.new_case().await;
        if way == "acceptance" {
            supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
        }
        let gone = server.user(Role::Advocate);
        for (user, role) in [(&co, "co"), (&gone, "co")] {
            supervisor
                .post(&format!("/cases/{case}/assignments"), json!({"user_id": user.id(), "role": role}))
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
                supervisor
                    .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
                    .await
                    .expect(201);
            }
            "acceptance" => {
                supervisor.transition(&case, json!({
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
                supervisor.get(&format!("/tasks/{task}")).await.expect(200).body["assignee_id"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
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
