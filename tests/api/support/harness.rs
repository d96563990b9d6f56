//! A running server with two organizations, and the users who call it.

use super::{
    conforms,
    database::{Engine, TestDatabase},
    members,
};
use alongside::{
    app,
    auth::{
        Actor, IntegrationPurpose, Operator, Role, Scopes,
        password::{Cost, Password},
        secret_keys::SecretKeys,
        source::Sources,
        token::Keys,
    },
    db::{Db, Options, Url, Use, schema},
    http::{cors::Origins, problem::ProblemTypes},
    identity::{
        organizations::model::OrganizationRow,
        sessions::model::SessionRow,
        teams::model::{MemberRow, TeamId, TeamRow},
        users::model::{UserRow, UserStatus},
    },
    mail::{MailSettings, Mailer},
    portal::accounts::model::AccountRow,
    types::{Email, Id, Instant, Line, Zone},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// The server of one test, with its database and two organizations.
pub struct TestServer {
    pub base: String,
    pub database: TestDatabase,
    pub keys: Arc<Keys>,
    pub http: reqwest::Client,
    pub engine: Engine,
    /// The organization that most tests use, and its team.
    pub org: OrganizationRow,
    pub team: TeamId,
    /// Another organization, whose users must see nothing of the first.
    pub other_org: OrganizationRow,
    pub other_team: TeamId,
    /// A hash of `PASSWORD`, computed once because hashing is slow on purpose.
    pub password_hash: String,
}

pub const PASSWORD: &str = "three wet umbrellas";

/// A user with a session.
#[derive(Clone)]
pub struct User<'s> {
    pub server: &'s TestServer,
    pub actor: Actor,
    pub email: String,
    token: String,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The reply, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:#}", self.body);
        self
    }
    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {:#}", self.body)).to_owned()
    }
    /// The content of an error without its id, which differs each time.
    pub fn observed(&self) -> Value {
        let mut body = self.body.clone();
        body.as_object_mut().unwrap().remove("instance");
        body
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    pub fn etag(&self) -> String {
        self.header("etag").to_owned()
    }
    /// The codes of a problem's errors, with their locations.
    pub fn faults(&self) -> Vec<(String, String)> {
        let place = |error: &Value| {
            ["pointer", "parameter", "header"]
                .iter()
                .find_map(|place| error[*place].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        self.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| (place(error), error["code"].as_str().unwrap().to_owned()))
            .collect()
    }
    #[track_caller]
    pub fn expect_fault(self, status: u16, at: &str, code: &str) {
        let reply = self.expect(status);
        assert!(reply.faults().contains(&(at.to_owned(), code.to_owned())), "no {code} at {at}: {:#}", reply.body);
    }
}

/// The default server options.
pub fn server_options() -> app::ServerOptions {
    app::ServerOptions {
        sources: Sources::default(),
        password_cost: Cost::MIN,
        most_connections: 1000,
        docs: true,
        origins: Origins::default(),
        tls: None,
        problem_types: ProblemTypes::default(),
    }
}

/// The options for a test that opens a database without a server: one connection and one reader, and no migration.
pub fn db_options(url: &str) -> Options {
    Options {
        url: Url::parse(url).unwrap(),
        replica: None,
        connections: 1,
        readers: 1,
        migrate: false,
        purpose: Use::Writing,
        checks: app::ACCESS_CHECKS,
    }
}

/// The user of the command line.
#[expect(clippy::disallowed_methods, reason = "the test acts as the command line")]
pub fn operator() -> Operator {
    Operator::new()
}

/// Starts a server on this database and returns its address.
fn start_server(database: &TestDatabase, keys: &Arc<Keys>, server_options: app::ServerOptions) -> String {
    start_server_with(database, keys, SecretKeys::load(database.folder.path()).unwrap(), server_options)
}

fn start_server_with(
    database: &TestDatabase,
    keys: &Arc<Keys>,
    secrets: SecretKeys,
    server_options: app::ServerOptions,
) -> String {
    let db = Db::open(&Options { connections: 4, readers: 4, ..db_options(&database.url) }).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let setup = app::Setup {
        db,
        keys: Arc::clone(keys),
        secrets: Arc::new(secrets),
        workers: 2,
        server_options,
        mailer: Mailer::start(MailSettings::folder(database.mail(), None).unwrap()).unwrap(),
    };
    let (started, handle) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let server = app::serve(listener, setup).unwrap();
            started.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    database.keep_until_end(handle.recv().unwrap(), thread);
    base
}

impl TestServer {
    pub async fn start(engine: Engine) -> Self {
        Self::start_at(TestDatabase::make(engine), engine).await
    }

    pub async fn start_at(database: TestDatabase, engine: Engine) -> Self {
        let keys = Arc::new(Keys::load(database.folder.path()).unwrap());
        let base = start_server(&database, &keys, server_options());
        let mut conn = database.open();
        let mut organization = |name: &str| {
            let org = OrganizationRow::new(
                Line::parse(name).unwrap(),
                Zone::parse("America/Chicago").unwrap(),
                Line::parse("peer").unwrap(),
            );
            let team = TeamRow::new(org.id, Line::parse("North side").unwrap());
            diesel::insert_into(schema::organizations::table).values(&org).execute(&mut conn).unwrap();
            diesel::insert_into(schema::teams::table).values(&team).execute(&mut conn).unwrap();
            (org, team.id)
        };
        let ((org, team), (other_org, other_team)) = (organization("River Peers"), organization("Hill Peers"));
        static HASH: OnceLock<String> = OnceLock::new();
        let hash = || Cost::MIN.hash(&Password::parse(PASSWORD).unwrap()).unwrap();
        let password_hash = HASH.get_or_init(hash).clone();
        Self {
            base,
            database,
            keys,
            http: reqwest::Client::new(),
            engine,
            org,
            team,
            other_org,
            other_team,
            password_hash,
        }
    }

    /// An integration gets every scope.
    pub fn user_in(&self, org: &OrganizationRow, teams: &[TeamId], role: Role) -> User<'_> {
        self.user_with_scopes(org, teams, role, if role == Role::Integration { Scopes::all() } else { Scopes::NONE })
    }
    pub fn user_with_scopes(&self, org: &OrganizationRow, teams: &[TeamId], role: Role, scopes: Scopes) -> User<'_> {
        let email = format!("{}-{}@example.org", role.as_str(), uuid::Uuid::now_v7().simple());
        let row = UserRow::new(
            org.id,
            Email::parse(&email).unwrap(),
            Line::parse(format!("A {}", role.as_str())).unwrap(),
            role,
            Some(self.password_hash.clone()),
        );
        let purpose = (role == Role::Integration).then_some(IntegrationPurpose::Internal);
        let row = UserRow { scopes, purpose, ..row };
        let session = SessionRow::start(org.id, row.id, false);
        let name = (
            schema::login_names::email.eq(&row.email),
            schema::login_names::organization_id.eq(org.id),
            schema::login_names::user_id.eq(row.id),
        );
        self.database.with_conn(|conn| {
            diesel::insert_into(schema::users::table).values(&row).execute(conn).unwrap();
            diesel::insert_into(schema::login_names::table).values(name).execute(conn).unwrap();
            diesel::insert_into(schema::sessions::table).values(&session).execute(conn).unwrap();
            for team in teams {
                let member =
                    MemberRow { organization_id: org.id, team_id: *team, user_id: row.id, added_at: Instant::now() };
                diesel::insert_into(schema::team_members::table).values(&member).execute(conn).unwrap();
            }
        });
        let (proved_at, awaits_factor) = (session.proved_at, false);
        let actor = Actor {
            organization: org.id,
            user: row.id,
            role,
            scopes,
            purpose,
            session: session.id,
            proved_at,
            awaits_factor,
        };
        User { server: self, actor, email, token: self.keys.mint(actor).unwrap() }
    }

    /// The database, opened without a server.
    pub fn open_db(&self) -> Db {
        Db::open(&db_options(&self.database.url)).unwrap()
    }

    /// A second server on the same database with the same key.
    pub fn another_server(&self) -> String {
        self.another_server_with_options(server_options())
    }
    /// The same with other server options.
    pub fn another_server_with_options(&self, server_options: app::ServerOptions) -> String {
        start_server(&self.database, &self.keys, server_options)
    }

    /// The same with keys that it has read itself.
    pub fn another_server_with_keys(&self, keys: &Arc<Keys>) -> String {
        start_server(&self.database, keys, server_options())
    }

    /// The same with other keys for secrets.
    pub fn another_server_with_secrets(&self, secrets: SecretKeys) -> String {
        start_server_with(&self.database, &self.keys, secrets, server_options())
    }

    /// A user of the organization, in its team.
    pub fn user(&self, role: Role) -> User<'_> {
        self.user_in(&self.org, &[self.team], role)
    }
    /// The same with this status, set without any guard, and with a session that began before.
    pub fn user_with_status(&self, role: Role, status: UserStatus) -> User<'_> {
        let user = self.user(role);
        let row = schema::users::table.filter(schema::users::id.eq(user.actor.user));
        self.database
            .with_conn(|conn| diesel::update(row).set(schema::users::status.eq(status)).execute(conn).unwrap());
        user
    }
    /// A user who must set up a second factor before anything else.
    pub fn user_without_factor(&self, role: Role) -> User<'_> {
        let user = self.user(role);
        let row = schema::sessions::table.filter(schema::sessions::id.eq(user.actor.session));
        self.database
            .with_conn(|conn| diesel::update(row).set(schema::sessions::awaits_factor.eq(true)).execute(conn).unwrap());
        user
    }
    /// A user whose last password entry is more than ten minutes ago.
    pub fn user_with_old_password_entry(&self, role: Role) -> User<'_> {
        let user = self.user(role);
        let row = schema::sessions::table.filter(schema::sessions::id.eq(user.actor.session));
        let long_ago = Instant::now().plus_seconds(-601);
        self.database
            .with_conn(|conn| diesel::update(row).set(schema::sessions::proved_at.eq(long_ago)).execute(conn).unwrap());
        user
    }
    /// The e-mails to an address, once there are this many.
    pub async fn emails(&self, to: &str, count: usize) -> Vec<String> {
        for _ in 0..200 {
            let files = std::fs::read_dir(self.database.mail())
                .into_iter()
                .flatten()
                .flatten()
                .filter(|file| file.path().extension().is_some_and(|end| end == "eml"));
            let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
            let found: Vec<String> =
                texts.filter(|text| text.contains(&format!("To: {to}\r\n")) && text.ends_with('\n')).collect();
            if found.len() >= count {
                return found;
            }
            actix_web::rt::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{count} e-mails to {to} have not arrived");
    }
    /// The newest secret of this kind in the e-mails to an address.
    pub async fn secret(&self, to: &str, kind: &str) -> String {
        for count in 1..20 {
            let emails = self.emails(to, count).await;
            let mut secrets =
                emails.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("Code: "));
            if let Some(secret) = secrets.rfind(|secret| secret.starts_with(kind)) {
                return secret.trim().to_owned();
            }
        }
        panic!("no {kind} has arrived");
    }
    /// A user of the other organization, in its team.
    pub fn user_of_other_org(&self, role: Role) -> User<'_> {
        self.user_in(&self.other_org, &[self.other_team], role)
    }
    pub fn new_team(&self, name: &str) -> TeamId {
        let team = TeamRow::new(self.org.id, Line::parse(name).unwrap());
        self.database.with_conn(|conn| diesel::insert_into(schema::teams::table).values(&team).execute(conn).unwrap());
        team.id
    }
    pub fn unknown_id() -> String {
        Id::<()>::new().to_string()
    }

    /// Sends a request and checks the reply against the OpenAPI document.
    pub async fn send(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let sent = body.clone();
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let text = reply.text().await.unwrap();
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        let content_type = headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        conforms::check(method, path, status, &content_type, &body);
        self.check_members(token, method, path, status, sent.as_deref(), &body);
        Reply { status, headers, body }
    }

    /// The role in a token's claims.
    fn role_in(token: &str) -> String {
        let claims = token.split('.').nth(1).and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok()).unwrap_or_default();
        serde_json::from_slice::<Value>(&claims).unwrap_or_default()["role"].as_str().unwrap_or("nobody").to_owned()
    }

    fn check_members(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        status: u16,
        sent: Option<&str>,
        body: &Value,
    ) {
        let role = token.map_or_else(|| "nobody".into(), Self::role_in);
        if let Some(fault) = members::fault(&role, method, path, status, sent, body) {
            panic!("{fault}\n{body:#}");
        }
    }

    pub async fn anyone(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.send(None, method, path, &[], body.map(|body| body.to_string())).await
    }
}

/// The path below the API's base; `/livez` and similar paths stay unchanged.
fn full(path: &str) -> String {
    if path.starts_with("/api/")
        || path.starts_with("/livez")
        || path.starts_with("/readyz")
        || path.starts_with("/.well-known")
    {
        path.to_owned()
    } else {
        format!("/api/v1{path}")
    }
}

impl User<'_> {
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        self.server.send(Some(&self.token), method, &full(path), headers, body.map(|body| body.to_string())).await
    }
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        self.server.send(Some(&self.token), method, &full(path), headers, Some(body)).await
    }
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[], Some(body)).await
    }
    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Reply {
        self.send("PATCH", path, &[("if-match", etag)], Some(body)).await
    }
    pub fn id(&self) -> String {
        self.actor.user.to_string()
    }
    /// The user's access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Links the user to this client without any guard; earlier links of either are removed.
    pub fn link_to(&self, client: &str) {
        use schema::client_accounts as accounts;
        let (mut conn, client) = (self.server.database.open(), Id::parse(client).unwrap());
        let (organization_id, user_id) = (self.actor.organization, self.actor.user);
        let theirs = accounts::table.filter(accounts::organization_id.eq(organization_id));
        diesel::delete(theirs.filter(accounts::user_id.eq(user_id).or(accounts::client_id.eq(client))))
            .execute(&mut conn)
            .unwrap();
        let row = AccountRow { organization_id, client_id: client, user_id, created_at: Instant::now() };
        diesel::insert_into(accounts::table).values(&row).execute(&mut conn).unwrap();
    }

    pub async fn new_client(&self) -> String {
        self.post("/clients", json!({"preferred_name": "Sam"})).await.expect(201).id()
    }
    pub async fn new_case(&self) -> String {
        let client = self.new_client().await;
        self.post(
            "/cases",
            json!({
                "client_id": client, "advocacy_type": "peer", "intake_source": "self",
                "client_goal": "Keep my medication.",
            }),
        )
        .await
        .expect(201)
        .id()
    }
    pub async fn transition(&self, case: &str, body: Value) -> Reply {
        self.post(&format!("/cases/{case}/transitions"), body).await
    }
}

/// A case of `lead` that `supervisor` has brought to `active`.
pub async fn active_case(lead: &User<'_>, supervisor: &User<'_>) -> String {
    let case = lead.new_case().await;
    supervisor.transition(&case, json!({"to": "triage"})).await.expect(201);
    supervisor
        .transition(&case, json!({"to": "accepted", "client_agreement": true, "conflict_check": true}))
        .await
        .expect(201);
    lead.transition(&case, json!({"to": "active", "first_contact": "2026-01-05T10:00:00Z"})).await.expect(201);
    case
}

/// Every item of a list, read in pages of `limit`.
pub async fn pages(user: &User<'_>, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let reply = user.get(&format!("{path}{join}limit={limit}{cursor}")).await.expect(200);
        items.extend(reply.body["items"].as_array().unwrap().iter().cloned());
        match reply.body["page"]["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(reply.body["page"]["has_more"], true);
                assert!(reply.header("link").contains(next), "the Link names the next page");
                cursor = format!("&cursor={next}");
            }
            None => {
                assert_eq!(reply.body["page"]["has_more"], false);
                return items;
            }
        }
    }
}

/// The example body of an operation in the OpenAPI document.
pub fn body(operation: &Value) -> Option<Value> {
    let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str()?;
    let name = schema.rsplit('/').next()?;
    conforms::DOC["components"]["schemas"][name].get("example").cloned()
}
