//! The keys that encrypt secrets in the database (DP-01). They are files in the data directory, never in the database,
//! so a copy of the database alone reveals no secret.
//!
//! AES-256-GCM-SIV with a random nonce. The organization, the user, the table, the column and the key id are
//! authenticated with the secret, so a value that is copied to another row does not decrypt there.

use super::{
    OrganizationId, UserId,
    signing_keys::files::{files_in, name, read_small, time_in_name, write_in},
};
use crate::{
    error::{ApiError, Code, Result},
    types::Instant,
};
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// The folder of the keys. Each file is named by the time at which it was created: `20261130T053000.000Z-KID.key`. The
/// newest key encrypts; all keys decrypt.
pub const FOLDER: &str = "secret-keys";
const KIND: &str = "key";
const KEY_BYTES: usize = 32;
const KID_BYTES: usize = 9;
/// The first byte of an encrypted value: the version of the format.
const FORMAT_VERSION: u8 = 1;
/// The fewest different bytes in a key. Of 32 random bytes about thirty differ, so a key with fewer than this is not
/// random.
const MIN_DISTINCT_BYTES: usize = 16;

/// The row and the column that hold a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretLocation {
    pub organization: OrganizationId,
    pub user: UserId,
    pub table: &'static str,
    pub column: &'static str,
}

impl SecretLocation {
    fn aad(&self, kid: &str) -> Vec<u8> {
        let Self { organization, user, table, column } = self;
        format!("{organization}|{user}|{table}|{column}|{kid}").into_bytes()
    }
}

struct Key {
    kid: [u8; KID_BYTES],
    bytes: [u8; KEY_BYTES],
    made_at: Instant,
}

impl Key {
    fn read(file: &Path) -> std::result::Result<Self, String> {
        let named = |what: String| format!("secret key {}: {what}", file.display());
        let made_at = time_in_name(file)
            .ok_or_else(|| named("its name must begin with a time, such as 20261130T053000.000Z-".into()))?;
        let bytes = read_small(file, 0o077).map_err(named)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| named(format!("must hold {KEY_BYTES} bytes")))?;
        if bytes.iter().collect::<BTreeSet<_>>().len() < MIN_DISTINCT_BYTES {
            return Err(named("is not random".into()));
        }
        Ok(Self { kid: kid(&bytes), bytes, made_at })
    }
    fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.kid)
    }
}

fn kid(key: &[u8; KEY_BYTES]) -> [u8; KID_BYTES] {
    let hash = Sha256::new().chain_update(b"alongside secret key id").chain_update(key).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

/// The keys of an installation. The debug output contains nothing of them.
pub struct SecretKeys {
    known: RwLock<Arc<Vec<Key>>>,
    folder: PathBuf,
}

impl std::fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKeys(…)")
    }
}

/// Oldest first.
fn read_all(folder: &Path) -> std::result::Result<Vec<Key>, String> {
    let mut keys =
        files_in(folder, KIND)?.iter().map(|file| Key::read(file)).collect::<std::result::Result<Vec<_>, _>>()?;
    keys.sort_by_key(|key| (key.made_at, key.kid));
    Ok(keys)
}

impl SecretKeys {
    /// Reads the keys, and creates the first one if there is none.
    ///
    /// # Errors
    /// One line for the operator: a file is not a key, or others may read it.
    pub fn load(data_dir: &Path) -> std::result::Result<Self, String> {
        let read = Self::read(data_dir)?;
        if !read.known().is_empty() {
            return Ok(read);
        }
        Self::add(data_dir)?;
        Self::read(data_dir)
    }

    /// Reads the existing keys. There may be none.
    pub fn read(data_dir: &Path) -> std::result::Result<Self, String> {
        let folder = data_dir.join(FOLDER);
        Ok(Self { known: RwLock::new(Arc::new(read_all(&folder)?)), folder })
    }

    /// Creates a key and returns its id. Servers encrypt with it after their next start.
    pub fn add(data_dir: &Path) -> std::result::Result<String, String> {
        let mut bytes = [0_u8; KEY_BYTES];
        rand::fill(&mut bytes).map_err(|_| "no random bytes".to_owned())?;
        let kid = URL_SAFE_NO_PAD.encode(kid(&bytes));
        // Later than every other key, so that it is the newest also after a key of the same millisecond, and after one
        // that was made while the clock was ahead.
        let newest = read_all(&data_dir.join(FOLDER)).ok().and_then(|keys| keys.last().map(|key| key.made_at.micros()));
        let made_at = newest.map_or_else(Instant::now, |at| Instant::now().max(Instant::from_micros(at + 1_000)));
        write_in(data_dir, FOLDER, &name(made_at, &kid, KIND), &bytes)?;
        Ok(kid)
    }

    fn known(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ids of the keys, oldest first.
    pub fn ids(&self) -> Vec<String> {
        self.known().iter().map(Key::name).collect()
    }

    /// The key with this id. Another server may just have created it, so the folder is read again before the key counts
    /// as missing.
    fn find(&self, wanted: &[u8]) -> Option<[u8; KEY_BYTES]> {
        let find_in = |keys: &[Key]| keys.iter().find(|key| key.kid == wanted).map(|key| key.bytes);
        find_in(&self.known()).or_else(|| {
            let again = read_all(&self.folder).inspect_err(|error| tracing::error!("{error}")).ok()?;
            let found = find_in(&again);
            if found.is_some() {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(again);
            }
            found
        })
    }

    /// Encrypts a secret with the newest key.
    pub fn encrypt(&self, location: &SecretLocation, secret: &[u8]) -> Result<Vec<u8>> {
        let known = self.known();
        let key = known.last().ok_or_else(|| ApiError::internal("there is no key to encrypt secrets with"))?;
        let encrypted = encrypt(&key.bytes, &location.aad(&key.name()), secret)?;
        Ok([[FORMAT_VERSION].as_slice(), key.kid.as_slice(), encrypted.as_slice()].concat())
    }

    /// Decrypts a value that [`SecretKeys::encrypt`] has made for the same location.
    ///
    /// # Errors
    /// 503, with the reason in the log, if the key is missing or the value was made for another location. The caller is
    /// refused.
    pub fn decrypt(&self, location: &SecretLocation, stored: &[u8]) -> Result<Vec<u8>> {
        let (kid, encrypted) = parts(stored).ok_or_else(|| undecryptable(location, "it is not encrypted"))?;
        let name = URL_SAFE_NO_PAD.encode(kid);
        let key = self
            .find(kid)
            .ok_or_else(|| undecryptable(location, &format!("its key {name} is not in {}", self.folder.display())))?;
        decrypt(&key, &location.aad(&name), encrypted)
            .ok_or_else(|| undecryptable(location, "it was not made for this row, or was altered"))
    }

    /// Whether a stored value is encrypted with the newest key.
    pub fn is_newest(&self, stored: &[u8]) -> bool {
        self.known().last().is_some_and(|key| parts(stored).is_some_and(|(kid, _)| kid == key.kid))
    }
}

fn undecryptable(location: &SecretLocation, why: &str) -> ApiError {
    let SecretLocation { organization, user, table, .. } = location;
    let message =
        format!("a secret of user {user} of organization {organization} in {table} cannot be decrypted: {why}");
    ApiError::new(Code::Unavailable, "The second factor cannot be checked. The server's log has the reason.")
        .header("retry-after", "60")
        .with_source(message)
}

/// The key id and the encrypted rest of a stored value; `None` for a value that is not encrypted. A plain secret is
/// shorter, but may begin with any byte.
fn parts(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    let (version, rest) = stored.split_first()?;
    let is_long = rest.len() >= KID_BYTES + NONCE_LEN + AES_256_GCM_SIV.tag_len();
    (*version == FORMAT_VERSION && is_long).then(|| rest.split_at_checked(KID_BYTES)).flatten()
}

/// The id of the key that encrypted a stored value.
pub fn key_of(stored: &[u8]) -> Option<String> {
    parts(stored).map(|(kid, _)| URL_SAFE_NO_PAD.encode(kid))
}

/// Encrypts with the caller's own key. Returns a random nonce followed by the encrypted text.
pub fn encrypt(key: &[u8; KEY_BYTES], aad: &[u8], secret: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| ApiError::internal("nothing can be encrypted");
    let mut nonce = [0_u8; NONCE_LEN];
    rand::fill(&mut nonce).map_err(failed)?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).map_err(failed)?);
    let mut text = secret.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text).map_err(failed)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// Decrypts a value that [`encrypt`] has made with this key and this `aad`; `None` for any other value.
pub fn decrypt(key: &[u8; KEY_BYTES], aad: &[u8], encrypted: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = encrypted.split_first_chunk::<NONCE_LEN>()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).ok()?);
    let mut text = text.to_vec();
    let decrypted = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut text).ok()?;
    Some(decrypted.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    fn location() -> SecretLocation {
        SecretLocation { organization: Id::new(), user: Id::new(), table: "second_factors", column: "secret" }
    }

    #[test]
    fn secret_decrypts_only_in_its_own_row_with_its_own_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = SecretKeys::load(folder.path()).unwrap();
        let here = location();
        let stored = keys.encrypt(&here, b"12345678901234567890").unwrap();
        assert_eq!(keys.decrypt(&here, &stored).unwrap(), b"12345678901234567890");
        assert_ne!(keys.encrypt(&here, b"12345678901234567890").unwrap(), stored, "each time with a nonce of its own");
        assert!(!stored.windows(8).any(|part| b"12345678901234567890".windows(8).any(|clear| clear == part)));
        for other in [
            SecretLocation { user: Id::new(), ..here },
            SecretLocation { organization: Id::new(), ..here },
            SecretLocation { table: "users", ..here },
            SecretLocation { column: "other", ..here },
        ] {
            assert_eq!(keys.decrypt(&other, &stored).unwrap_err().code(), Code::Unavailable, "{other:?}");
        }
        for at in 0..stored.len() {
            let mut altered = stored.clone();
            altered[at] ^= 1;
            assert!(keys.decrypt(&here, &altered).is_err(), "byte {at}");
        }
        for bad in [&b""[..], b"12345678901234567890", &stored[..stored.len() - 1], &stored[..10]] {
            assert!(keys.decrypt(&here, bad).is_err());
        }
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(SecretKeys::load(elsewhere.path()).unwrap().decrypt(&here, &stored).is_err());
    }

    #[test]
    fn older_key_still_decrypts_and_a_foreign_key_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (SecretKeys::load(folder.path()).unwrap(), SecretKeys::load(folder.path()).unwrap());
        let here = location();
        let before = one.encrypt(&here, b"secret").unwrap();
        // Two keys at once: the second is the newest, even if both are made in the same millisecond.
        SecretKeys::add(folder.path()).unwrap();
        let newer = SecretKeys::add(folder.path()).unwrap();
        let rotated = SecretKeys::load(folder.path()).unwrap();
        assert_eq!(rotated.ids().last(), Some(&newer));
        assert_eq!(rotated.decrypt(&here, &before).unwrap(), b"secret");
        assert!(!rotated.is_newest(&before));
        let after = rotated.encrypt(&here, b"secret").unwrap();
        assert!(rotated.is_newest(&after));
        assert_eq!((key_of(&after), key_of(&[FORMAT_VERSION; 20])), (Some(newer), None));
        assert_eq!(two.decrypt(&here, &after).unwrap(), b"secret", "the folder is read again");
    }

    #[cfg(unix)]
    #[test]
    fn readable_or_invalid_key_file_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        SecretKeys::load(folder.path()).unwrap();
        let file = files_in(&folder.path().join(FOLDER), KIND).unwrap().remove(0);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(folder.path().join(FOLDER)).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(SecretKeys::load(folder.path()).unwrap_err().contains("0600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        for (bad, why) in [(vec![7_u8; 32], "not random"), ((0..31).collect(), "32 bytes"), (Vec::new(), "32 bytes")] {
            std::fs::write(&file, bad).unwrap();
            assert!(SecretKeys::load(folder.path()).unwrap_err().contains(why), "{why}");
        }
    }
}
