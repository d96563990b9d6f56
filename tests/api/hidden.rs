//! A hidden record and one that does not exist (AZ-12): the same statements run for both, and both responses are sent
//! in the same time steps.

use crate::{
    break_glass::CaseWithRecords,
    on_both_engines,
    support::{
        TestServer, User,
        database::{Engine, TestDatabase},
    },
};
use alongside::auth::Role;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use serde_json::Value;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// All statements on the connections to [`DATABASE`], without the values.
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The name of the database that this test listens to. The other tests of the process have databases of their own.
static DATABASE: Mutex<String> = Mutex::new(String::new());

/// One connection: whether it is to that database.
#[derive(Default)]
struct Listener(bool);
impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                let database = DATABASE.lock().unwrap();
                self.0 = !database.is_empty() && url.contains(&*database);
            }
            InstrumentationEvent::StartQuery { query, .. } if self.0 => {
                let words = query.to_string();
                STATEMENTS.lock().unwrap().push(words.split(" -- binds").next().unwrap().to_owned());
            }
            _ => {}
        }
    }
}

/// Sends a request whose path contains this id. Returns the statements that the database received for it.
async fn statements(who: &User<'_>, method: &str, path: &str, id: &str, body: Option<&Value>) -> Vec<String> {
    STATEMENTS.lock().unwrap().clear();
    let reply = who.send(method, path, &[("if-match", "*")], body.cloned()).await;
    assert_eq!(reply.status, 404, "{method} {path}: {:#}", reply.body);
    let asked = std::mem::take(&mut *STATEMENTS.lock().unwrap());
    // The setup of a new connection is not part of the request.
    let asked = asked
        .into_iter()
        .filter(|words| !["PRAGMA", "set_config", "statement_timeout"].iter().any(|set| words.contains(set)));
    // Two threads take part, the reader and the audit queue, in any order.
    let mut asked: Vec<String> = asked.map(|words| words.replace(id, "ID")).collect();
    asked.sort();
    asked
}

/// The id in a path.
fn id_in(path: &str) -> &str {
    path.split(['/', '?']).find(|part| part.len() == 36).unwrap()
}

#[actix_web::test]
async fn hidden_and_missing_records_run_the_same_statements_on_sqlite_and_postgres() {
    diesel::connection::set_default_instrumentation(|| Some(Box::new(Listener::default()))).unwrap();
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let database = TestDatabase::make(engine);
        *DATABASE.lock().unwrap() = database.name();
        let server = TestServer::start_at(database, engine).await;
        let (ana, supervisor) = (server.user(Role::Advocate), server.user(Role::Supervisor));
        let work = CaseWithRecords::make(&ana, &supervisor, &server.user(Role::Advocate)).await;
        let south = server.new_team("South side");
        for who in [
            server.user_in(&server.org, &[south], Role::Supervisor),
            server.user_in(&server.org, &[south], Role::Advocate),
            server.user_of_other_org(Role::Supervisor),
        ] {
            let shown = work.shown.iter().map(|path| ("GET", path.clone(), None));
            let changed = work.changes.iter().map(|(method, path, body)| (*method, path.clone(), Some(body.clone())));
            let mut compared = 0;
            for (method, path, body) in shown.chain(changed) {
                let (hidden, none) = (id_in(&path).to_owned(), TestServer::unknown_id());
                let missing = path.replace(&hidden, &none);
                // Uses a role that may do this at all, and sends the request once before, so that no statement is
                // prepared in between.
                if who.send(method, &path, &[("if-match", "*")], body.clone()).await.status == 403 {
                    continue;
                }
                let of_hidden = statements(&who, method, &path, &hidden, body.as_ref()).await;
                let of_none = statements(&who, method, &missing, &none, body.as_ref()).await;
                assert!(of_hidden.len() >= 3, "{of_hidden:?}");
                assert_eq!(of_hidden, of_none, "{engine:?} {:?} {method} {path}", who.actor.role);
                compared += 1;
            }
            assert!(compared > 30, "{compared}");
        }
    }
}

on_both_engines! {
    not_found_responses_take_at_least_ten_milliseconds,
}

async fn not_found_responses_take_at_least_ten_milliseconds(server: &TestServer) {
    let kim = server.user(Role::Supervisor);
    let path = format!("/cases/{}", TestServer::unknown_id());
    for _ in 0..20 {
        let began = Instant::now();
        kim.get(&path).await.expect(404);
        assert!(began.elapsed() >= Duration::from_millis(10), "{:?}", began.elapsed());
    }
}
