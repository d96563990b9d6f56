//! Access tokens: RFC 9068 (`at+jwt`), signed with Ed25519.

use super::{
    Actor, OrganizationId, Role, SessionId, UserId,
    signing_keys::{Key, SigningKeys},
};
use crate::{
    clock,
    error::{ApiError, Result},
    types::Instant,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// The lifetime of an access token, in seconds.
pub const ACCESS_SECONDS: i64 = 600;
/// The allowed difference between the clocks of signer and verifier, in seconds.
const LEEWAY: i64 = 30;
/// The longest accepted lifetime of a token in seconds, whatever the token says.
const MAX_LIFETIME: i64 = 900;
/// The longest accepted token (TK-03). A valid token has about 600 bytes.
const MAX_LENGTH: usize = 4096;
/// The most verified tokens in the cache. An entry has 64 bytes, and an organization has hundreds of people, not
/// thousands.
const MAX_CACHED_TOKENS: u64 = 20_000;

pub const ISSUER: &str = "alongside";
pub const AUDIENCE: &str = "alongside-api";

/// The claims of an access token. The role is there for clients to read; the server uses the role in the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: UserId,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: uuid::Uuid,
    pub org: OrganizationId,
    pub role: Role,
    pub sid: SessionId,
    pub scope: String,
}

impl Claims {
    /// Whether the claims are valid now: not issued in the future, not expired, and with no longer lifetime than
    /// allowed. This is checked at every use, also for a token in the cache, because the clock may have been corrected
    /// meanwhile.
    const fn are_in_time(&self, now: i64) -> bool {
        let life = self.exp.saturating_sub(self.iat);
        self.iat <= now.saturating_add(LEEWAY)
            && self.exp.saturating_add(LEEWAY) > now
            && life > 0
            && life <= MAX_LIFETIME
    }
}

/// The keys that sign and verify access tokens.
pub struct Keys {
    known: RwLock<Arc<LoadedKeys>>,
    validation: Validation,
    data_dir: PathBuf,
    /// The faults of the keys at the last reading, so that each is logged once.
    logged_faults: Mutex<String>,
}

/// The keys as they were last loaded, and a cache of the tokens that they have verified.
struct LoadedKeys {
    signing_keys: SigningKeys,
    /// A verification takes about 100 µs, so verified claims are cached by the hash of the token until it expires. Only
    /// the claims are cached: the session is still read at every request. When the server reloads changed keys, it
    /// discards the cache. It reloads them every five seconds, so it accepts a token of a retired key for at most five
    /// seconds.
    verified: moka::sync::Cache<[u8; 32], Claims>,
}

impl LoadedKeys {
    fn new(signing_keys: SigningKeys) -> Arc<Self> {
        let verified = moka::sync::Cache::builder()
            .max_capacity(MAX_CACHED_TOKENS)
            .time_to_live(std::time::Duration::from_secs(ACCESS_SECONDS.unsigned_abs()))
            .build();
        Arc::new(Self { signing_keys, verified })
    }
}

impl Keys {
    /// Reads the keys, or creates one at the first start. Each file must be accessible to its owner only.
    pub fn load(data_dir: &Path) -> std::result::Result<Self, String> {
        if !SigningKeys::any_exist(data_dir)? && data_dir.join("checkpoints.jsonl").exists() {
            return Err(format!(
                "there is no signing key in {}, and there was one: is everything mounted? `alongside admin \
                 rotate-signing-key` makes another",
                data_dir.display()
            ));
        }
        SigningKeys::create_first_key(data_dir)?;
        let (signing_keys, faults) = SigningKeys::read(data_dir, None)?;
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_nbf = true;
        // `Claims::are_in_time` checks it, with the server's one clock.
        validation.validate_exp = false;
        validation.leeway = LEEWAY as u64;
        Ok(Self {
            known: RwLock::new(LoadedKeys::new(signing_keys)),
            validation,
            data_dir: data_dir.to_owned(),
            logged_faults: Mutex::default(),
        })
    }

    /// Reloads the keys if they have changed. It reads a few small files, so do not call it on a thread that answers
    /// requests. A key that cannot be read is logged and stays as it was.
    pub fn reload(&self) {
        let before = self.known();
        let faults = match SigningKeys::read(&self.data_dir, Some(&before.signing_keys)) {
            Ok((signing_keys, faults)) => {
                if signing_keys.names() != before.signing_keys.names() {
                    let keys: Vec<&str> = signing_keys.keys().map(|key| key.kid.as_str()).collect();
                    tracing::info!(?keys, "the signing keys have changed");
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = LoadedKeys::new(signing_keys);
                }
                faults.join("; ")
            }
            Err(fault) => fault,
        };
        let mut logged = self.logged_faults.lock().unwrap_or_else(PoisonError::into_inner);
        if *logged != faults && !faults.is_empty() {
            tracing::error!("{faults}");
        }
        *logged = faults;
    }

    fn known(&self) -> Arc<LoadedKeys> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Separate keys for cursors, so that nobody can forge one.
    pub fn cursor_keys(&self) -> CursorKeys {
        let known = self.known();
        CursorKeys {
            signing: known.signing_keys.signer().cursor,
            verifying: known.signing_keys.keys().map(|key| key.cursor).collect(),
        }
    }

    /// Signs a message that is not a token. Nobody can use the result as a token, because the message has no dots where
    /// a token has them.
    pub fn sign(&self, message: &[u8]) -> String {
        self.known().signing_keys.signer().sign(message)
    }

    /// Whether one of the keys signed this at that time.
    pub fn has_signed(&self, message: &[u8], signature: &str, at: Instant) -> bool {
        self.known().signing_keys.has_signed(message, signature, at)
    }

    /// The public keys as JWKs (RFC 8037).
    pub fn jwks(&self) -> Vec<Jwk> {
        let jwk = |key: &Arc<Key>| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: key.kid.clone(),
            x: key.public.clone(),
        };
        self.known().signing_keys.keys().map(jwk).collect()
    }

    /// # Errors
    /// `unavailable` if the clock cannot be right: such a token would be valid for as long as the clock is wrong.
    pub fn mint(&self, actor: Actor) -> Result<String> {
        self.mint_at(actor, Instant::now())
    }

    fn mint_at(&self, actor: Actor, now: Instant) -> Result<String> {
        clock::check(now).map_err(ApiError::unavailable)?;
        let now = now.micros() / 1_000_000;
        let claims = Claims {
            iss: ISSUER.into(),
            sub: actor.user,
            aud: AUDIENCE.into(),
            exp: now + ACCESS_SECONDS,
            iat: now,
            jti: uuid::Uuid::now_v7(),
            org: actor.organization,
            role: actor.role,
            sid: actor.session,
            scope: super::policy::permissions(actor.role, actor.scopes).join(" "),
        };
        let known = self.known();
        let key = known.signing_keys.signer();
        let header = Header { typ: Some("at+jwt".into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(ApiError::internal)
    }

    /// The claims of a token that this server signed and that has not expired. Everything else gives the same 401.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        self.verify_at(token, Instant::now())
    }

    fn verify_at(&self, token: &str, now: Instant) -> Result<Claims> {
        if token.len() > MAX_LENGTH || !is_compact(token) {
            return Err(ApiError::unauthenticated());
        }
        let (known, hash): (_, [u8; 32]) = (self.known(), Sha256::digest(token).into());
        let now = now.micros() / 1_000_000;
        if let Some(claims) = known.verified.get(&hash) {
            return if claims.are_in_time(now) { Ok(claims) } else { Err(ApiError::unauthenticated()) };
        }
        let claims = self.verify_uncached(&known.signing_keys, token, now).ok_or_else(ApiError::unauthenticated)?;
        known.verified.insert(hash, claims.clone());
        Ok(claims)
    }

    /// Does not use the cache. An unknown key id does not reload the keys: a timer does that.
    fn verify_uncached(&self, signing_keys: &SigningKeys, token: &str, now: i64) -> Option<Claims> {
        let header = header(token)?;
        let key = signing_keys.find(&header.kid).filter(|_| header.alg == "EdDSA" && header.typ == "at+jwt")?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifying, &self.validation).ok()?.claims;
        claims.are_in_time(now).then_some(claims)
    }
}

/// The HMAC keys of cursors: `signing` for new cursors, and `verifying` for those that come back. A cursor from before
/// a key rotation is still accepted; after its key is retired, it is refused.
#[derive(Clone)]
pub struct CursorKeys {
    pub signing: [u8; 32],
    pub verifying: Vec<[u8; 32]>,
}
impl std::fmt::Debug for CursorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// A public key of the key set.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/jwk.json"))))]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

/// The only members that a header of this server has. A header with any other (`crit`, `jku`, `jwk` …) is refused
/// (TK-01).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OurHeader {
    typ: String,
    alg: String,
    kid: String,
}

fn header(token: &str) -> Option<OurHeader> {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Three non-empty parts of strict base64url.
fn is_compact(token: &str) -> bool {
    let part =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    token.split('.').count() == 3 && token.split('.').all(part)
}

/// A secret of 256 random bits. It is shown once, and only its hash is stored.
pub fn random_secret() -> Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::internal("no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The stored form of a secret.
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_text_is_not_a_token(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,200}\\.[A-Za-z0-9_-]{0,90}") {
            prop_assert!(ours().verify(&text).is_err());
        }

        #[test]
        fn token_with_one_changed_character_is_refused(place in 0_usize..10_000, letter in "[A-Za-z0-9_.+=/ -]") {
            let ours = ours();
            let token = ours.mint(actor()).unwrap();
            let place = place % token.len();
            let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
            prop_assert_eq!(ours.verify(&changed).is_ok(), changed == token);
        }
    }

    /// New keys, which do not need their folder after loading.
    fn keys() -> Keys {
        Keys::load(tempfile::tempdir().unwrap().path()).unwrap()
    }
    fn ours() -> &'static Keys {
        static OURS: std::sync::LazyLock<Keys> = std::sync::LazyLock::new(keys);
        &OURS
    }
    fn actor() -> Actor {
        Actor::somebody()
    }

    #[test]
    fn only_tokens_of_this_installation_are_accepted() {
        let (ours, theirs) = (keys(), keys());
        let who = actor();
        let token = ours.mint(who).unwrap();
        for _ in 0..2 {
            // The second time the claims come from the cache.
            assert_eq!(ours.verify(&token).unwrap().sub, who.user);
        }
        assert!(ours.verify(&theirs.mint(who).unwrap()).is_err());
        for bad in [
            "",
            "a",
            "a.b.c",
            &token[..token.len() - 2],
            &format!("{token}="),
            &format!("{token}.x"),
            &"a".repeat(5000),
        ] {
            assert!(ours.verify(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn token_with_a_foreign_header_is_refused() {
        let ours = keys();
        let token = ours.mint(actor()).unwrap();
        let rest = token.split_once('.').unwrap().1;
        let kid = ours.known().signing_keys.signer().kid.clone();
        for header in [
            format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"none","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#),
            r#"{"typ":"at+jwt","alg":"EdDSA","kid":"other"}"#.to_owned(),
        ] {
            let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
            assert!(ours.verify(&forged).is_err());
        }
    }

    #[test]
    fn expired_token_is_refused() {
        let ours = keys();
        let now = Instant::now().micros() / 1_000_000;
        let who = actor();
        let at = |iat: i64, exp: i64| {
            let claims = Claims {
                iss: ISSUER.into(),
                sub: who.user,
                aud: AUDIENCE.into(),
                exp,
                iat,
                jti: uuid::Uuid::now_v7(),
                org: who.organization,
                role: who.role,
                sid: who.session,
                scope: String::new(),
            };
            let known = ours.known();
            let key = known.signing_keys.signer();
            let header =
                Header { typ: Some("at+jwt".into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
            jsonwebtoken::encode(&header, &claims, &key.signing).unwrap()
        };
        assert!(ours.verify(&at(now, now + 600)).is_ok());
        assert!(ours.verify(&at(now - 700, now - 100)).is_err(), "expired");
        assert!(ours.verify(&at(now + 300, now + 600)).is_err(), "from the future");
        assert!(ours.verify(&at(now, now + 86_400)).is_err(), "too long a life");
        assert!(ours.verify(&at(now + 28, now + 600)).is_ok(), "another server's clock is a little ahead");
        assert!(ours.verify(&at(now, now)).is_err() && ours.verify(&at(now, now - 20)).is_err(), "no life");
        assert!(ours.verify(&at(i64::MIN, i64::MAX)).is_err() && ours.verify(&at(i64::MAX, i64::MIN)).is_err());
    }

    /// Simulates a server that continues to run while its clock is corrected.
    #[test]
    fn token_issued_under_a_wrong_clock_is_refused_after_correction() {
        let (ours, now) = (keys(), Instant::now());
        for ahead in [120, 86_400, 2 * 365 * 86_400] {
            let then = now.plus_seconds(ahead);
            let token = ours.mint_at(actor(), then).unwrap();
            assert!(
                ours.verify_at(&token, then).is_ok() && ours.verify_at(&token, then).is_ok(),
                "verified, and remembered"
            );
            assert!(ours.verify_at(&token, now).is_err(), "{ahead} s ahead");
            assert!(ours.verify_at(&token, then.plus_seconds(700)).is_err(), "over");
        }
    }

    #[test]
    fn clock_before_the_build_date_issues_no_token() {
        let long_ago = Instant::parse("2020-01-01T00:00:00Z").unwrap();
        assert_eq!(keys().mint_at(actor(), long_ago).unwrap_err().code(), crate::error::Code::Unavailable);
    }
}
