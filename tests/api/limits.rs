//! Every rule that counts before it stores ("at most three", "only one"), tested with many concurrent requests.

use crate::{
    on_both_engines,
    support::{PASSWORD, Reply, TestServer, User, pages},
};
use alongside::{
    auth::Role,
    db::{Conn, schema},
};
use diesel::prelude::*;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Sends many requests of the same kind at once. Returns how many succeeded. All others are refused, and none fails.
async fn done(requests: impl IntoIterator<Item = impl Future<Output = Reply>>) -> usize {
    let replies = join_all(requests).await;
    let refused = |reply: &&Reply| !matches!(reply.status, 200 | 201 | 204 | 409 | 412 | 422 | 429);
    assert!(replies.iter().find(refused).is_none(), "{:?}", replies.iter().find(refused));
    replies.iter().filter(|reply| reply.status < 300).count()
}

fn break_glass_request(case: &str) -> Value {
    json!({"case_id": case, "reason": "Sam is at the clinic's door."})
}

async fn statement(user: &User<'_>, client: &str) -> Reply {
    user.post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time to read."}})).await
}

fn count(conn: &mut Conn, secrets_of: &str) -> i64 {
    use schema::mailed_secrets::dsl::*;
    mailed_secrets.filter(email.eq(secrets_of)).count().get_result(conn).unwrap()
}

on_both_engines! {
    concurrent_break_glass_requests_open_at_most_three,
    concurrent_logins_leave_ten_sessions,
    concurrent_invitations_of_one_address_create_one,
    concurrent_password_reset_requests_leave_one_valid_token,
    concurrent_deputies_for_the_same_days_create_one,
    concurrent_teams_of_one_name_create_one,
    concurrent_statements_create_one_draft,
    concurrent_assignments_create_one_and_leave_one_lead,
    checklist_filled_concurrently_has_at_most_200_items,
    concurrent_template_writes_lose_no_version,
    concurrent_second_factor_setups_leave_one_secret,
    concurrently_opened_cases_get_distinct_numbers,
    only_one_of_concurrent_meeting_outcomes_or_reschedulings_succeeds,
}

async fn concurrent_break_glass_requests_open_at_most_three(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for many in [6_usize, 24] {
        let kim = server.user_in(&server.org, &[server.new_team(&format!("South side {many}"))], Role::Supervisor);
        let mut cases = Vec::new();
        for _ in 0..many {
            cases.push(ana.new_case().await);
        }
        assert_eq!(done(cases.iter().map(|case| kim.post("/break-glass", break_glass_request(case)))).await, 3);
        assert_eq!(pages(&kim, "/break-glass?reviewed=false", 50).await.len(), 3);
    }
}

async fn concurrent_logins_leave_ten_sessions(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let login = || server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD})));
    // Only a few concurrent sign-ins to one account are checked, so they come four at a time.
    let mut tokens: Vec<String> = Vec::new();
    for _ in 0..8 {
        let replies = join_all((0..4).map(|_| login())).await;
        tokens.extend(replies.iter().filter_map(|reply| reply.body["access_token"].as_str()).map(str::to_owned));
    }
    assert!(tokens.len() > 15, "{} have signed in", tokens.len());
    let mut alive = 0;
    for token in &tokens {
        alive += usize::from(server.send(Some(token), "GET", "/api/v1/me", &[], None).await.status == 200);
    }
    assert_eq!(alive, 10);
}

async fn concurrent_invitations_of_one_address_create_one(server: &TestServer) {
    let (admin, other) = (server.user(Role::Admin), server.user(Role::Admin));
    let new = json!({"email": "bo@example.org", "display_name": "Bo", "role": "advocate"});
    assert_eq!(
        done((0..16).map(|n| if n % 2 == 0 { &admin } else { &other }.post("/invitations", new.clone()))).await,
        1
    );
}

/// Only one secret is valid at a time, and only a few messages are sent per hour.
async fn concurrent_password_reset_requests_leave_one_valid_token(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let ask = || server.anyone("POST", "/api/v1/auth/forgot-password", Some(json!({"email": ana.email})));
    join_all((0..16).map(|_| ask())).await;
    server.emails(&ana.email, 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await; // time for further messages, if there are any
    assert_eq!(count(&mut server.database.open(), &ana.email), 1);
    let admin = server.user(Role::Admin);
    let invited = admin
        .post("/invitations", json!({"email": "bo@example.org", "display_name": "Bo", "role": "advocate"}))
        .await
        .expect(201)
        .id();
    let sent =
        done((0..16).map(async |_| admin.send("POST", &format!("/invitations/{invited}/send-again"), &[], None).await))
            .await;
    assert!((1..16).contains(&sent), "{sent}");
    assert_eq!(count(&mut server.database.open(), "bo@example.org"), 1);
}

async fn concurrent_deputies_for_the_same_days_create_one(server: &TestServer) {
    let (admin, deputy) =
        (server.user(Role::Admin), server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor));
    let new =
        json!({"user_id": deputy.id(), "starts_on": "2030-01-01", "ends_on": "2030-01-10", "reason": "Bo is ill."});
    assert_eq!(
        done((0..16).map(async |_| admin.post(&format!("/teams/{}/deputies", server.team), new.clone()).await)).await,
        1
    );
}

async fn concurrent_teams_of_one_name_create_one(server: &TestServer) {
    let admin = server.user(Role::Admin);
    assert_eq!(done((0..16).map(|_| admin.post("/teams", json!({"name": "South side"})))).await, 1);
}

async fn concurrent_statements_create_one_draft(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    assert_eq!(done((0..16).map(|_| statement(&ana, &client))).await, 1);
}

async fn concurrent_assignments_create_one_and_leave_one_lead(server: &TestServer) {
    let (ana, supervisor, colleague) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = ana.new_case().await;
    let new = json!({"user_id": colleague.id(), "role": "co"});
    assert_eq!(
        done((0..16).map(async |_| supervisor.post(&format!("/cases/{case}/assignments"), new.clone()).await)).await,
        1
    );
    // However many requests set a lead, there is one lead.
    let mates: Vec<_> = (0..8).map(|_| server.user(Role::Advocate)).collect();
    done(mates.iter().map(async |colleague| {
        supervisor.post(&format!("/cases/{case}/assignments"), json!({"user_id": colleague.id(), "role": "lead"})).await
    }))
    .await;
    let current = pages(&supervisor, &format!("/cases/{case}/assignments"), 50).await;
    let leads: Vec<_> = current.iter().filter(|row| row["role"] == "lead" && row.get("ended_at").is_none()).collect();
    assert_eq!(leads.len(), 1);
    assert_eq!(supervisor.get(&format!("/cases/{case}")).await.body["lead_advocate_id"], leads[0]["user_id"]);
}

async fn checklist_filled_concurrently_has_at_most_200_items(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = crate::support::active_case(&ana, &supervisor).await;
    let new = json!({
        "type": "discharge_planning", "mode": "in_person", "starts_at": "2030-01-05T10:00:00Z",
        "ends_at": "2030-01-05T11:00:00Z", "time_zone": "UTC", "purpose": "p",
    });
    let meeting = ana.post(&format!("/cases/{case}/meetings"), new).await.expect(201).id();
    let path = format!("/meetings/{meeting}/preparation");
    let there = pages_of(&ana, &path).await;
    let item = || {
        ana.post(
            &path,
            json!({"category": "documents", "text": "Ask about the dose.", "mandatory": false, "owner": "advocate"}),
        )
    };
    for _ in there..192 {
        item().await.expect(201);
    }
    assert_eq!(done((0..16).map(|_| item())).await, 8);
    assert_eq!(pages_of(&ana, &path).await, 200);
}

async fn concurrent_template_writes_lose_no_version(server: &TestServer) {
    let admin = server.user(Role::Admin);
    let path = "/preparation-templates/discharge_planning";
    let before = admin.get(path).await.expect(200).body["version"].as_i64().unwrap();
    let new =
        json!({"items": [{"category": "purpose", "text": "What do you want?", "mandatory": true, "owner": "client"}]});
    assert_eq!(done((0..8).map(|_| admin.send("PUT", path, &[], Some(new.clone())))).await, 8);
    assert_eq!(admin.get(path).await.body["version"], before + 8, "no change is lost");
    let etag = admin.get(path).await.etag();
    assert_eq!(
        done((0..8).map(async |_| admin.send("PUT", path, &[("if-match", &etag)], Some(new.clone())).await)).await,
        1
    );
}

async fn concurrent_second_factor_setups_leave_one_secret(server: &TestServer) {
    use schema::second_factors::dsl::*;
    let ana = server.user(Role::Advocate);
    assert!(done((0..12).map(|_| ana.send("POST", "/me/second-factor", &[], None))).await >= 1);
    let there: i64 =
        second_factors.filter(user_id.eq(ana.actor.user)).count().get_result(&mut server.database.open()).unwrap();
    assert_eq!(there, 1);
}

async fn concurrently_opened_cases_get_distinct_numbers(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    let new = json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g"});
    let made = join_all((0..24).map(|_| ana.post("/cases", new.clone()))).await;
    let numbers: std::collections::BTreeSet<_> =
        made.iter().map(|reply| reply.body["case_number"].as_str().expect("a number").to_owned()).collect();
    assert_eq!(numbers.len(), 24);
    // One whose row another transaction has just changed gets a number that is 64 higher.
    assert!(numbers.first().unwrap().ends_with("-000001") && numbers.last().unwrap()[5..] <= *"000088", "{numbers:?}");
}

/// Rules of the same kind that do not count: a decision is made only once.
async fn only_one_of_concurrent_meeting_outcomes_or_reschedulings_succeeds(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = crate::support::active_case(&ana, &supervisor).await;
    let new = json!({
        "type": "discharge_planning", "mode": "in_person", "starts_at": "2030-01-05T10:00:00Z",
        "ends_at": "2030-01-05T11:00:00Z", "time_zone": "UTC", "purpose": "p",
    });
    let meeting = ana.post(&format!("/cases/{case}/meetings"), new.clone()).await.expect(201).id();
    let outcome = json!({"status": "cancelled", "cancelled_by": "provider"});
    assert_eq!(
        done((0..12).map(async |_| ana.post(&format!("/meetings/{meeting}/outcome"), outcome.clone()).await)).await,
        1
    );
    let meeting = ana.post(&format!("/cases/{case}/meetings"), new.clone()).await.expect(201).id();
    let mut again = new;
    again["reschedules"] = json!(meeting);
    assert_eq!(done((0..12).map(async |_| ana.post(&format!("/cases/{case}/meetings"), again.clone()).await)).await, 1);
}

async fn pages_of(user: &User<'_>, path: &str) -> usize {
    user.get(path).await.expect(200).body["items"].as_array().unwrap().len()
}
