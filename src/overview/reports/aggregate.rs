//! Computes the numbers of a report from the counts. Nothing here queries a database.

use super::{
    measure::{Keys, Makes, Measure, NONE, Statistic},
    sql::MISTAKES,
};
use crate::db::aggregate::{Cell, MOST_COUNTS};
use std::collections::BTreeMap;

/// The counts of one group, at the positions of the measure's counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub of: [i64; MOST_COUNTS],
    /// How many facts there are for each number of days, for the counter that the measure's quantiles are of.
    pub days: BTreeMap<i64, i64>,
}

impl Counts {
    fn add(&mut self, counts: &[i64; MOST_COUNTS], days: Option<i64>, spread: Option<usize>) {
        for (sum, count) in self.of.iter_mut().zip(counts) {
            *sum += count;
        }
        if let (Some(days), Some(many)) = (days, spread.and_then(|place| counts.get(place)))
            && *many > 0
        {
            *self.days.entry(days).or_default() += many;
        }
    }
    fn join(&mut self, other: Self) {
        self.add(&other.of, None, None);
        for (days, many) in other.days {
            *self.days.entry(days).or_default() += many;
        }
    }
    pub fn get(&self, measure: &Measure, counter: &str) -> i64 {
        place(measure, counter).and_then(|place| self.of.get(place)).copied().unwrap_or(0)
    }
    pub fn mistakes(&self) -> i64 {
        self.of.get(MISTAKES).copied().unwrap_or(0)
    }
}

/// The position of a counter of the measure.
pub fn place(measure: &Measure, counter: &str) -> Option<usize> {
    measure.parts.iter().flat_map(|part| part.counters).position(|known| known.name == counter)
}

/// The counts by the keys of the groups, and of all groups together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    pub groups: BTreeMap<Vec<String>, Counts>,
    pub all: Counts,
}

/// The counts of a whole report, and of each of its months or quarters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallied {
    pub whole: Counted,
    pub periods: Vec<Counted>,
}

impl Counted {
    /// Adds the result of a query for one slice. A fact with several codes is counted under each, and once in the
    /// total.
    pub fn add(&mut self, measure: &Measure, keys: &[Keys], cells: Vec<Cell>) {
        let spread = measure.statistics.iter().find_map(|statistic| match statistic.makes {
            Makes::Quantile { of, .. } => place(measure, of),
            _ => None,
        });
        for cell in cells {
            let (counts, days) = (cell.counts(), cell.days);
            self.all.add(&counts, days, spread);
            let mut paths: Vec<Vec<String>> = vec![Vec::new()];
            for (kind, key) in keys.iter().zip(cell.keys()) {
                let each = match (kind, key) {
                    (_, None) => vec![NONE.to_owned()],
                    (Keys::SeveralCodes(_), Some(text)) => serde_json::from_str(&text).unwrap_or_default(),
                    (_, Some(key)) => vec![key],
                };
                paths = paths
                    .iter()
                    .flat_map(|path| each.iter().map(|key| [path.as_slice(), std::slice::from_ref(key)].concat()))
                    .collect();
            }
            if !keys.is_empty() {
                for path in paths {
                    self.groups.entry(path).or_default().add(&counts, days, spread);
                }
            }
        }
    }

    /// Adds the counts of another slice.
    pub fn join(&mut self, other: Self) {
        self.all.join(other.all);
        for (path, counts) in other.groups {
            self.groups.entry(path).or_default().join(counts);
        }
    }
}

/// One number of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
    /// Absent if there is nothing to compute it from.
    pub value: Option<Amount>,
    pub hidden: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Amount {
    Whole(i64),
    /// Rounded to four decimal places.
    Part(f64),
}
impl Amount {
    pub fn number(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
            Self::Whole(whole) => whole as f64,
            Self::Part(part) => part,
        }
    }
}

impl Figure {
    /// There is nothing to compute.
    pub const NOTHING: Self = Self { numerator: None, denominator: None, value: None, hidden: false };
    pub const HIDDEN: Self = Self { numerator: None, denominator: None, value: None, hidden: true };

    const fn whole(value: Option<i64>) -> Self {
        let value = match value {
            Some(value) => Some(Amount::Whole(value)),
            None => None,
        };
        Self { numerator: None, denominator: None, value, hidden: false }
    }
    pub fn ratio(numerator: i64, denominator: i64) -> Self {
        let ratio = || {
            Amount::Part((Amount::Whole(numerator).number() / Amount::Whole(denominator).number() * 1e4).round() / 1e4)
        };
        let value = (denominator > 0).then(ratio);
        Self { numerator: Some(numerator), denominator: Some(denominator), value, hidden: false }
    }
}

/// The figure that a statistic computes from the counts of a group.
pub fn figure(measure: &Measure, statistic: &Statistic, counts: &Counts) -> Figure {
    let get = |name| counts.get(measure, name);
    match statistic.makes {
        Makes::Count(of) => Figure::whole(Some(get(of))),
        Makes::Weight { sum, .. } => Figure::whole(Some(get(sum))),
        Makes::Share { of, among } => Figure::ratio(get(of), get(among)),
        Makes::Mean { sum, of, .. } => Figure::ratio(get(sum), get(of)),
        Makes::Quantile { percent, .. } => Figure::whole(quantile(&counts.days, percent)),
        Makes::Flagged { of, .. } => Figure::whole(Some(get(of))),
    }
}

/// The smallest number of days that `percent` in a hundred do not exceed: the nearest rank.
fn quantile(days: &BTreeMap<i64, i64>, percent: i64) -> Option<i64> {
    let n: i64 = days.values().sum();
    let rank = (n * percent + 99) / 100;
    let mut seen = 0;
    days.iter()
        .find(|(_, many)| {
            seen += **many;
            seen >= rank.max(1)
        })
        .map(|(days, _)| *days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(of: &[(i64, i64)]) -> BTreeMap<i64, i64> {
        of.iter().copied().collect()
    }

    #[test]
    fn quantile_is_an_observed_value() {
        assert_eq!(quantile(&days(&[]), 50), None);
        assert_eq!(quantile(&days(&[(4, 1)]), 50), Some(4));
        assert_eq!(quantile(&days(&[(1, 1), (9, 1)]), 50), Some(1));
        assert_eq!(quantile(&days(&[(1, 1), (2, 1), (9, 1)]), 50), Some(2));
        assert_eq!(quantile(&days(&[(0, 9), (30, 1)]), 90), Some(0));
        assert_eq!(quantile(&days(&[(0, 8), (30, 2)]), 90), Some(30));
    }

    #[test]
    fn ratio_of_zero_units_has_no_value() {
        assert_eq!(Figure::ratio(0, 0).value, None);
        assert_eq!(Figure::ratio(1, 3).value, Some(Amount::Part(0.3333)));
    }
}
