//! Access tokens: RFC 9068 (`at+jwt`), signed with Ed25519.

use super::{
    Actor, OrganizationId, Role, SessionId, UserId,
    signing_keys::{Key, Ring},
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

/// An access token lives this long, in seconds.
pub const ACCESS_SECONDS: i64 = 600;
/// The clocks of signer and verifier may differ by so many seconds.
const LEEWAY: i64 = 30;
/// No token lives longer, in seconds, whatever it says.
const LONGEST_LIFE: i64 = 900;
/// A token of ours has some 600 bytes; nothing longer is looked at (TK-03).
const LONGEST: usize = 4096;
/// How many verified tokens are remembered: 64 bytes each, and an organization has hundreds of people, not thousands.
const REMEMBERED: u64 = 20_000;

pub const ISSUER: &str = "alongside";
pub const AUDIENCE: &str = "alongside-api";

/// What an access token says. The role is there for clients to read; the server goes by the database.
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
    /// Whether they hold now: not from the future, not over, and not made for longer than a token lasts. Asked at every
    /// use, also of a token that was verified before: the clock may have been set right meanwhile.
    const fn are_in_time(&self, now: i64) -> bool {
        let life = self.exp.saturating_sub(self.iat);
        self.iat <= now.saturating_add(LEEWAY)
            && self.exp.saturating_add(LEEWAY) > now
            && life > 0
            && life <= LONGEST_LIFE
    }
}

/// What access tokens are signed with and verified by.
pub struct Keys {
    known: RwLock<Arc<Known>>,
    validation: Validation,
    data_dir: PathBuf,
    /// What was wrong with the keys at the last look, so that it is told once.
    trouble: Mutex<String>,
}

/// The keys, and what has been verified with them.
struct Known {
    ring: Ring,
    /// Verifying costs some 100 µs, so what was verified is kept, by the hash of the token, until it expires. Only the
    /// claims are: the session is read at every request all the same. With other keys nothing of it stands: what a
    /// retired one has signed is refused at the next request.
    verified: moka::sync::Cache<[u8; 32], Claims>,
}

impl Known {
    fn by(ring: Ring) -> Arc<Self> {
        let verified = moka::sync::Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(std::time::Duration::from_secs(ACCESS_SECONDS.unsigned_abs()))
            .build();
        Arc::new(Self { ring, verified })
    }
}

impl Keys {
    /// Reads the keys, or makes one on the first start. Each file must be its owner's alone.
    pub fn load(data_dir: &Path) -> std::result::Result<Self, String> {
        if !Ring::is_there(data_dir)? && data_dir.join("checkpoints.jsonl").exists() {
            return Err(format!(
                "there is no signing key in {}, and there was one: is everything mounted? `alongside admin \
                 rotate-signing-key` makes another",
                data_dir.display()
            ));
        }
        Ring::begin(data_dir)?;
        let (ring, faults) = Ring::read(data_dir, None)?;
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_nbf = true;
        // By the one clock, in `Claims::are_in_time`.
        validation.validate_exp = false;
        validation.leeway = LEEWAY as u64;
        Ok(Self {
            known: RwLock::new(Known::by(ring)),
            validation,
            data_dir: data_dir.to_owned(),
            trouble: Mutex::default(),
        })
    }

    /// Looks whether keys have come or gone. Reads a few small files: not for a thread that answers. A key that cannot
    /// be read is told to the log, and stays what it was.
    pub fn look_again(&self) {
        let before = self.known();
        let trouble = match Ring::read(&self.data_dir, Some(&before.ring)) {
            Ok((ring, faults)) => {
                if ring.names() != before.ring.names() {
                    let keys: Vec<&str> = ring.keys().map(|key| key.kid.as_str()).collect();
                    tracing::info!(?keys, "the signing keys have changed");
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::by(ring);
                }
                faults.join("; ")
            }
            Err(fault) => fault,
        };
        let mut logged = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *logged != trouble && !trouble.is_empty() {
            tracing::error!("{trouble}");
        }
        *logged = trouble;
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keys of their own for cursors, so that none can be forged.
    pub fn cursor_keys(&self) -> CursorKeys {
        let known = self.known();
        CursorKeys { seals: known.ring.signer().cursor, open: known.ring.keys().map(|key| key.cursor).collect() }
    }

    /// Signs what is no token, and cannot be taken for one: it has no dots where a token has them.
    pub fn sign(&self, words: &[u8]) -> String {
        self.known().ring.signer().sign(words)
    }

    /// Whether one of the keys has signed this, at that time.
    pub fn has_signed(&self, words: &[u8], signature: &str, at: Instant) -> bool {
        self.known().ring.has_signed(words, signature, at)
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
        self.known().ring.keys().map(jwk).collect()
    }

    /// # Errors
    /// `unavailable` where the clock cannot be right: such a token would be good for as long as the clock is wrong.
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
        let key = known.ring.signer();
        let header = Header { typ: Some("at+jwt".into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(ApiError::internal)
    }

    /// The claims of a token that we signed and that has not expired; anything else is one and the same 401.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        self.verify_at(token, Instant::now())
    }

    fn verify_at(&self, token: &str, now: Instant) -> Result<Claims> {
        if token.len() > LONGEST || !is_compact(token) {
            return Err(ApiError::unauthenticated());
        }
        let (known, hash): (_, [u8; 32]) = (self.known(), Sha256::digest(token).into());
        let now = now.micros() / 1_000_000;
        if let Some(claims) = known.verified.get(&hash) {
            return if claims.are_in_time(now) { Ok(claims) } else { Err(ApiError::unauthenticated()) };
        }
        let claims = self.verify_anew(&known.ring, token, now).ok_or_else(ApiError::unauthenticated)?;
        known.verified.insert(hash, claims.clone());
        Ok(claims)
    }

    /// A name that no key has costs nothing more: new keys are looked for by the clock.
    fn verify_anew(&self, ring: &Ring, token: &str, now: i64) -> Option<Claims> {
        let header = header(token)?;
        let key = ring.find(&header.kid).filter(|_| header.alg == "EdDSA" && header.typ == "at+jwt")?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verifying, &self.validation).ok()?.claims;
        claims.are_in_time(now).then_some(claims)
    }
}

/// What cursors are sealed with. One that was handed out before a rotation still opens; when the key is retired, it is
/// refused.
#[derive(Clone)]
pub struct CursorKeys {
    pub seals: [u8; 32],
    pub open: Vec<[u8; 32]>,
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

/// The only members that a header of ours has; one with any other (`crit`, `jku`, `jwk` …) is refused (TK-01).
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

/// A secret that is shown once and kept as its hash: 256 random bits.
pub fn random_secret() -> Result<String> {
    let mut bytes = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::internal("no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// How a secret is kept.
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_is_a_token(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,200}\\.[A-Za-z0-9_-]{0,90}") {
            prop_assert!(ours().verify(&text).is_err());
        }

        #[test]
        fn a_token_in_which_one_letter_is_another_is_none(place in 0_usize..10_000, letter in "[A-Za-z0-9_.+=/ -]") {
            let ours = ours();
            let token = ours.mint(actor()).unwrap();
            let place = place % token.len();
            let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
            prop_assert_eq!(ours.verify(&changed).is_ok(), changed == token);
        }
    }

    /// Keys of their own, which the folder need not outlive.
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
    fn a_token_of_ours_is_taken_and_no_other() {
        let (ours, theirs) = (keys(), keys());
        let who = actor();
        let token = ours.mint(who).unwrap();
        for _ in 0..2 {
            assert_eq!(ours.verify(&token).unwrap().sub, who.user); // the second time from memory
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
    fn a_header_that_is_not_ours_is_refused() {
        let ours = keys();
        let token = ours.mint(actor()).unwrap();
        let rest = token.split_once('.').unwrap().1;
        let kid = ours.known().ring.signer().kid.clone();
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
    fn an_old_token_is_refused() {
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
            let key = known.ring.signer();
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

    /// As a server sees it that goes on while its clock is set right.
    #[test]
    fn a_token_that_a_wrong_clock_has_made_and_verified_is_refused_by_the_right_one() {
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
    fn a_clock_before_the_program_was_made_issues_no_token() {
        let long_ago = Instant::parse("2020-01-01T00:00:00Z").unwrap();
        assert_eq!(keys().mint_at(actor(), long_ago).unwrap_err().code(), crate::error::Code::Unavailable);
    }
}
