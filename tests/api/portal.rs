//! The portal: a client who signs in sees their own record in its own views, and nothing of others.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{auth::Role, db::schema, identity::users::model::UserStatus};
use diesel::prelude::*;
use serde_json::{Value, json};

const PATHS: [&str; 5] = ["/me/client", "/me/cases", "/me/meetings", "/me/statements", "/me/feedback"];

/// A client with this name, with every member that staff may write.
async fn client_of(ana: &User<'_>, name: &str) -> String {
    let new = json!({
        "preferred_name": name, "pronouns": "they/them", "legal_name": "Samira", "date_of_birth": "1990-02-01",
        "phone": "+1 555 0100", "email": "sam@example.org", "address": "1 River Road", "language": "English",
        "safe_contact": {"text": true, "never_contact": "The landlord answers."},
    });
    ana.post("/clients", new).await.expect(201).id()
}
async fn client_in(ana: &User<'_>, case: &str) -> String {
    ana.get(&format!("/cases/{case}")).await.expect(200).body["client_id"].as_str().unwrap().to_owned()
}
async fn link(staff: &User<'_>, client: &str, user: &User<'_>) {
    let put = staff
        .send("PUT", &format!("/clients/{client}/account"), &[], Some(json!({"user_id": user.id()})))
        .await
        .expect(200);
    assert_eq!((&put.body["client_id"], &put.body["user_id"]), (&json!(client), &json!(user.id())));
}
async fn meeting(ana: &User<'_>, case: &str, day: &str, purpose: &str) -> String {
    let new = json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": format!("{day}T10:00:00Z"),
        "ends_at": format!("{day}T11:00:00Z"), "time_zone": "America/Chicago", "place": "Ward 3", "purpose": purpose,
        "participants": [{"name": "THIRD PARTY", "party": "provider"}],
    });
    ana.post(&format!("/cases/{case}/meetings"), new).await.expect(201).id()
}
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

on_both_engines! {
    feedback_of_a_wrongly_linked_account_is_hidden_from_the_next,
    client_with_unsafe_email_gets_only_requested_mail,
    client_sees_their_own_record_without_staff_content,
    portal_shows_no_records_of_other_clients,
    account_link_requires_visible_client_and_a_user_with_client_role,
    concurrent_account_links_leave_one_link,
    a_client_writes_and_approves_their_own_statement,
    feedback_is_visible_only_to_staff_of_its_case,
    unlinked_client_loses_access_at_once_and_portal_reads_are_audited,
    account_link_works_only_for_the_client_role,
}

async fn feedback_of_a_wrongly_linked_account_is_hidden_from_the_next(server: &TestServer) {
    let (ana, wrong, right) = (server.user(Role::Advocate), server.user(Role::Client), server.user(Role::Client));
    let client = ana.new_client().await;
    link(&ana, &client, &wrong).await;
    wrong.post("/me/feedback", json!({"text": "CANARY of somebody else."})).await.expect(201);
    link(&ana, &client, &right).await;
    let own = right.post("/me/feedback", json!({"text": "Call me before."})).await.expect(201).id();
    let listed = right.get("/me/feedback?include_total=true").await.expect(200);
    assert_eq!(
        (listed.body["total"].as_i64(), listed.body["items"][0]["id"].as_str()),
        (Some(1), Some(own.as_str())),
        "{:#}",
        listed.body
    );
    assert!(!listed.body.to_string().contains("CANARY"));
    wrong.get("/me/feedback").await.expect(404);
    let staff = ana.get(&format!("/clients/{client}/feedback?include_total=true")).await.expect(200);
    assert_eq!(staff.body["total"], 2);
    // When they are linked again, each reads their own feedback.
    link(&ana, &client, &wrong).await;
    assert!(
        wrong.get("/me/feedback").await.expect(200).body["items"][0]["text"].as_str().unwrap().starts_with("CANARY")
    );
}

async fn client_with_unsafe_email_gets_only_requested_mail(server: &TestServer) {
    let (ana, admin, sam) = (server.user(Role::Advocate), server.user(Role::Admin), server.user(Role::Client));
    let client = client_of(&ana, "Sam").await;
    link(&ana, &client, &sam).await;
    let secrets = alongside::auth::secret_keys::SecretKeys::read(server.database.folder.path()).unwrap();
    let code = || {
        use alongside::{
            auth::totp, db::schema::second_factors, identity::second_factor::model::FactorRow, types::Instant,
        };
        let own = second_factors::table.filter(second_factors::user_id.eq(sam.actor.user));
        let row: FactorRow = own.select(FactorRow::as_select()).first(&mut server.database.open()).unwrap();
        totp::code_at(&row.decrypt_secret(&secrets).unwrap(), Instant::now())
    };
    let set_up = async || {
        sam.send("POST", "/me/second-factor", &[], None).await.expect(200);
        let codes = sam.post("/me/second-factor/confirmation", json!({"otp": code()})).await.expect(200);
        codes.body["recovery_codes"][0].as_str().unwrap().to_owned()
    };
    let sign_in = async |password: &str, otp: &str| {
        let body = json!({"email": sam.email, "password": password, "otp": otp});
        server.anyone("POST", "/api/v1/auth/login", Some(body)).await.expect(200).body["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // Changes to the account: a second factor, new codes, a used code, another address.
    set_up().await;
    sam.send("POST", "/me/second-factor/recovery-codes", &[], None).await.expect(200);
    sam.send("DELETE", "/me/second-factor", &[], None).await.expect(204);
    let spent = set_up().await;
    sign_in(crate::support::PASSWORD, &spent).await;
    admin.send("DELETE", &format!("/users/{}/second-factor", sam.id()), &[], None).await.expect(204);
    let token = sign_in(crate::support::PASSWORD, "").await;
    server
        .send(Some(&token), "POST", "/api/v1/me/email", &[], Some(json!({"email": "sam.new@example.org"}).to_string()))
        .await
        .expect(202);
    // Messages that the client requests: a new password, and the confirmation to the new address.
    server.anyone("POST", "/api/v1/auth/forgot-password", Some(json!({"email": sam.email}))).await.expect(202);
    let secret = server.secret(&sam.email, "password_reset.").await;
    let reset = json!({"token": secret, "password": "four dry umbrellas"});
    server.anyone("POST", "/api/v1/auth/reset-password", Some(reset)).await.expect(204);
    server.emails("sam.new@example.org", 1).await;
    // Messages are sent in order: after this one has arrived, none of the others will.
    let last = async |user: &User<'_>| {
        user.send("POST", "/me/second-factor", &[], None).await.expect(200);
        user.send("POST", "/me/email", &[], Some(json!({"email": format!("new-{}", user.email)}))).await.expect(202);
        server.emails(&user.email, 1).await;
    };
    last(&ana).await;
    assert_eq!(server.emails(&sam.email, 1).await.len(), 1, "the one that they asked for");
    // If e-mail is safe for the client, messages are sent.
    let version = ana.get(&format!("/clients/{client}")).await.expect(200).etag();
    ana.patch(&format!("/clients/{client}"), &version, json!({"safe_contact": {"email": true}})).await.expect(200);
    let token = sign_in("four dry umbrellas", "").await;
    server
        .send(
            Some(&token),
            "POST",
            "/api/v1/me/email",
            &[],
            Some(json!({"email": "sam.other@example.org"}).to_string()),
        )
        .await
        .expect(202);
    let observed = server.emails(&sam.email, 2).await;
    assert!(observed.iter().any(|email_text| email_text.contains("asked for another e-mail address")));
}

async fn client_sees_their_own_record_without_staff_content(server: &TestServer) {
    let (ana, supervisor, sam) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user_in(&server.org, &[], Role::Client));
    let case = active_case(&ana, &supervisor).await;
    let client = client_in(&ana, &case).await;
    link(&ana, &client, &sam).await;
    ana.patch(
        &format!("/cases/{case}"),
        "*",
        json!({"priority": "urgent", "priority_reason": "STAFF ONLY", "tags": ["STAFF ONLY"]}),
    )
    .await
    .expect(200);
    ana.post(&format!("/cases/{case}/notes"), json!({"kind": "progress", "body": "STAFF ONLY"})).await.expect(201);
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "STAFF ONLY"}))
        .await
        .expect(201);
    let past = meeting(&ana, &case, "2026-01-05", "Plan.").await;
    let held = json!({
        "status": "held", "who_spoke": "spoke_for_self", "outcomes": ["goal_met"], "summary": "STAFF ONLY",
        "commitments": [
            {"party": "provider", "text": "Write it down."}, {"party": "advocate", "text": "Call on Friday."},
        ],
    });
    ana.post(&format!("/meetings/{past}/outcome"), held).await.expect(201);
    meeting(&ana, &case, "2031-01-05", "Much later.").await;
    let next = meeting(&ana, &case, "2030-01-05", "Agree on the dose.").await;

    let own = sam.get("/me/client").await.expect(200);
    assert_eq!(members(&own.body), ["id", "interpreter_needed", "preferred_name", "safe_contact", "version"]);
    let listed = sam.get("/me/cases").await.expect(200);
    assert_eq!(
        members(&listed.body["items"][0]),
        ["case_number", "client_goal", "id", "lead_advocate", "opened_at", "status", "status_in_words"]
    );
    let shown = sam.get(&format!("/me/cases/{case}")).await.expect(200);
    assert_eq!(
        members(&shown.body),
        [
            "case_number",
            "client_goal",
            "id",
            "lead_advocate",
            "next_meeting",
            "opened_at",
            "promises",
            "status",
            "status_in_words"
        ]
    );
    assert_eq!(
        (&shown.body["lead_advocate"], &shown.body["client_goal"], &shown.body["status"]),
        (&json!("A advocate"), &json!("Keep my medication."), &json!("active"))
    );
    assert_eq!(
        (&shown.body["next_meeting"]["id"], &shown.body["next_meeting"]["place"]),
        (&json!(next), &json!("Ward 3"))
    );
    let promises: Vec<&str> =
        shown.body["promises"].as_array().unwrap().iter().map(|promise| promise["text"].as_str().unwrap()).collect();
    assert_eq!(promises.len(), 2);
    assert!(promises.contains(&"Write it down.") && promises.contains(&"Call on Friday."));
    let meetings = pages(&sam, "/me/meetings?sort=starts_at", 2).await;
    assert_eq!(
        meetings.iter().map(|meeting| meeting["status"].as_str().unwrap()).collect::<Vec<_>>(),
        ["held", "booked", "booked"]
    );
    assert_eq!(pages(&sam, "/me/meetings?starts_at_gte=2030-06-01T00:00:00Z", 2).await.len(), 1);
    assert_eq!(sam.get("/me/meetings?status=held&include_total=true").await.expect(200).body["total"], 1);
    for observed in [&own.body, &listed.body, &shown.body, &json!(meetings)] {
        for hidden in ["STAFF ONLY", "THIRD PARTY", &ana.id(), &server.team.to_string()] {
            assert!(!observed.to_string().contains(hidden), "{hidden} in {observed:#}");
        }
    }
    // The staff's operations for the same records are forbidden, even to the client who they are about.
    for path in [
        format!("/cases/{case}"),
        format!("/clients/{client}"),
        format!("/meetings/{next}"),
        format!("/cases/{case}/notes"),
        format!("/clients/{client}/feedback"),
    ] {
        sam.get(&path).await.expect(403);
    }
}

async fn portal_shows_no_records_of_other_clients(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let (sam, kim, nobody) = (server.user(Role::Client), server.user(Role::Client), server.user(Role::Client));
    let (of_sam, of_kim) = (active_case(&ana, &supervisor).await, active_case(&ana, &supervisor).await);
    let (client, other) = (client_in(&ana, &of_sam).await, client_in(&ana, &of_kim).await);
    link(&ana, &client, &sam).await;
    link(&supervisor, &other, &kim).await;
    let theirs = meeting(&ana, &of_kim, "2030-01-05", "Hers.").await;
    let statement = kim.post("/me/statements", json!({"sections": {"needs": "Quiet."}})).await.expect(201).id();
    kim.post("/me/feedback", json!({"case_id": of_kim, "text": "Hers."})).await.expect(201);

    assert_eq!(pages(&sam, "/me/cases", 1).await.len(), 1);
    assert_eq!(pages(&kim, "/me/cases", 1).await[0]["id"], of_kim);
    for list in ["/me/meetings", "/me/statements", "/me/feedback"] {
        assert_eq!((pages(&sam, list, 1).await.len(), pages(&kim, list, 1).await.len()), (0, 1), "{list}");
    }
    let absent = sam.get(&format!("/me/cases/{}", TestServer::unknown_id())).await.expect(404).observed();
    assert_eq!(sam.get(&format!("/me/cases/{of_kim}")).await.expect(404).observed(), absent);
    sam.get(&format!("/me/statements/{statement}")).await.expect(404);
    sam.patch(&format!("/me/statements/{statement}"), "*", json!({"sections": {"needs": "x"}})).await.expect(404);
    sam.send("POST", &format!("/me/statements/{statement}/approve"), &[("if-match", "*")], None).await.expect(404);
    for id in [of_kim.clone(), TestServer::unknown_id()] {
        sam.post("/me/feedback", json!({"case_id": id, "text": "x"})).await.expect_fault(
            422,
            "/case_id",
            "unknown_reference",
        );
    }
    sam.post("/me/feedback", json!({"meeting_id": theirs, "text": "x"})).await.expect_fault(
        422,
        "/meeting_id",
        "unknown_reference",
    );
    // A user with the client role but no linked client, and a client of another organization.
    for path in PATHS {
        nobody.get(path).await.expect(404);
        server.user_of_other_org(Role::Client).get(path).await.expect(404);
        for staff in [&ana, &supervisor, &admin] {
            staff.get(path).await.expect(403);
        }
    }
    nobody.post("/me/statements", json!({})).await.expect(404);
    nobody.post("/me/feedback", json!({"text": "x"})).await.expect(404);
    // A case that was entered in error is not shown.
    admin.transition(&of_kim, json!({"to": "entered_in_error", "reason": "Twice."})).await.expect(201);
    kim.get(&format!("/me/cases/{of_kim}")).await.expect(404);
    assert!(pages(&kim, "/me/cases", 1).await.is_empty() && pages(&kim, "/me/meetings", 1).await.is_empty());
    kim.post("/me/feedback", json!({"meeting_id": theirs, "text": "x"})).await.expect_fault(
        422,
        "/meeting_id",
        "unknown_reference",
    );
}

async fn account_link_requires_visible_client_and_a_user_with_client_role(server: &TestServer) {
    let (ana, ben, supervisor, sam, kim) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Client),
        server.user(Role::Client),
    );
    let (client, other) = (client_of(&ana, "Sam").await, client_of(&ana, "Kim").await);
    let path = format!("/clients/{client}/account");
    let put = async |who: &User<'_>, path: String, user: String| {
        who.send("PUT", &path, &[], Some(json!({"user_id": user}))).await
    };
    ana.get(&path).await.expect(404);
    put(&ben, path.clone(), sam.id()).await.expect(404);
    put(&ben, path.clone(), TestServer::unknown_id()).await.expect(404);
    let wrong = [
        TestServer::unknown_id(),
        ana.id(),
        supervisor.id(),
        server.user_of_other_org(Role::Client).id(),
        server.user_with_status(Role::Client, UserStatus::Suspended).id(),
        server.user_with_status(Role::Client, UserStatus::Removed).id(),
    ];
    let mut observed = Vec::new();
    for id in wrong {
        let reply = put(&ana, path.clone(), id).await;
        observed.push(reply.observed());
        reply.expect_fault(422, "/user_id", "unknown_reference");
    }
    link(&ana, &client, &sam).await;
    link(&supervisor, &client, &sam).await;
    let twice = put(&ana, format!("/clients/{other}/account"), sam.id()).await;
    observed.push(twice.observed());
    twice.expect_fault(422, "/user_id", "unknown_reference");
    assert!(observed.iter().all(|one| *one == observed[0]), "the response does not say whose it is already");
    assert_eq!(supervisor.get(&path).await.expect(200).body["user_id"], sam.id());
    assert_eq!(sam.get("/me/client").await.expect(200).body["preferred_name"], "Sam");

    // Another user instead; then none.
    link(&ana, &client, &kim).await;
    sam.get("/me/client").await.expect(404);
    kim.get("/me/client").await.expect(200);
    ana.send("DELETE", &path, &[], None).await.expect(204);
    ana.send("DELETE", &path, &[], None).await.expect(404);
    for path in PATHS {
        kim.get(path).await.expect(404);
    }
    let audit_fields = pages(&server.user(Role::Auditor), "/audit-events?sort=sequence", 100).await;
    let audit_fields: Vec<(&str, &Value)> = audit_fields
        .iter()
        .filter(|entry| entry["action"].as_str().unwrap().starts_with("client.account_"))
        .map(|entry| (entry["action"].as_str().unwrap(), &entry["fields"]))
        .collect();
    assert_eq!(
        audit_fields,
        [
            ("client.account_set", &json!([sam.id()])),
            ("client.account_read", &json!([])),
            ("client.account_removed", &json!([sam.id()])),
            ("client.account_set", &json!([kim.id()])),
            ("client.account_removed", &json!([kim.id()])),
        ]
    );
}

async fn concurrent_account_links_leave_one_link(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let (one, two, sam) = (client_of(&ana, "Sam").await, client_of(&ana, "Kim").await, server.user(Role::Client));
    let tries = (0..32).map(|place| {
        let (who, client) = (if place % 2 == 0 { &ana } else { &supervisor }, if place % 4 < 2 { &one } else { &two });
        let (path, body) = (format!("/clients/{client}/account"), json!({"user_id": sam.id()}));
        async move { who.send("PUT", &path, &[], Some(body)).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| [200, 422, 503].contains(status)), "{statuses:?}");
    let links: i64 = schema::client_accounts::table.count().get_result(&mut server.database.open()).unwrap();
    assert_eq!(links, 1);
    let linked = sam.get("/me/client").await.expect(200).id();
    assert!(linked == one || linked == two);
}

async fn a_client_writes_and_approves_their_own_statement(server: &TestServer) {
    let (ana, sam) = (server.user(Role::Advocate), server.user(Role::Client));
    let client = client_of(&ana, "Sam").await;
    link(&ana, &client, &sam).await;
    let first = sam.post("/me/statements", json!({"sections": {"needs": "Time to read."}})).await.expect(201);
    assert_eq!(first.header("location"), format!("/api/v1/me/statements/{}", first.id()));
    assert_eq!(members(&first.body), ["created_at", "id", "number", "sections", "status", "updated_at", "version"]);
    assert_eq!(sam.post("/me/statements", json!({})).await.expect(409).body["code"], "already_exists");
    sam.post("/me/statements", json!({"status": "approved"})).await.expect(422);
    let (mine, theirs) = (format!("/me/statements/{}", first.id()), format!("/statements/{}", first.id()));
    // It is one draft, whoever edits it.
    ana.patch(&theirs, "\"v1\"", json!({"sections": {"helps": "A text."}})).await.expect(200);
    sam.patch(&mine, "\"v1\"", json!({"sections": {"helps": "A call."}})).await.expect(412);
    sam.send("POST", &format!("{mine}/approve"), &[("if-match", "\"v1\"")], None).await.expect(412);
    sam.patch(&mine, "\"v2\"", json!({"sections": {"helps": "A call."}})).await.expect(200);
    sam.send("PATCH", &mine, &[], Some(json!({"sections": {}}))).await.expect(428);
    sam.send("POST", &format!("{mine}/approve"), &[], None).await.expect(428); // unread text is not approved
    let observed = sam.send("POST", &format!("{mine}/approve"), &[("if-match", "\"v3\"")], None).await.expect(200);
    assert_eq!(
        (&observed.body["status"], &observed.body["approval"]["method"]),
        (&json!("approved"), &json!("in_writing"))
    );
    assert_eq!(
        sam.send("POST", &format!("{mine}/approve"), &[("if-match", "*")], None).await.expect(409).body["code"],
        "statement_settled"
    );
    assert_eq!(
        sam.patch(&mine, "*", json!({"sections": {"needs": "x"}})).await.expect(409).body["code"],
        "statement_settled"
    );
    let seen = ana.get(&theirs).await.expect(200);
    assert_eq!(
        (&seen.body["approval"]["recorded_by"], &seen.body["sections"]["helps"]),
        (&json!(sam.id()), &json!("A call."))
    );
    let empty = sam.post("/me/statements", json!({})).await.expect(201).id();
    assert_eq!(
        sam.send("POST", &format!("/me/statements/{empty}/approve"), &[("if-match", "*")], None).await.expect(409).body
            ["code"],
        "guards_unmet"
    );
    let observed = pages(&sam, "/me/statements", 1).await;
    assert_eq!(observed.iter().map(|one| one["status"].as_str().unwrap()).collect::<Vec<_>>(), ["draft", "approved"]);
    assert_eq!(pages(&sam, "/me/statements?status=approved", 1).await.len(), 1);
}

async fn feedback_is_visible_only_to_staff_of_its_case(server: &TestServer) {
    let (ana, ben, supervisor, sam) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Client),
    );
    let case = active_case(&ana, &supervisor).await;
    let client = client_in(&ana, &case).await;
    link(&ana, &client, &sam).await;
    let new = json!({
        "client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "A flat.",
        "lead_advocate_id": ben.id(),
    });
    let other = supervisor.post("/cases", new).await.expect(201).id();
    let held = meeting(&ben, &other, "2026-01-05", "The flat.").await;
    for body in [
        json!({"text": "In general."}),
        json!({"case_id": case, "rating": 5, "text": "Of Ana's."}),
        json!({"meeting_id": held, "rating": 1, "text": "Of Ben's."}),
    ] {
        sam.post("/me/feedback", body).await.expect(201);
    }
    for (body, at, code) in [
        (json!({"text": " "}), "/text", "blank"),
        (json!({"rating": 6, "text": "x"}), "/rating", "out_of_range"),
        (json!({"case_id": other, "meeting_id": held, "text": "x"}), "/meeting_id", "not_both"),
        (json!({"client_id": client, "text": "x"}), "/client_id", "unknown_member"),
    ] {
        sam.post("/me/feedback", body).await.expect_fault(422, at, code);
    }
    let texts =
        |items: Vec<Value>| items.iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let path = format!("/clients/{client}/feedback");
    assert_eq!(texts(pages(&supervisor, &path, 1).await), ["Of Ben's.", "Of Ana's.", "In general."]);
    assert_eq!(
        texts(pages(&ana, &path, 1).await),
        ["Of Ana's.", "In general."],
        "a case that she does not see is not mentioned"
    );
    assert_eq!(texts(pages(&ben, &path, 1).await), ["Of Ben's.", "In general."]);
    assert_eq!(ana.get(&format!("{path}?include_total=true")).await.body["total"], 2);
    assert_eq!(pages(&sam, "/me/feedback?sort=created_at", 2).await.len(), 3);
    let of_ben = &pages(&ben, &path, 1).await[0];
    assert_eq!(
        (&of_ben["case_id"], &of_ben["meeting_id"], &of_ben["rating"]),
        (&json!(other), &json!(held), &json!(1))
    );
    server.user(Role::Advocate).get(&path).await.expect(404);
    server.user(Role::Admin).get(&path).await.expect(403);
}

async fn unlinked_client_loses_access_at_once_and_portal_reads_are_audited(server: &TestServer) {
    let (ana, supervisor, admin, sam) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
        server.user(Role::Client),
    );
    let case = active_case(&ana, &supervisor).await;
    let client = client_in(&ana, &case).await;
    link(&ana, &client, &sam).await;
    let (key, body) = ([("idempotency-key", "once")], json!({"sections": {"needs": "Quiet."}}));
    sam.send("POST", "/me/statements", &key, Some(body.clone())).await.expect(201);
    let again = sam.send("POST", "/me/statements", &key, Some(body.clone())).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let observed = json!({"text": "Thank you."});
    sam.send("POST", "/me/feedback", &key, Some(observed.clone())).await.expect(201);
    for path in PATHS {
        sam.get(path).await.expect(200);
    }
    sam.get(&format!("/me/cases/{case}")).await.expect(200);
    let audit_fields =
        pages(&server.user(Role::Auditor), &format!("/audit-events?actor_id={}&sort=sequence", sam.id()), 100).await;
    let actions: Vec<&str> = audit_fields.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "statement.created",
            "statement.read",
            "feedback.given",
            "client.read",
            "case.listed",
            "statement.listed",
            "feedback.listed",
            "case.read"
        ]
    );
    assert!(
        audit_fields.iter().all(|entry| entry["actor_role"] == "client")
            && !json!(audit_fields).to_string().contains("Quiet")
    );

    ana.send("DELETE", &format!("/clients/{client}/account"), &[], None).await.expect(204);
    for path in PATHS {
        sam.get(path).await.expect(404);
    }
    sam.send("POST", "/me/statements", &key, Some(body)).await.expect(404);
    sam.send("POST", "/me/feedback", &key, Some(observed)).await.expect(404);
    link(&ana, &client, &sam).await;
    admin.patch(&format!("/users/{}", sam.id()), "*", json!({"status": "suspended"})).await.expect(200);
    for path in PATHS {
        sam.get(path).await.expect(401);
    }
}

// A linked user who gets another role no longer sees the portal, and sees only what that role shows.
async fn account_link_works_only_for_the_client_role(server: &TestServer) {
    let (ana, admin, sam) =
        (server.user(Role::Advocate), server.user(Role::Admin), server.user_in(&server.org, &[], Role::Client));
    let client = client_of(&ana, "Sam").await;
    link(&ana, &client, &sam).await;
    admin.patch(&format!("/users/{}", sam.id()), "*", json!({"role": "advocate"})).await.expect(200);
    let login = server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": sam.email, "password": crate::support::PASSWORD})))
        .await
        .expect(200);
    let token = login.body["access_token"].as_str().unwrap();
    for (path, status) in [("/api/v1/me/client", 403), (&format!("/api/v1/clients/{client}"), 404)] {
        server.send(Some(token), "GET", path, &[], None).await.expect(status);
    }
}
