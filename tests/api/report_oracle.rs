//! Compares reports with a simple count of the records from the lists, on random data.

use crate::support::{
    TestServer,
    database::Engine,
    db_options,
    history_fixtures::{at, day},
    operator,
};
use alongside::{
    auth::{Role, token::random_secret},
    db::{Db, Options, Use},
    demo,
    types::{Day, Instant, Zone},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers by what they count: `cost open` → `3`, `cost resolved` → `1/4`.
type Observed = BTreeMap<String, String>;

const LOAD: [&str; 4] = ["accepted", "active", "on_hold", "closing"];
const DAY: i64 = 86_400_000_000;

/// Everything that the lists show of one organization.
struct ListedRecords<'s> {
    server: &'s TestServer,
    token: String,
    zone: Zone,
    cases: Vec<Value>,
    steps: BTreeMap<String, Vec<Value>>,
    contacts: BTreeMap<String, Vec<Instant>>,
    barriers: Vec<Value>,
    actions: Vec<Value>,
    deadlines: Vec<Value>,
    meetings: Vec<Value>,
    tasks: Vec<Value>,
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or("none")
}
fn moment(value: &Value, member: &str) -> Option<Instant> {
    value[member].as_str().map(at)
}
fn date(value: &Value, member: &str) -> Option<Day> {
    value[member].as_str().map(day)
}
fn add(observed: &mut BTreeMap<String, (i64, i64)>, key: &str, name: &str, of: bool, among: bool) {
    let entry = observed.entry(format!("{key} {name}")).or_default();
    entry.0 += i64::from(of && among);
    entry.1 += i64::from(among);
}
fn counts(observed: BTreeMap<String, (i64, i64)>) -> Observed {
    observed.into_iter().map(|(key, (of, _))| (key, of.to_string())).collect()
}
fn shares(observed: BTreeMap<String, (i64, i64)>) -> Observed {
    observed.into_iter().map(|(key, (of, among))| (key, format!("{of}/{among}"))).collect()
}
/// The smallest value that half, or nine in ten, do not exceed.
fn quantile(mut days: Vec<i64>, percent: usize) -> String {
    days.sort_unstable();
    match (days.len() * percent).div_ceil(100) {
        0 => "-".into(),
        rank => days[rank - 1].to_string(),
    }
}

impl<'s> ListedRecords<'s> {
    async fn open(server: &'s TestServer, seed: u64, cases: u32) -> Self {
        let options = Options { connections: 2, readers: 2, purpose: Use::Loading, ..db_options(&server.database.url) };
        let operator = operator();
        let fill = || {
            let db = Db::open(&options).unwrap();
            let made = demo::fill(
                &db,
                &operator,
                &demo::Plan { teams: Some(3), ..demo::Plan::new(cases, seed) },
                random_secret,
            )
            .unwrap();
            demo::build_report_facts(&db, &made).unwrap();
            made
        };
        let made = std::thread::scope(|threads| threads.spawn(fill).join().unwrap());
        let supervisor = made.sign_ins.iter().find(|sign_in| sign_in.role == Role::Supervisor).unwrap();
        let login = json!({"email": supervisor.email, "password": supervisor.password});
        let token = server.anyone("POST", "/api/v1/auth/login", Some(login)).await.expect(200).body["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        let mut books = Self {
            server,
            token,
            zone: Zone::parse("America/Chicago").unwrap(),
            cases: vec![],
            steps: BTreeMap::new(),
            contacts: BTreeMap::new(),
            barriers: vec![],
            actions: vec![],
            deadlines: vec![],
            meetings: vec![],
            tasks: vec![],
        };
        books.cases = books.list("/cases").await;
        assert_eq!(books.cases.len(), cases as usize);
        books.barriers = books.list("/barriers").await;
        books.deadlines = books.list("/deadlines").await;
        books.meetings = books.list("/meetings").await;
        books.tasks = books.list("/tasks").await;
        for case in books.cases.clone() {
            let id = text(&case, "id").to_owned();
            books.steps.insert(id.clone(), books.list(&format!("/cases/{id}/transitions?sort=at")).await);
            let notes = books.list(&format!("/cases/{id}/notes")).await;
            let spoke = notes.iter().filter(|note| note["kind"] == "contact" && note["successful"] == true);
            books.contacts.insert(id, spoke.filter_map(|note| moment(note, "occurred_at")).collect());
        }
        books.actions = books.list("/actions").await;
        // A case that was entered in error counts nowhere.
        let mistakes: BTreeSet<String> = books
            .cases
            .iter()
            .filter(|case| case["status"] == "entered_in_error")
            .map(|case| text(case, "id").to_owned())
            .collect();
        assert!(!mistakes.is_empty() || cases < 200);
        books.cases.retain(|case| case["status"] != "entered_in_error");
        books.steps.retain(|case, _| !mistakes.contains(case));
        for list in
            [&mut books.barriers, &mut books.actions, &mut books.deadlines, &mut books.meetings, &mut books.tasks]
        {
            list.retain(|record| !mistakes.contains(text(record, "case_id")));
            assert!(!list.is_empty());
        }
        books
    }

    async fn get(&self, path: &str) -> Value {
        self.server.send(Some(&self.token), "GET", &format!("/api/v1{path}"), &[], None).await.expect(200).body
    }
    async fn list(&self, path: &str) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}{join}limit=200{cursor}")).await;
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["page"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// The numbers of the report by the keys of its group, and its as-of time.
    async fn observed(&self, query: &str, group: &str) -> (Observed, Instant) {
        let report = self.get(&format!("/reports/{query}group_by={group}")).await;
        let rows = report[if group.is_empty() { "totals" } else { "rows" }].as_array().unwrap();
        let observed = rows.iter().map(|row| {
            let value = match row.get("numerator") {
                Some(numerator) => format!("{numerator}/{}", row["denominator"]),
                None => row.get("value").map_or("-".into(), Value::to_string),
            };
            let keys: Vec<&str> =
                group.split(',').filter(|name| !name.is_empty()).map(|name| text(row, name)).collect();
            (format!("{} {}", keys.join("+"), text(row, "statistic")), value)
        });
        (observed.collect(), moment(&report, "as_of").unwrap())
    }

    fn case(&self, record: &Value) -> &Value {
        self.cases.iter().find(|case| case["id"] == record["case_id"]).unwrap()
    }
    /// The status of a case at this time.
    fn status_at(&self, case: &str, when: Instant) -> &str {
        self.steps[case].iter().rfind(|step| moment(step, "at").unwrap() < when).map_or("", |step| text(step, "to"))
    }

    async fn caseload(&self, from: Day, to: Day) {
        let (observed, now) = self.observed("caseload_current?", "status").await;
        let mut plain = Observed::new();
        for status in LOAD {
            let of: Vec<&Value> = self.cases.iter().filter(|case| case["status"] == status).collect();
            if !of.is_empty() {
                let weight = |case: &&Value| match text(case, "priority") {
                    "urgent" => 3,
                    "high" => 2,
                    _ => 1,
                };
                plain.insert(format!("{status} cases"), of.len().to_string());
                plain.insert(format!("{status} weighted"), of.iter().map(weight).sum::<i64>().to_string());
            }
        }
        assert_eq!(observed, plain);

        let (from_at, to_at) = (from.begins(&self.zone), to.begins(&self.zone));
        let is_in = |case: &str, when: Instant| LOAD.contains(&self.status_at(case, when));
        let moves = |into: bool| -> usize {
            self.steps
                .values()
                .flatten()
                .filter(|step| (from_at..to_at).contains(&moment(step, "at").unwrap()))
                .filter(|step| {
                    let (was, is) = (LOAD.contains(&text(step, "from")), LOAD.contains(&text(step, "to")));
                    if into { !was && is } else { was && !is }
                })
                .count()
        };
        let at_begin = self.steps.keys().filter(|case| is_in(case, from_at)).count();
        let at_end = self.steps.keys().filter(|case| is_in(case, to_at)).count();
        let plain = [("opening", at_begin), ("in", moves(true)), ("out", moves(false)), ("closing", at_end)];
        let plain: Observed = plain.into_iter().map(|(name, n)| (format!(" {name}"), n.to_string())).collect();
        assert_eq!(self.observed(&format!("caseload_flow?from={from}&to={to}&"), "").await.0, plain);
        assert_eq!(at_begin + moves(true) - moves(false), at_end);
        // The same number from the other measure.
        if to_at <= now {
            let then = self.observed(&format!("caseload_current?as_of={}&", to.plus_days(-1)), "").await.0;
            assert_eq!(then[" cases"], at_end.to_string());
        }

        let closed: Vec<i64> = self
            .steps
            .iter()
            .flat_map(|(case, steps)| {
                let opened =
                    moment(self.cases.iter().find(|known| text(known, "id") == case).unwrap(), "opened_at").unwrap();
                let closings = steps.iter().filter(|step| step["to"] == "closed").filter_map(|step| moment(step, "at"));
                closings
                    .filter(|at| (from_at..to_at).contains(at))
                    .map(move |at| (at.micros() - opened.micros()) / DAY)
                    .collect::<Vec<_>>()
            })
            .collect();
        let plain: Observed = [
            (" closed".into(), closed.len().to_string()),
            (" median".into(), quantile(closed.clone(), 50)),
            (" p90".into(), quantile(closed, 90)),
        ]
        .into();
        assert_eq!(self.observed(&format!("time_to_close?from={from}&to={to}&"), "").await.0, plain);

        let mut plain = BTreeMap::new();
        for step in self.steps.values().flatten().filter(|step| (from_at..to_at).contains(&moment(step, "at").unwrap()))
        {
            let decided = ["declined", "waitlisted"].contains(&text(step, "to"));
            for name in ["declined", "waitlisted"].into_iter().filter(|_| decided) {
                add(&mut plain, text(&step["given"], "reason_code"), name, step["to"] == name, true);
            }
        }
        assert_eq!(self.observed(&format!("unmet_need?from={from}&to={to}&"), "reason").await.0, counts(plain));
    }

    async fn contact(&self, from: Day, to: Day) {
        let period = from.begins(&self.zone)..to.begins(&self.zone);
        let opened: Vec<&Value> =
            self.cases.iter().filter(|case| period.contains(&moment(case, "opened_at").unwrap())).collect();
        let days: Vec<i64> = opened
            .iter()
            .filter_map(|case| {
                let reached = moment(case, "first_contact_at")?;
                Some((reached.micros() - moment(case, "opened_at").unwrap().micros()).max(0) / DAY)
            })
            .collect();
        let waiting = opened
            .iter()
            .filter(|case| {
                case.get("first_contact_at").is_none() && !["declined", "closed"].contains(&text(case, "status"))
            })
            .count();
        let plain: Observed = [
            (" reached".into(), days.len().to_string()),
            (" median".into(), quantile(days.clone(), 50)),
            (" p90".into(), quantile(days, 90)),
            (" waiting".into(), waiting.to_string()),
        ]
        .into();
        assert_eq!(self.observed(&format!("time_to_first_contact?from={from}&to={to}&"), "").await.0, plain);

        let (observed, now) = self.observed("contact_gap?", "").await;
        let active: Vec<&Value> = self.cases.iter().filter(|case| case["status"] == "active").collect();
        let gaps: Vec<i64> = active
            .iter()
            .filter_map(|case| self.contacts[text(case, "id")].iter().max())
            .map(|last| now.micros() - last.micros())
            .collect();
        let quiet = active.len() - gaps.iter().filter(|gap| **gap < 14 * DAY).count();
        let median = quantile(gaps.iter().map(|gap| gap / DAY).collect(), 50);
        assert_eq!(
            observed,
            [
                (" cases".into(), active.len().to_string()),
                (" quiet".into(), format!("{quiet}/{}", active.len())),
                (" median".into(), median)
            ]
            .into()
        );
    }

    async fn deadlines(&self, from: Day, to: Day) {
        let (observed, now) = self.observed("deadlines_due?", "source").await;
        let today = Day::of(now, &self.zone);
        let mut plain = BTreeMap::new();
        for deadline in self.deadlines.iter().filter(|deadline| {
            deadline["overdue"] == true || ["running", "pending_trigger"].contains(&text(deadline, "status"))
        }) {
            let (due, over, waits) = (
                date(deadline, "due_on").unwrap(),
                deadline["overdue"] == true,
                deadline["status"] == "pending_trigger",
            );
            let ahead = !over && !waits;
            for (name, holds) in [
                ("overdue", over),
                ("pending_trigger", waits),
                ("within_7_days", ahead && due < today.plus_days(7)),
                ("within_30_days", ahead && due >= today.plus_days(7) && due < today.plus_days(30)),
                ("later", ahead && due >= today.plus_days(30)),
            ] {
                add(&mut plain, text(deadline, "source"), name, holds, true);
            }
        }
        assert_eq!(observed, counts(plain));

        let mut plain = Observed::new();
        let due: Vec<&Value> =
            self.deadlines.iter().filter(|deadline| (from..to).contains(&date(deadline, "due_on").unwrap())).collect();
        let late = |deadline: &&&Value| {
            deadline["late_filing"] == true || date(deadline, "satisfied_on") > date(deadline, "due_on")
        };
        let met: Vec<&&Value> = due.iter().filter(|deadline| deadline["status"] == "satisfied").collect();
        let missed = due.iter().filter(|deadline| deadline["status"] == "missed").count();
        let too_late = met.iter().filter(|deadline| late(deadline)).count();
        plain.insert(" in_time".into(), format!("{}/{}", met.len() - too_late, met.len() + missed));
        plain.insert(" late".into(), too_late.to_string());
        plain.insert(" missed".into(), missed.to_string());
        assert_eq!(self.observed(&format!("deadline_compliance?from={from}&to={to}&"), "").await.0, plain);

        let mut plain = (BTreeMap::new(), BTreeMap::new());
        for task in self.tasks.iter().filter(|task| task["status"] == "open") {
            let over = date(task, "due_on").unwrap() < today;
            add(&mut plain.0, text(task, "assignee_id"), "overdue", over, true);
            add(&mut plain.1, text(task, "assignee_id"), "share", over, true);
        }
        let plain: Observed = counts(plain.0).into_iter().chain(shares(plain.1)).collect();
        assert_eq!(self.observed("overdue_followups?", "assignee").await.0, plain);
    }

    async fn barriers(&self, from: Day, to: Day) {
        let (observed, now) = self.observed("barriers_open?", "type,team").await;
        let mut plain = BTreeMap::new();
        for barrier in self.barriers.iter().filter(|barrier| barrier.get("resolved_at").is_none()) {
            add(
                &mut plain,
                &format!("{}+{}", text(barrier, "type"), text(self.case(barrier), "team_id")),
                "open",
                true,
                true,
            );
        }
        assert_eq!(observed, counts(plain));

        let period = from.begins(&self.zone)..to.begins(&self.zone);
        let mut plain = BTreeMap::new();
        for barrier in
            self.barriers.iter().filter(|barrier| moment(barrier, "resolved_at").is_some_and(|at| period.contains(&at)))
        {
            let (key, became) = (text(barrier, "severity"), text(barrier, "disposition"));
            add(
                &mut plain,
                key,
                "resolved",
                ["resolved_full", "resolved_partial", "workaround_found"].contains(&became),
                true,
            );
            add(&mut plain, key, "in_full", became == "resolved_full", true);
            add(&mut plain, key, "judged_by_client", barrier["judged_by"] == "client", true);
        }
        assert_eq!(
            self.observed(&format!("barrier_resolution?from={from}&to={to}&"), "severity").await.0,
            shares(plain)
        );

        let today = Day::of(now, &self.zone);
        let mut hit: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for barrier in self.barriers.iter().filter(|barrier| barrier.get("provider_id").is_some()) {
            let lately = match date(barrier, "occurred_on") {
                Some(on) => on > today.plus_days(-180) && on <= today,
                None => now.micros() - moment(barrier, "opened_at").unwrap().micros() < 180 * DAY,
            };
            if lately {
                hit.entry(text(barrier, "provider_id")).or_default().insert(text(self.case(barrier), "client_id"));
            }
        }
        let plain: Observed = hit
            .iter()
            .flat_map(|(provider, clients)| {
                [
                    (format!("{provider} clients"), clients.len().to_string()),
                    (format!("{provider} flagged"), i64::from(clients.len() > 2).to_string()),
                ]
            })
            .collect();
        assert_eq!(self.observed("provider_pattern?", "provider").await.0, plain);

        let mut plain = BTreeMap::new();
        for barrier in &self.barriers {
            let happened = match date(barrier, "occurred_on") {
                Some(on) => (from..to).contains(&on),
                None => period.contains(&moment(barrier, "opened_at").unwrap()),
            };
            for basis in barrier["bases"].as_array().unwrap().iter().filter(|_| happened) {
                add(&mut plain, basis.as_str().unwrap(), "barriers", true, true);
            }
        }
        assert_eq!(
            self.observed(&format!("discrimination_by_basis?from={from}&to={to}&"), "basis").await.0,
            counts(plain)
        );
    }

    async fn actions_and_meetings(&self, from: Day, to: Day) {
        let mut plain = (BTreeMap::new(), BTreeMap::new());
        for action in &self.actions {
            let decided =
                action["status"] == "decided" && date(action, "decided_on").is_some_and(|on| (from..to).contains(&on));
            let pending = ["filed", "in_progress"].contains(&text(action, "status"))
                && date(action, "filed_on").is_some_and(|on| on < to);
            let decision = text(action, "decision");
            if decided && decision != "withdrawn" || pending {
                add(
                    &mut plain.0,
                    text(action, "type"),
                    "succeeded",
                    ["granted", "partly_granted", "settled"].contains(&decision),
                    decided && decision != "withdrawn",
                );
                add(&mut plain.1, text(action, "type"), "pending", pending, true);
            }
        }
        let plain: Observed = shares(plain.0).into_iter().chain(counts(plain.1)).collect();
        assert_eq!(self.observed(&format!("action_success?from={from}&to={to}&"), "type").await.0, plain);

        let period = from.begins(&self.zone)..to.begins(&self.zone);
        let held: Vec<&Value> = self
            .meetings
            .iter()
            .filter(|meeting| meeting["status"] == "held" && period.contains(&moment(meeting, "starts_at").unwrap()))
            .collect();
        let ladder =
            ["non_instructed_representation", "advocate_spoke_as_instructed", "spoke_with_support", "spoke_for_self"];
        // For each client: the number of meetings, and the lowest rank at each moment.
        let mut voices: BTreeMap<&str, (usize, BTreeMap<Instant, usize>)> = BTreeMap::new();
        for meeting in &held {
            if let Some(rank) = ladder.iter().position(|step| meeting["who_spoke"] == *step) {
                let (meetings, ranks) = voices.entry(text(self.case(meeting), "client_id")).or_default();
                *meetings += 1;
                ranks
                    .entry(moment(meeting, "starts_at").unwrap())
                    .and_modify(|lowest| *lowest = rank.min(*lowest))
                    .or_insert(rank);
            }
        }
        let mut plain = BTreeMap::new();
        for name in ["more", "same", "less"] {
            add(&mut plain, "", name, true, false);
        }
        for (_, heard) in voices.values().filter(|(meetings, _)| *meetings > 1) {
            let (first, last) = (heard.values().next().unwrap(), heard.values().next_back().unwrap());
            for (name, holds) in [("more", last > first), ("same", last == first), ("less", last < first)] {
                add(&mut plain, "", name, holds, true);
            }
        }
        assert_eq!(self.observed(&format!("self_advocacy_shift?from={from}&to={to}&"), "").await.0, shares(plain));

        let mut plain = (0, 0, 0, 0);
        for meeting in held {
            let items: Vec<Value> = self.get(&format!("/meetings/{}/preparation", text(meeting, "id"))).await["items"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let mandatory: Vec<&Value> = items.iter().filter(|item| item["mandatory"] == true).collect();
            let done = mandatory.iter().filter(|item| item.get("done_at").is_some()).count();
            plain.0 += usize::from(!mandatory.is_empty() && done == mandatory.len());
            plain.1 += usize::from(!mandatory.is_empty());
            plain.2 += done;
            plain.3 += mandatory.len();
        }
        let (observed, _) = self.observed(&format!("meeting_prep?from={from}&to={to}&"), "").await;
        assert_eq!(
            observed,
            [
                (" prepared".into(), format!("{}/{}", plain.0, plain.1)),
                (" readiness".into(), format!("{}/{}", plain.2, plain.3))
            ]
            .into()
        );
    }

    async fn oversight(&self) {
        let (observed, now) = self.observed("supervision?", "team").await;
        let mut plain = BTreeMap::new();
        for case in self.cases.iter().filter(|case| !["closed", "declined"].contains(&text(case, "status"))) {
            let status = text(case, "status");
            let since = self.steps[text(case, "id")].last().and_then(|step| moment(step, "at")).unwrap();
            for (name, holds) in [
                ("open", true),
                ("unassigned", LOAD.contains(&status) && case.get("lead_advocate_id").is_none()),
                ("lead_gone", false),
                ("untriaged", status == "referred" && now.micros() - since.micros() > 7 * DAY),
                ("unsupervised", false),
            ] {
                add(&mut plain, text(case, "team_id"), name, holds, true);
            }
        }
        assert_eq!(observed, counts(plain));

        let mut plain = BTreeMap::new();
        for case in self.cases.iter().filter(|case| LOAD.contains(&text(case, "status"))) {
            add(&mut plain, "", "case_without_contact", case.get("first_contact_at").is_none(), true);
            add(&mut plain, "", "case_intake_other", case["intake_source"] == "other", true);
        }
        for barrier in self.barriers.iter().filter(|barrier| barrier.get("resolved_at").is_none()) {
            add(&mut plain, "", "barrier_without_provider", barrier.get("provider_id").is_none(), true);
            add(
                &mut plain,
                "",
                "barrier_without_service",
                barrier.get("service_type").is_none() && barrier.get("service_id").is_none(),
                true,
            );
            add(&mut plain, "", "barrier_type_other", barrier["type"] == "other", true);
        }
        for action in self.actions.iter().filter(|action| ["filed", "in_progress"].contains(&text(action, "status"))) {
            add(&mut plain, "", "action_without_scheme", action.get("scheme").is_none(), true);
        }
        assert_eq!(self.observed("data_quality?", "").await.0, shares(plain));
    }
}

/// The numbers of a row or a total: its numerator and denominator, or its value.
fn numbers(row: &Value) -> (i64, i64) {
    let of = |member: &str| row[member].as_i64();
    (of("numerator").or(of("value")).unwrap_or(0), of("denominator").unwrap_or(0))
}

impl ListedRecords<'_> {
    /// For every measure and every grouping: the totals equal those of the report without groups, and the sum of the
    /// rows, unless the definition says otherwise. Each month equals the report of that month alone.
    async fn totals(&self) {
        // A sum of medians, or of clients that are counted more than once, has no meaning.
        let is_no_sum = |id: &str, statistic: &str, group: &str| match (id, statistic) {
            (_, "median" | "p90") | ("provider_pattern", "clients") | ("self_advocacy_shift", _) => true,
            ("provider_pattern", "flagged") => group != "provider",
            ("discrimination_by_basis", _) => group == "basis",
            _ => false,
        };
        let mut checked = 0;
        for measure in self.get("/reports").await["items"].as_array().unwrap() {
            let (id, time) = (text(measure, "id"), text(measure, "time"));
            for group in measure["groups"].as_array().unwrap().iter().map(|group| text(group, "name")) {
                let by_time = ["month", "quarter"].contains(&group);
                let is_stock = by_time && time == "moment";
                let period = if time == "period" || by_time { "from=2026-03-10&to=2026-08-20&" } else { "" };
                let report = self.get(&format!("/reports/{id}?{period}group_by={group}")).await;
                let as_of = match time {
                    "now" => String::new(),
                    _ => format!("as_of={}&", text(&report, "as_of")),
                };
                let alone = if time == "period" { period } else { "" };
                let whole = self.get(&format!("/reports/{id}?{alone}{as_of}group_by=")).await;
                assert_eq!(report["totals"], whole["totals"], "{id} by {group}");
                let rows = report["rows"].as_array().unwrap();
                for total in report["totals"].as_array().unwrap() {
                    let statistic = text(total, "statistic");
                    let of: Vec<(i64, i64)> =
                        rows.iter().filter(|row| row["statistic"] == statistic).map(numbers).collect();
                    let sum = of.iter().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
                    let due = match (id, statistic) {
                        _ if is_stock => *of.last().unwrap(),
                        ("caseload_flow", "opening") if by_time => of[0],
                        ("caseload_flow", "closing") if by_time => *of.last().unwrap(),
                        ("action_success", "pending") if by_time => {
                            assert!(
                                rows.iter()
                                    .filter(|row| row["statistic"] == "pending")
                                    .all(|row| row.get("value").is_none())
                            );
                            continue;
                        }
                        _ if is_no_sum(id, statistic, group) => continue,
                        _ => sum,
                    };
                    assert_eq!(due, numbers(total), "{id} {statistic} by {group}");
                    checked += 1;
                }
                if group != "month" {
                    continue;
                }
                let days = [
                    ("2026-03", "2026-03-10", "2026-04-01"),
                    ("2026-05", "2026-05-01", "2026-06-01"),
                    ("2026-08", "2026-08-01", "2026-08-20"),
                ];
                for (key, from, to) in days {
                    let alone = match is_stock {
                        true => format!("as_of={}", day(to).plus_days(-1)),
                        false => format!("from={from}&to={to}&as_of={}", text(&report, "as_of")),
                    };
                    let alone = self.get(&format!("/reports/{id}?{alone}&group_by=")).await;
                    let of: Vec<&Value> = rows.iter().filter(|row| row["month"] == key).collect();
                    for (row, total) in of.iter().zip(alone["totals"].as_array().unwrap()) {
                        assert!(
                            row["statistic"] == total["statistic"]
                                && (row["value"] == total["value"] || row["statistic"] == "pending"),
                            "{id} {row} {total}"
                        );
                        assert!(
                            row["numerator"] == total["numerator"] && row["denominator"] == total["denominator"],
                            "{id} {row} {total}"
                        );
                    }
                    assert_eq!(of.len(), alone["totals"].as_array().unwrap().len(), "{id} {key}");
                }
            }
        }
        assert!(checked > 100, "{checked}");
    }
}

/// Over the last quarter, over the two years of the demo data, and over an arbitrary period.
async fn recounted(engine: Engine) {
    let server = TestServer::start(engine).await;
    for (seed, cases) in [(1, 200), (7, 60), (4711, 25)] {
        let books = ListedRecords::open(&server, seed, cases).await;
        let today = Day::today(&books.zone);
        let odd = i32::try_from(seed % 97).unwrap();
        for (from, to) in [(-90, 1), (-900, 1), (-400 - odd, -100 + odd)] {
            let (from, to) = (today.plus_days(from), today.plus_days(to));
            books.caseload(from, to).await;
            books.contact(from, to).await;
            books.deadlines(from, to).await;
            books.barriers(from, to).await;
            books.actions_and_meetings(from, to).await;
        }
        books.oversight().await;
        if seed == 7 {
            books.totals().await;
        }
    }
}

mod sqlite {
    #[actix_web::test]
    async fn every_measure_equals_a_simple_count_of_the_records() {
        super::recounted(super::Engine::Sqlite).await;
    }
}
mod postgres {
    #[actix_web::test]
    async fn every_measure_equals_a_simple_count_of_the_records() {
        super::recounted(super::Engine::Postgres).await;
    }
}
