//! The demo data: work for every user who can sign in, and every record as the product itself would have created it.

use crate::support::{
    TestServer,
    conforms::DOC,
    database::Engine,
    db_options,
    history_fixtures::{at, day},
    operator,
};
use alongside::{
    auth::{Role, policy},
    db::{Db, Options, Use},
    demo::{self, GeneratedDemo, Plan},
    types::{Day, Instant, Zone},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fills the database of the test. The passwords are numbered, so that two runs can be compared.
pub fn fill(server: &TestServer, cases: u32, teams: u32, seed: u64) -> GeneratedDemo {
    let options = Options { connections: 2, readers: 2, purpose: Use::Loading, ..db_options(&server.database.url) };
    let operator = operator();
    let mut count = 0;
    let secret = move || {
        count += 1;
        Ok(format!("eleven quiet lanterns {count}"))
    };
    let fill = || {
        let db = Db::open(&options).unwrap();
        let made = demo::fill(&db, &operator, &Plan { teams: Some(teams), ..Plan::new(cases, seed) }, secret).unwrap();
        demo::build_report_facts(&db, &made).unwrap();
        made
    };
    std::thread::scope(|threads| threads.spawn(fill).join().unwrap())
}

/// A demo user who has signed in.
pub struct SignedInUser<'s> {
    server: &'s TestServer,
    pub role: Role,
    token: String,
}

impl<'s> SignedInUser<'s> {
    pub async fn sign_in(server: &'s TestServer, role: Role, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password});
        let token = server.anyone("POST", "/api/v1/auth/login", Some(body)).await.expect(200).body["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { server, role, token }
    }
    async fn send(&self, method: &str, path: &str, status: u16) -> Value {
        let full = if path.starts_with("/api/") { path.to_owned() } else { format!("/api/v1{path}") };
        self.server.send(Some(&self.token), method, &full, &[], None).await.expect(status).body
    }
    pub async fn status(&self, path: &str) -> u16 {
        self.server.send(Some(&self.token), "GET", &format!("/api/v1{path}"), &[], None).await.status
    }
    pub async fn get(&self, path: &str) -> Value {
        self.send("GET", path, 200).await
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
}

pub async fn sign_in_all<'s>(server: &'s TestServer, made: &GeneratedDemo) -> Vec<SignedInUser<'s>> {
    let mut all = Vec::new();
    for sign_in in &made.sign_ins {
        all.push(SignedInUser::sign_in(server, sign_in.role, &sign_in.email, &sign_in.password).await);
    }
    all
}
fn moment(value: &Value) -> Instant {
    at(value.as_str().unwrap())
}
fn of<'v>(records: &'v [Value], member: &str, value: &Value) -> Vec<&'v Value> {
    records.iter().filter(|record| record[member] == *value).collect()
}
/// Whether a period is on a weekday from 8:00 to 17:00 in the time zone.
fn in_office_hours(from: Instant, to: Instant, zone: &Zone) -> bool {
    let day = Day::of(from, zone);
    let opens = day.begins(zone);
    (day.epoch_day() + 3).rem_euclid(7) < 5
        && from >= opens.plus_seconds(8 * 3600)
        && to <= opens.plus_seconds(17 * 3600)
        && from < to
}

/// Every list of the OpenAPI document that needs no id, read by every user who may read it. Each response is checked
/// against the document.
async fn everybody_reads_every_list(people: &[SignedInUser<'_>]) {
    let mut read = 0;
    for (path, item) in DOC["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get").filter(|_| !path.contains('{')) else { continue };
        let Some(permission) = operation["x-permission"].as_str() else { continue };
        let (roles, _) = policy::roles(permission).unwrap();
        let question = if path.ends_with("/search") { "?q=medication" } else { "" };
        for who in people.iter().filter(|who| roles.contains(&who.role)) {
            who.get(&format!("{path}{question}")).await;
            read += 1;
        }
    }
    assert!(read > 60, "{read} lists were read");
}

/// Every user who can sign in finds work.
async fn everybody_finds_something(people: &[SignedInUser<'_>]) {
    let [_, supervisor, ana, ben, sam, _] = people else { panic!("six people sign in") };
    let (hers, his) = (ana.list("/cases").await, ben.list("/cases").await);
    assert!(hers.len() >= 3 && !his.is_empty(), "{} and {}", hers.len(), his.len());
    let offer = &ben.get("/me/agenda").await["handovers"][0];
    let offer = ben.get(&format!("/handovers/{}", offer["id"].as_str().unwrap())).await;
    assert_eq!((&offer["status"], &offer["from_user_id"]), (&json!("offered"), &ana.get("/me").await["id"]));
    let whole = ana.get(&format!("/handovers/{}", offer["id"].as_str().unwrap())).await;
    for (kind, path) in
        [("deadlines", "deadlines"), ("meetings", "meetings"), ("tasks", "tasks"), ("commitments", "commitments")]
    {
        for item in whole["open_work"][kind].as_array().unwrap() {
            let record = ana.get(&format!("/{path}/{}", item["id"].as_str().unwrap())).await;
            assert!(
                ["running", "booked", "open"].contains(&record["status"].as_str().unwrap())
                    || record["overdue"] == true,
                "{record:#}"
            );
        }
    }
    for status in ["closing", "triage", "referred"] {
        assert!(!supervisor.list(&format!("/cases?status={status}")).await.is_empty(), "no case is {status}");
    }
    let quiet = supervisor.get("/me/agenda").await;
    assert!(quiet["quiet_cases"].as_array().unwrap().iter().any(|case| case["reason"] == "no_lead"));
    let own = sam.list("/me/cases").await;
    assert_eq!(own.len(), 1);
    let statements = sam.list("/me/statements").await;
    let statuses: BTreeSet<&str> = statements.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, BTreeSet::from(["approved", "draft"]));
}

/// The rules that the stores enforce, for every record of the demo.
async fn every_record_keeps_the_rules(supervisor: &SignedInUser<'_>, auditor: &SignedInUser<'_>) {
    let zone = Zone::parse("America/Chicago").unwrap();
    let (now, today) = (Instant::now(), Day::today(&zone));
    let cases = supervisor.list("/cases").await;
    let (barriers, actions, deadlines) =
        (supervisor.list("/barriers").await, supervisor.list("/actions").await, supervisor.list("/deadlines").await);
    let (meetings, tasks) = (supervisor.list("/meetings").await, supervisor.list("/tasks").await);
    for case in &cases {
        let id = case["id"].as_str().unwrap();
        let notes = supervisor.list(&format!("/cases/{id}/notes")).await;
        let mistake = case["status"] == "entered_in_error";
        let work = [&barriers, &actions, &deadlines, &meetings, &tasks]
            .into_iter()
            .map(|all| of(all, "case_id", &case["id"]).len())
            .sum::<usize>();
        assert!(!mistake || work + notes.len() == 0, "{id} was entered in error, and somebody has worked on it");
        let reached: Vec<Instant> = notes
            .iter()
            .filter(|note| note["kind"] == "contact" && note["successful"] == true)
            .map(|note| moment(&note["occurred_at"]))
            .collect();
        assert_eq!(case.get("first_contact_at").map(moment), reached.iter().min().copied(), "{id}");
        for note in &notes {
            assert!(moment(&note["occurred_at"]) <= moment(&note["created_at"]), "{note:#}");
            assert!(
                moment(&note["created_at"]) <= now && moment(&note["occurred_at"]) >= moment(&case["opened_at"]),
                "{note:#}"
            );
        }
        let assigned = supervisor.list(&format!("/cases/{id}/assignments?current=true")).await;
        let leads: Vec<&Value> = of(&assigned, "role", &json!("lead")).into_iter().map(|one| &one["user_id"]).collect();
        assert_eq!(leads, case.get("lead_advocate_id").into_iter().collect::<Vec<_>>(), "{id}");
        let disposed = of(&barriers, "case_id", &case["id"]).iter().all(|barrier| barrier.get("disposition").is_some());
        let settled = of(&deadlines, "case_id", &case["id"])
            .iter()
            .all(|deadline| !["running", "pending_trigger"].contains(&deadline["status"].as_str().unwrap()));
        if ["closing", "closed"].contains(&case["status"].as_str().unwrap()) {
            assert!(disposed && settled, "{id} is {}, and something in it is open", case["status"]);
        }
    }
    for action in &actions {
        let (filed, decided) = (action["filed_on"].as_str().map(day), action["decided_on"].as_str().map(day));
        assert!(
            filed.is_none_or(|on| on <= today.plus_days(1))
                && filed.zip(decided).is_none_or(|(filed, decided)| filed <= decided),
            "{action:#}"
        );
        assert_eq!(
            (action["status"] == "decided", action["status"] == "draft"),
            (decided.is_some(), filed.is_none()),
            "{action:#}"
        );
    }
    let (mut with, mut held) = (0, 0);
    for meeting in &meetings {
        let (starts, ends) = (moment(&meeting["starts_at"]), moment(&meeting["ends_at"]));
        assert!(in_office_hours(starts, ends, &zone), "{meeting:#}");
        assert!(moment(&meeting["created_at"]) <= starts, "{meeting:#}");
        assert_eq!(meeting["status"] == "booked", starts > now, "{meeting:#}");
        let items = supervisor.get(&format!("/meetings/{}/preparation", meeting["id"].as_str().unwrap())).await;
        let mandatory = of(items["items"].as_array().unwrap(), "mandatory", &json!(true));
        let done = mandatory.iter().filter(|item| item.get("done_at").is_some()).count();
        assert_eq!(
            (&meeting["readiness"]["mandatory"], &meeting["readiness"]["done"]),
            (&json!(mandatory.len()), &json!(done))
        );
        let template = supervisor.get(&format!("/preparation-templates/{}", meeting["type"].as_str().unwrap())).await;
        let texts =
            |items: &Value| items.as_array().unwrap().iter().map(|item| item["text"].clone()).collect::<Vec<_>>();
        assert_eq!(texts(&items["items"]), texts(&template["items"]));
        for item in items["items"].as_array().unwrap() {
            assert!(item.get("done_at").is_none_or(|done| moment(done) <= now.min(starts)), "{item:#}");
        }
        with += usize::from(!mandatory.is_empty());
        held += usize::from(meeting["status"] == "held");
    }
    assert!(
        with == meetings.len() && held > 20,
        "{with} of {} meetings have a checklist, {held} were held",
        meetings.len()
    );
    let prepared = supervisor
        .get(&format!("/reports/meeting_prep?from={}&to={}&group_by=", today.plus_days(-800), today.plus_days(1)))
        .await;
    assert_eq!(prepared["totals"][0]["denominator"], json!(held), "{prepared:#}");
    assert!(prepared["totals"][0]["numerator"].as_i64().unwrap() > 0);
    assert_eq!(auditor.send("POST", "/audit-events/verification", 200).await["verified"], true);
}

/// No user has signed in yet, so every record is from the demo.
fn demo_makes_the_kinds_that_declare_it(server: &TestServer) {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let mut wrong = Vec::new();
    for kind in alongside::overview::kinds::ALL {
        let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {}", kind.table));
        let count: Count = diesel::RunQueryDsl::get_result(query, &mut server.database.open()).unwrap();
        let declared = kind.demo == alongside::records::kind::Included::Yes;
        if (count.count > 0) != declared {
            wrong.push(format!("{}: {} rows, declared {declared}", kind.table, count.count));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn a_demonstration(engine: Engine) {
    let server = TestServer::start(engine).await;
    let made = fill(&server, 60, 2, 1);
    demo_makes_the_kinds_that_declare_it(&server);
    let roles: Vec<Role> = made.sign_ins.iter().map(|sign_in| sign_in.role).collect();
    assert_eq!(roles, [Role::Admin, Role::Supervisor, Role::Advocate, Role::Advocate, Role::Client, Role::Auditor]);
    let people = sign_in_all(&server, &made).await;
    everybody_finds_something(&people).await;
    everybody_reads_every_list(&people).await;
    every_record_keeps_the_rules(&people[1], &people[5]).await;
}

/// The same seed generates the same records on both engines; another seed generates others.
#[actix_web::test]
async fn same_seed_generates_the_same_demo_records_on_sqlite_and_postgres() {
    let mut seen = Vec::new();
    for (engine, seed) in [(Engine::Sqlite, 7), (Engine::Sqlite, 7), (Engine::Postgres, 7), (Engine::Sqlite, 8)] {
        let server = TestServer::start(engine).await;
        let made = fill(&server, 25, 2, seed);
        let people = sign_in_all(&server, &made).await;
        let mut records = Vec::new();
        for path in ["/cases", "/meetings", "/tasks", "/barriers", "/actions", "/deadlines", "/handovers"] {
            records.push(people[1].list(path).await);
        }
        records.push(people[4].list("/me/statements").await);
        seen.push(json!(records).to_string());
    }
    assert!(seen[0] == seen[1] && seen[0] == seen[2] && seen[0] != seen[3]);
}

#[actix_web::test]
async fn demo_data_works_with_few_or_no_cases() {
    let server = TestServer::start(Engine::Sqlite).await;
    for (cases, seed) in [(0, 1), (1, 2), (7, 3), (8, 4)] {
        let made = fill(&server, cases, 2, seed);
        let people = sign_in_all(&server, &made).await;
        assert_eq!(people[1].list("/cases").await.len(), cases as usize);
    }
}

mod sqlite {
    #[actix_web::test]
    async fn demo_gives_each_user_work_and_only_valid_records() {
        super::a_demonstration(super::Engine::Sqlite).await;
    }
}
mod postgres {
    #[actix_web::test]
    async fn demo_gives_each_user_work_and_only_valid_records() {
        super::a_demonstration(super::Engine::Postgres).await;
    }
}
