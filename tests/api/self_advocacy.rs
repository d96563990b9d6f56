//! Self-advocacy: how much a client speaks in meetings over time, and who can read it.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::auth::Role;
use serde_json::{Value, json};

async fn held(by: &User<'_>, case: &str, day: &str, who_spoke: &str, before: Value, after: Value) -> String {
    let mut meeting = json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": format!("{day}T10:00:00Z"),
        "ends_at": format!("{day}T11:00:00Z"), "time_zone": "America/Chicago", "purpose": "Plan.",
    });
    let mut outcome = json!({"status": "held", "who_spoke": who_spoke, "outcomes": ["partly_met"], "summary": "s"});
    if before.is_object() {
        meeting["ratings_before"] = before;
    }
    if after.is_object() {
        outcome["ratings_after"] = after;
    }
    let id = by.post(&format!("/cases/{case}/meetings"), meeting).await.expect(201).id();
    by.post(&format!("/meetings/{id}/outcome"), outcome).await.expect(201);
    id
}

on_both_engines! {
    self_advocacy_covers_the_first_to_the_last_meeting,
    self_advocacy_respects_client_and_meeting_visibility,
}

async fn self_advocacy_covers_the_first_to_the_last_meeting(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let client = ana.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
    let path = format!("/clients/{client}/self-advocacy");
    let none = ana.get(&path).await.expect(200).body;
    assert_eq!(
        (&none["meetings"], none.get("first_rank"), &none["ratings_are"]),
        (&json!([]), None, &json!("local, not validated"))
    );

    let third =
        held(&ana, &case, "2026-03-02", "spoke_for_self", json!({"heard": 4, "confidence": 2}), json!({"heard": 5}))
            .await;
    let first =
        held(&ana, &case, "2026-01-05", "advocate_spoke_as_instructed", json!({"heard": 1}), json!({"heard": 3})).await;
    let second = held(&ana, &case, "2026-02-02", "excluded", Value::Null, json!({"heard": 1})).await;
    // Neither a future meeting nor a cancelled one counts.
    let ahead = json!({
        "type": "debrief", "mode": "phone", "starts_at": "2026-04-01T10:00:00Z", "ends_at": "2026-04-01T11:00:00Z",
        "time_zone": "America/Chicago", "purpose": "Look back.", "ratings_before": {"heard": 1},
    });
    let off = ana.post(&format!("/cases/{case}/meetings"), ahead.clone()).await.expect(201).id();
    ana.post(&format!("/meetings/{off}/outcome"), json!({"status": "cancelled", "cancelled_by": "provider"}))
        .await
        .expect(201);
    ana.post(&format!("/cases/{case}/meetings"), ahead).await.expect(201);

    let observed = ana.get(&path).await.expect(200).body;
    let order: Vec<(&str, Option<i64>)> = observed["meetings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|meeting| (meeting["meeting_id"].as_str().unwrap(), meeting["rank"].as_i64()))
        .collect();
    assert_eq!(order, [(first.as_str(), Some(2)), (second.as_str(), None), (third.as_str(), Some(4))]);
    assert_eq!(
        (&observed["first_rank"], &observed["latest_rank"], &observed["earlier_left_out"]),
        (&json!(2), &json!(4), &json!(false))
    );
    let shift = |question: &str| {
        observed["shifts"].as_array().unwrap().iter().find(|shift| shift["question"] == question).unwrap().clone()
    };
    assert_eq!(shift("heard"), json!({"question": "heard", "pairs": 2, "mean_shift": 1.5}));
    assert_eq!(shift("confidence"), json!({"question": "confidence", "pairs": 0}));
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    assert!(
        entries
            .iter()
            .any(|entry| entry["action"] == "client.self_advocacy_read" && entry["subject_id"] == client.as_str())
    );
}

async fn self_advocacy_respects_client_and_meeting_visibility(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let client = ana.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
    let path = format!("/clients/{client}/self-advocacy");
    held(&ana, &case, "2026-01-05", "spoke_for_self", json!({"heard": 1}), json!({"heard": 3})).await;
    let elsewhere = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    for stranger in [&ben, &elsewhere, &server.user_of_other_org(Role::Supervisor)] {
        stranger.get(&path).await.expect(404);
    }
    server.user(Role::Admin).get(&path).await.expect(403);
    // Another case of the same client with another advocate: each advocate sees their own meetings, the supervisor sees
    // all.
    let other = json!({
        "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "Keep my room.",
        "lead_advocate_id": ben.id(),
    });
    let other = supervisor.post("/cases", other).await.expect(201).id();
    held(&ben, &other, "2026-02-02", "spoke_with_support", Value::Null, Value::Null).await;
    for (who, ranks) in [(&ana, json!([4])), (&ben, json!([3])), (&supervisor, json!([4, 3]))] {
        let observed = who.get(&path).await.expect(200).body;
        let found: Vec<&Value> =
            observed["meetings"].as_array().unwrap().iter().map(|meeting| &meeting["rank"]).collect();
        assert_eq!(json!(found), ranks);
    }
    let observed = ben.get(&path).await.expect(200).body;
    assert!(observed["shifts"].as_array().unwrap().iter().all(|shift| shift["pairs"] == 0), "{observed:#}");
}
