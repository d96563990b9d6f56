//! The agenda: what is due and for whom, and what the caller must not learn.

use crate::{
    on_both_engines,
    support::{TestServer, active_case},
};
use alongside::{
    auth::Role,
    casework::tasks::model::{TaskId, TaskRow},
    db::schema,
    types::{Day, Id, Instant},
};
use diesel::prelude::*;
use serde_json::{Value, json};

fn day(server: &TestServer, days: i32) -> String {
    Day::today(&server.org.time_zone).plus_days(days).to_string()
}
fn at(hours: i64) -> String {
    Instant::now().plus_seconds(hours * 3600).to_string()
}
fn ids(agenda: &Value, list: &str, member: &str) -> Vec<String> {
    agenda[list].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}
fn meeting(starts: i64) -> Value {
    json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": at(starts), "ends_at": at(starts + 1),
        "time_zone": "America/Chicago", "purpose": "Plan.",
    })
}

on_both_engines! {
    agenda_sorts_by_due_date_and_shows_case_numbers,
    agenda_is_visible_only_to_its_user,
    quiet_cases_are_listed_and_supervisors_get_unassigned_ones_first,
    handover_offer_is_in_the_agenda_of_its_recipient_only,
}

async fn agenda_sorts_by_due_date_and_shows_case_numbers(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let number = ana.get(&format!("/cases/{case}")).await.body["case_number"].clone();
    let action = ana
        .post(
            &format!("/cases/{case}/actions"),
            json!({"type": "internal_appeal", "forum": "The plan", "filed_on": day(server, -9)}),
        )
        .await
        .expect(201)
        .id();
    let due = |days: i32| json!({"due_on": day(server, days), "time_zone": "America/Chicago", "source": "manual"});
    let later = ana.post(&format!("/actions/{action}/deadlines"), due(20)).await.expect(201).id();
    let over = ana.post(&format!("/actions/{action}/deadlines"), due(-2)).await.expect(201).id();
    let settled = ana.post(&format!("/actions/{action}/deadlines"), due(3)).await.expect(201).id();
    ana.post(&format!("/deadlines/{settled}/satisfy"), json!({})).await.expect(201);
    let far = ana.post(&format!("/cases/{case}/meetings"), meeting(300)).await.expect(201).id();
    let near = ana.post(&format!("/cases/{case}/meetings"), meeting(30)).await.expect(201).id();
    let done = ana.post(&format!("/cases/{case}/meetings"), meeting(31)).await.expect(201).id();
    ana.post(&format!("/meetings/{done}/outcome"), json!({"status": "cancelled", "cancelled_by": "client"}))
        .await
        .expect(201);
    let task = |title: &str, days: i32| json!({"title": title, "due_on": day(server, days)});
    let today = ana.post(&format!("/cases/{case}/tasks"), task("today", 0)).await.expect(201).id();
    let late = ana.post(&format!("/cases/{case}/tasks"), task("late", -3)).await.expect(201).id();
    ana.post(&format!("/cases/{case}/tasks"), task("to come", 2)).await.expect(201);
    let promise = |days: i32| json!({"party": "provider", "text": "Write it down.", "due_on": day(server, days)});
    let owed = ana.post(&format!("/meetings/{near}/commitments"), promise(-1)).await.expect(201).id();
    ana.post(&format!("/meetings/{near}/commitments"), promise(5)).await.expect(201);

    for who in [&ana, &supervisor] {
        let agenda = who.get("/me/agenda").await.expect(200).body;
        assert_eq!(ids(&agenda, "deadlines", "id"), [over.clone(), later.clone()]);
        assert_eq!(
            (&agenda["deadlines"][0]["status"], &agenda["deadlines"][0]["overdue"]),
            (&json!("missed"), &json!(true))
        );
        assert_eq!(
            (&agenda["deadlines"][1]["status"], &agenda["deadlines"][1]["overdue"]),
            (&json!("running"), &json!(false))
        );
        assert_eq!(ids(&agenda, "meetings", "id"), [near.clone(), far.clone()]);
        assert!(agenda["meetings"][0]["readiness"]["mandatory"].as_i64().unwrap() > 0);
        assert_eq!(ids(&agenda, "tasks", "id"), [late.clone(), today.clone()]);
        assert_eq!((&agenda["tasks"][0]["overdue"], &agenda["tasks"][1]["overdue"]), (&json!(true), &json!(false)));
        assert_eq!(ids(&agenda, "commitments", "id"), std::slice::from_ref(&owed));
        for list in ["deadlines", "meetings", "tasks", "commitments"] {
            for item in agenda[list].as_array().unwrap() {
                assert_eq!((&item["case_id"], &item["case_number"]), (&json!(case), &number));
            }
        }
    }
    let trace = crate::support::pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    let shown = trace.iter().find(|entry| entry["action"] == "agenda.read").unwrap();
    assert!(shown["subject_ids"].as_array().unwrap().contains(&json!(over)), "{shown:#}");
}

async fn agenda_is_visible_only_to_its_user(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    ana.post(&format!("/cases/{case}/tasks"), json!({"title": "late", "due_on": day(server, -3)})).await.expect(201);
    ana.post(&format!("/cases/{case}/meetings"), meeting(30)).await.expect(201);
    let elsewhere = server.new_team("South side");
    let others = [
        server.user(Role::Advocate),
        server.user_in(&server.org, &[elsewhere], Role::Supervisor),
        server.user_of_other_org(Role::Supervisor),
        server.user_of_other_org(Role::Advocate),
    ];
    for other in others {
        let agenda = other.get("/me/agenda").await.expect(200).body;
        for list in ["deadlines", "meetings", "tasks", "commitments", "quiet_cases", "handovers"] {
            assert_eq!(agenda[list], json!([]), "{list}");
        }
    }
    server.user(Role::Admin).get("/me/agenda").await.expect(403);
    server.user(Role::Client).get("/me/agenda").await.expect(403);
}

async fn quiet_cases_are_listed_and_supervisors_get_unassigned_ones_first(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (quiet, quieter) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    let waiting = supervisor.new_case().await;
    let spoke = |days: i64| {
        json!({
            "kind": "contact", "body": "Spoke.", "occurred_at": at(-24 * days), "direction": "out", "mode": "phone",
            "successful": true,
        })
    };
    ana.post(&format!("/cases/{quiet}/notes"), spoke(20)).await.expect(201);
    ana.post(&format!("/cases/{quieter}/notes"), spoke(40)).await.expect(201);
    // Both became active with a first contact in January, which counts until there is a later one.
    let agenda = ana.get("/me/agenda").await.expect(200).body;
    assert_eq!(ids(&agenda, "quiet_cases", "case_id"), [quieter.clone(), quiet.clone()]);
    assert_eq!(
        ids(&ana.get("/me/agenda?quiet_days=30").await.expect(200).body, "quiet_cases", "case_id"),
        std::slice::from_ref(&quieter)
    );
    assert_eq!(
        ids(&ana.get("/me/agenda?quiet_days=60").await.expect(200).body, "quiet_cases", "case_id"),
        Vec::<String>::new()
    );
    assert_eq!(
        ids(&supervisor.get("/me/agenda").await.expect(200).body, "quiet_cases", "case_id"),
        [waiting.clone(), quieter.clone(), quiet.clone()]
    );
    ana.post(&format!("/cases/{quieter}/notes"), spoke(0)).await.expect(201);
    assert_eq!(
        ids(&ana.get("/me/agenda").await.expect(200).body, "quiet_cases", "case_id"),
        std::slice::from_ref(&quiet)
    );
    for bad in ["0", "366", "-1", "x", ""] {
        ana.get(&format!("/me/agenda?quiet_days={bad}")).await.expect_fault(400, "quiet_days", "invalid");
    }
    ana.get("/me/agenda?when=now").await.expect_fault(400, "when", "unknown_parameter");

    // An unassigned task comes before assigned ones, however overdue those are.
    ana.post(&format!("/cases/{quiet}/tasks"), json!({"title": "late", "due_on": day(server, -9)})).await.expect(201);
    let nobodys = ana
        .post(&format!("/cases/{quiet}/tasks"), json!({"title": "nobody's", "due_on": day(server, -1)}))
        .await
        .expect(201)
        .id();
    let row = schema::tasks::table.filter(schema::tasks::id.eq(TaskId::parse(&nobodys).unwrap()));
    diesel::update(row)
        .set(schema::tasks::assignee_id.eq(None::<alongside::auth::UserId>))
        .execute(&mut server.database.open())
        .unwrap();
    assert_eq!(ids(&supervisor.get("/me/agenda").await.expect(200).body, "tasks", "id")[0], nobodys);
    assert_ne!(ids(&ana.get("/me/agenda").await.expect(200).body, "tasks", "id")[0], nobodys);
    // Very many tasks that are unassigned or assigned to former users are limited like everything else.
    let leaver = server.user(Role::Advocate);
    let columns = schema::tasks::table.find((server.org.id, TaskId::parse(&nobodys).unwrap()));
    let row: TaskRow = columns.first(&mut server.database.open()).unwrap();
    let unassigned_or_left =
        |n: i32| TaskRow { id: Id::new(), assignee_id: (n % 2 == 0).then_some(leaver.actor.user), ..row.clone() };
    let rows: Vec<TaskRow> = (0..50).map(unassigned_or_left).collect();
    alongside::insert_all!(&mut server.database.open(), schema::tasks::table, rows, false).unwrap();
    server
        .user(Role::Admin)
        .send("PATCH", &format!("/users/{}", leaver.id()), &[("if-match", "*")], Some(json!({"status": "removed"})))
        .await
        .expect(200);
    assert_eq!(ids(&supervisor.get("/me/agenda").await.expect(200).body, "tasks", "id").len(), 30);
}

async fn handover_offer_is_in_the_agenda_of_its_recipient_only(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let offer = ana
        .post(&format!("/cases/{case}/handovers"), json!({"to_user_id": ben.id(), "note": "The appeal is filed."}))
        .await
        .expect(201)
        .id();
    assert_eq!(ids(&ben.get("/me/agenda").await.expect(200).body, "handovers", "id"), std::slice::from_ref(&offer));
    for other in [&ana, &supervisor] {
        assert_eq!(other.get("/me/agenda").await.expect(200).body["handovers"], json!([]));
    }
    ben.send("POST", &format!("/handovers/{offer}/accept"), &[], None).await.expect(201);
    assert_eq!(ben.get("/me/agenda").await.expect(200).body["handovers"], json!([]));
}
