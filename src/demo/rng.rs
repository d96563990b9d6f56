//! Random values from a seed: the same seed gives the same values.

use crate::{
    db::dialect::Key,
    types::{Day, Instant, Zone},
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

/// All times are whole seconds since 1970.
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;

pub fn instant(seconds: i64) -> Instant {
    Instant::from_micros(seconds.saturating_mul(1_000_000))
}

/// A time in the office hours nearest to `at`, in the office's time zone: on a half hour, Monday to Friday, from 8:00
/// to 15:30, so that a meeting of an hour and a half ends by 17:00. A weekend is moved to the Friday before it or, with
/// `forward`, to the Monday after it.
pub fn in_office_hours(at: i64, half_hours: i64, zone: &Zone, forward: bool) -> i64 {
    let day = Day::of(instant(at), zone);
    // 1970-01-01 was a Thursday, so 0 is Monday.
    let days = match ((day.epoch_day() + 3).rem_euclid(7), forward) {
        (5, false) => -1,
        (5, true) | (6, false) => {
            if forward {
                2
            } else {
                -2
            }
        }
        (6, true) => 1,
        _ => 0,
    };
    let begins = day.plus_days(days).begins(zone).micros().div_euclid(1_000_000);
    begins + 8 * HOUR + half_hours.rem_euclid(16) * HOUR / 2
}

/// A time on the same day, moved into the local daytime: from 8:00 to 20:00.
pub fn in_waking_hours(at: i64, zone: &Zone) -> i64 {
    let begins = Day::of(instant(at), zone).begins(zone).micros().div_euclid(1_000_000);
    begins + 8 * HOUR + (at - begins).clamp(0, DAY - 1) / 2
}

/// The date in UTC.
pub fn day(seconds: i64) -> Day {
    Day::from_epoch_day(seconds.div_euclid(DAY)).unwrap_or_else(|| Day::of(instant(seconds), &Zone::utc()))
}

/// A random generator with a seed.
pub struct Rng(StdRng);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }
    /// One of `0..count`, or 0 if `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }
    /// From the lower bound (inclusive) to the upper bound (exclusive).
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if low < high { self.0.random_range(low..high) } else { low }
    }
    pub fn percent(&mut self, chance: u32) -> bool {
        self.0.random_range(0..100) < chance
    }
    pub fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len())).copied().unwrap_or_default()
    }
    /// A value chosen at random by weight.
    pub fn weighted<T: Copy>(&mut self, weights: &[(u32, T)], otherwise: T) -> T {
        let mut left = self.0.random_range(0..weights.iter().map(|(weight, _)| weight).sum::<u32>().max(1));
        for (weight, value) in weights {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        otherwise
    }
    /// The key of a record that was created at this time.
    pub fn id(&mut self, seconds: i64) -> Key {
        let mut bits = [0; 10];
        self.0.fill_bytes(&mut bits);
        let millis = u64::try_from(seconds.saturating_mul(1_000)).unwrap_or_default();
        Key::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
    }
    pub fn phone(&mut self) -> String {
        format!("+1 555 01{:02}", self.below(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn office_hours_are_weekday_daytime_in_the_office_time_zone() {
        let chicago = Zone::parse("America/Chicago").unwrap();
        let seconds = |text: &str| Instant::parse(text).unwrap().micros() / 1_000_000;
        let moved = |at: &str, half_hours, forward| {
            instant(in_office_hours(seconds(at), half_hours, &chicago, forward)).to_string()
        };
        // This is still Sunday evening in Chicago.
        assert_eq!(moved("2026-11-30T04:00:00Z", 0, false), "2026-11-27T14:00:00.000Z");
        assert_eq!(moved("2026-11-30T04:00:00Z", 15, true), "2026-11-30T21:30:00.000Z");
        assert_eq!(moved("2026-11-28T18:00:00Z", 0, true), "2026-11-30T14:00:00.000Z");
        assert_eq!(moved("2026-11-28T18:00:00Z", 1, false), "2026-11-27T14:30:00.000Z");
        // In summer the office opens an hour earlier in UTC.
        assert_eq!(moved("2026-07-01T23:00:00Z", 0, false), "2026-07-01T13:00:00.000Z");
        let awake = |at: &str| instant(in_waking_hours(seconds(at), &chicago)).to_string();
        assert_eq!(
            (awake("2026-11-30T06:00:00Z").as_str(), awake("2026-12-01T05:00:00Z").as_str()),
            ("2026-11-30T14:00:00.000Z", "2026-12-01T01:30:00.000Z")
        );
    }
}
