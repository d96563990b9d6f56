//! Search: what is found, how it is shown, and what must never be found.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, database::Engine, pages},
};
use alongside::{auth::Role, db::Db, overview::search::indexer};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The results for `user`, best first, as `kind id`.
async fn found(user: &User<'_>, query: &str) -> Vec<String> {
    let items = pages(user, &format!("/search?q={query}"), 50).await;
    items.iter().map(|item| format!("{} {}", item["kind"].as_str().unwrap(), item["id"].as_str().unwrap())).collect()
}

/// The ids of the records that a list returns for `q`.
async fn listed(user: &User<'_>, list: &str, q: &str) -> Vec<String> {
    let items = pages(user, &format!("/{list}?q={}", encoded(q)), 50).await;
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn encoded(q: &str) -> String {
    form_urlencoded::byte_serialize(q.as_bytes()).collect()
}

/// Puts every document into its index segment, as the server does once there are many.
async fn index_now(server: &TestServer) {
    let db = server.open_db();
    tokio::task::spawn_blocking(move || indexer::index_all_blocking(&db)).await.unwrap().unwrap();
}

fn run(server: &TestServer, sql: &str) {
    alongside::on_engine!(&mut server.database.open(), |c| c.batch_execute(sql)).unwrap();
}

fn meeting(purpose: &str) -> Value {
    json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": "2026-01-05T10:00:00Z",
        "ends_at": "2026-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": purpose,
        "participants": [{"name": "Dr. Quillon", "party": "provider"}],
    })
}

/// One record of each of `ana`'s kinds with the word `zebra`. Returns the search results and the case.
async fn one_of_each(ana: &User<'_>, supervisor: &User<'_>) -> (BTreeSet<String>, String) {
    let client = ana
        .post("/clients", json!({"preferred_name": "Zebra Núñez", "legal_name": "José Núñez"}))
        .await
        .expect(201)
        .id();
    let body = json!({
        "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "A zebra of my own.",
    });
    let case = ana.post("/cases", body).await.expect(201).id();
    supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
    supervisor
        .transition(&case, json!({"to": "accepted", "client_agreement": true, "conflict_check": true}))
        .await
        .expect(201);
    ana.transition(&case, json!({"to": "active", "first_contact": "2026-01-05T10:00:00Z"})).await.expect(201);
    let mut all = BTreeSet::from([format!("client {client}"), format!("case {case}")]);
    for (kind, path, body) in [
        ("barrier", "barriers", json!({"type": "cost", "description": "No zebra without a deposit."})),
        ("meeting", "meetings", meeting("Ask for the zebra.")),
        ("note", "notes", json!({"kind": "progress", "body": "Spoke of the zebra."})),
    ] {
        all.insert(format!("{kind} {}", ana.post(&format!("/cases/{case}/{path}"), body).await.expect(201).id()));
    }
    (all, case)
}

on_both_engines! {
    every_record_kind_is_found_by_word_prefix,
    client_is_found_by_any_spelling_of_the_name,
    client_is_found_by_other_fields_of_the_record,
    list_filters_use_the_same_folding_as_search,
    text_folded_by_an_older_version_is_refolded_before_search,
    search_result_title_is_the_code_label,
    search_matches_are_marked_and_other_text_is_escaped,
    search_returns_only_records_visible_to_the_caller,
    restricted_notes_are_found_only_by_their_readers,
    search_finds_current_text_and_not_replaced_text,
    search_pages_have_each_record_once_sorted_by_score,
    client_is_found_even_if_many_notes_match,
    unusual_search_queries_are_refused_or_find_nothing,
    records_created_before_search_existed_are_found,
    search_audit_entry_has_result_ids_and_no_query_text,
}

async fn every_record_kind_is_found_by_word_prefix(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (all, case) = one_of_each(&ana, &supervisor).await;
    let number = ana.get(&format!("/cases/{case}")).await.expect(200).body["case_number"].as_str().unwrap().to_owned();
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        for user in [&ana, &supervisor] {
            for query in ["zebra", "ZEB", "ze", "z%C3%A9bra", "%22zebra*"] {
                assert_eq!(
                    found(user, query).await.into_iter().collect::<BTreeSet<_>>(),
                    all,
                    "{query}, indexed: {indexed}"
                );
            }
            assert_eq!(found(user, "jose+nunez").await.len(), 1, "accents make no difference");
            assert_eq!(found(user, "Jose%CC%81").await, found(user, "jos%C3%A9").await);
            assert_eq!(found(user, "deposit+zebra").await.len(), 1, "every word must be there");
            assert_eq!(found(user, "quillon").await.len(), 1, "who takes part in a meeting");
            assert_eq!(found(user, &number).await, [format!("case {case}")]);
            assert_eq!(found(user, "ebra").await, [""; 0], "only beginnings");
            assert_eq!(found(user, "zebra&kind=note,barrier").await.len(), 2);
            assert_eq!(found(user, "zebra&kind=client").await.len(), 1);
        }
    }
    let best = supervisor.get("/search?q=zebra&limit=1").await.expect(200).body["items"][0].clone();
    assert_eq!(
        (&best["kind"], &best["title"], best["case_id"].is_null()),
        (&json!("client"), &json!("Zebra Núñez"), true)
    );
    assert_eq!(best["snippet"], "<mark>Zebra</mark> Núñez José Núñez");
    let inside = supervisor.get("/search?q=deposit").await.expect(200).body["items"][0].clone();
    assert_eq!((&inside["case_id"], &inside["title"]), (&json!(case), &json!("Cost")));
}

async fn client_is_found_by_any_spelling_of_the_name(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let names: [(&str, &[&str]); 16] = [
        ("Łukasz Żółć", &["lukasz", "ŁUKASZ", "zolc lukasz", "lu"]),
        ("Søren", &["soren", "SØREN", "soeren"]),
        ("Đặng Hoà", &["dang", "đặng", "hoa dang"]),
        ("Groß", &["gross", "GROẞ"]),
        ("Işıl", &["isil", "İSİL", "ışıl"]),
        ("Œuvrard", &["oeuvrard"]),
        ("ÉMILE Zola", &["émile zola", "emile zola", "ZOLA ÉM"]),
        ("Émile durand", &["émile durand", "EMILE DUR"]),
        ("O'Brien", &["obrien", "o'brien", "o brien", "O’Brien"]),
        ("Smith-Jones", &["smithjones", "smith jones", "jones", "jones smith"]),
        ("Mary-Jane", &["maryjane", "mary jane"]),
        ("De la Cruz", &["dela cruz", "delacruz", "cruz"]),
        ("王小明", &["王", "小明", "明", "王小明"]),
        ("สมชาย", &["ชาย", "สม"]),
        ("أحمد", &["احمد"]),
        ("김민수", &["김", "민수"]),
    ];
    let mut all = Vec::new();
    for (name, questions) in names {
        all.push((ana.post("/clients", json!({"preferred_name": name})).await.expect(201).id(), questions));
    }
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        for (id, questions) in &all {
            for q in *questions {
                for user in [&ana, &supervisor] {
                    assert_eq!(found(user, &encoded(q)).await, [format!("client {id}")], "{q}, indexed: {indexed}");
                    assert_eq!(listed(user, "clients", q).await, [id.as_str()], "the list by {q}");
                }
            }
        }
        // Both records with the name are found, in upper or lower case.
        for q in ["émile", "emile", "ÉMILE", "E\u{301}mile"] {
            assert_eq!(
                (found(&supervisor, &encoded(q)).await.len(), listed(&supervisor, "clients", q).await.len()),
                (2, 2),
                "{q}"
            );
        }
        for q in ["obriens", "小王", "mueller"] {
            assert_eq!(found(&supervisor, &encoded(q)).await, [""; 0], "{q}");
        }
        // For a list, a part of a word is enough.
        assert_eq!(listed(&supervisor, "clients", "kas").await, [all[0].0.as_str()]);
        assert_eq!(listed(&supervisor, "clients", "!?").await, [""; 0]);
    }
}

async fn client_is_found_by_other_fields_of_the_record(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client = json!({
        "preferred_name": "Sam", "legal_name": "Samuel Quillfeather", "phone": "+1 555 010-0199",
        "email": "sam.q@example.org", "date_of_birth": "1990-05-17",
    });
    let client = ana.post("/clients", client).await.expect(201).id();
    ana.post("/clients", json!({"preferred_name": "Alex", "phone": "+1 555 010-0142", "date_of_birth": "1991-05-17"}))
        .await
        .expect(201);
    let body = json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "A goal."});
    let case = ana.post("/cases", body).await.expect(201);
    let number = case.body["case_number"].as_str().unwrap().to_owned();
    let (year, counted) = number.split_once('-').unwrap();
    let short = format!("{year}-{}", counted.trim_start_matches('0'));
    let south = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    let others = [south, server.user(Role::Advocate)];
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        for user in [&ana, &supervisor] {
            for q in [
                "quillfeather",
                "sam quill",
                "15550100199",
                "555 010 0199",
                "(555) 010-0199",
                "5550100199",
                "0199",
                "sam.q@example.org",
                "1990-05-17",
                "17.05.1990",
                "5/17/1990",
            ] {
                assert_eq!(found(user, &encoded(q)).await, [format!("client {client}")], "{q}, indexed: {indexed}");
                assert_eq!(listed(user, "clients", q).await, [client.as_str()], "the list by {q}");
                assert_eq!(listed(user, "cases", q).await, [case.id().as_str()], "the cases by {q}");
            }
            for q in [number.as_str(), &short, &number.replace('-', "")] {
                assert_eq!(found(user, &encoded(q)).await, [format!("case {}", case.id())], "{q}");
                assert_eq!(listed(user, "cases", q).await, [case.id().as_str()], "the cases by {q}");
            }
            assert_eq!(listed(user, "cases", "goal sam").await, [case.id().as_str()], "a word of each");
        }
        for user in &others {
            for q in ["quillfeather", "15550100199", "sam.q@example.org", "1990-05-17"] {
                assert_eq!(
                    (
                        found(user, &encoded(q)).await.len(),
                        listed(user, "clients", q).await.len(),
                        listed(user, "cases", q).await.len()
                    ),
                    (0, 0, 0),
                    "{q}"
                );
            }
        }
    }
    // A role that sees no clients finds no case by one.
    server.user(Role::Admin).get("/cases?q=5550100199").await.expect(403);
    // A value that was removed from the record is no longer found.
    ana.patch(&format!("/clients/{client}"), "*", json!({"phone": null, "date_of_birth": null, "email": null}))
        .await
        .expect(200);
    for q in ["15550100199", "sam.q@example.org", "1990-05-17"] {
        assert_eq!(
            (found(&supervisor, &encoded(q)).await.len(), listed(&supervisor, "clients", q).await.len()),
            (0, 0),
            "{q}"
        );
    }
}

async fn list_filters_use_the_same_folding_as_search(server: &TestServer) {
    let (supervisor, admin) = (server.user(Role::Supervisor), server.user(Role::Admin));
    let clinic = supervisor
        .post("/providers", json!({"name": "Clínica O’Higgins", "alternate_name": "Łódź Müller-Haus"}))
        .await
        .expect(201)
        .id();
    supervisor.post("/providers", json!({"name": "Elsewhere"})).await.expect(201);
    let service = supervisor
        .post("/services", json!({"name": "Détox-Ambulanz", "provider_id": clinic, "status": "active"}))
        .await
        .expect(201)
        .id();
    for q in
        ["clinica", "CLÍNICA", "ohiggins", "o'higgins", "lodz", "muellerhaus", "muller haus", "higgins clin", "iggin"]
    {
        assert_eq!(listed(&supervisor, "providers", q).await, [clinic.as_str()], "{q}");
    }
    for q in ["detox", "DÉTOX", "detoxambulanz", "ambulanz detox"] {
        assert_eq!(listed(&supervisor, "services", q).await, [service.as_str()], "{q}");
    }
    supervisor
        .patch(&format!("/providers/{clinic}"), "*", json!({"name": "Åbo", "alternate_name": null}))
        .await
        .expect(200);
    assert_eq!(
        (listed(&supervisor, "providers", "abo").await.len(), listed(&supervisor, "providers", "clinica").await.len()),
        (1, 0)
    );
    let terms = json!({
        "name": "Réponse de l’hôpital", "jurisdiction": "us_il", "scheme": "other", "action_type": "letter",
        "trigger": "request_received", "amount": 10, "unit": "business_day", "bound": "exact", "weekend_rule": "none",
        "holiday_calendar": "us_federal", "party": "other_side", "statutory": false, "effective_from": "2020-01-01",
        "last_verified_on": "2026-01-05",
    });
    let rule = admin.post("/deadline-rules", terms).await.expect(201).id();
    for q in ["reponse", "lhopital", "hopital reponse"] {
        assert_eq!(listed(&supervisor, "deadline-rules", q).await, [rule.as_str()], "{q}");
    }
}

async fn text_folded_by_an_older_version_is_refolded_before_search(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client =
        ana.post("/clients", json!({"preferred_name": "Łukasz", "phone": "+1 555 010-0199"})).await.expect(201).id();
    let clinic = supervisor.post("/providers", json!({"name": "Źródło"})).await.expect(201).id();
    let case = active_case(&ana, &supervisor).await;
    let barrier = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "prior_auth_denial", "description": "It’s denied."}))
        .await
        .expect(201)
        .id();
    index_now(server).await;
    run(server, "UPDATE search_documents SET words = ' łukasz ' WHERE kind = 'client'");
    run(
        server,
        "UPDATE search_documents SET title = 'Prior auth denial', words = ' auth denial prior ' WHERE kind = 'barrier'",
    );
    run(server, "DELETE FROM search_words");
    run(server, "UPDATE providers SET words = ''");
    run(server, "INSERT INTO search_refolds (organization_id) SELECT id FROM organizations");
    assert_eq!(
        (found(&supervisor, "lukasz").await.len(), listed(&supervisor, "providers", "zrodlo").await.len()),
        (0, 0)
    );
    let db = server.open_db();
    let again = db.clone();
    let reindex = move |db: Db| tokio::task::spawn_blocking(move || indexer::reindex_blocking(&db));
    assert!(reindex(db).await.unwrap().unwrap() > 0);
    assert_eq!(reindex(again).await.unwrap().unwrap(), 0, "once");
    for user in [&ana, &supervisor] {
        for q in ["lukasz", "5550100199"] {
            assert_eq!(found(user, q).await, [format!("client {client}")], "{q}");
        }
        assert_eq!(listed(user, "providers", "zrodlo").await, [clinic.as_str()]);
        assert_eq!(found(user, "authorization").await, [format!("barrier {barrier}")], "by the label of its code");
    }
}

async fn search_result_title_is_the_code_label(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "prior_auth_denial", "description": "A heron."}))
        .await
        .expect(201);
    let mut talk = meeting("A heron.");
    talk["type"] = json!("prep_session");
    ana.post(&format!("/cases/{case}/meetings"), talk).await.expect(201);
    let titles: BTreeSet<String> = pages(&supervisor, "/search?q=heron", 50)
        .await
        .iter()
        .map(|item| item["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(titles, ["Preparation session", "Prior authorization denied"].map(str::to_owned).into());
}

async fn search_matches_are_marked_and_other_text_is_escaped(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    ana.post(
        &format!("/cases/{case}/notes"),
        json!({"kind": "progress", "body": "<script>alert(\"needle\")</script> & 'more'"}),
    )
    .await
    .expect(201);
    let item = ana.get("/search?q=needle").await.expect(200).body["items"][0].clone();
    assert_eq!(
        item["snippet"],
        "&lt;script&gt;alert(&quot;<mark>needle</mark>&quot;)&lt;/script&gt; &amp; &#39;more&#39;"
    );
}

async fn search_returns_only_records_visible_to_the_caller(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let south = server.new_team("South side");
    let elsewhere = server.user_in(&server.org, &[south], Role::Supervisor);
    let user_of_other_org = server.user_of_other_org(Role::Supervisor);
    let (all, case) = one_of_each(&ana, &supervisor).await;
    // They have index segments of their own, which contain the word.
    let theirs = user_of_other_org.post("/clients", json!({"preferred_name": "Zebra"})).await.expect(201).id();
    let of_south = elsewhere.post("/clients", json!({"preferred_name": "Zebra"})).await.expect(201).id();
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        assert_eq!(found(&ben, "zebra").await, [""; 0], "indexed: {indexed}");
        assert_eq!(found(&elsewhere, "zebra").await, [format!("client {of_south}")]);
        assert_eq!(found(&user_of_other_org, "zebra").await, [format!("client {theirs}")]);
        assert_eq!(found(&supervisor, "zebra").await.into_iter().collect::<BTreeSet<_>>(), all);
        let counted = elsewhere.get("/search?q=zebra&include_total=true").await.expect(200);
        assert_eq!((&counted.body["total"], &counted.body["page"]["has_more"]), (&json!(1), &json!(false)));
    }
    for role in [Role::Admin, Role::Auditor, Role::Client, Role::Integration] {
        server.user(role).get("/search?q=zebra").await.expect(403);
    }
    // The case goes to another lead, with all its records.
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    assert_eq!(found(&ana, "zebra").await, [""; 0]);
    assert_eq!(found(&ben, "zebra").await.into_iter().collect::<BTreeSet<_>>(), all);
    // The same for a case that was entered in error: the users who saw it still see it.
    server
        .user(Role::Admin)
        .transition(&case, json!({"to": "entered_in_error", "reason": "Entered twice."}))
        .await
        .expect(201);
    assert_eq!(found(&ben, "zebra").await.len(), all.len());
    assert_eq!(found(&elsewhere, "zebra").await.len(), 1);
}

async fn restricted_notes_are_found_only_by_their_readers(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "co"}))
        .await
        .expect(201);
    for kind in ["restricted", "supervision"] {
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": kind, "body": "A walrus between us."}))
            .await
            .expect(201);
    }
    let open = ana
        .post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "A walrus for all."}))
        .await
        .expect(201)
        .id();
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        assert_eq!(found(&ben, "walrus").await, [format!("note {open}")]);
        assert_eq!(ben.get("/search?q=between").await.expect(200).body["items"], json!([]));
        assert_eq!((found(&ana, "walrus").await.len(), found(&supervisor, "walrus").await.len()), (3, 3));
    }
}

async fn search_finds_current_text_and_not_replaced_text(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (_, case) = one_of_each(&ana, &supervisor).await;
    index_now(server).await;
    let id = |kind: &str, all: &[String]| {
        all.iter().find_map(|item| item.strip_prefix(&format!("{kind} "))).unwrap().to_owned()
    };
    let all = found(&supervisor, "zebra").await;
    let changes = [
        (format!("/clients/{}", id("client", &all)), json!({"preferred_name": "Okapi", "legal_name": null})),
        (format!("/cases/{case}"), json!({"client_goal": "An okapi of my own."})),
        (format!("/barriers/{}", id("barrier", &all)), json!({"description": "No okapi without a deposit."})),
        (format!("/meetings/{}", id("meeting", &all)), json!({"purpose": "Ask for the okapi."})),
        (format!("/notes/{}", id("note", &all)), json!({"body": "Spoke of the okapi."})),
    ];
    for (done, (path, change)) in changes.into_iter().enumerate() {
        ana.patch(&path, "*", change).await.expect(200);
        for user in [&ana, &supervisor] {
            assert_eq!(
                (found(user, "okapi").await.len(), found(user, "zebra").await.len()),
                (done + 1, 4 - done),
                "{path}"
            );
        }
    }
    index_now(server).await;
    assert_eq!((found(&supervisor, "okapi").await.len(), found(&supervisor, "zebra").await.len()), (5, 0));
    let outcome = json!({
        "status": "held", "who_spoke": "spoke_for_self", "outcomes": ["goal_met"], "summary": "The tapir was granted.",
    });
    ana.post(&format!("/meetings/{}/outcome", id("meeting", &all)), outcome).await.expect(201);
    assert_eq!(found(&supervisor, "tapir").await, [format!("meeting {}", id("meeting", &all))]);
    ana.patch(
        &format!("/barriers/{}", id("barrier", &all)),
        "*",
        json!({"status": "resolved", "disposition": "resolved_full", "judged_by": "client"}),
    )
    .await
    .expect(200);
    ana.transition(&case, json!({"to": "closing"})).await.expect(201);
    supervisor
        .transition(
            &case,
            json!({
                "to": "closed", "closing_reason": "resolved_in_client_favor", "closing_summary": "The tapir moved in.",
                "outcome": "goal_met",
            }),
        )
        .await
        .expect(201);
    assert_eq!(found(&supervisor, "tapir+moved").await, [format!("case {case}")]);
    supervisor.transition(&case, json!({"to": "active", "reason": "It moved out."})).await.expect(201);
    assert_eq!(found(&supervisor, "tapir+moved").await, [""; 0]);
    let past = match server.engine {
        Engine::Sqlite => "UPDATE notes SET created_at = created_at - 90000000000",
        Engine::Postgres => "UPDATE notes SET created_at = created_at - interval '25 hours'",
    };
    run(server, past);
    let note = format!("note {}", id("note", &all));
    ana.post(&format!("/notes/{}/amendments", id("note", &all)), json!({"body": "It was a capybara."}))
        .await
        .expect(201);
    assert_eq!(
        (found(&supervisor, "capybara").await, found(&supervisor, "spoke+capybara").await),
        (vec![note.clone()], vec![note])
    );
}

async fn search_pages_have_each_record_once_sorted_by_score(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    for number in 0..23 {
        let body = if number % 3 == 0 { "A heron." } else { "Many herons." };
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": body})).await.expect(201);
        if number == 11 {
            index_now(server).await;
        }
    }
    for user in [&ana, &supervisor] {
        let all = pages(user, "/search?q=heron", 4).await;
        let ids: BTreeSet<&str> = all.iter().map(|item| item["id"].as_str().unwrap()).collect();
        let scores: Vec<i64> = all.iter().map(|item| item["score"].as_i64().unwrap()).collect();
        assert_eq!((all.len(), ids.len()), (23, 23));
        assert!(scores.is_sorted_by(|a, b| a >= b) && scores[0] > scores[22], "{scores:?}");
    }
    let cursor =
        ana.get("/search?q=heron&limit=4").await.expect(200).body["page"]["next_cursor"].as_str().unwrap().to_owned();
    ana.get(&format!("/search?q=herons&limit=4&cursor={cursor}")).await.expect(400);
    supervisor.get(&format!("/search?q=heron&limit=4&cursor={cursor}")).await.expect(400);
}

async fn client_is_found_even_if_many_notes_match(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let client = ana.post("/clients", json!({"preferred_name": "Ibis"})).await.expect(201).id();
    for _ in 0..105 {
        ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "Called Ibis."}))
            .await
            .expect(201);
    }
    for indexed in [false, true] {
        if indexed {
            index_now(server).await;
        }
        for user in [&ana, &supervisor] {
            let all = found(user, "ibis").await;
            assert_eq!((&all[0], all.len()), (&format!("client {client}"), 51), "the newest fifty of each kind");
        }
    }
}

async fn unusual_search_queries_are_refused_or_find_nothing(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let (ana, long) = (server.user(Role::Advocate), "a".repeat(101));
    let (all, _) = one_of_each(&ana, &supervisor).await;
    index_now(server).await;
    for query in [
        "",
        "?q=",
        "?q=+",
        &format!("?q={long}"),
        "?q=%22%2A",
        "?q=a+b+c+d+e+f+g+h+i+j+k",
        "?q=zebra&kind=tiger",
        "?q=zebra&sort=title",
        "?q=zebra&team=x",
        "?q=zebra&limit=0",
    ] {
        let reply = supervisor.get(&format!("/search{query}")).await.expect(400);
        assert!(reply.body["errors"][0]["parameter"].is_string(), "{query}: {:#}", reply.body);
    }
    for query in [
        "zebra+OR+tiger",
        "NEAR(zebra+tiger)",
        "zebra+%26+%21tiger",
        "words:zebra+tiger",
        "%27%3B+DROP+TABLE+zebra+tiger",
        "zebra%5C+tiger",
        "%25bra%25",
        "_ebra",
    ] {
        for user in [&ana, &supervisor] {
            assert_eq!(found(user, query).await, [""; 0], "{query}");
        }
    }
    assert_eq!(found(&supervisor, "zebra%3A%2A").await.len(), all.len());
    assert_eq!(found(&supervisor, "-zebra").await.len(), all.len());
}

async fn records_created_before_search_existed_are_found(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (all, _) = one_of_each(&ana, &supervisor).await;
    let (down, up) = match server.engine {
        Engine::Sqlite => (
            include_str!("../../migrations/sqlite/2026-11-24-000006_search/down.sql"),
            include_str!("../../migrations/sqlite/2026-11-24-000006_search/up.sql"),
        ),
        Engine::Postgres => (
            include_str!("../../migrations/postgres/2026-11-24-000006_search/down.sql"),
            include_str!("../../migrations/postgres/2026-11-24-000006_search/up.sql"),
        ),
    };
    // The objects that depend on it are removed first and created again.
    let (segments, security) = match server.engine {
        Engine::Sqlite => (
            [
                include_str!("../../migrations/sqlite/2026-11-30-000080_index_segments/down.sql"),
                include_str!("../../migrations/sqlite/2026-11-30-000080_index_segments/up.sql"),
            ],
            ["", ""],
        ),
        Engine::Postgres => (
            [
                include_str!("../../migrations/postgres/2026-11-30-000080_index_segments/down.sql"),
                include_str!("../../migrations/postgres/2026-11-30-000080_index_segments/up.sql"),
            ],
            [
                include_str!("../../migrations/postgres/2026-11-26-000003_row_level_security/down.sql"),
                include_str!("../../migrations/postgres/2026-11-26-000003_row_level_security/up.sql"),
            ],
        ),
    };
    for sql in [segments[0], security[0], down, up, security[1], segments[1]] {
        run(server, sql);
    }
    index_now(server).await;
    for user in [&ana, &supervisor] {
        assert_eq!(found(user, "zebra").await.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

async fn search_audit_entry_has_result_ids_and_no_query_text(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (all, _) = one_of_each(&ana, &supervisor).await;
    found(&ana, "zebra").await;
    found(&ana, "nothing+of+this").await;
    let events = pages(&server.user(Role::Auditor), "/audit-events?action=search.performed", 50).await;
    assert_eq!(events.len(), 1);
    let shown: BTreeSet<&str> =
        events[0]["subject_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(shown, all.iter().map(|item| item.split_once(' ').unwrap().1).collect());
    assert!(!events[0].to_string().contains("zebra"));
}
