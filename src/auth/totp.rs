//! Time-based codes of a second factor (RFC 6238 with its usual values: SHA-1, six digits, thirty seconds).

use crate::{
    error::{ApiError, Result},
    types::Instant,
};
use aws_lc_rs::hmac;
use subtle::ConstantTimeEq as _;

/// RFC 4226, section 4: 160 bits.
pub const SECRET_BYTES: usize = 20;
/// 128 bits.
const CODE_BYTES: usize = 16;
const STEP_SECONDS: i64 = 30;
/// RFC 6238, section 5.2: a code is accepted one step late or early.
const DRIFT: i64 = 1;

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ApiError::internal("no random bytes"))?;
    Ok(bytes)
}

/// A new secret to share with a user's authenticator.
pub fn new_secret() -> Result<Vec<u8>> {
    Ok(random::<SECRET_BYTES>()?.to_vec())
}

/// RFC 4648 without padding, the form that authenticators accept.
pub fn base32(bytes: &[u8]) -> String {
    data_encoding::BASE32_NOPAD.encode(bytes)
}

/// A recovery code for a lost authenticator, in the form that the user sees: in groups of letters.
pub fn new_recovery_code() -> Result<String> {
    let letters = base32(&random::<CODE_BYTES>()?);
    let groups: Vec<_> = letters.as_bytes().chunks(7).map(String::from_utf8_lossy).collect();
    Ok(groups.join("-"))
}

/// A typed recovery code in the form in which it is compared, without separators and in upper case.
pub fn plain(typed: &str) -> String {
    typed.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
}

/// RFC 4226, section 5.3.
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0xF);
    let number =
        bytes.iter().skip(offset).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & 0x7FFF_FFFF;
    format!("{:06}", number % 1_000_000)
}

/// The code at this time, for a caller that acts as the authenticator.
pub fn code_at(secret: &[u8], now: Instant) -> String {
    code(secret, step_of(now))
}

fn step_of(now: Instant) -> i64 {
    now.micros().div_euclid(STEP_SECONDS * 1_000_000)
}

/// The time step of a code, if it is later than `last`: no code is accepted twice, and none from before the last one.
pub fn matching_step(secret: &[u8], typed: &str, last: i64, now: Instant) -> Option<i64> {
    let present = step_of(now);
    // A `last` from a clock that was far ahead must not lock the user out.
    let last = if last > present + DRIFT { 0 } else { last };
    let same = |step: &i64| bool::from(code(secret, *step).as_bytes().ct_eq(typed.as_bytes()));
    (present - DRIFT..=present + DRIFT).filter(|step| *step > last).find(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_match_rfc_6238_vectors() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(SECRET, at(seconds)), expected);
        }
    }

    #[test]
    fn code_is_accepted_once_and_at_most_one_step_early_or_late() {
        let now = at(2_000_000_000);
        let typed = code_at(SECRET, now);
        let step = matching_step(SECRET, &typed, 0, now).unwrap();
        assert_eq!(matching_step(SECRET, &typed, step, now), None, "a second time");
        for (seconds, taken) in [(-30, true), (30, true), (-60, false), (60, false)] {
            assert_eq!(matching_step(SECRET, &typed, 0, at(2_000_000_000 + seconds)).is_some(), taken, "{seconds}");
        }
        for wrong in ["", "27903", "2790370", "２７９０３７", "000000"] {
            assert_eq!(matching_step(SECRET, wrong, 0, now), None, "{wrong}");
        }
    }

    /// RFC 4648, section 10.
    #[test]
    fn base32_matches_rfc_4648_vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn recovery_code_ignores_case_and_separators() {
        let code = new_recovery_code().unwrap();
        assert_eq!(plain(&code).len(), 26);
        assert_eq!(plain(&code.to_lowercase().replace('-', " ")), plain(&code));
    }
}
