//! Reports: each measure with an example that is computed by hand, wrong requests, and what each role receives.

use crate::{
    on_both_engines,
    support::{TestServer, User, history_fixtures::PastRecords},
};
use alongside::{
    auth::Role,
    casework::{
        actions::model::{ActionStatus, Decision},
        barriers::model::{BarrierDisposition, BarrierStatus, JudgedBy},
        cases::model::CaseStatus::*,
        deadlines::model::DeadlineStatus,
        meetings::model::{MeetingStatus, WhoSpoke},
        tasks::model::TaskStatus,
    },
    on_engine,
    types::code,
};
use diesel::prelude::*;
use serde_json::{Value, json};

/// A row as text: `Cost: open = 2`, `Cost: resolved = 1/2`, `Cost: open hidden`.
fn line(row: &Value) -> String {
    let labels: Vec<&str> = row["labels"]
        .as_object()
        .into_iter()
        .flat_map(|labels| labels.values())
        .map(|label| label.as_str().unwrap())
        .collect();
    let group = if labels.is_empty() { "all".to_owned() } else { labels.join(", ") };
    let name = row["statistic"].as_str().unwrap();
    match (&row["suppressed"], &row["numerator"], &row["denominator"], row.get("value")) {
        (Value::Bool(true), ..) => format!("{group}: {name} hidden"),
        (_, Value::Number(numerator), Value::Number(denominator), _) => {
            format!("{group}: {name} = {numerator}/{denominator}")
        }
        (.., Some(value)) => format!("{group}: {name} = {value}"),
        (.., None) => format!("{group}: {name} -"),
    }
}
fn lines(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(line).collect()
}
async fn report(user: &User<'_>, query: &str) -> Value {
    user.get(&format!("/reports/{query}")).await.expect(200).body
}
/// The rows and the totals.
async fn observed(user: &User<'_>, query: &str) -> (Vec<String>, Vec<String>) {
    let body = report(user, query).await;
    (lines(&body["rows"]), lines(&body["totals"]))
}
fn excluded(report: &Value) -> Vec<(String, i64)> {
    let each = report["excluded"].as_array().unwrap().iter();
    each.map(|excluded| (excluded["code"].as_str().unwrap().to_owned(), excluded["n"].as_i64().unwrap())).collect()
}
fn pair(code: &str, n: i64) -> (String, i64) {
    (code.to_owned(), n)
}

/// The differences between the current report facts and the facts computed from the records.
fn differing_facts(server: &TestServer) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    let of_all = "organization_id, team_id, client_id, case_id, voided_at < 9223372036854775807";
    let kinds = [
        (
            "case",
            "lead_id, status, priority, advocacy_type, intake_source, opened_at, first_contact_at, last_contact_at, \
             closing_reason, outcome, unmet_reason",
        ),
        (
            "barrier",
            "barrier_id, type, bases, service_type, provider_id, service_id, severity, occurred_on, opened_at, \
             ended_at, disposition, judged_by",
        ),
        ("action", "action_id, type, scheme, provider_id, status, filed_on, decision, decided_on"),
        ("deadline", "deadline_id, action_type, source, due_on, due_at, status, satisfied_on, late_filing"),
        (
            "meeting",
            "meeting_id, type, provider_id, starts_at, status, who_spoke, mandatory_items, mandatory_done, prepared, \
             understood_options, heard, confidence",
        ),
        ("task", "task_id, assignee_id, due_on, status"),
    ];
    let mut conn = server.database.open();
    let mut count =
        |sql: String| -> i64 { on_engine!(&mut conn, |c| diesel::sql_query(&sql).get_result::<Count>(c)).unwrap().n };
    let mut differing_facts = Vec::new();
    for (kind, columns) in kinds {
        let of = |what: &str| {
            format!("SELECT {of_all}, {columns} FROM {kind}_{what} WHERE replaced_at = 9223372036854775807")
        };
        assert!(count(format!("SELECT count(*) AS n FROM ({}) AS all_of_them", of("facts"))) > 0, "{kind}");
        for (one, other) in [("facts", "history"), ("history", "facts")] {
            let n = count(format!("SELECT count(*) AS n FROM ({} EXCEPT {}) AS different", of(one), of(other)));
            if n > 0 {
                differing_facts.push(format!("{n} of {kind}_{one} are not in {kind}_{other}"));
            }
        }
    }
    differing_facts
}

on_both_engines! {
    caseload_current_counts_cases_in_progress,
    caseload_flow_balances_arrivals_and_departures,
    time_to_close_measures_each_episode,
    unmet_need_counts_each_decision,
    time_to_first_contact_includes_waiting_clients,
    contact_gap_finds_cases_without_recent_contact,
    deadlines_due_groups_by_time_until_due,
    deadline_compliance_counts_only_deadlines_that_were_due,
    overdue_followups_groups_by_assignee,
    barriers_open_groups_by_type,
    barrier_resolution_reports_the_judge,
    provider_pattern_flags_three_clients,
    discrimination_is_counted_once_for_each_basis,
    action_success_counts_only_decided_actions,
    meeting_prep_counts_only_meetings_with_a_checklist,
    self_advocacy_shift_compares_first_and_last_meeting,
    supervision_finds_cases_without_oversight,
    data_quality_counts_each_record_kind_separately,
    invalid_report_requests_are_rejected_by_parameter,
    report_counts_only_records_visible_to_the_caller,
    past_report_is_reproducible,
    report_as_of_now_equals_the_report_of_its_moment,
    report_is_available_in_every_format,
    report_files_name_the_teams_they_cover,
    report_file_is_protected_unless_exact_numbers_are_requested,
    every_month_of_a_report_period_is_shown,
    protected_report_by_quarter_equals_the_report_of_each_quarter,
    record_list_matches_the_reported_count,
    long_record_list_is_complete,
    record_list_is_consistent_while_records_change,
}

/// Three cases are in the caseload, one urgent and one of high priority: weighted 1 + 2 + 3. One waits in triage, one
/// is closed, one was entered in error.
async fn caseload_current_counts_cases_in_progress(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let lead = Some(ana.actor.user);
    let mut past = PastRecords::of(&supervisor);
    let mut cases = Vec::new();
    for priority in ["routine", "high", "urgent"] {
        let mut case = past.case("2026-01-05", lead, json!({"priority": priority, "priority_reason": "r"})).await;
        past.steps(&mut case, &[("2026-01-06", Triage), ("2026-01-07", Accepted)]);
        cases.push(case);
    }
    past.steps(&mut cases[0], &[("2026-01-08", Active), ("2026-02-01", OnHold)]);
    let mut waiting = past.case("2026-01-05", None, json!({})).await;
    past.steps(&mut waiting, &[("2026-01-06", Triage)]);
    let mut closed = past.case("2026-01-05", lead, json!({})).await;
    past.steps(
        &mut closed,
        &[
            ("2026-01-06", Triage),
            ("2026-01-07", Accepted),
            ("2026-01-08", Active),
            ("2026-01-20", Closing),
            ("2026-01-21", Closed),
        ],
    );
    let mut mistake = past.case("2026-01-05", lead, json!({})).await;
    past.steps(&mut mistake, &[("2026-01-06", Triage), ("2026-01-07", Accepted), ("2026-03-01", EnteredInError)]);

    let now = report(&supervisor, "caseload_current?group_by=status").await;
    assert_eq!(
        lines(&now["rows"]),
        ["Accepted: cases = 2", "Accepted: weighted = 5", "On hold: cases = 1", "On hold: weighted = 1"]
    );
    assert_eq!(lines(&now["totals"]), ["all: cases = 3", "all: weighted = 6"]);
    assert_eq!((&now["n"], excluded(&now)), (&json!(3), vec![pair("not_accepted", 1)]));
    // As of a day in January the closed case is active, and the mistake is not known yet.
    assert_eq!(
        observed(&supervisor, "caseload_current?group_by=status&as_of=2026-01-10").await.0,
        ["Accepted: cases = 3", "Accepted: weighted = 6", "Active: cases = 2", "Active: weighted = 2"]
    );
    assert_eq!(
        observed(&supervisor, "caseload_current?group_by=&as_of=2026-01-04").await.1,
        ["all: cases = 0", "all: weighted = 0"]
    );
}

/// Of five cases, two are in the caseload when February begins, one arrives, one leaves, and one leaves and returns.
async fn caseload_flow_balances_arrivals_and_departures(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let lead = Some(ana.actor.user);
    let mut past = PastRecords::of(&supervisor);
    let mut stays = past.case("2026-01-05", lead, json!({})).await;
    past.steps(&mut stays, &[("2026-01-06", Triage), ("2026-01-31", Accepted)]);
    let mut goes = past.case("2026-01-05", lead, json!({})).await;
    past.steps(
        &mut goes,
        &[
            ("2026-01-06", Triage),
            ("2026-01-07", Accepted),
            ("2026-01-08", Active),
            ("2026-02-20", Closing),
            ("2026-02-28", Closed),
        ],
    );
    let mut comes = past.case("2026-02-01", lead, json!({})).await;
    past.steps(&mut comes, &[("2026-02-01", Triage), ("2026-02-02", Accepted)]);
    let mut again = past.case("2026-01-01", lead, json!({})).await;
    past.steps(
        &mut again,
        &[
            ("2026-01-02", Triage),
            ("2026-01-03", Accepted),
            ("2026-01-04", Active),
            ("2026-02-05", Closing),
            ("2026-02-06", Closed),
            ("2026-02-10", Active),
        ],
    );
    let mut later = past.case("2026-01-05", lead, json!({})).await;
    past.steps(&mut later, &[("2026-02-20", Triage), ("2026-03-01", Accepted)]);

    let february = "caseload_flow?from=2026-02-01&to=2026-03-01&group_by=";
    assert_eq!(
        observed(&supervisor, february).await.1,
        ["all: opening = 3", "all: in = 2", "all: out = 2", "all: closing = 3"]
    );
    assert_eq!(observed(&supervisor, "caseload_current?group_by=&as_of=2026-02-28").await.1[0], "all: cases = 3");
    assert_eq!(observed(&supervisor, "caseload_current?group_by=&as_of=2026-01-31").await.1[0], "all: cases = 3");
}

/// Closed after 10, 20 and 90 days; the last case was reopened and closed again after 5 more days.
async fn time_to_close_measures_each_episode(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    for (opened, closed) in [("2026-01-01", "2026-01-11"), ("2026-01-01", "2026-01-21"), ("2026-01-01", "2026-04-01")] {
        let mut case = past.case(opened, Some(ana.actor.user), json!({})).await;
        past.steps(
            &mut case,
            &[(opened, Triage), (opened, Accepted), (opened, Active), (closed, Closing), (closed, Closed)],
        );
        if closed == "2026-04-01" {
            past.case_changes(&mut case, "2026-04-05", |case| {
                (case.status, case.episode, case.closed_at) = (Active, 2, None)
            });
            past.steps(&mut case, &[("2026-04-10", Closing), ("2026-04-10", Closed)]);
        }
    }
    assert_eq!(
        observed(&supervisor, "time_to_close?from=2026-01-01&to=2026-07-01&group_by=").await.1,
        ["all: median = 10", "all: p90 = 90", "all: closed = 4"]
    );
    assert_eq!(
        observed(&supervisor, "time_to_close?from=2026-01-01&to=2026-04-01&group_by=").await.1,
        ["all: median = 10", "all: p90 = 20", "all: closed = 2"]
    );
    assert_eq!(
        observed(&supervisor, "time_to_close?from=2025-01-01&to=2025-04-01&group_by=").await.1,
        ["all: median -", "all: p90 -", "all: closed = 0"]
    );
}

/// Two cases are declined for the same reason, one is waitlisted for another and one without a code; the waitlisted one
/// is declined later.
async fn unmet_need_counts_each_decision(server: &TestServer) {
    let supervisor = server.user(Role::Supervisor);
    let mut past = PastRecords::of(&supervisor);
    let reason = |text: &str| code::UnmetNeedReason::known(text);
    for (to, why) in [
        (Declined, reason("capacity")),
        (Declined, reason("capacity")),
        (Waitlisted, reason("language_not_offered")),
        (Waitlisted, None),
    ] {
        let mut case = past.case("2026-01-05", None, json!({})).await;
        past.steps(&mut case, &[("2026-01-06", Triage)]);
        past.case_changes(&mut case, "2026-01-07", |case| (case.status, case.unmet_reason) = (to, why));
        if why == reason("language_not_offered") {
            past.steps(&mut case, &[("2026-02-01", Triage)]);
            past.case_changes(&mut case, "2026-02-02", |case| (case.status, case.unmet_reason) = (Declined, why));
        }
    }
    assert_eq!(
        observed(&supervisor, "unmet_need?from=2026-01-01&to=2026-02-01").await.0,
        [
            "Capacity: declined = 2",
            "Capacity: waitlisted = 0",
            "Language that we do not offer: declined = 0",
            "Language that we do not offer: waitlisted = 1",
            "Not said: declined = 0",
            "Not said: waitlisted = 1"
        ]
    );
    assert_eq!(
        observed(&supervisor, "unmet_need?from=2026-01-01&to=2026-03-01&group_by=").await.1,
        ["all: declined = 3", "all: waitlisted = 2"]
    );
}

/// Reached after 0, 2 and 10 days; one waits, one was declined without being reached.
async fn time_to_first_contact_includes_waiting_clients(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    for reached in [Some("2026-01-05"), Some("2026-01-07"), Some("2026-01-15"), None] {
        let mut case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
        if let Some(on) = reached {
            past.case_changes(&mut case, on, |case| {
                case.first_contact_at =
                    Some(case.opened_at.max(crate::support::history_fixtures::at(&format!("{on}T15:00:00Z"))))
            });
        }
    }
    let mut declined = past.case("2026-01-05", None, json!({})).await;
    past.steps(&mut declined, &[("2026-01-06", Triage), ("2026-01-07", Declined)]);
    let january = report(&supervisor, "time_to_first_contact?from=2026-01-01&to=2026-02-01&group_by=").await;
    assert_eq!(lines(&january["totals"]), ["all: median = 2", "all: p90 = 10", "all: reached = 3", "all: waiting = 1"]);
    assert_eq!(
        (&january["n"], excluded(&january)),
        (&json!(4), vec![pair("never_reached", 1), pair("entered_in_error", 0)])
    );
    // After six days the third still waits.
    assert_eq!(
        observed(&supervisor, "time_to_first_contact?from=2026-01-01&to=2026-02-01&group_by=&as_of=2026-01-11").await.1,
        ["all: median = 0", "all: p90 = 2", "all: reached = 2", "all: waiting = 2"]
    );
}

/// Contacts 2, 13 and 14 days ago, and none: the last two are quiet.
async fn contact_gap_finds_cases_without_recent_contact(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    for spoken in [Some("2026-03-29"), Some("2026-03-18"), Some("2026-03-17"), None] {
        let mut case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
        past.steps(&mut case, &[("2026-01-06", Triage), ("2026-01-07", Accepted), ("2026-01-08", Active)]);
        if let Some(on) = spoken {
            past.case_changes(&mut case, on, |case| {
                case.last_contact_at = Some(crate::support::history_fixtures::at(&format!("{on}T15:00:00Z")))
            });
        }
    }
    let (rows, all) = observed(&supervisor, "contact_gap?as_of=2026-03-31T15:00:00Z").await;
    assert_eq!(
        rows.iter().filter(|row| row.contains("cases")).collect::<Vec<_>>(),
        [
            "Within a week: cases = 1",
            "7 to 13 days: cases = 1",
            "14 to 29 days: cases = 1",
            "Not yet spoken to: cases = 1"
        ]
    );
    assert_eq!(all, ["all: cases = 4", "all: quiet = 2/4", "all: median = 13"]);
}

/// Due yesterday, today, in six days, in seven and in thirty; one waits for its trigger.
async fn deadlines_due_groups_by_time_until_due(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    let action = past.action(&case, "2026-01-06", json!({}));
    for due in ["2026-03-09", "2026-03-10", "2026-03-16", "2026-03-17", "2026-04-09"] {
        past.deadline(&action, "2026-01-07", due);
    }
    let mut waits = past.deadline(&action, "2026-01-07", "2026-06-01");
    past.deadline_changes(&mut waits, "2026-01-08", |deadline| deadline.status = DeadlineStatus::PendingTrigger);
    let mut met = past.deadline(&action, "2026-01-07", "2026-03-01");
    past.deadline_changes(&mut met, "2026-02-01", |deadline| deadline.status = DeadlineStatus::Satisfied);
    let (_, all) = observed(&supervisor, "deadlines_due?group_by=&as_of=2026-03-10T15:00:00Z").await;
    assert_eq!(
        all,
        [
            "all: overdue = 1",
            "all: within_7_days = 2",
            "all: within_30_days = 1",
            "all: later = 1",
            "all: pending_trigger = 1"
        ]
    );
    let (_, all) = observed(&supervisor, "deadlines_due?group_by=&as_of=2026-03-10").await;
    assert_eq!(all[0], "all: overdue = 2", "by the end of the day the one of today is over too");
}

/// Met on the day, met a day late, missed, and expired unnoticed; excused, superseded and future deadlines are not
/// counted.
async fn deadline_compliance_counts_only_deadlines_that_were_due(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    let action = past.action(&case, "2026-01-06", json!({}));
    use DeadlineStatus::*;
    for (status, met_on) in [
        (Satisfied, Some("2026-03-10")),
        (Satisfied, Some("2026-03-11")),
        (Missed, None),
        (Running, None),
        (Excused, None),
        (Superseded, None),
    ] {
        let mut deadline = past.deadline(&action, "2026-01-07", "2026-03-10");
        past.deadline_changes(&mut deadline, "2026-03-12", |deadline| {
            (deadline.status, deadline.satisfied_on) = (status, met_on.map(crate::support::history_fixtures::day));
        });
    }
    past.deadline(&action, "2026-01-07", "2026-03-31");
    let march =
        report(&supervisor, "deadline_compliance?from=2026-03-01&to=2026-04-01&group_by=action_type&as_of=2026-03-20")
            .await;
    assert_eq!(lines(&march["rows"]), ["Grievance: in_time = 1/4", "Grievance: late = 1", "Grievance: missed = 2"]);
    assert_eq!(
        excluded(&march),
        [pair("excused", 1), pair("superseded", 1), pair("not_due_yet", 1), pair("entered_in_error", 0)]
    );
    assert_eq!(
        observed(&supervisor, "deadline_compliance?from=2026-03-11&to=2026-03-31&group_by=").await.1[0],
        "all: in_time = 0/0"
    );
}

/// Two of Ana's tasks are overdue and one is not due; an unassigned one is overdue; one was done.
async fn overdue_followups_groups_by_assignee(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    for due in ["2026-02-27", "2026-02-28", "2026-03-01"] {
        past.task(&case, "2026-01-06", due, Some(ana.actor.user));
    }
    past.task(&case, "2026-01-06", "2026-01-20", None);
    let mut done = past.task(&case, "2026-01-06", "2026-01-20", Some(ana.actor.user));
    past.task_changes(&mut done, "2026-01-25", |task| task.status = TaskStatus::Done);
    let (rows, all) = observed(&supervisor, "overdue_followups?as_of=2026-03-01&group_by=assignee").await;
    assert_eq!(rows[2..], ["Not said: overdue = 1", "Not said: share = 1/1"]);
    assert!(rows[0].ends_with(": overdue = 2") && rows[1].ends_with(": share = 2/3"), "{rows:?}");
    assert_eq!(all, ["all: overdue = 3", "all: share = 3/4"]);
    assert_eq!(
        observed(&supervisor, "overdue_followups?as_of=2026-01-21&group_by=").await.1,
        ["all: overdue = 2", "all: share = 2/5"]
    );
}

/// Two cost barriers and one transport barrier; one cost barrier is resolved on 1 March.
async fn barriers_open_groups_by_type(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.barrier(&case, "2026-01-10", json!({}));
    let mut ended = past.barrier(&case, "2026-02-01", json!({"severity": "high"}));
    past.barrier(&case, "2026-02-10", json!({"type": "transport"}));
    past.barrier_changes(&mut ended, "2026-03-01", |barrier| {
        (barrier.status, barrier.disposition, barrier.judged_by) =
            (BarrierStatus::Resolved, Some(BarrierDisposition::ResolvedFull), Some(JudgedBy::Client));
        barrier.resolved_at = Some(crate::support::history_fixtures::at("2026-03-01T15:00:00Z"));
    });
    assert_eq!(
        observed(&supervisor, "barriers_open").await,
        (vec!["Cost: open = 1".into(), "Transport: open = 1".into()], vec!["all: open = 2".into()])
    );
    assert_eq!(
        observed(&supervisor, "barriers_open?as_of=2026-02-20&group_by=type,severity").await.0,
        ["Medium, Cost: open = 1", "High, Cost: open = 1", "Medium, Transport: open = 1"]
    );
    assert_eq!(
        observed(&supervisor, "barriers_open?as_of=2026-02-20T15:00:00Z&group_by=age").await.0,
        ["Under 30 days: open = 2", "30 to 89 days: open = 1"]
    );
}

/// Of four barriers that end in March two are resolved, one of them in full; three were judged by the client. A fifth
/// is reopened.
async fn barrier_resolution_reports_the_judge(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    use BarrierDisposition::*;
    let ends = |past: &mut PastRecords<'_>, disposition, judge| {
        let mut barrier = past.barrier(&case, "2026-01-10", json!({}));
        past.barrier_changes(&mut barrier, "2026-03-05", |barrier| {
            let resolved = matches!(disposition, ResolvedFull | WorkaroundFound);
            barrier.status = if resolved { BarrierStatus::Resolved } else { BarrierStatus::ClosedUnresolved };
            (barrier.disposition, barrier.judged_by) = (Some(disposition), Some(judge));
            barrier.resolved_at = Some(crate::support::history_fixtures::at("2026-03-05T15:00:00Z"));
        });
        barrier
    };
    ends(&mut past, ResolvedFull, JudgedBy::Client);
    ends(&mut past, WorkaroundFound, JudgedBy::Advocate);
    ends(&mut past, NotResolved, JudgedBy::Client);
    ends(&mut past, WithdrawnByClient, JudgedBy::Client);
    let mut again = ends(&mut past, ResolvedFull, JudgedBy::Client);
    past.barrier_changes(&mut again, "2026-03-20", |barrier| {
        (barrier.status, barrier.disposition, barrier.judged_by, barrier.resolved_at) =
            (BarrierStatus::Open, None, None, None);
    });
    let march = "barrier_resolution?from=2026-03-01&to=2026-04-01&group_by=";
    assert_eq!(
        observed(&supervisor, march).await.1,
        ["all: resolved = 2/4", "all: in_full = 1/4", "all: judged_by_client = 3/4"]
    );
    assert_eq!(
        observed(&supervisor, &format!("{march}&as_of=2026-03-10")).await.1,
        ["all: resolved = 3/5", "all: in_full = 2/5", "all: judged_by_client = 4/5"]
    );
}

/// Three clients at one provider within 180 days, two at another; one of the first three has two barriers, one barrier
/// is earlier.
async fn provider_pattern_flags_three_clients(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let provider = |name: &'static str| {
        let supervisor = &supervisor;
        async move { supervisor.post("/providers", json!({"name": name})).await.expect(201).id() }
    };
    let (alder, birch) = (provider("Alder Clinic").await, provider("Birch House").await);
    let mut past = PastRecords::of(&supervisor);
    let mut cases = Vec::new();
    for _ in 0..4 {
        cases.push(past.case("2026-01-05", Some(ana.actor.user), json!({})).await);
    }
    past.barrier(&cases[0], "2026-05-01", json!({"provider_id": alder}));
    past.barrier(&cases[0], "2026-05-02", json!({"provider_id": alder}));
    past.barrier(&cases[1], "2026-05-01", json!({"provider_id": alder, "occurred_on": "2026-04-20"}));
    past.barrier(&cases[2], "2026-05-01", json!({"provider_id": alder}));
    // It was entered in May, but it happened in the year before.
    past.barrier(&cases[3], "2026-05-01", json!({"provider_id": alder, "occurred_on": "2025-10-01"}));
    past.barrier(&cases[0], "2026-05-01", json!({"provider_id": birch}));
    past.barrier(&cases[3], "2026-05-01", json!({"provider_id": birch}));
    past.barrier(&cases[3], "2026-05-01", json!({}));
    let june = report(&supervisor, "provider_pattern?as_of=2026-06-30").await;
    assert_eq!(
        lines(&june["rows"]),
        [
            "Alder Clinic: clients = 3",
            "Alder Clinic: flagged = 1",
            "Birch House: clients = 2",
            "Birch House: flagged = 0"
        ]
    );
    assert_eq!(lines(&june["totals"]), ["all: clients = 4", "all: flagged = 1"], "as many as rows are flagged");
    assert_eq!(
        observed(&supervisor, "provider_pattern?as_of=2026-05-01").await.0[..2],
        ["Alder Clinic: clients = 3", "Alder Clinic: flagged = 1"]
    );
    // A merge changes no earlier report, and all later ones.
    let etag = supervisor.get(&format!("/providers/{birch}")).await.etag();
    let merge = json!({"into": alder});
    let merged =
        supervisor.send("POST", &format!("/providers/{birch}/merge"), &[("if-match", &etag)], Some(merge)).await;
    assert!(merged.status < 300, "{:#}", merged.body);
    assert_eq!(report(&supervisor, "provider_pattern?as_of=2026-06-30").await, june);
    past.barrier(&cases[1], "2026-11-01", json!({"provider_id": alder}));
    assert_eq!(
        observed(&supervisor, "barriers_open?group_by=provider").await.0,
        ["Alder Clinic: open = 8", "Not said: open = 1"]
    );
}

/// Three barriers in March: race, race and sex, and no ground. One of race was entered in March but happened in
/// February.
async fn discrimination_is_counted_once_for_each_basis(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.barrier(&case, "2026-03-10", json!({"bases": ["race"], "type": "discrimination"}));
    past.barrier(&case, "2026-04-10", json!({"bases": ["race", "sex"], "occurred_on": "2026-03-31"}));
    past.barrier(&case, "2026-03-10", json!({}));
    past.barrier(&case, "2026-03-10", json!({"bases": ["race"], "occurred_on": "2026-02-28"}));
    let march = report(&supervisor, "discrimination_by_basis?from=2026-03-01&to=2026-04-01").await;
    assert_eq!(lines(&march["rows"]), ["Race: barriers = 2", "Sex: barriers = 1"]);
    assert_eq!(
        (lines(&march["totals"]), excluded(&march)[0].clone()),
        (vec!["all: barriers = 2".to_owned()], pair("no_ground", 1))
    );
    assert!(march["caution"].as_str().unwrap().contains("several grounds"));
}

/// Two actions are decided in the client's favor, one denied, one without a response, one withdrawn; one is pending,
/// one was decided in April.
async fn action_success_counts_only_decided_actions(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    let decides = |past: &mut PastRecords<'_>, decision, on| {
        let mut action = past.action(&case, "2026-01-06", json!({"filed_on": "2026-01-06"}));
        past.action_changes(&mut action, on, |action| {
            (action.status, action.decision, action.decided_on) =
                (ActionStatus::Decided, Some(decision), Some(crate::support::history_fixtures::day(on)));
        });
    };
    for decision in [Decision::Granted, Decision::Settled, Decision::Denied, Decision::NoResponse, Decision::Withdrawn]
    {
        decides(&mut past, decision, "2026-03-31");
    }
    decides(&mut past, Decision::PartlyGranted, "2026-04-01");
    past.action(&case, "2026-01-06", json!({"filed_on": "2026-01-06"}));
    let march = report(&supervisor, "action_success?from=2026-03-01&to=2026-04-01").await;
    assert_eq!(lines(&march["rows"]), ["Grievance: succeeded = 2/4", "Grievance: pending = 1"]);
    assert_eq!(excluded(&march)[0], pair("withdrawn", 1));
    // On 1 March nothing was decided yet.
    assert_eq!(
        observed(&supervisor, "action_success?from=2026-03-01&to=2026-04-01&group_by=&as_of=2026-03-01").await.1,
        ["all: succeeded = 0/0", "all: pending = 7"]
    );
}

/// Three meetings with four mandatory items each: four, two and none were done; one meeting has no checklist, one was
/// cancelled.
async fn meeting_prep_counts_only_meetings_with_a_checklist(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    for (status, items, done) in [
        (MeetingStatus::Held, 4, 4),
        (MeetingStatus::Held, 4, 2),
        (MeetingStatus::Held, 4, 0),
        (MeetingStatus::Held, 0, 0),
        (MeetingStatus::Cancelled, 4, 4),
    ] {
        let mut meeting = past.meeting(&case, "2026-02-20", "2026-03-05", json!({}));
        past.meeting_changes(&mut meeting, "2026-03-05", |meeting| {
            (meeting.status, meeting.mandatory_items, meeting.mandatory_done) = (status, items, done)
        });
    }
    let march = report(&supervisor, "meeting_prep?from=2026-03-01&to=2026-04-01").await;
    assert_eq!(lines(&march["rows"]), ["Discharge planning: prepared = 1/3", "Discharge planning: readiness = 6/12"]);
    assert_eq!(excluded(&march)[0], pair("no_checklist", 1));
}

/// One client rises from 2 to 4 over three meetings, one stays, one falls; one had one meeting, and one was absent the
/// second time. For the one with two meetings at the same time there is no direction.
async fn self_advocacy_shift_compares_first_and_last_meeting(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    use WhoSpoke::*;
    for spoke in [
        vec![AdvocateSpokeAsInstructed, NonInstructedRepresentation, SpokeForSelf],
        vec![SpokeWithSupport, SpokeWithSupport],
        vec![SpokeForSelf, SpokeWithSupport],
        vec![SpokeForSelf],
        vec![SpokeWithSupport, AbsentByChoice],
    ] {
        let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
        for (on, spoke) in ["2026-03-02", "2026-03-09", "2026-03-16"].into_iter().zip(spoke) {
            let mut meeting = past.meeting(&case, "2026-02-20", on, json!({}));
            past.meeting_changes(&mut meeting, on, |meeting| {
                (meeting.status, meeting.who_spoke) = (MeetingStatus::Held, Some(spoke))
            });
        }
    }
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    for spoke in [SpokeForSelf, AdvocateSpokeAsInstructed] {
        let mut meeting = past.meeting(&case, "2026-02-20", "2026-03-09", json!({}));
        past.meeting_changes(&mut meeting, "2026-03-09", |meeting| {
            (meeting.status, meeting.who_spoke) = (MeetingStatus::Held, Some(spoke))
        });
    }
    let march = report(&supervisor, "self_advocacy_shift?from=2026-03-01&to=2026-04-01").await;
    assert_eq!(lines(&march["totals"]), ["all: more = 1/4", "all: same = 2/4", "all: less = 1/4"]);
    assert_eq!((&march["n"], excluded(&march)[0].clone()), (&json!(4), pair("one_meeting", 2)));
    assert_eq!(
        observed(&supervisor, "self_advocacy_shift?from=2026-03-01&to=2026-03-10&group_by=team").await.0[0]
            .split(": ")
            .last(),
        Some("more = 0/4")
    );
}

/// Of six open cases one has no lead, one has a lead who was removed, one has waited in referral for more than a week,
/// and one belongs to a team without a supervisor.
async fn supervision_finds_cases_without_oversight(server: &TestServer) {
    let (ana, gone, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let orphaned = server.new_team("Hill side");
    let both = server.user_in(&server.org, &[server.team, orphaned], Role::Advocate);
    let mut past = PastRecords::of(&supervisor);
    let accepted = [("2026-01-06", Triage), ("2026-01-07", Accepted)];
    let mut well = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.steps(&mut well, &accepted);
    let mut nobodys = past.case("2026-01-05", None, json!({})).await;
    past.steps(&mut nobodys, &accepted);
    let mut lost = past.case("2026-01-05", Some(gone.actor.user), json!({})).await;
    past.steps(&mut lost, &accepted);
    past.case("2026-01-05", None, json!({})).await;
    let mut far = past.case("2026-01-05", Some(both.actor.user), json!({"team_id": orphaned.to_string()})).await;
    past.steps(&mut far, &accepted);
    let admin = server.user(Role::Admin);
    let etag = admin.get(&format!("/users/{}", gone.id())).await.etag();
    admin.patch(&format!("/users/{}", gone.id()), &etag, json!({"status": "suspended"})).await.expect(200);
    assert_eq!(
        observed(&supervisor, "supervision?group_by=").await.1,
        ["all: open = 4", "all: unassigned = 1", "all: lead_gone = 1", "all: untriaged = 1", "all: unsupervised = 0"]
    );
    // A deputy of the other team sees it, so that it has a supervisor.
    let deputy = server.user_in(&server.org, &[orphaned], Role::Supervisor);
    assert_eq!(observed(&deputy, "supervision?group_by=").await.1[0], "all: open = 1");
    // The numbers of an administrator are protected: all of these are small.
    assert_eq!(observed(&admin, "supervision?group_by=").await.1[0], "all: open hidden");
}

/// Two cases, one without a contact; two barriers, one without a provider and of type other.
async fn data_quality_counts_each_record_kind_separately(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let provider = supervisor.post("/providers", json!({"name": "Alder Clinic"})).await.expect(201).id();
    let accepted = [("2026-01-06", Triage), ("2026-01-07", Accepted)];
    let mut one = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.steps(&mut one, &accepted);
    past.case_changes(&mut one, "2026-01-08", |case| case.first_contact_at = Some(case.updated_at));
    let mut other = past
        .case(
            "2026-01-05",
            Some(ana.actor.user),
            json!({"intake_source": "other", "intake_source_text": "A neighbour"}),
        )
        .await;
    past.steps(&mut other, &accepted);
    past.barrier(
        &one,
        "2026-01-10",
        json!({"provider_id": provider, "service_type": {"system": "open_eligibility", "code": "1103"}}),
    );
    past.barrier(&one, "2026-01-10", json!({"type": "other", "type_text": "The door is locked"}));
    past.action(&one, "2026-01-10", json!({"filed_on": "2026-01-10"}));
    assert_eq!(
        observed(&supervisor, "data_quality").await.1,
        [
            "all: case_without_contact = 1/2",
            "all: case_intake_other = 1/2",
            "all: barrier_without_provider = 1/2",
            "all: barrier_without_service = 1/2",
            "all: barrier_type_other = 1/2",
            "all: action_without_scheme = 1/1"
        ]
    );
}

async fn invalid_report_requests_are_rejected_by_parameter(server: &TestServer) {
    let (supervisor, admin) = (server.user(Role::Supervisor), server.user(Role::Admin));
    supervisor.get("/reports/nonsense").await.expect(404);
    for (query, at, code) in [
        ("barriers_open?group_by=shoe_size", "group_by", "unknown_group"),
        ("barriers_open?group_by=type,type", "group_by", "duplicate"),
        ("barriers_open?group_by=type,team,advocate,provider,age", "group_by", "too_many"),
        ("barriers_open?as_of=2199-01-01", "as_of", "in_the_future"),
        ("barriers_open?as_of=soon", "as_of", "invalid"),
        ("barriers_open?from=2026-01-01&to=2026-02-01", "from", "not_taken"),
        ("time_to_close", "from", "required"),
        ("time_to_close?from=2026-02-01&to=2026-01-01", "to", "before_from"),
        ("time_to_close?from=2026-02-31&to=2026-03-01", "from", "invalid"),
        ("barriers_open?view=blurred", "view", "invalid"),
        ("barriers_open?format=docx", "format", "invalid"),
        ("barriers_open?shoe_size=44", "shoe_size", "unknown_parameter"),
        ("barriers_open?view=protected&as_of=2026-09-29", "as_of", "too_fine"),
        ("time_to_close?view=protected&from=2026-01-01&to=2026-02-01", "to", "too_fine"),
    ] {
        supervisor.get(&format!("/reports/{query}")).await.expect_fault(400, at, code);
    }
    let elsewhere = server.new_team("Hill side");
    supervisor.get(&format!("/reports/barriers_open?team={elsewhere}")).await.expect_fault(
        400,
        "team",
        "unknown_reference",
    );
    supervisor.get(&format!("/reports/barriers_open?team={}", server.other_team)).await.expect_fault(
        400,
        "team",
        "unknown_reference",
    );
    admin.get(&format!("/reports/barriers_open?team={}", server.team)).await.expect_fault(400, "team", "too_fine");
    admin.get("/reports/barriers_open?view=exact").await.expect(403);
    assert_eq!(supervisor.get("/reports").await.expect(200).body["items"].as_array().unwrap().len(), 18);
}

/// Each user sees their own numbers, and a user of another organization sees nothing.
async fn report_counts_only_records_visible_to_the_caller(server: &TestServer) {
    let (ana, ben, supervisor) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user(Role::Supervisor));
    let elsewhere = server.new_team("Hill side");
    let other = server.user_in(&server.org, &[elsewhere], Role::Supervisor);
    for _ in 0..2 {
        let case = ana.new_case().await;
        ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"})).await.expect(201);
    }
    let case = ben.new_case().await;
    ben.post(&format!("/cases/{case}/barriers"), json!({"type": "transport", "description": "d"})).await.expect(201);
    let all = |user| async move { observed(user, "barriers_open?group_by=type").await.0 };
    assert_eq!(all(&ana).await, ["Cost: open = 2"]);
    assert_eq!(all(&ben).await, ["Transport: open = 1"]);
    assert_eq!(all(&supervisor).await, ["Cost: open = 2", "Transport: open = 1"]);
    assert_eq!(all(&other).await, Vec::<String>::new());
    assert_eq!(all(&server.user_of_other_org(Role::Supervisor)).await, Vec::<String>::new());
    assert_eq!(
        observed(&supervisor, &format!("barriers_open?group_by=&team={}", server.team)).await.1,
        ["all: open = 3"]
    );
    for role in [Role::Client, Role::Auditor] {
        server.user(role).get("/reports/barriers_open").await.expect(403);
    }
    for role in [Role::Admin, Role::Integration] {
        assert_eq!(report(&server.user(role), "barriers_open").await["filters"]["view"], "protected");
    }
    let entries = crate::support::pages(&server.user(Role::Auditor), "/audit-events?action=report.read", 50).await;
    let entry = entries.iter().find(|entry| entry["actor_id"] == ana.id().as_str()).unwrap();
    let fields: Vec<&str> = entry["fields"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
    assert!(
        fields.contains(&"barriers_open") && fields.contains(&"rows=1") && fields.contains(&"view=exact"),
        "{fields:?}"
    );
}

/// A past report gives the same numbers again, whatever has happened since.
async fn past_report_is_reproducible(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = crate::support::active_case(&ana, &supervisor).await;
    let barrier =
        ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"})).await.expect(201);
    let action = ana
        .post(
            &format!("/barriers/{}/actions", barrier.id()),
            json!({"type": "grievance", "forum": "f", "filed_on": "2026-01-07"}),
        )
        .await
        .expect(201);
    let deadline = ana
        .post(
            &format!("/actions/{}/deadlines", action.id()),
            json!({"due_on": "2035-01-07", "time_zone": "America/Chicago", "source": "manual"}),
        )
        .await
        .expect(201);
    let task =
        ana.post(&format!("/cases/{case}/tasks"), json!({"title": "t", "due_on": "2035-01-07"})).await.expect(201);
    let meeting = ana.post(&format!("/cases/{case}/meetings"), json!({
        "type": "debrief", "mode": "phone", "starts_at": "2026-01-07T10:00:00Z", "ends_at": "2026-01-07T11:00:00Z",
        "time_zone": "America/Chicago", "purpose": "p",
    })).await.expect(201);
    let questions: Vec<String> = supervisor.get("/reports").await.expect(200).body["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|measure| measure["time"] != "now")
        .map(|measure| {
            let id = measure["id"].as_str().unwrap();
            if measure["time"] == "period" { format!("{id}?from=2026-01-01&to=2199-01-01") } else { format!("{id}?") }
        })
        .collect();
    let mut before = Vec::new();
    for question in &questions {
        before.push(report(&supervisor, question).await);
    }
    // All records change.
    ana.patch(
        &format!("/barriers/{}", barrier.id()),
        &barrier.etag(),
        json!({"type": "transport", "status": "resolved", "disposition": "resolved_full", "judged_by": "client"}),
    )
    .await
    .expect(200);
    ana.patch(
        &format!("/actions/{}", action.id()),
        &action.etag(),
        json!({"decision": "granted", "decided_on": "2026-01-09"}),
    )
    .await
    .expect(200);
    ana.send(
        "POST",
        &format!("/deadlines/{}/waive", deadline.id()),
        &[("if-match", &deadline.etag())],
        Some(json!({"reason": "r"})),
    )
    .await;
    assert_eq!(supervisor.get(&format!("/deadlines/{}", deadline.id())).await.expect(200).body["status"], "excused");
    ana.patch(&format!("/tasks/{}", task.id()), &task.etag(), json!({"status": "done"})).await.expect(200);
    ana.post(
        &format!("/meetings/{}/outcome", meeting.id()),
        json!({"status": "held", "who_spoke": "spoke_for_self", "outcomes": ["goal_met"], "summary": "s"}),
    )
    .await
    .expect(201);
    ana.post(
        &format!("/cases/{case}/notes"),
        json!({
            "kind": "contact", "body": "b", "occurred_at": "2026-01-08T10:00:00Z", "direction": "out", "mode": "phone",
            "successful": true,
        }),
    )
    .await
    .expect(201);
    ana.new_case().await;
    server.user(Role::Admin).transition(&case, json!({"to": "entered_in_error", "reason": "r"})).await.expect(201);
    let mut changed = 0;
    for (question, before) in questions.iter().zip(&before) {
        let again = report(&supervisor, &format!("{question}&as_of={}", before["as_of"].as_str().unwrap())).await;
        assert_eq!(&again, before, "{question}");
        changed += usize::from(report(&supervisor, question).await["totals"] != before["totals"]);
    }
    assert!(changed > 8, "{changed} measures saw that everything has changed");
    assert_eq!(differing_facts(server), Vec::<String>::new());
}

/// A report as of now is counted from other indexes. It counts the same as one of that moment, whether or not records
/// changed within the millisecond in which it was asked for.
async fn report_as_of_now_equals_the_report_of_its_moment(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let questions = [
        "barriers_open?group_by=severity,provider",
        "caseload_current?group_by=advocate,status",
        "deadlines_due?group_by=team",
        "data_quality?group_by=",
    ];
    for round in 0..20 {
        let case = ana.new_case().await;
        let barrier =
            json!({"type": "cost", "description": "d", "severity": if round % 2 == 0 { "low" } else { "high" }});
        ana.post(&format!("/cases/{case}/barriers"), barrier).await.expect(201);
        if round % 3 == 0 {
            let in_error = json!({"to": "entered_in_error", "reason": "r"});
            server.user(Role::Admin).transition(&case, in_error).await.expect(201);
        }
        for question in questions {
            let now = report(&supervisor, question).await;
            let then = report(&supervisor, &format!("{question}&as_of={}", now["as_of"].as_str().unwrap())).await;
            assert_eq!(now, then, "{question}");
        }
    }
    let (rows, _) = observed(&supervisor, questions[0]).await;
    assert_eq!(rows, ["Not said, Low: open = 6", "Not said, High: open = 7"]);
}

async fn report_is_available_in_every_format(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let case = ana.new_case().await;
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"})).await.expect(201);
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "transport", "description": "d"})).await.expect(201);
    supervisor.get("/reports/barriers_open?format=csv").await.expect_fault(400, "reason", "required");
    let stale = server.user_with_old_password_entry(Role::Supervisor);
    let refused = stale.get("/reports/barriers_open?format=csv&reason=Board&view=exact").await.expect(403);
    assert_eq!(refused.body["code"], "reauthentication_required");
    stale.get("/reports/barriers_open?format=svg").await.expect(200);

    let csv = supervisor.get("/reports/barriers_open?format=csv&reason=Board&view=exact").await.expect(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = csv.body.as_str().unwrap().trim_start_matches('\u{FEFF}').lines().collect();
    assert_eq!(
        lines[0],
        "type,type_name,open,organization,teams,period_first_day,period_last_day,as_of,time_zone,view,notice"
    );
    for (line, begins) in lines[1..].iter().zip(["cost,Cost,1,", "transport,Transport,1,", ",Total,2,"]) {
        assert!(line.starts_with(begins) && line.ends_with(",America/Chicago,exact,Exact numbers: internal"), "{line}");
    }
    let asked = supervisor
        .send("GET", "/reports/barriers_open?reason=Board&view=exact", &[("accept", "text/csv")], None)
        .await
        .expect(200);
    assert!(asked.body.as_str().unwrap().contains("transport,Transport,1,"));
    for (format, begins) in [("xlsx", "PK"), ("pdf", "%PDF-"), ("svg", "<svg")] {
        let file = supervisor.get(&format!("/reports/barriers_open?format={format}&reason=Board")).await.expect(200);
        assert!(file.body.as_str().unwrap().starts_with(begins), "{format}");
    }
    let svg = supervisor.get("/reports/barriers_open?format=svg&view=exact").await.expect(200).body;
    assert!(
        ["<title", "<desc", "Transport", "Exact numbers: internal"]
            .iter()
            .all(|part| svg.as_str().unwrap().contains(part))
    );
    let entries = crate::support::pages(&server.user(Role::Auditor), "/audit-events?action=export.made", 50).await;
    let has = |entry: &Value, field: &str| entry["fields"].as_array().unwrap().contains(&json!(field));
    let asked = ["barriers_open", "rows=2", "group_by=type", "view=exact"];
    assert!(entries.iter().any(|entry| asked.iter().all(|field| has(entry, field))), "{entries:#?}");
    let taken = crate::support::pages(&server.user(Role::Auditor), "/exports", 2).await;
    assert_eq!((taken.len(), &taken[0]["reason"], &taken[0]["what"]), (4, &json!("Board"), &json!("barriers_open")));
    // Every measure can be exported in every format.
    for measure in supervisor.get("/reports").await.expect(200).body["items"].as_array().unwrap() {
        let period = if measure["time"] == "period" { "from=2025-01-01&to=2026-01-01&" } else { "" };
        for format in ["csv", "xlsx", "pdf", "svg"] {
            supervisor
                .get(&format!("/reports/{}?{period}format={format}&reason=Board", measure["id"].as_str().unwrap()))
                .await
                .expect(200);
        }
        for span in measure["spans"].as_array().unwrap() {
            let period = format!("from=2025-01-01&to=2026-01-01&group_by={}&view=exact&", span.as_str().unwrap());
            for format in ["pdf", "svg"] {
                supervisor
                    .get(&format!("/reports/{}?{period}format={format}&reason=Board", measure["id"].as_str().unwrap()))
                    .await
                    .expect(200);
            }
        }
    }
}

/// Every file names the scope of its numbers: in its file name, its title and its lines.
async fn report_files_name_the_teams_they_cover(server: &TestServer) {
    let hill = server.new_team("Hill side");
    let (own, ana) = (server.user(Role::Supervisor), server.user(Role::Advocate));
    let both = server.user_in(&server.org, &[server.team, hill], Role::Supervisor);
    let case = ana.new_case().await;
    ana.post(&format!("/cases/{case}/barriers"), json!({"type": "cost", "description": "d"})).await.expect(201);
    let team = report(&both, &format!("barriers_open?team={}", server.team)).await["scope"]["teams"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let organization = report(&both, "barriers_open").await["scope"]["organization"].as_str().unwrap().to_owned();
    let one = format!("&team={}", server.team);
    for (user, query, kind, teams, of) in [
        (&both, "", "all_teams", "All teams (2)".to_owned(), "all-teams"),
        (&both, one.as_str(), "teams", format!("Team {team} only"), ""),
        (&own, "", "teams", format!("Team {team} only"), ""),
        (
            &ana,
            "",
            "own_cases",
            format!("Cases of {} only", ana.get("/me").await.expect(200).body["display_name"].as_str().unwrap()),
            "own-cases",
        ),
    ] {
        assert_eq!(report(user, &format!("barriers_open?{query}")).await["scope"]["kind"], kind);
        for period in ["", "&group_by=month&from=2026-01-01&to=2026-10-01"] {
            let ask =
                |format: &str| format!("/reports/barriers_open?view=exact&format={format}&reason=Board{query}{period}");
            let svg = user.get(&ask("svg")).await.expect(200).body;
            assert!(
                svg.as_str().unwrap().contains(&format!(
                    "{organization}, {}{}",
                    teams[..1].to_lowercase(),
                    &teams[1..]
                )),
                "{svg}"
            );
            for format in ["csv", "xlsx", "pdf"] {
                let file = user.get(&ask(format)).await.expect(200);
                let name = file.header("content-disposition").to_owned();
                let when = if period.is_empty() { "_as-of-" } else { "_2026-01-01_to_2026-09-30_" };
                assert!(
                    name.starts_with("attachment; filename=\"barriers_open_")
                        && name.contains(of)
                        && name.contains(when),
                    "{name}"
                );
                assert_eq!(name.contains("all-teams"), kind == "all_teams", "{name}");
                assert!(name.ends_with(&format!("_exact.{format}\"")), "{name}");
                if format == "csv" {
                    let quoted = if teams.contains(',') { format!("\"{teams}\"") } else { teams.clone() };
                    assert!(
                        file.body
                            .as_str()
                            .unwrap()
                            .lines()
                            .skip(1)
                            .all(|line| line.contains(&format!(",{organization},{quoted},"))),
                        "{}",
                        file.body
                    );
                    let days = if period.is_empty() { ",,," } else { ",2026-01-01,2026-09-30," };
                    assert!(
                        file.body.as_str().unwrap().lines().skip(1).all(|line| line.contains(days)),
                        "{}",
                        file.body
                    );
                }
            }
        }
    }
}

/// A file is protected unless the request asks for exact numbers, and JSON is not.
async fn report_file_is_protected_unless_exact_numbers_are_requested(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.barrier(&case, "2026-01-10", json!({}));
    let period = "from=2026-01-01&to=2026-10-01&group_by=quarter";
    let csv = |query: &'static str| {
        let supervisor = &supervisor;
        async move {
            supervisor
                .get(&format!("/reports/barriers_open?{query}&format=csv&reason=Board"))
                .await
                .expect(200)
                .body
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    let protected = csv("from=2026-01-01&to=2026-10-01&group_by=quarter").await;
    assert!(
        protected.contains("2026-Q1,Q1 2026,suppressed,") && protected.contains("Protected: 1 to 10 suppressed"),
        "{protected}"
    );
    assert!(!protected.contains("internal"), "{protected}");
    let exact = csv("from=2026-01-01&to=2026-10-01&group_by=quarter&view=exact").await;
    assert!(
        exact.lines().skip(1).all(|line| line.ends_with("exact,Exact numbers: internal"))
            && exact.contains("2026-Q1,Q1 2026,1,"),
        "{exact}"
    );
    assert_eq!(observed(&supervisor, &format!("barriers_open?{period}")).await.0[0], "Q1 2026: open = 1");
    for format in ["svg", "csv", "xlsx", "pdf"] {
        let refused = supervisor
            .get(&format!("/reports/time_to_close?from=2026-01-02&to=2026-03-01&format={format}&reason=Board"))
            .await;
        assert!(
            refused.body["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains("view=exact")),
            "{:#}",
            refused.body
        );
        refused.expect_fault(400, "to", "too_fine");
        supervisor
            .get(&format!(
                "/reports/time_to_close?from=2026-01-02&to=2026-03-01&format={format}&reason=Board&view=exact"
            ))
            .await
            .expect(200);
    }
    supervisor.get("/reports/time_to_close?from=2026-01-02&to=2026-03-01&format=json").await.expect(200);
    server.user(Role::Admin).get("/reports/barriers_open?format=csv&reason=Board&view=exact").await.expect(403);
}

/// Resolved in January and in March: February is shown with zero, and each month equals the report of that month alone.
async fn every_month_of_a_report_period_is_shown(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    // The last one is still in January in the organization's time zone.
    for (kind, on) in [
        ("cost", "2026-01-12T15:00:00Z"),
        ("cost", "2026-03-05T15:00:00Z"),
        ("transport", "2026-03-09T15:00:00Z"),
        ("cost", "2026-02-01T05:59:00Z"),
    ] {
        let mut barrier = past.barrier(&case, "2026-01-10", json!({"type": kind}));
        past.barrier_changes(&mut barrier, &on[..10], |barrier| {
            (barrier.status, barrier.disposition, barrier.judged_by) =
                (BarrierStatus::Resolved, Some(BarrierDisposition::ResolvedFull), Some(JudgedBy::Client));
            barrier.resolved_at = Some(crate::support::history_fixtures::at(on));
        });
    }
    let period = "barrier_resolution?from=2026-01-01&to=2026-04-01";
    let (rows, all) = observed(&supervisor, &format!("{period}&group_by=month")).await;
    let resolved: Vec<&String> = rows.iter().filter(|row| row.contains(": resolved")).collect();
    assert_eq!(
        resolved,
        ["January 2026: resolved = 2/2", "February 2026: resolved = 0/0", "March 2026: resolved = 2/2"]
    );
    assert_eq!(all[0], "all: resolved = 4/4");
    let by_both = observed(&supervisor, &format!("{period}&group_by=type,quarter")).await.0;
    assert_eq!(
        by_both.iter().filter(|row| row.contains(": resolved")).collect::<Vec<_>>(),
        ["Q1 2026, Cost: resolved = 3/3", "Q1 2026, Transport: resolved = 1/1"]
    );
    // The state at the end of each month; the last day of a month equals the report of that day.
    let (rows, all) = observed(&supervisor, "barriers_open?from=2026-01-01&to=2026-04-01&group_by=month").await;
    assert_eq!(rows, ["January 2026: open = 3", "February 2026: open = 2", "March 2026: open = 0"]);
    assert_eq!(all, ["all: open = 0"], "as of the end");
    assert_eq!(observed(&supervisor, "barriers_open?group_by=&as_of=2026-01-31").await.1, ["all: open = 3"]);
    let (rows, all) = observed(&supervisor, "caseload_flow?from=2025-12-15&to=2026-02-01&group_by=month").await;
    assert_eq!((rows.len(), rows[0].as_str(), all.len()), (8, "December 2025 (part): opening = 0", 4));
    for (query, at, code) in [
        ("supervision?group_by=month", "group_by", "not_taken"),
        ("self_advocacy_shift?from=2026-01-01&to=2026-04-01&group_by=month", "group_by", "not_taken"),
        ("barriers_open?group_by=month", "from", "required"),
        ("barriers_open?group_by=month,quarter&from=2026-01-01&to=2026-04-01", "group_by", "too_many"),
        ("barriers_open?group_by=month&from=2010-01-01&to=2026-04-01", "to", "too_long"),
        ("barrier_resolution?view=protected&from=2026-01-01&to=2026-04-01&group_by=month", "group_by", "too_fine"),
    ] {
        supervisor.get(&format!("/reports/{query}")).await.expect_fault(400, at, code);
    }
}

/// A protected report by quarter shows what the report of each quarter shows, and nothing about a period that could not
/// be requested.
async fn protected_report_by_quarter_equals_the_report_of_each_quarter(server: &TestServer) {
    let (ana, supervisor, admin) =
        (server.user(Role::Advocate), server.user(Role::Supervisor), server.user(Role::Admin));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2025-01-05", Some(ana.actor.user), json!({})).await;
    for (on, many) in [("2025-02-10", 12), ("2025-05-10", 3), ("2025-08-10", 30), ("2026-02-10", 25)] {
        for at in 0..many {
            let kind = if at % 3 == 0 { "transport" } else { "cost" };
            let mut barrier = past.barrier(
                &case,
                "2025-01-10",
                json!({"type": kind, "severity": if at % 2 == 0 { "high" } else { "low" }}),
            );
            past.barrier_changes(&mut barrier, on, |barrier| {
                (barrier.status, barrier.disposition, barrier.judged_by) =
                    (BarrierStatus::Resolved, Some(BarrierDisposition::ResolvedFull), Some(JudgedBy::Client));
                barrier.resolved_at = Some(crate::support::history_fixtures::at(&format!("{on}T15:00:00Z")));
            });
        }
    }
    for group in ["", "type", "type,severity"] {
        let join = if group.is_empty() { "quarter".to_owned() } else { format!("quarter,{group}") };
        let trend = report(&admin, &format!("barrier_resolution?from=2025-01-01&to=2026-07-01&group_by={join}")).await;
        assert!(trend["totals"].as_array().unwrap().iter().all(|total| total["suppressed"] == true), "{trend:#}");
        assert!(
            trend.get("n").is_none()
                && trend["excluded"].as_array().unwrap().iter().all(|excluded| excluded.get("n").is_none()),
            "{trend:#}"
        );
        for (key, from, to) in [
            ("2025-Q1", "2025-01-01", "2025-04-01"),
            ("2025-Q2", "2025-04-01", "2025-07-01"),
            ("2025-Q3", "2025-07-01", "2025-10-01"),
            ("2026-Q1", "2026-01-01", "2026-04-01"),
        ] {
            let alone = report(&admin, &format!("barrier_resolution?from={from}&to={to}&group_by={group}")).await;
            let mut alone = alone[if group.is_empty() { "totals" } else { "rows" }].as_array().unwrap().clone();
            let mut of: Vec<Value> =
                trend["rows"].as_array().unwrap().iter().filter(|row| row["quarter"] == key).cloned().collect();
            for row in alone.iter_mut().chain(&mut of) {
                let row = row.as_object_mut().unwrap();
                row.remove("quarter");
                row.remove("labels");
            }
            assert_eq!(of, alone, "{key} by {group}");
        }
    }
    // A whole year has totals too.
    let year = report(&admin, "barrier_resolution?from=2025-01-01&to=2026-01-01&group_by=quarter").await;
    assert_eq!(
        year["totals"],
        report(&admin, "barrier_resolution?from=2025-01-01&to=2026-01-01&group_by=").await["totals"]
    );
}

async fn record_list_matches_the_reported_count(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let client = ana.post("/clients", json!({"preferred_name": "=1+1"})).await.expect(201).id();
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({"client_id": client})).await;
    for _ in 0..3 {
        past.barrier(&case, "2026-01-10", json!({"type": "cost"}));
    }
    let elsewhere = server.user_in(&server.org, &[server.new_team("Hill side")], Role::Supervisor);
    let list = "/reports/barriers_open/records?reason=Audit";
    let records = supervisor.get(list).await.expect(200);
    let text = records.body.as_str().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 9, "the header, three records, and the notice, which has five lines");
    assert!(
        lines[0].starts_with(
            "\u{FEFF}case_number,client,team,advocate,service,provider,type,service_type,age,severity,open,id"
        ),
        "{}",
        lines[0]
    );
    assert!(lines[1].starts_with("1999-000001,'=1+1,"), "{}", lines[1]);
    assert!(lines[1].contains(",Cost,") && lines[1].contains(",Medium,1,"), "{}", lines[1]);
    assert_eq!(elsewhere.get(list).await.expect(200).body.as_str().unwrap().lines().count(), 6);
    ana.get(list).await.expect(403);
    server.user(Role::Admin).get(list).await.expect(403);
    supervisor.get("/reports/barriers_open/records").await.expect_fault(400, "reason", "required");
    assert_eq!(
        server.user_with_old_password_entry(Role::Supervisor).get(list).await.expect(403).body["code"],
        "reauthentication_required"
    );
    supervisor.get("/reports/data_quality/records?reason=Audit").await.expect(404);
    supervisor.get("/reports/nonsense/records?reason=Audit").await.expect(404);
    let log = supervisor.get(&format!("/clients/{client}/access-log")).await.expect(200).body;
    assert!(log["items"].as_array().unwrap().iter().any(|entry| entry["action"] == "case.exported"), "{log:#}");
    let entries = crate::support::pages(&server.user(Role::Auditor), "/audit-events?action=export.made", 50).await;
    assert!(entries.iter().any(|entry| entry["fields"].as_array().unwrap().contains(&json!("rows=3"))));
    let taken = server.user(Role::Auditor).get("/exports").await.expect(200).body;
    let first = taken["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&first["reason"], &first["rows"], &first["format"]),
        (&json!("Audit"), &json!(3), &json!("records_csv"))
    );
}

/// Every record of a long list appears exactly once, whoever is named in it.
async fn long_record_list_is_complete(server: &TestServer) {
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.many_barriers(&case, "2026-01-10", 9_001);
    let text = supervisor.get("/reports/barriers_open/records?reason=Audit").await.expect(200).body;
    let lines =
        || csv::ReaderBuilder::new().from_reader(text.as_str().unwrap().as_bytes()).into_records().map(Result::unwrap);
    let ids: std::collections::BTreeSet<String> =
        lines().filter(|line| &line[0] != "NOTICE").map(|line| line[line.len() - 1].to_owned()).collect();
    assert_eq!((ids.len(), lines().count()), (9_001, 9_002), "and the notice");
    assert_eq!(observed(&supervisor, "barriers_open?group_by=").await.1, ["all: open = 9001"]);
}

/// A record that changes while the list is being sent appears once, in its earlier state. The first page has arrived
/// when some records of every page change.
async fn record_list_is_consistent_while_records_change(server: &TestServer) {
    const MANY: usize = 12_001;
    let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
    let mut past = PastRecords::of(&supervisor);
    let case = past.case("2026-01-05", Some(ana.actor.user), json!({})).await;
    past.many_barriers(&case, "2026-01-10", MANY);
    let some = past.some_barriers(&case, 1_000);
    let path = "/api/v1/reports/barriers_open/records?reason=Audit";
    let mut reply = reqwest::Client::new()
        .get(format!("{}{path}", server.base))
        .bearer_auth(supervisor.token())
        .send()
        .await
        .unwrap();
    let mut text = reply.chunk().await.unwrap().unwrap().to_vec();
    assert_eq!(past.change_barriers(some), 13);
    while let Some(chunk) = reply.chunk().await.unwrap() {
        text.extend(chunk);
    }
    let list = String::from_utf8(text).unwrap();
    let lines = || {
        csv::ReaderBuilder::new()
            .from_reader(list.as_bytes())
            .into_records()
            .map(Result::unwrap)
            .filter(|line| &line[0] != "NOTICE")
    };
    let ids: std::collections::BTreeSet<String> = lines().map(|line| line[line.len() - 1].to_owned()).collect();
    assert_eq!((ids.len(), lines().count()), (MANY, MANY));
    assert!(lines().all(|line| line.iter().any(|cell| cell == "Medium")), "as it was");
}
