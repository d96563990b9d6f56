//! Contacts: the values that a case and the reports derive from them, in any order of entry and correction, and how a
//! locked note is corrected.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, database::Engine, history_fixtures::PastRecords, pages},
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
fn ago(server: &TestServer, days: i32) -> String {
    format!("{}T15:00:00.000Z", Day::today(&server.org.time_zone).plus_days(-days))
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
async fn derived(supervisor: &User<'_>, case: &str) -> (Option<String>, Option<String>) {
    let shown = supervisor.get(&format!("/cases/{case}")).await.expect(200).body["first_contact_at"]
        .as_str()
        .map(str::to_owned);
    let row = schema::cases::table
        .filter(schema::cases::id.eq(CaseId::parse(case).unwrap()))
        .select(schema::cases::last_contact_at);
    let last: Option<Instant> = row.first(&mut supervisor.server.database.open()).unwrap();
    (shown, last.map(|at| at.to_string()))
}

/// A total of a report.
async fn total(supervisor: &User<'_>, query: &str, statistic: &str) -> Value {
    let report = supervisor.get(&format!("/reports/{query}")).await.expect(200).body;
    report["totals"].as_array().unwrap().iter().find(|row| row["statistic"] == statistic).unwrap()["value"].clone()
}
async fn days_to_first_contact(supervisor: &User<'_>) -> (Value, Value, Value) {
    let today = Day::today(&supervisor.server.org.time_zone);
    let query = format!("time_to_first_contact?from={}&to={}&group_by=", today.plus_days(-30), today.plus_days(1));
    (
        total(supervisor, &query, "reached").await,
        total(supervisor, &query, "median").await,
        total(supervisor, &query, "p90").await,
    )
}

/// Makes every note old enough to be locked.
fn lock_notes(server: &TestServer) {
    let yesterday = Instant::now().plus_seconds(-25 * 3600);
    let sql = match server.engine {
        Engine::Sqlite => format!("UPDATE notes SET created_at = {}", yesterday.micros()),
        Engine::Postgres => format!("UPDATE notes SET created_at = '{yesterday}'"),
    };
    alongside::on_engine!(&mut server.database.open(), |c| c.batch_execute(&sql)).unwrap();
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
async fn first_and_last_contact_do_not_depend_on_the_order_of_entry(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let mut past = PastRecords::of(&supervisor);
    let opened = Day::today(&server.org.time_zone).plus_days(-20).to_string();
    let contacts = [
        contact(&ago(server, 10), false),
        contact(&ago(server, 8), true),
        contact(&ago(server, 4), true),
        contact(&ago(server, 4), true),
    ];
    let all = orders(contacts.len());
    assert_eq!(all.len(), 24);
    for order in &all {
        let mut case = past.case(&opened, None, json!({})).await;
        past.steps(&mut case, &[(&opened, CaseStatus::Active)]);
        let id = case.id.to_string();
        for place in order {
            supervisor.post(&format!("/cases/{id}/notes"), contacts[*place].clone()).await.expect(201);
        }
        assert_eq!(derived(&supervisor, &id).await, (Some(ago(server, 8)), Some(ago(server, 4))), "{order:?}");
    }
    assert_eq!(days_to_first_contact(&supervisor).await, (json!(24), json!(12), json!(12)));
    // Whole days of 24 hours: three or four, depending on the hour of the test run.
    let gap = (Instant::now().micros() - Instant::parse(&ago(server, 4)).unwrap().micros()) / 86_400_000_000;
    assert_eq!(total(&supervisor, "contact_gap?group_by=", "median").await, json!(gap));
    let quiet = supervisor.get("/me/agenda?quiet_days=3").await.expect(200).body;
    assert!(
        quiet["quiet_cases"].as_array().unwrap().iter().all(|case| case["last_contact_at"] == json!(ago(server, 4)))
    );
}

/// Three contacts are entered incorrectly and corrected in every order, by a change on the same day or by a later
/// amendment.
async fn first_and_last_contact_do_not_depend_on_the_order_of_correction(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let mut past = PastRecords::of(&supervisor);
    let opened = Day::today(&server.org.time_zone).plus_days(-20).to_string();
    let entered = [contact(&ago(server, 15), true), contact(&ago(server, 4), false), contact(&ago(server, 2), true)];
    let right = [json!({"occurred_at": ago(server, 8)}), json!({"successful": true}), json!({"successful": false})];
    let mut made = 0;
    for amended in [false, true] {
        for order in orders(3) {
            let mut case = past.case(&opened, None, json!({})).await;
            past.steps(&mut case, &[(&opened, CaseStatus::Active)]);
            let id = case.id.to_string();
            let mut notes = Vec::new();
            for note in &entered {
                notes.push(supervisor.post(&format!("/cases/{id}/notes"), note.clone()).await.expect(201).id());
            }
            assert_eq!(derived(&supervisor, &id).await, (Some(ago(server, 15)), Some(ago(server, 2))));
            if amended {
                lock_notes(server);
            }
            for place in &order {
                let mut change = right[*place].clone();
                if amended {
                    change["body"] = json!("It was entered wrongly.");
                    supervisor.post(&format!("/notes/{}/amendments", notes[*place]), change).await.expect(201);
                } else {
                    supervisor.patch(&format!("/notes/{}", notes[*place]), "*", change).await.expect(200);
                }
            }
            assert_eq!(
                derived(&supervisor, &id).await,
                (Some(ago(server, 8)), Some(ago(server, 4))),
                "{order:?}, amended: {amended}"
            );
            made += 1;
        }
    }
    assert_eq!(days_to_first_contact(&supervisor).await, (json!(made), json!(12), json!(12)));
    // After the correction no contact was successful.
    let case = past.case(&opened, None, json!({})).await.id.to_string();
    let note = supervisor.post(&format!("/cases/{case}/notes"), contact(&ago(server, 5), true)).await.expect(201).id();
    supervisor.patch(&format!("/notes/{note}"), "*", json!({"successful": false})).await.expect(200);
    assert_eq!(derived(&supervisor, &case).await, (None, None));
}

async fn first_contact_is_the_earliest_of_transition_and_notes(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    // The transition names a contact 9 days ago, the note one 3 days ago, in both orders.
    for note_first in [true, false] {
        let case = ana.new_case().await;
        supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
        supervisor
            .transition(&case, json!({"to": "accepted", "client_agreement": true, "conflict_check": true}))
            .await
            .expect(201);
        let path = format!("/cases/{case}/notes");
        let note = || ana.post(&path, contact(&ago(server, 3), true));
        if note_first {
            note().await.expect(201);
        }
        ana.transition(&case, json!({"to": "active", "first_contact": ago(server, 9)})).await.expect(201);
        if !note_first {
            note().await.expect(201);
        }
        assert_eq!(derived(&supervisor, &case).await, (Some(ago(server, 9)), Some(ago(server, 3))), "{note_first}");
        // A later transition corrects the first contact of an earlier one.
        let review = Day::today(&server.org.time_zone).plus_days(30);
        ana.transition(&case, json!({"to": "on_hold", "reason": "r", "review_on": review})).await.expect(201);
        ana.transition(&case, json!({"to": "active", "first_contact": ago(server, 6)})).await.expect(201);
        assert_eq!(derived(&supervisor, &case).await, (Some(ago(server, 6)), Some(ago(server, 3))));
    }
}

/// The data of the earlier version: the contact that was entered first is stored as the first, and one first contact
/// has no record at all.
async fn migration_derives_contacts_of_existing_cases(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (wrong, none, named) = (ana.new_case().await, ana.new_case().await, active_case(&ana, &supervisor).await);
    for days in [1, 8, 4] {
        ana.post(&format!("/cases/{wrong}/notes"), contact(&ago(server, days), true)).await.expect(201);
    }
    let version = ana.get(&format!("/cases/{named}")).await.expect(200).etag();
    let mut conn = server.database.open();
    for case in [&wrong, &none] {
        let row = schema::cases::table.filter(schema::cases::id.eq(CaseId::parse(case).unwrap()));
        let stored = Some(Instant::now());
        diesel::update(row)
            .set((schema::cases::first_contact_at.eq(stored), schema::cases::last_contact_at.eq(stored)))
            .execute(&mut conn)
            .unwrap();
    }
    let (down, up) = match server.engine {
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
    assert_eq!(derived(&supervisor, &wrong).await, (Some(ago(server, 8)), Some(ago(server, 1))));
    assert_eq!(derived(&supervisor, &none).await, (None, None));
    let january = Some("2026-01-05T10:00:00.000Z".to_owned());
    assert_eq!(derived(&supervisor, &named).await, (january.clone(), january));
    assert_eq!(ana.get(&format!("/cases/{named}")).await.expect(200).etag(), version, "what was right stays as it is");
    let (reached, ..) = days_to_first_contact(&supervisor).await;
    assert_eq!(reached, json!(2));
}

async fn amendment_of_a_contact_updates_derived_values(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"}))
        .await
        .expect(201);
    let mut first = contact(&ago(server, 2), true);
    first["minutes"] = json!(20);
    let note = ana.post(&format!("/cases/{case}/notes"), first).await.expect(201).id();
    let progress =
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "p"})).await.expect(201).id();
    let path = format!("/notes/{note}/amendments");
    let right = json!({
        "body": "It was by letter, a week before.", "occurred_at": ago(server, 9), "mode": "letter", "direction": "in",
        "minutes": 5,
    });
    ana.post(&path, right.clone()).await.expect(409);
    lock_notes(server);
    ana.post(&path, json!({"body": "b", "occurred_at": "2199-01-01T00:00:00Z"})).await.expect_fault(
        422,
        "/occurred_at",
        "in_the_future",
    );
    ana.post(&path, json!({"body": "b", "minutes": 1441})).await.expect(422);
    let client = ana.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
    ana.patch(&format!("/clients/{client}"), "*", json!({"date_of_birth": "2010-03-05"})).await.expect(200);
    ana.post(&path, json!({"body": "b", "occurred_at": "2010-03-04T09:00:00Z"})).await.expect_fault(
        422,
        "/occurred_at",
        "before_birth",
    );
    ana.post(&path, json!({"occurred_at": ago(server, 9)})).await.expect_fault(422, "/body", "required");
    ana.post(&format!("/notes/{progress}/amendments"), json!({"body": "b", "mode": "phone"})).await.expect_fault(
        422,
        "/mode",
        "not_allowed",
    );

    let key = [("idempotency-key", "amend-1")];
    let amended = ana.send("POST", &path, &key, Some(right.clone())).await.expect(201);
    let again = ana.send("POST", &path, &key, Some(right)).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &amended.body));
    // The client can see that the note was changed, and not only read.
    let sam = server.user(Role::Client);
    sam.link_to(&client);
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
        (&json!(ago(server, 9)), &json!("letter"), &json!("in"), &json!(5), &json!("b"))
    );
    assert_eq!(read["amendments"].as_array().unwrap().len(), 1);
    let amendment = &read["amendments"][0];
    assert_eq!(
        amendment["replaced"],
        json!({"occurred_at": ago(server, 2), "direction": "out", "mode": "phone", "minutes": 20})
    );
    assert_eq!(
        amendment["corrected"],
        json!({"occurred_at": ago(server, 9), "direction": "in", "mode": "letter", "minutes": 5})
    );
    assert_eq!(
        (&amendment["author_id"], &amendment["body"]),
        (&json!(ana.id()), &json!("It was by letter, a week before."))
    );
    // The list, the case, the reports, the file and the timeline show the correction.
    assert_eq!(ben.get(&format!("/cases/{case}/notes?kind=contact")).await.expect(200).body["items"][0], read);
    assert_eq!(derived(&supervisor, &case).await, (Some(ago(server, 9)), Some(ago(server, 9))));
    ana.post(&path, json!({"body": "Nobody was there.", "successful": false})).await.expect(201);
    assert_eq!(derived(&supervisor, &case).await, (None, None));
    assert_eq!(days_to_first_contact(&supervisor).await.0, json!(0));
    let file = supervisor.get(&format!("/cases/{case}/file")).await.expect(200).body;
    let story = file["story"].as_array().unwrap().iter().find(|line| line["event"] == "contact").unwrap();
    assert_eq!(
        (&story["at"], &story["words"]),
        (&json!(ago(server, 9)), &json!("Letter, to us; nobody was reached (corrected)."))
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
    let log = pages(&server.user(Role::Auditor), "/audit-events?action=note.corrected", 50).await;
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

async fn supervisor_corrects_a_note_after_its_author_left_the_case(server: &TestServer) {
    let (ana, ben, supervisor, admin) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
    );
    let mut notes = Vec::new();
    for lead in [&ana, &ana, &ben] {
        let case = lead.new_case().await;
        let note = lead.post(&format!("/cases/{case}/notes"), contact(&ago(server, 2), true)).await.expect(201).id();
        notes.push((case, format!("/notes/{note}/amendments")));
    }
    lock_notes(server);
    let right = |days| json!({"body": "The caller has called again.", "occurred_at": ago(server, days)});
    for (_, path) in &notes {
        supervisor.post(path, right(5)).await.expect(403);
        supervisor.post(path, json!({"body": "Only words."})).await.expect(201);
    }
    // The author leaves the case by handover, suspension and removal.
    supervisor
        .post(&format!("/cases/{}/assignments", notes[0].0), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    ana.post(&notes[0].1, right(5)).await.expect(404);
    ben.post(&notes[0].1, right(5)).await.expect(403);
    supervisor.post(&notes[0].1, right(5)).await.expect(201);
    supervisor.post(&notes[1].1, right(5)).await.expect(403);
    for status in ["suspended", "removed"] {
        admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": status})).await.expect(200);
        let days = if status == "removed" { 6 } else { 7 };
        let corrected = supervisor.post(&notes[1].1, right(days)).await.expect(201).body;
        assert_eq!(corrected["author_id"], json!(ana.id()));
        assert_eq!(derived(&supervisor, &notes[1].0).await.0, Some(ago(server, days)));
    }
    supervisor.post(&notes[2].1, right(5)).await.expect(403);
    server.user_of_other_org(Role::Supervisor).post(&notes[1].1, right(5)).await.expect(404);
    server
        .user_in(&server.org, &[server.new_team("South side")], Role::Supervisor)
        .post(&notes[1].1, right(5))
        .await
        .expect(404);
}

/// F34: a case names its lead and no other user, and a former lead does not learn who has it now.
async fn case_exposes_no_user_except_its_lead(server: &TestServer) {
    let (ana, ben, supervisor, admin) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
    );
    let (moved, kept) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    for case in [&moved, &kept] {
        supervisor
            .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
            .await
            .expect(201);
    }
    supervisor
        .post(&format!("/cases/{kept}/assignments"), json!({"user_id": ana.id(), "role": "co"}))
        .await
        .expect(201);
    let names = |body: &Value| {
        [&ana, &ben, &supervisor, &admin]
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
            ana.get(&path.replace(&moved, &TestServer::unknown_id())).await.expect(404).observed(),
            "{path}"
        );
    }
    for reader in [&ana, &supervisor, &admin, &server.user(Role::Integration)] {
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
    let server = TestServer::start(Engine::Sqlite).await;
    let up = include_str!("../../migrations/sqlite/2026-11-30-000071_derived_moments/up.sql");
    let (first, rest) = (up.find("CREATE TEMPORARY TABLE").unwrap(), up.find("UPDATE cases").unwrap());
    let changes: Vec<&str> = up[rest..].split("UPDATE cases").skip(1).collect();
    assert_eq!(changes.len(), 2);
    let alongside::db::Conn::Sqlite(mut conn) = server.database.open() else { panic!("not SQLite") };
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
