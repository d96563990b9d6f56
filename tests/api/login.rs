//! Sign-in: rate limits, stored passwords, trusted addresses, the limit of connections, and lists with totals.

use crate::{
    on_both_engines,
    support::{PASSWORD, Reply, TestServer, User, harness::server_options, operator},
};
use alongside::{
    admin, app,
    auth::{
        Role,
        password::{Cost, Password},
        source::{Sources, TrustedProxies},
    },
    db::schema::{sign_in_tries as tries, users},
    types::{Email, Instant},
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

const WRONG: &str = "not the password of anybody";

async fn sign_in(server: &TestServer, email: &str, password: &str) -> Reply {
    server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": email, "password": password}))).await
}

/// Signs in at another server from behind a proxy. Returns the status and `Retry-After`.
async fn sign_in_at(server: &TestServer, base: &str, email: &str, password: &str, behind: &str) -> (u16, String) {
    let request =
        server.http.post(format!("{base}/api/v1/auth/login")).json(&json!({"email": email, "password": password}));
    let request = if behind.is_empty() { request } else { request.header("x-forwarded-for", behind) };
    let reply = request.send().await.unwrap();
    let after = reply.headers().get("retry-after").map_or("", |value| value.to_str().unwrap()).to_owned();
    (reply.status().as_u16(), after)
}

/// The counted failures, fewest first.
fn failures(server: &TestServer) -> Vec<i32> {
    tries::table.select(tries::failures).order(tries::failures).load(&mut server.database.open()).unwrap()
}

/// Ends the wait of every blocked account and address.
fn time_goes_by(server: &TestServer) {
    let past = Some(Instant::now().plus_seconds(-1));
    diesel::update(tries::table.filter(tries::waits_until.is_not_null()))
        .set(tries::waits_until.eq(past))
        .execute(&mut server.database.open())
        .unwrap();
}

fn hash_of(server: &TestServer, user: &User<'_>) -> String {
    let row = users::table.filter(users::id.eq(user.actor.user)).select(users::password_hash);
    row.first::<Option<String>>(&mut server.database.open()).unwrap().unwrap()
}

on_both_engines! {
    account_is_rate_limited_from_the_fifth_failure_for_any_password,
    guesses_from_elsewhere_do_not_lock_out_a_known_source,
    login_from_a_new_address_is_notified_by_email_once,
    only_five_of_200_concurrent_password_guesses_are_checked,
    unknown_account_is_rate_limited_like_an_existing_one,
    hundred_failures_lock_the_account_until_a_new_password_is_set,
    current_password_guesses_share_the_login_rate_limit,
    source_address_is_rate_limited_after_100_failures,
    password_is_rehashed_at_login_after_a_cost_increase,
    user_lists_and_ends_individual_sessions,
    oldest_session_ends_when_the_session_limit_is_exceeded,
    connections_over_the_limit_wait_and_the_others_work,
    docs_page_is_served_only_if_enabled,
    suspended_organization_locks_out_all_its_users,
    list_totals_count_only_visible_records,
}

async fn account_is_rate_limited_from_the_fifth_failure_for_any_password(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let wrong = sign_in(server, &ana.email, WRONG).await.expect(401).observed();
    for _ in 0..4 {
        assert_eq!(sign_in(server, &ana.email, WRONG).await.expect(401).observed(), wrong);
    }
    assert_eq!(sign_in(server, &ana.email, PASSWORD).await.expect(401).observed(), wrong, "it waits");
    ana.get("/me").await.expect(200); // existing sessions stay
    time_goes_by(server);
    sign_in(server, &ana.email, PASSWORD).await.expect(200);
    for _ in 0..4 {
        sign_in(server, &ana.email, WRONG).await.expect(401);
    }
    sign_in(server, &ana.email, PASSWORD).await.expect(200);
    // A single wrong guess after the wait causes a new wait.
    for _ in 0..5 {
        sign_in(server, &ana.email, WRONG).await.expect(401);
    }
    time_goes_by(server);
    sign_in(server, &ana.email, WRONG).await.expect(401);
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
}

async fn guesses_from_elsewhere_do_not_lock_out_a_known_source(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let proxied = server.another_server_with_options(app::ServerOptions {
        sources: Sources { behind_proxy: true, trusted: TrustedProxies::try_from("127.0.0.0/8".to_owned()).unwrap() },
        ..server_options()
    });
    let at = async |place: &str, user: &User<'_>, password: &str| {
        sign_in_at(server, &proxied, &user.email, password, place).await.0
    };
    let (office, elsewhere, database) = ("203.0.113.9", "198.51.100.1", "192.0.2.7");
    assert_eq!(at(office, &ana, PASSWORD).await, 200);
    for _ in 0..6 {
        assert_eq!(at(elsewhere, &ana, WRONG).await, 401);
    }
    assert_eq!(
        (at(elsewhere, &ana, PASSWORD).await, at(database, &ana, PASSWORD).await),
        (401, 401),
        "the account waits wherever it is not known"
    );
    assert_eq!(at(office, &ana, PASSWORD).await, 200);
    // Guesses from there are throttled too.
    for _ in 0..5 {
        assert_eq!(at(office, &ana, WRONG).await, 401);
    }
    assert_eq!((at(office, &ana, PASSWORD).await, at(office, &ben, PASSWORD).await), (401, 200));
    time_goes_by(server);
    assert_eq!((at(office, &ana, PASSWORD).await, at(database, &ana, PASSWORD).await), (200, 200));
}

async fn login_from_a_new_address_is_notified_by_email_once(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let proxied = server.another_server_with_options(app::ServerOptions {
        sources: Sources { behind_proxy: true, trusted: TrustedProxies::try_from("127.0.0.0/8".to_owned()).unwrap() },
        ..server_options()
    });
    for place in ["203.0.113.9", "203.0.113.9", "192.0.2.7", "192.0.2.7", "203.0.113.9"] {
        assert_eq!(sign_in_at(server, &proxied, &ana.email, PASSWORD, place).await.0, 200);
    }
    assert_eq!(server.emails(&ana.email, 1).await.len(), 1, "of the second place, once");
}

async fn only_five_of_200_concurrent_password_guesses_are_checked(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for email in [ana.email.as_str(), "nobody@example.org"] {
        let guesses = (0..200).map(|_| async { sign_in(server, email, WRONG).await.status });
        let statuses = futures_util::future::join_all(guesses).await;
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
        assert_eq!(failures(server)[0], 5, "of {email}");
        diesel::delete(tries::table).execute(&mut server.database.open()).unwrap();
    }
}

async fn unknown_account_is_rate_limited_like_an_existing_one(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let mut observed = Vec::new();
    for email in [ana.email.as_str(), "nobody@example.org"] {
        for _ in 0..7 {
            let reply = sign_in(server, email, WRONG).await.expect(401);
            observed.push((
                reply.observed(),
                reply.header("www-authenticate").to_owned(),
                reply.headers.len(),
                reply.header("content-length").to_owned(),
            ));
        }
    }
    assert!(observed.iter().all(|one| *one == observed[0]), "{observed:#?}");
    assert_eq!(failures(server)[..2], [5, 5]);
}

async fn hundred_failures_lock_the_account_until_a_new_password_is_set(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    sign_in(server, &ana.email, WRONG).await.expect(401);
    sign_in(server, &ana.email, PASSWORD).await.expect(200); // this address is now known for her
    sign_in(server, &ana.email, WRONG).await.expect(401);
    // The address has two failures by now, one of them cleared.
    for _ in 0..2 {
        sign_in(server, "nobody@example.org", WRONG).await.expect(401);
    }
    diesel::update(tries::table.filter(tries::failures.eq(1)))
        .set(tries::failures.eq(100))
        .execute(&mut server.database.open())
        .unwrap();
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
    let (db, operator, email) = (server.open_db(), operator(), Email::parse(&ana.email).unwrap());
    // The command line runs outside an async runtime, so its thread may block.
    let set = |password: &str| {
        let password = Password::parse(password).unwrap();
        std::thread::scope(|threads| {
            threads.spawn(|| admin::set_password(&db, &operator, email.clone(), password, Cost::MIN)).join().unwrap()
        })
    };
    assert_eq!(set("River Peers River Peers").unwrap_err().all_issues()[0].fault.code, "own_words");
    assert_eq!(set("passwordpassword").unwrap_err().all_issues()[0].fault.code, "too_common");
    assert_eq!(set("four dry umbrellas").unwrap(), ana.actor.user);
    ana.get("/me").await.expect(401); // every session has ended
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
    sign_in(server, &ana.email, "four dry umbrellas").await.expect(200);
}

async fn current_password_guesses_share_the_login_rate_limit(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let change = |current: &str| {
        ana.send(
            "PUT",
            "/me/password",
            &[],
            Some(json!({"current_password": current, "new_password": "four dry umbrellas"})),
        )
    };
    for _ in 0..5 {
        change(WRONG).await.expect_fault(422, "/current_password", "wrong_password");
    }
    change(PASSWORD).await.expect_fault(422, "/current_password", "wrong_password");
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
    time_goes_by(server);
    // A fault of the new password does not count as an attempt.
    for _ in 0..7 {
        ana.send(
            "PUT",
            "/me/password",
            &[],
            Some(json!({"current_password": PASSWORD, "new_password": "passwordpassword"})),
        )
        .await
        .expect_fault(422, "/new_password", "too_common");
    }
    change(PASSWORD).await.expect(204);
    sign_in(server, &ana.email, "four dry umbrellas").await.expect(200);
}

async fn source_address_is_rate_limited_after_100_failures(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let start = |behind_proxy, trusted: &str| {
        let trusted = TrustedProxies::try_from(trusted.to_owned()).unwrap();
        server.another_server_with_options(app::ServerOptions {
            sources: Sources { behind_proxy, trusted },
            ..server_options()
        })
    };
    for n in 0..2 {
        sign_in(server, &format!("nobody{n}@example.org"), WRONG).await.expect(401);
    }
    // The address has two failures, each account one.
    diesel::update(tries::table.filter(tries::failures.eq(2)))
        .set(tries::failures.eq(99))
        .execute(&mut server.database.open())
        .unwrap();
    sign_in(server, "nobody2@example.org", WRONG).await.expect(401);
    let reply = sign_in(server, &ana.email, PASSWORD).await.expect(429);
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    // This holds on every server. An unverified forwarded address is ignored; a caller behind a trusted proxy is a
    // different source.
    let (plain, proxied, asked_nothing) = (start(false, ""), start(true, "127.0.0.0/8"), start(true, ""));
    assert_eq!(sign_in_at(server, &plain, &ana.email, PASSWORD, "203.0.113.9").await.0, 429);
    assert_eq!(sign_in_at(server, &proxied, &ana.email, PASSWORD, "198.51.100.1, 203.0.113.9").await.0, 200);
    assert_eq!(sign_in_at(server, &proxied, &ana.email, PASSWORD, "203.0.113.9, 127.0.0.1").await.0, 200);
    // If the proxy does not name its callers, it is not throttled because of one of them.
    assert_eq!(sign_in_at(server, &asked_nothing, &ana.email, PASSWORD, "203.0.113.9").await.0, 200);
    // The audit log has the address that the proxy has named.
    let entries = server.user(Role::Auditor).get("/audit-events?limit=200").await.expect(200).body;
    let sources: Vec<&Value> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["action"] == "session.started")
        .map(|entry| &entry["source"])
        .collect();
    assert_eq!(sources.iter().filter(|source| ***source == json!("203.0.113.9")).count(), 2, "{sources:?}");
    time_goes_by(server);
    // Correct passwords cause no wait, however many failures remain.
    for _ in 0..3 {
        sign_in(server, &ana.email, PASSWORD).await.expect(200);
    }
    sign_in(server, "nobody3@example.org", WRONG).await.expect(401);
    sign_in(server, &ana.email, PASSWORD).await.expect(429);
    // A clock that was ahead causes no longer wait than usual.
    let ahead = Some(Instant::now().plus_seconds(365 * 24 * 3600));
    diesel::update(tries::table.filter(tries::waits_until.is_not_null()))
        .set(tries::waits_until.eq(ahead))
        .execute(&mut server.database.open())
        .unwrap();
    sign_in(server, &ana.email, PASSWORD).await.expect(401);
    let waits: Vec<Option<Instant>> = tries::table
        .select(tries::waits_until)
        .filter(tries::waits_until.is_not_null())
        .load(&mut server.database.open())
        .unwrap();
    assert!(waits.iter().flatten().any(|until| *until < Instant::now().plus_seconds(1000)), "{waits:?}");
}

async fn password_is_rehashed_at_login_after_a_cost_increase(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let dearer = server.another_server_with_options(app::ServerOptions {
        password_cost: Cost::new(20_480, 3).unwrap(),
        ..server_options()
    });
    assert!(hash_of(server, &ana).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(sign_in_at(server, &dearer, &ana.email, WRONG, "").await.0, 401);
    assert!(hash_of(server, &ana).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    // A concurrent sign-in succeeds too.
    let both = futures_util::join!(
        sign_in_at(server, &dearer, &ana.email, PASSWORD, ""),
        sign_in_at(server, &dearer, &ana.email, PASSWORD, "")
    );
    assert_eq!((both.0.0, both.1.0), (200, 200));
    let anew = hash_of(server, &ana);
    assert!(anew.starts_with("$argon2id$v=19$m=20480,t=3,p=1$"), "{anew}");
    // A server with a lower cost accepts the hash and leaves it unchanged.
    sign_in(server, &ana.email, PASSWORD).await.expect(200);
    assert_eq!(sign_in_at(server, &dearer, &ana.email, PASSWORD, "").await.0, 200);
    assert_eq!(hash_of(server, &ana), anew);
}

async fn user_lists_and_ends_individual_sessions(server: &TestServer) {
    let (ana, ben, admin) = (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Admin));
    let other = sign_in(server, &ana.email, PASSWORD).await.expect(200).body;
    let alive = async |tokens: &Value| {
        server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.status
    };
    let listed = ana.get("/me/sessions").await.expect(200).body;
    let (items, this) = (listed["items"].as_array().unwrap(), ana.actor.session.to_string());
    assert_eq!(
        (items.len(), &items[0]["is_this"], &items[1]["id"], &items[1]["is_this"]),
        (2, &json!(false), &json!(this), &json!(true))
    );
    let id = items[0]["id"].as_str().unwrap();
    ben.send("DELETE", &format!("/me/sessions/{id}"), &[], None).await.expect(404);
    ana.send("DELETE", &format!("/me/sessions/{id}"), &[], None).await.expect(204);
    assert_eq!(alive(&other).await, 401);
    server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": other["refresh_token"]})))
        .await
        .expect(401);
    ana.send("DELETE", &format!("/me/sessions/{id}"), &[], None).await.expect(404);
    assert_eq!(ana.get("/me/sessions").await.expect(200).body["items"].as_array().unwrap().len(), 1);
    // An administrator can end the sessions of a user who has lost a device.
    ben.send("DELETE", &format!("/users/{}/sessions", ana.id()), &[], None).await.expect(403);
    server
        .user_of_other_org(Role::Admin)
        .send("DELETE", &format!("/users/{}/sessions", ana.id()), &[], None)
        .await
        .expect(404);
    admin.send("DELETE", &format!("/users/{}/sessions", ana.id()), &[], None).await.expect(204);
    ana.get("/me").await.expect(401);
    sign_in(server, &ana.email, PASSWORD).await.expect(200);
}

async fn oldest_session_ends_when_the_session_limit_is_exceeded(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let login = || sign_in(server, &ana.email, PASSWORD);
    let mut nine = Vec::new();
    for _ in 0..9 {
        nine.push(login().await);
    }
    ana.get("/me").await.expect(200);
    let tenth = login().await.expect(200).body;
    ana.get("/me").await.expect(401);
    let tokens = nine.into_iter().map(|reply| reply.expect(200).body).chain([tenth]).collect::<Vec<_>>();
    for tokens in &tokens {
        server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(200);
    }
    for _ in 0..4 {
        for reply in futures_util::future::join_all((0..4).map(|_| login())).await {
            reply.expect(200);
        }
    }
    let left = login().await.expect(200).body;
    let listed =
        server.send(left["access_token"].as_str(), "GET", "/api/v1/me/sessions", &[], None).await.expect(200).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 10);
}

async fn connections_over_the_limit_wait_and_the_others_work(server: &TestServer) {
    let limited = server.another_server_with_options(app::ServerOptions { most_connections: 4, ..server_options() });
    let place = limited.trim_start_matches("http://").to_owned();
    let open = || TcpStream::connect(&place).unwrap();
    let ask = |stream: &mut TcpStream| stream.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answered = |stream: &mut TcpStream, within: Duration| {
        let mut reply = [0; 4096];
        stream.set_read_timeout(Some(within)).unwrap();
        matches!(stream.read(&mut reply), Ok(read) if reply[..read].starts_with(b"HTTP/1.1 200"))
    };
    let (soon, at_last) = (Duration::from_millis(500), Duration::from_secs(10));
    let mut four: Vec<TcpStream> = (0..4).map(|_| open()).collect();
    for stream in &mut four {
        ask(stream);
        assert!(answered(stream, at_last));
    }
    let mut fifth = open();
    ask(&mut fifth);
    assert!(!answered(&mut fifth, soon), "a fifth is served");
    for stream in &mut four {
        ask(stream);
        assert!(answered(stream, at_last), "an old one is not");
    }
    drop(four.pop());
    assert!(answered(&mut fifth, at_last), "it is not served when there is room");
}

async fn docs_page_is_served_only_if_enabled(server: &TestServer) {
    let closed = server.another_server_with_options(app::ServerOptions { docs: false, ..server_options() });
    for path in ["/docs", "/docs/", "/docs/index.html", "/openapi.json"] {
        let status = |base: &str| {
            let asked = server.http.get(format!("{base}{path}")).send();
            async { asked.await.unwrap().status().as_u16() }
        };
        assert_eq!((status(&server.base).await, status(&closed).await), (200, 404), "{path}");
    }
    assert_eq!(server.http.get(format!("{closed}/livez")).send().await.unwrap().status().as_u16(), 200);
}

async fn suspended_organization_locks_out_all_its_users(server: &TestServer) {
    let people = Role::ALL.iter().map(|role| server.user(*role)).collect::<Vec<_>>();
    let far = server.user_of_other_org(Role::Advocate);
    let tokens = sign_in(server, &people[0].email, PASSWORD).await.expect(200).body;
    server
        .database
        .open()
        .batch_execute("UPDATE organizations SET status = 'suspended' WHERE name = 'River Peers'")
        .unwrap();
    for who in &people {
        who.get("/me").await.expect(401);
        sign_in(server, &who.email, PASSWORD).await.expect(401);
    }
    server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]})))
        .await
        .expect(401);
    far.get("/me").await.expect(200);
    server
        .database
        .open()
        .batch_execute("UPDATE organizations SET status = 'active' WHERE name = 'River Peers'")
        .unwrap();
    people[0].get("/me").await.expect(200);
}

async fn list_totals_count_only_visible_records(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = crate::support::active_case(&ana, &supervisor).await;
    let barrier = ana
        .post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "The fee."}))
        .await
        .expect(201)
        .id();
    let action = ana
        .post(&format!("/barriers/{barrier}/actions"), json!({"type": "letter", "forum": "The clinic"}))
        .await
        .expect(201)
        .id();
    ana.post(
        &format!("/actions/{action}/deadlines"),
        json!({"due_on": "2030-01-01", "time_zone": "America/Chicago", "source": "manual"}),
    )
    .await
    .expect(201);
    ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": "2030-01-01"})).await.expect(201);
    ana.post(&format!("/cases/{case}/meetings"), json!({
        "type": "workplace", "mode": "phone", "starts_at": "2030-01-01T10:00:00Z", "ends_at": "2030-01-01T11:00:00Z",
        "time_zone": "America/Chicago", "purpose": "Agree.",
    })).await.expect(201);
    let lists: Vec<String> = lists_with_totals();
    assert!(lists.len() >= 8, "{lists:?}");
    let strangers = [
        server.user(Role::Advocate),
        server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor),
        server.user_of_other_org(Role::Supervisor),
    ];
    let mut counted = 0;
    for path in &lists {
        for who in strangers.iter().chain([&ana, &supervisor]) {
            let Reply { status: 200, body, .. } = who.get(&format!("{path}?include_total=true&limit=200")).await else {
                continue;
            };
            let items = body["items"].as_array().unwrap();
            assert_eq!(
                (body["total"].as_u64(), &body["page"]["has_more"]),
                (Some(items.len() as u64), &json!(false)),
                "{path}: {body:#}"
            );
            counted += items.len();
        }
    }
    assert!(counted > 10, "{counted}");
    for stranger in &strangers {
        for path in ["/cases", "/clients", "/barriers", "/deadlines", "/tasks", "/meetings"] {
            let total = &stranger.get(&format!("{path}?include_total=true")).await.expect(200).body["total"];
            assert_eq!(*total, json!(0), "{path}");
        }
    }
}

/// The paths of the lists that can count and need no id.
fn lists_with_totals() -> Vec<String> {
    let document = app::openapi();
    let counts = |operation: &Value| {
        operation["parameters"].as_array().is_some_and(|list| list.iter().any(|one| one["name"] == "include_total"))
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let lists = paths.filter(|(path, item)| !path.contains('{') && counts(&item["get"]));
    lists.map(|(path, _)| path.trim_start_matches("/api/v1").to_owned()).collect()
}
