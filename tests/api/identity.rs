//! Sign-in, sessions and their end; users and teams.

use crate::{
    on_both_engines,
    support::{PASSWORD, TestServer, User},
};
use alongside::{
    auth::Role,
    db::schema::{refresh_tokens, users},
    types::Instant,
};
use diesel::prelude::*;
use serde_json::{Value, json};

async fn sign_in(server: &TestServer, email: &str, password: &str) -> crate::support::Reply {
    server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": email, "password": password}))).await
}
async fn me(server: &TestServer, token: &Value) -> u16 {
    server.send(token.as_str(), "GET", "/api/v1/me", &[], None).await.status
}

async fn refresh(server: &TestServer, token: &Value) -> crate::support::Reply {
    server.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": token}))).await
}
/// Sets the time of use of every used refresh token to this many seconds ago.
fn set_age_of_used_tokens(server: &TestServer, seconds: i64) {
    let spent = refresh_tokens::table.filter(refresh_tokens::spent_at.is_not_null());
    let then = Some(Instant::now().plus_seconds(-seconds));
    diesel::update(spent).set(refresh_tokens::spent_at.eq(then)).execute(&mut server.database.open()).unwrap();
}

on_both_engines! {
    login_succeeds_only_with_the_correct_password,
    reused_refresh_token_ends_the_session,
    refresh_token_retry_within_the_grace_period_keeps_the_session,
    concurrent_uses_of_a_refresh_token_give_one_successor,
    logout_ends_the_session_immediately,
    suspension_takes_effect_on_the_next_request,
    batched_requests_are_authorized_individually,
    batched_list_requests_return_current_data_of_their_own_caller,
    role_is_read_from_the_database_not_from_the_token,
    users_cannot_raise_their_role_and_the_last_administrator_remains,
    password_change_ends_the_other_sessions,
    passwords_of_domain_words_or_simple_sequences_are_refused,
    stored_hash_with_excessive_cost_is_refused,
    user_filter_by_a_hidden_team_reveals_nothing,
    supervisor_sees_only_cases_of_their_teams,
    published_key_set_verifies_an_access_token,
}

async fn login_succeeds_only_with_the_correct_password(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let signed_in = sign_in(server, &ana.email.to_uppercase(), PASSWORD).await.expect(200);
    assert_eq!((&signed_in.body["token_type"], &signed_in.body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(signed_in.header("cache-control"), "no-store");
    assert_eq!(me(server, &signed_in.body["access_token"]).await, 200);
    let wrong = sign_in(server, &ana.email, "four wet umbrellas").await.expect(401);
    let unknown = sign_in(server, "nobody@example.org", PASSWORD).await.expect(401);
    assert_eq!(wrong.observed(), unknown.observed());
    sign_in(server, &ana.email, &"x".repeat(200)).await.expect_fault(422, "/password", "too_long");
}

async fn reused_refresh_token_ends_the_session(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let refused = async |token: &Value| {
        let reply = refresh(server, token).await.expect(401);
        assert_eq!(
            (reply.body["code"].as_str(), reply.header("www-authenticate")),
            (Some("invalid_refresh_token"), "Bearer"),
            "{:#}",
            reply.body
        );
    };
    // A token of an older generation was copied, even if it was used a moment ago: the whole token family ends.
    let first = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let second = refresh(server, &first["refresh_token"]).await.expect(200).body;
    let third = refresh(server, &second["refresh_token"]).await.expect(200).body;
    assert_eq!(me(server, &third["access_token"]).await, 200);
    refused(&first["refresh_token"]).await;
    assert_eq!(me(server, &third["access_token"]).await, 401);
    refused(&third["refresh_token"]).await;
    refused(&second["refresh_token"]).await;
    // The last used token, but too long after its use, while the next one is still unused.
    let first = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let second = refresh(server, &first["refresh_token"]).await.expect(200).body;
    set_age_of_used_tokens(server, 31);
    refused(&first["refresh_token"]).await;
    assert_eq!(me(server, &second["access_token"]).await, 401);
    refused(&second["refresh_token"]).await;
    // The user is notified of each of the two (TK-06).
    let emails = server.emails(&ana.email, 2).await;
    assert!(
        emails.iter().filter(|email_text| email_text.contains("an old sign-in key of it was used again")).count() == 2,
        "{emails:#?}"
    );
    for nonsense in ["", "x", "x.y", "019ab3c4000070008000000000000001.abc"] {
        refused(&json!(nonsense)).await;
    }
}

async fn refresh_token_retry_within_the_grace_period_keeps_the_session(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let first = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let sessions = async |tokens: &Value| {
        let listed =
            server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me/sessions", &[], None).await.expect(200);
        listed.body["items"].as_array().unwrap().len()
    };
    let before = sessions(&first).await;
    let one = refresh(server, &first["refresh_token"]).await.expect(200).body;
    set_age_of_used_tokens(server, 25);
    let other = refresh(server, &first["refresh_token"]).await.expect(200).body;
    // It gives the same successor: there is one chain of tokens, and no second live session.
    assert_eq!(one["refresh_token"], other["refresh_token"]);
    assert_eq!(
        (me(server, &one["access_token"]).await, me(server, &other["access_token"]).await, sessions(&other).await),
        (200, 200, before)
    );
    // Both clients continue in this way.
    let mut tokens = one;
    for _ in 0..3 {
        let next = refresh(server, &tokens["refresh_token"]).await.expect(200).body;
        assert_eq!(
            refresh(server, &tokens["refresh_token"]).await.expect(200).body["refresh_token"],
            next["refresh_token"]
        );
        tokens = next;
    }
    // Shared use of a copied token is detected at the latest when the grace period of the next token ends.
    let copied = tokens["refresh_token"].clone();
    let next = refresh(server, &copied).await.expect(200).body;
    set_age_of_used_tokens(server, 31);
    refresh(server, &copied).await.expect(401);
    assert_eq!(me(server, &next["access_token"]).await, 401);
    // The database contains no token, not even the successors that it returns again.
    let kept: Vec<(Vec<u8>, Option<Vec<u8>>)> = refresh_tokens::table
        .select((refresh_tokens::hash, refresh_tokens::successor))
        .load(&mut server.database.open())
        .unwrap();
    assert_eq!(
        kept.iter().filter(|(_, successor)| successor.is_some()).count(),
        1,
        "only the one that was spent last can be answered again"
    );
    let secret = next["refresh_token"].as_str().unwrap().split_once('.').unwrap().1;
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!kept.iter().any(|(hash, successor)| holds(hash) || successor.as_ref().is_some_and(|bytes| holds(bytes))));
    // A token that could be repeated does not bring back an ended session.
    let first = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let second = refresh(server, &first["refresh_token"]).await.expect(200).body;
    server.send(second["access_token"].as_str(), "POST", "/api/v1/auth/logout", &[], None).await.expect(204);
    refresh(server, &first["refresh_token"]).await.expect(401);
}

async fn concurrent_uses_of_a_refresh_token_give_one_successor(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let token = sign_in(server, &ana.email, PASSWORD).await.expect(200).body["refresh_token"].clone();
    let tries = futures_util::future::join_all((0..64).map(|_| refresh(server, &token))).await;
    assert!(
        tries.iter().all(|reply| reply.status == 200),
        "{:?}",
        tries.iter().map(|reply| reply.status).collect::<Vec<_>>()
    );
    let next: std::collections::BTreeSet<&str> =
        tries.iter().map(|reply| reply.body["refresh_token"].as_str().unwrap()).collect();
    assert_eq!(next.len(), 1, "one successor for all");
    let mut conn = server.database.open();
    let unspent: i64 =
        refresh_tokens::table.filter(refresh_tokens::spent_at.is_null()).count().get_result(&mut conn).unwrap();
    assert_eq!(unspent, 1);
    for reply in [&tries[0], &tries[63]] {
        assert_eq!(me(server, &reply.body["access_token"]).await, 200);
    }
    let after = refresh(server, &json!(next.first().unwrap())).await.expect(200).body;
    assert_eq!(me(server, &after["access_token"]).await, 200);
    // After the grace period, no use succeeds.
    set_age_of_used_tokens(server, 31);
    let late = futures_util::future::join_all((0..16).map(|_| refresh(server, &token))).await;
    assert!(late.iter().all(|reply| reply.status == 401));
    assert_eq!(me(server, &after["access_token"]).await, 401);
}

async fn logout_ends_the_session_immediately(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let tokens = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    server.send(tokens["access_token"].as_str(), "POST", "/api/v1/auth/logout", &[], None).await.expect(204);
    assert_eq!(me(server, &tokens["access_token"]).await, 401);
    server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]})))
        .await
        .expect(401);
}

async fn suspension_takes_effect_on_the_next_request(server: &TestServer) {
    let (ana, admin) = (server.user(Role::Advocate), server.user(Role::Admin));
    ana.get("/me").await.expect(200);
    admin.patch(&format!("/users/{}", ana.id()), "\"v1\"", json!({"status": "suspended"})).await.expect(200);
    ana.get("/me").await.expect(401);
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
}

// Waiting requests are batched: sessions in one statement, reads by key in one transaction.
async fn batched_requests_are_authorized_individually(server: &TestServer) {
    let (ana, ben, far, gone, admin) = (
        server.user(Role::Advocate),
        server.user(Role::Advocate),
        server.user_of_other_org(Role::Advocate),
        server.user(Role::Advocate),
        server.user(Role::Admin),
    );
    let (of_ana, of_ben, of_far) = futures_util::join!(ana.new_case(), ben.new_case(), far.new_case());
    admin.patch(&format!("/users/{}", gone.id()), "*", json!({"status": "suspended"})).await.expect(200);
    let nobodys = TestServer::unknown_id();
    let asked: Vec<_> = [&ana, &ben, &far, &gone]
        .into_iter()
        .flat_map(|user| [&of_ana, &of_ben, &of_far, &nobodys].map(|case| (user, case)))
        .collect();
    let asked = asked.repeat(8);
    let answers = futures_util::future::join_all(
        asked.iter().map(|(user, case)| async move { user.get(&format!("/cases/{case}")).await }),
    )
    .await;
    for ((user, case), answer) in asked.into_iter().zip(answers) {
        let own = [(ana.id(), &of_ana), (ben.id(), &of_ben), (far.id(), &of_far)].contains(&(user.id(), case));
        let answer = answer.expect(if user.id() == gone.id() {
            401
        } else if own {
            200
        } else {
            404
        });
        assert!(!own || answer.body["id"] == **case, "{}", answer.body);
    }
}

async fn batched_list_requests_return_current_data_of_their_own_caller(server: &TestServer) {
    let (ana, ben, far) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user_of_other_org(Role::Advocate));
    let at_work = async |user: &User| {
        for made in 1..=8 {
            let case = user.new_case().await;
            let (list, again, login) =
                futures_util::join!(user.get("/cases"), user.get("/cases"), sign_in(server, &user.email, PASSWORD));
            login.expect(200);
            for list in [list.expect(200), again.expect(200)] {
                let items = list.body["items"].as_array().unwrap();
                assert_eq!((items.len(), &items[0]["id"]), (made, &json!(case)), "{}", list.body);
            }
        }
    };
    futures_util::join!(at_work(&ana), at_work(&ben), at_work(&far));
}

async fn role_is_read_from_the_database_not_from_the_token(server: &TestServer) {
    let (ana, admin) = (server.user(Role::Advocate), server.user(Role::Admin));
    admin.patch(&format!("/users/{}", ana.id()), "*", json!({"role": "auditor"})).await.expect(200);
    let tokens = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    server.send(tokens["access_token"].as_str(), "GET", "/api/v1/cases", &[], None).await.expect(403);
}

async fn users_cannot_raise_their_role_and_the_last_administrator_remains(server: &TestServer) {
    let (one, two) = (server.user(Role::Admin), server.user(Role::Admin));
    one.patch(&format!("/users/{}", one.id()), "*", json!({"status": "removed"})).await.expect(403);
    let (a, b) = (format!("/users/{}", two.id()), format!("/users/{}", one.id()));
    let (x, y) = futures_util::join!(
        one.patch(&a, "*", json!({"role": "advocate"})),
        two.patch(&b, "*", json!({"role": "advocate"}))
    );
    let won = [x.status, y.status].iter().filter(|status| **status == 200).count();
    assert_eq!(won, 1, "{} {}", x.status, y.status);
    server.user(Role::Advocate).patch(&a, "*", json!({"role": "admin"})).await.expect(403);
    server.user_of_other_org(Role::Admin).patch(&a, "*", json!({"role": "admin"})).await.expect(404);
}

async fn password_change_ends_the_other_sessions(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let other = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    ana.send("PUT", "/me/password", &[], Some(change("not the one I have", "four dry umbrellas"))).await.expect_fault(
        422,
        "/current_password",
        "wrong_password",
    );
    ana.send("PUT", "/me/password", &[], Some(change(PASSWORD, "short"))).await.expect_fault(
        422,
        "/new_password",
        "too_short",
    );
    ana.send("PUT", "/me/password", &[], Some(change(PASSWORD, "four dry umbrellas"))).await.expect(204);
    assert_eq!(me(server, &other["access_token"]).await, 401);
    ana.get("/me").await.expect(200);
    sign_in(server, &ana.email, "four dry umbrellas").await.expect(200);
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
}

async fn passwords_of_domain_words_or_simple_sequences_are_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let change = |new: &str| json!({"current_password": PASSWORD, "new_password": new});
    let observed = async |bad: &str| ana.send("PUT", "/me/password", &[], Some(change(bad))).await.expect(422).faults();
    for run in ["135792468013579", "mnbvcxzlkjhgfdsapoi", "zyxwvutsrqponmlk", "november2026december"] {
        assert_eq!(observed(run).await, [("/new_password".to_owned(), "too_guessable".to_owned())], "{run}");
    }
    for words in ["recovery advocate 2026", "One day at a time 2024", "S0ber4Life!!2026"] {
        assert_eq!(observed(words).await, [("/new_password".to_owned(), "own_words".to_owned())], "{words}");
    }
    ana.send("PUT", "/me/password", &[], Some(change("blue kettle sings"))).await.expect(204);
}

async fn stored_hash_with_excessive_cost_is_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    sign_in(server, &ana.email, PASSWORD).await.expect(200);
    for cost in ["m=16777216,t=2,p=1", "m=19456,t=100000,p=1", "m=19456,t=2,p=200"] {
        let costly = server.password_hash.replace("m=19456,t=2,p=1", cost);
        assert!(costly.contains(cost));
        let row = users::table.filter(users::id.eq(ana.actor.user));
        diesel::update(row).set(users::password_hash.eq(Some(costly))).execute(&mut server.database.open()).unwrap();
        let begun = std::time::Instant::now();
        let observed = sign_in(server, &ana.email, PASSWORD).await.expect(401);
        assert_eq!(observed.body["code"], "invalid_credentials", "{cost}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{cost}: {:?}", begun.elapsed());
    }
}

async fn user_filter_by_a_hidden_team_reveals_nothing(server: &TestServer) {
    let south = server.new_team("South side");
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let both = server.user_in(&server.org, &[server.team, south], Role::Advocate);
    let found = async |user: &User, team: String| {
        let listed = user.get(&format!("/users?team={team}&include_total=true")).await.expect(200);
        (
            listed.body["total"].as_i64().unwrap(),
            listed.body["items"].as_array().unwrap().iter().any(|one| one["id"] == both.id()),
        )
    };
    for user in [&ana, &supervisor] {
        user.get(&format!("/users/{}", both.id())).await.expect(200);
        assert!(found(user, server.team.to_string()).await.1);
        for hidden in [south.to_string(), server.other_team.to_string(), TestServer::unknown_id()] {
            assert_eq!(found(user, hidden.clone()).await, (0, false), "{hidden}");
        }
    }
    assert_eq!((found(&admin, south.to_string()).await, found(&both, south.to_string()).await), ((1, true), (1, true)));
    assert_eq!(found(&admin, server.other_team.to_string()).await, (0, false));
}

async fn supervisor_sees_only_cases_of_their_teams(server: &TestServer) {
    let (admin, ana, supervisor) =
        (server.user(Role::Admin), server.user(Role::Advocate), server.user_in(&server.org, &[], Role::Supervisor));
    let case = ana.new_case().await;
    supervisor.get(&format!("/cases/{case}")).await.expect(404);
    admin.send("PUT", &format!("/teams/{}/members/{}", server.team, supervisor.id()), &[], None).await.expect(204);
    supervisor.get(&format!("/cases/{case}")).await.expect(200);
    admin.send("DELETE", &format!("/teams/{}/members/{}", server.team, supervisor.id()), &[], None).await.expect(204);
    supervisor.get(&format!("/cases/{case}")).await.expect(404);
    admin
        .send(
            "PUT",
            &format!("/teams/{}/members/{}", server.team, server.user_of_other_org(Role::Advocate).id()),
            &[],
            None,
        )
        .await
        .expect(404);
    admin
        .send("PUT", &format!("/teams/{}/members/{}", server.other_team, supervisor.id()), &[], None)
        .await
        .expect(404);
    let made = admin.post("/teams", json!({"name": "South side"})).await.expect(201);
    admin.post("/teams", json!({"name": "South side"})).await.expect(409);
    admin.get(&format!("/teams/{}/members", made.id())).await.expect(200);
    supervisor.get(&format!("/teams/{}", made.id())).await.expect(404);
}

async fn published_key_set_verifies_an_access_token(server: &TestServer) {
    let keys = server.anyone("GET", "/.well-known/jwks.json", None).await.expect(200).body;
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(keys["keys"][0].clone()).unwrap();
    let token = server.keys.mint(server.user(Role::Advocate).actor).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["alongside-api"]);
    jsonwebtoken::decode::<Value>(&token, &jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
}
