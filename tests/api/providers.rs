//! Providers and services: duplicates are merged so that both ids still work; and the memory of a provider.

use crate::{
    on_both_engines,
    support::{TestServer, User, active_case, pages},
};
use alongside::{auth::Role, directory};
use diesel::{QueryableByName, RunQueryDsl as _};
use serde_json::{Value, json};

async fn provider(by: &User<'_>, name: &str) -> String {
    by.post("/providers", json!({"name": name})).await.expect(201).id()
}
async fn service(by: &User<'_>, provider: &str, name: &str) -> String {
    by.post("/services", json!({"name": name, "provider_id": provider, "status": "active"})).await.expect(201).id()
}
async fn merge(by: &User<'_>, kind: &str, from: &str, into: &str) -> crate::support::Reply {
    by.post(&format!("/{kind}/{from}/merge"), json!({"into": into})).await
}
fn meeting_with(provider: &str) -> Value {
    json!({
        "type": "discharge_planning", "mode": "phone", "starts_at": "2026-01-05T10:00:00Z",
        "ends_at": "2026-01-05T11:00:00Z", "time_zone": "America/Chicago", "purpose": "Plan.", "provider_id": provider,
    })
}
/// A held meeting with a provider, with its commitments and the result of each.
async fn held(by: &User<'_>, case: &str, provider: &str, promises: &[(&str, &str)]) {
    let meeting = by.post(&format!("/cases/{case}/meetings"), meeting_with(provider)).await.expect(201).id();
    let commitments: Vec<Value> =
        promises.iter().map(|(party, _)| json!({"party": party, "text": "Write it down."})).collect();
    let outcome = json!({
        "status": "held", "who_spoke": "spoke_for_self", "outcomes": ["goal_met"], "summary": "s",
        "commitments": commitments,
    });
    let outcome = by.post(&format!("/meetings/{meeting}/outcome"), outcome).await.expect(201);
    for (promise, (_, status)) in outcome.body["commitments"].as_array().unwrap().iter().zip(promises) {
        by.patch(&format!("/commitments/{}", promise["id"].as_str().unwrap()), "*", json!({"status": status}))
            .await
            .expect(200);
    }
}
async fn barrier(by: &User<'_>, case: &str, body: Value) -> String {
    by.post(&format!("/cases/{case}/barriers"), body).await.expect(201).id()
}
fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

on_both_engines! {
    both_ids_of_a_merged_provider_resolve,
    merge_chain_resolves_to_the_final_provider,
    invalid_merges_are_rejected_by_member,
    both_ids_of_a_merged_service_resolve,
    only_one_of_two_opposite_provider_merges_succeeds,
    records_created_during_a_provider_merge_follow_it,
    provider_merge_is_audited_and_idempotent,
    every_table_that_references_providers_or_services_follows_a_merge,
    provider_memory_counts_only_the_callers_caseload,
    provider_memory_shows_the_ten_latest_commitments,
}

async fn both_ids_of_a_merged_provider_resolve(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let old =
        ana.post("/providers", json!({"name": "River Side Clinic", "phone": "+1 555 0150"})).await.expect(201).id();
    let new = provider(&ana, "Riverside Clinic").await;
    let offered = service(&ana, &old, "Intake").await;
    let barrier = ana
        .post(
            &format!("/cases/{case}/barriers"),
            json!({"type": "cost", "description": "Deposit.", "provider_id": old, "service_id": offered}),
        )
        .await
        .expect(201);
    let meeting = ana.post(&format!("/cases/{case}/meetings"), meeting_with(&old)).await.expect(201).id();

    let merged = merge(&supervisor, "providers", &old, &new).await.expect(201);
    assert_eq!((&merged.body["id"], &merged.body["merged_ids"]), (&json!(new), &json!([old])));
    assert_eq!(
        (&merged.body["phone"], &merged.body["alternate_name"]),
        (&json!("+1 555 0150"), &json!("River Side Clinic")),
        "nothing known is lost"
    );
    assert_eq!(merged.header("location"), format!("/api/v1/providers/{new}"));
    let read = ana.get(&format!("/providers/{old}")).await.expect(200);
    assert_eq!((read.body["id"].as_str().unwrap(), read.etag()), (new.as_str(), merged.etag()));
    assert_eq!(ids(&pages(&ana, "/providers", 1).await), [new.as_str()], "lists show the one that stays");
    assert_eq!(ids(&pages(&ana, "/providers?q=river%20side", 5).await), [new.as_str()]);

    for id in [&old, &new] {
        assert_eq!(ids(&pages(&ana, &format!("/barriers?provider={id}"), 5).await), [barrier.id().as_str()]);
        assert_eq!(ids(&pages(&ana, &format!("/meetings?provider={id}"), 5).await), [meeting.as_str()]);
        assert_eq!(ids(&pages(&ana, &format!("/services?provider={id}"), 5).await), [offered.as_str()]);
        assert_eq!(ids(&pages(&ana, &format!("/cases?provider={id}"), 5).await), [case.as_str()]);
        assert_eq!(ids(&pages(&ana, &format!("/cases?provider={id}&barrier_type=cost"), 5).await), [case.as_str()]);
    }
    // A reference to the old provider becomes one to the new provider, in a new version of the record.
    let followed = ana.get(&format!("/barriers/{}", barrier.id())).await.expect(200);
    assert_eq!((&followed.body["provider_id"], &followed.body["version"]), (&json!(new), &json!(2)));
    ana.patch(&format!("/barriers/{}", barrier.id()), &barrier.etag(), json!({"severity": "low"})).await.expect(412);
    // A new reference to the old id is stored with the new id, also with a service that has moved.
    let barrier = ana
        .post(
            &format!("/cases/{case}/barriers"),
            json!({"type": "cost", "description": "Again.", "provider_id": old, "service_id": offered}),
        )
        .await
        .expect(201);
    assert_eq!(barrier.body["provider_id"], json!(new));
    assert_eq!(
        ana.post(&format!("/cases/{case}/meetings"), meeting_with(&old)).await.expect(201).body["provider_id"],
        json!(new)
    );
    let another =
        ana.post("/services", json!({"name": "Detox", "provider_id": old, "status": "active"})).await.expect(201);
    assert_eq!(another.body["provider_id"], json!(new));
    // A change to the old id changes the new provider.
    let patched = ana.patch(&format!("/providers/{old}"), &merged.etag(), json!({"phone": null})).await.expect(200);
    assert_eq!((&patched.body["id"], patched.body.get("phone")), (&json!(new), None));
}

async fn merge_chain_resolves_to_the_final_provider(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let (a, b, c, d) = (
        provider(&supervisor, "A").await,
        provider(&supervisor, "B").await,
        provider(&supervisor, "C").await,
        provider(&supervisor, "D").await,
    );
    merge(&supervisor, "providers", &a, &b).await.expect(201);
    merge(&supervisor, "providers", &b, &c).await.expect(201);
    // A merge into a provider that was merged away goes to its target.
    let merged = merge(&supervisor, "providers", &d, &a).await.expect(201);
    assert_eq!(merged.body["merged_ids"], json!([a, b, d]));
    for id in [&a, &b, &c, &d] {
        assert_eq!(supervisor.get(&format!("/providers/{id}")).await.expect(200).id(), c);
    }
    merge(&supervisor, "providers", &c, &a).await.expect_fault(422, "/into", "same_record");
    merge(&supervisor, "providers", &a, &c).await.expect_fault(422, "/into", "same_record");
    let e = provider(&supervisor, "E").await;
    merge(&supervisor, "providers", &a, &e).await.expect(409);
}

async fn invalid_merges_are_rejected_by_member(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let (one, two) = (provider(&ana, "One").await, provider(&ana, "Two").await);
    let theirs = provider(&server.user_of_other_org(Role::Supervisor), "Elsewhere").await;
    merge(&supervisor, "providers", &one, &one).await.expect_fault(422, "/into", "same_record");
    for id in [&theirs, &TestServer::unknown_id()] {
        merge(&supervisor, "providers", &one, id).await.expect_fault(422, "/into", "unknown_reference");
        merge(&supervisor, "providers", id, &one).await.expect(404);
    }
    supervisor.post(&format!("/providers/{one}/merge"), json!({})).await.expect_fault(422, "/into", "required");
    merge(&ana, "providers", &one, &two).await.expect(403);
    let (s, t, u) = (service(&ana, &one, "S").await, service(&ana, &two, "T").await, service(&ana, &one, "U").await);
    merge(&supervisor, "services", &s, &s).await.expect_fault(422, "/into", "same_record");
    merge(&supervisor, "services", &s, &t).await.expect_fault(422, "/into", "wrong_provider");
    merge(&supervisor, "services", &s, &TestServer::unknown_id()).await.expect_fault(422, "/into", "unknown_reference");
    merge(&ana, "services", &s, &u).await.expect(403);
    for path in [format!("/providers/{one}"), format!("/services/{s}")] {
        assert_eq!(ana.get(&path).await.expect(200).body["merged_ids"], json!([]), "nothing was stored");
    }
    merge(&admin, "services", &s, &u).await.expect(201);
    merge(&admin, "providers", &one, &two).await.expect(201);
}

async fn both_ids_of_a_merged_service_resolve(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let clinic = provider(&ana, "Riverside Clinic").await;
    let (old, new) = (service(&ana, &clinic, "Intake (old)").await, service(&ana, &clinic, "Intake").await);
    ana.patch(&format!("/services/{old}"), "*", json!({"wait_time": "Six weeks"})).await.expect(200);
    let at = format!("/cases/{case}/barriers");
    let barrier = ana.post(&at, json!({"type": "cost", "description": "d", "service_id": old})).await.expect(201).id();
    let merged = merge(&supervisor, "services", &old, &new).await.expect(201);
    assert_eq!((&merged.body["merged_ids"], &merged.body["wait_time"]), (&json!([old]), &json!("Six weeks")));
    assert_eq!(ana.get(&format!("/services/{old}")).await.expect(200).id(), new);
    assert_eq!(ids(&pages(&ana, "/services", 5).await), [new.as_str()]);
    assert_eq!(ana.get(&format!("/barriers/{barrier}")).await.expect(200).body["service_id"], json!(new));
    assert_eq!(
        ana.post(
            &at,
            json!({
                "type": "cost", "description": "d", "service_id": old,
            })
        )
        .await
        .expect(201)
        .body["service_id"],
        json!(new)
    );
    assert_eq!(ana.patch(&format!("/services/{old}"), "*", json!({"status": "inactive"})).await.expect(200).id(), new);
    merge(&supervisor, "services", &old, &new).await.expect_fault(422, "/into", "same_record");
}

async fn only_one_of_two_opposite_provider_merges_succeeds(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    for _ in 0..5 {
        let (a, b) = (provider(&supervisor, "A").await, provider(&supervisor, "B").await);
        let (one, other) = futures_util::future::join(
            merge(&supervisor, "providers", &a, &b),
            merge(&supervisor, "providers", &b, &a),
        )
        .await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "{one:?} {other:?}");
        let ends = [
            supervisor.get(&format!("/providers/{a}")).await.expect(200).id(),
            supervisor.get(&format!("/providers/{b}")).await.expect(200).id(),
        ];
        assert_eq!(ends[0], ends[1]);
    }
}

async fn records_created_during_a_provider_merge_follow_it(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let (old, new) = (provider(&ana, "Old").await, provider(&ana, "New").await);
    let at = format!("/cases/{case}/barriers");
    let enter = || async {
        ana.post(&at, json!({"type": "cost", "description": "d", "provider_id": old})).await.expect(201);
    };
    let (merged, ..) =
        futures_util::join!(merge(&supervisor, "providers", &old, &new), enter(), enter(), enter(), enter());
    merged.expect(201);
    let barriers = pages(&ana, "/barriers", 50).await;
    assert_eq!(barriers.len(), 4);
    assert!(barriers.iter().all(|barrier| barrier["provider_id"] == json!(new)), "{barriers:#?}");
}

async fn provider_merge_is_audited_and_idempotent(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let (old, new) = (provider(&supervisor, "Old").await, provider(&supervisor, "New").await);
    let path = format!("/providers/{old}/merge");
    let body = json!({"into": new, "reason": "CANARY"});
    let key: &[(&str, &str)] = &[("idempotency-key", "merge-1")];
    let first = supervisor.send("POST", &path, key, Some(body.clone())).await.expect(201);
    let again = supervisor.send("POST", &path, key, Some(body)).await.expect(201);
    assert_eq!((&first.body, again.header("idempotency-replayed")), (&again.body, "true"));
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 50).await;
    let of = |action: &str, id: &str| {
        entries.iter().filter(|entry| entry["action"] == action && entry["subject_id"] == id).count()
    };
    assert_eq!((of("provider.merged", &old), of("provider.updated", &new)), (1, 1));
    assert!(!json!(entries).to_string().contains("CANARY"));
}

async fn every_table_that_references_providers_or_services_follows_a_merge(server: &TestServer) {
    let sql = |target: &str| match server.engine {
        crate::support::database::Engine::Sqlite => format!(
            "SELECT DISTINCT t.name FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND \
             f.\"table\" = '{target}' ORDER BY 1"
        ),
        crate::support::database::Engine::Postgres => format!(
            "SELECT DISTINCT conrelid::regclass::text AS name FROM pg_constraint WHERE contype = 'f' AND confrelid = \
             '{target}'::regclass ORDER BY 1"
        ),
    };
    let mut conn = server.database.open();
    for (target, merges, followers) in [
        ("providers", "provider_merges", directory::providers::store::REFERENCING_TABLES),
        ("services", "service_merges", directory::services::store::REFERENCING_TABLES),
    ] {
        let tables: Vec<Table> = alongside::on_engine!(&mut conn, |c| diesel::sql_query(sql(target)).load(c)).unwrap();
        let tables: Vec<&str> = tables.iter().map(|table| table.name.as_str()).filter(|name| *name != merges).collect();
        assert_eq!(tables, followers, "what refers to {target} must follow a merge in its store::follow");
    }
}

async fn provider_memory_counts_only_the_callers_caseload(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let (mine, theirs) = (active_case(&ana, &supervisor).await, active_case(&ben, &supervisor).await);
    let clinic = provider(&ana, "Riverside Clinic").await;
    let elsewhere = provider(&ana, "Elsewhere").await;
    let path = format!("/providers/{clinic}/memory");
    let empty = ana.get(&path).await.expect(200).body;
    assert_eq!(
        (&empty["promises"]["denominator"], empty["promises"].get("rate"), &empty["meetings_held"]),
        (&json!(0), None, &json!(0))
    );

    held(
        &ana,
        &mine,
        &clinic,
        &[
            ("provider", "kept"),
            ("provider", "kept"),
            ("provider", "late"),
            ("provider", "broken"),
            ("provider", "waived"),
            ("provider", "open"),
            ("client", "broken"),
        ],
    )
    .await;
    held(&ana, &mine, &elsewhere, &[("provider", "broken")]).await;
    held(&ben, &theirs, &clinic, &[("provider", "broken")]).await;
    let offered = service(&ana, &clinic, "Intake").await;
    barrier(&ana, &mine, json!({"type": "cost", "description": "d", "provider_id": clinic, "service_id": offered}))
        .await;
    let ended = barrier(&ana, &mine, json!({"type": "cost", "description": "d", "provider_id": clinic})).await;
    ana.patch(
        &format!("/barriers/{ended}"),
        "*",
        json!({"status": "resolved", "disposition": "resolved_full", "judged_by": "client"}),
    )
    .await
    .expect(200);
    barrier(&ben, &theirs, json!({"type": "capacity", "description": "d", "provider_id": clinic})).await;

    let observed = ana.get(&path).await.expect(200).body;
    assert_eq!(
        observed["promises"],
        json!({"numerator": 2, "denominator": 4, "rate": 0.5, "late": 1, "broken": 1, "open": 1, "waived": 1})
    );
    assert_eq!(
        observed["barriers_by_type"],
        json!([{"type": "cost", "open": 1, "resolved": 1, "closed_unresolved": 0}])
    );
    let by_service = observed["barriers_by_service"].as_array().unwrap();
    assert_eq!(by_service.len(), 2);
    assert!(by_service.contains(&json!({"service_id": offered, "open": 1, "resolved": 0, "closed_unresolved": 0})));
    assert_eq!((&observed["meetings_held"], observed["recent_commitments"].as_array().unwrap().len()), (&json!(1), 6));
    // The supervisor sees both cases, a supervisor of another team none, and a user of another organization not even
    // the provider.
    let all = supervisor.get(&path).await.expect(200).body;
    assert_eq!((&all["promises"]["denominator"], &all["meetings_held"]), (&json!(5), &json!(2)));
    assert_eq!(all["barriers_by_type"].as_array().unwrap().len(), 2);
    let stranger = server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor);
    assert_eq!(stranger.get(&path).await.expect(200).body, empty);
    server.user_of_other_org(Role::Supervisor).get(&path).await.expect(404);
    server.user(Role::Admin).get(&path).await.expect(403);
    // The memory moves with the provider, and reading it is recorded in the audit log.
    merge(&supervisor, "providers", &clinic, &elsewhere).await.expect(201);
    let observed = ana.get(&path).await.expect(200).body;
    assert_eq!(
        (&observed["provider_id"], &observed["promises"]["denominator"], &observed["meetings_held"]),
        (&json!(elsewhere), &json!(5), &json!(2))
    );
    let entries = pages(&server.user(Role::Auditor), "/audit-events", 200).await;
    assert!(
        entries
            .iter()
            .any(|entry| entry["action"] == "provider.memory_read" && entry["subject_id"] == elsewhere.as_str())
    );
}

async fn provider_memory_shows_the_ten_latest_commitments(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = active_case(&ana, &supervisor).await;
    let clinic = provider(&ana, "Riverside Clinic").await;
    held(&ana, &case, &clinic, &[("provider", "open"); 12]).await;
    let observed = ana.get(&format!("/providers/{clinic}/memory")).await.expect(200).body;
    let times: Vec<&str> = observed["recent_commitments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|promise| promise["created_at"].as_str().unwrap())
        .collect();
    assert_eq!((times.len(), times.is_sorted_by(|a, b| a >= b), &observed["promises"]["open"]), (10, true, &json!(12)));
    // A case that was entered in error counts nowhere.
    barrier(&ana, &case, json!({"type": "cost", "description": "d", "provider_id": clinic})).await;
    server.user(Role::Admin).transition(&case, json!({"to": "entered_in_error", "reason": "Twice."})).await.expect(201);
    let observed = ana.get(&format!("/providers/{clinic}/memory")).await.expect(200).body;
    assert_eq!(
        (&observed["promises"]["open"], &observed["meetings_held"], &observed["recent_commitments"]),
        (&json!(0), &json!(0), &json!([]))
    );
    assert_eq!(observed["barriers_by_type"], json!([]));
}
