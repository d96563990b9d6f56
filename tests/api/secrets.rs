//! Secrets of second factors in the database: encrypted for their row, with keys that the database does not contain.

use crate::{
    on_both_engines,
    support::{PASSWORD, Reply, TestServer, User, operator},
};
use alongside::{
    admin,
    auth::{
        Role,
        secret_keys::{self, SecretKeys},
        totp,
    },
    db::schema::{recovery_codes, second_factors},
    identity::second_factor::model::FactorRow,
    types::Instant,
};
use diesel::{connection::SimpleConnection as _, prelude::*};
use serde_json::json;
use std::{path::Path, process::Command, sync::Arc};

fn row(server: &TestServer, user: &User<'_>) -> FactorRow {
    let own = second_factors::table.filter(second_factors::user_id.eq(user.actor.user));
    own.select(FactorRow::as_select()).first(&mut server.database.open()).unwrap()
}
/// Stores this value unchanged, and allows a used code again.
fn store(server: &TestServer, user: &User<'_>, secret: &[u8]) {
    let own = second_factors::table.filter(second_factors::user_id.eq(user.actor.user));
    let stored = (second_factors::secret.eq(secret), second_factors::last_step.eq(0));
    diesel::update(own).set(stored).execute(&mut server.database.open()).unwrap();
}
fn keys(folder: &Path) -> SecretKeys {
    SecretKeys::read(folder).unwrap()
}
/// Sets up a second factor. Returns its secret and the recovery codes.
async fn set_up(server: &TestServer, user: &User<'_>) -> (Vec<u8>, Vec<String>) {
    user.send("POST", "/me/second-factor", &[], None).await.expect(200);
    let secret = row(server, user).decrypt_secret(&keys(server.database.folder.path())).unwrap();
    let code = totp::code_at(&secret, Instant::now());
    let codes = user.post("/me/second-factor/confirmation", json!({"otp": code})).await.expect(200);
    (
        secret,
        codes.body["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect(),
    )
}
async fn sign_in(server: &TestServer, user: &User<'_>, otp: &str) -> Reply {
    server
        .anyone("POST", "/api/v1/auth/login", Some(json!({"email": user.email, "password": PASSWORD, "otp": otp})))
        .await
}
async fn sign_in_at(server: &TestServer, base: &str, user: &User<'_>, otp: &str) -> u16 {
    let body = json!({"email": user.email, "password": PASSWORD, "otp": otp});
    server.http.post(format!("{base}/api/v1/auth/login")).json(&body).send().await.unwrap().status().as_u16()
}
fn code(secret: &[u8]) -> String {
    totp::code_at(secret, Instant::now())
}
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
/// What a server does at its start, on a thread that may block.
fn prepare(server: &TestServer, folder: &Path) -> Result<Arc<SecretKeys>, String> {
    let (db, operator) = (server.open_db(), operator());
    std::thread::scope(|threads| threads.spawn(|| admin::prepare_secrets(&db, &operator, folder)).join().unwrap())
}

on_both_engines! {
    database_stores_second_factor_secrets_encrypted,
    second_factor_secret_copied_to_another_user_does_not_decrypt,
    server_with_another_secret_key_refuses_second_factor_logins,
    stored_secrets_are_encrypted_at_start_and_after_key_rotation,
}

async fn database_stores_second_factor_secrets_encrypted(server: &TestServer) {
    let ana = server.user(Role::Advocate);
    let (secret, codes) = set_up(server, &ana).await;
    let stored = row(server, &ana).secret;
    assert_eq!(secret.len(), totp::SECRET_BYTES);
    assert!(stored.len() > secret.len() && !contains(&stored, &secret));
    let hashes: Vec<Vec<u8>> =
        recovery_codes::table.select(recovery_codes::hash).load(&mut server.database.open()).unwrap();
    assert!(hashes.len() == 10 && hashes.iter().all(|hash| hash.len() == 32));
    // Neither does the file, with all files beside it, except the folder of the keys.
    if server.database.url.starts_with("sqlite") {
        let mut conn = server.database.open();
        alongside::on_engine!(&mut conn, |c| c.batch_execute("PRAGMA wal_checkpoint(FULL)")).unwrap();
        let mut read = 0;
        for file in std::fs::read_dir(server.database.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
        {
            let bytes = std::fs::read(&file).unwrap();
            for clear in [
                secret.as_slice(),
                totp::base32(&secret).as_bytes(),
                codes[0].as_bytes(),
                totp::plain(&codes[0]).as_bytes(),
            ] {
                assert!(!contains(&bytes, clear), "{}", file.display());
            }
            read += bytes.len();
        }
        assert!(read > 100_000, "{read}");
    }
    store(server, &ana, &stored);
    sign_in(server, &ana, &code(&secret)).await.expect(200);
    sign_in(server, &ana, &codes[0]).await.expect(200);
}

async fn second_factor_secret_copied_to_another_user_does_not_decrypt(server: &TestServer) {
    let (ana, ben) = (server.user(Role::Advocate), server.user(Role::Advocate));
    let ((of_ana, _), (_, of_ben)) = (set_up(server, &ana).await, set_up(server, &ben).await);
    store(server, &ben, &row(server, &ana).secret);
    // A user who has their own factor and can write to the table still cannot sign in as another user, and a plain
    // secret is not accepted.
    for otp in [code(&of_ana), of_ben[0].clone()] {
        let observed = sign_in(server, &ben, &otp).await.expect(503);
        assert_eq!(
            (observed.body["code"].as_str(), observed.header("retry-after")),
            (Some("unavailable"), "60"),
            "{:#}",
            observed.body
        );
        assert!(!observed.body.to_string().contains(&ben.id()));
    }
    store(server, &ben, &of_ana);
    sign_in(server, &ben, &code(&of_ana)).await.expect(503);
    ben.post("/auth/reauthenticate", json!({"password": PASSWORD, "otp": code(&of_ana)})).await.expect(503);
    store(server, &ana, &row(server, &ana).secret);
    sign_in(server, &ana, &code(&of_ana)).await.expect(200);
}

async fn server_with_another_secret_key_refuses_second_factor_logins(server: &TestServer) {
    let (ana, elsewhere) = (server.user(Role::Advocate), tempfile::tempdir().unwrap());
    let (secret, codes) = set_up(server, &ana).await;
    store(server, &ana, &row(server, &ana).secret);
    let there = server.another_server_with_secrets(SecretKeys::load(elsewhere.path()).unwrap());
    for otp in [code(&secret), codes[0].clone(), "000000".to_owned()] {
        assert_eq!(sign_in_at(server, &there, &ana, &otp).await, 503);
    }
    // No code was used up, and a server that shares the folder accepts them.
    let sharing = server.another_server_with_secrets(keys(server.database.folder.path()));
    assert_eq!(sign_in_at(server, &sharing, &ana, &code(&secret)).await, 200);
    sign_in(server, &ana, &codes[0]).await.expect(200);
    // The server does not start.
    let refused = prepare(server, elsewhere.path()).unwrap_err();
    assert!(
        refused.contains(&keys(server.database.folder.path()).ids()[0]) && refused.contains("is everything mounted?"),
        "{refused}"
    );
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(
        prepare(server, nothing.path()).unwrap_err().replace(&*nothing.path().to_string_lossy(), ""),
        refused.replace(&*elsewhere.path().to_string_lossy(), "")
    );
    assert!(!nothing.path().join(secret_keys::FOLDER).exists(), "no key is made in the place of one that is missing");
    let run = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
        command
            .env("ALONGSIDE_DATABASE_URL", &server.database.url)
            .env("ALONGSIDE_DATA_DIR", folder)
            .env_remove("ALONGSIDE_TEST_POSTGRES");
        let done = command.env("ALONGSIDE_LISTEN", "127.0.0.1:0").args(arguments).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (status, _, observed) = run(nothing.path(), &["serve"]);
    assert!(
        status == Some(1) && observed.lines().last().unwrap().contains("second factors that are encrypted with key"),
        "{observed}"
    );
    // `verify` reports it.
    let (status, observed, _) = run(elsewhere.path(), &["verify"]);
    assert!(
        status == Some(1)
            && observed.contains("0 of 1 secrets of second factors can be decrypted")
            && observed.contains("is not in"),
        "{observed}"
    );
    let (_, observed, _) = run(server.database.folder.path(), &["verify"]);
    assert!(observed.contains("1 of 1 secrets of second factors can be decrypted"), "{observed}");
    let password = server.database.folder.path().join("short");
    std::fs::write(&password, "short").unwrap();
    let (status, _, observed) = run(
        nothing.path(),
        &["admin", "set-password", "--email", &ana.email, "--password-file", password.to_str().unwrap()],
    );
    assert!(status == Some(1) && observed.contains("password: must be at least 15 characters"), "{observed}");
}

async fn stored_secrets_are_encrypted_at_start_and_after_key_rotation(server: &TestServer) {
    let (ana, ben, folder) =
        (server.user(Role::Advocate), server.user_of_other_org(Role::Advocate), server.database.folder.path());
    let ((of_ana, _), (of_ben, _)) = (set_up(server, &ana).await, set_up(server, &ben).await);
    store(server, &ana, &of_ana);
    let of_ben_before = row(server, &ben).secret;
    prepare(server, folder).unwrap();
    let sealed = row(server, &ana).secret;
    assert!(
        !contains(&sealed, &of_ana) && row(server, &ben).secret == of_ben_before,
        "what is encrypted already stays as it is"
    );
    prepare(server, folder).unwrap();
    assert_eq!(row(server, &ana).secret, sealed, "a second time there is nothing to do");
    sign_in(server, &ana, &code(&of_ana)).await.expect(200);
    // A plain secret may begin with any byte, and none is mistaken for an encrypted one.
    for first in [0, 1, 2, 255] {
        let mut secret = of_ana.clone();
        secret[0] = first;
        store(server, &ana, &secret);
        prepare(server, folder).unwrap();
        assert_eq!(row(server, &ana).decrypt_secret(&keys(folder)).unwrap(), secret);
    }
    store(server, &ana, &sealed);

    let newer = SecretKeys::add(folder).unwrap();
    let rotated = prepare(server, folder).unwrap();
    for (user, secret) in [(&ana, &of_ana), (&ben, &of_ben)] {
        let stored = row(server, user).secret;
        assert_eq!(secret_keys::key_of(&stored).as_ref(), Some(&newer));
        // A server that was already running finds the new key by itself.
        store(server, user, &stored);
        sign_in(server, user, &code(secret)).await.expect(200);
    }
    assert_eq!(rotated.ids().len(), 2);
    // When nothing needs the older key any more, it may be deleted.
    let old = std::fs::read_dir(folder.join(secret_keys::FOLDER))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| !path.to_string_lossy().contains(&newer))
        .unwrap();
    std::fs::remove_file(old).unwrap();
    assert_eq!(prepare(server, folder).unwrap().ids(), [newer]);
}
