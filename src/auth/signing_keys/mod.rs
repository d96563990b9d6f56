//! The signing keys on the disk (TK-09). All of them verify; the newest key whose start time has passed signs. A
//! retired key leaves its public half, so that a permanent signature, such as that of a checkpoint, can still be
//! verified.

use crate::{lock::FolderLock, types::Instant};
use aws_lc_rs::{
    encoding::AsBigEndian as _,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs, iter,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(super) mod files;
pub use files::shared;
use files::{FIRST, FOLDER, files, name, read_small, time_in_name, write};

/// The public halves of the keys in RFC 8032 and RFC 8410, which many examples use.
const SAMPLES: [&str; 4] = [
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
    "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE",
];
/// The fewest different bytes in a seed. Of 32 random bytes about thirty differ, so a seed with fewer than this was
/// invented by a person.
const MIN_DISTINCT_BYTES: usize = 16;

/// A key that signs, has signed, or will sign.
pub struct Key {
    /// The id of the key in a token: the beginning of the hash of its public half.
    pub kid: String,
    pub public: String,
    pub signs_from: Instant,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// The HMAC key for cursors, so that nobody can forge one.
    pub(super) cursor: [u8; 32],
    pair: Ed25519KeyPair,
    file: PathBuf,
}

/// A retired key: its public half, and when it was retired. It no longer verifies tokens.
struct Retired {
    kid: String,
    public: Vec<u8>,
    at: Instant,
}

/// The set of all keys. It is never empty.
pub struct SigningKeys {
    oldest: Arc<Key>,
    /// Sorted by the time from which they sign.
    newer: Vec<Arc<Key>>,
    retired: Vec<Retired>,
}

impl Key {
    fn read(file: &Path) -> Result<Self, String> {
        let named = |what: String| format!("signing key {}: {what}", file.display());
        let signs_from = if file.ends_with(FIRST) { Some(Instant::from_micros(i64::MIN)) } else { time_in_name(file) };
        let signs_from = signs_from.ok_or_else(|| {
            named("its name must begin with the time from which it signs: 20261126T053000.000Z-".into())
        })?;
        let bytes = read_small(file, 0o077).map_err(named)?;
        Self::of(&bytes, signs_from, file).map_err(named)
    }

    /// A key from PKCS#8 bytes.
    fn of(pkcs8: &[u8], signs_from: Instant, file: &Path) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
            .map_err(|e| format!("is no Ed25519 key in PKCS#8: {e}"))?;
        let public = pair.public_key().as_ref().to_vec();
        let seed = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|e| e.to_string())?;
        let encoded = URL_SAFE_NO_PAD.encode(&public);
        if seed.as_ref().iter().collect::<BTreeSet<_>>().len() < MIN_DISTINCT_BYTES
            || SAMPLES.contains(&encoded.as_str())
        {
            return Err("everybody can guess it: take it away, and one is made".into());
        }
        let mut cursor = Hmac::<Sha256>::new_from_slice(pkcs8).map_err(|e| e.to_string())?;
        cursor.update(b"alongside cursor");
        Ok(Self {
            kid: kid(&public),
            public: encoded,
            signs_from,
            signing: EncodingKey::from_ed_der(pkcs8),
            verifying: DecodingKey::from_ed_der(&public),
            cursor: cursor.finalize().into_bytes().into(),
            pair,
            file: file.to_owned(),
        })
    }

    pub fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(message))
    }
}

impl Retired {
    fn read(file: &Path) -> Result<Self, String> {
        let named = |what: String| format!("retired key {}: {what}", file.display());
        let at = time_in_name(file).ok_or_else(|| named("its name must begin with the time at which it was".into()))?;
        let bytes = read_small(file, 0o022).map_err(named)?;
        let public = URL_SAFE_NO_PAD.decode(bytes.trim_ascii()).ok().filter(|public| public.len() == 32);
        let public = public.ok_or_else(|| named("is no public key".into()))?;
        Ok(Self { kid: kid(&public), public, at })
    }
}

/// The seconds after which every server has noticed that a key is retired. Until then a server may still sign with it.
const NOTICED_AFTER_SECONDS: i64 = 60;

impl SigningKeys {
    /// Reads the keys and returns the faults of those that cannot be read. For such a key the version in `before` is
    /// kept.
    pub fn read(data_dir: &Path, before: Option<&Self>) -> Result<(Self, Vec<String>), String> {
        let (mut faults, mut keys, mut retired) = (Vec::new(), Vec::new(), Vec::new());
        let mut retired_ids = BTreeSet::new();
        for file in files(data_dir, "retired")? {
            // The name alone decides: whatever the file contains, its key is retired.
            retired_ids.extend(
                file.file_stem()
                    .and_then(|stem| stem.to_str())
                    .and_then(|stem| stem.split_once("Z-"))
                    .map(|(_, kid)| kid.to_owned()),
            );
            match Retired::read(&file) {
                Ok(one) => retired.push(one),
                Err(fault) => faults.push(fault),
            }
        }
        retired_ids.extend(retired.iter().map(|one| one.kid.clone()));
        for file in files(data_dir, "pkcs8")? {
            match Key::read(&file) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(fault) => {
                    faults.push(fault);
                    keys.extend(before.and_then(|before| before.keys().find(|key| key.file == file)).cloned());
                }
            }
        }
        // The key was retired on another machine, but its file may still be here.
        keys.retain(|key| !retired_ids.contains(&key.kid));
        keys.sort_by(|a, b| (a.signs_from, &a.kid).cmp(&(b.signs_from, &b.kid)));
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(key.kid.clone()));
        let mut keys = keys.into_iter();
        let Some(oldest) = keys.next() else {
            let none_found = || format!("there is no signing key in {}", data_dir.join(FOLDER).display());
            return Err(faults.into_iter().next().unwrap_or_else(none_found));
        };
        Ok((Self { oldest, newer: keys.collect(), retired }, faults))
    }

    /// Oldest first.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        iter::once(&self.oldest).chain(&self.newer)
    }

    /// The key with this id, unless it is retired.
    pub fn find(&self, kid: &str) -> Option<&Key> {
        self.keys().find(|key| key.kid == kid).map(AsRef::as_ref)
    }

    /// The key that signs now.
    pub fn signer(&self) -> &Key {
        let now = Instant::now();
        self.newer.iter().rev().find(|key| key.signs_from <= now).unwrap_or(&self.oldest)
    }

    /// Whether one of these keys signed this, or a key that was retired after `at`.
    pub fn has_signed(&self, message: &[u8], signature: &str, at: Instant) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let verifies_with =
            |public: &[u8]| UnparsedPublicKey::new(&ED25519, public).verify(message, &signature).is_ok();
        self.keys().any(|key| verifies_with(key.pair.public_key().as_ref()))
            || self
                .retired
                .iter()
                .any(|key| at <= key.at.plus_seconds(NOTICED_AFTER_SECONDS) && verifies_with(&key.public))
    }

    /// The ids and times of the keys. Two sets of keys are compared by them.
    pub fn names(&self) -> Vec<(&str, Instant)> {
        let retired = self.retired.iter().map(|key| (key.kid.as_str(), key.at));
        self.keys().map(|key| (key.kid.as_str(), key.signs_from)).chain(retired).collect()
    }

    /// Creates a key that verifies at once and signs from `signs_from` on. Returns its id.
    pub fn add(data_dir: &Path, signs_from: Instant) -> Result<String, String> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|e| format!("no key can be made: {e}"))?;
        let kid = Key::of(pkcs8.as_ref(), signs_from, Path::new(FIRST))?.kid;
        write(data_dir, &name(signs_from, &kid, "pkcs8"), pkcs8.as_ref())?;
        Ok(kid)
    }

    /// Whether there is a file of a key that signs.
    pub fn any_exist(data_dir: &Path) -> Result<bool, String> {
        files(data_dir, "pkcs8").map(|files| !files.is_empty())
    }

    /// Creates the first key of an installation that has none. Only one key is created, however many servers start at
    /// the same time.
    pub fn create_first_key(data_dir: &Path) -> Result<(), String> {
        let _alone = FolderLock::take(data_dir).map_err(|error| format!("{}: {error}", data_dir.display()))?;
        if Self::any_exist(data_dir)? { Ok(()) } else { Self::add(data_dir, Instant::now()).map(drop) }
    }

    /// Deletes the private half of a key. The public half stays, to verify what the key has signed until now.
    pub fn retire(data_dir: &Path, kid: &str) -> Result<(), String> {
        let (keys, _) = Self::read(data_dir, None)?;
        let private_key_files: Vec<PathBuf> = files(data_dir, "pkcs8")?
            .into_iter()
            .filter(|file| Key::read(file).is_ok_and(|key| key.kid == kid))
            .collect();
        if let Some(key) = keys.find(kid) {
            if keys.signer().kid == kid {
                return Err(format!(
                    "{kid} signs now: make another (admin rotate-signing-key), and wait until that one does"
                ));
            }
            write(data_dir, &name(Instant::now(), kid, "retired"), key.public.as_bytes())?;
        } else if private_key_files.is_empty() {
            let known: Vec<&str> = keys.keys().map(|key| key.kid.as_str()).collect();
            return Err(format!("there is no signing key {kid}: there are {}", known.join(", ")));
        }
        private_key_files
            .iter()
            .try_for_each(|file| fs::remove_file(file).map_err(|e| format!("{}: {e}", file.display())))
    }
}

fn kid(public: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(public).get(..12).unwrap_or_default())
}

#[cfg(test)]
mod tests;
