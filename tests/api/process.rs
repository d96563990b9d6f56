//! The program as a process: its output, its threads, its database file, its concurrent start, its end.

use crate::{
    logs::Program,
    on_both_engines,
    support::{
        TestServer,
        database::{Engine, TestDatabase},
    },
};
use alongside::{auth::Role, auth::signing_keys::SigningKeys, db, supervise, types::Instant};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The program with these arguments, database and data directory.
fn command(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
    command
        .args(arguments)
        .env("ALONGSIDE_DATABASE_URL", &database.url)
        .env("ALONGSIDE_DATA_DIR", database.folder.path())
        .env("ALONGSIDE_SHUTDOWN_GRACE", "0")
        .env_remove("ALONGSIDE_LOG")
        .env_remove("ALONGSIDE_TEST_POSTGRES")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Starts a server and returns its address.
fn start(command: &mut Command) -> (Program, String) {
    let address = free_address();
    let program = command.env("ALONGSIDE_LISTEN", &address).spawn().unwrap();
    (Program(program), format!("http://{address}"))
}

/// Waits until the server is ready, for at most half a minute.
async fn ready(program: &mut Program, base: &str) {
    for _ in 0..600 {
        if reqwest::get(format!("{base}/readyz")).await.is_ok_and(|reply| reply.status() == 200) {
            return;
        }
        if let Some(status) = program.0.try_wait().unwrap() {
            panic!("the program ended with {status}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the program is not ready");
}

/// The exit status of the program, within this many seconds.
async fn end(program: &mut Program, seconds: u64) -> ExitStatus {
    for _ in 0..seconds * 20 {
        if let Some(status) = program.0.try_wait().unwrap() {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the program goes on");
}

fn signal(program: &Program, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(&program.0), signal).unwrap();
}

/// Runs a command to its end. Returns whether the exit code was 0, and the text of both outputs. A server that starts
/// unexpectedly is a failure.
fn run(database: &TestDatabase, arguments: &[&str]) -> (bool, String) {
    let mut child = command(database, arguments)
        .env("ALONGSIDE_LISTEN", free_address())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..1200 {
        if child.try_wait().unwrap().is_some() {
            let done = child.wait_with_output().unwrap();
            let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            return (done.status.success(), said);
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    drop(Program(child));
    panic!("{arguments:?} goes on");
}

/// Asserts that the command ends with exit code 1 and one clear line that contains these words.
#[track_caller]
fn refused(database: &TestDatabase, arguments: &[&str], words: &str) {
    let (taken, said) = run(database, arguments);
    assert!(!taken, "{arguments:?} is taken: {said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("alongside: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains(words) && !said.contains("panicked"), "{arguments:?}: {said}");
}

#[track_caller]
fn taken(database: &TestDatabase, arguments: &[&str]) -> String {
    let (taken, said) = run(database, arguments);
    assert!(taken, "{arguments:?}: {said}");
    said
}

fn empty(server: &TestServer) -> TestDatabase {
    TestDatabase::empty(server.engine)
}

/// Creates an installation with one organization.
fn install(database: &TestDatabase) {
    taken(database, &["migrate"]);
    create_organization(database, "River Peers");
}
fn create_organization(database: &TestDatabase, name: &str) {
    let file = database.folder.path().join("password");
    std::fs::write(&file, "three wet umbrellas").unwrap();
    let email = format!("{}@example.org", name.to_lowercase().replace(' ', "-"));
    taken(
        database,
        &[
            "admin",
            "create-organization",
            "--name",
            name,
            "--admin-email",
            &email,
            "--password-file",
            file.to_str().unwrap(),
        ],
    );
}

/// A client of the program with a timeout of eight seconds.
struct Caller<'s> {
    http: reqwest::Client,
    base: &'s str,
    token: &'s str,
}
impl<'s> Caller<'s> {
    fn new(base: &'s str, token: &'s str) -> Self {
        Self { http: reqwest::Client::builder().timeout(Duration::from_secs(8)).build().unwrap(), base, token }
    }
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request =
            self.http.request(method.parse().unwrap(), format!("{}{path}", self.base)).bearer_auth(self.token);
        let reply = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let reply = reply.send().await.unwrap_or_else(|error| panic!("{method} {path} is not answered: {error}"));
        (reply.status().as_u16(), reply.json().await.unwrap())
    }
    async fn status(&self, path: &str) -> u16 {
        self.ask("GET", path, None).await.0
    }
    async fn new_client(&self) -> (u16, Value) {
        self.ask("POST", "/api/v1/clients", Some(json!({"preferred_name": "Sam"}))).await
    }
}

on_both_engines! {
    unwritable_log_does_not_stop_reads,
    unread_log_output_does_not_block_requests,
    readiness_fails_while_a_thread_is_down,
    lost_database_is_not_recreated_without_explicit_option,
    five_servers_start_concurrently_on_an_empty_database,
    program_refuses_a_newer_or_older_schema,
    truncated_audit_log_is_found_with_checkpoints_missing_or_corrupt,
    sigterm_fails_readiness_and_completes_requests_in_progress,
    second_sigterm_ends_the_process_immediately,
    http_layer_errors_have_no_body_and_close_the_connection,
}

/// A1: on a full disk, and with a closed pipe.
async fn unwritable_log_does_not_stop_reads(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    for full in [true, false] {
        let output = || -> Stdio {
            if full {
                return File::options().write(true).open("/dev/full").unwrap().into();
            }
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            writer.into()
        };
        let (mut program, base) = start(
            command(&server.database, &["serve"]).env("ALONGSIDE_LOG", "debug").stdout(output()).stderr(output()),
        );
        ready(&mut program, &base).await;
        let caller = Caller::new(&base, ana.token());
        let (status, client) = caller.new_client().await;
        assert_eq!(status, 201);
        let path = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
        assert_eq!(caller.status(&path).await, 200);
        // The audit log cannot be written for a moment: the read is refused, and the log says so.
        let mut conn = server.database.open();
        conn.batch_execute("ALTER TABLE audit_heads RENAME TO audit_heads_away").unwrap();
        let (status, problem) = caller.ask("GET", &path, None).await;
        assert!(status >= 500 && problem["instance"].is_string(), "{status}: {problem}");
        conn.batch_execute("ALTER TABLE audit_heads_away RENAME TO audit_heads").unwrap();
        for _ in 0..5 {
            assert_eq!(caller.status(&path).await, 200);
        }
        assert_eq!((caller.status("/readyz").await, caller.status("/livez").await), (200, 200));
        assert_eq!(program.0.try_wait().unwrap(), None);
    }
}

/// A2: dropped lines are counted in the log itself.
async fn unread_log_output_does_not_block_requests(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = command(&server.database, &["serve"]);
    let (mut program, base) =
        start(command.env("ALONGSIDE_LOG", "trace").stdout(writer.try_clone().unwrap()).stderr(writer));
    drop(command); // this also closes our own end of the pipe
    ready(&mut program, &base).await;
    let caller = Caller::new(&base, ana.token());
    let (status, client) = caller.new_client().await;
    assert_eq!(status, 201);
    let path = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
    for _ in 0..1500 {
        assert_eq!(caller.status("/livez").await, 200);
    }
    for _ in 0..5 {
        assert_eq!((caller.status(&path).await, caller.status("/readyz").await), (200, 200));
    }
    // The output is read again.
    let lost = std::thread::spawn(move || {
        let (mut text, mut piece) = (String::new(), [0; 65536]);
        while let Ok(read @ 1..) = reader.read(&mut piece) {
            text.push_str(&String::from_utf8_lossy(&piece[..read]));
            let report = text.lines().find(|line| line.contains("log lines were lost") && line.ends_with('}'));
            if let Some(report) = report {
                return serde_json::from_str::<Value>(report).unwrap()["lost"]
                    .as_str()
                    .unwrap()
                    .parse::<u64>()
                    .unwrap();
            }
        }
        0
    });
    for _ in 0..200 {
        if lost.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(program);
    let lost = lost.join().unwrap();
    assert!(lost > 0, "nothing was lost: the queue was never full");
}

async fn readiness_fails_while_a_thread_is_down(server: &TestServer) {
    let (again, works) = std::sync::mpsc::channel::<()>();
    let mut failed = false;
    server.anyone("GET", "/readyz", None).await.expect(200);
    supervise::thread("test", move || {
        if !std::mem::replace(&mut failed, true) {
            return Err("on purpose".into());
        }
        works.recv().map_err(|error| error.to_string())
    })
    .unwrap();
    let mut seen = Vec::new();
    for _ in 0..200 {
        let reply = server.anyone("GET", "/readyz", None).await;
        if seen.last() != Some(&reply.status) {
            seen.push(reply.status);
        }
        if seen.ends_with(&[503, 200]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(seen.ends_with(&[503, 200]), "{seen:?}");
    again.send(()).unwrap();
}

/// A5: keys or checkpoints without a database.
async fn lost_database_is_not_recreated_without_explicit_option(server: &TestServer) {
    let database = empty(server);
    taken(&database, &["migrate"]);
    taken(&database, &["admin", "rotate-signing-key"]);
    let (folder, file) = (database.folder.path(), database.folder.path().join("test.db"));
    let lose = |how: &str| match server.engine {
        Engine::Postgres => database.open().batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap(),
        Engine::Sqlite => {
            for end in ["", "-wal", "-shm"] {
                drop(std::fs::remove_file(folder.join(format!("test.db{end}"))));
            }
            match how {
                "gone" => {}
                "no bytes" => std::fs::write(&file, "").unwrap(),
                _ => drop(database.open()), // a SQLite file without a schema
            }
        }
    };
    let all_refuse = || {
        for arguments in [&["serve"][..], &["migrate"], &["demo", "--cases", "1"]] {
            refused(&database, arguments, "--new-database");
        }
    };
    for how in ["gone", "no bytes", "no schema"] {
        lose(how);
        all_refuse();
        let email = ["admin", "set-email", "--email", "a@example.org", "--to", "b@example.org"];
        for arguments in [&["serve", "--no-migrate", "--new-database"][..], &["verify"], &email] {
            refused(&database, arguments, "run `alongside migrate`");
        }
        assert_eq!(server.engine == Engine::Sqlite && how != "gone", file.exists(), "{how}");
    }
    // The older key file, and checkpoints alone.
    let key = std::fs::read_dir(folder.join("signing-keys")).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(key, folder.join("signing-key.pkcs8")).unwrap();
    std::fs::remove_dir_all(folder.join("signing-keys")).unwrap();
    all_refuse();
    std::fs::rename(folder.join("signing-key.pkcs8"), folder.join("checkpoints.jsonl")).unwrap();
    all_refuse();
    taken(&database, &["migrate", "--new-database"]);
    taken(&database, &["migrate"]);
    create_organization(&database, "River Peers");
}

/// D29: and they use the same signing key.
async fn five_servers_start_concurrently_on_an_empty_database(server: &TestServer) {
    let database = empty(server);
    let mut servers: Vec<_> = (0..5).map(|_| start(&mut command(&database, &["serve"]))).collect();
    let mut keys = Vec::new();
    for (program, base) in &mut servers {
        ready(program, base).await;
        keys.push(reqwest::get(format!("{base}/.well-known/jwks.json")).await.unwrap().json::<Value>().await.unwrap());
    }
    assert!(keys[0]["keys"].as_array().unwrap().len() == 1 && keys.iter().all(|these| *these == keys[0]), "{keys:?}");
    for (program, _) in &servers {
        signal(program, rustix::process::Signal::TERM);
    }
    for (program, _) in &mut servers {
        assert!(end(program, 20).await.success());
    }
}

/// D29.
async fn program_refuses_a_newer_or_older_schema(server: &TestServer) {
    let mut conn = server.database.open();
    let email = ["admin", "set-email", "--email", "a@example.org", "--to", "b@example.org"];
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000001')").unwrap();
    for arguments in [&["serve"][..], &["serve", "--no-migrate"], &["migrate"], &["verify"], &email] {
        refused(&server.database, arguments, "99991231000001, which this program does not know");
    }
    let older =
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)";
    conn.batch_execute(older).unwrap();
    assert!(run(&server.database, &email).1.contains("No user has this e-mail address"), "the schema is the program's");
    conn.batch_execute(older).unwrap();
    for arguments in [&["serve", "--no-migrate"][..], &["verify"], &email] {
        refused(&server.database, arguments, "run `alongside migrate`");
    }
}

/// D28.
async fn truncated_audit_log_is_found_with_checkpoints_missing_or_corrupt(server: &TestServer) {
    let database = empty(server);
    install(&database);
    let file = database.folder.path().join("checkpoints.jsonl");
    let serve = async || {
        let before = std::fs::metadata(&file).map_or(0, |found| found.len());
        let (mut program, base) = start(&mut command(&database, &["serve"]));
        ready(&mut program, &base).await;
        for _ in 0..200 {
            if std::fs::metadata(&file).is_ok_and(|found| found.len() > before) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Before a server has run, there is no checkpoint.
    refused(&database, &["verify"], "1 faults found");
    taken(&database, &["verify", "--without-checkpoints"]);
    serve().await;
    let good = std::fs::read_to_string(&file).unwrap();
    assert!(taken(&database, &["verify"]).contains("1 checkpoints are met, 0 lines cannot be read"));
    create_organization(&database, "Hill Peers");
    taken(&database, &["verify"]); // the other organization is newer than all checkpoints

    let unguard = match server.engine {
        Engine::Sqlite => "DROP TRIGGER audit_events_no_update; DROP TRIGGER audit_events_no_delete",
        Engine::Postgres => "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    };
    let mut conn = database.open();
    conn.batch_execute(unguard).unwrap();
    let first = "(SELECT organization_id FROM audit_heads WHERE sequence = (SELECT max(sequence) FROM audit_heads))";
    let email = ["admin", "set-email", "--email", "river-peers@example.org", "--to", "other@example.org"];
    taken(&database, &email);
    serve().await;
    let sealed = std::fs::read_to_string(&file).unwrap();
    conn.batch_execute(&format!("DELETE FROM audit_events WHERE organization_id = {first} AND sequence = (SELECT max(sequence) FROM audit_heads);
            UPDATE audit_heads SET sequence = sequence - 1, hash = (SELECT hash FROM audit_events e WHERE e.organization_id = audit_heads.organization_id AND e.sequence = audit_heads.sequence - 1)
            WHERE sequence = (SELECT max(sequence) FROM audit_heads)")).unwrap();
    taken(&database, &["verify", "--without-checkpoints"]); // the chain alone is valid
    let lines: Vec<&str> = sealed.lines().filter(|line| !line.is_empty()).collect();
    let torn = format!("{good}{}", &lines[lines.len() - 1][..40]);
    for (what, text) in [
        ("as it was", Some(sealed.clone())),
        ("gone", None),
        ("empty", Some(String::new())),
        ("garbled", Some(sealed.replace("\"hash\"", "\"hush\""))),
        ("bytes", Some("\u{0}".repeat(2000))),
        ("broken off", Some(torn)),
    ] {
        match text {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let (taken, said) = run(&database, &["verify"]);
        assert!(!taken && said.contains("faults found"), "{what}: {said}");
    }
}

/// D30.
async fn sigterm_fails_readiness_and_completes_requests_in_progress(server: &TestServer) {
    use rustix::process::Signal;
    let ana = server.user(Role::Advocate);
    let (mut program, base) = start(command(&server.database, &["serve"]).env("ALONGSIDE_SHUTDOWN_GRACE", "2"));
    ready(&mut program, &base).await;
    let caller = Caller::new(&base, ana.token());
    // SIGHUP ends nothing and reloads the keys.
    SigningKeys::add(server.database.folder.path(), Instant::now().plus_seconds(3600)).unwrap();
    signal(&program, Signal::HUP);
    for waited in 0.. {
        if caller.ask("GET", "/.well-known/jwks.json", None).await.1["keys"].as_array().unwrap().len() == 2 {
            break;
        }
        assert!(waited < 60, "SIGHUP has read nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A body that is still being sent.
    let body = json!({"preferred_name": "Sam"}).to_string();
    let (first, rest) = body.split_at(10);
    let mut slow = TcpStream::connect(base.trim_start_matches("http://")).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        slow,
        "POST /api/v1/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{first}",
        ana.token(),
        body.len()
    )
    .unwrap();

    signal(&program, Signal::TERM);
    for waited in 0.. {
        let (status, problem) = caller.ask("GET", "/readyz", None).await;
        if status == 503 {
            assert_eq!(problem["code"], "unavailable");
            break;
        }
        assert!(waited < 60, "it stays ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let reply = caller.http.get(format!("{base}/livez")).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), reply.headers()["connection"].to_str().unwrap()),
        (200, "close"),
        "it answers until the grace is over"
    );
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(caller.http.get(format!("{base}/livez")).send().await.is_err(), "nobody else comes in");
    assert_eq!(program.0.try_wait().unwrap(), None, "somebody is still inside");
    slow.write_all(rest.as_bytes()).unwrap();
    let mut reply = String::new();
    let _ = slow.read_to_string(&mut reply);
    assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
    assert!(end(&mut program, 10).await.success());
}

async fn second_sigterm_ends_the_process_immediately(server: &TestServer) {
    use rustix::process::Signal;
    for (second, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (mut program, base) = start(command(&server.database, &["serve"]).env("ALONGSIDE_SHUTDOWN_GRACE", "60"));
        ready(&mut program, &base).await;
        signal(&program, Signal::TERM);
        for waited in 0.. {
            if reqwest::get(format!("{base}/readyz")).await.unwrap().status() == 503 {
                break;
            }
            assert!(waited < 60, "it stays ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        signal(&program, second);
        assert_eq!(end(&mut program, 5).await.code(), Some(code));
    }
    // SIGINT from a terminal has no grace time.
    let (mut program, base) = start(command(&server.database, &["serve"]).env("ALONGSIDE_SHUTDOWN_GRACE", "60"));
    ready(&mut program, &base).await;
    signal(&program, Signal::INT);
    assert!(end(&mut program, 10).await.success());
}

/// D31: actix has no hook for these responses. SECURITY.md lists them.
async fn http_layer_errors_have_no_body_and_close_the_connection(server: &TestServer) {
    let place = server.base.trim_start_matches("http://");
    let long = format!("GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(140_000));
    for (name, sent, status) in [
        ("no request line", "nonsense\r\n\r\n", 400),
        ("another version", "GET /livez HTTP/3.0\r\nHost: a\r\n\r\n", 400),
        ("a header without a colon", "GET /livez HTTP/1.1\r\nHost a\r\n\r\n", 400),
        (
            "two lengths",
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            400,
        ),
        ("a head of more than 128 KiB", &long, 431),
        ("a head that does not come", "GET /livez HTTP/1.1\r\nHost: a\r\n", 408),
    ] {
        let mut stream = TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let _ = stream.write_all(sent.as_bytes()); // it may be refused before it is complete
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply); // to the end: the connection is closed
        let reply = String::from_utf8(reply).unwrap().to_lowercase();
        assert!(reply.starts_with(&format!("http/1.1 {status} ")), "{name}: {reply}");
        assert!(reply.ends_with("\r\n\r\n") && reply.contains("content-length: 0\r\n"), "{name} has a body: {reply}");
        assert!(!reply.contains("server:") && !reply.contains("actix"), "{name}: {reply}");
    }
}

/// A5 while the server runs. PostgreSQL's server protects its own files.
#[actix_web::test]
async fn server_refuses_a_missing_or_replaced_database_file_until_restored() {
    let server = TestServer::start(Engine::Sqlite).await;
    let ana = server.user(Role::Advocate);
    let (mut program, base) = start(&mut command(&server.database, &["serve"]));
    ready(&mut program, &base).await;
    let caller = Caller::new(&base, ana.token());
    let (status, client) = caller.new_client().await;
    assert_eq!(status, 201);
    let read = format!("/api/v1/clients/{}", client["id"].as_str().unwrap());
    let (file, away) = (server.database.folder.path().join("test.db"), server.database.folder.path().join("away.db"));
    for how in ["gone", "emptied", "another"] {
        std::fs::rename(&file, &away).unwrap();
        match how {
            "gone" => {}
            "emptied" => std::fs::write(&file, "").unwrap(),
            _ => drop(std::fs::copy(&away, &file).unwrap()),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for _ in 0..3 {
            assert_eq!(caller.status("/readyz").await, 503, "{how}");
            assert_eq!(caller.new_client().await.0, 503, "{how}");
            for path in [&read, "/api/v1/me", "/api/v1/clients", "/api/v1/code-lists", "/api/v1/search?q=sam"] {
                assert_eq!(caller.status(path).await, 503, "{how}: {path}");
            }
        }
        assert_eq!(caller.status("/livez").await, 200);
        assert_eq!(how != "gone", file.exists(), "a reader has made an empty file");
        std::fs::rename(&away, &file).unwrap();
        assert_eq!(caller.status("/readyz").await, 200, "{how}: the very file is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((caller.status(&read).await, caller.new_client().await.0), (200, 201), "{how}");
    }
    // The file is truncated, or overwritten by an earlier, shorter copy, without a new file in its place.
    let whole = std::fs::read(&file).unwrap();
    for (how, part) in [("emptied in place", 0), ("overwritten in place", whole.len() / 2)] {
        std::fs::write(&file, &whole[..part]).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(
            (caller.status("/readyz").await, caller.new_client().await.0, caller.status(&read).await),
            (503, 503, 503),
            "{how}"
        );
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(caller.status("/readyz").await, 200, "{how}: it is whole again");
    }
    // The write-ahead log contains data that is not in the file yet.
    std::fs::rename(server.database.folder.path().join("test.db-wal"), &away).unwrap();
    assert_eq!((caller.status("/readyz").await, caller.new_client().await.0), (503, 503));
}

/// RL-04: a workbook is written through temporary files.
#[actix_web::test]
async fn workbook_returns_503_without_temporary_files_and_the_rest_works() {
    let server = TestServer::start(Engine::Sqlite).await;
    let supervisor = server.user(Role::Supervisor);
    let (mut program, base) =
        start(command(&server.database, &["serve"]).env("TMPDIR", server.database.folder.path().join("gone")));
    ready(&mut program, &base).await;
    let caller = Caller::new(&base, supervisor.token());
    assert_eq!(caller.status("/api/v1/reports/barriers_open/records?reason=Audit&format=xlsx").await, 503);
    assert_eq!(caller.status("/api/v1/reports/barriers_open").await, 200);
}

/// Each command whose output cannot be written ends with exit code 1, without a panic, and with one line if it can
/// print it.
#[test]
fn command_with_unwritable_output_exits_with_code_1() {
    let database = TestDatabase::empty(Engine::Sqlite);
    taken(&database, &["migrate"]);
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for arguments in [
        &["openapi"][..],
        &["check-config"],
        &["migrate"],
        &["admin", "rotate-signing-key"],
        &["admin", "signing-keys"],
        &["--help"],
        &["--version"],
    ] {
        let done = command(&database, arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && said.lines().count() <= 1, "{arguments:?}: {said}");
        let silent = command(&database, arguments).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(silent.code(), Some(1), "{arguments:?}");
    }
    let done = command(&database, &["no-such-command"]).stderr(full()).status().unwrap();
    assert_eq!(done.code(), Some(1));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(command(&database, &["openapi"]).stdout(writer).status().unwrap().code(), Some(1));
}

/// F34.
#[test]
fn invalid_log_filter_prevents_start() {
    let database = TestDatabase::empty(Engine::Sqlite);
    for bad in ["a=b=c", "inof", "alongside=loud"] {
        for arguments in ["check-config", "serve"] {
            let done =
                command(&database, &[arguments]).env("ALONGSIDE_LOG", bad).stderr(Stdio::piped()).output().unwrap();
            let said = String::from_utf8(done.stderr).unwrap();
            assert!(said.starts_with(&format!("alongside: log = {bad}: ")) && said.lines().count() == 1, "{said}");
            assert_eq!(done.status.code(), Some(1));
        }
    }
    assert!(!Path::new(database.url.trim_start_matches("sqlite://")).exists());
    assert!(
        command(&database, &["check-config"]).env("ALONGSIDE_LOG", "warn,alongside=debug").status().unwrap().success()
    );
}

/// A URL that cannot name a file is refused as a SQLite database: there would be no file to check.
#[test]
fn sqlite_url_must_name_a_file() {
    for bad in ["sqlite://:memory:", "sqlite://file:data/a.db?mode=memory", "sqlite://"] {
        assert!(db::Url::parse(bad).is_err(), "{bad}");
    }
}
