//! Signing keys that change while a server runs (TK-09).

use crate::{
    logs, on_both_engines,
    support::{PASSWORD, Reply, TestServer, User, pages},
};
use alongside::{
    auth::{Role, signing_keys::SigningKeys, token::Keys},
    types::Instant,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{process::Command, sync::Arc, time::Duration};

/// The key that has signed a token.
fn signer(token: &str) -> String {
    let head = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&head).unwrap()["kid"].as_str().unwrap().to_owned()
}

fn kids(set: &Value) -> Vec<String> {
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn published(server: &TestServer, base: &str) -> Vec<String> {
    kids(&server.http.get(format!("{base}/.well-known/jwks.json")).send().await.unwrap().json().await.unwrap())
}

async fn refresh(server: &TestServer, tokens: &Value) -> Reply {
    server.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]}))).await
}

async fn status_of(server: &TestServer, base: &str, token: &str) -> u16 {
    server.http.get(format!("{base}/api/v1/me")).bearer_auth(token).send().await.unwrap().status().as_u16()
}

async fn login(server: &TestServer, user: &User<'_>) -> Value {
    server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": user.email, "password": PASSWORD})))
        .await
        .expect(200)
        .body
}

on_both_engines! {
    new_signing_key_keeps_sessions_and_retired_key_fails_everywhere,
    running_server_reloads_added_and_retired_keys,
}

async fn new_signing_key_keeps_sessions_and_retired_key_fails_everywhere(server: &TestServer) {
    let (ana, folder) = (server.user(Role::Advocate), server.database.folder.path());
    for _ in 0..3 {
        ana.new_client().await;
    }
    let tokens = login(server, &ana).await;
    let old = tokens["access_token"].as_str().unwrap().to_owned();
    let page = ana.get("/clients?limit=1").await.expect(200);
    let cursor = page.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    // A server on another machine that shares the folder and has read the keys itself.
    let theirs = Arc::new(Keys::load(folder).unwrap());
    let there = server.another_server_with_keys(&theirs);
    assert_eq!((status_of(server, &there, &old).await, status_of(server, &server.base, &old).await), (200, 200));

    let first = signer(&old);
    let second = SigningKeys::add(folder, Instant::now()).unwrap();
    for keys in [&server.keys, &theirs] {
        keys.reload();
    }
    for base in [&server.base, &there] {
        assert_eq!(published(server, base).await, [first.clone(), second.clone()]);
        assert_eq!(status_of(server, base, &old).await, 200, "a token that was handed out before");
    }
    let again = refresh(server, &tokens).await.expect(200).body;
    let new = again["access_token"].as_str().unwrap();
    assert_eq!(signer(new), second);
    assert_eq!((status_of(server, &there, new).await, status_of(server, &server.base, new).await), (200, 200));
    let next = |cursor: &str| {
        let path = format!("/clients?limit=1&cursor={cursor}");
        let ana = &ana;
        async move { ana.get(&path).await }
    };
    next(&cursor).await.expect(200);
    assert_eq!(pages(&ana, "/clients", 1).await.len(), 3);

    SigningKeys::retire(folder, &first).unwrap();
    for keys in [&server.keys, &theirs] {
        keys.reload();
    }
    for base in [&server.base, &there] {
        assert_eq!(published(server, base).await, std::slice::from_ref(&second));
        assert_eq!((status_of(server, base, &old).await, status_of(server, base, new).await), (401, 200));
    }
    ana.get("/me").await.expect(401);
    let again = refresh(server, &again).await.expect(200).body;
    let ask = |path: String| {
        let token = again["access_token"].as_str().unwrap().to_owned();
        async move { server.send(Some(&token), "GET", &path, &[], None).await }
    };
    let refused = ask(format!("/api/v1/clients?limit=1&cursor={cursor}")).await.expect(400);
    assert_eq!(refused.faults(), [("cursor".to_owned(), "invalid_cursor".to_owned())]);
    ask("/api/v1/clients?limit=1".into()).await.expect(200);
}

async fn running_server_reloads_added_and_retired_keys(server: &TestServer) {
    let (ana, folder) = (server.user(Role::Advocate), server.database.folder.path().to_owned());
    ana.new_client().await; // an entry, which gets a checkpoint when the program starts
    let (_program, base, log) = logs::start(server).await;
    let alongside = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
        command
            .env("ALONGSIDE_DATABASE_URL", &server.database.url)
            .env("ALONGSIDE_DATA_DIR", &folder)
            .env_remove("ALONGSIDE_TEST_POSTGRES");
        let done = command.args(arguments).output().unwrap();
        (
            done.status.success(),
            String::from_utf8(done.stdout).unwrap().trim().to_owned(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let first = signer(ana.token());
    let soon = async |expected: &[String]| {
        for _ in 0..200 {
            if published(server, &base).await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it has not noticed: {}", std::fs::read_to_string(&log).unwrap());
    };
    let (made, second, why) = alongside(&["admin", "rotate-signing-key", "--signs-in", "0"]);
    assert!(made, "{why}");
    soon(&[first.clone(), second.clone()]).await;
    let body = json!({"email": ana.email, "password": PASSWORD});
    let tokens: Value =
        server.http.post(format!("{base}/api/v1/auth/login")).json(&body).send().await.unwrap().json().await.unwrap();
    assert_eq!(signer(tokens["access_token"].as_str().unwrap()), second);
    assert_eq!(status_of(server, &base, ana.token()).await, 200);
    let (refused, _, why) = alongside(&["admin", "retire-signing-key", &second]);
    assert!(!refused && why.contains("signs now") && why.lines().count() == 1, "{why}");
    assert!(alongside(&["admin", "signing-keys"]).1.contains(&format!("{first} signs from ")));
    assert!(alongside(&["admin", "retire-signing-key", &first]).0);
    soon(std::slice::from_ref(&second)).await;
    assert_eq!(status_of(server, &base, ana.token()).await, 401);
    // The checkpoint from the start, signed by the key that is now retired, still matches.
    let (_, observed, why) = alongside(&["verify"]);
    assert!(observed.contains("\n1 checkpoints are met, 0 lines cannot be read"), "{observed} {why}");
}
