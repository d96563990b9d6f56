//! Attacks: foreign tokens, impersonation, compressed bodies, request smuggling. Each is refused in the same way, and
//! none causes a 5xx. `SECURITY.md` maps the tests to requirements.

use crate::{
    on_both_engines,
    support::{PASSWORD, Reply, TestServer, User, conforms::DOC, harness::server_options},
};
use alongside::{app, auth::Role, db::schema, http::cors::Origins, identity::users::model::UserStatus, types::Instant};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// The claims of this user's token, as the server issues them.
fn claims(who: &User<'_>) -> Value {
    let body = who.token().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

/// A token with any content, signed by the server's own key, as a bug in the server or a stolen key of another purpose
/// could create it.
fn signed(server: &TestServer, header: &Value, claims: &Value) -> String {
    let mut keys = std::fs::read_dir(server.database.folder.path().join("signing-keys")).unwrap();
    let key = std::fs::read(keys.next().unwrap().unwrap().path()).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&key).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(pair.sign(text.as_bytes())))
}

/// The JSON with some members set, or removed where they are null.
fn with(value: &Value, members: &Value) -> Value {
    let mut value = value.clone();
    for (name, member) in members.as_object().unwrap() {
        match member {
            Value::Null => value.as_object_mut().unwrap().remove(name),
            _ => value.as_object_mut().unwrap().insert(name.clone(), member.clone()),
        };
    }
    value
}

/// A refusal without the parts that differ between requests: everything that could reveal a difference.
fn observed(reply: &Reply) -> (u16, Vec<(String, String)>, Value) {
    let differs = |name: &str| matches!(name, "x-request-id" | "date");
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut headers: Vec<_> = headers.filter(|(name, _)| !differs(name)).collect();
    headers.sort();
    (reply.status, headers, reply.observed())
}

/// Sends raw bytes. Returns the response until the server closes the connection.
fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = std::net::TcpStream::connect(server.base.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let (mut reply, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        reply.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&reply).into_owned()
}

on_both_engines! {
    duplicate_single_value_headers_are_refused,
    bearer_scheme_accepts_any_case_and_extra_spaces,
    forged_access_tokens_are_refused,
    access_token_is_accepted_only_in_the_authorization_header,
    tokens_of_different_kinds_are_not_interchangeable,
    identity_is_taken_only_from_the_token,
    nested_record_is_found_only_under_its_own_parent,
    every_refused_login_gets_the_same_response,
    every_response_has_security_headers_and_is_not_cached,
    cors_allows_only_configured_origins,
    compressed_request_bodies_are_refused,
    request_smuggling_is_refused,
    session_ended_on_one_server_is_invalid_on_all_servers,
    concurrent_demotions_leave_one_active_administrator,
    names_and_idempotency_keys_are_separate_per_organization,
    session_ended_during_upload_writes_nothing,
    concurrent_logins_do_not_survive_a_password_change,
    own_profile_update_does_not_undo_a_concurrent_suspension,
    wrong_current_password_is_in_the_audit_log,
    hidden_clients_name_is_not_revealed_by_filters_or_reports,
    hidden_clients_birth_date_is_not_revealed_by_validation,
}

async fn duplicate_single_value_headers_are_refused(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let (own, other) = (format!("Bearer {}", ana.token()), format!("Bearer {}", ben.token()));
    let client = json!({"preferred_name": "Sam"}).to_string();
    let ask = async |headers: &[(&str, &str)], body: Option<&str>| {
        let request = if body.is_some() {
            server.http.post(format!("{}/api/v1/clients", server.base))
        } else {
            server.http.get(format!("{}/api/v1/me", server.base))
        };
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let reply = body
            .map_or_else(|| request.try_clone().unwrap(), |body| request.try_clone().unwrap().body(body.to_owned()))
            .send()
            .await
            .unwrap();
        (
            reply.status().as_u16(),
            reply.headers().contains_key("x-content-type-options"),
            reply.json::<Value>().await.unwrap(),
        )
    };
    assert_eq!(ask(&[("authorization", &own)], None).await.0, 200);
    for (first, second) in [(&own, &other), (&own, &own), (&other, &"x".to_owned()), (&String::new(), &own)] {
        let (status, whole, observed) = ask(&[("authorization", first), ("authorization", second)], None).await;
        assert_eq!(
            (status, &observed["code"], &observed["errors"][0]["header"], &observed["errors"][0]["code"]),
            (400, &json!("invalid_header"), &json!("Authorization"), &json!("duplicate"))
        );
        assert!(whole && observed.get("id").is_none());
    }
    let before = ana.get("/clients?include_total=true").await.expect(200).body["total"].clone();
    for (name, first, second) in [
        ("Idempotency-Key", "a", "b"),
        ("Content-Type", "application/json", "text/plain"),
        ("Origin", "https://a.example", "https://b.example"),
    ] {
        let mut headers = vec![("authorization", own.as_str()), (name, first), (name, second)];
        if name != "Content-Type" {
            headers.push(("content-type", "application/json"));
        }
        let (status, _, observed) = ask(&headers, Some(&client)).await;
        assert_eq!((status, &observed["errors"][0]["header"]), (400, &json!(name)), "{observed:#}");
    }
    assert_eq!(ana.get("/clients?include_total=true").await.expect(200).body["total"], before);
}

async fn bearer_scheme_accepts_any_case_and_extra_spaces(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for (before, status) in [
        ("Bearer ", 200),
        ("Bearer  ", 200),
        ("bearer        ", 200),
        ("BEARER ", 200),
        ("Bearer", 401),
        ("Bearer\t", 401),
        ("Bearer x ", 401),
        ("Basic ", 401),
        ("", 401),
    ] {
        let reply = server
            .http
            .get(format!("{}/api/v1/me", server.base))
            .header("authorization", format!("{before}{}", ana.token()))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status().as_u16(), status, "{before:?}");
    }
}

async fn forged_access_tokens_are_refused(server: &TestServer) {
    for role in Role::ALL {
        let who = server.user(*role);
        let (ours, now) = (claims(&who), Instant::now().micros() / 1_000_000);
        let kid =
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(who.token().split('.').next().unwrap()).unwrap())
                .unwrap()["kid"]
                .clone();
        let head = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid});
        // A token signed like this is accepted, so the following ones are refused only because of their change.
        server.send(Some(&signed(server, &head, &ours)), "GET", "/api/v1/me", &[], None).await.expect(200);
        let mut forged: Vec<String> = Vec::new();
        let heads = [
            json!({"typ": "JWT"}),
            json!({"typ": "jwt"}),
            json!({"typ": null}),
            json!({"typ": "rt+jwt"}),
            json!({"alg": "none"}),
            json!({"alg": "None"}),
            json!({"alg": "eddsa"}),
            json!({"alg": "HS256"}),
            json!({"alg": "ES256"}),
            json!({"alg": "RS256"}),
            json!({"alg": null}),
            json!({"alg": ["EdDSA"]}),
            json!({"kid": null}),
            json!({"kid": "other"}),
            json!({"kid": "../../key"}),
            json!({"kid": "' OR 1=1 --"}),
            json!({"kid": ""}),
            json!({"kid": 1}),
            json!({"crit": ["exp"]}),
            json!({"jku": "https://example.org/keys"}),
            json!({"x5u": "https://example.org/c"}),
            json!({"x5c": ["AA=="]}),
            json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}),
            json!({"zip": "DEF"}),
            json!({"cty": "JWT"}),
            json!({"b64": false}),
        ];
        forged.extend(heads.iter().map(|change| signed(server, &with(&head, change), &ours)));
        let bodies = [
            json!({"iss": null}),
            json!({"iss": "somebody"}),
            json!({"iss": ["alongside"]}),
            json!({"aud": null}),
            json!({"aud": "somebody"}),
            json!({"aud": 1}),
            json!({"sub": null}),
            json!({"sub": "me"}),
            json!({"sub": 1}),
            json!({"sub": TestServer::unknown_id()}),
            json!({"sid": null}),
            json!({"sid": TestServer::unknown_id()}),
            json!({"sid": true}),
            json!({"sid": ours["sub"]}),
            json!({"jti": null}),
            json!({"jti": 7}),
            json!({"org": null}),
            json!({"org": server.other_org.id.to_string()}),
            json!({"org": TestServer::unknown_id()}),
            json!({"exp": null}),
            json!({"exp": (now + 600).to_string()}),
            json!({"exp": now - 3_600, "iat": now - 4_000}),
            json!({"exp": now + 86_400}),
            json!({"exp": 1e300}),
            json!({"exp": -1}),
            json!({"exp": true}),
            json!({"iat": null}),
            json!({"iat": now.to_string()}),
            json!({"iat": now + 3_600, "exp": now + 4_000}),
            json!({"iat": {}}),
            json!({"nbf": now + 3_600}),
            json!({"role": "god"}),
        ];
        forged.extend(bodies.iter().map(|change| signed(server, &head, &with(&ours, change))));
        // The HS256 key is the public key, which everybody can read.
        let public =
            server.send(None, "GET", "/.well-known/jwks.json", &[], None).await.expect(200).body["keys"][0]["x"]
                .as_str()
                .unwrap()
                .to_owned();
        for secret in [public.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(&public).unwrap(), Vec::new()] {
            let key = jsonwebtoken::EncodingKey::from_secret(&secret);
            let header = jsonwebtoken::Header {
                typ: Some("at+jwt".into()),
                kid: kid.as_str().map(str::to_owned),
                ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
            };
            forged.push(jsonwebtoken::encode(&header, &ours, &key).unwrap());
        }
        let (token, parts) = (who.token().to_owned(), who.token().split('.').map(str::to_owned).collect::<Vec<_>>());
        let [first, second, third] = [&parts[0], &parts[1], &parts[2]];
        let last = token.chars().last().unwrap();
        let spare = char::from(last as u8 + 1); // the same bytes, with one unused bit set
        forged.extend([
            format!("{first}.{second}."),
            format!("{first}..{third}"),
            format!(".{second}.{third}"),
            format!("{first}.{second}"),
            format!("{token}.{third}"),
            format!("{token}="),
            format!("{token}=="),
            format!("{first}.{second}.{}", "A".repeat(86)),
            token.to_lowercase(),
            token.replace('-', "+").replace('_', "/") + "+",
            format!("{}{spare}", &token[..token.len() - 1]),
            format!("{token}{}", "A".repeat(4_096)),
            json!({"protected": first, "payload": second, "signature": third}).to_string(),
            "null".into(),
            "undefined".into(),
            format!("{first}.{second}.{third}, {token}"),
        ]);
        let none = observed(&server.send(None, "GET", "/api/v1/me", &[], None).await.expect(401));
        for token in &forged {
            let reply = server.send(Some(token), "GET", "/api/v1/me", &[], None).await;
            assert_eq!(observed(&reply), none, "{role:?}: {token}");
        }
    }
}

async fn access_token_is_accepted_only_in_the_authorization_header(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (token, me) = (ana.token(), "/api/v1/me");
    for (headers, path) in [
        (vec![("cookie", format!("access_token={token}"))], me.to_owned()),
        (vec![("x-access-token", token.to_owned())], me.to_owned()),
        (vec![("authorization", format!("Basic {token}"))], me.to_owned()),
        (vec![("authorization", token.to_owned())], me.to_owned()),
    ] {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        server.send(None, "GET", &path, &headers, None).await.expect(401);
    }
    for query in ["access_token", "token", "authorization"] {
        let status = server.send(None, "GET", &format!("/api/v1/cases?{query}={token}"), &[], None).await.status;
        assert_eq!(status, 401, "{query}");
    }
}

async fn tokens_of_different_kinds_are_not_interchangeable(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let both = server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD})))
        .await
        .expect(200)
        .body;
    server.send(both["refresh_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(401);
    // It is longer than any refresh token, which gives a validation error.
    server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": both["access_token"]})))
        .await
        .expect(422);
    let short = both["access_token"].as_str().unwrap().split('.').next().unwrap();
    server.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": short}))).await.expect(401);
    let page = {
        ana.new_case().await;
        ana.new_case().await;
        ana.get("/cases?limit=1").await.expect(200)
    };
    server.send(page.body["page"]["next_cursor"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(401);
}

async fn identity_is_taken_only_from_the_token(server: &TestServer) {
    let (ana, far) = (server.user(Role::Advocate), server.user_of_other_org(Role::Supervisor));
    let case = ana.new_case().await;
    let (org, user) = (server.org.id.to_string(), ana.id());
    let claims: Vec<(&str, &str)> =
        ["x-tenant", "x-tenant-id", "x-organization", "x-organization-id", "x-forwarded-host", "x-host", "forwarded"]
            .iter()
            .map(|name| (*name, org.as_str()))
            .chain(
                ["x-user", "x-user-id", "x-forwarded-user", "x-remote-user", "x-original-user"]
                    .iter()
                    .map(|name| (*name, user.as_str())),
            )
            .chain([
                ("x-role", "admin"),
                ("x-http-method-override", "DELETE"),
                ("x-method-override", "DELETE"),
                ("x-original-url", "/api/v1/users"),
                ("x-rewrite-url", "/api/v1/users"),
            ])
            .collect();
    far.send("GET", &format!("/cases/{case}"), &claims, None).await.expect(404);
    assert_eq!(far.send("GET", "/cases", &claims, None).await.expect(200).body["items"], json!([]));
    assert_eq!(far.send("GET", "/me", &claims, None).await.expect(200).body["id"], far.id());
    server.send(None, "GET", "/api/v1/me", &claims, None).await.expect(401);
    for member in [
        "organization_id",
        "tenant_id",
        "user_id",
        "created_by",
        "id",
        "lead_advocate",
        "status",
        "version",
        "case_number",
    ] {
        let mut body = json!({
            "client_id": TestServer::unknown_id(), "advocacy_type": "peer", "intake_source": "self",
            "client_goal": "Keep my place.",
        });
        body[member] = json!(org);
        far.post("/cases", body).await.expect_fault(422, &format!("/{member}"), "unknown_member");
    }
    for parameter in ["organization_id", "tenant", "user_id", "as"] {
        let reply = far.get(&format!("/cases?{parameter}={org}")).await.expect(400);
        assert_eq!(reply.faults()[0].0, parameter);
    }
}

async fn nested_record_is_found_only_under_its_own_parent(server: &TestServer) {
    let (ana, supervisor, colleague) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Advocate));
    let (one, other) = (ana.new_case().await, ana.new_case().await);
    let helps = supervisor
        .post(&format!("/cases/{one}/assignments"), json!({"user_id": colleague.id(), "role": "co"}))
        .await
        .expect(201)
        .id();
    supervisor
        .send("DELETE", &format!("/cases/{other}/assignments/{helps}"), &[("if-match", "*")], None)
        .await
        .expect(404);
    colleague.get(&format!("/cases/{one}")).await.expect(200);
    let (admin, team) = (server.user(Role::Admin), server.new_team("South side"));
    let body =
        json!({"user_id": server.user(Role::Supervisor).id(), "starts_on": "2030-07-01", "ends_on": "2030-07-14"});
    let stands_in = admin.post(&format!("/teams/{}/deputies", server.team), body).await.expect(201).id();
    admin.send("DELETE", &format!("/teams/{team}/deputies/{stands_in}"), &[("if-match", "*")], None).await.expect(404);
    // Paths with two parents are rare; a new one must be added here.
    let two: Vec<&str> = DOC["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| path.matches('{').count() > 1)
        .map(String::as_str)
        .collect();
    assert_eq!(
        two,
        [
            "/api/v1/cases/{id}/assignments/{assignment_id}",
            "/api/v1/teams/{id}/deputies/{deputy_id}",
            "/api/v1/teams/{id}/members/{user_id}"
        ]
    );
}

async fn every_refused_login_gets_the_same_response(server: &TestServer) {
    let (ana, gone, out) = (
        server.user(Role::Advocate),
        server.user_with_status(Role::Advocate, UserStatus::Removed),
        server.user_with_status(Role::Advocate, UserStatus::Suspended),
    );
    let login = |email: String, password: &'static str| async move {
        server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": email, "password": password}))).await
    };
    let first = observed(&login(ana.email.clone(), "four wet umbrellas").await.expect(401));
    for (email, password) in [
        ("nobody@example.org".to_owned(), PASSWORD),
        (gone.email.clone(), PASSWORD),
        (out.email.clone(), PASSWORD),
        (out.email.clone(), "four wet umbrellas"),
        (ana.email.clone(), "x"),
    ] {
        assert_eq!(observed(&login(email, password).await), first);
    }
}

async fn every_response_has_security_headers_and_is_not_cached(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let nowhere = TestServer::unknown_id();
    let mut asked = vec![
        ("GET".to_owned(), "/nowhere".to_owned()),
        ("DELETE".to_owned(), "/api/v1/me/agenda".to_owned()),
        ("HEAD".to_owned(), "/api/v1/me".to_owned()),
        ("GET".to_owned(), format!("/api/v1/cases?{}", "x".repeat(9_000))),
    ];
    for (path, item) in DOC["paths"].as_object().unwrap() {
        let url: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { nowhere.as_str() } else { part }).collect();
        asked.extend(
            item.as_object()
                .unwrap()
                .keys()
                .filter(|_| path.starts_with("/api/"))
                .map(|method| (method.to_uppercase(), url.join("/"))),
        );
    }
    for (method, url) in &asked {
        for token in [None, Some(ana.token())] {
            let mut request = server.http.request(method.parse().unwrap(), format!("{}{url}", server.base));
            if let Some(token) = token.filter(|_| !url.ends_with("/logout")) {
                request = request.bearer_auth(token);
            }
            let reply = request.send().await.unwrap();
            let header = |name: &str| reply.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
                ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                ("cache-control", "no-store"),
                ("strict-transport-security", "max-age=31536000; includeSubDomains"),
                // No header reveals the server software, and no page of another origin may read the response.
                ("server", ""),
                ("x-powered-by", ""),
                ("access-control-allow-origin", ""),
            ] {
                assert_eq!(header(name), value, "{name} of {method} {url}");
            }
            assert!(!header("x-request-id").is_empty(), "{method} {url}");
            let kind = header("content-type");
            assert!(
                reply.status() == 204
                    || kind.starts_with("application/json")
                    || kind.starts_with("application/problem+json"),
                "{method} {url}: {kind}"
            );
        }
    }
}

async fn cors_allows_only_configured_origins(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for origin in ["https://example.org", "null", "*", "http://127.0.0.1"] {
        let reply = ana.send("GET", "/me", &[("origin", origin)], None).await.expect(200);
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{origin}");
        let asked = server
            .http
            .request(reqwest::Method::OPTIONS, format!("{}/api/v1/me", server.base))
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .send()
            .await
            .unwrap();
        assert!(asked.headers().keys().all(|name| !name.as_str().starts_with("access-control-")), "{origin}");
    }
    // If origins are configured, exactly those are allowed.
    let origins = Origins::try_from("https://app.example.org, http://localhost:3000".to_owned()).unwrap();
    let named = server.another_server_with_options(app::ServerOptions { origins, ..server_options() });
    let send = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let request = server.http.request(method.parse().unwrap(), format!("{named}{path}"));
        let reply =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap();
        let all = |name: &str| {
            reply.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" & ")
        };
        let observed =
            ["origin", "methods", "headers", "credentials"].map(|what| all(&format!("access-control-allow-{what}")));
        (
            reply.status().as_u16(),
            observed,
            all("access-control-expose-headers"),
            all("access-control-max-age"),
            all("vary"),
            all("cross-origin-resource-policy"),
        )
    };
    let (bearer, nothing) = (format!("Bearer {}", ana.token()), [""; 4].map(str::to_owned));
    let asks = ("access-control-request-method", "PATCH");
    for origin in [
        "null",
        "*",
        "https://app.example.org.evil.example",
        "https://evil-app.example.org",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://APP.example.org",
        "https://app.example.org/",
        "https://app.example.org, https://evil.example",
        "https://app.example.org https://evil.example",
        "https://localhost:3000",
        "http://localhost",
        "http://localhost:30000",
        "https://example.org",
        "",
    ] {
        for (method, path) in [("GET", "/api/v1/me"), ("GET", "/nowhere"), ("OPTIONS", "/api/v1/me")] {
            let (_, observed, reads, remembered, vary, _) =
                send(method, path, &[("origin", origin), ("authorization", &bearer), asks]).await;
            assert_eq!(
                (observed, reads.as_str(), remembered.as_str(), vary.as_str()),
                (nothing.clone(), "", "", "origin"),
                "{origin} {method} {path}"
            );
        }
    }
    // Two Origin headers count as none.
    assert_eq!(
        send("GET", "/api/v1/me", &[("origin", "https://app.example.org"), ("origin", "https://evil.example")]).await.1,
        nothing
    );
    assert_eq!(
        send("GET", "/livez", &[]).await.4,
        "origin",
        "the response depends on Origin, also when the request has none"
    );
    for origin in ["https://app.example.org", "http://localhost:3000"] {
        let here = ("origin", origin);
        let may = [origin, "", "", ""].map(str::to_owned);
        let reads = "etag, location, link, retry-after, idempotency-replayed, x-request-id";
        // A page can also read errors.
        for (method, path, token, status) in [
            ("GET", "/api/v1/me", bearer.as_str(), 200),
            ("HEAD", "/api/v1/me", &bearer, 200),
            ("GET", "/api/v1/me", "Bearer x", 401),
            ("GET", "/api/v1/cases?limit=0", &bearer, 400),
            ("GET", "/api/v1/users/x", &bearer, 404),
            ("DELETE", "/api/v1/me", &bearer, 405),
            ("GET", "/nowhere", &bearer, 404),
            ("POST", "/api/v1/cases", &bearer, 415),
        ] {
            let reply = send(method, path, &[here, ("authorization", token)]).await;
            assert_eq!(
                reply,
                (status, may.clone(), reads.to_owned(), String::new(), "origin".to_owned(), "same-origin".to_owned()),
                "{method} {path}"
            );
        }
        let (status, [observed, methods, headers, credentials], _, remembered, vary, _) = send(
            "OPTIONS",
            "/api/v1/cases",
            &[here, asks, ("access-control-request-headers", "authorization, if-match, x-evil")],
        )
        .await;
        assert_eq!(
            (status, observed.as_str(), methods.as_str(), credentials.as_str()),
            (204, origin, "GET, HEAD, POST, PUT, PATCH, DELETE", "")
        );
        assert_eq!(
            (headers.as_str(), remembered.as_str(), vary.as_str()),
            ("authorization, content-type, if-match, if-none-match, idempotency-key, x-request-id", "3600", "origin")
        );
        assert_eq!(send("OPTIONS", "/api/v1/cases", &[here]).await.0, 405, "nobody asks whether they may");
    }
}

async fn compressed_request_bodies_are_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for encoding in ["gzip", "br", "zstd", "deflate", "compress", "x-gzip", "identity, gzip", "GZIP", "?"] {
        for (path, body) in
            [("/api/v1/cases", "\u{1f}\u{8b}"), ("/api/v1/auth/login", "{}"), ("/api/v1/me/interests", "{}")]
        {
            let reply = server
                .send(Some(ana.token()), "POST", path, &[("content-encoding", encoding)], Some(body.into()))
                .await;
            assert_eq!(reply.status, 415, "{encoding} {path}");
        }
    }
}

async fn request_smuggling_is_refused(server: &TestServer) {
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    let smuggled = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    for lines in [
        format!("{head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length: 2, 40\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length: +2\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length: -1\r\n\r\n{smuggled}"),
        format!("{head}Content-Length: 0x2\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length : 2\r\n\r\n{{}}{smuggled}"),
        format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}X-A: 1\r\n Content-Length: 2\r\n\r\n{{}}{smuggled}"),
        format!("{head}X-A: a\0b\r\nContent-Length: 2\r\n\r\n{{}}{smuggled}"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n{smuggled}"),
    ] {
        let reply = raw(server, lines.as_bytes());
        let answers = reply.matches("HTTP/1.1 ").count();
        assert!(reply.starts_with("HTTP/1.1 4") && answers == 1, "{lines:?} was answered {reply}");
    }
}

async fn session_ended_on_one_server_is_invalid_on_all_servers(server: &TestServer) {
    let (ana, admin, second) = (server.user(Role::Advocate), server.user(Role::Admin), server.another_server());
    let there = |method: &'static str, path: &'static str, token: String, body: Option<Value>| {
        let request = server.http.request(method.parse().unwrap(), format!("{second}{path}"));
        async move {
            let request = if token.is_empty() { request } else { request.bearer_auth(token) };
            let request = match body {
                Some(body) => request.json(&body),
                None => request,
            };
            request.send().await.unwrap().status().as_u16()
        }
    };
    let login = || async {
        server
            .anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD})))
            .await
            .expect(200)
            .body
    };
    let text = |body: &Value, member: &str| body[member].as_str().unwrap().to_owned();
    // The token is used on both servers first, so that their caches are tested too.
    let tokens = login().await;
    for _ in 0..2 {
        assert_eq!(there("GET", "/api/v1/me", text(&tokens, "access_token"), None).await, 200);
        server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(200);
    }
    assert_eq!(there("POST", "/api/v1/auth/logout", text(&tokens, "access_token"), None).await, 204);
    server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(401);
    server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]})))
        .await
        .expect(401);
    // A refresh token of an older generation that is used on one server is used on both, and its second use ends the
    // token family on both.
    let tokens = login().await;
    let next = server
        .anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]})))
        .await
        .expect(200)
        .body;
    assert_eq!(
        there("POST", "/api/v1/auth/refresh", String::new(), Some(json!({"refresh_token": next["refresh_token"]})))
            .await,
        200
    );
    assert_eq!(
        there("POST", "/api/v1/auth/refresh", String::new(), Some(json!({"refresh_token": tokens["refresh_token"]})))
            .await,
        401
    );
    server.send(tokens["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(401);
    // A suspension also takes effect on both.
    let tokens = login().await;
    assert_eq!(there("GET", "/api/v1/me", text(&tokens, "access_token"), None).await, 200);
    admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": "suspended"})).await.expect(200);
    assert_eq!(there("GET", "/api/v1/me", text(&tokens, "access_token"), None).await, 401);
    assert_eq!(
        there("POST", "/api/v1/auth/refresh", String::new(), Some(json!({"refresh_token": tokens["refresh_token"]})))
            .await,
        401
    );
    // A server that starts afterwards refuses it too.
    let third = server.another_server();
    let asked =
        server.http.get(format!("{third}/api/v1/me")).bearer_auth(text(&tokens, "access_token")).send().await.unwrap();
    assert_eq!(asked.status().as_u16(), 401);
}

async fn concurrent_demotions_leave_one_active_administrator(server: &TestServer) {
    let admins: Vec<User<'_>> = (0..8).map(|_| server.user(Role::Admin)).collect();
    let tries = (0..64_usize).map(|n| {
        let (who, whom) = (&admins[n % 8], admins[(n + 1 + n / 8) % 8].id());
        async move {
            let change = if n % 2 == 0 { json!({"role": "advocate"}) } else { json!({"status": "suspended"}) };
            who.patch(&format!("/users/{whom}"), "*", change).await.status
        }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    let of_org = schema::users::table
        .filter(schema::users::organization_id.eq(server.org.id))
        .filter(schema::users::role.eq(Role::Admin))
        .filter(schema::users::status.eq(UserStatus::Active));
    let left: i64 = of_org.count().get_result(&mut server.database.open()).unwrap();
    assert!(left >= 1, "nobody is left who could let anybody in");
}

async fn names_and_idempotency_keys_are_separate_per_organization(server: &TestServer) {
    let (here, there) = (server.user(Role::Admin), server.user_of_other_org(Role::Admin));
    here.post("/teams", json!({"name": "Night team"})).await.expect(201);
    there.post("/teams", json!({"name": "Night team"})).await.expect(201);
    here.post("/teams", json!({"name": "Night team"})).await.expect(409);
    let key = [("idempotency-key", "\"the-same-key\"")];
    let (one, two) = (server.user(Role::Advocate), server.user_of_other_org(Role::Advocate));
    let made = one.send("POST", "/providers", &key, Some(json!({"name": "Riverside Clinic"}))).await.expect(201);
    let other = two.send("POST", "/providers", &key, Some(json!({"name": "Hill Clinic"}))).await.expect(201);
    assert_ne!(made.id(), other.id());
    two.get(&format!("/providers/{}", made.id())).await.expect(404);
}

/// The guard has accepted the session when the request head arrives; the session ends before the body is complete.
async fn session_ended_during_upload_writes_nothing(server: &TestServer) {
    let (ana, admin, one) = (server.user(Role::Advocate), server.user(Role::Admin), server.user(Role::Admin));
    let provider = ana.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
    for (user, path, method, body, shut) in [
        (
            &ana,
            format!("/api/v1/providers/{provider}"),
            "PATCH",
            json!({"name": "Mine"}).to_string(),
            json!({"status": "suspended"}),
        ),
        // A user who loses a permission cannot grant it any more.
        (
            &one,
            format!("/api/v1/users/{}", server.user(Role::Advocate).id()),
            "PATCH",
            json!({"role": "admin"}).to_string(),
            json!({"role": "advocate"}),
        ),
    ] {
        let (first, rest) = body.split_at(3);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Type: \
             application/json\r\nIf-Match: *\r\nContent-Length: {}\r\n\r\n{first}",
            user.token(),
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(server.base.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // Waits until the guard has checked the session. The only indication is that later requests to the same server
        // are answered.
        for _ in 0..20 {
            user.get("/me").await.expect(200);
        }
        admin.patch(&format!("/users/{}", user.id()), "*", shut).await.expect(200);
        stream.write_all(rest.as_bytes()).unwrap();
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(std::str::from_utf8(&reply).unwrap(), "HTTP/1.1 401", "{path}");
    }
    assert_eq!(
        server.user(Role::Advocate).get(&format!("/providers/{provider}")).await.expect(200).body["name"],
        "Riverside Clinic"
    );
}

/// In any order, no session that began with the old password survives the password change.
async fn concurrent_logins_do_not_survive_a_password_change(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let login = || async {
        server.anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD}))).await
    };
    // Some clients keep logging in until the change is reported, so that one login is always in progress. With it there
    // are four at once, a number that the limit on guesses does not delay.
    let changed = std::cell::Cell::new(false);
    let change = async {
        ana.send(
            "PUT",
            "/me/password",
            &[],
            Some(json!({"current_password": PASSWORD, "new_password": "four dry umbrellas"})),
        )
        .await
        .expect(204);
        changed.set(true);
    };
    let attempts = || async {
        let mut replies = Vec::new();
        while !changed.get() {
            replies.push(login().await);
        }
        replies
    };
    let (logins, ()) = futures_util::join!(futures_util::future::join_all((0..3).map(|_| attempts())), change);
    let logins: Vec<Reply> = logins.into_iter().flatten().collect();
    assert!(logins.iter().any(|reply| reply.status == 200), "nobody was let in");
    for reply in logins {
        assert!(matches!(reply.status, 200 | 401), "{}", reply.status);
        if reply.status == 200 {
            server.send(reply.body["access_token"].as_str(), "GET", "/api/v1/me", &[], None).await.expect(401);
        }
    }
    ana.get("/me").await.expect(200);
    login().await.expect(401);
}

async fn own_profile_update_does_not_undo_a_concurrent_suspension(server: &TestServer) {
    let (ana, admin) = (server.user(Role::Advocate), server.user(Role::Admin));
    let rename = || async { ana.patch("/me", "*", json!({"display_name": "Ana"})).await.status };
    let suspend =
        async { admin.patch(&format!("/users/{}", ana.id()), "*", json!({"status": "suspended"})).await.expect(200) };
    let (statuses, _) = futures_util::join!(futures_util::future::join_all((0..32).map(|_| rename())), suspend);
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    let status: UserStatus = schema::users::table
        .filter(schema::users::id.eq(ana.actor.user))
        .select(schema::users::status)
        .first(&mut server.database.open())
        .unwrap();
    assert_eq!(status, UserStatus::Suspended);
}

async fn wrong_current_password_is_in_the_audit_log(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    ana.send(
        "PUT",
        "/me/password",
        &[],
        Some(json!({"current_password": "not the one I have", "new_password": "four dry umbrellas"})),
    )
    .await
    .expect_fault(422, "/current_password", "wrong_password");
    let auditor = server.user(Role::Auditor);
    // The entry is written asynchronously, so that a wrong guess takes no longer than a right one.
    for _ in 0..200 {
        let found = auditor.get("/audit-events?action=user.password_refused").await.expect(200);
        if let Some(entry) = found.body["items"].get(0) {
            assert_eq!((&entry["subject_id"], &entry["outcome"]), (&json!(ana.id()), &json!("refused")));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no entry");
}

async fn hidden_clients_name_is_not_revealed_by_filters_or_reports(server: &TestServer) {
    let south = server.new_team("South side");
    let (both, supervisor) = (
        server.user_in(&server.org, &[server.team, south], Role::Supervisor),
        server.user_in(&server.org, &[south], Role::Supervisor),
    );
    let client = both
        .post("/clients", json!({"preferred_name": "Quillon", "team_id": server.team.to_string()}))
        .await
        .expect(201)
        .id();
    let body = json!({
        "client_id": client, "team_id": south.to_string(), "advocacy_type": "peer", "intake_source": "self",
        "client_goal": "Keep my medication.",
    });
    let made = both.post("/cases", body).await.expect(201);
    supervisor.get(&format!("/cases/{}", made.id())).await.expect(200);
    supervisor.get(&format!("/clients/{client}")).await.expect(404);
    assert_eq!(supervisor.get("/cases?q=quill").await.expect(200).body["items"], json!([]));
    assert_eq!(both.get("/cases?q=quill").await.expect(200).body["items"].as_array().unwrap().len(), 1);
    // Nor in the list of records behind a number, which shows the case without the name.
    both.post(&format!("/cases/{}/barriers", made.id()), json!({"type": "cost", "description": "Deposit."}))
        .await
        .expect(201);
    for (user, is_named) in [(&both, true), (&supervisor, false)] {
        let records = user.get("/reports/barriers_open/records?reason=Audit").await.expect(200);
        let text = records.body.as_str().unwrap();
        assert!(text.contains(made.body["case_number"].as_str().unwrap()), "{text}");
        assert_eq!(text.contains("Quillon"), is_named, "{text}");
    }
}

async fn hidden_clients_birth_date_is_not_revealed_by_validation(server: &TestServer) {
    let south = server.new_team("South side");
    let (both, supervisor) = (
        server.user_in(&server.org, &[server.team, south], Role::Supervisor),
        server.user_in(&server.org, &[south], Role::Supervisor),
    );
    let client =
        json!({"preferred_name": "Quillon", "date_of_birth": "1990-05-17", "team_id": server.team.to_string()});
    let client = both.post("/clients", client).await.expect(201).id();
    let body = json!({
        "client_id": client, "team_id": south.to_string(), "advocacy_type": "peer", "intake_source": "self",
        "client_goal": "Keep my medication.",
    });
    let case = both.post("/cases", body).await.expect(201).id();
    let barriers = format!("/cases/{case}/barriers");
    let barrier = |on: &str| json!({"type": "cost", "description": "Deposit.", "occurred_on": on});
    both.post(&barriers, barrier("1990-05-16")).await.expect_fault(422, "/occurred_on", "before_birth");
    supervisor.post(&barriers, barrier("1990-05-16")).await.expect(201);
}
