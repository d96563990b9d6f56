//! Who stands in for whom: deputies, cover that ends by itself.

use crate::{
    on_both_engines,
    support::{User, World, active_case, pages},
};
use alongside::{
    auth::Role,
    db::schema,
    types::{Day, Instant},
};
use diesel::prelude::*;
use serde_json::{Value, json};

fn days_from_now(w: &World, days: i32) -> Day {
    Day::today(&w.org.time_zone).plus_days(days)
}

/// Makes a supervisor of another team the deputy of the world's, from today on for so many days.
async fn deputise(w: &World, admin: &User<'_>, deputy: &User<'_>, days: i32) -> String {
    let body = json!({"user_id": deputy.id(), "starts_on": days_from_now(w, 0), "ends_on": days_from_now(w, days - 1), "reason": "CANARY is ill."});
    admin.post(&format!("/teams/{}/deputies", w.team), body).await.expect(201).id()
}

/// Moves the window of every deputyship, as time would.
fn at_another_time(w: &World, starts_in_hours: i64, ends_in_hours: i64) {
    use schema::team_deputies::dsl::*;
    let now = Instant::now();
    let window = (starts_at.eq(now.plus_seconds(starts_in_hours * 3600)), ends_at.eq(now.plus_seconds(ends_in_hours * 3600)));
    diesel::update(team_deputies).set(window).execute(&mut w.home.open()).unwrap();
}

async fn actions_on(w: &World, subject: &str) -> Vec<String> {
    let entries = pages(&w.user(Role::Auditor), "/audit-events?sort=sequence", 50).await;
    entries.iter().filter(|entry| entry["subject_id"] == subject).map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

on_both_engines! {
    async fn a_deputy_sees_and_does_what_the_supervisor_of_the_team_may(w) {
        let (admin, ana, boss) = (w.user(Role::Admin), w.user(Role::Advocate), w.user(Role::Supervisor));
        let (south, west) = (w.new_team("South side"), w.new_team("West side"));
        let deputy = w.user_in(&w.org, &[south], Role::Supervisor);
        let stranger = w.user_in(&w.org, &[west], Role::Supervisor);
        let case = ana.new_case().await;
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let barrier = ana.post(&format!("/cases/{case}/barriers"), json!({"type": "waitlist_delay", "description": "Six weeks."})).await.expect(201).id();
        let task = ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await.expect(201).id();
        let meeting = ana.post(&format!("/cases/{case}/meetings"), json!({"type": "discharge_planning", "mode": "phone", "starts_at": "2030-01-05T10:00:00Z", "ends_at": "2030-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan."})).await.expect(201).id();
        let note = ana.post(&format!("/cases/{case}/notes"), json!({"kind": "restricted", "body": "In confidence."})).await.expect(201).id();
        let commitment = ana.post(&format!("/meetings/{meeting}/commitments"), json!({"party": "provider", "text": "Write it down."})).await.expect(201).id();
        let records = [format!("/cases/{case}"), format!("/clients/{client}"), format!("/barriers/{barrier}"), format!("/tasks/{task}"), format!("/meetings/{meeting}"), format!("/notes/{note}"),
            format!("/commitments/{commitment}"), format!("/cases/{case}/timeline"), format!("/cases/{case}/assignments"), format!("/teams/{}", w.team), format!("/users/{}", ana.id())];
        let lists = ["/cases", "/clients", "/barriers", "/meetings", "/tasks"];
        let sees = async |who: &User<'_>, expected: bool| {
            for record in &records {
                who.get(record).await.expect(if expected { 200 } else { 404 });
            }
            for list in lists {
                assert_eq!(who.get(list).await.expect(200).body["items"].as_array().unwrap().len(), usize::from(expected), "{list}");
            }
        };
        sees(&boss, true).await;
        sees(&deputy, false).await;
        let id = deputise(w, &admin, &deputy, 7).await;
        sees(&deputy, true).await;
        sees(&stranger, false).await;
        assert_eq!(deputy.get("/me").await.expect(200).body["team_ids"].as_array().unwrap().len(), 2);
        deputy.transition(&case, json!({"to": "triage"})).await.expect(201);
        deputy.post(&format!("/cases/{case}/assignments"), json!({"user_id": w.user(Role::Advocate).id(), "role": "co"})).await.expect(201);
        deputy.post("/clients", json!({"preferred_name": "Lee"})).await.faulty(422, "/team_id", "required");
        let made = deputy.post("/clients", json!({"preferred_name": "Lee", "team_id": w.team})).await.expect(201).id();
        boss.get(&format!("/clients/{made}")).await.expect(200);
        // It ends at once when it is ended, and by itself when its time is over; and does not hold before it begins.
        let at = format!("/teams/{}/deputies/{id}", w.team);
        admin.send("DELETE", &at, &[], None).await.expect(428);
        admin.send("DELETE", &at, &[("if-match", "\"v9\"")], None).await.expect(412);
        admin.send("DELETE", &at, &[("if-match", "\"v1\"")], None).await.expect(204);
        admin.send("DELETE", &at, &[("if-match", "\"v2\"")], None).await.expect(409);
        for record in &records { deputy.get(record).await.expect(404); }
        assert_eq!(actions_on(w, &id).await, ["deputy.created", "deputy.ended"]);
        deputise(w, &admin, &deputy, 1).await;
        deputy.get(&records[0]).await.expect(200);
        at_another_time(w, -48, -1);
        for record in &records { deputy.get(record).await.expect(404); }
        at_another_time(w, 1, 48);
        for record in &records { deputy.get(record).await.expect(404); }
        at_another_time(w, -1, 1);
        deputy.get(&records[0]).await.expect(200);
    }

    async fn a_deputy_is_a_supervisor_for_some_days_by_an_administrators_word(w) {
        let (admin, ana, boss) = (w.user(Role::Admin), w.user(Role::Advocate), w.user(Role::Supervisor));
        let deputy = w.user_in(&w.org, &[w.new_team("South side")], Role::Supervisor);
        let path = format!("/teams/{}/deputies", w.team);
        let body = |user: String, from: i32, to: i32| json!({"user_id": user, "starts_on": days_from_now(w, from), "ends_on": days_from_now(w, to)});
        for who in [&ana, &boss, &deputy] {
            who.post(&path, body(deputy.id(), 0, 6)).await.expect(403);
        }
        w.outsider(Role::Admin).post(&path, body(deputy.id(), 0, 6)).await.expect(404);
        w.outsider(Role::Admin).get(&path).await.expect(404);
        deputy.get(&path).await.expect(404);
        for user in [w.outsider(Role::Supervisor).id(), World::nobodys_id(), w.user(Role::Auditor).id()] {
            admin.post(&path, body(user, 0, 6)).await.faulty(422, "/user_id", "unknown_reference");
        }
        admin.post(&path, body(ana.id(), 0, 6)).await.faulty(422, "/user_id", "not_a_supervisor");
        admin.post(&path, body(deputy.id(), -1, 6)).await.faulty(422, "/starts_on", "in_the_past");
        admin.post(&path, body(deputy.id(), 3, 2)).await.faulty(422, "/ends_on", "before_start");
        admin.post(&path, body(deputy.id(), 0, 366)).await.faulty(422, "/ends_on", "out_of_range");
        admin.post(&path, json!({"user_id": deputy.id(), "starts_on": days_from_now(w, 0)})).await.faulty(422, "/ends_on", "required");
        assert_eq!(admin.get(&path).await.expect(200).body["items"], json!([]), "what was refused left nothing");
        let same = futures_util::future::join_all((0..8).map(|_| admin.post(&path, body(deputy.id(), 0, 365)))).await;
        assert_eq!(same.iter().filter(|reply| reply.status == 201).count(), 1, "nobody is deputised twice at once");
        assert!(same.iter().all(|reply| matches!(reply.status, 201 | 409)));
        let later = admin.post(&path, body(deputy.id(), 400, 410)).await.expect(201);
        admin.send("DELETE", &format!("{path}/{}", later.id()), &[("if-match", "*")], None).await.expect(204);
        admin.post(&path, body(deputy.id(), 400, 410)).await.expect(201);
        assert_eq!(pages(&boss, &path, 2).await.len(), 3);
        let running = ana.get(&format!("{path}?current=true")).await.expect(200).body["items"].clone();
        assert_eq!((running.as_array().unwrap().len(), &running[0]["user_id"], &running[0]["display_name"]), (1, &json!(deputy.id()), &json!("A supervisor")));
        assert_eq!(pages(&boss, &format!("{path}?current=false"), 50).await.len(), 2);
    }

    async fn why_somebody_is_away_is_told_to_few(w) {
        let (admin, ana, boss) = (w.user(Role::Admin), w.user(Role::Advocate), w.user(Role::Supervisor));
        deputise(w, &admin, &w.user_in(&w.org, &[], Role::Supervisor), 7).await;
        let path = format!("/teams/{}/deputies", w.team);
        for (who, told) in [(&admin, true), (&boss, true), (&ana, false)] {
            assert_eq!(who.get(&path).await.expect(200).body.to_string().contains("CANARY"), told);
        }
        let trace = pages(&w.user(Role::Auditor), "/audit-events", 200).await;
        assert!(!Value::Array(trace).to_string().contains("CANARY"));
    }

    async fn a_deputy_who_is_no_longer_a_supervisor_sees_nothing_by_it(w) {
        let (admin, ana) = (w.user(Role::Admin), w.user(Role::Advocate));
        let deputy = w.user_in(&w.org, &[], Role::Supervisor);
        let case = active_case(&ana, &w.user(Role::Supervisor)).await;
        deputise(w, &admin, &deputy, 7).await;
        deputy.get(&format!("/cases/{case}")).await.expect(200);
        admin.patch(&format!("/users/{}", deputy.id()), "*", json!({"role": "advocate"})).await.expect(200);
        for path in [format!("/cases/{case}"), format!("/teams/{}", w.team), format!("/users/{}", ana.id())] {
            assert!(matches!(deputy.get(&path).await.status, 401 | 404), "{path}");
        }
    }

    async fn cover_ends_by_itself(w) {
        let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
        let case = active_case(&ana, &boss).await;
        let task = ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-05"})).await.expect(201).id();
        let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
        let path = format!("/cases/{case}/assignments");
        let body = |role: &str, days: i32| json!({"user_id": ben.id(), "role": role, "ends_on": days_from_now(w, days)});
        boss.post(&path, body("lead", 7)).await.faulty(422, "/ends_on", "lead_has_no_end");
        boss.post(&path, body("cover", -1)).await.faulty(422, "/ends_on", "out_of_range");
        boss.post(&path, body("cover", 367)).await.faulty(422, "/ends_on", "out_of_range");
        let cover = boss.post(&path, body("cover", 0)).await.expect(201);
        let end = days_from_now(w, 1).begins(&w.org.time_zone);
        assert_eq!(cover.body["ended_at"], json!(end));
        boss.post(&path, body("cover", 3)).await.expect(409);
        let seen = [format!("/cases/{case}"), format!("/tasks/{task}"), format!("/clients/{client}")];
        for record in &seen { ben.get(record).await.expect(200); }
        assert_eq!(pages(&boss, &format!("{path}?current=true"), 50).await.len(), 2);
        {
            use schema::assignments::dsl::*;
            let over = diesel::update(assignments.filter(user_id.eq(ben.actor.user))).set(ended_at.eq(Instant::now().plus_seconds(-1)));
            over.execute(&mut w.home.open()).unwrap();
        }
        for record in &seen { ben.get(record).await.expect(404); }
        assert_eq!(ben.get("/cases").await.expect(200).body["items"], json!([]));
        assert_eq!(pages(&boss, &format!("{path}?current=true"), 50).await.len(), 1);
        assert_eq!(pages(&boss, &format!("{path}?current=false"), 50).await.len(), 1);
        boss.send("DELETE", &format!("{path}/{}", cover.id()), &[("if-match", "*")], None).await.expect(409);
        boss.post(&path, body("cover", 3)).await.expect(201);
        ben.get(&seen[0]).await.expect(200);
    }
}
