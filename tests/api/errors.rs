//! Bad input and faults: a clear problem that names the member, nothing stored, and no unplanned 5xx.

use crate::{
    on_both_engines,
    support::{
        TestServer,
        database::{Engine, TestDatabase},
        harness::server_options,
    },
};
use alongside::{
    app,
    auth::Role,
    db::Conn,
    error::{ApiError, Code},
    http::problem::ProblemTypes,
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::{Value, json};

fn case(client: &str) -> Value {
    json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g"})
}

on_both_engines! {
    the_type_of_a_problem_leads_to_its_explanation,
    body_errors_name_the_member,
    invalid_json_is_refused,
    parameter_errors_name_the_parameter,
    malformed_ids_are_not_found,
    router_errors_are_problem_responses,
    request_id_from_the_caller_is_used_only_if_it_is_a_uuid,
    oversized_request_heads_are_refused,
    repeated_post_with_an_idempotency_key_is_executed_once,
    concurrent_posts_with_one_idempotency_key_create_one_record,
    refused_post_does_not_use_its_idempotency_key,
}

async fn body_errors_name_the_member(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    let with = |member: &str, value: Value| {
        let mut body = case(&client);
        body[member] = value;
        body
    };
    for (body, at, code) in [
        (with("nope", json!(1)), "/nope", "unknown_member"),
        (with("client_goal", json!("x".repeat(4001))), "/client_goal", "too_long"),
        (with("client_goal", json!("nul \0")), "/client_goal", "forbidden_character"),
        (with("client_goal", json!("bell \u{7}")), "/client_goal", "forbidden_character"),
        (with("client_goal", json!("  ")), "/client_goal", "blank"),
        (with("client_goal", json!(5)), "/client_goal", "wrong_type"),
        (with("client_goal", json!(null)), "/client_goal", "wrong_type"),
        (with("client_id", json!("5")), "/client_id", "invalid_id"),
        (with("client_id", json!(client.to_uppercase())), "/client_id", "invalid_id"),
        (with("advocacy_type", json!("nope")), "/advocacy_type", "unknown_code"),
        (with("priority", json!("nope")), "/priority", "unknown_code"),
        (with("priority", json!("urgent")), "/priority_reason", "required"),
        (with("intake_source", json!("other")), "/intake_source_text", "required"),
        (with("instruction", json!("non_instructed")), "/non_instructed_basis", "required"),
        (with("tags", json!(["a", "b\nc"])), "/tags/1", "forbidden_character"),
        (with("tags", json!(vec!["t"; 21])), "/tags", "out_of_range"),
    ] {
        ana.post("/cases", body).await.expect_fault(422, at, code);
    }
    let mut body = case(&client);
    body.as_object_mut().unwrap().remove("client_goal");
    ana.post("/cases", body).await.expect_fault(422, "/client_goal", "required");
    assert_eq!(ana.get("/cases").await.body["items"], json!([]), "nothing was stored");
}

async fn invalid_json_is_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let content_type = ("content-type", "application/json");
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("[]", 422),
        ("\"a\"", 422),
        ("{} {}", 400),
        ("\u{feff}{}", 400),
        (r#"{"preferred_name": "\ud800"}"#, 400),
        (r#"{"preferred_name":"a","preferred_name":"b"}"#, 400),
    ] {
        let reply = ana
            .server
            .http
            .post(format!("{}/api/v1/clients", server.base))
            .bearer_auth(server.keys.mint(ana.actor).unwrap())
            .header(content_type.0, content_type.1)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status().as_u16(), status, "{body}");
    }
    ana.raw("POST", "/clients", &[], "[".repeat(100)).await.expect(400);
    ana.raw("POST", "/clients", &[], format!("{{\"preferred_name\":\"{}\"}}", "x".repeat(70_000))).await.expect(413);
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-type", "application/evil+json"),
        ("content-type", "application/json; charset=utf-7"),
        ("content-encoding", "gzip"),
    ] {
        let mut request = server
            .http
            .post(format!("{}/api/v1/clients", server.base))
            .bearer_auth(server.keys.mint(ana.actor).unwrap())
            .body("{}");
        if name != "content-type" {
            request = request.header("content-type", "application/json");
        }
        assert_eq!(request.header(name, value).send().await.unwrap().status().as_u16(), 415, "{name}: {value}");
    }
    let bytes = server
        .http
        .post(format!("{}/api/v1/clients", server.base))
        .bearer_auth(server.keys.mint(ana.actor).unwrap())
        .header("content-type", "application/json")
        .body(vec![b'"', 0xff, b'"'])
        .send()
        .await
        .unwrap();
    assert_eq!(bytes.status().as_u16(), 400);
}

async fn parameter_errors_name_the_parameter(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("limit=x", "limit"),
        ("nope=1", "nope"),
        ("status=nope", "status"),
        ("tag=a&tag=b", "tag"),
        ("sort=client_goal", "sort"),
        ("sort=;drop", "sort"),
        ("advocate=5", "advocate"),
        ("opened_at_gte=yesterday", "opened_at_gte"),
        ("include_total=maybe", "include_total"),
        ("expand=secrets", "expand"),
        ("q=%00", "q"),
    ] {
        let reply = ana.get(&format!("/cases?{query}")).await.expect(400);
        assert_eq!(reply.faults().first().map(|(at, _)| at.as_str()), Some(name), "{query}");
    }
    ana.get("/me?nope=1").await.expect(400);
    ana.get(&format!("/cases/{}?nope=1", ana.new_case().await)).await.expect(400);
}

async fn malformed_ids_are_not_found(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for id in [
        "5",
        "nope",
        "%00",
        "..%2f..%2fetc",
        "%ff",
        "00000000-0000-0000-0000-00000000000G",
        "019AB3C4-0000-7000-8000-000000000001",
    ] {
        ana.get(&format!("/cases/{id}")).await.expect(404);
    }
}

async fn router_errors_are_problem_responses(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    assert_eq!(ana.get("/nothing-here").await.expect(404).body["code"], "not_found");
    let other = ana.send("DELETE", "/cases", &[], None).await.expect(405);
    assert_eq!(other.header("allow"), "GET, POST, HEAD");
    ana.send("POST", &format!("/cases/{}", TestServer::unknown_id()), &[], None).await.expect(405);
    // The same for a fixed segment where other routes have `{id}`.
    let preview = ana.get("/deadline-rules/preview").await.expect(405);
    assert_eq!(preview.header("allow"), "POST");
    ana.get("/deadline-rules/previews").await.expect(404);
    let head = ana.send("HEAD", "/cases", &[], None).await.expect(200);
    assert!(head.body.is_null());
    let bare = server.anyone("GET", "/api/v1/cases", None).await.expect(401);
    assert_eq!(bare.header("www-authenticate"), "Bearer");
    for header in [
        "x-content-type-options",
        "content-security-policy",
        "referrer-policy",
        "cache-control",
        "x-request-id",
        "strict-transport-security",
    ] {
        assert!(!bare.header(header).is_empty(), "{header}");
    }
    assert!(bare.header("server").is_empty());
}

async fn request_id_from_the_caller_is_used_only_if_it_is_a_uuid(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let id = TestServer::unknown_id();
    let named = ana.send("GET", "/nothing-here", &[("x-request-id", &id)], None).await;
    assert_eq!(
        (named.header("x-request-id"), &named.body["instance"]),
        (id.as_str(), &json!(format!("urn:uuid:{id}")))
    );
    let other = ana.send("GET", "/me", &[("x-request-id", "1; DROP TABLE")], None).await;
    assert_ne!(other.header("x-request-id"), "1; DROP TABLE");
}

async fn oversized_request_heads_are_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    ana.get(&format!("/cases?q={}", "x".repeat(9000))).await.expect(414);
    ana.send("GET", "/me", &[("x-padding", &"x".repeat(33_000))], None).await.expect(431);
}

async fn repeated_post_with_an_idempotency_key_is_executed_once(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let key = [("idempotency-key", "open-1")];
    let first = ana.send("POST", "/clients", &key, Some(json!({"preferred_name": "Sam"}))).await.expect(201);
    let again = ana.send("POST", "/clients", &key, Some(json!({"preferred_name": "Sam"}))).await.expect(201);
    assert_eq!(
        (first.id(), first.etag(), first.header("location")),
        (again.id(), again.etag(), again.header("location"))
    );
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    let other = ana.send("POST", "/clients", &key, Some(json!({"preferred_name": "Max"}))).await.expect(422);
    assert_eq!(other.body["code"], "idempotency_key_reused");
    ben.send("POST", "/clients", &key, Some(json!({"preferred_name": "Max"}))).await.expect(201);
    ana.send("POST", "/clients", &[("idempotency-key", "")], Some(json!({"preferred_name": "Sam"})))
        .await
        .expect_fault(400, "Idempotency-Key", "invalid_key");
    assert_eq!(ana.get("/clients").await.body["items"].as_array().unwrap().len(), 1);
}

async fn concurrent_posts_with_one_idempotency_key_create_one_record(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let tries = futures_util::future::join_all((0..40).map(|_| {
        let ana = &ana;
        async move {
            ana.send("POST", "/clients", &[("idempotency-key", "k")], Some(json!({"preferred_name": "Sam"})))
                .await
                .status
        }
    }))
    .await;
    assert!(tries.iter().all(|status| matches!(status, 201 | 409)), "{tries:?}");
    assert_eq!(ana.get("/clients").await.body["items"].as_array().unwrap().len(), 1);
}

async fn refused_post_does_not_use_its_idempotency_key(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let key = [("idempotency-key", "k")];
    ana.send("POST", "/clients", &key, Some(json!({"preferred_name": ""}))).await.expect(422);
    ana.send("POST", "/clients", &key, Some(json!({"preferred_name": "Sam"}))).await.expect(201);
}

/// IN-09, only on PostgreSQL: SQLite has no statement timeout.
#[test]
fn slow_query_is_cancelled_and_reported_as_overload_not_outage_on_postgres() {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = diesel::sql_types::Text)]
        statement_timeout: String,
    }
    let database = TestDatabase::make(Engine::Postgres);
    let Conn::Pg(mut conn) = database.open() else { panic!("this is PostgreSQL") };
    let shown: Setting = diesel::sql_query("SHOW statement_timeout").get_result(&mut conn).unwrap();
    assert_eq!(shown.statement_timeout, "5s");
    let error = conn.batch_execute("SET statement_timeout TO 20; SELECT pg_sleep(2)").unwrap_err();
    assert_eq!(ApiError::from(error).code(), Code::Overloaded);
}

/// The `type` of a problem from a server with `public_url`, and from one without.
async fn the_type_of_a_problem_leads_to_its_explanation(server: &TestServer) {
    let problem_types = ProblemTypes::at("https://api.example.org/");
    let public = server.another_server_with_options(app::ServerOptions { problem_types, ..server_options() });
    let problem = |base: String| async move {
        let reply = server.http.get(format!("{base}/api/v1/me")).send().await.unwrap();
        serde_json::from_str::<Value>(&reply.text().await.unwrap()).unwrap()
    };
    assert_eq!(problem(public.clone()).await["type"], "https://api.example.org/problems#unauthenticated");
    assert_eq!(problem(server.base.clone()).await["type"], "urn:alongside:problem:unauthenticated");
    let page = server.http.get(format!("{public}/problems")).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    for code in Code::ALL {
        assert!(page.contains(&format!("<h2 id=\"{}\">", code.slug())), "{}", code.slug());
    }
}

/// `BLESS=1 ./test problems_md` writes the page.
#[test]
fn problems_md_is_what_error_rs_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/problems.md");
    let page = alongside::http::problem::markdown();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == page,
        "docs/problems.md is old: BLESS=1 ./test problems_md"
    );
}
