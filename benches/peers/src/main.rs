//! A bare service for benches/peers.sh: axum and sqlx on the plain tables of peers.sql, with no sign-in to check, no
//! audit log and no row-level security. `peers DATABASE_URL PORT`

use argon2::{Argon2, PasswordHash, PasswordVerifier};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{
    FromRow, PgPool,
    postgres::{PgPoolCopyExt, PgPoolOptions},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

#[derive(FromRow, Serialize)]
struct Case {
    id: Uuid,
    case_number: String,
    client_id: Uuid,
    team_id: Uuid,
    lead_advocate_id: Option<Uuid>,
    advocacy_type: String,
    instruction: String,
    non_instructed_basis: Option<String>,
    non_instructed_reason: Option<String>,
    intake_source: String,
    intake_source_text: Option<String>,
    status: String,
    priority: String,
    priority_reason: Option<String>,
    client_goal: String,
    tags: sqlx::types::Json<Vec<String>>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    closing_reason: Option<String>,
    closing_summary: Option<String>,
    outcome: Option<String>,
    review_on: Option<NaiveDate>,
    first_contact_at: Option<DateTime<Utc>>,
    last_contact_at: Option<DateTime<Utc>>,
    undisposed_barriers: i32,
    open_deadlines: i32,
    next_deadline_on: Option<NaiveDate>,
    episode: i32,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct NewCase {
    client_id: Uuid,
    team_id: Uuid,
    advocacy_type: String,
    intake_source: String,
    client_goal: String,
}

#[derive(Deserialize)]
struct CasePatch {
    priority: String,
}

#[derive(Deserialize)]
struct Pages {
    status: String,
    after_at: Option<DateTime<Utc>>,
    after_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Search {
    q: String,
}

#[derive(FromRow, Serialize)]
struct Note {
    id: Uuid,
    case_id: Uuid,
    occurred_at: DateTime<Utc>,
    body: String,
}

#[derive(FromRow, Serialize)]
struct OpenBarriers {
    severity: String,
    provider_id: Option<Uuid>,
    provider: Option<String>,
    open: i64,
}

#[derive(FromRow, Serialize)]
struct Caseload {
    lead_advocate_id: Option<Uuid>,
    advocate: Option<String>,
    cases: i64,
    weighted: i64,
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

struct Failed(StatusCode);

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        let missing = matches!(error, sqlx::Error::RowNotFound);
        Self(if missing { StatusCode::NOT_FOUND } else { StatusCode::INTERNAL_SERVER_ERROR })
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

type Db = State<PgPool>;
type Reply<T> = Result<Json<T>, Failed>;

async fn read(State(db): Db, Path(id): Path<Uuid>) -> Reply<Case> {
    Ok(Json(sqlx::query_as("SELECT * FROM cases WHERE id = $1").bind(id).fetch_one(&db).await?))
}

async fn list(State(db): Db, Query(page): Query<Pages>) -> Reply<Vec<Case>> {
    const FIRST: &str = "SELECT * FROM cases WHERE status = $1 ORDER BY opened_at DESC, id DESC LIMIT 50";
    const NEXT: &str = "SELECT * FROM cases WHERE status = $1 AND (opened_at, id) < ($2, $3) \
        ORDER BY opened_at DESC, id DESC LIMIT 50";
    let query = match page.after_at {
        None => sqlx::query_as(FIRST).bind(page.status),
        Some(at) => sqlx::query_as(NEXT).bind(page.status).bind(at).bind(page.after_id),
    };
    Ok(Json(query.fetch_all(&db).await?))
}

async fn search(State(db): Db, Query(search): Query<Search>) -> Reply<Vec<Note>> {
    const SQL: &str = "SELECT id, case_id, occurred_at, body FROM notes \
        WHERE words @@ plainto_tsquery('simple', $1) ORDER BY occurred_at DESC LIMIT 20";
    // Planned anew each time: the plan depends on how frequent the words are.
    Ok(Json(sqlx::query_as(SQL).bind(search.q).persistent(false).fetch_all(&db).await?))
}

async fn open_barriers(State(db): Db) -> Reply<Vec<OpenBarriers>> {
    Ok(Json(sqlx::query_as("SELECT * FROM open_barriers").fetch_all(&db).await?))
}

async fn caseload(State(db): Db) -> Reply<Vec<Caseload>> {
    Ok(Json(sqlx::query_as("SELECT * FROM caseload").fetch_all(&db).await?))
}

async fn create(State(db): Db, Json(new): Json<NewCase>) -> Result<impl IntoResponse, Failed> {
    const SQL: &str = "INSERT INTO cases (client_id, team_id, advocacy_type, intake_source, client_goal) \
        VALUES ($1, $2, $3, $4, $5) RETURNING *";
    let query = sqlx::query_as(SQL).bind(new.client_id).bind(new.team_id).bind(new.advocacy_type);
    let case: Case = query.bind(new.intake_source).bind(new.client_goal).fetch_one(&db).await?;
    Ok((StatusCode::CREATED, Json(case)))
}

async fn change(State(db): Db, Path(id): Path<Uuid>, Json(patch): Json<CasePatch>) -> Reply<Case> {
    const SQL: &str = "UPDATE cases SET priority = $2, version = version + 1, updated_at = now() \
        WHERE id = $1 RETURNING *";
    Ok(Json(sqlx::query_as(SQL).bind(id).bind(patch.priority).fetch_one(&db).await?))
}

async fn export(State(db): Db) -> Result<impl IntoResponse, Failed> {
    let rows = db.copy_out_raw("COPY (SELECT * FROM open_barrier_rows) TO STDOUT CSV HEADER").await?;
    Ok(([(CONTENT_TYPE, "text/csv")], Body::from_stream(rows)))
}

async fn sign_in(State(db): Db, Json(login): Json<Login>) -> Result<StatusCode, Failed> {
    static HASHES: Semaphore = Semaphore::const_new(2);
    let found = sqlx::query_scalar("SELECT password_hash FROM users WHERE email = $1").bind(login.email);
    let hash: String = found.fetch_one(&db).await?;
    let _permit = HASHES.acquire().await;
    let check = move || {
        PasswordHash::new(&hash).and_then(|hash| Argon2::default().verify_password(login.password.as_bytes(), &hash))
    };
    let right = matches!(tokio::task::spawn_blocking(check).await, Ok(Ok(())));
    if right { Ok(StatusCode::OK) } else { Err(Failed(StatusCode::UNAUTHORIZED)) }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, url, port] = std::env::args().collect::<Vec<_>>().try_into().map_err(|_| "peers DATABASE_URL PORT")?;
    let options = PgPoolOptions::new().min_connections(16).max_connections(16).test_before_acquire(false);
    let db = options.connect(&url).await?;
    let routes = Router::new()
        .route("/cases", get(list).post(create))
        .route("/cases/{id}", get(read).patch(change))
        .route("/search", get(search))
        .route("/open_barriers", get(open_barriers))
        .route("/caseload", get(caseload))
        .route("/open_barrier_rows", get(export))
        .route("/login", post(sign_in));
    Ok(axum::serve(tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?, routes.with_state(db)).await?)
}
