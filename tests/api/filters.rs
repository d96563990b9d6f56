//! Filters and sorts against `src/auth/members.txt` (AZ-07): a filter must not reveal a member that the role may not
//! read.

use crate::{
    on_both_engines,
    support::{TestServer, conforms::DOC, members::TABLES},
};
use alongside::auth::{Role, policy};
use serde_json::Value;
use std::collections::BTreeSet;

/// The members that each filter of each list uses, as `Schema.member`. A sort uses a member of the list's own record
/// unless it is listed here. A dash means no member: the filter is about the caller's own records or about how the
/// answer is shown.
const FILTER_MEMBERS: &[(&str, &[(&str, &str)])] = &[
    (
        "listActions",
        &[
            ("type", "Action.type"),
            ("status", "Action.status"),
            ("provider", "Barrier.provider_id"),
            ("case", "Action.case_id"),
        ],
    ),
    ("listActionDeadlines", &[("status", "Deadline.status")]),
    (
        "listAuditEvents",
        &[
            ("actor_id", "AuditEvent.actor_id"),
            ("subject_id", "AuditEvent.subject_id"),
            ("session_id", "AuditEvent.session_id"),
            ("source", "AuditEvent.source"),
            ("action", "AuditEvent.action"),
            ("at_gte", "AuditEvent.at"),
            ("at_lt", "AuditEvent.at"),
        ],
    ),
    (
        "listBarriers",
        &[
            ("type", "Barrier.type"),
            ("basis", "Barrier.bases"),
            ("provider", "Barrier.provider_id"),
            ("status", "Barrier.status"),
            ("severity", "Barrier.severity"),
            ("case", "Barrier.case_id"),
            ("possible_retaliation", "Barrier.possible_retaliation"),
        ],
    ),
    ("listBarrierActions", &[("type", "Action.type"), ("status", "Action.status")]),
    ("listBreakGlass", &[("reviewed", "BreakGlass.reviewed_at")]),
    (
        "listCases",
        &[
            ("status", "Case.status"),
            ("priority", "Case.priority"),
            ("advocate", "Case.lead_advocate_id"),
            ("team", "Case.team_id"),
            ("client", "Case.client_id"),
            ("provider", "Barrier.provider_id"),
            ("barrier_type", "Barrier.type"),
            ("tag", "Case.tags"),
            ("opened_at_gte", "Case.opened_at"),
            ("opened_at_lt", "Case.opened_at"),
            ("last_contact_before", "Note.occurred_at"),
            ("q", "Case.case_number Case.client_goal Client.preferred_name"),
            ("expand", "-"),
        ],
    ),
    ("listCaseActions", &[("type", "Action.type"), ("status", "Action.status")]),
    ("listAssignments", &[("current", "Assignment.ended_at")]),
    ("listCaseBarriers", &[("status", "Barrier.status")]),
    ("listCaseHandovers", &[("status", "Handover.status")]),
    ("listCaseMeetings", &[("status", "Meeting.status")]),
    ("listNotes", &[("kind", "Note.kind")]),
    ("listCaseTasks", &[("status", "Task.status")]),
    ("listClients", &[("team", "Client.team_id"), ("q", "Client.preferred_name")]),
    ("listStatements", &[("status", "StatementSummary.status")]),
    (
        "listDeadlineRules",
        &[
            ("action_type", "DeadlineRule.action_type"),
            ("jurisdiction", "DeadlineRule.jurisdiction"),
            ("scheme", "DeadlineRule.scheme"),
            ("party", "DeadlineRule.party"),
            ("q", "DeadlineRule.name DeadlineRule.citation"),
        ],
    ),
    (
        "listDeadlines",
        &[
            ("due_before", "Deadline.due_on"),
            ("due_from", "Deadline.due_on"),
            ("status", "Deadline.status"),
            ("advocate", "Case.lead_advocate_id"),
            ("case", "Deadline.case_id"),
            ("needs_review", "Deadline.review"),
        ],
    ),
    ("listExports", &[("user_id", "Export.user_id"), ("client_id", "AuditEvent.subject_ids")]),
    ("listHandovers", &[("status", "Handover.status"), ("mine", "-"), ("case", "Handover.case_id")]),
    ("listInvitations", &[("status", "Invitation.status")]),
    ("listMyCases", &[("status", "MyCase.status")]),
    (
        "listMyMeetings",
        &[
            ("case", "MyMeeting.case_id"),
            ("starts_at_gte", "MyMeeting.starts_at"),
            ("starts_at_lt", "MyMeeting.starts_at"),
            ("status", "MyMeeting.status"),
        ],
    ),
    ("listMyStatements", &[("status", "MyStatementSummary.status")]),
    (
        "listMeetings",
        &[
            ("starts_at_gte", "Meeting.starts_at"),
            ("starts_at_lt", "Meeting.starts_at"),
            ("provider", "Meeting.provider_id"),
            ("status", "Meeting.status"),
            ("mine", "-"),
        ],
    ),
    ("listCommitments", &[("status", "Commitment.status")]),
    ("listProviders", &[("q", "Provider.name")]),
    ("searchRecords", &[("q", "SearchResult.snippet"), ("kind", "SearchResult.kind"), ("-score", "-")]),
    ("listServices", &[("provider", "Service.provider_id"), ("status", "Service.status"), ("q", "Service.name")]),
    (
        "listTasks",
        &[
            ("assignee", "Task.assignee_id"),
            ("mine", "-"),
            ("status", "Task.status"),
            ("due_before", "Task.due_on"),
            ("case", "Task.case_id"),
        ],
    ),
    ("listTeams", &[("member", "TeamMember.user_id")]),
    ("listDeputies", &[("current", "Deputy.ends_at")]),
    ("listUsers", &[("role", "User.role"), ("status", "User.status"), ("team", "TeamMember.user_id")]),
];

/// A value for a parameter.
fn sample(schema: &Value) -> String {
    let named = schema["$ref"].as_str().map(|path| &DOC["components"]["schemas"][path.rsplit('/').next().unwrap()]);
    let schema = named.unwrap_or(schema);
    for way in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[way].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null")) {
            return sample(first);
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.as_str().unwrap().to_owned();
    }
    let kind = schema["type"].as_str().or_else(|| {
        schema["type"].as_array().and_then(|all| all.iter().filter_map(Value::as_str).find(|kind| *kind != "null"))
    });
    match (kind, schema["format"].as_str()) {
        (Some("array"), _) => sample(&schema["items"]),
        (Some("boolean"), _) => "true".into(),
        (_, Some("uuid")) => TestServer::unknown_id(),
        (_, Some("date-time")) => "2026-01-05T10:00:00Z".into(),
        (_, Some("date")) => "2026-01-05".into(),
        _ => "sam".into(),
    }
}

/// The type of record in a page.
fn record(operation: &Value) -> Option<&'static str> {
    let page =
        operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str()?.rsplit('/').next()?;
    let items = &DOC["components"]["schemas"][page]["properties"]["items"]["items"]["$ref"];
    page.ends_with("Page").then(|| items.as_str().and_then(|path| path.rsplit('/').next()))?
}

on_both_engines! {
    filters_and_sorts_use_only_members_readable_by_the_role,
}

async fn filters_and_sorts_use_only_members_readable_by_the_role(server: &TestServer) {
    let (mut asked, mut refused, mut idle) = (
        0,
        BTreeSet::new(),
        FILTER_MEMBERS
            .iter()
            .flat_map(|(list, those)| those.iter().map(move |(name, _)| (*list, *name)))
            .collect::<BTreeSet<_>>(),
    );
    for (path, item) in DOC["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let (Some(record), Some(permission)) = (record(operation), operation["x-permission"].as_str()) else {
            continue;
        };
        let id = operation["operationId"].as_str().unwrap();
        let own = FILTER_MEMBERS.iter().find(|(list, _)| *list == id).map_or(&[][..], |(_, those)| *those);
        // Each filter and each sort with the members that it uses.
        let mut questions: Vec<(String, String, String)> = Vec::new();
        for parameter in
            operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "query")
        {
            let name = parameter["name"].as_str().unwrap();
            match name {
                "limit" | "cursor" | "include_total" => {}
                "sort" => {
                    for sort in
                        parameter["schema"]["enum"].as_array().unwrap().iter().map(|sort| sort.as_str().unwrap())
                    {
                        let by = own.iter().find(|(known, _)| *known == sort).map(|(known, by)| {
                            idle.remove(&(id, *known));
                            (*by).to_owned()
                        });
                        questions.push((
                            name.to_owned(),
                            sort.to_owned(),
                            by.unwrap_or_else(|| format!("{record}.{}", sort.trim_start_matches('-'))),
                        ));
                    }
                }
                _ => {
                    let (known, by) = own
                        .iter()
                        .find(|(known, _)| *known == name)
                        .unwrap_or_else(|| panic!("{id} filters by {name}: say in GOES_BY by which members"));
                    idle.remove(&(id, *known));
                    questions.push((name.to_owned(), sample(&parameter["schema"]), (*by).to_owned()));
                }
            }
        }
        let (roles, by_scope) = policy::roles(permission).unwrap();
        for role in roles.into_iter().chain(by_scope.then_some(Role::Integration)) {
            let user = server.user(role);
            for (name, value, by) in &questions {
                let shown = |member: &str| {
                    let (schema, member) = member.split_once('.').unwrap_or_else(|| panic!("{id} {name}: {member}"));
                    assert!(
                        DOC["components"]["schemas"][schema]["properties"][member].is_object(),
                        "{id} {name}: there is no {schema}.{member}"
                    );
                    TABLES
                        .read
                        .get(&(schema.to_owned(), role.as_str().to_owned()))
                        .is_some_and(|given| given.have(member))
                };
                let may = by == "-" || by.split(' ').all(shown);
                let url: Vec<String> = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { TestServer::unknown_id() } else { part.to_owned() })
                    .collect();
                let needed = if id == "searchRecords" && name != "q" { "q=sam&" } else { "" };
                let reply = user.get(&format!("{}?{needed}{name}={}", url.join("/"), value.replace('+', "%2B"))).await;
                if may {
                    assert!(
                        matches!(reply.status, 200 | 404),
                        "{id} by {name}={value} for {role:?}: {} {:#}",
                        reply.status,
                        reply.body
                    );
                } else {
                    refused.insert(format!("{id} {name} {}", role.as_str()));
                    reply.expect_fault(403, name, "not_shown_to_your_role");
                }
                asked += 1;
            }
        }
    }
    assert!(idle.is_empty(), "no such filter: {idle:?}");
    let cases = |role: &str| {
        ["barrier_type", "last_contact_before", "provider", "q", "tag"].map(|name| format!("listCases {name} {role}"))
    };
    assert_eq!(refused, cases("admin").into_iter().chain(cases("integration")).collect(), "{asked} were asked");
    assert!(asked > 150, "{asked}");
}
