//! Access tokens: RFC 9068 (`at+jwt`), signed with Ed25519.

use super::{Actor, OrganizationId, Role, SessionId, UserId};
use crate::{
    error::{ApiError, Result},
    types::Instant,
};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{io::Write as _, path::Path};

/// An access token lives this long, in seconds.
pub const ACCESS_SECONDS: i64 = 600;
/// The clocks of signer and verifier may differ by so many seconds.
const LEEWAY: i64 = 30;
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

/// The signing key, and what has been verified with it.
pub struct Keys {
    sign: EncodingKey,
    verify: DecodingKey,
    /// The same key, for what is signed and is no token.
    pair: Ed25519KeyPair,
    kid: String,
    public: String,
    validation: Validation,
    derived: [u8; 32],
    /// Verifying costs some 100 µs, so what was verified is kept, by the hash of the token, until it expires. Only the claims
    /// are: the session is read at every request all the same.
    verified: moka::sync::Cache<[u8; 32], Claims>,
}

impl Keys {
    /// Reads the key, or makes it on the first start. The file must be its owner's alone.
    pub fn load(path: &Path) -> std::result::Result<Self, String> {
        let named = |what: &str, e: &dyn std::fmt::Display| format!("signing key {}: {what}: {e}", path.display());
        if !path.exists() {
            let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new()).map_err(|e| named("cannot be made", &e))?;
            write_private(path, pkcs8.as_ref()).map_err(|e| named("cannot be written", &e))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).map_err(|e| named("cannot be read", &e))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(named("others may read it", &"set its mode to 0600"));
            }
        }
        Self::from_pkcs8(&std::fs::read(path).map_err(|e| named("cannot be read", &e))?).map_err(|e| named("is none", &e))
    }

    /// A key from PKCS#8 (version 1) bytes.
    pub fn from_pkcs8(pkcs8: &[u8]) -> std::result::Result<Self, String> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|e| e.to_string())?;
        let public = pair.public_key().as_ref().to_vec();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY as u64;
        let mut derive = Hmac::<Sha256>::new_from_slice(pkcs8).map_err(|e| e.to_string())?;
        derive.update(b"alongside cursor");
        Ok(Self {
            sign: EncodingKey::from_ed_der(pkcs8),
            verify: DecodingKey::from_ed_der(&public),
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(&public).get(..12).unwrap_or_default()),
            public: URL_SAFE_NO_PAD.encode(&public),
            pair,
            validation,
            derived: derive.finalize().into_bytes().into(),
            verified: moka::sync::Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(std::time::Duration::from_secs(ACCESS_SECONDS.unsigned_abs()))
                .build(),
        })
    }

    /// A key of its own for cursors, so that none can be forged.
    pub const fn cursor_key(&self) -> &[u8; 32] {
        &self.derived
    }

    /// Signs what is no token, and cannot be taken for one: it has no dots where a token has them.
    pub fn sign(&self, words: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(words))
    }

    pub fn has_signed(&self, words: &[u8], signature: &str) -> bool {
        let public = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| public.verify(words, &signature).is_ok())
    }

    /// The public key as a JWK (RFC 8037).
    pub fn jwk(&self) -> Jwk {
        Jwk { kty: "OKP", crv: "Ed25519", usage: "sig", alg: "EdDSA", kid: self.kid.clone(), x: self.public.clone() }
    }

    pub fn mint(&self, actor: Actor) -> Result<String> {
        let now = Instant::now().micros() / 1_000_000;
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
        let header = Header { typ: Some("at+jwt".into()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.sign).map_err(ApiError::internal)
    }

    /// The claims of a token that we signed and that has not expired; anything else is one and the same 401.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        if token.len() > LONGEST || !is_compact(token) {
            return Err(ApiError::unauthenticated());
        }
        let key: [u8; 32] = Sha256::digest(token).into();
        let now = Instant::now().micros() / 1_000_000;
        if let Some(claims) = self.verified.get(&key) {
            return if claims.exp + LEEWAY > now { Ok(claims) } else { Err(ApiError::unauthenticated()) };
        }
        let claims = self.verify_anew(token, now).ok_or_else(ApiError::unauthenticated)?;
        self.verified.insert(key, claims.clone());
        Ok(claims)
    }

    fn verify_anew(&self, token: &str, now: i64) -> Option<Claims> {
        let header = header(token)?;
        let expected = header.alg == "EdDSA" && header.typ == "at+jwt" && header.kid == self.kid;
        let claims = expected.then(|| jsonwebtoken::decode::<Claims>(token, &self.verify, &self.validation).ok())??.claims;
        let in_time = claims.iat <= now + LEEWAY && claims.exp - claims.iat <= 900;
        in_time.then_some(claims)
    }
}

/// A public key of the key set.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(example = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "q8X2v0b1n3m5k7j9", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}))]
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
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    token.split('.').count() == 3 && token.split('.').all(part)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
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
    use crate::{auth::Scopes, types::Id};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_is_a_token(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,90}\\.[A-Za-z0-9_-]{0,200}\\.[A-Za-z0-9_-]{0,90}") {
            prop_assert!(keys().verify(&text).is_err());
        }

        #[test]
        fn a_token_in_which_one_letter_is_another_is_none(place in 0_usize..10_000, letter in "[A-Za-z0-9_.+=/ -]") {
            let ours = keys();
            let token = ours.mint(actor()).unwrap();
            let place = place % token.len();
            let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
            prop_assert_eq!(ours.verify(&changed).is_ok(), changed == token);
        }
    }

    fn keys() -> Keys {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        Keys::from_pkcs8(pkcs8.as_ref()).unwrap()
    }
    fn actor() -> Actor {
        Actor { organization: Id::new(), user: Id::new(), role: Role::Advocate, scopes: Scopes::NONE, session: Id::new() }
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
        for bad in ["", "a", "a.b.c", &token[..token.len() - 2], &format!("{token}="), &format!("{token}.x"), &"a".repeat(5000)] {
            assert!(ours.verify(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_header_that_is_not_ours_is_refused() {
        let ours = keys();
        let token = ours.mint(actor()).unwrap();
        let rest = token.split_once('.').unwrap().1;
        let kid = ours.kid.clone();
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
            let header = Header { typ: Some("at+jwt".into()), kid: Some(ours.kid.clone()), ..Header::new(Algorithm::EdDSA) };
            jsonwebtoken::encode(&header, &claims, &ours.sign).unwrap()
        };
        assert!(ours.verify(&at(now, now + 600)).is_ok());
        assert!(ours.verify(&at(now - 700, now - 100)).is_err(), "expired");
        assert!(ours.verify(&at(now + 300, now + 600)).is_err(), "from the future");
        assert!(ours.verify(&at(now, now + 86_400)).is_err(), "too long a life");
    }
}
