//! The log of the program at its most verbose level, while every operation is called with text that must not appear in
//! it (LG-05).

use crate::{
    on_both_engines,
    support::{PASSWORD, TestServer, body, conforms::DOC},
};
use alongside::auth::Role;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};

/// The text that must not be found.
const CANARY: &str = "zqcanaryzq";

/// The program, which is stopped at the end of the test.
pub struct Program(pub Child);
impl Drop for Program {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// Starts the program on the test's database with its keys. Returns its address and its log file.
pub async fn start(server: &TestServer) -> (Program, String, std::path::PathBuf) {
    let folder = server.database.folder.path();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = folder.join("log");
    let program = Command::new(env!("CARGO_BIN_EXE_alongside"))
        .arg("serve")
        .env("ALONGSIDE_DATABASE_URL", &server.database.url)
        .env("ALONGSIDE_DATA_DIR", folder)
        .env("ALONGSIDE_LISTEN", free.to_string())
        .env("ALONGSIDE_LOG", "trace")
        .env_remove("ALONGSIDE_TEST_POSTGRES")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let (program, base) = (Program(program), format!("http://{free}"));
    for _ in 0..300 {
        if server.http.get(format!("{base}/readyz")).send().await.is_ok_and(|reply| reply.status() == 200) {
            return (program, base, log);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the program did not start: {}", std::fs::read_to_string(&log).unwrap());
}

/// The body with the canary at the end of every text, or instead of it, and in an unknown member. (The name of such a
/// member is reported, because it is the location of the fault.)
fn observed(mut body: Value, whole: bool) -> Value {
    fn walk(value: &mut Value, whole: bool) {
        match value {
            Value::String(text) => *text = if whole { CANARY.into() } else { format!("{text} {CANARY}") },
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, whole)),
            Value::Object(members) => members.values_mut().for_each(|member| walk(member, whole)),
            _ => {}
        }
    }
    walk(&mut body, whole);
    if whole {
        body["other"] = json!(CANARY);
    }
    body
}

on_both_engines! {
    program_log_contains_no_user_input,
}

async fn program_log_contains_no_user_input(server: &TestServer) {
    let (program, base, log) = start(server).await;
    let people = [server.user(Role::Supervisor), server.user(Role::Admin)];
    let mut asked = 0;
    for (path, item) in DOC["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let ids = TestServer::unknown_id();
            let url = |place: &str| {
                path.split('/')
                    .map(|part| if part.starts_with('{') { place } else { part })
                    .collect::<Vec<_>>()
                    .join("/")
            };
            let example = body(operation);
            for (person, whole) in people.iter().flat_map(|person| [(person, false), (person, true)]) {
                if path.ends_with("/logout") {
                    continue;
                }
                let place = if whole { format!("{}?q={CANARY}&other={CANARY}", url(CANARY)) } else { url(&ids) };
                let mut request = server.http.request(method.to_uppercase().parse().unwrap(), format!("{base}{place}"));
                for name in [
                    "user-agent",
                    "cookie",
                    "referer",
                    "origin",
                    "x-forwarded-for",
                    "x-request-id",
                    "traceparent",
                    "tracestate",
                    "idempotency-key",
                    "accept-language",
                    "x-anything",
                ] {
                    request = request.header(name, CANARY);
                }
                request = request.header("if-match", if whole { CANARY } else { "*" }).bearer_auth(person.token());
                if let Some(example) = &example {
                    request = request.json(&observed(example.clone(), whole));
                }
                let reply = request.send().await.unwrap();
                let (status, text) = (reply.status(), reply.text().await.unwrap());
                assert!(!status.is_server_error(), "{method} {place}: {text}");
                assert!(
                    status.is_success() || !text.contains(CANARY),
                    "{method} {place} repeats what was sent: {text}"
                );
                asked += 1;
            }
        }
    }
    // Stores, finds and shows records that contain the canary.
    let send = |method: &'static str, path: String, body: Option<Value>| {
        let request =
            server.http.request(method.parse().unwrap(), format!("{base}/api/v1{path}")).bearer_auth(people[0].token());
        async move {
            let reply = match body {
                Some(body) => request.json(&body),
                None => request,
            }
            .send()
            .await
            .unwrap();
            assert!(reply.status().is_success(), "{method} {path}: {}", reply.status());
            reply.json::<Value>().await.unwrap()
        }
    };
    let client = send("POST", "/clients".into(), Some(json!({"preferred_name": CANARY}))).await;
    let case =
        json!({"client_id": client["id"], "advocacy_type": "peer", "intake_source": "self", "client_goal": CANARY});
    let case = format!("/cases/{}", send("POST", "/cases".into(), Some(case)).await["id"].as_str().unwrap());
    send("POST", format!("{case}/notes"), Some(json!({"kind": "progress", "body": CANARY}))).await;
    send("POST", format!("{case}/barriers"), Some(json!({"type": "cost", "description": CANARY}))).await;
    send("POST", format!("{case}/tasks"), Some(json!({"title": CANARY, "due_on": "2030-01-05"}))).await;
    send("POST", "/providers".into(), Some(json!({"name": CANARY}))).await;
    for list in [format!("/search?q={CANARY}"), format!("/cases?q={CANARY}"), format!("/clients?q={CANARY}")] {
        assert!(send("GET", list.clone(), None).await.to_string().contains(CANARY), "{list}");
    }
    for token in [CANARY.to_owned(), format!("{CANARY}.{CANARY}.{CANARY}")] {
        let reply = server.http.get(format!("{base}/api/v1/me")).bearer_auth(token).send().await.unwrap();
        assert_eq!(reply.status(), 401);
    }
    for broken in [
        format!("{{\"email\": \"{CANARY}\""),
        format!("\"{CANARY}\""),
        format!("{{\"email\": [\"{CANARY}\"]}}"),
        CANARY.to_owned(),
    ] {
        let reply = server
            .http
            .post(format!("{base}/api/v1/auth/login"))
            .header("content-type", "application/json")
            .body(broken)
            .send()
            .await
            .unwrap();
        assert!(reply.status().is_client_error() && !reply.text().await.unwrap().contains(CANARY));
    }
    let wrong = server
        .http
        .post(format!("{base}/api/v1/auth/login"))
        .json(&json!({"email": people[0].email, "password": format!("{PASSWORD} {CANARY}")}))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 401);
    let right = server
        .http
        .post(format!("{base}/api/v1/auth/login"))
        .json(&json!({"email": people[0].email, "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    let tokens: Value = right.json().await.unwrap();
    assert!(asked > 400, "{asked} requests");
    drop(program);

    let log = std::fs::read_to_string(log).unwrap();
    let secrets = [
        CANARY.to_owned(),
        PASSWORD.to_owned(),
        people[0].email.clone(),
        people[0].token().to_owned(),
        tokens["access_token"].as_str().unwrap().to_owned(),
        tokens["refresh_token"].as_str().unwrap().to_owned(),
    ];
    assert!(log.lines().count() > asked, "it was at its loudest");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), "no JSON object: {line}");
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "{line}");
        }
    }
}
