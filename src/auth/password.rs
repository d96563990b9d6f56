//! Passwords: argon2id, in a thread pool of its own, so that a flood of logins does not take the processors from the
//! rest of the server.

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
use std::{
    collections::BTreeSet,
    sync::{Arc, mpsc},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use zxcvbn::{Score, zxcvbn};

/// The cost of one guess. The minimum is what OWASP requires (AU-01): 34 ms on one core of the machine where it was
/// measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// In KiB.
    memory: u32,
    passes: u32,
}

impl Cost {
    pub const MIN: Self = Self { memory: 19_456, passes: 2 };
    /// The highest cost at which a login is still fast enough.
    const MAX: Self = Self { memory: 1_048_576, passes: 64 };

    /// Refuses a value below [`Cost::MIN`] or above what a login can take.
    pub fn new(memory: u32, passes: u32) -> std::result::Result<Self, String> {
        let Self { memory: least, passes: fewest } = Self::MIN;
        let Self { memory: largest, passes: most } = Self::MAX;
        if (least..=largest).contains(&memory) && (fewest..=most).contains(&passes) {
            return Ok(Self { memory, passes });
        }
        Err(format!(
            "password_memory (KiB) must lie between {least} and {largest}, and password_passes between {fewest} and \
             {most}"
        ))
    }

    fn argon2(self) -> Result<Argon2<'static>> {
        let params = Params::new(self.memory, self.passes, 1, None).map_err(|e| ApiError::internal(e.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Hashes on the calling thread, for the command line and demo data.
    pub fn hash(self, password: &Password) -> Result<String> {
        let hash = self.argon2()?.hash_password(password.0.expose_secret().as_bytes());
        hash.map(|hash| hash.to_string()).map_err(|e| ApiError::internal(e.to_string()))
    }

    /// A hash at this cost that no known password has: its salt and its output are zeros. Computing one would allocate
    /// 19 MiB or more at every start.
    fn dummy_hash(self) -> String {
        let Self { memory, passes } = self;
        format!("$argon2id$v=19$m={memory},t={passes},p=1${:A<22}${:A<43}", "", "")
    }
}

/// The most callers that may wait in the queue. Above it the answer is 503 at once (AU-03).
const QUEUE: usize = 64;
/// The server hashes with parallelism 1; other programs use up to four lanes.
const MAX_LANES: u32 = 4;
const MIN_LENGTH: usize = 15;
const MAX_LENGTH: usize = 128;

/// A password as a user typed it: at most 128 characters, normalized to NFC, never printed.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    pub fn parse(text: &str) -> std::result::Result<Self, Fault> {
        if text.chars().count() > MAX_LENGTH {
            return Err(Fault::new("too_long", format!("must be at most {MAX_LENGTH} characters")));
        }
        Ok(Self(text.nfc().collect::<String>().into()))
    }

    /// Checks a new password (AU-04, AU-05): it must be long, hard to guess, not common, and not made of the user's own
    /// words or terms of this field. This takes up to some tenths of a second: see [`HashPermit::check_new`].
    pub fn check_new(&self, own: &OwnWords) -> std::result::Result<(), Fault> {
        let text = self.0.expose_secret();
        if text.chars().count() < MIN_LENGTH {
            return Err(Fault::new("too_short", format!("must be at least {MIN_LENGTH} characters")));
        }
        let distinct: BTreeSet<char> = text.chars().collect();
        if distinct.len() < 5 {
            return Err(Fault::new("too_simple", "must hold at least 5 different characters"));
        }
        let lower = text.to_lowercase();
        let repeated = repeated(&lower);
        if repeated.is_some_and(|unit| unit.chars().count() < 8) {
            return Err(Fault::new("too_simple", "must not be a few characters over and over"));
        }
        // A common word with digits and symbols around it is as easy to guess as without them.
        let core = lower.trim_matches(|c: char| !c.is_alphabetic());
        if [Some(lower.as_str()), repeated, Some(core)].into_iter().flatten().any(is_common) {
            return Err(Fault::new(
                "too_common",
                "must not be a password that many people have, nor one with figures and signs around it",
            ));
        }
        if is_made_of(&lower, own) {
            return Err(Fault::new(
                "own_words",
                "must not be made of the name, the e-mail address, the organization's name, the service's own words or \
                 terms common in this field",
            ));
        }
        let rated: String = lower.chars().take(RATED_CHARACTERS).collect();
        let inputs: Vec<&str> = own.0.iter().map(String::as_str).chain(FIELD_WORDS.iter().copied()).collect();
        if zxcvbn(&rated, &inputs).score() < Score::Four {
            return Err(Fault::new(
                "too_guessable",
                "is too easy to guess: avoid runs of digits, letters or keys, dates and single common words; use three \
                 or more words that are not related to each other",
            ));
        }
        Ok(())
    }
}

/// The words that a password must not be made of: the user's names, address and organization.
#[derive(Debug, Clone)]
pub struct OwnWords(Vec<String>);

impl OwnWords {
    /// The words of these texts that have at least five characters.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let words = texts.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        Self(words.filter(|word| word.chars().count() >= 5).map(str::to_lowercase).collect())
    }
}

/// Whether almost nothing remains of a text after the user's own words and the field's terms are removed. It also
/// checks the text with digits and symbols replaced by the letters that they resemble.
fn is_made_of(lower: &str, own: &OwnWords) -> bool {
    let mut words: Vec<&str> = own.0.iter().map(String::as_str).chain(FIELD_WORDS.iter().copied()).collect();
    // The longest words come first, because `sobriety` contains more than `sober`.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    // Digits and symbols around the words do not replace letters.
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let spelled: String = core.chars().map(resembled_letter).filter(|c| c.is_alphanumeric()).collect();
    [plain, spelled].iter().any(|text| {
        let rest = words.iter().fold(text.clone(), |rest, word| rest.replace(word, ""));
        rest != *text && rest.chars().filter(|c| c.is_alphabetic()).count() < 8
    })
}

/// The letter that a digit or a symbol replaces in many passwords.
const fn resembled_letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        c => c,
    }
}

/// Words and phrases that everyone in recovery work knows and an attacker tries first; without spaces, in lower case.
#[rustfmt::skip]
const FIELD_WORDS: &[&str] = &[
    "alongside", "password", "passphrase", "recovery", "recovering", "recovered", "advocate", "advocates", "advocacy", "peersupport", "peers",
    "peer", "sober", "sobriety", "clean", "naloxone", "narcan", "suboxone", "subutex", "buprenorphine", "methadone", "naltrexone", "vivitrol",
    "fentanyl", "heroin", "cocaine", "opioid", "opioids", "opiate", "overdose", "alcohol", "alcoholic", "addict", "addiction", "relapse", "detox",
    "rehab", "treatment", "therapist", "therapy", "counselor", "counsellor", "counseling", "sponsor", "coach", "support", "client", "clients",
    "clinic", "hospital", "meeting", "twelvesteps", "twelvestep", "12steps", "12step", "serenity", "higherpower", "anonymous", "community",
    "wellness", "healing", "harmreduction", "medication", "prescription", "insurance", "medicaid", "caseworker", "casework",
    "onedayatatime", "keepcomingback", "itworksifyouworkit", "justfortoday", "letgoandletgod", "easydoesit", "firstthingsfirst",
    "thistooshallpass", "progressnotperfection", "wedorecover", "recoveryispossible", "savelives", "saveslives", "keepitsimple", "livelife",
];

/// The number of characters that zxcvbn rates. Its time grows with the number of characters that may stand for several
/// letters: 0.2 s for 40 such characters, 1.2 s for 100. A long password is also refused if these first characters
/// alone are easy to guess.
const RATED_CHARACTERS: usize = 40;

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
            .max_length(Some(MAX_LENGTH))
            .description(Some("A password: any characters, at most 128 of them; a new one at least 15."))
            .into()
    }
}
impl utoipa::ToSchema for Password {}

/// The hashes of the most common passwords, generated by `common_passwords.py`.
static COMMON: &[u8] = include_bytes!("common_passwords.bin");

fn is_common(text: &str) -> bool {
    let (sorted, _) = COMMON.as_chunks::<6>();
    Sha256::digest(text).first_chunk::<6>().is_some_and(|hash| sorted.binary_search(hash).is_ok())
}

/// The shortest unit that a text repeats twice or more; the last repetition may be partial.
fn repeated(text: &str) -> Option<&str> {
    let begins = text.char_indices().map(|(at, _)| at).skip(1).take_while(|at| at * 2 <= text.len());
    begins.filter_map(|at| text.split_at_checked(at)).find(|(_, rest)| text.starts_with(rest)).map(|(unit, _)| unit)
}

/// Whether a stored hash may be verified: its cost is within the allowed maximum and it uses few lanes. An imported or
/// altered hash must not take gigabytes or minutes.
fn is_within_limits(hash: &PasswordHash) -> bool {
    Params::try_from(hash).is_ok_and(|params| {
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let within_limits = memory <= Cost::MAX.memory && passes <= Cost::MAX.passes && lanes <= MAX_LANES;
        if !within_limits {
            tracing::error!(
                memory,
                passes,
                lanes,
                "a stored password hash costs more than is allowed: its password is refused, and a new one must be set"
            );
        }
        within_limits
    })
}

fn verify_blocking(password: &Password, hash: Option<&str>, dummy_hash: &str) -> bool {
    let parsed = hash.and_then(|hash| PasswordHash::new(hash).ok()).filter(is_within_limits);
    let is_known = parsed.is_some();
    // A refused hash costs as much time as a wrong password.
    let matches = parsed.or_else(|| PasswordHash::new(dummy_hash).ok()).is_some_and(|parsed| {
        Argon2::default().verify_password(password.0.expose_secret().as_bytes(), &parsed).is_ok()
    });
    matches && is_known
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread pool: half of the processors, at least one thread, with a bounded queue.
#[derive(Clone)]
pub struct Hasher {
    queue: mpsc::SyncSender<Job>,
    permits: Arc<Semaphore>,
    cost: Cost,
    /// A password for an unknown name is verified against this hash, so that it takes the same time as for a known
    /// name.
    dummy_hash: Arc<str>,
}

/// A permit to use the hashing threads. It reserves one slot in their queue.
pub struct HashPermit<'h> {
    hasher: &'h Hasher,
    permit: Arc<OwnedSemaphorePermit>,
}

impl Hasher {
    pub fn start(cost: Cost) -> Result<Self> {
        let dummy_hash = cost.dummy_hash().into();
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
        Ok(Self { queue, permits: Arc::new(Semaphore::new(QUEUE)), cost, dummy_hash })
    }

    /// Returns a permit, or 503 at once if the queue is full. Call it before any other work for a login, so that a
    /// flood of logins costs nothing.
    pub fn permit(&self) -> Result<HashPermit<'_>> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| busy())?;
        Ok(HashPermit { hasher: self, permit: Arc::new(permit) })
    }

    /// Whether a hash was made with a lower cost than the current one.
    pub fn needs_rehash(&self, hash: &str) -> bool {
        let params = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        params.is_none_or(|params| params.m_cost() < self.cost.memory || params.t_cost() < self.cost.passes)
    }
}

fn busy() -> ApiError {
    ApiError::overloaded("Too many people are signing in at once.")
}

impl HashPermit<'_> {
    async fn run<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        // If the caller goes away, the job stays in the queue and keeps its permit.
        let permit = Arc::clone(&self.permit);
        let job: Job = Box::new(move || {
            let _held = permit;
            drop(reply.send(f()));
        });
        self.hasher.queue.try_send(job).map_err(|_| busy())?;
        answer.await.map_err(ApiError::internal)
    }

    pub async fn hash(&self, password: Password) -> Result<String> {
        let cost = self.hasher.cost;
        self.run(move || cost.hash(&password)).await?
    }

    /// Checks a new password in the pool, because the check takes time (AU-03).
    pub async fn check_new(&self, password: Password, own: OwnWords, pointer: &'static str) -> Result<()> {
        let checked = self.run(move || password.check_new(&own)).await?;
        checked.map_err(|fault| ApiError::invalid(pointer, fault.code, fault.detail))
    }

    /// Whether the password matches the hash. Without a hash it takes the same time as a wrong password.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool> {
        let dummy_hash = Arc::clone(&self.hasher.dummy_hash);
        self.run(move || verify_blocking(&password, hash.as_deref(), &dummy_hash)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_verifies_only_its_own_password() {
        let right = Password::parse("correct horse battery").unwrap();
        let hash = Cost::MIN.hash(&right).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let dummy_hash = Cost::MIN.dummy_hash();
        assert!(verify_blocking(&right, Some(&hash), &dummy_hash));
        assert!(!verify_blocking(&Password::parse("wrong horse battery").unwrap(), Some(&hash), &dummy_hash));
        assert!(!verify_blocking(&right, None, &dummy_hash));
    }

    #[test]
    fn dummy_hash_costs_as_much_as_a_real_one() {
        let hashes = [Cost::MIN.dummy_hash(), Cost::MIN.hash(&Password::parse("any").unwrap()).unwrap()];
        let [dummy, real] = hashes.each_ref().map(|hash| PasswordHash::new(hash).unwrap());
        assert_eq!((dummy.algorithm, dummy.version, &dummy.params), (real.algorithm, real.version, &real.params));
        let lengths = |hash: &PasswordHash| (hash.salt.map(|salt| salt.len()), hash.hash.map(|hash| hash.len()));
        assert_eq!(lengths(&dummy), lengths(&real));
    }

    #[test]
    fn hash_cost_is_bounded_below_and_above() {
        assert_eq!(Cost::new(19_456, 2), Ok(Cost::MIN));
        for (memory, passes) in [(19_455, 2), (65_536, 1), (0, 0), (2_000_000, 2), (19_456, 65)] {
            assert!(Cost::new(memory, passes).is_err(), "{memory} {passes}");
        }
    }

    #[test]
    fn common_password_list_has_at_least_100_000_sorted_entries() {
        let (sorted, rest) = COMMON.as_chunks::<6>();
        assert!(sorted.len() >= 100_000 && rest.is_empty() && sorted.is_sorted(), "{} {}", sorted.len(), rest.len());
    }

    #[test]
    fn new_password_must_be_long_uncommon_and_not_the_users_name() {
        let check = |text: &str| {
            Password::parse(text)
                .unwrap()
                .check_new(&OwnWords::new(["Ana Lopez", "ana.lopez@example.org"]))
                .map_err(|f| f.code)
        };
        assert_eq!(check("short"), Err("too_short"));
        assert_eq!(check("aaaaaaaaaaaaaaaaaaaa"), Err("too_simple"));
        assert_eq!(check("ana.lopez@example.org"), Err("own_words"));
        assert_eq!(check("three wet umbrellas"), Ok(()));
        for simple in ["abcdeabcdeabcde", "umbrellaumbrella", "äöüßéäöüßéäöüßé"] {
            let fault = check(simple);
            assert!(matches!(fault, Err("too_simple" | "too_common")), "{simple} {fault:?}");
        }
        for common in [
            "1qaz2wsx3edc4rfv",
            "1QAZ2WSX3edc4rfv",
            "sunshine1234567",
            "...Password2026!",
            "passwordpassword",
            "iloveyou 1234 5678",
        ] {
            assert_eq!(check(common), Err("too_common"), "{common}");
        }
        assert!(Password::parse(&"x".repeat(129)).is_err());
    }

    #[test]
    fn domain_words_and_simple_sequences_are_refused_and_phrases_accepted() {
        let check = |text: &str| {
            Password::parse(text)
                .unwrap()
                .check_new(&OwnWords::new(["Ana Lopez", "River Peers"]))
                .map_err(|fault| fault.code)
        };
        for good in [
            "three wet umbrellas",
            "four dry umbrellas",
            "correct horse battery staple",
            "blue kettle sings",
            "my sober dog eats old shoes",
            "drei nasse regenschirme",
            "мой старый зонтик",
            "x8Kq-2vN-7tLp-4w",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "123456789012345",
            "987654321098765",
            "1357924680135792",
            "112233445566778899",
            "abcdefghijklmnop",
            "zyxwvutsrqponmlk",
            "qwertyuiopasdfghjkl",
            "poiuytrewqlkjhg",
            "qazwsxedcrfvtgb",
            "zxcvbnm,./asdfghjkl",
            "asdfghjkl123456",
            "januaryfebruarymarch",
            "recoveryadvocate",
            "peer support advocate",
            "RecoveryCoach2026!",
            "soberandclean2025",
            "S0ber4Life!!2026",
            "One day at a time 2024",
            "naloxone saves lives",
            "Naloxone4everyone",
            "lopezlopez12345678",
        ] {
            let fault = check(bad);
            assert!(
                matches!(fault, Err("too_guessable" | "own_words" | "too_common" | "too_simple")),
                "{bad} {fault:?}"
            );
        }
    }

    #[test]
    fn password_check_takes_bounded_time() {
        let check = |text: &str| Password::parse(text).unwrap().check_new(&OwnWords::new(["Ana Lopez"]));
        // Loads the dictionaries first.
        check("three wet umbrellas").unwrap();
        let worst: String = "4@8({[<369|!10$5+7%2".chars().cycle().take(MAX_LENGTH).collect();
        let begun = std::time::Instant::now();
        drop(check(&worst));
        assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    #[test]
    fn hash_with_excessive_cost_is_refused_in_normal_time() {
        let right = Password::parse("correct horse battery").unwrap();
        let hash = Cost::MIN.hash(&right).unwrap();
        let nobodys = Cost::MIN.hash(&Password::parse("nobody has this password").unwrap()).unwrap();
        for (within_limits, cost) in [
            (true, "m=19456,t=2,p=1"),
            (true, "m=1048576,t=64,p=4"),
            (false, "m=1048577,t=2,p=1"),
            (false, "m=19456,t=65,p=1"),
            (false, "m=19456,t=2,p=5"),
            (false, "m=4194304,t=4294967295,p=1"),
        ] {
            let other = hash.replace("m=19456,t=2,p=1", cost);
            let parsed = PasswordHash::new(&other).unwrap();
            assert_eq!(is_within_limits(&parsed), within_limits, "{cost}");
            if !within_limits {
                let begun = std::time::Instant::now();
                assert!(!verify_blocking(&right, Some(&other), &nobodys), "{cost}");
                assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{cost}");
            }
        }
    }
}
