//! Checks the machine's clock without another clock. Tokens that are issued with a wrong clock would be valid for years
//! after the clock is corrected.

use crate::types::Instant;

/// The greatest difference, in seconds, between two correct clocks.
pub const LEEWAY: i64 = 300;

/// The date of the newest migration, recorded at build time. It needs no clock and is the same for every build of one
/// source.
const MADE_ON: &str = env!("NEWEST_MIGRATION_ON");
const DAY: i64 = 24 * 3600;

/// Refuses a clock that is earlier than the program, with one day of tolerance: a migration may be named after a date
/// that has begun only farther east.
///
/// # Errors
/// One line.
pub fn check(now: Instant) -> Result<(), String> {
    let made = Instant::parse(&format!("{MADE_ON}T00:00:00Z")).map_err(|fault| fault.detail)?;
    if now < made.plus_seconds(-DAY) {
        return Err(format!(
            "the clock of this machine says {now}, and this program was made on {MADE_ON}: set the clock"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_before_the_build_date_is_refused() {
        check(Instant::now()).unwrap();
        let made = Instant::parse(&format!("{MADE_ON}T00:00:00Z")).unwrap();
        check(made.plus_seconds(-DAY)).unwrap();
        for wrong in [made.plus_seconds(-DAY - 1), Instant::from_micros(0)] {
            let message = check(wrong).unwrap_err();
            assert!(message.contains(MADE_ON) && message.lines().count() == 1, "{message}");
        }
    }
}
