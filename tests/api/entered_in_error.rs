//! A case that was entered in error: every operation that would change it is refused.

use crate::{
    authz::Records,
    on_both_engines,
    support::{TestServer, conforms::DOC},
};
use alongside::auth::{Role, policy};
use serde_json::json;
use std::collections::BTreeSet;

/// The resources whose writes are not below a case.
const ELSEWHERE: [&str; 14] = [
    "audit-events",
    "auth",
    "break-glass", // it reads a case and changes nothing in it
    "clients",
    "deadline-rules",
    "invitations",
    "me", // feedback about a case that was entered in error is refused as if about no case: see `portal`
    "organization",
    "preparation-templates",
    "providers",
    "services",
    "statements", // of a client, not of a case
    "teams",
    "users",
];

/// The operations on a case that was entered in error that get another response, with the reason.
const EXCEPTIONS: [(&str, u16, &str); 6] = [
    ("createCase", 201, "creates another case"),
    ("transitionCase", 409, "the lifecycle has no step out of it, and says so"),
    ("endAssignment", 204, "access can be ended"),
    ("acceptHandover", 404, "the transition has withdrawn the offer"),
    ("refuseHandover", 404, "the transition has withdrawn the offer"),
    ("withdrawHandover", 409, "the transition has withdrawn the offer"),
];

on_both_engines! {
    case_entered_in_error_is_read_only,
}

async fn case_entered_in_error_is_read_only(server: &TestServer) {
    let (ana, supervisor, colleague, sam, admin) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Advocate),
        server.user(Role::Client),
        server.user(Role::Admin),
    );
    let (mut refused, mut excepted, mut elsewhere) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (path, item) in DOC["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "get") {
            let id = operation["operationId"].as_str().unwrap();
            let resource = path.split('/').nth(3).unwrap_or_default();
            if ELSEWHERE.contains(&resource) {
                elsewhere.insert(resource);
                continue;
            }
            let records = Records::make(server, [&ana, &supervisor, &colleague, &sam], path).await;
            let case = records.id("cases");
            admin.transition(&case, json!({"to": "entered_in_error", "reason": "Entered twice."})).await.expect(201);
            let (roles, _) = policy::roles(operation["x-permission"].as_str().unwrap()).unwrap();
            let user = match (id, roles.contains(&Role::Advocate)) {
                ("acceptHandover" | "refuseHandover", _) => &colleague,
                (_, true) => &ana,
                (_, false) => &supervisor,
            };
            let headers: &[(&str, &str)] = if method == "post" { &[] } else { &[("if-match", "*")] };
            let before = supervisor.get(&format!("/cases/{case}")).await.expect(200).body;
            let reply =
                user.send(&method.to_uppercase(), &records.fill(path), headers, records.example(operation)).await;
            match EXCEPTIONS.iter().find(|(known, ..)| *known == id) {
                Some((_, status, why)) => {
                    assert_eq!(reply.status, *status, "{id} ({why}): {:#}", reply.body);
                    excepted.insert(id);
                }
                None => {
                    assert_eq!(
                        (reply.status, &reply.body["detail"]),
                        (409, &json!("The case was entered in error.")),
                        "{id}: {:#}",
                        reply.body
                    );
                    refused.insert(id);
                }
            }
            assert_eq!(
                supervisor.get(&format!("/cases/{case}")).await.expect(200).body,
                before,
                "{id} has changed the case"
            );
        }
    }
    assert_eq!((excepted.len(), elsewhere.len()), (EXCEPTIONS.len(), ELSEWHERE.len()));
    assert!(refused.len() >= 27, "{refused:?}");
}
