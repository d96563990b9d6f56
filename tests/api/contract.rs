//! The rules of the API contract for all operations: values, conditional requests, filters, cursors, repeated requests
//! and the wording of errors.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, body, conforms::DOC},
};
use alongside::{
    auth::{Role, policy},
    db::schema,
    types::{Day, Instant, Zone, bounds},
};
use diesel::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    DOC["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// A schema with its references resolved. Of a choice, the first schema that is not `null`.
fn resolved(schema: &'static Value) -> &'static Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        return resolved(DOC.pointer(pointer.trim_start_matches('#')).unwrap());
    }
    match schema["oneOf"].as_array().and_then(|ways| ways.iter().find(|way| way["type"] != "null")) {
        Some(way) => resolved(way),
        None => schema,
    }
}

/// The members of a body by pointer, including those of nested objects and of objects in lists.
fn members(schema: &'static Value, at: &str, found: &mut Vec<(String, &'static Value)>) {
    let schema = resolved(schema);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let here = format!("{at}/{name}");
        found.push((here.clone(), member));
        match resolved(member) {
            list if list["type"] == "array" => members(&list["items"], &format!("{here}/0"), found),
            other => members(other, &here, found),
        }
    }
}

/// The path with ids that do not exist and names that do.
fn address(path: &str) -> String {
    let part = |part: &str| match part {
        "{name}" => "barrier_type".into(),
        "{measure}" => "barriers_open".into(),
        "{meeting_type}" => "discharge_planning".into(),
        part if part.starts_with('{') => TestServer::unknown_id(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// One user of each role. An operation is called by the first role that its permission allows.
struct People<'s>(Vec<(Role, User<'s>)>);

impl<'s> People<'s> {
    fn of(server: &'s TestServer) -> Self {
        Self(Role::ALL.iter().map(|role| (*role, server.user(*role))).collect())
    }
    fn who(&self, operation: &Value) -> Option<&User<'s>> {
        let (roles, by_scope) = policy::roles(operation["x-permission"].as_str()?).unwrap();
        let may = |role: &Role| roles.contains(role) || roles.is_empty() && by_scope && *role == Role::Integration;
        self.0.iter().find(|(role, _)| may(role)).map(|(_, user)| user)
    }
}

/// A value that satisfies the schema of a parameter.
fn value_of(schema: &'static Value) -> String {
    let schema = resolved(schema);
    let of_enum = schema["enum"].as_array().and_then(|codes| codes[0].as_str().map(str::to_owned));
    of_enum.unwrap_or_else(|| match (schema["type"].as_str(), schema["format"].as_str()) {
        (_, Some("uuid")) => TestServer::unknown_id(),
        (_, Some("date")) => "2026-01-05".into(),
        (_, Some("date-time")) => "2026-01-05T10:00:00Z".into(),
        (Some("boolean"), _) => "true".into(),
        (Some("integer" | "number"), _) => schema["minimum"].as_i64().unwrap_or(1).to_string(),
        _ if schema["pattern"].as_str().is_some_and(|pattern| pattern.starts_with("^(19|20|21)")) => {
            "2026-01-05".into()
        }
        _ => "samuel".into(),
    })
}

/// Terms of the implementation that no error may contain.
const IMPLEMENTATION_TERMS: &[&str] = &[
    "struct",
    "enum",
    "variant",
    "tuple",
    "newtype",
    "map",
    "sequence",
    "unit",
    "untagged",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "f32",
    "f64",
    "bool",
    "Option",
    "Vec",
    "String",
    "str",
    "serde",
    "deserialize",
    "column",
    "EOF",
];

/// Asserts that every text of a problem is free of implementation terms.
fn assert_plain(asked: &str, problem: &Value) {
    let errors = problem["errors"].as_array().into_iter().flatten().map(|error| &error["detail"]);
    for text in [&problem["title"], &problem["detail"]].into_iter().chain(errors).filter_map(Value::as_str) {
        // After these words come codes of the contract; `sequence` is one of them.
        let text = text.split("must be one of ").next().unwrap();
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let word = words.find(|word| IMPLEMENTATION_TERMS.contains(word));
        assert!(word.is_none() && !text.contains("expected `") && !text.contains("::"), "{asked} answered {text:?}");
    }
}

#[test]
fn every_date_and_instant_in_a_body_has_documented_bounds() {
    let mut named = BTreeSet::new();
    for (path, method, operation) in operations() {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        let mut found = Vec::new();
        members(schema, "", &mut found);
        for (pointer, member) in found {
            if matches!(resolved(member)["format"].as_str(), Some("date" | "date-time")) {
                let name = pointer.rsplit('/').next().unwrap().to_owned();
                let kind = bounds::Kind::of(&name)
                    .unwrap_or_else(|| panic!("{method} {path} takes {pointer}, which types/bounds.rs does not have"));
                assert!(
                    member["description"].as_str().unwrap_or_default().contains(&kind.description()),
                    "{method} {path} {pointer}: {member}"
                );
                named.insert(name);
            }
        }
    }
    let table: BTreeSet<String> = bounds::MEMBERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(named, table, "`bounds::MEMBERS` has an unused name");
}

#[test]
fn openapi_describes_list_filters_as_exploded_form_parameters() {
    let mut several = 0;
    for (path, method, operation) in operations() {
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "query") {
            if parameter["schema"]["type"] == "array" {
                several += 1;
                assert_eq!(
                    (&parameter["style"], &parameter["explode"]),
                    (&json!("form"), &json!(true)),
                    "{method} {path}: {parameter}"
                );
                assert!(
                    parameter["description"].as_str().unwrap().contains("repeat the parameter, or put commas"),
                    "{method} {path}"
                );
            }
        }
    }
    assert!(several > 30, "{several}");
}

on_both_engines! {
    error_messages_contain_no_internal_names,
    list_filters_take_commas_or_repetition_and_others_one_value,
    filter_with_several_values_matches_any_of_them,
    cursor_stays_valid_when_limit_or_parameter_order_changes,
    if_match_accepts_weak_tags_lists_and_any_and_rejects_malformed,
    idempotency_key_compares_bodies_by_json_value,
    idempotency_key_of_an_older_version_compares_body_bytes,
    text_with_foreign_line_breaks_and_invisible_characters_is_accepted,
    implausible_dates_are_refused,
    future_dates_are_judged_in_organization_and_forum_time_zones,
    unknown_code_list_error_points_to_the_list_of_code_lists,
}

async fn error_messages_contain_no_internal_names(server: &TestServer) {
    let people = People::of(server);
    let wrong = [
        json!(null),
        json!(""),
        json!("x, expected map"),
        json!(5),
        json!(-1.5),
        json!(1e300),
        json!(true),
        json!([]),
        json!([null]),
        json!([5]),
        json!({}),
        json!({"x": null}),
    ];
    for (path, method, operation) in operations() {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else { continue };
        let (who, at, method) = (people.who(operation), address(path), method.to_uppercase());
        let mut found = Vec::new();
        members(schema, "", &mut found);
        let example = body(operation).unwrap();
        let mut bodies = vec![json!([]), json!("x"), json!(null), json!({}), json!({"no_such_member": 1})];
        for (pointer, _) in &found {
            for value in &wrong {
                let mut body = example.clone();
                set(&mut body, pointer, value.clone());
                bodies.push(body);
            }
        }
        let mut refused = 0;
        for sent in bodies {
            let text = sent.to_string();
            let token = who.map(User::token);
            let reply = server.send(token, &method, &at, &[("if-match", "\"v999\"")], Some(text.clone())).await;
            if reply.status < 400 {
                continue;
            }
            let asked = format!("{method} {path} {text}");
            assert_plain(&asked, &reply.body);
            refused += usize::from(reply.status == 422);
            for error in reply.body["errors"].as_array().into_iter().flatten() {
                let detail = error["detail"].as_str().unwrap();
                let at = error["pointer"].as_str().unwrap_or_default();
                // Except where the error points to a missing member.
                if sent.pointer(at) == Some(&Value::Null) && !at.is_empty() && error["code"] == "wrong_type" {
                    assert!(detail.starts_with("cannot be null"), "{asked}: {detail}");
                }
            }
        }
        assert!(refused > 3, "{method} {path} refuses {refused} bodies");
    }
}

async fn list_filters_take_commas_or_repetition_and_others_one_value(server: &TestServer) {
    let people = People::of(server);
    let (mut several, mut single) = (0, 0);
    for (path, _, operation) in operations().filter(|(_, method, _)| *method == "get") {
        let parameters: Vec<&'static Value> =
            operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "query").collect();
        let at = address(path);
        let who = people.who(operation).map(User::token);
        let value = |parameter: &'static Value| match (path, parameter["name"].as_str().unwrap()) {
            (_, "group_by") => ("type".to_owned(), "team".to_owned()),
            _ if parameter["schema"]["type"] == "array" => {
                let codes = resolved(&parameter["schema"]["items"])["enum"].as_array().unwrap();
                (codes[0].as_str().unwrap().to_owned(), codes.last().unwrap().as_str().unwrap().to_owned())
            }
            _ => {
                let one = value_of(&parameter["schema"]);
                (one.clone(), one)
            }
        };
        let needed = |but: &str| {
            let others = parameters.iter().copied().filter(|one| one["required"] == true && one["name"] != but);
            others.map(|one| format!("&{}={}", one["name"].as_str().unwrap(), value(one).0)).collect::<String>()
        };
        for parameter in parameters.iter().copied() {
            let name = parameter["name"].as_str().unwrap();
            let (a, b) = value(parameter);
            let ask = async |query: String| {
                server.send(who, "GET", &format!("{at}?{query}{}", needed(name)), &[], None).await
            };
            if parameter["schema"]["type"] == "array" {
                several += 1;
                let commas = ask(format!("{name}={a},{b}")).await;
                assert!(matches!(commas.status, 200 | 404), "{path} {name}: {:#}", commas.body);
                for other in [
                    format!("{name}={a}&{name}={b}"),
                    format!("{name}={a},%20{b}"),
                    format!("{name}=%20{a}&{name}={b}%20"),
                ] {
                    assert_eq!(ask(other.clone()).await.status, commas.status, "{path} {other}");
                }
            } else {
                single += 1;
                let twice = ask(format!("{name}={a}&{name}={b}")).await;
                assert_plain(path, &twice.body);
                twice.expect_fault(400, name, "duplicate");
            }
            for wrong in ["", ",", "x,%20expected%20map", "-1", "[]"] {
                let reply = ask(format!("{name}={wrong}")).await;
                if reply.status >= 400 {
                    assert_plain(&format!("{path}?{name}={wrong}"), &reply.body);
                }
            }
        }
    }
    assert!(several > 30 && single > 100, "{several} {single}");
}

async fn filter_with_several_values_matches_any_of_them(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let active = active_case(&ana, &supervisor).await;
    let new = ana.new_case().await;
    for query in [
        "status=active,referred",
        "status=active&status=referred",
        "status=active,%20referred",
        "status=closed,active&status=referred",
    ] {
        let reply = ana.get(&format!("/cases?{query}")).await.expect(200);
        let found: BTreeSet<&str> =
            reply.body["items"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
        assert_eq!(found, BTreeSet::from([active.as_str(), new.as_str()]), "{query}");
    }
    for (query, words) in [
        ("status=", "must not be empty: leave the parameter out, or give it a value"),
        ("q=", "must not be empty: leave the parameter out, or give it a value"),
        ("status=active,", "has an empty value: put one comma between two values"),
        ("client=x", "must be a UUID in canonical lower-case form"),
    ] {
        let reply = ana.get(&format!("/cases?{query}")).await.expect(400);
        assert_eq!(reply.body["errors"][0]["detail"], words, "{query}");
    }
    let reply = ana.get("/cases?status=nope").await.expect(400);
    assert!(reply.body["errors"][0]["detail"].as_str().unwrap().starts_with("must be one of "), "{:#}", reply.body);
}

async fn cursor_stays_valid_when_limit_or_parameter_order_changes(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for _ in 0..4 {
        ana.new_case().await;
    }
    let ids = |reply: &crate::support::Reply| {
        reply.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = ids(&ana.get("/cases?status=referred&priority=routine").await.expect(200));
    let first = ana.get("/cases?limit=1&status=referred&priority=routine").await.expect(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    let rest = ana
        .get(&format!(
            "/cases?priority=routine&cursor={cursor}&sort=-opened_at&status=referred&limit=50&include_total=true"
        ))
        .await
        .expect(200);
    assert_eq!([ids(&first), ids(&rest)].concat(), all);
    let without_priority = format!("/cases?limit=1&status=referred&cursor={cursor}");
    ana.get(&without_priority).await.expect_fault(400, "cursor", "invalid_cursor");
    ana.get(&format!("/cases?limit=1&status=referred&priority=high&cursor={cursor}")).await.expect_fault(
        400,
        "cursor",
        "invalid_cursor",
    );
    ana.get(&format!("/cases?limit=1&sort=opened_at&status=referred&priority=routine&cursor={cursor}"))
        .await
        .expect_fault(400, "cursor", "invalid_cursor");
}

async fn if_match_accepts_weak_tags_lists_and_any_and_rejects_malformed(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    let path = format!("/cases/{case}");
    for (sent, version) in [("W/\"v1\"", 2), ("\"v2\"", 3), ("\"v9\", W/\"v3\"", 4), ("*", 5)] {
        let reply = ana.patch(&path, sent, json!({"client_goal": format!("Goal {version}")})).await.expect(200);
        assert_eq!(reply.etag(), format!("\"v{version}\""), "{sent}");
    }
    for stale in ["W/\"v4\"", "\"v4\"", "\"V5\"", "\"\""] {
        assert_eq!(ana.patch(&path, stale, json!({"client_goal": "x"})).await.expect(412).etag(), "\"v5\"", "{stale}");
    }
    for malformed in ["v5", "5", "\"v5", "w/\"v5\"", "", "*, \"v5\""] {
        ana.patch(&path, malformed, json!({"client_goal": "x"})).await.expect_fault(400, "If-Match", "malformed");
        // Even if the header is optional, a malformed one does not count as absent.
        let moved = supervisor
            .send("POST", &format!("{path}/transitions"), &[("if-match", malformed)], Some(json!({"to": "triage"})))
            .await;
        moved.expect_fault(400, "If-Match", "malformed");
        ana.send("GET", &path, &[("if-none-match", malformed)], None).await.expect_fault(
            400,
            "If-None-Match",
            "malformed",
        );
    }
    supervisor
        .send("POST", &format!("{path}/transitions"), &[("if-match", "W/\"v4\"")], Some(json!({"to": "triage"})))
        .await
        .expect(412);
    supervisor
        .send("POST", &format!("{path}/transitions"), &[("if-match", "W/\"v5\"")], Some(json!({"to": "triage"})))
        .await
        .expect(201);
    let client = ana.get(&path).await.body["client_id"].as_str().unwrap().to_owned();
    let statement = ana
        .post(&format!("/clients/{client}/statements"), json!({"sections": {"needs": "Time."}}))
        .await
        .expect(201)
        .id();
    let statement = format!("/statements/{statement}");
    for (path, tag) in [(&path, "\"v6\""), (&statement, "\"v1\"")] {
        let known = format!("\"v0\", W/{tag}");
        for (sent, status) in [(tag, 304), (known.as_str(), 304), ("*", 304), ("\"v0\"", 200)] {
            ana.send("GET", path, &[("if-none-match", sent)], None).await.expect(status);
        }
    }
    ana.patch(&statement, "W/\"v1\"", json!({"sections": {"needs": "More time."}})).await.expect(200);
}

async fn idempotency_key_compares_bodies_by_json_value(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let send =
        async |key: &str, body: &str| ana.raw("POST", "/clients", &[("idempotency-key", key)], body.to_owned()).await;
    let first = send("one", r#"{"preferred_name":"Sam","safe_contact":{"call":true,"text":false}}"#).await.expect(201);
    for same in [
        r#"{"safe_contact":{"text":false,"call":true},"preferred_name":"Sam"}"#,
        "{ \"preferred_name\" : \"Sam\",\n \"safe_contact\": {\"call\": true, \"text\": false} }",
        r#"{"preferred_name":"\u0053am","safe_contact":{"call":true,"text":false}}"#,
    ] {
        let again = send("one", same).await.expect(201);
        assert_eq!((again.id(), again.header("idempotency-replayed")), (first.id(), "true"), "{same}");
    }
    for other in
        [r#"{"preferred_name":"Sam"}"#, r#"{"preferred_name":"Sam","safe_contact":{"call":false,"text":true}}"#]
    {
        assert_eq!(send("one", other).await.expect(422).body["code"], "idempotency_key_reused", "{other}");
    }
    // Percent-encoding of the path does not matter.
    let case = ana.new_case().await;
    let note = json!({"kind": "progress", "body": "Called."});
    let made = ana
        .send("POST", &format!("/cases/{case}/notes"), &[("idempotency-key", "note")], Some(note.clone()))
        .await
        .expect(201);
    let escaped = format!("/cases/{}/notes", case.replacen('-', "%2D", 1));
    let again = ana.send("POST", &escaped, &[("idempotency-key", "note")], Some(note)).await.expect(201);
    assert_eq!((again.id(), again.header("idempotency-replayed")), (made.id(), "true"));
    // Without a body.
    let (colleague, offer) = (
        server.user(Role::Advocate),
        json!({"to_user_id": TestServer::unknown_id(), "note": "The clinic answers by Friday."}),
    );
    let mut offer = offer;
    offer["to_user_id"] = json!(colleague.id());
    let offered = ana.post(&format!("/cases/{case}/handovers"), offer).await.expect(201).id();
    let accept = async || {
        colleague
            .send("POST", &format!("/handovers/{offered}/accept"), &[("idempotency-key", "accept")], None)
            .await
            .expect(201)
    };
    assert_eq!(
        (accept().await.header("idempotency-replayed"), accept().await.header("idempotency-replayed")),
        ("", "true")
    );
}

async fn idempotency_key_of_an_older_version_compares_body_bytes(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let body = r#"{"preferred_name": "Sam"}"#;
    let first = ana.raw("POST", "/clients", &[("idempotency-key", "old")], body.into()).await.expect(201);
    // The hash in the format of the earlier version.
    let hash = Sha256::new().chain_update(Sha256::digest(body)).chain_update("advocate").finalize().to_vec();
    use schema::idempotency_keys as keys;
    let of_key = keys::table.filter(keys::key.eq("old"));
    assert_eq!(
        diesel::update(of_key).set(keys::request_hash.eq(hash)).execute(&mut server.database.open()).unwrap(),
        1
    );
    let again = ana.raw("POST", "/clients", &[("idempotency-key", "old")], body.into()).await.expect(201);
    assert_eq!((again.id(), again.header("idempotency-replayed")), (first.id(), "true"));
    ana.raw("POST", "/clients", &[("idempotency-key", "old")], r#"{"preferred_name": "Kim"}"#.into()).await.expect(422);
}

async fn text_with_foreign_line_breaks_and_invisible_characters_is_accepted(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let case = ana.new_case().await;
    let note = ana
        .post(
            &format!("/cases/{case}/notes"),
            json!({"kind": "progress", "body": "Dear Ana,\r\n\r\nthe clinic called.\rSam\r\n"}),
        )
        .await
        .expect(201);
    assert_eq!(note.body["body"], "Dear Ana,\n\nthe clinic called.\nSam\n");
    // A line break counts as one character.
    let goal = "ab\r\n".repeat(4000 / 3);
    let patched = ana.patch(&format!("/cases/{case}"), "*", json!({"client_goal": goal})).await.expect(200);
    assert_eq!(patched.body["client_goal"], goal.replace('\r', ""));
    let client = ana
        .post(
            "/clients",
            json!({
                "preferred_name": "\u{feff}Sam\u{a0}Lee\r\n", "legal_name": "فاطمه حسین\u{200c}زاده",
                "phone": "\u{202d}+1 555 0100\u{202c}", "pronouns": "she/her\u{200b}",
            }),
        )
        .await
        .expect(201);
    let members = ["preferred_name", "legal_name", "phone", "pronouns"]
        .map(|name| client.body[name].as_str().unwrap().to_owned());
    assert_eq!(members, ["Sam Lee", "فاطمه حسین\u{200c}زاده", "+1 555 0100", "she/her"]);
    for (body, at, detail) in [
        (
            json!({"preferred_name": "Sam\u{202e}eeL"}),
            "/preferred_name",
            "must not contain U+202E (a right-to-left override), at character 4",
        ),
        (
            json!({"preferred_name": "Sam", "address": "1 Main Street\r\nTo\u{1b}wn"}),
            "/address",
            "must not contain U+001B (the escape character), in line 2, at character 3",
        ),
        (
            json!({"preferred_name": "Sam\nLee"}),
            "/preferred_name",
            "must not contain U+000A (a line break), at character 4",
        ),
    ] {
        let reply = ana.post("/clients", body).await.expect(422);
        assert_eq!(
            (reply.body["errors"][0]["pointer"].as_str().unwrap(), reply.body["errors"][0]["detail"].as_str().unwrap()),
            (at, detail)
        );
    }
}

async fn implausible_dates_are_refused(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let latest = Day::latest_of(Instant::now());
    let named = |born: &str| json!({"preferred_name": "Sam", "date_of_birth": born});
    for (born, code) in [
        ("1899-12-31", "invalid_date"),
        (latest.plus_days(1).to_string().as_str(), "in_the_future"),
        ("2100-01-01", "in_the_future"),
    ] {
        ana.post("/clients", named(born)).await.expect_fault(422, "/date_of_birth", code);
    }
    let client = ana.post("/clients", named("2010-03-05")).await.expect(201).id();
    ana.patch(&format!("/clients/{client}"), "*", json!({"date_of_birth": latest.plus_days(1)})).await.expect_fault(
        422,
        "/date_of_birth",
        "in_the_future",
    );
    let case = json!({"client_id": client, "advocacy_type": "peer", "intake_source": "self", "client_goal": "g"});
    let case = ana.post("/cases", case).await.expect(201).id();
    let contact = |at: &str| {
        json!({
            "kind": "contact", "body": "Called.", "occurred_at": at, "direction": "out", "mode": "phone",
            "successful": true,
        })
    };
    let notes = format!("/cases/{case}/notes");
    for (at, code) in [
        ("1999-06-01T10:00:00Z", "out_of_range"),
        ("2010-03-04T09:00:00Z", "before_birth"),
        ("2199-01-01T00:00:00Z", "in_the_future"),
        ("2026-01-05T10:00:00+15:00", "out_of_range"),
        ("2026-01-05T10:00:00-14:30", "out_of_range"),
    ] {
        ana.post(&notes, contact(at)).await.expect_fault(422, "/occurred_at", code);
    }
    let note = ana.post(&notes, contact("2010-03-05T10:00:00Z")).await.expect(201).id();
    ana.patch(&format!("/notes/{note}"), "*", json!({"occurred_at": "2009-01-01T10:00:00Z"})).await.expect_fault(
        422,
        "/occurred_at",
        "before_birth",
    );
    let barriers = format!("/cases/{case}/barriers");
    for (on, code) in [
        ("1949-01-01", "out_of_range"),
        ("2010-03-04", "before_birth"),
        (latest.plus_days(1).to_string().as_str(), "in_the_future"),
    ] {
        ana.post(&barriers, json!({"type": "waitlist_delay", "description": "d", "occurred_on": on}))
            .await
            .expect_fault(422, "/occurred_on", code);
    }
    for due in ["1990-05-01", "2062-05-01"] {
        ana.post(&format!("/cases/{case}/tasks"), json!({"title": "Call", "due_on": due})).await.expect_fault(
            422,
            "/due_on",
            "out_of_range",
        );
    }
    let meeting = |starts: &str, ends: &str| {
        json!({
            "type": "discharge_planning", "mode": "phone", "starts_at": starts, "ends_at": ends,
            "time_zone": "America/Chicago", "purpose": "Plan.",
        })
    };
    for (starts, ends) in
        [("1970-01-01T10:00:00Z", "1970-01-01T11:00:00Z"), ("2199-01-05T10:00:00Z", "2199-01-05T11:00:00Z")]
    {
        let reply = ana.post(&format!("/cases/{case}/meetings"), meeting(starts, ends)).await.expect(422);
        assert_eq!(
            reply.faults(),
            [("/ends_at".into(), "out_of_range".into()), ("/starts_at".into(), "out_of_range".into())]
        );
    }
    let action = ana
        .post(&format!("/cases/{case}/actions"), json!({"type": "internal_appeal", "forum": "The plan"}))
        .await
        .expect(201)
        .id();
    ana.patch(&format!("/actions/{action}"), "*", json!({"filed_on": "1999-12-31"})).await.expect_fault(
        422,
        "/filed_on",
        "out_of_range",
    );
    let due = json!({"due_on": "1980-01-05", "time_zone": "America/Chicago", "source": "manual"});
    ana.post(&format!("/actions/{action}/deadlines"), due).await.expect_fault(422, "/due_on", "out_of_range");
}

async fn future_dates_are_judged_in_organization_and_forum_time_zones(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let today = |zone: &str| Day::today(&Zone::parse(zone).unwrap());
    let database = Day::today(&server.org.time_zone);
    // East of the organization: the forum's date is valid too, but the day after it is not.
    let east = "Pacific/Kiritimati";
    let action = ana
        .post(&format!("/cases/{case}/actions"), json!({"type": "internal_appeal", "forum": "The plan"}))
        .await
        .expect(201)
        .id();
    let deadline = |zone: &str| json!({"due_on": today(east).plus_days(30), "time_zone": zone, "source": "manual"});
    let path = format!("/actions/{action}");
    if today(east) > database {
        ana.patch(&path, "*", json!({"filed_on": today(east)})).await.expect_fault(422, "/filed_on", "in_the_future");
    }
    let kept = ana.post(&format!("{path}/deadlines"), deadline(east)).await.expect(201).id();
    ana.patch(&path, "*", json!({"filed_on": today(east).plus_days(1)})).await.expect_fault(
        422,
        "/filed_on",
        "in_the_future",
    );
    ana.patch(&path, "*", json!({"status": "filed", "filed_on": today(east), "method": "fax"})).await.expect(200);
    ana.post(&format!("/deadlines/{kept}/satisfy"), json!({"on": today(east)})).await.expect(201);
    // West of it: the organization's date is as valid as the forum's.
    let west = "Pacific/Pago_Pago";
    let other = ana
        .post(
            &format!("/cases/{case}/actions"),
            json!({"type": "internal_appeal", "forum": "The plan", "filed_on": database}),
        )
        .await
        .expect(201)
        .id();
    let kept = ana.post(&format!("/actions/{other}/deadlines"), deadline(west)).await.expect(201).id();
    let path = format!("/deadlines/{kept}/satisfy");
    ana.post(&path, json!({"on": database.max(today(west)).plus_days(1)})).await.expect_fault(
        422,
        "/on",
        "in_the_future",
    );
    ana.post(&path, json!({"on": database})).await.expect(201);
}

async fn unknown_code_list_error_points_to_the_list_of_code_lists(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let reply = ana.get("/code-lists/nope").await.expect(404);
    assert_eq!(reply.body["detail"], "There is no code list of this name. GET /api/v1/code-lists names them all.");
    ana.get("/code-lists/barrier_type").await.expect(200);
}

/// Sets a value at a pointer, and creates the levels above it.
fn set(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for part in pointer.split('/').skip(1) {
        if part == "0" {
            if !place.is_array() {
                *place = json!([]);
            }
            let items = place.as_array_mut().unwrap();
            if items.is_empty() {
                items.push(json!({}));
            }
            place = &mut items[0];
        } else {
            if !place.is_object() {
                *place = json!({});
            }
            place = place.as_object_mut().unwrap().entry(part).or_insert(Value::Null);
        }
    }
    *place = value;
}
