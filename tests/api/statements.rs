//! Needs and preferences statements: versions, the client's approval, changes, and the printed page.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{
    auth::Role,
    types::{Day, Zone},
};
use futures_util::future::join_all;
use serde_json::{Value, json};

const APPROVAL: &str = r#"{"approved_by": "client", "method": "in_person"}"#;

fn approval() -> Value {
    serde_json::from_str(APPROVAL).unwrap()
}
/// A draft of a new client named Sam, created by this user.
async fn draft(user: &User<'_>, sections: Value) -> String {
    let client = user.new_client().await;
    user.post(&format!("/clients/{client}/statements"), json!({"sections": sections})).await.expect(201).id()
}
async fn approved(user: &User<'_>, statement: &str) {
    user.post(&format!("/statements/{statement}/approve"), approval()).await.expect(201);
}
/// The page as HTML or PDF bytes, with its headers.
async fn printed(user: &User<'_>, statement: &str, form: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let server = user.server;
    let url =
        format!("{}/api/v1/statements/{statement}/print?for=client&reason=Sam+asks+for+it&format={form}", server.base);
    let reply = server.http.get(url).bearer_auth(server.keys.mint(user.actor).unwrap()).send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    (reply.headers().clone(), reply.bytes().await.unwrap().to_vec())
}

on_both_engines! {
    statement_moves_from_draft_to_approved_to_superseded,
    invalid_statements_are_rejected_by_member_and_not_stored,
    only_one_of_concurrent_approvals_succeeds,
    diff_compares_sections_and_words,
    statement_is_visible_only_to_users_who_see_its_client,
    audit_log_names_statement_sections_without_content,
    repeated_approval_with_an_idempotency_key_is_executed_once,
    statement_prints_as_html_and_pdf,
    print_format_is_chosen_by_parameter_or_accept_header,
    any_statement_text_can_be_printed,
}

async fn statement_moves_from_draft_to_approved_to_superseded(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    let list = format!("/clients/{client}/statements");
    let first = ana
        .post(&list, json!({"sections": {"needs": "Time to read.", "helps": "A text the week before."}}))
        .await
        .expect(201);
    assert_eq!(
        (&first.body["number"], &first.body["status"], &first.body["created_by"]),
        (&json!(1), &json!("draft"), &json!(ana.id()))
    );
    assert_eq!(first.header("location"), format!("/api/v1/statements/{}", first.id()));
    let path = format!("/statements/{}", first.id());
    let changed = ana
        .patch(&path, "\"v1\"", json!({"sections": {"helps": "A text the day before.", "words_to_avoid": "Addict."}}))
        .await
        .expect(200);
    assert_eq!(
        changed.body["sections"],
        json!({"needs": "Time to read.", "helps": "A text the day before.", "words_to_avoid": "Addict."})
    );
    let emptied = ana.patch(&path, "\"v2\"", json!({"sections": {"words_to_avoid": null}})).await.expect(200);
    assert_eq!(emptied.body["sections"], json!({"needs": "Time to read.", "helps": "A text the day before."}));
    ana.patch(&path, "\"v2\"", json!({"sections": {}})).await.expect(412);

    let observed = ana
        .send(
            "POST",
            &format!("{path}/approve"),
            &[("if-match", "\"v3\"")],
            Some(json!({"approved_by": "client", "method": "phone", "on": "2026-01-05"})),
        )
        .await
        .expect(201);
    assert_eq!((&observed.body["status"], &observed.body["version"]), (&json!("approved"), &json!(4)));
    assert_eq!(
        (&observed.body["approval"]["on"], &observed.body["approval"]["recorded_by"]),
        (&json!("2026-01-05"), &json!(ana.id()))
    );
    let settled = ana.patch(&path, "\"v4\"", json!({"sections": {"needs": "Nothing."}})).await.expect(409);
    assert_eq!(settled.body["code"], "statement_settled");
    assert_eq!(ana.post(&format!("{path}/approve"), approval()).await.expect(409).body["code"], "statement_settled");

    let second = ana.post(&list, json!({"from": "latest", "sections": {"helps": "A call."}})).await.expect(201);
    assert_eq!(
        (&second.body["number"], &second.body["sections"]),
        (&json!(2), &json!({"needs": "Time to read.", "helps": "A call."}))
    );
    assert_eq!(ana.post(&list, json!({})).await.expect(409).body["code"], "already_exists");
    assert_eq!(ana.get(&path).await.body["status"], "approved", "a draft puts nothing out of force");
    approved(&ana, &second.id()).await;
    let old = ana.get(&path).await.expect(200);
    assert_eq!(
        (&old.body["status"], &old.body["sections"]["helps"]),
        (&json!("superseded"), &json!("A text the day before."))
    );
    assert!(old.body["superseded_at"].is_string() && old.body["approval"].is_object());

    let all = pages(&ana, &list, 1).await;
    let observed: Vec<(&Value, &Value)> = all.iter().map(|item| (&item["number"], &item["status"])).collect();
    assert_eq!(observed, [(&json!(2), &json!("approved")), (&json!(1), &json!("superseded"))]);
    assert_eq!(all[0]["filled"], json!(["needs", "helps"]));
    assert!(!json!(all).to_string().contains("A call."), "a list says nothing of what a statement says");
    assert_eq!(pages(&ana, &format!("{list}?status=approved"), 5).await.len(), 1);
}

async fn invalid_statements_are_rejected_by_member_and_not_stored(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let list = format!("/clients/{}/statements", ana.new_client().await);
    for (body, at, code) in [
        (json!({"sections": {"needs": "x".repeat(4001)}}), "/sections/needs", "too_long"),
        (json!({"sections": {"needs": " "}}), "/sections/needs", "blank"),
        (json!({"sections": {"needs": "nul \0"}}), "/sections/needs", "forbidden_character"),
        (json!({"sections": {"needs": "\u{202e}over"}}), "/sections/needs", "forbidden_character"),
        (json!({"sections": {"needs": 5}}), "/sections/needs", "wrong_type"),
        (json!({"sections": {"current_use": "x"}}), "/sections/current_use", "unknown_member"),
        (json!({"sections": null}), "/sections", "wrong_type"),
        (json!({"status": "approved"}), "/status", "unknown_member"),
        (json!({"from": "latest"}), "/from", "nothing_to_copy"),
        (json!({"from": "oldest"}), "/from", "unknown_code"),
    ] {
        ana.post(&list, body).await.expect_fault(422, at, code);
    }
    assert_eq!(ana.get(&list).await.expect(200).body["items"], json!([]));
    // Every section at its maximum length, in characters of four bytes.
    let full: serde_json::Map<String, Value> = alongside::casework::statements::sections::Section::ALL
        .iter()
        .map(|section| (section.as_str().to_owned(), json!("😀".repeat(4000))))
        .collect();
    ana.post(&list, json!({"sections": full})).await.expect(201);

    let empty = draft(&ana, json!({})).await;
    let path = format!("/statements/{empty}");
    ana.post(&format!("{path}/approve"), approval()).await.expect_fault(409, "", "section_filled");
    ana.send("PATCH", &path, &[], Some(json!({"sections": {}}))).await.expect(428);
    ana.patch(&path, "*", json!({"sections": {"needs": "Quiet."}})).await.expect(200);
    let tomorrow = Day::today(&Zone::parse("Pacific/Kiritimati").unwrap()).plus_days(1);
    for (body, at, code) in [
        (json!({"approved_by": "client", "method": "phone", "on": tomorrow}), "/on", "in_the_future"),
        (json!({"approved_by": "advocate", "method": "phone"}), "/approved_by", "unknown_code"),
        (json!({"approved_by": "client", "method": "telepathy"}), "/method", "unknown_code"),
        (json!({"method": "phone"}), "/approved_by", "required"),
        (
            json!({"approved_by": "client", "method": "phone", "recorded_by": ana.id()}),
            "/recorded_by",
            "unknown_member",
        ),
    ] {
        ana.post(&format!("{path}/approve"), body).await.expect_fault(422, at, code);
    }
    ana.send("POST", &format!("{path}/approve"), &[("if-match", "\"v1\"")], Some(approval())).await.expect(412);
    assert_eq!(ana.get(&path).await.body["status"], "draft");
}

async fn only_one_of_concurrent_approvals_succeeds(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client = ana.new_client().await;
    let list = format!("/clients/{client}/statements");
    for round in 1..=2 {
        let begun = join_all((0..16).map(|_| {
            let (ana, list) = (&ana, &list);
            async move { ana.post(list, json!({"sections": {"needs": "Quiet."}})).await }
        }))
        .await;
        let made: Vec<_> = begun.iter().filter(|reply| reply.status == 201).collect();
        assert!(made.len() == 1 && begun.iter().all(|reply| matches!(reply.status, 201 | 409)), "one draft at a time");
        let path = format!("/statements/{}/approve", made[0].id());
        let tries = join_all((0..64).map(|i| {
            let (who, path) = (if i % 2 == 0 { &ana } else { &supervisor }, &path);
            async move { who.post(path, approval()).await.status }
        }))
        .await;
        assert_eq!(tries.iter().filter(|status| **status == 201).count(), 1, "{tries:?}");
        assert!(tries.iter().all(|status| matches!(status, 201 | 409)), "{tries:?}");
        let all = pages(&ana, &list, 50).await;
        assert_eq!(all.iter().filter(|item| item["status"] == "approved").count(), 1);
        assert_eq!(all.len(), round);
    }
}

async fn diff_compares_sections_and_words(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let first =
        draft(&ana, json!({"needs": "Quiet.", "helps": "A text the week before.", "crisis_plan": "Call Jo."})).await;
    let client = ana.get(&format!("/statements/{first}")).await.body["client_id"].as_str().unwrap().to_owned();
    approved(&ana, &first).await;
    let list = format!("/clients/{client}/statements");
    let second = ana.post(&list, json!({"from": "latest"})).await.expect(201).id();
    ana.patch(
        &format!("/statements/{second}"),
        "*",
        json!({"sections": {"helps": "A text the day before.", "crisis_plan": null, "words_i_use": "In recovery."}}),
    )
    .await
    .expect(200);
    let diff = ana.get(&format!("/statements/{second}/diff?against={first}")).await.expect(200).body;
    assert_eq!(
        diff["sections"],
        json!([
            {"section": "helps", "heading": "What helps me", "change": "changed", "words": [
                {"change": "same", "text": "A text the "},
                {"change": "removed", "text": "week "},
                {"change": "added", "text": "day "},
                {"change": "same", "text": "before."},
            ]},
            {"section": "words_i_use", "heading": "Words I use", "change": "added", "words": [
                {"change": "added", "text": "In recovery."},
            ]},
            {"section": "crisis_plan", "heading": "If I am in crisis", "change": "removed", "words": [
                {"change": "removed", "text": "Call Jo."},
            ]},
        ])
    );
    assert_eq!(
        ana.get(&format!("/statements/{second}/diff")).await.expect(200).body,
        diff,
        "the one before, unless said"
    );
    let whole = ana.get(&format!("/statements/{first}/diff")).await.expect(200).body;
    assert!(whole.get("against_id").is_none());
    assert_eq!(whole["sections"].as_array().unwrap().len(), 3);
    // A statement of another client, of another organization, or a missing one: the same message.
    let others = [
        draft(&ana, json!({"needs": "Loud."})).await,
        draft(&server.user_of_other_org(Role::Advocate), json!({"needs": "Loud."})).await,
        TestServer::unknown_id(),
    ];
    let refusals = join_all(others.iter().map(|other| {
        let (ana, second) = (&ana, &second);
        async move {
            ana.get(&format!("/statements/{second}/diff?against={other}")).await.expect(404).body["detail"].clone()
        }
    }))
    .await;
    assert!(refusals.windows(2).all(|two| two[0] == two[1]), "{refusals:?}");
    ana.get(&format!("/statements/{second}/diff?against=5")).await.expect_fault(400, "against", "invalid");
}

async fn statement_is_visible_only_to_users_who_see_its_client(server: &TestServer) {
    let (ana, supervisor, ben) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let case = active_case(&ana, &supervisor).await;
    let client = ana.get(&format!("/cases/{case}")).await.body["client_id"].as_str().unwrap().to_owned();
    let list = format!("/clients/{client}/statements");
    let statement = ana.post(&list, json!({"sections": {"needs": "Quiet."}})).await.expect(201).id();
    let path = format!("/statements/{statement}");
    for stranger in [
        &ben,
        &server.user_of_other_org(Role::Supervisor),
        &server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor),
    ] {
        stranger.get(&list).await.expect(404);
        stranger.post(&list, json!({})).await.expect(404);
        stranger.get(&path).await.expect(404);
        stranger.patch(&path, "*", json!({"sections": {"needs": "Noise."}})).await.expect(404);
        stranger.post(&format!("{path}/approve"), approval()).await.expect(404);
        stranger.get(&format!("{path}/diff")).await.expect(404);
    }
    for role in [Role::Admin, Role::Auditor, Role::Integration, Role::Client] {
        server.user(role).get(&path).await.expect(403);
    }
    supervisor.get(&path).await.expect(200);
    supervisor
        .post(&format!("/cases/{case}/assignments"), json!({"user_id": ben.id(), "role": "lead"}))
        .await
        .expect(201);
    ana.get(&path).await.expect(404);
    ben.get(&path).await.expect(200);
}

async fn audit_log_names_statement_sections_without_content(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let statement = draft(&ana, json!({"needs": "CANARY", "helps": "CANARY"})).await;
    let path = format!("/statements/{statement}");
    ana.patch(&path, "*", json!({"sections": {"helps": null}})).await.expect(200);
    ana.get(&path).await.expect(200);
    approved(&ana, &statement).await;
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 50).await;
    let observed: Vec<(&Value, &Value)> = entries
        .iter()
        .filter(|entry| entry["subject_id"] == statement.as_str())
        .map(|entry| (&entry["action"], &entry["fields"]))
        .collect();
    assert_eq!(
        observed,
        [
            (&json!("statement.created"), &json!(["sections/needs", "sections/helps"])),
            (&json!("statement.updated"), &json!(["sections/helps"])),
            (&json!("statement.read"), &json!([])),
            (&json!("statement.approved"), &json!(["approved_by", "method"])),
        ]
    );
    assert!(!json!(entries).to_string().contains("CANARY"));
}

async fn repeated_approval_with_an_idempotency_key_is_executed_once(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let statement = draft(&ana, json!({"needs": "Quiet."})).await;
    let path = format!("/statements/{statement}/approve");
    let send = || ana.send("POST", &path, &[("idempotency-key", "a")], Some(approval()));
    let (first, again) = (send().await.expect(201), send().await.expect(201));
    assert_eq!((&first.body, again.header("idempotency-replayed")), (&again.body, "true"));
}

async fn statement_prints_as_html_and_pdf(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let statement = draft(&ana, json!({"needs": "Time to read.\nAnd quiet.", "no_consent": "Photos."})).await;
    let (headers, page) = printed(&ana, &statement, "html").await;
    let page = String::from_utf8(page).unwrap();
    for part in [
        "<html lang=\"en\">",
        "<h1>What I need and what I prefer</h1>",
        ">Sam</p>",
        "Draft, not yet approved.",
        "<h2>What I need</h2>",
        "Time to read.\nAnd quiet.",
        "<h2>What I do not agree to</h2>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(
        !page.contains("Words to avoid") && !page.contains("my own words"),
        "what is empty is left out, and a draft is nobody's word yet"
    );
    let header = |name: &str| headers[name].to_str().unwrap();
    assert_eq!(
        (header("content-type"), header("cache-control"), header("x-content-type-options")),
        ("text/html; charset=utf-8", "no-store", "nosniff")
    );
    assert!(header("content-disposition").starts_with("attachment; filename=\"document-"));
    assert_eq!(headers.get_all("content-security-policy").iter().count(), 1);
    assert!(header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));

    let (headers, file) = printed(&ana, &statement, "pdf").await;
    assert!(file.starts_with(b"%PDF-1.7") && file.len() < 200_000, "{}", file.len());
    assert_eq!(
        (headers["content-type"].to_str().unwrap(), headers["cache-control"].to_str().unwrap()),
        ("application/pdf", "no-store")
    );
    assert_eq!(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    let has = |words: &[u8]| file.windows(words.len()).any(|window| window == words);
    assert!(has(b"/StructTreeRoot") && has(b"/Lang") && has(b"/Title"), "tagged, in a language, with a title");

    ana.post(
        &format!("/statements/{statement}/approve"),
        json!({"approved_by": "client", "method": "phone", "on": "2026-01-05"}),
    )
    .await
    .expect(201);
    let page = String::from_utf8(printed(&ana, &statement, "html").await.1).unwrap();
    assert!(page.contains("Version 1. Approved by Sam on 5 January 2026.") && !page.contains("Draft"));
    let entries = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 50).await;
    assert_eq!(
        entries
            .iter()
            .filter(|entry| entry["action"] == "statement.printed" && entry["subject_id"] == statement.as_str())
            .count(),
        3
    );
}

async fn print_format_is_chosen_by_parameter_or_accept_header(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let path = format!(
        "/statements/{}/print?for=client&reason=Sam+asks+for+it",
        draft(&ana, json!({"needs": "Quiet."})).await
    );
    for (query, accept, kind) in [
        ("", "*/*", "text/html; charset=utf-8"),
        ("", "text/html", "text/html; charset=utf-8"),
        ("", "application/pdf", "application/pdf"),
        ("", "text/html;q=0.1, application/pdf;q=0.9", "application/pdf"),
        ("&format=pdf", "text/html", "application/pdf"),
        ("&format=html", "application/json", "text/html; charset=utf-8"),
    ] {
        let reply = ana.send("GET", &format!("{path}{query}"), &[("accept", accept)], None).await.expect(200);
        assert_eq!(reply.header("content-type"), kind, "{query} {accept}");
    }
    for accept in ["application/json", "image/png", "*/*;q=0"] {
        assert_eq!(
            ana.send("GET", &path, &[("accept", accept)], None).await.expect(406).body["code"],
            "not_acceptable"
        );
    }
    ana.get(&format!("{path}&format=docx")).await.expect_fault(400, "format", "invalid");
    ana.get(&format!("{path}&paper=a4")).await.expect_fault(400, "paper", "unknown_parameter");
    for stranger in [&server.user(Role::Advocate), &server.user_of_other_org(Role::Supervisor)] {
        stranger.get(&path).await.expect(404);
        stranger.get(&format!("{path}&format=pdf")).await.expect(404);
    }
}

async fn any_statement_text_can_be_printed(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let odd = [
        "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;",
        "👍🏽 👨‍👩‍👧 🇺🇸 ❤️ 😀",
        "أحتاج إلى وقت للقراءة Sam قبل أن أوقّع 123",
        "我需要时间阅读。日本語 한국어",
        "e\u{301}\u{302}\u{303} Z\u{335}a\u{327} नमस्ते ไทย",
        "\u{2028}\u{200b}\u{fffd}\u{e000}\u{10ffff}",
        "x\ty\n\n\nz",
    ];
    let client = ana.post("/clients", json!({"preferred_name": "Zoë <b>李</b> عمر"})).await.expect(201).id();
    let mut sections = serde_json::Map::new();
    for (section, words) in alongside::casework::statements::sections::Section::ALL.iter().zip(odd.iter().cycle()) {
        sections.insert(section.as_str().into(), json!(words));
    }
    sections.insert("crisis_plan".into(), json!("no-space".repeat(500)));
    let statement =
        ana.post(&format!("/clients/{client}/statements"), json!({"sections": sections})).await.expect(201).id();
    let (_, page) = printed(&ana, &statement, "html").await;
    let page = String::from_utf8(page).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
    for words in [
        "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;&quot;&#39;&amp;amp;",
        "我需要时间阅读",
        "أحتاج",
        "👨‍👩‍👧",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // The PDF has no glyphs for some of the text, and returns an error instead of showing boxes.
    let path = format!("/statements/{statement}/print?for=client&reason=Sam+asks+for+it&format=pdf");
    assert_eq!(ana.get(&path).await.expect(406).body["code"], "format_cannot_show_text");
    let client = ana.post("/clients", json!({"preferred_name": "Zoë <b>عمر"})).await.expect(201).id();
    sections.values_mut().for_each(|words| {
        let shown = |c: &char| !matches!(c, '\u{900}'..='\u{E7F}' | '\u{3000}'..='\u{D7FF}');
        let kept: String = words.as_str().unwrap().chars().filter(shown).collect();
        *words = json!(if kept.trim().is_empty() { "Quiet." } else { &kept });
    });
    let statement =
        ana.post(&format!("/clients/{client}/statements"), json!({"sections": sections})).await.expect(201).id();
    assert!(printed(&ana, &statement, "pdf").await.1.starts_with(b"%PDF-"));
}
