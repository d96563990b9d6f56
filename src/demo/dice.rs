//! Chance that a seed decides: the same seed throws the same again.

use crate::{
    db::dialect::Key,
    types::{Day, Instant, Zone},
};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

/// Times of the story are whole seconds since 1970.
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 24 * HOUR;

pub fn instant(seconds: i64) -> Instant {
    Instant::from_micros(seconds.saturating_mul(1_000_000))
}

/// The day in UTC.
pub fn day(seconds: i64) -> Day {
    Day::from_number(seconds.div_euclid(DAY)).unwrap_or_else(|| Day::of(instant(seconds), &Zone::utc()))
}

pub struct Dice(StdRng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }
    /// One of `0..count`; 0 where there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }
    /// From the lower bound up to and without the upper one.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if low < high { self.0.random_range(low..high) } else { low }
    }
    pub fn percent(&mut self, chance: u32) -> bool {
        self.0.random_range(0..100) < chance
    }
    pub fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words.get(self.below(words.len())).copied().unwrap_or_default()
    }
    /// A place in these weights, the heavier the likelier.
    pub fn weighed<T: Copy>(&mut self, weights: &[(u32, T)], otherwise: T) -> T {
        let mut left = self.0.random_range(0..weights.iter().map(|(weight, _)| weight).sum::<u32>().max(1));
        for (weight, value) in weights {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        otherwise
    }
    /// The key of a record that was made at this moment.
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
