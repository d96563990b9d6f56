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
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, mpsc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// What a guess costs. The least is what OWASP asks for (AU-01), 34 ms on one core of the machine that it was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// KiB.
    memory: u32,
    passes: u32,
}

impl Cost {
    pub const LEAST: Self = Self { memory: 19_456, passes: 2 };

    /// At least as much as [`Cost::LEAST`] in both, and no more than a login can bear.
    pub fn new(memory: u32, passes: u32) -> std::result::Result<Self, String> {
        let Self { memory: least, passes: fewest } = Self::LEAST;
        if (least..=1_048_576).contains(&memory) && (fewest..=64).contains(&passes) {
            return Ok(Self { memory, passes });
        }
        Err(format!("password_memory (KiB) must lie between {least} and 1048576, and password_passes between {fewest} and 64"))
    }

    fn argon2(self) -> Result<Argon2<'static>> {
        let params = Params::new(self.memory, self.passes, 1, None).map_err(|e| ApiError::internal(e.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Hashes here and now, on the calling thread: for the command line and for made-up data.
    pub fn hash(self, password: &Password) -> Result<String> {
        let hash = self.argon2()?.hash_password(password.0.expose_secret().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|e| ApiError::internal(e.to_string()))
    }
}

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

    /// Whether it is fit to be somebody's new password (AU-04, AU-05): long enough, nothing over and over, none that many have, and not
    /// made of the person's own words.
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
        let repeated = repeated(&lower);
        if repeated.is_some_and(|unit| unit.chars().count() < 8) {
            return Err(Fault::new("too_simple", "must not be a few characters over and over"));
        }
        // A common word with figures and signs around it is as easily guessed as without them.
        let core = lower.trim_matches(|c: char| !c.is_alphabetic());
        if [Some(lower.as_str()), repeated, Some(core)].into_iter().flatten().any(is_common) {
            return Err(Fault::new("too_common", "must not be a password that many people have, nor one with figures and signs around it"));
        }
        let own = own_words.iter().flat_map(|words| words.split(|c: char| !c.is_alphanumeric())).filter(|word| word.chars().count() >= 5);
        let mut rest = lower.clone();
        for word in own.chain(["alongside", "password"]) {
            rest = rest.replace(&word.to_lowercase(), "");
        }
        if rest != lower && rest.chars().filter(|c| c.is_alphanumeric()).count() < 8 {
            return Err(Fault::new(
                "own_words",
                "must not be made of the name, the e-mail address, the organization's name or the service's own words",
            ));
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

/// The hashes of the passwords that are the first to be tried: `common_passwords.py` has made them.
static COMMON: &[u8] = include_bytes!("common_passwords.bin");

fn is_common(text: &str) -> bool {
    let (sorted, _) = COMMON.as_chunks::<6>();
    Sha256::digest(text).first_chunk::<6>().is_some_and(|hash| sorted.binary_search(hash).is_ok())
}

/// What a text is made of by saying it twice or more, the last time perhaps in part.
fn repeated(text: &str) -> Option<&str> {
    let begins = text.char_indices().map(|(at, _)| at).skip(1).take_while(|at| at * 2 <= text.len());
    begins.filter_map(|at| text.split_at_checked(at)).find(|(_, rest)| text.starts_with(rest)).map(|(unit, _)| unit)
}

fn verify_here(password: &Password, hash: Option<&str>, nobodys: &str) -> bool {
    let matches = PasswordHash::new(hash.unwrap_or(nobodys))
        .is_ok_and(|parsed| Argon2::default().verify_password(password.0.expose_secret().as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

type Job = Box<dyn FnOnce() + Send>;

/// The pool: half the processors, at least one, and a bounded queue.
#[derive(Clone)]
pub struct Hasher {
    queue: mpsc::SyncSender<Job>,
    places: Arc<Semaphore>,
    cost: Cost,
    /// What an unknown name is verified against, so that it costs the same as a known one.
    nobodys: Arc<str>,
}

/// A place in the queue.
pub struct Place<'h> {
    hasher: &'h Hasher,
    held: Arc<OwnedSemaphorePermit>,
}

impl Hasher {
    pub fn start(cost: Cost) -> Result<Self> {
        let nobodys = cost.hash(&Password("nobody has this password".to_owned().into()))?.into();
        let (queue, jobs) = mpsc::sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(std::sync::Mutex::new(jobs));
        let threads = std::thread::available_parallelism().map_or(1, |n| (n.get() / 2).max(1));
        for _ in 0..threads {
            let jobs = Arc::clone(&jobs);
            let work = move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(job))),
                        Err(_) => return Ok(()),
                    }
                }
            };
            crate::supervise::thread("argon2", work).map_err(ApiError::internal)?;
        }
        Ok(Self { queue, places: Arc::new(Semaphore::new(QUEUE)), cost, nobodys })
    }

    /// A place in the queue, or 503 at once: to be asked for before anything is done for a login, so that a flood of them costs nothing.
    pub fn place(&self) -> Result<Place<'_>> {
        let held = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        Ok(Place { hasher: self, held: Arc::new(held) })
    }

    /// Whether a hash was made when a guess cost less than now.
    pub fn has_outgrown(&self, hash: &str) -> bool {
        let params = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_none_or(|params| params.m_cost() < self.cost.memory || params.t_cost() < self.cost.passes)
    }
}

fn busy() -> ApiError {
    ApiError::overloaded("Too many people are signing in at once.")
}

impl Place<'_> {
    async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        // Whoever goes away leaves their job behind, and it keeps their place.
        let held = Arc::clone(&self.held);
        let job: Job = Box::new(move || {
            let _held = held;
            drop(reply.send(f()));
        });
        self.hasher.queue.try_send(job).map_err(|_| busy())?;
        answer.await.map_err(ApiError::internal)
    }

    pub async fn hash(&self, password: Password) -> Result<String> {
        let cost = self.hasher.cost;
        self.run(move || cost.hash(&password)).await?
    }

    /// Whether the password is the one that was hashed. No hash costs as much as a wrong password.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool> {
        let nobodys = Arc::clone(&self.hasher.nobodys);
        self.run(move || verify_here(&password, hash.as_deref(), &nobodys)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_own_password_only() {
        let right = Password::parse("correct horse battery").unwrap();
        let hash = Cost::LEAST.hash(&right).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let nobodys = Password::parse("nobody has this password").unwrap();
        let of_nobody = Cost::LEAST.hash(&nobodys).unwrap();
        assert!(verify_here(&right, Some(&hash), &of_nobody));
        assert!(!verify_here(&Password::parse("wrong horse battery").unwrap(), Some(&hash), &of_nobody));
        assert!(!verify_here(&nobodys, None, &of_nobody));
    }

    #[test]
    fn a_guess_never_costs_less_than_the_least() {
        assert_eq!(Cost::new(19_456, 2), Ok(Cost::LEAST));
        for (memory, passes) in [(19_455, 2), (65_536, 1), (0, 0), (2_000_000, 2), (19_456, 65)] {
            assert!(Cost::new(memory, passes).is_err(), "{memory} {passes}");
        }
    }

    #[test]
    fn a_hundred_thousand_passwords_are_too_common() {
        let (sorted, rest) = COMMON.as_chunks::<6>();
        assert!(sorted.len() >= 100_000 && rest.is_empty() && sorted.is_sorted(), "{} {}", sorted.len(), rest.len());
    }

    #[test]
    fn a_new_password_is_long_and_not_ones_own_name() {
        let check = |text: &str| Password::parse(text).unwrap().check_new(&["Ana Lopez", "ana.lopez@example.org"]).map_err(|f| f.code);
        assert_eq!(check("short"), Err("too_short"));
        assert_eq!(check("aaaaaaaaaaaaaaaaaaaa"), Err("too_simple"));
        assert_eq!(check("ana.lopez@example.org"), Err("own_words"));
        assert_eq!(check("three wet umbrellas"), Ok(()));
        for simple in ["abcdeabcdeabcde", "umbrellaumbrella", "äöüßéäöüßéäöüßé"] {
            let told = check(simple);
            assert!(matches!(told, Err("too_simple" | "too_common")), "{simple} {told:?}");
        }
        for common in
            ["1qaz2wsx3edc4rfv", "1QAZ2WSX3edc4rfv", "sunshine1234567", "...Password2026!", "passwordpassword", "iloveyou 1234 5678"]
        {
            assert_eq!(check(common), Err("too_common"), "{common}");
        }
        assert!(Password::parse(&"x".repeat(129)).is_err());
    }
}
