//! The table of the members that each role reads and writes (AZ-07): it is complete and has no unused lines.
//! `support::members` checks every reply of every test against it.

use crate::{
    on_both_engines,
    support::{
        TestServer, active_case,
        conforms::DOC,
        members::{self, TABLES, Table, fault, is_envelope, parts, resolve},
    },
};
use alongside::auth::{Actor, Role, policy};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::{collections::BTreeSet, panic::AssertUnwindSafe};

/// Adds the schemas that this role can receive in a value of this schema to `met`, except through members that the role
/// does not get.
fn walk(table: &Table, role: &str, schema: &Value, met: &mut BTreeSet<(String, String)>) {
    let (name, schema) = resolve(schema);
    let record = name.filter(|name| !is_envelope(name) && schema["properties"].is_object());
    if record.is_some_and(|record| !met.insert((record.to_owned(), role.to_owned()))) {
        return;
    }
    let given = record.and_then(|record| table.get(&(record.to_owned(), role.to_owned())));
    for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
        if given.is_none_or(|given| given.have(member)) {
            walk(table, role, schema, met);
        }
    }
    parts(schema).for_each(|part| walk(table, role, part, met));
    if schema["items"].is_object() {
        walk(table, role, &schema["items"], met);
    }
}

#[test]
fn member_table_has_a_row_for_each_role_and_record_and_none_unused() {
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    for operation in DOC["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()) {
        let roles: Vec<&str> =
            match operation["x-permission"].as_str().map(|permission| policy::roles(permission).unwrap()) {
                Some((roles, by_scope)) => {
                    roles.iter().map(|role| role.as_str()).chain(by_scope.then_some("integration")).collect()
                }
                None => vec!["nobody"],
            };
        for role in roles {
            for (status, reply) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') {
                    walk(&TABLES.read, role, &reply["content"]["application/json"]["schema"], &mut read);
                }
            }
            walk(
                &TABLES.written,
                role,
                &operation["requestBody"]["content"]["application/json"]["schema"],
                &mut written,
            );
        }
    }
    for (table, met, name) in [(&TABLES.read, &read, "read"), (&TABLES.written, &written, "written")] {
        let lines: BTreeSet<(String, String)> = table.keys().cloned().collect();
        let (missing, idle): (Vec<_>, Vec<_>) = (met.difference(&lines).collect(), lines.difference(met).collect());
        assert!(missing.is_empty() && idle.is_empty(), "{name}: without a line {missing:?}, idle {idle:?}");
        for ((schema, role), given) in table {
            if let members::Members::AllBut(those) = given {
                let properties = DOC["components"]["schemas"][schema]["properties"].as_object().unwrap();
                let unknown: Vec<_> = those.iter().filter(|member| !properties.contains_key(*member)).collect();
                assert!(unknown.is_empty(), "{schema} for {role}: {unknown:?}");
            }
        }
    }
}

#[test]
fn undeclared_member_is_detected_at_any_depth() {
    let reads = |role: &str, path: &str, reply: Value| fault(role, "GET", path, 200, None, &reply);
    let case = "/api/v1/cases/019ab3c4-0000-7000-8000-000000000020";
    assert_eq!(reads("supervisor", case, json!({"client_goal": "g"})), None);
    assert!(reads("admin", case, json!({"client_goal": "g"})).unwrap().contains("Case.client_goal"));
    assert_eq!(reads("admin", case, json!({"case_number": "2026-000001", "tags": []})), None);
    assert!(
        reads("integration", "/api/v1/cases", json!({"items": [{"tags": []}, {"tags": ["x"]}]}))
            .unwrap()
            .contains("Case.tags")
    );
    assert!(reads("admin", case, json!({"lead_advocate": {"id": "x"}})).is_none());
    assert!(reads("client", case, json!({"id": "x"})).unwrap().contains("Case at all"));
    let transitions = format!("{case}/transitions");
    assert!(
        reads("admin", &transitions, json!({"items": [{"given": {"signpost": "x"}}]}))
            .unwrap()
            .contains("Given.signpost")
    );
    let mine = "/api/v1/me/cases/019ab3c4-0000-7000-8000-000000000020";
    assert_eq!(reads("client", mine, json!({"promises": [{"text": "x"}], "next_meeting": {"purpose": "x"}})), None);
    assert!(reads("advocate", "/api/v1/me/client", json!({"phone": "x"})).unwrap().contains("MyClient at all"));
    let writes = |role: &str, sent: &str| {
        fault(role, "PATCH", "/api/v1/users/019ab3c4-0000-7000-8000-000000000020", 200, Some(sent), &Value::Null)
    };
    assert_eq!(writes("admin", r#"{"role": "auditor"}"#), None);
    assert!(writes("supervisor", r#"{"role": "admin"}"#).unwrap().contains("UserPatch"));
}

on_both_engines! {
    each_role_sees_exactly_the_members_in_its_table_row,
}

// Every member is filled, so that none is omitted because it is empty.
async fn each_role_sees_exactly_the_members_in_its_table_row(server: &TestServer) {
    let (ana, supervisor, admin, integration) = (
        server.user(Role::Advocate),
        server.user(Role::Supervisor),
        server.user(Role::Admin),
        server.user(Role::Integration),
    );
    let case = active_case(&ana, &supervisor).await;
    let mut filled = json!({
        "instruction": "non_instructed", "non_instructed_reason": "CANARY", "intake_source": "other",
        "intake_source_text": "CANARY", "priority": "urgent", "priority_reason": "CANARY", "client_goal": "CANARY",
        "tags": ["CANARY"],
    });
    filled["non_instructed_basis"] = DOC["components"]["schemas"]["NonInstructedBasis"]["enum"][0].clone();
    ana.patch(&format!("/cases/{case}"), "*", filled).await.expect(200);
    ana.transition(&case, json!({"to": "closing"})).await.expect(201);
    supervisor
        .transition(
            &case,
            json!({
                "to": "closed", "reason": "CANARY", "closing_reason": "no_merit_or_basis", "closing_summary": "CANARY",
                "outcome": "goal_met",
            }),
        )
        .await
        .expect(201);
    let properties: BTreeSet<String> =
        DOC["components"]["schemas"]["Case"]["properties"].as_object().unwrap().keys().cloned().collect();
    for user in [&supervisor, &ana, &admin, &integration] {
        let role = user.actor.role.as_str();
        let shown = user.get(&format!("/cases/{case}?expand=client,lead_advocate")).await.expect(200).body;
        let observed = |value: &Value| !value.as_array().is_some_and(Vec::is_empty);
        let members: BTreeSet<String> = shown
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| observed(value))
            .map(|(member, _)| member.clone())
            .collect();
        let given = &TABLES.read[&("Case".to_owned(), role.to_owned())];
        let due: BTreeSet<String> = properties
            .iter()
            .filter(|member| given.have(member) && !["review_on", "unmet_reason"].contains(&member.as_str()))
            .cloned()
            .collect();
        assert_eq!(members, due, "{role}");
        let history = user.get(&format!("/cases/{case}/transitions")).await.expect(200).body;
        let canary = shown.to_string().contains("CANARY") || history.to_string().contains("CANARY");
        assert_eq!(canary, user.actor.role.sees_content(), "{role}");
    }
    // The check runs where replies arrive: a caller with the client role must not receive a case.
    let token = server.keys.mint(Actor { role: Role::Client, ..ana.actor }).unwrap();
    let path = format!("/api/v1/cases/{case}");
    let caught = AssertUnwindSafe(server.send(Some(&token), "GET", &path, &[], None)).catch_unwind().await;
    let observed = caught.unwrap_err().downcast::<String>().unwrap();
    assert!(observed.contains("shows client Case at all"), "{observed}");
}
