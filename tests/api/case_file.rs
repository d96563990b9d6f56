//! Case files: the complete file of a case in order, the client's version of it, and its exports.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, database::Engine, pages},
};
use alongside::{
    auth::Role,
    casework::{notes::model::NoteRow, tasks::model::TaskRow},
    db::schema,
    types::{Day, Id, Instant, Line},
};
use diesel::{Connection as _, RunQueryDsl as _, connection::SimpleConnection as _};
use serde_json::{Value, json};

const REASON: &str = "reason=The+client+asks+for+it.";

/// A case with records of every kind. Every text for staff contains STAFF, and every text that a client may receive
/// contains CLIENT.
struct CaseWithRecords {
    case: String,
    client: String,
}

impl CaseWithRecords {
    async fn make(ana: &User<'_>, supervisor: &User<'_>) -> Self {
        let case = active_case(ana, supervisor).await;
        let path = format!("/cases/{case}");
        let client = ana.get(&path).await.expect(200).body["client_id"].as_str().unwrap().to_owned();
        ana.patch(
            &path,
            "*",
            json!({
                "client_goal": "CLIENT-goal", "instruction": "non_instructed", "non_instructed_basis": "emergency",
                "non_instructed_reason": "STAFF-non-instructed", "intake_source": "other",
                "intake_source_text": "STAFF-intake", "priority": "urgent", "priority_reason": "STAFF-priority",
                "tags": ["STAFF-tag"],
            }),
        )
        .await
        .expect(200);
        let provider = ana.post("/providers", json!({"name": "STAFF-provider"})).await.expect(201).id();
        ana.post("/me/interests", json!({"provider_id": provider, "kind": "family", "details": "STAFF-interest"}))
            .await;
        let post = |path: String, body: Value| async move { ana.post(&path, body).await.expect(201).id() };
        let barrier = post(
            format!("{path}/barriers"),
            json!({
                "type": "other", "type_text": "STAFF-barrier-type", "bases": ["other"], "basis_text": "STAFF-basis",
                "description": "STAFF-barrier", "provider_id": provider,
            }),
        )
        .await;
        let first = json!({
            "type": "letter", "forum": "CLIENT-forum", "filed_on": "2026-01-20", "method": "fax",
            "external_reference": "STAFF-reference", "decision": "denied", "decided_on": "2026-01-28",
            "description": "STAFF-action", "late_filing": true, "good_cause": "STAFF-cause",
        });
        let first = post(format!("/barriers/{barrier}/actions"), first).await;
        let second = json!({
            "type": "letter", "forum": "CLIENT-second-forum", "parent_action_id": first,
            "escalation_reason": "STAFF-escalation",
        });
        let second = post(format!("{path}/actions"), second).await;
        post(
            format!("/actions/{second}/deadlines"),
            json!({
                "due_on": "2030-01-05", "time_zone": "America/Chicago", "source": "manual", "note": "STAFF-deadline",
            }),
        )
        .await;
        let mistake = post(format!("{path}/actions"), json!({"type": "letter", "forum": "STAFF-mistaken-forum"})).await;
        ana.patch(&format!("/actions/{mistake}"), "*", json!({"status": "entered_in_error"})).await.expect(200);
        let waived = post(
            format!("/actions/{first}/deadlines"),
            json!({"due_on": "2026-01-30", "time_zone": "America/Chicago", "source": "manual"}),
        )
        .await;
        ana.post(&format!("/deadlines/{waived}/waive"), json!({"reason": "STAFF-waiver"})).await.expect(201);
        let meeting = json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": "2026-02-02T15:00:00Z",
            "ends_at": "2026-02-02T16:00:00Z", "time_zone": "America/Chicago", "provider_id": provider,
            "place": "CLIENT-place", "purpose": "CLIENT-purpose",
            "participants": [{"name": "STAFF-third-party", "role": "STAFF-role", "party": "other"}],
        });
        let meeting = post(format!("{path}/meetings"), meeting).await;
        let item = post(
            format!("/meetings/{meeting}/preparation"),
            json!({"category": "purpose", "text": "STAFF-preparation", "owner": "advocate"}),
        )
        .await;
        ana.patch(&format!("/preparation-items/{item}"), "*", json!({"answer": "STAFF-answer", "done": true}))
            .await
            .expect(200);
        let held = json!({
            "status": "held", "who_spoke": "spoke_with_support", "outcomes": ["agreed_written_plan"],
            "summary": "STAFF-summary",
            "commitments": [{"party": "provider", "text": "CLIENT-promise", "due_on": "2026-02-09"}],
            "follow_up_tasks": [
                {"title": "STAFF-follow-up", "due_on": "2030-01-06", "description": "STAFF-follow-up-words"},
            ],
        });
        ana.post(&format!("/meetings/{meeting}/outcome"), held).await.expect(201);
        // Late in the evening of the meeting's day, in Chicago.
        post(
            format!("{path}/notes"),
            json!({
                "kind": "contact", "body": "STAFF-contact", "occurred_at": "2026-02-03T05:00:00Z", "direction": "out",
                "mode": "phone", "successful": true,
            }),
        )
        .await;
        for (kind, body) in
            [("progress", "STAFF-progress"), ("restricted", "STAFF-restricted"), ("supervision", "STAFF-supervision")]
        {
            post(format!("{path}/notes"), json!({"kind": kind, "body": body})).await;
        }
        post(
            format!("{path}/tasks"),
            json!({"title": "STAFF-task", "description": "STAFF-task-words", "due_on": "2030-01-07"}),
        )
        .await;
        let statement =
            post(format!("/clients/{client}/statements"), json!({"sections": {"needs": "CLIENT-needs"}})).await;
        ana.post(&format!("/statements/{statement}/approve"), json!({"approved_by": "client", "method": "phone"}))
            .await
            .expect(201);
        let on_hold = json!({
            "to": "on_hold", "reason": "STAFF-hold",
            "review_on": Day::today(&alongside::types::Zone::utc()).plus_days(30), "waive_deadlines": true,
        });
        ana.transition(&case, on_hold).await;
        let colleague = ana.server.user(Role::Advocate);
        let offer = ana
            .post(&format!("{path}/handovers"), json!({"to_user_id": colleague.id(), "note": "STAFF-handover"}))
            .await
            .expect(201);
        colleague.post(&format!("/handovers/{}/refuse", offer.id()), json!({"reason": "STAFF-refusal"})).await;
        Self { case, client }
    }
    fn path(&self) -> String {
        format!("/cases/{}/file", self.case)
    }
}

/// The exported file and its headers.
async fn printed(user: &User<'_>, case: &str, query: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let server = user.server;
    let url = format!("{}/api/v1/cases/{case}/file/print?{REASON}&{query}", server.base);
    let reply = server.http.get(url).bearer_auth(user.token()).send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    (reply.headers().clone(), reply.bytes().await.unwrap().to_vec())
}

async fn page(user: &User<'_>, case: &str, audience: &str) -> String {
    String::from_utf8(printed(user, case, &format!("format=html&for={audience}")).await.1).unwrap()
}

fn events(file: &Value) -> Vec<(&str, &str)> {
    let lines = file["story"].as_array().unwrap().iter();
    lines.map(|line| (line["on"].as_str().unwrap(), line["event"].as_str().unwrap())).collect()
}

/// The entries of the audit log about a record, oldest first.
async fn entries_of(server: &TestServer, subject: &str) -> Vec<Value> {
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    entries.into_iter().filter(|entry| entry["subject_id"] == subject).collect()
}

on_both_engines! {
    case_file_contains_every_event_in_order,
    clients_case_file_contains_no_staff_content,
    recipients_case_file_contains_less_than_the_clients,
    case_file_is_visible_only_to_users_who_see_its_case,
    case_file_shows_readable_notes_with_their_amendments,
    case_file_export_requires_a_reason_and_a_recent_password,
    break_glass_access_reads_a_case_file_but_cannot_export_it,
    large_case_file_shows_the_newest_records_and_counts_the_rest,
}

async fn case_file_contains_every_event_in_order(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let work = CaseWithRecords::make(&ana, &supervisor).await;
    let file = supervisor.get(&work.path()).await.expect(200).body;
    assert_eq!((&file["reader"], &file["time_zone"]), (&json!("supervision"), &json!("America/Chicago")));
    assert_eq!(
        (&file["case"]["client"]["preferred_name"], &file["case"]["lead_advocate"]["display_name"]),
        (&json!("Sam"), &json!("A advocate"))
    );
    let text = file.to_string();
    for words in [
        "STAFF-barrier",
        "STAFF-basis",
        "STAFF-action",
        "STAFF-escalation",
        "STAFF-cause",
        "STAFF-deadline",
        "STAFF-waiver",
        "STAFF-summary",
        "STAFF-third-party",
        "STAFF-contact",
        "STAFF-progress",
        "STAFF-restricted",
        "STAFF-supervision",
        "STAFF-task",
        "STAFF-follow-up",
        "STAFF-provider",
        "CLIENT-promise",
        "CLIENT-needs",
    ] {
        assert!(text.contains(words), "{words} is not in the file");
    }
    for words in ["STAFF-interest", "STAFF-handover", "STAFF-refusal", "conflict_check_id"] {
        assert!(!text.contains(words), "{words} is in the file");
    }
    let ladder = &file["barriers"][0];
    assert_eq!(
        (&ladder["barrier"]["description"], &ladder["actions"][0]["action"]["decision"]),
        (&json!("STAFF-barrier"), &json!("denied"))
    );
    assert_eq!(ladder["actions"][0]["deadlines"][0]["excused_reason"], "STAFF-waiver");
    let others: Vec<&Value> = file["actions"].as_array().unwrap().iter().map(|file| &file["action"]["forum"]).collect();
    assert_eq!(others, ["CLIENT-second-forum", "STAFF-mistaken-forum"]);
    assert_eq!(
        (&file["meetings"][0]["commitments"][0]["text"], &file["meetings"][0]["who_spoke"]),
        (&json!("CLIENT-promise"), &json!("spoke_with_support"))
    );
    assert!(file["meetings"][0]["readiness"]["ratio"].is_number());
    assert!(file["left_out"].as_object().unwrap().values().all(|count| *count == 0));
    assert_eq!(
        file["transitions"].as_array().unwrap().len(),
        pages(&supervisor, &format!("/cases/{}/transitions", work.case), 50).await.len()
    );
    assert_eq!(file["people"].as_array().unwrap().len(), 2);

    let observed = events(&file);
    let today = observed.iter().find(|(_, event)| *event == "case_opened").unwrap().0;
    // An action that was withdrawn as a mistake did not happen, and a waived deadline was not due.
    assert_eq!(
        observed[..4],
        [
            ("2026-01-20", "action_filed"),
            ("2026-01-28", "action_decided"),
            ("2026-02-02", "meeting_held"),
            ("2026-02-02", "contact")
        ]
    );
    assert_eq!(
        observed[4..8],
        [(today, "case_opened"), (today, "case_moved"), (today, "case_moved"), (today, "case_moved")]
    );
    assert_eq!(observed[8], (today, "barrier_opened"));
    assert_eq!(observed.last(), Some(&("2030-01-05", "deadline_due")));
    let again = ana.get(&format!("{}?reader=supervision", work.path())).await.expect(200).body;
    assert_eq!(again["story"], file["story"]);
}

async fn clients_case_file_contains_no_staff_content(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let work = CaseWithRecords::make(&ana, &supervisor).await;
    for user in [&ana, &supervisor] {
        let file = user.get(&format!("{}?reader=client", work.path())).await.expect(200).body;
        let (text, page) = (file.to_string(), page(user, &work.case, "client").await);
        for shown in [&text, &page] {
            assert!(!shown.contains("STAFF"), "{shown}");
            for words in [
                "CLIENT-goal",
                "CLIENT-forum",
                "CLIENT-second-forum",
                "CLIENT-place",
                "CLIENT-purpose",
                "CLIENT-promise",
                "CLIENT-needs",
            ] {
                assert!(shown.contains(words), "{words}: {shown}");
            }
        }
        for id in [ana.id(), supervisor.id()] {
            assert!(!text.contains(&id), "an id of somebody here: {text}");
        }
        assert_eq!(
            (&file["reader"], &file["name"], &file["case"]["lead_advocate"]),
            (&json!("client"), &json!("Sam"), &json!("A advocate"))
        );
        assert_eq!(
            file["contacts"],
            json!([{"at": "2026-02-03T05:00:00.000Z", "direction": "out", "mode": "phone", "successful": true}])
        );
        let observed = events(&file);
        assert_eq!(
            observed[..4],
            [
                ("2026-01-20", "action_filed"),
                ("2026-01-28", "action_decided"),
                ("2026-02-02", "meeting_held"),
                ("2026-02-02", "contact")
            ]
        );
        assert!(
            page.contains("<h1>Your case</h1>") && page.contains("They promised by 9 February 2026: CLIENT-promise")
        );
    }
}

/// Less than the client's own version: content without a known consent is left out.
async fn recipients_case_file_contains_less_than_the_clients(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let work = CaseWithRecords::make(&ana, &supervisor).await;
    let query = "format=html&for=recipient&recipient=Riverside+Clinic&purpose=treatment";
    let (before, (_, shown)) =
        (entries_of(server, &work.case).await.len(), printed(&supervisor, &work.case, query).await);
    let shown = String::from_utf8(shown).unwrap();
    assert!(!shown.contains("STAFF"), "{shown}");
    for words in ["CLIENT-goal", "CLIENT-forum", "CLIENT-second-forum", "CLIENT-purpose", "CLIENT-promise"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for words in [
        "CLIENT-needs",
        "CLIENT-place",
        "The client asks for it",
        "There was a contact",
        "What happened, in order",
        "your case",
    ] {
        assert!(!shown.contains(words), "{words}: {shown}");
    }
    // Content that is left out is not read either: the client's access log lists what was read.
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    let theirs: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["actor_id"] == json!(supervisor.id()))
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert!(theirs.contains(&"barrier.listed") && theirs.contains(&"meeting.listed"), "{theirs:?}");
    assert!(!theirs.contains(&"note.listed") && !theirs.contains(&"statement.listed"), "{theirs:?}");
    let exported: Vec<Value> = entries_of(server, &work.case)
        .await
        .split_off(before)
        .into_iter()
        .filter(|entry| entry["action"] == "case.file_exported")
        .collect();
    assert_eq!((exported.len(), &exported[0]["fields"]), (1, &json!(["recipient", "html"])));
}

async fn case_file_is_visible_only_to_users_who_see_its_case(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    let south = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let paths = [
        format!("/cases/{case}/file"),
        format!("/cases/{case}/file?reader=client"),
        format!("/cases/{case}/file/print?{REASON}&for=client"),
    ];
    for path in &paths {
        for stranger in
            [&ben, &server.user_of_other_org(Role::Supervisor), &server.user_of_other_org(Role::Advocate), &south]
        {
            let refused = stranger.get(path).await.expect(404).observed();
            assert_eq!(
                refused,
                stranger.get(&path.replace(&case, &TestServer::unknown_id())).await.expect(404).observed()
            );
        }
        for role in [Role::Admin, Role::Auditor, Role::Integration, Role::Client] {
            server.user(role).get(path).await.expect(403);
        }
        supervisor.get(path).await.expect(200);
    }
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    ana.get(&paths[0]).await.expect(404);
    ben.get(&paths[0]).await.expect(200);
    server.anyone("GET", &format!("/api/v1{}", paths[0]), None).await.expect(401);
}

async fn case_file_shows_readable_notes_with_their_amendments(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"}))
        .await
        .expect(201);
    for (user, kind) in [(&ana, "progress"), (&ana, "restricted"), (&supervisor, "supervision")] {
        user.post(&format!("/cases/{case}/notes"), json!({"kind": kind, "body": kind})).await.expect(201);
    }
    for (user, kinds) in [
        (&ana, vec!["progress", "restricted"]),
        (&ben, vec!["progress"]),
        (&supervisor, vec!["progress", "restricted", "supervision"]),
    ] {
        let file = user.get(&format!("/cases/{case}/file")).await.expect(200).body;
        let shown: Vec<&Value> = file["notes"].as_array().unwrap().iter().map(|note| &note["kind"]).collect();
        assert_eq!(shown, kinds);
        assert_eq!(file["left_out"]["notes"], 0, "what is not theirs to know of is not counted");
        let page = page(user, &case, "internal").await;
        assert_eq!(
            (page.contains("restricted</p>"), page.contains("supervision</p>")),
            (kinds.contains(&"restricted"), kinds.contains(&"supervision"))
        );
    }
    let yesterday = Instant::now().plus_seconds(-25 * 3600);
    let sql = match server.engine {
        Engine::Sqlite => format!("UPDATE notes SET created_at = {}", yesterday.micros()),
        Engine::Postgres => format!("UPDATE notes SET created_at = '{yesterday}'"),
    };
    server.database.open().batch_execute(&sql).unwrap();
    let note = ana.get(&format!("/cases/{case}/file")).await.body["notes"][0]["id"].as_str().unwrap().to_owned();
    ben.post(&format!("/notes/{note}/amendments"), json!({"body": "It was Tuesday."})).await.expect(201);
    let file = supervisor.get(&format!("/cases/{case}/file")).await.expect(200).body;
    assert_eq!(
        (&file["notes"][0]["amendments"][0]["body"], &file["notes"][0]["amendments"][0]["author_id"]),
        (&json!("It was Tuesday."), &json!(ben.id()))
    );
    assert!(page(&supervisor, &case, "internal").await.contains("by A advocate: It was Tuesday."));

    // A case that was entered in error is shown as such, as in the case itself.
    server
        .user(Role::Admin)
        .transition(&case, json!({"to": "entered_in_error", "reason": "The wrong person."}))
        .await
        .expect(201);
    assert_eq!(
        supervisor.get(&format!("/cases/{case}/file")).await.expect(200).body["case"]["status"],
        "entered_in_error"
    );
    assert_eq!(
        supervisor.get(&format!("/cases/{case}/file?reader=client")).await.expect(200).body["case"]["status_in_words"],
        "It was entered by mistake."
    );
}

async fn case_file_export_requires_a_reason_and_a_recent_password(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let work = CaseWithRecords::make(&ana, &supervisor).await;
    let path = format!("{}/print", work.path());
    ana.get(&format!("{path}?for=client")).await.expect_fault(400, "reason", "required");
    ana.get(&format!("{path}?for=client&reason=+")).await.expect_fault(400, "reason", "invalid");
    ana.get(&format!("{path}?for=client&reason={}", "x".repeat(501))).await.expect_fault(400, "reason", "invalid");
    ana.get(&format!("{path}?{REASON}&for=press")).await.expect_fault(400, "for", "invalid");
    ana.get(&format!("{path}?{REASON}&for=client&paper=a4")).await.expect_fault(400, "paper", "unknown_parameter");
    ana.get(&format!("{}?reason=x", work.path())).await.expect_fault(400, "reason", "unknown_parameter");
    ana.send("GET", &format!("{path}?{REASON}&for=client"), &[("accept", "application/json")], None).await.expect(406);
    let stale = server.user_with_old_password_entry(Role::Supervisor);
    stale.get(&work.path()).await.expect(200);
    assert_eq!(
        stale.get(&format!("{path}?{REASON}&for=client")).await.expect(403).body["code"],
        "reauthentication_required"
    );

    for (query, kind) in [
        ("for=internal", "application/pdf"),
        ("for=internal&format=html", "text/html; charset=utf-8"),
        ("for=client", "application/pdf"),
    ] {
        let (headers, file) = printed(&ana, &work.case, query).await;
        let header = |name: &str| headers[name].to_str().unwrap();
        assert_eq!((header("content-type"), header("cache-control")), (kind, "no-store"));
        assert!(header("content-disposition").starts_with("attachment; filename=\"document-"));
        assert_eq!(file.starts_with(b"%PDF-1.7"), kind == "application/pdf");
    }
    let whole = page(&supervisor, &work.case, "internal").await;
    for part in [
        "For those who work in the case",
        "Printed by A supervisor on",
        "Reason: The client asks for it.",
        "STAFF-restricted",
        "<h2>Still to come</h2>",
        "20 January 2026\n– Filed: ",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    assert!(!page(&supervisor, &work.case, "client").await.contains("The client asks for it."));

    let entries = entries_of(server, &work.case).await;
    let of = |action: &str| {
        entries
            .iter()
            .filter(|entry| entry["action"] == action)
            .map(|entry| entry["fields"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("case.file_read"), [json!(["supervision", "json"])]);
    assert_eq!(
        of("case.file_exported"),
        [
            json!(["internal", "pdf"]),
            json!(["internal", "html"]),
            json!(["client", "pdf"]),
            json!(["internal", "html"]),
            json!(["client", "html"])
        ]
    );
    let all = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    assert!(!json!(all).to_string().contains("asks for it"), "the audit log holds nobody's words");
    for action in [
        "barrier.listed",
        "action.listed",
        "deadline.listed",
        "meeting.listed",
        "commitment.listed",
        "note.listed",
        "task.listed",
        "statement.listed",
    ] {
        assert!(all.iter().any(|entry| entry["action"] == action && entry["actor_id"] == supervisor.id()), "{action}");
    }
    // The client can see who has read the file and who has exported it.
    let sam = server.user(Role::Client);
    sam.link_to(&work.client);
    let log = pages(&sam, &format!("/clients/{}/access-log", work.client), 200).await;
    for (action, who) in [("case.file_read", &stale), ("case.file_exported", &ana), ("case.file_exported", &supervisor)]
    {
        assert!(log.iter().any(|entry| entry["action"] == action && entry["actor"]["id"] == who.id()), "{action}");
    }
}

async fn break_glass_access_reads_a_case_file_but_cannot_export_it(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let stranger = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let case = active_case(&ana, &supervisor).await;
    stranger.post("/break-glass", json!({"case_id": case, "reason": "The lead cannot be reached."})).await.expect(201);
    stranger.get(&format!("/cases/{case}/file")).await.expect(200);
    stranger.get(&format!("/cases/{case}/file?reader=client")).await.expect(200);
    stranger.get(&format!("/cases/{case}/file/print?{REASON}&for=internal")).await.expect(403);
    let entries = entries_of(server, &case).await;
    let looks: Vec<&Value> =
        entries.iter().filter(|entry| entry["action"] == "case.file_read").map(|entry| &entry["fields"]).collect();
    assert_eq!(looks, [&json!(["break_glass", "supervision", "json"]), &json!(["break_glass", "client", "json"])]);
    assert!(entries.iter().all(|entry| entry["action"] != "case.file_exported"));
}

async fn large_case_file_shows_the_newest_records_and_counts_the_rest(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let note = ana
        .post(
            &format!("/cases/{case}/notes"),
            json!({
                "kind": "contact", "body": "x".repeat(99_000), "occurred_at": "2026-02-03T05:00:00Z", "direction": "in",
                "mode": "letter", "successful": true,
            }),
        )
        .await
        .expect(201);
    let (organization, case_id, author) = (ana.actor.organization, Id::parse(&case).unwrap(), ana.actor.user);
    server
        .database
        .open()
        .transaction(|conn| {
            let first = Day::parse("2026-01-05").unwrap();
            for number in 0..2_003 {
                let row = TaskRow::new(
                    organization,
                    case_id,
                    author,
                    Line::parse(format!("Task {number}")).unwrap(),
                    first.plus_days(number),
                );
                diesel::insert_into(schema::tasks::table).values(&row).execute(conn)?;
            }
            let new = serde_json::from_value(json!({
                "kind": "contact", "body": "y".repeat(99_000), "direction": "in", "mode": "letter", "successful": true,
            }))
            .unwrap();
            for _ in 0..24 {
                let row = NoteRow::new(organization, case_id, author, &new);
                diesel::insert_into(schema::notes::table).values(&row).execute(conn)?;
            }
            diesel::result::QueryResult::Ok(())
        })
        .unwrap();
    let file = supervisor.get(&format!("/cases/{case}/file")).await.expect(200).body;
    let tasks = file["tasks"].as_array().unwrap();
    assert_eq!(
        (tasks.len(), &tasks[0]["title"], &tasks[1_999]["title"], &file["left_out"]["tasks"]),
        (2_000, &json!("Task 3"), &json!("Task 2002"), &json!(3))
    );
    let notes = file["notes"].as_array().unwrap();
    assert_eq!((notes.len(), &file["left_out"]["notes"]), (20, &json!(5)));
    assert!(notes.iter().all(|shown| shown["id"] != note.id()), "the oldest is left out");
    let client = supervisor.get(&format!("/cases/{case}/file?reader=client")).await.expect(200).body;
    assert_eq!(
        (client["contacts"].as_array().unwrap().len(), &client["left_out"]["contacts"]),
        (25, &json!(0)),
        "of a contact no text is shown"
    );
    // Each entry of the audit log has at most two hundred ids.
    let listed = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 200).await;
    let listed: Vec<usize> = listed
        .iter()
        .filter(|entry| entry["action"] == "task.listed")
        .map(|entry| entry["subject_ids"].as_array().unwrap().len())
        .collect();
    assert_eq!(listed, [200; 10]);
    let page = page(&supervisor, &case, "internal").await;
    assert!(page.contains("This is not all. Older records are left out: 5 notes, 3 tasks."));
}
