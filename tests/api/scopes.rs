//! Integrations: each can do what its scopes name, and nothing else.

use crate::{
    on_both_engines,
    support::{PASSWORD, TestServer, active_case, conforms::DOC, pages},
};
use alongside::{
    auth::{Role, Scopes, policy},
    db::schema::users,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::prelude::*;
use serde_json::{Value, json};

/// The scopes in an access token.
fn scope(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["scope"].as_str().unwrap().to_owned()
}

on_both_engines! {
    integration_permissions_are_limited_to_its_scopes,
    scopes_are_granted_only_by_administrators_and_only_to_integrations,
    integration_without_a_purpose_sees_no_cases,
    integration_sees_that_a_case_exists_but_no_content,
}

async fn integration_permissions_are_limited_to_its_scopes(server: &TestServer) {
    let given: Vec<&str> = policy::ALL.iter().filter(|row| row.by_scope).map(|row| row.name).collect();
    assert_eq!(
        given,
        [
            "organization:read",
            "teams:read",
            "cases:read",
            "directory:read",
            "directory:write",
            "deadline_rules:read",
            "code_lists:read",
            "reports:read"
        ]
    );
    let mut asked = 0;
    for scope in given.iter().map(|scope| Some(*scope)).chain([None]) {
        let user =
            server.user_with_scopes(&server.org, &[server.team], Role::Integration, Scopes::parse(scope).unwrap());
        for (path, item) in DOC["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(permission) =
                    operation["x-permission"].as_str().filter(|_| operation["operationId"] != "logout")
                else {
                    continue;
                };
                let path: Vec<String> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { TestServer::unknown_id() } else { part.to_owned() })
                    .collect();
                let body = crate::support::body(operation);
                let reply = user.send(&method.to_uppercase(), &path.join("/"), &[("if-match", "*")], body).await;
                let may = matches!(permission, "self:read" | "self:factor") || Some(permission) == scope;
                // A second setup of a factor is refused for another reason.
                assert_eq!(
                    reply.body["code"] != "forbidden",
                    may,
                    "{scope:?}: {method} {path:?} is for {permission}, and was answered {}",
                    reply.status
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 900, "{asked}");
}

async fn scopes_are_granted_only_by_administrators_and_only_to_integrations(server: &TestServer) {
    let (admin, ana) = (server.user(Role::Admin), server.user(Role::Advocate));
    let sync = server.user_with_scopes(&server.org, &[], Role::Integration, Scopes::NONE);
    let path = format!("/users/{}", sync.id());
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(shown.body["scopes"], json!([]));
    assert!(admin.get(&format!("/users/{}", ana.id())).await.body.get("scopes").is_none());
    for never in ["notes:read", "clients:read", "search:read", "users:read", "self:write", "portal:read", "nonsense"] {
        admin.patch(&path, "*", json!({"scopes": ["cases:read", never]})).await.expect_fault(
            422,
            "/scopes",
            "unknown_scope",
        );
    }
    for bad in [json!(null), json!("cases:read"), json!([1])] {
        admin.patch(&path, "*", json!({"scopes": bad})).await.expect(422);
    }
    admin.patch(&format!("/users/{}", ana.id()), "*", json!({"scopes": ["cases:read"]})).await.expect_fault(
        422,
        "/scopes",
        "not_an_integration",
    );
    admin.patch(&format!("/users/{}", admin.id()), "*", json!({"scopes": []})).await.expect_fault(
        422,
        "/scopes",
        "not_an_integration",
    );
    admin.patch(&path, "*", json!({"role": "auditor", "scopes": ["cases:read"]})).await.expect_fault(
        422,
        "/scopes",
        "not_an_integration",
    );
    sync.get("/providers").await.expect(403);
    sync.patch(&path, "*", json!({"scopes": ["cases:read"]})).await.expect(403);

    let changed = admin
        .patch(&path, "*", json!({"scopes": ["directory:read", "cases:read", "directory:read"]}))
        .await
        .expect(200);
    assert_eq!(changed.body["scopes"], json!(["cases:read", "directory:read"]));
    sync.get("/me").await.expect(401); // a changed scope ends sessions
    let sign_in = async || {
        let login = json!({"email": sync.email, "password": PASSWORD});
        server.anyone("POST", "/api/v1/auth/login", Some(login)).await.expect(200).body["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let get = async |token: &str, path: &str| server.send(Some(token), "GET", path, &[], None).await;
    let token = sign_in().await;
    assert_eq!(scope(&token), "self:read self:factor cases:read directory:read");
    assert_eq!(
        get(&token, "/api/v1/me").await.expect(200).body["permissions"],
        json!(["self:read", "self:factor", "cases:read", "directory:read"])
    );
    get(&token, "/api/v1/providers").await.expect(200);
    // The same scopes again are no change, and neither is a new name.
    admin.patch(&path, "*", json!({"scopes": ["cases:read", "directory:read"]})).await.expect(200);
    admin.patch(&path, "*", json!({"display_name": "The sync"})).await.expect(200);
    get(&token, "/api/v1/providers").await.expect(200);
    // The scopes are read from the database at every request, not from the token.
    let row = users::table.filter(users::id.eq(sync.actor.user));
    diesel::update(row)
        .set(users::scopes.eq(Scopes::parse(["cases:read"]).unwrap()))
        .execute(&mut server.database.open())
        .unwrap();
    get(&token, "/api/v1/providers").await.expect(403);
    get(&token, "/api/v1/cases").await.expect(200);
    // Another role removes the scopes, and the return to the old role restores none.
    let other = admin.patch(&path, "*", json!({"role": "auditor"})).await.expect(200);
    assert!(other.body.get("scopes").is_none());
    let back = admin.patch(&path, "*", json!({"role": "integration"})).await.expect(200);
    assert_eq!(back.body["scopes"], json!([]));
    get(&sign_in().await, "/api/v1/cases").await.expect(403);
    admin.patch(&path, "*", json!({"status": "suspended"})).await.expect(200);
    server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": sync.email, "password": PASSWORD})))
        .await
        .expect(401);
}

async fn integration_without_a_purpose_sees_no_cases(server: &TestServer) {
    let (ana, supervisor, admin, sync) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
        server.user(Role::Integration),
    );
    let case = active_case(&ana, &supervisor).await;
    let path = format!("/users/{}", sync.id());
    assert_eq!(admin.get(&path).await.expect(200).body["purpose"], "internal");
    sync.get(&format!("/cases/{case}")).await.expect(200);
    // Without the purpose, the cases and the session are lost at the next request.
    admin.patch(&path, "*", json!({"purpose": null})).await.expect(200);
    sync.get("/me").await.expect(401);
    let sign_in = async || {
        let login = json!({"email": sync.email, "password": PASSWORD});
        server.anyone("POST", "/api/v1/auth/login", Some(login)).await.expect(200).body["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let get =
        async |token: &str, path: &str| server.send(Some(token), "GET", &format!("/api/v1{path}"), &[], None).await;
    let token = sign_in().await;
    assert!(admin.get(&path).await.expect(200).body.get("purpose").is_none());
    let listed = get(&token, "/cases?include_total=true").await.expect(200).body;
    assert_eq!((listed["total"].as_i64(), &listed["items"]), (Some(0), &json!([])));
    let missing = get(&token, &format!("/cases/{}", TestServer::unknown_id())).await.expect(404).observed();
    for hidden in ["", "/transitions", "/assignments"] {
        assert_eq!(get(&token, &format!("/cases/{case}{hidden}")).await.expect(404).observed(), missing);
    }
    // The directory, the teams and protected reports are still available; exact numbers are not.
    for open in ["/providers", "/teams", "/deadline-rules", "/code-lists", "/organization"] {
        get(&token, open).await.expect(200);
    }
    let report = "/reports/barrier_resolution?from=2026-07-01&to=2026-10-01";
    assert!(
        get(&token, report).await.expect(200).body["threshold"].as_i64().unwrap() >= 11,
        "small numbers are hidden"
    );
    get(&token, &format!("{report}&view=exact")).await.expect(403);
    // With the purpose recorded again, access returns; no other role has a purpose, and a change of role removes it.
    admin.patch(&path, "*", json!({"purpose": "internal"})).await.expect(200);
    let token = sign_in().await;
    get(&token, &format!("/cases/{case}")).await.expect(200);
    admin.patch(&path, "*", json!({"purpose": "marketing"})).await.expect(422);
    admin.patch(&format!("/users/{}", ana.id()), "*", json!({"purpose": "internal"})).await.expect_fault(
        422,
        "/purpose",
        "not_an_integration",
    );
    sync.patch(&path, "*", json!({"purpose": "internal"})).await.expect(401);
    admin.patch(&path, "*", json!({"role": "auditor"})).await.expect(200);
    let back = admin.patch(&path, "*", json!({"role": "integration", "scopes": ["cases:read"]})).await.expect(200);
    assert!(back.body.get("purpose").is_none());
    assert_eq!(get(&sign_in().await, "/cases").await.expect(200).body["items"], json!([]));
    // An invited integration has no purpose either.
    admin
        .post("/invitations", json!({"email": "sync@example.org", "display_name": "Sync", "role": "integration"}))
        .await
        .expect(201);
    let secret = server.secret("sync@example.org", "invitation.").await;
    let made = server
        .anyone("POST", "/api/v1/auth/accept-invitation", Some(json!({"token": secret, "password": PASSWORD})))
        .await
        .expect(200);
    assert!(made.body.get("purpose").is_none());
}

async fn integration_sees_that_a_case_exists_but_no_content(server: &TestServer) {
    let (ana, supervisor, admin, sync, foreign) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
        server.user(Role::Integration),
        server.user_of_other_org(Role::Integration),
    );
    let case = active_case(&ana, &supervisor).await;
    ana.patch(&format!("/cases/{case}"), "*", json!({"client_goal": "CANARY", "tags": ["CANARY"]})).await.expect(200);
    let shown = sync.get(&format!("/cases/{case}?expand=client,lead_advocate")).await.expect(200).body;
    assert_eq!((&shown["status"], &shown["lead_advocate"]["display_name"]), (&json!("active"), &json!("A advocate")));
    assert!(
        shown.get("client").is_none()
            && shown["available_transitions"].as_array().unwrap().iter().all(|step| step["permitted"] == false)
    );
    let listed = pages(&sync, "/cases", 1).await;
    assert!(listed.len() == 1 && !json!([shown, listed]).to_string().contains("CANARY"));
    for question in ["q=CANARY", "tag=CANARY", "barrier_type=cost"] {
        sync.get(&format!("/cases?{question}")).await.expect(403);
    }
    assert_eq!(pages(&sync, &format!("/cases/{case}/assignments"), 1).await.len(), 1);
    for hidden in ["notes", "barriers", "meetings", "tasks", "timeline", "actions", "handovers", "conflict-checks"] {
        sync.get(&format!("/cases/{case}/{hidden}")).await.expect(403);
    }
    let deputy = json!({
        "user_id": server.user_in(&server.org, &[], Role::Supervisor).id(), "starts_on": "2030-07-01", "ends_on": "2030-07-14",
        "reason": "CANARY",
    });
    admin.post(&format!("/teams/{}/deputies", server.team), deputy).await.expect(201);
    let deputies = pages(&sync, &format!("/teams/{}/deputies", server.team), 1).await;
    assert!(deputies.len() == 1 && deputies[0].get("reason").is_none());
    let provider = sync.post("/providers", json!({"name": "Riverside Clinic"})).await.expect(201).id();
    ana.get(&format!("/providers/{provider}")).await.expect(200);
    for path in [format!("/cases/{case}"), format!("/teams/{}", server.team), format!("/providers/{provider}")] {
        foreign.get(&path).await.expect(404);
    }
    assert!(pages(&foreign, "/cases", 1).await.is_empty());
}
