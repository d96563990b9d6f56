//! Passwords: argon2id, in a pool of its own, so that a flood of logins leaves the rest of the server its processor.

use crate::{
    error::{ApiError, Result},
    types::fault::Fault,
};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use std::sync::{Arc, LazyLock, mpsc};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization as _;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// Memory in KiB, passes, lanes: the OWASP minimum (AU-01), 34 ms on one core of the machine that it was measured on.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// How many may wait for a place; beyond it the answer is 503 at once (AU-03).
const QUEUE: usize = 64;
const SHORTEST: usize = 15;
const LONGEST: usize = 128;

/// A password as somebody typed it: at most 128 characters, NFC, printed by nothing.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        if text.chars().count() > LONGEST {
            return Err(Fault::new("too_long", format!("must be at most {LONGEST} characters")));
        }
        Ok(Self(text.nfc().collect::<String>().into()))
    }

    /// Whether it is fit to be somebody's new password (AU-04, AU-05): long enough, not one character over and over, and not
    /// made of the person's own words. The list of common passwords comes with the second factor.
    pub fn check_new(&self, own_words: &[&str]) -> std::result::Result<(), Fault> {
        let text = self.0.expose_secret();
        if text.chars().count() < SHORTEST {
            return Err(Fault::new("too_short", format!("must be at least {SHORTEST} characters")));
        }
        let distinct: std::collections::BTreeSet<char> = text.chars().collect();
        if distinct.len() < 5 {
            return Err(Fault::new("too_simple", "must hold at least 5 different characters"));
        }
        let lower = text.to_lowercase();
        let own = own_words.iter().flat_map(|words| words.split(|c: char| !c.is_alphanumeric())).filter(|word| word.chars().count() >= 5);
        let mut rest = lower.clone();
        for word in own.chain(["alongside", "password"]) {
            rest = rest.replace(&word.to_lowercase(), "");
        }
        if rest != lower && rest.chars().filter(|c| c.is_alphanumeric()).count() < 8 {
            return Err(Fault::new("own_words", "must not be made of the name, the e-mail address or the service's own words"));
        }
        Ok(())
    }
}
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Password {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .max_length(Some(LONGEST))
            .description(Some("A password: any characters, at most 128 of them; a new one at least 15."))
            .into()
    }
}
impl utoipa::ToSchema for Password {}

fn argon2() -> Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|e| ApiError::internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes here and now, on the calling thread: for the command line and for made-up data.
pub fn hash_here(password: &Password) -> Result<String> {
    let hash = argon2()?.hash_password(password.0.expose_secret().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|e| ApiError::internal(e.to_string()))
}

/// What an unknown name is verified against, so that it costs the same as a known one.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_here(&Password("nobody has this password".to_owned().into())).ok());

fn verify_here(password: &Password, hash: Option<&str>) -> bool {
    let Some(stored) = hash.or(NOBODY.as_deref()) else { return false };
    let matches = PasswordHash::new(stored)
        .is_ok_and(|parsed| Argon2::default().verify_password(password.0.expose_secret().as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

type Job = Box<dyn FnOnce() + Send>;

/// The pool: half the processors, at least one, and a bounded queue.
#[derive(Clone)]
pub struct Hasher {
    queue: mpsc::SyncSender<Job>,
}

impl Hasher {
    pub fn start() -> std::io::Result<Self> {
        LazyLock::force(&NOBODY);
        let (queue, jobs) = mpsc::sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(std::sync::Mutex::new(jobs));
        let threads = std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).max(1));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new().name("argon2".into()).spawn(move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))),
                        Err(_) => return,
                    }
                }
            })?;
        }
        Ok(Self { queue })
    }

    async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || drop(reply.send(f())));
        self.queue.try_send(job).map_err(|_| ApiError::overloaded("Too many people are signing in at once."))?;
        answer.await.map_err(ApiError::internal)
    }

    pub async fn hash(&self, password: Password) -> Result<String> {
        self.run(move || hash_here(&password)).await?
    }

    /// Whether the password is the one that was hashed. No hash costs as much as a wrong password.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool> {
        self.run(move || verify_here(&password, hash.as_deref())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_own_password_only() {
        let right = Password::parse("correct horse battery").unwrap();
        let hash = hash_here(&right).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_here(&right, Some(&hash)));
        assert!(!verify_here(&Password::parse("wrong horse battery").unwrap(), Some(&hash)));
        assert!(!verify_here(&Password::parse("nobody has this password").unwrap(), None));
    }

    #[test]
    fn a_new_password_is_long_and_not_ones_own_name() {
        let check = |text: &str| Password::parse(text).unwrap().check_new(&["Ana Lopez", "ana.lopez@example.org"]).map_err(|f| f.code);
        assert_eq!(check("short"), Err("too_short"));
        assert_eq!(check("aaaaaaaaaaaaaaaaaaaa"), Err("too_simple"));
        assert_eq!(check("ana.lopez@example.org"), Err("own_words"));
        assert_eq!(check("three wet umbrellas"), Ok(()));
        assert!(Password::parse(&"x".repeat(129)).is_err());
    }
}
