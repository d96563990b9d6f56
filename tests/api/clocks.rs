//! Records that a wrong clock has created, seen by a correct one (the rows are written with shifted times).

use crate::{
    on_both_engines,
    support::{PASSWORD, TestServer, User, database::Engine},
};
use alongside::{
    auth::Role,
    casework::break_glass::model::BreakGlassRow,
    db::schema,
    identity::sessions::store,
    types::{Id, Instant},
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::json;

const TWO_YEARS: i64 = 2 * 365 * 24 * 3600;

/// Sets the start of a user's session; it lasts this many seconds.
fn set_session_times(user: &User<'_>, ahead: i64, lasts: i64) {
    use schema::sessions::dsl::*;
    let begin = Instant::now().plus_seconds(ahead);
    let row = sessions.filter(id.eq(user.actor.session));
    let times = (created_at.eq(begin), expires_at.eq(begin.plus_seconds(lasts)), proved_at.eq(begin));
    assert_eq!(diesel::update(row).set(times).execute(&mut user.server.database.open()).unwrap(), 1);
}

async fn status(user: &User<'_>) -> u16 {
    user.get("/me").await.status
}

on_both_engines! {
    session_created_by_a_wrong_clock_is_refused,
    session_created_by_a_wrong_clock_is_ended_permanently,
    refresh_token_created_by_a_wrong_clock_is_refused,
    mailed_token_and_break_glass_from_a_wrong_clock_grant_no_access,
    session_expiry_is_checked_by_the_database_clock,
}

async fn session_created_by_a_wrong_clock_is_refused(server: &TestServer) {
    let day = 24 * 3600;
    for (ahead, lasts, expected) in [
        (0, day, 200),
        (240, day, 200),
        (-day + 60, day, 200),
        (3600, day, 401),
        (TWO_YEARS, day, 401),
        (-60, TWO_YEARS, 401),
        (-day - 60, day, 401),
    ] {
        let ana = server.user(Role::Advocate);
        set_session_times(&ana, ahead, lasts);
        assert_eq!(status(&ana).await, expected, "{ahead} s ahead, for {lasts} s");
    }
}

async fn session_created_by_a_wrong_clock_is_ended_permanently(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    set_session_times(&ana, 3600, 24 * 3600);
    let db = server.open_db();
    assert_eq!(db.maintain(store::end_sessions_of_wrong_clock).await.unwrap(), 1);
    assert_eq!(db.maintain(store::end_sessions_of_wrong_clock).await.unwrap(), 0);
    // The state when that time has come.
    set_session_times(&ana, 0, 24 * 3600);
    assert_eq!((status(&ana).await, status(&ben).await), (401, 200));
    let log = server.user(Role::Auditor).get("/audit-events?limit=50").await.expect(200).body.to_string();
    assert_eq!(log.matches("session.ended_by_clock").count(), 1, "it is in the audit log");
}

async fn refresh_token_created_by_a_wrong_clock_is_refused(server: &TestServer) {
    use schema::refresh_tokens::dsl::*;
    let ana = server.user(Role::Advocate);
    let login = server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": ana.email, "password": PASSWORD})))
        .await
        .expect(200);
    let refresh =
        || server.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": login.body["refresh_token"]})));
    let times =
        (issued_at.eq(Instant::now().plus_seconds(20 * 3600)), expires_at.eq(Instant::now().plus_seconds(21 * 3600)));
    assert_eq!(diesel::update(refresh_tokens).set(times).execute(&mut server.database.open()).unwrap(), 1);
    refresh().await.expect(401);
}

async fn mailed_token_and_break_glass_from_a_wrong_clock_grant_no_access(server: &TestServer) {
    let (ana, kim) =
        (server.user(Role::Advocate), server.user_in(&server.org, &[server.new_team("South side")], Role::Supervisor));
    let case = ana.new_case().await;
    let access_id = kim
        .post("/break-glass", json!({"case_id": case, "reason": "Sam is at the clinic's door."}))
        .await
        .expect(201)
        .id();
    kim.get(&format!("/cases/{case}")).await.expect(200);
    {
        use schema::break_glass::dsl::*;
        let row = break_glass.filter(id.eq(Id::<BreakGlassRow>::parse(&access_id).unwrap()));
        let opened = Instant::now().plus_seconds(TWO_YEARS);
        diesel::update(row)
            .set((opened_at.eq(opened), expires_at.eq(opened.plus_seconds(4 * 3600))))
            .execute(&mut server.database.open())
            .unwrap();
    }
    kim.get(&format!("/cases/{case}")).await.expect(404);
    server.anyone("POST", "/api/v1/auth/forgot-password", Some(json!({"email": ana.email}))).await;
    let secret = server.secret(&ana.email, "password_reset.").await;
    let in_two_years = Instant::now().plus_seconds(TWO_YEARS);
    diesel::update(schema::mailed_secrets::table)
        .set(schema::mailed_secrets::expires_at.eq(in_two_years))
        .execute(&mut server.database.open())
        .unwrap();
    let reset = json!({"token": secret, "password": "seven dry parasols today"});
    server.anyone("POST", "/api/v1/auth/reset-password", Some(reset)).await.expect_fault(
        422,
        "/token",
        "invalid_token",
    );
    assert_eq!(server.open_db().maintain(alongside::identity::one_time_tokens::purge).await.unwrap(), 1);
}

/// The clock of the database decides, if there is one: a session that has expired by that clock has expired, whatever
/// the server's clock says.
async fn session_expiry_is_checked_by_the_database_clock(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let live = || store::find_active(&mut server.database.open(), server.org.id, ana.actor.session).unwrap().is_some();
    assert!(live());
    set_session_times(&ana, -24 * 3600 - 1, 24 * 3600);
    // The guard then compares the end with the server's own clock.
    assert_eq!(live(), server.engine == Engine::Sqlite);
    assert_eq!(status(&ana).await, 401);
}

/// SQLite has no clock of its own: the newest entry of the audit log shows that the clock was set back.
#[actix_web::test]
async fn sqlite_ends_every_session_once_after_the_clock_went_back() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (ana, ben, other) =
        (server.user(Role::Advocate), server.user(Role::Advocate), server.user_of_other_org(Role::Advocate));
    for user in [&ana, &ben, &other] {
        user.new_client().await;
    }
    let db = server.open_db();
    assert_eq!(db.maintain(store::end_sessions_of_wrong_clock).await.unwrap(), 0);
    let ahead = Instant::now().plus_seconds(TWO_YEARS);
    let mut past = server.database.open();
    past.batch_execute("DROP TRIGGER audit_events_no_update").unwrap();
    {
        use schema::audit_events::dsl::*;
        diesel::update(audit_events.filter(organization_id.eq(server.org.id)))
            .set(at.eq(ahead))
            .execute(&mut past)
            .unwrap();
    }
    assert_eq!(
        db.maintain(store::end_sessions_of_wrong_clock).await.unwrap(),
        2,
        "those of the organization whose log lies ahead"
    );
    assert_eq!((status(&ana).await, status(&ben).await, status(&other).await), (401, 401, 200));
    // A user who signs in again keeps the session.
    let again = server.user(Role::Advocate);
    assert_eq!(db.maintain(store::end_sessions_of_wrong_clock).await.unwrap(), 0);
    assert_eq!(status(&again).await, 200);
}
