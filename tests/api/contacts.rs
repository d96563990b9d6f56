//! Contacts: the values that a case and the reports derive from them, in any order of entry and correction, and how a
//! locked note is corrected.

use crate::{
    on_both_engines,
    support::{User, World, active_case, database::Engine, history_fixtures::Past, pages},
};
use alongside::{
    auth::Role,
    casework::cases::model::{CaseId, CaseStatus},
    db::schema,
    types::{Day, Instant},
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};

/// 15:00 UTC, this many days ago.
fn ago(w: &World, days: i32) -> String {
    format!("{}T15:00:00.000Z", Day::today(&w.org.time_zone).plus_days(-days))
}
fn contact(at: &str, successful: bool) -> Value {
    json!({
        "kind": "contact", "body": "b", "occurred_at": at, "direction": "out", "mode": "phone",
        "successful": successful,
    })
}

/// All permutations of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let shorter = orders(count - 1);
    (0..count)
        .flat_map(|place| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(place, count - 1);
                order
            })
        })
        .collect()
}

/// The first contact that the case shows, and the last contact in its row.
async fn derived(boss: &User<'_>, case: &str) -> (Option<String>, Option<String>) {
    let shown =
        boss.get(&format!("/cases/{case}")).await.expect(200).body["first_contact_at"].as_str().map(str::to_owned);
    let row = schema::cases::table
        .filter(schema::cases::id.eq(CaseId::parse(case).unwrap()))
        .select(schema::cases::last_contact_at);
    let last: Option<Instant> = row.first(&mut boss.world.home.open()).unwrap();
    (shown, last.map(|at| at.to_string()))
}

/// A total of a report.
async fn total(boss: &User<'_>, query: &str, statistic: &str) -> Value {
    let report = boss.get(&format!("/reports/{query}")).await.expect(200).body;
    report["totals"].as_array().unwrap().iter().find(|row| row["statistic"] == statistic).unwrap()["value"].clone()
}
async fn days_to_first_contact(boss: &User<'_>) -> (Value, Value, Value) {
    let today = Day::today(&boss.world.org.time_zone);
    let query = format!("time_to_first_contact?from={}&to={}&group_by=", today.plus_days(-30), today.plus_days(1));
    (total(boss, &query, "reached").await, total(boss, &query, "median").await, total(boss, &query, "p90").await)
}

/// Makes every note old enough to be locked.
fn lock_notes(w: &World) {
    let yesterday = Instant::now().plus_seconds(-25 * 3600);
    let sql = match w.engine {
        Engine::Sqlite => format!("UPDATE notes SET created_at = {}", yesterday.micros()),
        Engine::Postgres => format!("UPDATE notes SET created_at = '{yesterday}'"),
    };
    alongside::on_engine!(&mut w.home.open(), |c| c.batch_execute(&sql)).unwrap();
}

on_both_engines! {
    first_and_last_contact_do_not_depend_on_the_order_of_entry,
    first_and_last_contact_do_not_depend_on_the_order_of_correction,
    first_contact_is_the_earliest_of_transition_and_notes,
    migration_derives_contacts_of_existing_cases,
    amendment_of_a_contact_updates_derived_values,
    supervisor_corrects_a_note_after_its_author_left_the_case,
    case_exposes_no_user_except_its_lead,
}

/// The case was opened 20 days ago. Contacts 8 and 4 days ago were successful, the second day with two contacts at the
/// same time; one 10 days ago was not. So the first contact took 12 days, in any order of entry.
async fn first_and_last_contact_do_not_depend_on_the_order_of_entry(w: &World) {
    let boss = w.user(Role::Supervisor);
    let mut past = Past::of(&boss);
    let opened = Day::today(&w.org.time_zone).plus_days(-20).to_string();
    let contacts =
        [contact(&ago(w, 10), false), contact(&ago(w, 8), true), contact(&ago(w, 4), true), contact(&ago(w, 4), true)];
    let all = orders(contacts.len());
    assert_eq!(all.len(), 24);
    for order in &all {
        let mut case = past.case(&opened, None, json!({})).await;
        past.steps(&mut case, &[(&opened, CaseStatus::Active)]);
        let id = case.id.to_string();
        for place in order {
            boss.post(&format!("/cases/{id}/notes"), contacts[*place].clone()).await.expect(201);
        }
        assert_eq!(derived(&boss, &id).await, (Some(ago(w, 8)), Some(ago(w, 4))), "{order:?}");
    }
    assert_eq!(days_to_first_contact(&boss).await, (json!(24), json!(12), json!(12)));
    // Whole days of 24 hours: three or four, depending on the hour of the test run.
    let gap = (Instant::now().micros() - Instant::parse(&ago(w, 4)).unwrap().micros()) / 86_400_000_000;
    assert_eq!(total(&boss, "contact_gap?group_by=", "median").await, json!(gap));
    let quiet = boss.get("/me/agenda?quiet_days=3").await.expect(200).body;
    assert!(quiet["quiet_cases"].as_array().unwrap().iter().all(|case| case["last_contact_at"] == json!(ago(w, 4))));
}

/// Three contacts are entered incorrectly and corrected in every order, by a change on the same day or by a later
/// amendment.
async fn first_and_last_contact_do_not_depend_on_the_order_of_correction(w: &World) {
    let boss = w.user(Role::Supervisor);
    let mut past = Past::of(&boss);
    let opened = Day::today(&w.org.time_zone).plus_days(-20).to_string();
    let entered = [contact(&ago(w, 15), true), contact(&ago(w, 4), false), contact(&ago(w, 2), true)];
    let right = [json!({"occurred_at": ago(w, 8)}), json!({"successful": true}), json!({"successful": false})];
    let mut made = 0;
    for amended in [false, true] {
        for order in orders(3) {
            let mut case = past.case(&opened, None, json!({})).await;
            past.steps(&mut case, &[(&opened, CaseStatus::Active)]);
            let id = case.id.to_string();
            let mut notes = Vec::new();
            for note in &entered {
                notes.push(boss.post(&format!("/cases/{id}/notes"), note.clone()).await.expect(201).id());
            }
            assert_eq!(derived(&boss, &id).await, (Some(ago(w, 15)), Some(ago(w, 2))));
            if amended {
                lock_notes(w);
            }
            for place in &order {
                let mut change = right[*place].clone();
                if amended {
                    change["body"] = json!("It was entered wrongly.");
                    boss.post(&format!("/notes/{}/amendments", notes[*place]), change).await.expect(201);
                } else {
                    boss.patch(&format!("/notes/{}", notes[*place]), "*", change).await.expect(200);
                }
            }
            assert_eq!(derived(&boss, &id).await, (Some(ago(w, 8)), Some(ago(w, 4))), "{order:?}, amended: {amended}");
            made += 1;
        }
    }
    assert_eq!(days_to_first_contact(&boss).await, (json!(made), json!(12), json!(12)));
    // After the correction no contact was successful.
    let case = past.case(&opened, None, json!({})).await.id.to_string();
    let note = boss.post(&format!("/cases/{case}/notes"), contact(&ago(w, 5), true)).await.expect(201).id();
    boss.patch(&format!("/notes/{note}"), "*", json!({"successful": false})).await.expect(200);
    assert_eq!(derived(&boss, &case).await, (None, None));
}

async fn first_contact_is_the_earliest_of_transition_and_notes(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    // The transition names a contact 9 days ago, the note one 3 days ago, in both orders.
    for note_first in [true, false] {
        let case = ana.new_case().await;
        boss.transition(&case, json!({"to": "triage"})).await.expect(201);
        boss.transition(&case, json!({"to": "accepted", "client_agreement": true, "conflict_check": true}))
            .await
            .expect(201);
        let path = format!("/cases/{case}/notes");
        let note = || ana.post(&path, contact(&ago(w, 3), true));
        if note_first {
            note().await.expect(201);
        }
        ana.transition(&case, json!({"to": "active", "first_contact": ago(w, 9)})).await.expect(201);
        if !note_first {
            note().await.expect(201);
        }
        assert_eq!(derived(&boss, &case).await, (Some(ago(w, 9)), Some(ago(w, 3))), "{note_first}");
        // A later transition corrects the first contact of an earlier one.
        let review = Day::today(&w.org.time_zone).plus_days(30);
        ana.transition(&case, json!({"to": "on_hold", "reason": "r", "review_on": review})).await.expect(201);
        ana.transition(&case, json!({"to": "active", "first_contact": ago(w, 6)})).await.expect(201);
        assert_eq!(derived(&boss, &case).await, (Some(ago(w, 6)), Some(ago(w, 3))));
    }
}

/// The data of the earlier version: the contact that was entered first is stored as the first, and one first contact
/// has no record at all.
async fn migration_derives_contacts_of_existing_cases(w: &World) {
    let (ana, boss) = (w.user(Role::Advocate), w.user(Role::Supervisor));
    let (wrong, none, named) = (ana.new_case().await, ana.new_case().await, active_case(&ana, &boss).await);
    for days in [1, 8, 4] {
        ana.post(&format!("/cases/{wrong}/notes"), contact(&ago(w, days), true)).await.expect(201);
    }
    let version = ana.get(&format!("/cases/{named}")).await.expect(200).etag();
    let mut conn = w.home.open();
    for case in [&wrong, &none] {
        let row = schema::cases::table.filter(schema::cases::id.eq(CaseId::parse(case).unwrap()));
        let stored = Some(Instant::now());
        diesel::update(row)
            .set((schema::cases::first_contact_at.eq(stored), schema::cases::last_contact_at.eq(stored)))
            .execute(&mut conn)
            .unwrap();
    }
    let (down, up) = match w.engine {
        Engine::Sqlite => (
            include_str!("../../migrations/sqlite/2026-11-30-000071_derived_moments/down.sql"),
            include_str!("../../migrations/sqlite/2026-11-30-000071_derived_moments/up.sql"),
        ),
        Engine::Postgres => (
            include_str!("../../migrations/postgres/2026-11-30-000071_derived_moments/down.sql"),
            include_str!("../../migrations/postgres/2026-11-30-000071_derived_moments/up.sql"),
        ),
    };
    alongside::on_engine!(&mut conn, |c| c.batch_execute(&format!("BEGIN; {down} {up} COMMIT;"))).unwrap();
    assert_eq!(derived(&boss, &wrong).await, (Some(ago(w, 8)), Some(ago(w, 1))));
    assert_eq!(derived(&boss, &none).await, (None, None));
    let january = Some("2026-01-05T10:00:00.000Z".to_owned());
    assert_eq!(derived(&boss, &named).await, (january.clone(), january));
    assert_eq!(ana.get(&format!("/cases/{named}")).await.expect(200).etag(), version, "what was right stays as it is");
    let (reached, ..) = days_to_first_contact(&boss).await;
    assert_eq!(reached, json!(2));
}

async fn amendment_of_a_contact_updates_derived_values(w: &World) {
    let (ana, ben, boss) = (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor));
    let case = ana.new_case().await;
    boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"})).await.expect(201);
    let mut first = contact(&ago(w, 2), true);
    first["minutes"] = json!(20);
    let note = ana.post(&format!("/cases/{case}/notes"), first).await.expect(201).id();
    let progress =
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "p"})).await.expect(201).id();
    let path = format!("/notes/{note}/amendments");
    let right = json!({
        "body": "It was by letter, a week before.", "occurred_at": ago(w, 9), "mode": "letter", "direction": "in",
        "minutes": 5,
    });
    ana.post(&path, right.clone()).await.expect(409);
    lock_notes(w);
    ana.post(&path, json!({"body": "b", "occurred_at": "2199-01-01T00:00:00Z"})).await.faulty(
        422,
        "/occurred_at",
        "in_the_future",
    );
    ana.post(&path, json!({"body": "b", "minutes": 1441})).await.expect(422);
    let client = ana.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
    ana.patch(&format!("/clients/{client}"), "*", json!({"date_of_birth": "2010-03-05"})).await.expect(200);
    ana.post(&path, json!({"body": "b", "occurred_at": "2010-03-04T09:00:00Z"})).await.faulty(
        422,
        "/occurred_at",
        "before_birth",
    );
    ana.post(&path, json!({"occurred_at": ago(w, 9)})).await.faulty(422, "/body", "required");
    ana.post(&format!("/notes/{progress}/amendments"), json!({"body": "b", "mode": "phone"})).await.faulty(
        422,
        "/mode",
        "not_allowed",
    );

    let key = [("idempotency-key", "amend-1")];
    let amended = ana.send("POST", &path, &key, Some(right.clone())).await.expect(201);
    let again = ana.send("POST", &path, &key, Some(right)).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &amended.body));
    // The client can see that the note was changed, and not only read.
    let sam = w.user(Role::Client);
    sam.is_linked_to(&client);
    let log = sam.get(&format!("/clients/{client}/access-log?limit=200")).await.expect(200).body;
    let by_amendment = |entry: &&Value| entry["request_id"] == amended.header("x-request-id");
    let actions: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(by_amendment)
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert!(actions.contains(&"confidential.changed"), "{log:#}");
    let read = ben.get(&format!("/notes/{note}")).await.expect(200).body;
    assert_eq!(
        (&read["occurred_at"], &read["mode"], &read["direction"], &read["minutes"], &read["body"]),
        (&json!(ago(w, 9)), &json!("letter"), &json!("in"), &json!(5), &json!("b"))
    );
    assert_eq!(read["amendments"].as_array().unwrap().len(), 1);
    let amendment = &read["amendments"][0];
    assert_eq!(
        amendment["replaced"],
        json!({"occurred_at": ago(w, 2), "direction": "out", "mode": "phone", "minutes": 20})
    );
    assert_eq!(
        amendment["corrected"],
        json!({"occurred_at": ago(w, 9), "direction": "in", "mode": "letter", "minutes": 5})
    );
    assert_eq!(
        (&amendment["author_id"], &amendment["body"]),
        (&json!(ana.id()), &json!("It was by letter, a week before."))
    );
    // The list, the case, the reports, the file and the timeline show the correction.
    assert_eq!(ben.get(&format!("/cases/{case}/notes?kind=contact")).await.expect(200).body["items"][0], read);
    assert_eq!(derived(&boss, &case).await, (Some(ago(w, 9)), Some(ago(w, 9))));
    ana.post(&path, json!({"body": "Nobody was there.", "successful": false})).await.expect(201);
    assert_eq!(derived(&boss, &case).await, (None, None));
    assert_eq!(days_to_first_contact(&boss).await.0, json!(0));
    let file = boss.get(&format!("/cases/{case}/file")).await.expect(200).body;
    let story = file["story"].as_array().unwrap().iter().find(|line| line["event"] == "contact").unwrap();
    assert_eq!(
        (&story["at"], &story["words"]),
        (&json!(ago(w, 9)), &json!("Letter, to us; nobody was reached (corrected)."))
    );
    let timeline = pages(&ben, &format!("/cases/{case}/timeline"), 50).await;
    assert_eq!(
        timeline
            .iter()
            .filter(|entry| entry["event"] == "note.corrected" && entry["subject_id"] == json!(note))
            .count(),
        2
    );
    // The audit log has names of members and no content.
    let log = pages(&w.user(Role::Auditor), "/audit-events?action=note.corrected", 50).await;
    assert_eq!(log.len(), 2, "{log:#?}");
    assert!(
        log.iter().any(|entry| entry["fields"] == json!(["body", "direction", "minutes", "mode", "occurred_at"])),
        "{log:#?}"
    );
    // Every reader of the note may add text; that corrects nothing.
    let words =
        ben.post(&path, json!({"body": "The letter is in the folder.", "mode": "letter"})).await.expect(201).body;
    assert!(words["amendments"][2].get("corrected").is_none());
}

async fn supervisor_corrects_a_note_after_its_author_left_the_case(w: &World) {
    let (ana, ben, boss, admin) =
        (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor), w.user(Role::Admin));
    let mut notes = Vec::new();
    for lead in [&ana, &ana, &ben] {
        let case = lead.new_case().await;
        let note = lead.post(&format!("/cases/{case}/notes"), contact(&ago(w, 2), true)).await.expect(201).id();
        notes.push((case, format!("/notes/{note}/amendments")));
    }
    lock_notes(w);
    let right = |days| json!({"body": "The caller has called again.", "occurred_at": ago(w, days)});
    for (_, path) in &notes {
        boss.post(path, right(5)).await.expect(403);
        boss.post(path, json!({"body": "Only words."})).await.expect(201);
    }
    // By handover, suspension and removal.
    boss.post(&format!("/cases/{}/assignments", notes[0].0), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    ana.post(&notes[0].1, right(5)).await.expect(404);
    ben.post(&notes[0].1, right(5)).await.expect(403);
    boss.post(&notes[0].1, right(5)).await.expect(201);
    boss.post(&notes[1].1, right(5)).await.expect(403);
    for status in ["suspended", "removed"] {
        admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": status})).await.expect(200);
        let days = if status == "removed" { 6 } else { 7 };
        let corrected = boss.post(&notes[1].1, right(days)).await.expect(201).body;
        assert_eq!(corrected["author_id"], json!(ana.id()));
        assert_eq!(derived(&boss, &notes[1].0).await.0, Some(ago(w, days)));
    }
    boss.post(&notes[2].1, right(5)).await.expect(403);
    w.outsider(Role::Supervisor).post(&notes[1].1, right(5)).await.expect(404);
    w.user_in(&w.org, &[w.new_team("South side")], Role::Supervisor).post(&notes[1].1, right(5)).await.expect(404);
}

/// F34: a case names its lead and no other user, and a former lead does not learn who has it now.
async fn case_exposes_no_user_except_its_lead(w: &World) {
    let (ana, ben, boss, admin) =
        (w.user(Role::Advocate), w.user(Role::Advocate), w.user(Role::Supervisor), w.user(Role::Admin));
    let (moved, kept) = (active_case(&ana, &boss).await, active_case(&ana, &boss).await);
    for case in [&moved, &kept] {
        boss.post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
            .await
            .expect(201);
    }
    boss.post(&format!("/cases/{kept}/assignments"), json!({"user_id": ana.id(), "role": "co"})).await.expect(201);
    let names = |body: &Value| {
        [&ana, &ben, &boss, &admin]
            .into_iter()
            .filter(|user| body.to_string().contains(&user.id()))
            .map(|user| user.id())
            .collect::<Vec<_>>()
    };
    for path in [
        format!("/cases/{moved}"),
        format!("/cases/{moved}?expand=lead_advocate,client"),
        format!("/cases/{moved}/transitions"),
        format!("/cases/{moved}/assignments"),
    ] {
        let refused = ana.get(&path).await.expect(404);
        assert_eq!(names(&refused.body), Vec::<String>::new(), "{path}");
        assert_eq!(
            refused.observed(),
            ana.get(&path.replace(&moved, &World::unknown_id())).await.expect(404).observed(),
            "{path}"
        );
    }
    for reader in [&ana, &boss, &admin, &w.user(Role::Integration)] {
        for path in [format!("/cases/{kept}"), format!("/cases/{kept}?expand=lead_advocate")] {
            assert_eq!(names(&reader.get(&path).await.expect(200).body), [ben.id()], "{path}");
        }
    }
}

/// The migration that recalculates contacts finds each case's contacts by an index. Without one, SQLite reads all
/// contacts for each case.
#[actix_web::test]
async fn contacts_migration_uses_an_index_for_each_case() {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let w = World::start(Engine::Sqlite).await;
    let up = include_str!("../../migrations/sqlite/2026-11-30-000071_derived_moments/up.sql");
    let (first, rest) = (up.find("CREATE TEMPORARY TABLE").unwrap(), up.find("UPDATE cases").unwrap());
    let changes: Vec<&str> = up[rest..].split("UPDATE cases").skip(1).collect();
    assert_eq!(changes.len(), 2);
    let alongside::db::Conn::Sqlite(mut conn) = w.home.open() else { panic!("not SQLite") };
    conn.batch_execute(&up[first..rest]).unwrap();
    for change in changes {
        let (change, _) = change.split_once(';').unwrap();
        let plan: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN UPDATE cases{change}")).load(&mut conn).unwrap();
        let of_contacts: Vec<&str> =
            plan.iter().map(|step| step.detail.as_str()).filter(|detail| detail.contains("reached")).collect();
        assert!(
            !of_contacts.is_empty() && of_contacts.iter().all(|detail| detail.starts_with("SEARCH")),
            "{of_contacts:?}"
        );
    }
}
