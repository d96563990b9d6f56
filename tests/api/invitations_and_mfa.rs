//! Accounts and credentials: invitations, forgotten passwords, new addresses, second factors, and repeated password
//! entry.

use crate::{
    on_both_engines,
    support::{PASSWORD, Reply, TestServer, User},
};
use alongside::{
    auth::{Role, secret_keys::SecretKeys, totp},
    db::schema::{mailed_secrets, second_factors, sessions, users},
    identity::{organizations::model::OrganizationStatus, second_factor::model::FactorRow, users::model::UserStatus},
    types::Instant,
};
use diesel::prelude::*;
use serde_json::{Value, json};

const NEW: &str = "four dry umbrellas and a hat";

async fn public(server: &TestServer, path: &str, body: Value) -> Reply {
    server.anyone("POST", &format!("/api/v1/auth/{path}"), Some(body)).await
}
async fn sign_in(server: &TestServer, email: &str, password: &str, otp: Option<&str>) -> Reply {
    let mut body = json!({"email": email, "password": password});
    if let Some(otp) = otp {
        body["otp"] = json!(otp);
    }
    public(server, "login", body).await
}
/// Uses the token of a session that has just begun.
async fn with_token(server: &TestServer, reply: &Reply, method: &str, path: &str, body: Option<Value>) -> Reply {
    let token = reply.body["access_token"].as_str().unwrap();
    server.send(Some(token), method, &format!("/api/v1{path}"), &[], body.map(|body| body.to_string())).await
}
fn secret_of(server: &TestServer, user: &User<'_>) -> Vec<u8> {
    let row: FactorRow = second_factors::table
        .filter(second_factors::user_id.eq(user.actor.user))
        .select(FactorRow::as_select())
        .first(&mut server.database.open())
        .unwrap();
    row.decrypt_secret(&SecretKeys::read(server.database.folder.path()).unwrap()).unwrap()
}
/// The current code, not used before.
fn fresh_code(server: &TestServer, user: &User<'_>) -> String {
    let row = second_factors::table.filter(second_factors::user_id.eq(user.actor.user));
    diesel::update(row).set(second_factors::last_step.eq(0)).execute(&mut server.database.open()).unwrap();
    totp::code_at(&secret_of(server, user), Instant::now())
}
/// Sets up a second factor and returns the recovery codes.
async fn set_up(server: &TestServer, user: &User<'_>) -> Vec<String> {
    user.send("POST", "/me/second-factor", &[], None).await.expect(200);
    let code = totp::code_at(&secret_of(server, user), Instant::now());
    let codes = user.post("/me/second-factor/confirmation", json!({"otp": code})).await.expect(200);
    codes.body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}
fn an_hour_ago(server: &TestServer, user: &User<'_>) {
    let session = sessions::table.filter(sessions::id.eq(user.actor.session));
    diesel::update(session)
        .set(sessions::proved_at.eq(Instant::now().plus_seconds(-601)))
        .execute(&mut server.database.open())
        .unwrap();
}
fn expire(server: &TestServer) {
    let past = Instant::now().plus_seconds(-1);
    diesel::update(mailed_secrets::table)
        .set(mailed_secrets::expires_at.eq(past))
        .execute(&mut server.database.open())
        .unwrap();
}
fn suspend(server: &TestServer, status: OrganizationStatus) {
    use alongside::db::schema::organizations as rows;
    diesel::update(rows::table.filter(rows::id.eq(server.org.id)))
        .set(rows::status.eq(status))
        .execute(&mut server.database.open())
        .unwrap();
}
/// The actions in the audit log so far, as an auditor sees them.
async fn actions(server: &TestServer) -> Vec<String> {
    let seen = server.user(Role::Auditor).get("/audit-events?limit=200").await.expect(200);
    seen.body["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

on_both_engines! {
    invited_user_sets_a_password_and_logs_in,
    removed_or_suspended_user_is_reactivated_instead_of_invited,
    international_email_domain_is_the_same_in_every_spelling,
    invitation_can_be_resent_and_withdrawn_and_expires,
    invitations_of_a_demoted_or_suspended_administrator_are_invalid,
    pending_email_change_ends_with_the_session_that_requested_it,
    mail_to_an_address_is_rate_limited_per_organization,
    invitation_does_not_reveal_accounts_of_other_organizations,
    only_one_of_64_concurrent_uses_of_a_mailed_token_succeeds,
    only_one_of_64_concurrent_uses_of_a_second_factor_code_succeeds,
    password_reset_response_is_uniform_and_only_the_owner_gets_mail,
    reset_token_is_invalid_after_a_newer_one_new_password_or_removal,
    email_change_is_confirmed_and_the_old_address_is_notified,
    second_factor_is_required_and_passwords_do_not_reset_failures,
    role_that_requires_a_second_factor_is_refused_without_one,
    sensitive_operations_require_a_recent_password,
}

async fn invited_user_sets_a_password_and_logs_in(server: &TestServer) {
    let admin = server.user(Role::Admin);
    let body = json!({"email": "bo@example.org", "display_name": "Bo", "role": "advocate", "team_ids": [server.team]});
    let made = admin.post("/invitations", body.clone()).await.expect(201);
    assert_eq!((made.body["status"].as_str(), made.body["role"].as_str()), (Some("open"), Some("advocate")));
    assert!(!made.body.to_string().contains("invitation."), "the secret goes by mail alone");
    admin.post("/invitations", body).await.expect(409);
    let secret = server.secret("bo@example.org", "invitation.").await;
    sign_in(server, "bo@example.org", NEW, None).await.expect(401);
    public(server, "accept-invitation", json!({"token": secret, "password": "short"})).await.expect_fault(
        422,
        "/password",
        "too_short",
    );
    public(server, "accept-invitation", json!({"token": format!("{secret}x"), "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    let bo = public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect(200);
    assert!(bo.body.get("access_token").is_none());
    public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    let session = sign_in(server, "bo@example.org", NEW, None).await.expect(200);
    let me = with_token(server, &session, "GET", "/me", None).await.expect(200);
    assert_eq!((me.body["role"].as_str(), &me.body["team_ids"]), (Some("advocate"), &json!([server.team])));
    let after = admin.get(&format!("/invitations/{}", made.id())).await.expect(200);
    assert_eq!(
        (after.body["status"].as_str(), after.body["user_id"].as_str()),
        (Some("accepted"), Some(bo.id().as_str()))
    );
    let body = json!({"email": "bo@example.org", "display_name": "Bo", "role": "admin"});
    admin.post("/invitations", body).await.expect(409);
    let trace = actions(server).await;
    for action in ["invitation.created", "invitation.accepted", "user.created"] {
        assert!(trace.iter().any(|known| known == action), "{action}: {trace:?}");
    }
}

async fn removed_or_suspended_user_is_reactivated_instead_of_invited(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let invite = async || {
        admin
            .post("/invitations", json!({"email": ana.email, "display_name": "Ana", "role": "advocate"}))
            .await
            .expect(409)
            .body
    };
    assert!(invite().await["detail"].as_str().unwrap().contains("already"));
    for status in ["suspended", "removed"] {
        let path = format!("/users/{}", ana.id());
        admin.patch(&path, "*", json!({"status": status})).await.expect(200);
        let observed = invite().await;
        let way = observed["detail"].as_str().unwrap();
        assert!(
            observed["code"] == "already_exists"
                && way.contains(status)
                && way.contains(&format!("PATCH {path}"))
                && way.contains("active"),
            "{observed:#}"
        );
    }
    // The instruction in the error works.
    admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": "active"})).await.expect(200);
    sign_in(server, &ana.email, PASSWORD, None).await.expect(200);
}

async fn international_email_domain_is_the_same_in_every_spelling(server: &TestServer) {
    let admin = server.user(Role::Admin);
    let made = admin
        .post("/invitations", json!({"email": "Bo@Müller.example", "display_name": "Bo", "role": "advocate"}))
        .await
        .expect(201);
    assert_eq!(made.body["email"], "bo@xn--mller-kva.example");
    let secret = server.secret("bo@xn--mller-kva.example", "invitation.").await;
    public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect(200);
    for email in ["bo@müller.example", "BO@MU\u{308}LLER.example", "bo@xn--mller-kva.example"] {
        sign_in(server, email, NEW, None).await.expect(200);
    }
    for bad in ["bo@xn--a.example", "bo@xn--mller-kva-.example", "bo@-müller.example", "bö@müller.example"] {
        admin.post("/invitations", json!({"email": bad, "display_name": "Bo", "role": "advocate"})).await.expect_fault(
            422,
            "/email",
            "invalid_email",
        );
    }
}

async fn invitation_can_be_resent_and_withdrawn_and_expires(server: &TestServer) {
    let admin = server.user(Role::Admin);
    let invite = |email: &'static str| {
        admin.post("/invitations", json!({"email": email, "display_name": "Bo", "role": "client"}))
    };
    let made = invite("bo@example.org").await.expect(201);
    let path = format!("/invitations/{}", made.id());
    let first = server.secret("bo@example.org", "invitation.").await;
    let send = format!("{path}/send-again");
    admin.send("POST", &send, &[], None).await.expect(200);
    server.emails("bo@example.org", 2).await;
    public(server, "accept-invitation", json!({"token": first, "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    admin.send("DELETE", &path, &[("if-match", "*")], None).await.expect(204);
    admin.send("DELETE", &path, &[("if-match", "*")], None).await.expect(409);
    for email_text in server.emails("bo@example.org", 2).await {
        let secret = email_text.lines().find_map(|line| line.strip_prefix("Code: ")).unwrap().to_owned();
        public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect_fault(
            422,
            "/token",
            "invalid_token",
        );
    }
    invite("cy@example.org").await.expect(201);
    let late = server.secret("cy@example.org", "invitation.").await;
    expire(server);
    public(server, "accept-invitation", json!({"token": late, "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    invite("di@example.org").await.expect(201);
    let shut = server.secret("di@example.org", "invitation.").await;
    suspend(server, OrganizationStatus::Suspended);
    public(server, "accept-invitation", json!({"token": shut, "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    suspend(server, OrganizationStatus::Active);
    let listed = admin.get("/invitations?status=open&include_total=true").await.expect(200);
    assert_eq!(listed.body["total"], 2);
    server.user_of_other_org(Role::Admin).get(&path).await.expect(404);
    admin
        .post(
            "/invitations",
            json!({"email": "ed@example.org", "display_name": "Ed", "role": "advocate", "team_ids": [server.other_team]}),
        )
        .await
        .expect_fault(422, "/team_ids/0", "unknown_reference");
}

async fn invitations_of_a_demoted_or_suspended_administrator_are_invalid(server: &TestServer) {
    let (admin, rogue) = (server.user(Role::Admin), server.user(Role::Admin));
    rogue
        .post("/invitations", json!({"email": "eve@example.org", "display_name": "Eve", "role": "admin"}))
        .await
        .expect(201);
    let secret = server.secret("eve@example.org", "invitation.").await;
    for change in [json!({"role": "advocate"}), json!({"role": "admin", "status": "suspended"})] {
        admin.send("PATCH", &format!("/users/{}", rogue.id()), &[("if-match", "*")], Some(change)).await.expect(200);
        public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect_fault(
            422,
            "/token",
            "invalid_token",
        );
    }
    let open = admin.get("/invitations").await.expect(200).body["items"][0]["id"].as_str().unwrap().to_owned();
    admin.send("POST", &format!("/invitations/{open}/send-again"), &[], None).await.expect(200);
    let emails = server.emails("eve@example.org", 2).await;
    let codes = emails.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("Code: "));
    let newer = codes.map(|code| code.trim().to_owned()).find(|code| *code != secret).unwrap();
    public(server, "accept-invitation", json!({"token": newer, "password": NEW})).await.expect(200);
}

async fn pending_email_change_ends_with_the_session_that_requested_it(server: &TestServer) {
    let (ana, admin) = (server.user(Role::Advocate), server.user(Role::Admin));
    for way in ["mine", "administrator"] {
        let theirs = sign_in(server, &ana.email, PASSWORD, None).await.expect(200);
        let email = format!("eve.{way}@example.org");
        with_token(server, &theirs, "POST", "/me/email", Some(json!({"email": email}))).await.expect(202);
        let secret = server.secret(&email, "email_change.").await;
        match way {
            "mine" => {
                let listed = ana.get("/me/sessions").await.expect(200);
                let theirs = listed.body["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|session| session["is_this"] == false)
                    .unwrap();
                ana.send("DELETE", &format!("/me/sessions/{}", theirs["id"].as_str().unwrap()), &[], None)
                    .await
                    .expect(204);
            }
            _ => drop(admin.send("DELETE", &format!("/users/{}/sessions", ana.id()), &[], None).await.expect(204)),
        }
        public(server, "confirm-email", json!({"token": secret})).await.expect_fault(422, "/token", "invalid_token");
    }
}

async fn mail_to_an_address_is_rate_limited_per_organization(server: &TestServer) {
    let (admin, other, ana) =
        (server.user(Role::Admin), server.user_of_other_org(Role::Admin), server.user(Role::Advocate));
    let invite = json!({"email": "bo@example.org", "display_name": "Bo", "role": "advocate"});
    let path = format!("/invitations/{}/send-again", admin.post("/invitations", invite.clone()).await.expect(201).id());
    for _ in 0..4 {
        admin.send("POST", &path, &[], None).await.expect(200);
    }
    assert!(admin.send("POST", &path, &[], None).await.expect(429).header("retry-after").parse::<u32>().unwrap() > 0);
    other.post("/invitations", invite).await.expect(201);
    // A signed-in user cannot send mail to many strangers.
    for number in 0..5 {
        ana.post("/me/email", json!({"email": format!("stranger{number}@example.org")})).await.expect(202);
    }
    ana.post("/me/email", json!({"email": "one.more@example.org"})).await.expect(429);
}

/// AZ-10: only the reader of an address's mail learns that the address signs in elsewhere, and no administrator does.
async fn invitation_does_not_reveal_accounts_of_other_organizations(server: &TestServer) {
    let (admin, other) = (server.user(Role::Admin), server.user_of_other_org(Role::Advocate));
    admin
        .post("/invitations", json!({"email": other.email, "display_name": "Bo", "role": "advocate"}))
        .await
        .expect(201);
    let secret = server.secret(&other.email, "invitation.").await;
    public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect(409);
    sign_in(server, &other.email, PASSWORD, None).await.expect(200);
}

async fn only_one_of_64_concurrent_uses_of_a_mailed_token_succeeds(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    admin
        .post("/invitations", json!({"email": "bo@example.org", "display_name": "Bo", "role": "advocate"}))
        .await
        .expect(201);
    public(server, "forgot-password", json!({"email": ana.email})).await.expect(202);
    let change = ana.post("/me/email", json!({"email": "new@example.org"})).await;
    change.expect(202);
    for (path, body) in [
        ("accept-invitation", json!({"token": server.secret("bo@example.org", "invitation.").await, "password": NEW})),
        ("reset-password", json!({"token": server.secret(&ana.email, "password_reset.").await, "password": NEW})),
    ] {
        let tries = (0..64).map(|_| async { public(server, path, body.clone()).await.status });
        let statuses = futures_util::future::join_all(tries).await;
        assert_eq!(statuses.iter().filter(|status| **status < 300).count(), 1, "{path}: {statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 204 | 422 | 503)), "{path}: {statuses:?}");
    }
    // The new password has invalidated it.
    let secret = server.secret("new@example.org", "email_change.").await;
    public(server, "confirm-email", json!({"token": secret})).await.expect_fault(422, "/token", "invalid_token");
}

async fn only_one_of_64_concurrent_uses_of_a_second_factor_code_succeeds(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let codes = set_up(server, &ana).await;
    for code in [codes[0].clone(), fresh_code(server, &ana)] {
        let mut inside = 0;
        // Five attempts are checked at once; the others wait and retry.
        for _ in 0..3 {
            let tries = (0..64).map(|_| async { sign_in(server, &ana.email, PASSWORD, Some(&code)).await.status });
            let statuses = futures_util::future::join_all(tries).await;
            assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 503)), "{statuses:?}");
            inside += statuses.iter().filter(|status| **status == 200).count();
            use alongside::db::schema::sign_in_tries as tries;
            diesel::delete(tries::table).execute(&mut server.database.open()).unwrap();
        }
        assert_eq!(inside, 1, "{code}");
    }
    assert_eq!(sign_in(server, &ana.email, PASSWORD, Some(&codes[1])).await.expect(200).body["token_type"], "Bearer");
    assert_eq!(ana.get("/me/second-factor").await.expect(200).body["recovery_codes_left"], 8);
}

async fn password_reset_response_is_uniform_and_only_the_owner_gets_mail(server: &TestServer) {
    let (ana, gone) = (server.user(Role::Advocate), server.user_with_status(Role::Advocate, UserStatus::Suspended));
    let mut observed = Vec::new();
    for email in [ana.email.as_str(), "nobody@example.org", gone.email.as_str()] {
        let reply = public(server, "forgot-password", json!({"email": email})).await.expect(202);
        observed.push((reply.body.clone(), reply.headers.len(), reply.header("content-length").to_owned()));
    }
    assert!(observed.iter().all(|one| *one == observed[0]), "{observed:?}");
    for bad in [
        json!([ana.email, "eve@example.org"]),
        json!(format!("{},eve@example.org", ana.email)),
        json!(format!("{}\r\nBcc: eve@example.org", ana.email)),
    ] {
        public(server, "forgot-password", json!({"email": bad})).await.expect(422);
    }
    let secret = server.secret(&ana.email, "password_reset.").await;
    public(server, "reset-password", json!({"token": secret, "password": ana.email})).await.expect_fault(
        422,
        "/password",
        "own_words",
    );
    public(server, "reset-password", json!({"token": secret, "password": NEW})).await.expect(204);
    ana.get("/me").await.expect(401);
    sign_in(server, &ana.email, PASSWORD, None).await.expect(401);
    sign_in(server, &ana.email, NEW, None).await.expect(200);
    server.emails(&ana.email, 2).await; // one of them reports the new password
    let files = std::fs::read_dir(server.database.mail()).unwrap().count();
    assert_eq!(files, 2, "nobody else is written to");
    let trace = actions(server).await;
    assert!(
        ["user.password_forgotten", "user.password_reset"]
            .iter()
            .all(|action| trace.iter().any(|known| known == action)),
        "{trace:?}"
    );
}

async fn reset_token_is_invalid_after_a_newer_one_new_password_or_removal(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let ask = |user: &User<'_>| public(server, "forgot-password", json!({"email": user.email.clone()}));
    let reset = |secret: String| public(server, "reset-password", json!({"token": secret, "password": NEW}));
    ask(&ana).await.expect(202);
    let first = server.secret(&ana.email, "password_reset.").await;
    ask(&ana).await.expect(202);
    let emails = server.emails(&ana.email, 2).await;
    let second = emails
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("Code: "))
        .map(|secret| secret.trim().to_owned());
    let second = second.into_iter().find(|secret| *secret != first).unwrap();
    reset(first).await.expect_fault(422, "/token", "invalid_token");
    ana.send(
        "PUT",
        "/me/password",
        &[],
        Some(json!({"current_password": PASSWORD, "new_password": "five old umbrellas and a cat"})),
    )
    .await
    .expect(204);
    reset(second).await.expect_fault(422, "/token", "invalid_token");
    ask(&ben).await.expect(202);
    let secret = server.secret(&ben.email, "password_reset.").await;
    diesel::update(users::table.filter(users::id.eq(ben.actor.user)))
        .set(users::status.eq(UserStatus::Removed))
        .execute(&mut server.database.open())
        .unwrap();
    reset(secret.clone()).await.expect_fault(422, "/token", "invalid_token");
    diesel::update(users::table.filter(users::id.eq(ben.actor.user)))
        .set(users::status.eq(UserStatus::Active))
        .execute(&mut server.database.open())
        .unwrap();
    // It is valid for its own purpose only (TK-04).
    public(server, "accept-invitation", json!({"token": secret, "password": NEW})).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    public(server, "confirm-email", json!({"token": secret})).await.expect_fault(422, "/token", "invalid_token");
    public(server, "refresh", json!({"refresh_token": secret})).await.expect(401);
    server.send(Some(&secret), "GET", "/api/v1/me", &[], None).await.expect(401);
    reset(secret).await.expect(204);
    // Only a few messages are sent per hour, whoever requests them.
    for _ in 0..12 {
        ask(&ana).await.expect(202);
    }
    ask(&ben).await.expect(202);
    server.emails(&ben.email, 3).await;
    assert!(server.emails(&ana.email, 1).await.len() <= 7);
}

async fn email_change_is_confirmed_and_the_old_address_is_notified(server: &TestServer) {
    let (ana, other) = (server.user(Role::Advocate), server.user_of_other_org(Role::Advocate));
    ana.post("/me/email", json!({"email": ana.email})).await.expect_fault(422, "/email", "unchanged");
    ana.post("/me/email", json!({"email": "ana.new@example.org"})).await.expect(202);
    sign_in(server, "ana.new@example.org", PASSWORD, None).await.expect(401);
    let secret = server.secret("ana.new@example.org", "email_change.").await;
    public(server, "confirm-email", json!({"token": secret})).await.expect(204);
    public(server, "confirm-email", json!({"token": secret})).await.expect_fault(422, "/token", "invalid_token");
    server.emails(&ana.email, 2).await; // the request and its completion
    ana.get("/me").await.expect(401);
    sign_in(server, &ana.email, PASSWORD, None).await.expect(401);
    let session = sign_in(server, "ana.new@example.org", PASSWORD, None).await.expect(200);
    // Only the reader of that mail learns that the address belongs to another user.
    with_token(server, &session, "POST", "/me/email", Some(json!({"email": other.email}))).await.expect(202);
    let secret = server.secret(&other.email, "email_change.").await;
    public(server, "confirm-email", json!({"token": secret})).await.expect(409);
    sign_in(server, &other.email, PASSWORD, None).await.expect(200);
}

async fn second_factor_is_required_and_passwords_do_not_reset_failures(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let before = sign_in(server, &ana.email, PASSWORD, None).await.expect(200);
    ana.send("POST", "/me/second-factor", &[], None).await.expect(200);
    ana.post("/me/second-factor/confirmation", json!({"otp": "000000"})).await.expect_fault(422, "/otp", "wrong_code");
    sign_in(server, &ana.email, PASSWORD, None).await.expect(200); // no code is required yet
    let codes = set_up(server, &ana).await;
    assert_eq!(codes.len(), 10);
    with_token(server, &before, "GET", "/me", None).await.expect(401);
    ana.get("/me").await.expect(200);
    assert_eq!(sign_in(server, &ana.email, PASSWORD, None).await.expect(401).body["code"], "otp_required");
    assert_eq!(
        sign_in(server, &ana.email, "not the password", Some(&codes[0])).await.expect(401).body["code"],
        "invalid_credentials"
    );
    let code = fresh_code(server, &ana);
    sign_in(server, &ana.email, PASSWORD, Some(&code)).await.expect(200);
    sign_in(server, &ana.email, PASSWORD, Some(&code)).await.expect(401); // it works once
    sign_in(server, &ana.email, PASSWORD, Some(&codes[0].to_lowercase())).await.expect(200);
    sign_in(server, &ana.email, PASSWORD, Some(&codes[0])).await.expect(401);
    // The failed codes themselves cause the wait.
    use alongside::db::schema::sign_in_tries as tries;
    for _ in 0..5 {
        sign_in(server, &ana.email, PASSWORD, Some("000000")).await.expect(401);
    }
    diesel::delete(tries::table.filter(tries::account.is_not_null())).execute(&mut server.database.open()).unwrap();
    let shut = sign_in(server, &ana.email, PASSWORD, Some(&codes[1])).await;
    assert_eq!(shut.expect(401).body["code"], "invalid_credentials");
    diesel::delete(tries::table).execute(&mut server.database.open()).unwrap();
    sign_in(server, &ana.email, PASSWORD, Some(&codes[1])).await.expect(200);
    // A new password does not remove the requirement of a code (AU-11).
    public(server, "forgot-password", json!({"email": ana.email})).await.expect(202);
    let secret = server.secret(&ana.email, "password_reset.").await;
    public(server, "reset-password", json!({"token": secret, "password": NEW})).await.expect(204);
    assert_eq!(sign_in(server, &ana.email, NEW, None).await.expect(401).body["code"], "otp_required");
    // It does not reset the count of failed codes either: the fifth causes a wait, although four came before the new
    // password.
    for _ in 0..4 {
        sign_in(server, &ana.email, NEW, Some("000000")).await.expect(401);
    }
    public(server, "forgot-password", json!({"email": ana.email})).await.expect(202);
    let mut done = 0;
    for email_text in server.emails(&ana.email, 6).await {
        let code =
            email_text.lines().find_map(|line| line.strip_prefix("Code: ")).unwrap_or_default().trim().to_owned();
        done += usize::from(
            public(server, "reset-password", json!({"token": code, "password": PASSWORD})).await.status == 204,
        );
    }
    assert_eq!(done, 1);
    sign_in(server, &ana.email, PASSWORD, Some("000000")).await.expect(401);
    sign_in(server, &ana.email, PASSWORD, Some(&codes[3])).await.expect(401);
    diesel::delete(tries::table).execute(&mut server.database.open()).unwrap();
    sign_in(server, &ana.email, PASSWORD, Some(&codes[3])).await.expect(200);
    // A suspended organization does not use up a code.
    suspend(server, OrganizationStatus::Suspended);
    assert_eq!(
        sign_in(server, &ana.email, PASSWORD, Some(&codes[2])).await.expect(401).body["code"],
        "invalid_credentials"
    );
    suspend(server, OrganizationStatus::Active);
    sign_in(server, &ana.email, PASSWORD, Some(&codes[2])).await.expect(200);
    let trace = actions(server).await;
    for action in ["user.otp_asked", "user.recovery_code_spent", "user.second_factor_confirmed"] {
        assert!(trace.iter().any(|known| known == action), "{action}: {trace:?}");
    }
    // An administrator of the same organization can remove a lost second factor.
    let path = format!("/users/{}/second-factor", ana.id());
    server.user_of_other_org(Role::Admin).send("DELETE", &path, &[], None).await.expect(404);
    server.user(Role::Admin).send("DELETE", &path, &[], None).await.expect(204);
    sign_in(server, &ana.email, PASSWORD, None).await.expect(200);
}

async fn role_that_requires_a_second_factor_is_refused_without_one(server: &TestServer) {
    let (admin, supervisor, ana) =
        (server.user(Role::Admin), server.user(Role::Supervisor), server.user(Role::Advocate));
    let boss_has = server.user(Role::Supervisor);
    let codes = set_up(server, &boss_has).await;
    admin
        .send("PATCH", "/organization", &[("if-match", "*")], Some(json!({"second_factor_roles": ["supervisor"]})))
        .await
        .expect(200);
    assert_eq!(supervisor.get("/cases").await.expect(403).body["code"], "second_factor_required");
    ana.get("/cases").await.expect(200);
    boss_has.get("/cases").await.expect(200);
    admin.get("/users").await.expect(200);
    server.user_of_other_org(Role::Supervisor).get("/cases").await.expect(200);
    let session = sign_in(server, &supervisor.email, PASSWORD, None).await.expect(200);
    assert_eq!(
        with_token(server, &session, "GET", "/cases", None).await.expect(403).body["code"],
        "second_factor_required"
    );
    assert_eq!(supervisor.get("/me/second-factor").await.expect(200).body["required"], true);
    set_up(server, &supervisor).await;
    supervisor.get("/cases").await.expect(200);
    // Without it, nothing else can be done until there is a new one.
    let session = sign_in(server, &boss_has.email, PASSWORD, Some(&codes[0])).await.expect(200);
    with_token(server, &session, "DELETE", "/me/second-factor", None).await.expect(204);
    assert_eq!(
        with_token(server, &session, "GET", "/cases", None).await.expect(403).body["code"],
        "second_factor_required"
    );
    admin
        .send("PATCH", "/organization", &[("if-match", "*")], Some(json!({"second_factor_roles": []})))
        .await
        .expect(200);
    with_token(server, &session, "GET", "/cases", None).await.expect(200);
}

/// AU-13.
async fn sensitive_operations_require_a_recent_password(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let user = format!("/users/{}", ana.id());
    let asked = [
        ("PATCH", user.as_str(), Some(json!({"role": "supervisor"}))),
        ("PATCH", "/organization", Some(json!({"second_factor_roles": ["admin"]}))),
        ("POST", "/invitations", Some(json!({"email": "bo@example.org", "display_name": "Bo", "role": "admin"}))),
        ("POST", "/me/email", Some(json!({"email": "new@example.org"}))),
        ("POST", "/me/second-factor", None),
        ("DELETE", "/me/second-factor", None),
    ];
    an_hour_ago(server, &admin);
    for (method, path, body) in asked {
        let reply = admin.send(method, path, &[("if-match", "*")], body).await.expect(403);
        assert_eq!(reply.body["code"], "reauthentication_required", "{method} {path}");
    }
    admin.get("/users").await.expect(200);
    let again = |body: Value| admin.post("/auth/reauthenticate", body);
    again(json!({"password": "not the password"})).await.expect_fault(422, "/password", "wrong_password");
    again(json!({"password": PASSWORD})).await.expect(204);
    set_up(server, &admin).await;
    an_hour_ago(server, &admin);
    again(json!({"password": PASSWORD})).await.expect_fault(422, "/otp", "required");
    again(json!({"password": PASSWORD, "otp": "000000"})).await.expect_fault(422, "/password", "wrong_password");
    let code = fresh_code(server, &admin);
    again(json!({"password": PASSWORD, "otp": code})).await.expect(204);
    admin.send("PATCH", &user, &[("if-match", "*")], Some(json!({"role": "supervisor"}))).await.expect(200);
    // A stolen session allows no faster guessing than the sign-in does.
    for _ in 0..5 {
        again(json!({"password": "not the password"})).await.expect(422);
    }
    again(json!({"password": PASSWORD, "otp": fresh_code(server, &admin)})).await.expect(422);
}
