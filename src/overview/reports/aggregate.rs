//! Computes the numbers of a report from the counts. Nothing here queries a database.

use super::{
    measure::{Formula, Keys, Measure, NONE, Statistic},
    sql::ENTERED_IN_ERROR,
};
use crate::db::aggregate::{Cell, MAX_COUNTS};
use std::collections::BTreeMap;

/// The counts of one group, one value for each counter of the measure, in the order of the counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub values: [i64; MAX_COUNTS],
    /// For each number of days, how many facts have it. Only facts that the counter of the measure's quantiles counts.
    pub days: BTreeMap<i64, i64>,
}

impl Counts {
    fn add(&mut self, counts: &[i64; MAX_COUNTS], days: Option<i64>, quantile_counter: Option<usize>) {
        for (sum, count) in self.values.iter_mut().zip(counts) {
            *sum += count;
        }
        if let (Some(days), Some(count)) = (days, quantile_counter.and_then(|index| counts.get(index)))
            && *count > 0
        {
            *self.days.entry(days).or_default() += count;
        }
    }
    fn merge(&mut self, other: Self) {
        self.add(&other.values, None, None);
        for (days, count) in other.days {
            *self.days.entry(days).or_default() += count;
        }
    }
    pub fn get(&self, measure: &Measure, counter: &str) -> i64 {
        counter_index(measure, counter).and_then(|index| self.values.get(index)).copied().unwrap_or(0)
    }
    /// The number of facts of cases that were entered in error.
    pub fn entered_in_error(&self) -> i64 {
        self.values.get(ENTERED_IN_ERROR).copied().unwrap_or(0)
    }
}

/// The index of a counter in [`Counts::values`].
pub fn counter_index(measure: &Measure, counter: &str) -> Option<usize> {
    measure.parts.iter().flat_map(|part| part.counters).position(|known| known.name == counter)
}

/// The counts of each group, by the keys of the group, and the counts of all groups together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupedCounts {
    pub groups: BTreeMap<Vec<String>, Counts>,
    pub all: Counts,
}

/// The counts of a whole report, and of each of its months or quarters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportCounts {
    pub whole: GroupedCounts,
    pub periods: Vec<GroupedCounts>,
}

impl GroupedCounts {
    /// Adds the rows that the query for one slice returned. A fact with several codes is counted once in each of their
    /// groups, and once in the total.
    pub fn add(&mut self, measure: &Measure, keys: &[Keys], cells: Vec<Cell>) {
        let quantile_counter = measure.statistics.iter().find_map(|statistic| match statistic.formula {
            Formula::Quantile { counter, .. } => counter_index(measure, counter),
            _ => None,
        });
        for cell in cells {
            let (counts, days) = (cell.counts(), cell.days);
            self.all.add(&counts, days, quantile_counter);
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
                    self.groups.entry(path).or_default().add(&counts, days, quantile_counter);
                }
            }
        }
    }

    /// Adds the counts of another slice.
    pub fn merge(&mut self, other: Self) {
        self.all.merge(other.all);
        if self.groups.is_empty() {
            self.groups = other.groups;
            return;
        }
        for (path, counts) in other.groups {
            self.groups.entry(path).or_default().merge(counts);
        }
    }
}

/// One number of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    pub numerator: Option<i64>,
    pub denominator: Option<i64>,
    /// Absent if there are no counts to compute it from.
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
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            Self::Whole(whole) => whole as f64,
            Self::Part(part) => part,
        }
    }
}

impl Figure {
    /// A figure that is not computed for this row.
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
    match statistic.formula {
        Formula::Count(counter) => Figure::whole(Some(get(counter))),
        Formula::Weight { sum, .. } => Figure::whole(Some(get(sum))),
        Formula::Share { numerator, denominator } => Figure::ratio(get(numerator), get(denominator)),
        Formula::Mean { sum, count, .. } => Figure::ratio(get(sum), get(count)),
        Formula::Quantile { percent, .. } => Figure::whole(quantile(&counts.days, percent)),
        Formula::Flagged { providers, .. } => Figure::whole(Some(get(providers))),
    }
}

/// The quantile by the nearest-rank method: the smallest number of days that `percent` in a hundred do not exceed.
fn quantile(days: &BTreeMap<i64, i64>, percent: i64) -> Option<i64> {
    let total: i64 = days.values().sum();
    let rank = (total * percent + 99) / 100;
    let mut cumulative = 0;
    days.iter()
        .find(|(_, count)| {
            cumulative += **count;
            cumulative >= rank.max(1)
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
