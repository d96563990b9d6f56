//! A database that stalls, is read-only, or does not wait for its disk: what the caller learns, and that nothing
//! acknowledged is lost and nothing is done twice.

use crate::{
    logs, on_both_engines,
    support::{
        Reply, TestServer,
        database::{Engine, TestDatabase},
        db_options,
    },
};
use alongside::{
    auth::Role,
    db::{Conn, Db, Url, Use},
    types::Id,
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// Ten seconds, plus a margin for a machine that runs other tests too.
const BUSY: Duration = Duration::from_secs(15);

/// The point where the proxy stops the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nothing reaches the database from the first statement with the mark on.
    BeforeTheStatement,
    /// Nothing reaches the database from the COMMIT after the mark on.
    BeforeTheCommit,
    /// The COMMIT after the mark reaches the database, but its answer is lost.
    AfterTheCommit,
}

#[derive(Default)]
struct State {
    /// The mark to wait for, and where to stop then.
    armed: Option<(Vec<u8>, Stop)>,
    requests_stopped: bool,
    answers_stopped: bool,
    open: Vec<TcpStream>,
}

/// A proxy between the server and PostgreSQL. At a given point it freezes like a stopped database: connections stay
/// open, and nothing comes back.
#[derive(Clone)]
struct Proxy {
    state: Arc<(Mutex<State>, Condvar)>,
    port: u16,
}

impl Proxy {
    fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { state: Arc::default(), port: listener.local_addr().unwrap().port() };
        let started = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&target).unwrap());
                started.state.0.lock().unwrap().open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (asks, answers) = (started.clone(), started.clone());
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || asks.pump(from, to, true));
                std::thread::spawn(move || answers.pump(server, client, false));
            }
        });
        proxy
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_request: bool) {
        let (mut bytes, mut marked) = ([0; 65_536], false);
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let passing = &bytes[..read];
            let (state, changed) = &*self.state;
            let mut state = state.lock().unwrap();
            if is_request && let Some((mark, stop)) = state.armed.clone() {
                let holds = |words: &[u8]| passing.windows(words.len()).any(|part| part == words);
                marked |= holds(&mark);
                if marked && (stop == Stop::BeforeTheStatement || holds(b"COMMIT")) {
                    state.armed = None;
                    (state.requests_stopped, state.answers_stopped) = (stop != Stop::AfterTheCommit, true);
                }
            }
            drop(
                changed
                    .wait_while(state, |state| if is_request { state.requests_stopped } else { state.answers_stopped })
                    .unwrap(),
            );
            if to.write_all(passing).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn arm(&self, mark: &str, stop: Stop) {
        self.state.0.lock().unwrap().armed = Some((mark.as_bytes().to_vec(), stop));
    }

    /// Resumes all stopped traffic, or breaks every connection like a database that restarts.
    fn thaw(&self, breaks: bool) {
        let mut state = self.state.0.lock().unwrap();
        if breaks {
            for stream in state.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        (state.requests_stopped, state.answers_stopped) = (false, false);
        self.state.1.notify_all();
    }

    /// Breaks its connections as soon as it has stopped the answers.
    async fn breaks_once_frozen(&self) {
        while !self.is_frozen() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.thaw(true);
    }

    fn is_frozen(&self) -> bool {
        self.state.0.lock().unwrap().answers_stopped
    }
}

/// A test server on PostgreSQL that connects through a proxy.
async fn behind_a_proxy() -> (TestServer, Proxy) {
    let mut database = TestDatabase::make(Engine::Postgres);
    let (start, place) = database.url.split_once('@').unwrap();
    let (target, rest) = place.split_once('/').unwrap();
    let proxy = Proxy::start(target.to_owned());
    database.url = format!("{start}@127.0.0.1:{}/{rest}", proxy.port);
    (TestServer::start_at(database, Engine::Postgres).await, proxy)
}

fn named(server: &TestServer, name: &str) -> i64 {
    use alongside::db::schema::clients::dsl::*;
    clients.filter(preferred_name.eq(name)).count().get_result(&mut server.database.open()).unwrap()
}

/// Repeats the request until it gets this status, for at most half a minute.
async fn soon(status: u16, mut ask: impl AsyncFnMut() -> Reply) -> Reply {
    let began = Instant::now();
    loop {
        let reply = ask().await;
        if reply.status == status {
            return reply;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{reply:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_unavailable(reply: Reply) -> Reply {
    let reply = reply.expect(503);
    assert!(!reply.header("retry-after").is_empty());
    reply
}

/// Sends a write during which the database stalls and then breaks or resumes, and repeats it with its key.
async fn stalled(stop: Stop, breaks: bool, code: &str, stored: i64) {
    let (server, proxy) = behind_a_proxy().await;
    let ana = server.user(Role::Advocate);
    let (key, new) = ([("idempotency-key", "once")], json!({"preferred_name": "Zqmark"}));
    let send = || ana.send("POST", "/clients", &key, Some(new.clone()));
    proxy.arm("Zqmark", stop);
    let began = Instant::now();
    let reply = is_unavailable(send().await);
    let took = began.elapsed();
    assert!(proxy.is_frozen() && took > Duration::from_secs(9) && took < BUSY, "{took:?}");
    assert_eq!(reply.body["code"], code);
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(
        detail.contains(if code == "outcome_unknown" { "same Idempotency-Key" } else { "nothing was stored" }),
        "{detail}"
    );
    assert_eq!(named(&server, "Zqmark"), stored);
    proxy.thaw(breaks);
    let again = soon(201, send).await;
    assert_eq!(
        again.header("idempotency-replayed"),
        if stored == 1 || !breaks && stop == Stop::BeforeTheCommit { "true" } else { "" }
    );
    assert_eq!(named(&server, "Zqmark"), 1, "it is done once");
    // All connections of the pool are back: more requests than the pool has connections.
    let many =
        futures_util::future::join_all((0..12).map(|_| ana.post("/clients", json!({"preferred_name": "Kim"})))).await;
    assert!(many.iter().all(|reply| reply.status == 201));
    soon(200, async || server.anyone("GET", "/readyz", None).await).await;
}

#[actix_web::test]
async fn write_that_stalls_before_commit_is_abandoned_and_not_stored_on_postgres() {
    stalled(Stop::BeforeTheStatement, false, "unavailable", 0).await;
}

#[actix_web::test]
async fn stall_after_commit_is_outcome_unknown_and_retry_is_a_replay_on_postgres() {
    stalled(Stop::AfterTheCommit, false, "outcome_unknown", 1).await;
}

#[actix_web::test]
async fn retry_finds_a_commit_that_arrived_late_on_postgres() {
    stalled(Stop::BeforeTheCommit, false, "outcome_unknown", 0).await;
}

#[actix_web::test]
async fn retry_executes_a_commit_that_never_arrived_on_postgres() {
    stalled(Stop::BeforeTheCommit, true, "outcome_unknown", 0).await;
}

/// The connection breaks while the server waits for the answer to COMMIT.
#[actix_web::test]
async fn connection_lost_during_commit_is_outcome_unknown_on_postgres() {
    let (server, proxy) = behind_a_proxy().await;
    let ana = server.user(Role::Advocate);
    let send =
        || ana.send("POST", "/clients", &[("idempotency-key", "once")], Some(json!({"preferred_name": "Zqmark"})));
    proxy.arm("Zqmark", Stop::AfterTheCommit);
    let (reply, ()) = tokio::join!(send(), proxy.breaks_once_frozen());
    assert_eq!(is_unavailable(reply).body["code"], "outcome_unknown");
    assert_eq!(soon(201, send).await.header("idempotency-replayed"), "true");
    assert_eq!(named(&server, "Zqmark"), 1);
}

/// A retry finds the stored result and sends no e-mail. So the server sends the e-mail although the outcome is not known
/// yet.
#[actix_web::test]
async fn change_with_unknown_outcome_still_sends_its_mail_on_postgres() {
    let (server, proxy) = behind_a_proxy().await;
    let admin = server.user(Role::Admin);
    let body = json!({
        "email": "zqmark@example.org", "display_name": "Zqmark", "role": "advocate", "team_ids": [server.team.to_string()],
    });
    let send = || admin.send("POST", "/invitations", &[("idempotency-key", "once")], Some(body.clone()));
    proxy.arm("zqmark@example.org", Stop::AfterTheCommit);
    let (reply, ()) = tokio::join!(send(), proxy.breaks_once_frozen());
    assert_eq!(is_unavailable(reply).body["code"], "outcome_unknown");
    assert_eq!(soon(201, send).await.header("idempotency-replayed"), "true");
    assert_eq!(server.emails("zqmark@example.org", 1).await.len(), 1);
}

/// SQLite stalls while another process locks the file.
#[actix_web::test]
async fn write_to_a_locked_sqlite_file_is_abandoned_and_not_stored() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ana = server.user(Role::Advocate);
    let send =
        || ana.send("POST", "/clients", &[("idempotency-key", "once")], Some(json!({"preferred_name": "Zqmark"})));
    let mut holder = server.database.open();
    holder.batch_execute("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let reply = is_unavailable(send().await);
    assert!(began.elapsed() < BUSY, "{:?}", began.elapsed());
    assert!(reply.body["detail"].as_str().unwrap().contains("nothing was stored"), "{:#}", reply.body);
    holder.batch_execute("ROLLBACK").unwrap();
    let done = soon(201, send).await;
    assert_eq!(done.header("idempotency-replayed"), "");
    assert_eq!(send().await.expect(201).header("idempotency-replayed"), "true");
    assert_eq!(named(&server, "Zqmark"), 1);
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

/// The text result of a query on PostgreSQL.
fn ask(conn: &mut Conn, sql: &str) -> String {
    let Conn::Pg(conn) = conn else { panic!("this is PostgreSQL") };
    diesel::sql_query(format!("SELECT ({sql})::text AS text")).get_result::<Text>(conn).unwrap().text
}

/// An acknowledged write is on the disk, whatever the database's settings: the flushed position of the write-ahead log
/// is compared with the position at which the write ended.
#[actix_web::test]
async fn acknowledged_write_is_durable_despite_asynchronous_commit_setting_on_postgres() {
    for usual in ["off", "local", "remote_write"] {
        let database = TestDatabase::make(Engine::Postgres);
        let name = database.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
        database.open().batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = {usual}")).unwrap();
        let url = Url::parse(&database.url).unwrap();
        let mut conn = Conn::open(&url, Use::Writing).unwrap();
        assert_eq!(ask(&mut conn, "current_setting('synchronous_commit')"), usual);
        conn.batch_execute("CREATE TABLE words (word TEXT)").unwrap();
        for _ in 0..20 {
            conn.begin_write(Id::NIL).unwrap();
            conn.batch_execute("INSERT INTO words VALUES ('word')").unwrap();
            let end = ask(&mut conn, "pg_current_wal_insert_lsn()");
            conn.commit_durably().unwrap();
            let there = ask(&mut conn, &format!("pg_current_wal_flush_lsn() >= '{end}'"));
            assert_eq!(there, "true", "synchronous_commit = {usual}");
        }
        // The same for a write through `Db`.
        let db = Db::open(&db_options(&database.url)).unwrap();
        for _ in 0..20 {
            let end = db
                .maintain(|conn| {
                    conn.batch_execute("SELECT pg_logical_emit_message(TRUE, 'test', 'word')")?;
                    Ok(ask(conn, "pg_current_wal_insert_lsn()"))
                })
                .await
                .unwrap();
            assert_eq!(
                ask(&mut conn, &format!("pg_current_wal_flush_lsn() >= '{end}'")),
                "true",
                "synchronous_commit = {usual}"
            );
        }
    }
}

/// A stricter setting than `on` stays: a standby that answers reads has applied the acknowledged writes.
#[test]
fn durable_commit_raises_weaker_settings_and_keeps_stricter_ones_on_postgres() {
    let database = TestDatabase::make(Engine::Postgres);
    let mut conn = database.open();
    for (usual, set) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")]
    {
        conn.batch_execute(&format!("SET synchronous_commit = {usual}")).unwrap();
        // The setting that is in force until the end of the transaction.
        conn.batch_execute("BEGIN").unwrap();
        conn.batch_execute(Conn::FLUSH).unwrap();
        assert_eq!(ask(&mut conn, "current_setting('synchronous_commit')"), set, "{usual}");
        conn.batch_execute("ROLLBACK").unwrap();
        assert_eq!(ask(&mut conn, "current_setting('synchronous_commit')"), usual, "for its own transaction alone");
        conn.batch_execute(Conn::FLUSH).unwrap();
        assert_eq!(ask(&mut conn, "current_setting('synchronous_commit')"), usual);
    }
}

/// The real program on a database that becomes read-only, like a demoted primary, and then writable again.
#[actix_web::test]
async fn read_only_postgres_fails_readiness_and_recovers_without_restart() {
    let server = TestServer::start(Engine::Postgres).await;
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    let (_program, base, _) = logs::start(&server).await;
    let name = server.database.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let mut past = server.database.open(); // stays writable
    let mut set = |words: &str| {
        past.batch_execute(&format!("ALTER DATABASE {name} {words}")).unwrap();
        past.batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> \
             pg_backend_pid()",
        )
        .unwrap();
    };
    let status = async |method: &str, path: &str, body: Option<serde_json::Value>| {
        let mut request =
            server.http.request(method.parse().unwrap(), format!("{base}{path}")).bearer_auth(ana.token());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let reply = request.send().await.unwrap();
        let after = reply.headers().contains_key("retry-after");
        (reply.status().as_u16(), after, reply.json::<serde_json::Value>().await.unwrap_or_default()["code"].clone())
    };
    let new = || Some(json!({"preferred_name": "Sam"}));
    let read = format!("/api/v1/clients/{client}");
    for _ in 0..2 {
        set("SET default_transaction_read_only = on");
        let began = Instant::now();
        while status("GET", "/readyz", None).await.0 != 503 {
            assert!(began.elapsed() < Duration::from_secs(10), "readiness has not noticed");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for _ in 0..20 {
            let unavailable = (503, true, json!("unavailable"));
            assert_eq!(status("POST", "/api/v1/clients", new()).await, unavailable);
            assert_eq!(
                status("GET", &read, None).await,
                unavailable,
                "what cannot be entered in the audit log is not shown"
            );
            assert_eq!((status("GET", "/readyz", None).await.0, status("GET", "/livez", None).await.0), (503, 200));
        }
        set("RESET default_transaction_read_only");
        let began = Instant::now();
        while status("GET", "/readyz", None).await.0 != 200 || status("POST", "/api/v1/clients", new()).await.0 != 201 {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not heal");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for _ in 0..20 {
            assert_eq!(
                (status("POST", "/api/v1/clients", new()).await.0, status("GET", &read, None).await.0),
                (201, 200)
            );
        }
    }
}

on_both_engines! {
    failed_audit_write_returns_503_and_stores_nothing,
}

/// The audit log accepts no entry, for a reason that neither engine reports as an outage.
async fn failed_audit_write_returns_503_and_stores_nothing(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let client = ana.new_client().await;
    let mut past = server.database.open();
    let (refuse, allow) = match server.engine {
        Engine::Sqlite => (
            "CREATE TRIGGER no_entry BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no entry'); END",
            "DROP TRIGGER no_entry",
        ),
        Engine::Postgres => {
            ("REVOKE INSERT ON audit_events FROM alongside_app", "GRANT INSERT ON audit_events TO alongside_app")
        }
    };
    past.batch_execute(refuse).unwrap();
    for _ in 0..3 {
        is_unavailable(ana.get(&format!("/clients/{client}")).await);
        is_unavailable(ana.get("/clients").await);
        is_unavailable(ana.post("/clients", json!({"preferred_name": "Zqmark"})).await);
        is_unavailable(ana.get(&format!("/clients/{}", TestServer::unknown_id())).await);
    }
    past.batch_execute(allow).unwrap();
    assert_eq!(named(server, "Zqmark"), 0);
    ana.post("/clients", json!({"preferred_name": "Zqmark"})).await.expect(201);
    ana.get(&format!("/clients/{client}")).await.expect(200);
}

/// However many requests there are, the database is checked once per second.
#[actix_web::test]
async fn readiness_tests_a_write_at_most_once_per_second() {
    let server = TestServer::start(Engine::Sqlite).await;
    let size = || std::fs::metadata(server.database.folder.path().join("test.db-wal")).map_or(0, |log| log.len());
    let (before, began) = (size(), Instant::now());
    let replies = futures_util::future::join_all((0..200).map(|_| server.anyone("GET", "/readyz", None))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let pages = (size() - before) / 4096;
    assert!((1..=2 * (began.elapsed().as_secs() + 2)).contains(&pages), "{pages} pages were written");
}
