//! Statistical suppression for readers who may not know single cases (FX-07). It hides small counts, hides further
//! counts if a hidden one could be computed from its total (complementary suppression), and shows all others only in
//! steps.
//!
//! A count from 1 to one less than the [`Threshold`] is hidden; 0 and all larger counts are shown. A count that is
//! shown is in a step of [`STEP`] counts, as many as the lowest threshold hides, and is published as the middle of its
//! step. So a reader who subtracts the shown counts from a total, or one report from another, learns no hidden count.
//! That holds only if the caller cannot request reports that overlap in any way. So a protected report covers a whole
//! quarter or year, or is as of the end of a month, and covers the whole organization.

use super::{
    aggregate::{Amount, Counts, Figure, GroupedCounts, counter_index, figure},
    measure::{Formula, Group, Keys, Measure, Statistic},
};
use std::collections::{BTreeMap, BTreeSet};

/// The width of the steps. The organization cannot choose it: reports with steps of different widths, compared with
/// each other, would reveal every number.
pub const STEP: i64 = 10;

/// The smallest count above 0 that is shown: 11, or the first count of a later step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(i64);

/// A count as a protected report shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedCount {
    About(i64),
    Hidden,
}

impl Threshold {
    /// From the organization's setting, rounded up to the first count of a step. The setting can only raise the
    /// threshold: the people who choose the setting are those from whom numbers are hidden.
    pub fn from_setting(setting: i32) -> Self {
        let hidden = i64::from(setting.max(11)) - 1;
        Self(hidden.div_euclid(STEP) * STEP + if hidden % STEP == 0 { 1 } else { STEP + 1 })
    }
    pub const fn smallest_published(self) -> i64 {
        self.0
    }
    const fn hides(self, count: i64) -> bool {
        count != 0 && count < self.0
    }
    /// The count as it is published. For example, 15 for all counts from 11 to 20.
    pub const fn publish(self, count: i64) -> PublishedCount {
        if self.hides(count) {
            PublishedCount::Hidden
        } else if count == 0 {
            PublishedCount::About(0)
        } else {
            PublishedCount::About((count - 1) / STEP * STEP + STEP / 2)
        }
    }
}

/// The counters that decide whether a statistic is hidden: it is hidden if one of them is.
fn deciding_counters(formula: Formula) -> Vec<&'static str> {
    match formula {
        Formula::Count(counter) | Formula::Quantile { counter, .. } => vec![counter],
        // The number of providers is not a number of people: `published_figure` decides whether it is hidden.
        Formula::Flagged { units, .. } => vec![units],
        Formula::Share { numerator, denominator } => vec![numerator, denominator],
        // A sum over few units reveals as much as their number.
        Formula::Weight { sum, units } => vec![sum, units],
        Formula::Mean { sum, count, units } => vec![sum, count, units],
    }
}

/// The counts of a group, and which of them are hidden.
struct MaskedCounts<'a> {
    counts: &'a Counts,
    hidden: Vec<bool>,
}

/// The figures of every group, and of all groups together, in the order of the measure's statistics. A group whose
/// existence must not be revealed has no figures.
pub fn figures(
    measure: &Measure,
    groups: &[&Group],
    counted: &GroupedCounts,
    threshold: Threshold,
) -> (Vec<Vec<Figure>>, Vec<Figure>) {
    let of_one_provider = groups.iter().any(|group| group.keys == Keys::Provider);
    let mut groups: Vec<MaskedCounts<'_>> =
        counted.groups.values().map(|counts| hide_small_counts(counts, threshold)).collect();
    let totals = groups_by_total(counted);
    let counters = measure.parts.iter().flat_map(|part| part.counters).count();
    let mut fully_hidden = BTreeSet::new();
    for counter in 0..counters {
        // Hiding a count for one total may leave too little uncertainty about another total.
        while totals.iter().any(|addends| hide_another(&mut groups, addends, counter)) {}
        let is_too_narrow = |addends: &&Vec<usize>| {
            uncertainty(&groups, addends, counter).is_some_and(|uncertainty| uncertainty < STEP)
        };
        let all_addends: Vec<usize> = totals.iter().filter(is_too_narrow).flatten().copied().collect();
        all_addends.iter().for_each(|at| hide(&mut groups, *at, counter));
        fully_hidden.extend(all_addends);
    }
    let figures_of = |group: &MaskedCounts<'_>, of_one_provider: bool| -> Vec<Figure> {
        measure
            .statistics
            .iter()
            .map(|statistic| published_figure(measure, statistic, group, threshold, of_one_provider))
            .collect()
    };
    let shown = groups.iter().enumerate().map(|(at, group)| {
        let figures = figures_of(group, of_one_provider);
        if fully_hidden.contains(&at) && figures.iter().all(|figure| figure.hidden) { Vec::new() } else { figures }
    });
    (shown.collect(), figures_of(&hide_small_counts(&counted.all, threshold), false))
}

/// The figures of a report by month or by quarter: each span exactly as in a report of that span alone, so that it
/// reveals nothing that a caller could not request anyway. `request::moments` decides which spans may be requested.
pub fn figures_by_span<'c>(
    measure: &Measure,
    groups: &[&Group],
    spans: impl IntoIterator<Item = &'c GroupedCounts>,
    threshold: Threshold,
) -> Vec<(Vec<Vec<Figure>>, Vec<Figure>)> {
    spans.into_iter().map(|counted| figures(measure, groups, counted, threshold)).collect()
}

fn hide_small_counts(counts: &Counts, threshold: Threshold) -> MaskedCounts<'_> {
    MaskedCounts { counts, hidden: counts.values.iter().map(|count| threshold.hides(*count)).collect() }
}

fn hide(groups: &mut [MaskedCounts<'_>], at: usize, counter: usize) {
    if let Some(hidden) = groups.get_mut(at).and_then(|group| group.hidden.get_mut(counter)) {
        *hidden = true;
    }
}

/// For each total, the indexes of the groups that add up to it: those that differ in one key only.
fn groups_by_total(counted: &GroupedCounts) -> Vec<Vec<usize>> {
    let mut totals: BTreeMap<(usize, Vec<&str>), Vec<usize>> = BTreeMap::new();
    for (at, path) in counted.groups.keys().enumerate() {
        for position in 0..path.len() {
            let rest = path.iter().enumerate().filter(|(i, _)| *i != position).map(|(_, key)| key.as_str()).collect();
            totals.entry((position, rest)).or_default().push(at);
        }
    }
    totals.into_values().collect()
}

/// The counts that add up to a total, each with the index of its group and whether it is hidden.
fn counts<'g>(
    groups: &'g [MaskedCounts<'_>],
    addends: &'g [usize],
    counter: usize,
) -> impl Iterator<Item = (usize, bool, i64)> + 'g {
    addends.iter().filter_map(move |at| {
        let group = groups.get(*at)?;
        Some((*at, *group.hidden.get(counter)?, *group.counts.values.get(counter)?))
    })
}

/// The sum of (count - 1) over the hidden counts of a total. A reader who subtracts the shown counts from the total
/// knows each hidden count only to within this uncertainty. 0 if a single count is hidden; `None` if none is.
fn uncertainty(groups: &[MaskedCounts<'_>], addends: &[usize], counter: usize) -> Option<i64> {
    let hidden: Vec<i64> = counts(groups, addends, counter)
        .filter(|(_, hidden, count)| *hidden && *count != 0)
        .map(|(.., count)| count)
        .collect();
    match hidden.len() {
        0 => None,
        1 => Some(0),
        _ => Some(hidden.iter().map(|count| count - 1).sum()),
    }
}

/// If the hidden counts of a total leave too little uncertainty, hides the smallest of its other counts too
/// (complementary suppression). Returns whether it hid one.
fn hide_another(groups: &mut [MaskedCounts<'_>], addends: &[usize], counter: usize) -> bool {
    if uncertainty(groups, addends, counter).is_none_or(|uncertainty| uncertainty >= STEP) {
        return false;
    }
    let others = counts(groups, addends, counter).filter(|(_, hidden, count)| !hidden && *count > 0);
    let smallest = others.min_by_key(|(.., count)| *count).map(|(at, ..)| at);
    if let Some(at) = smallest {
        hide(groups, at, counter);
    }
    smallest.is_some()
}

/// The figure as a protected report shows it.
fn published_figure(
    measure: &Measure,
    statistic: &Statistic,
    group: &MaskedCounts<'_>,
    threshold: Threshold,
    of_one_provider: bool,
) -> Figure {
    let counters = deciding_counters(statistic.formula);
    let is_hidden =
        |name: &&str| counter_index(measure, name).and_then(|index| group.hidden.get(index)).copied().unwrap_or(true);
    if counters.iter().any(is_hidden) {
        return Figure::HIDDEN;
    }
    let exact = figure(measure, statistic, group.counts);
    let about = |count: i64| match threshold.publish(count) {
        PublishedCount::About(about) => about,
        PublishedCount::Hidden => 0,
    };
    match statistic.formula {
        Formula::Count(_) | Formula::Weight { .. } => match exact.value {
            Some(Amount::Whole(count)) => Figure { value: Some(Amount::Whole(about(count))), ..exact },
            _ => exact,
        },
        // A share also reveals its remainder: if that is small, the share is hidden.
        Formula::Share { numerator, denominator }
            if threshold.hides(group.counts.get(measure, denominator) - group.counts.get(measure, numerator)) =>
        {
            Figure::HIDDEN
        }
        // Computed from the published counts: an exact share would reveal both of its counts.
        Formula::Share { .. } | Formula::Mean { .. } => match (exact.numerator, exact.denominator) {
            (Some(numerator), Some(denominator)) => Figure::ratio(about(numerator), about(denominator)),
            _ => exact,
        },
        // A quantile of few values is the value of one of them.
        Formula::Quantile { counter, .. }
            if group.counts.get(measure, counter) < 2 * threshold.smallest_published() =>
        {
            Figure::HIDDEN
        }
        Formula::Quantile { .. } => match exact.value {
            Some(Amount::Whole(days)) => Figure { value: Some(Amount::Whole(days / 7 * 7)), ..exact },
            _ => exact,
        },
        // If the clients of a provider are shown, there are more clients than a flag needs, so the flag reveals nothing.
        Formula::Flagged { .. } if of_one_provider => exact,
        Formula::Flagged { providers, .. } => match threshold.publish(group.counts.get(measure, providers)) {
            PublishedCount::About(about) => Figure { value: Some(Amount::Whole(about)), ..exact },
            PublishedCount::Hidden => Figure::HIDDEN,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::reports::measure::find;
    use proptest::{collection::vec, prelude::*};

    const ELEVEN: Threshold = Threshold(11);

    #[test]
    fn threshold_is_rounded_up_to_a_step() {
        for (setting, least) in [(0, 11), (1, 11), (11, 11), (12, 21), (20, 21), (21, 21), (22, 31), (100, 101)] {
            assert_eq!(Threshold::from_setting(setting).smallest_published(), least, "{setting}");
        }
    }

    #[test]
    fn small_counts_are_hidden_and_others_are_shown_in_steps() {
        assert_eq!(ELEVEN.publish(0), PublishedCount::About(0));
        assert!((1..=10).all(|count| ELEVEN.publish(count) == PublishedCount::Hidden));
        assert!((11..=20).all(|count| ELEVEN.publish(count) == PublishedCount::About(15)));
        assert_eq!((ELEVEN.publish(21), ELEVEN.publish(130)), (PublishedCount::About(25), PublishedCount::About(125)));
        // A small number that is subtracted reveals as much.
        assert_eq!(ELEVEN.publish(-1), PublishedCount::Hidden);
    }

    /// What a reader knows who has sent every request that is answered: the range of each number.
    type Known = BTreeMap<Cell, (i64, i64)>;
    /// A number that is published: its type and its severity, if it has them, and its quarter, unless it is of the
    /// whole year.
    type Cell = (Option<usize>, Option<usize>, Option<usize>);

    const TYPES: usize = 3;
    const GRADES: usize = 3;
    const QUARTERS: usize = 4;
    const MANY: i64 = 10_000;

    /// What a reader learns from every report of these counts: without groups, by type, by severity, by both; for each
    /// quarter, for the year, and for the year grouped by quarter. Also returns the hidden counts.
    fn all_reports(counts: &[i64]) -> (Known, BTreeMap<Cell, i64>) {
        let (mut known, mut hidden) = (Known::new(), BTreeMap::new());
        for quarter in (0..QUARTERS).map(Some).chain([None]) {
            for (by_kind, by_grade) in [(false, false), (true, false), (false, true), (true, true)] {
                let (counted, truth) = count(counts, quarter, by_kind, by_grade);
                let shown = figures(find("barriers_open").unwrap(), &[], &counted, ELEVEN);
                learn(&mut known, &mut hidden, &counted, &truth, &shown);
            }
        }
        for (by_kind, by_grade) in [(false, false), (true, false), (false, true), (true, true)] {
            let each: Vec<_> = (0..QUARTERS).map(|quarter| count(counts, Some(quarter), by_kind, by_grade)).collect();
            let shown =
                figures_by_span(find("barriers_open").unwrap(), &[], each.iter().map(|(counted, _)| counted), ELEVEN);
            assert_eq!(shown.len(), QUARTERS);
            for ((counted, truth), shown) in each.iter().zip(&shown) {
                learn(&mut known, &mut hidden, counted, truth, shown);
            }
        }
        (known, hidden)
    }

    type Truth = BTreeMap<(Vec<String>, Cell), i64>;

    /// The counts of one report, and the true value of each of its numbers.
    fn count(counts: &[i64], quarter: Option<usize>, by_kind: bool, by_grade: bool) -> (GroupedCounts, Truth) {
        let count_at = |kind: usize, grade: usize, quarter: usize| counts[(kind * GRADES + grade) * QUARTERS + quarter];
        let quarters: Vec<usize> = quarter.map_or_else(|| (0..QUARTERS).collect(), |one| vec![one]);
        let (mut counted, mut truth) = (GroupedCounts::default(), BTreeMap::new());
        for (kind, grade) in (0..TYPES).flat_map(|kind| (0..GRADES).map(move |grade| (kind, grade))) {
            let n: i64 = quarters.iter().map(|quarter| count_at(kind, grade, *quarter)).sum();
            let path: Vec<String> = [by_kind.then_some(kind), by_grade.then_some(grade)]
                .into_iter()
                .flatten()
                .map(|key| key.to_string())
                .collect();
            counted.all.values[0] += n;
            if by_kind || by_grade {
                counted.groups.entry(path.clone()).or_default().values[0] += n;
            }
            *truth.entry((path, (by_kind.then_some(kind), by_grade.then_some(grade), quarter))).or_insert(0) += n;
        }
        (counted, truth)
    }

    /// Adds what a report shows to what is known: a number that is published twice is in both ranges.
    fn learn(
        known: &mut Known,
        hidden: &mut BTreeMap<Cell, i64>,
        counted: &GroupedCounts,
        truth: &Truth,
        (groups, all): &(Vec<Vec<Figure>>, Vec<Figure>),
    ) {
        let shown: BTreeMap<&Vec<String>, &Vec<Figure>> = counted.groups.keys().zip(groups).collect();
        for ((path, cell), n) in truth {
            let figure = if path.is_empty() { all.first() } else { shown[path].first() };
            let (low, high) = match figure {
                // Not even listed: a reader does not know whether the group exists.
                None => (0, MANY),
                Some(figure) => match figure.value {
                    _ if figure.hidden => (1, MANY),
                    Some(Amount::Whole(0)) => (0, 0),
                    Some(Amount::Whole(middle)) => (middle - 4, middle + 5),
                    _ => unreachable!(),
                },
            };
            let entry = known.entry(*cell).or_insert((0, MANY));
            *entry = (entry.0.max(low), entry.1.min(high));
            let Some(figure) = figure else { continue };
            if figure.hidden && *n < 11 {
                hidden.insert(*cell, *n);
            }
            assert!(!figure.hidden || *n > 0, "a count of 0 must be shown as 0");
            assert!(figure.hidden || *n == 0 || *n >= 11, "{n} is small");
        }
    }

    /// Every total with its parts, along each of the three dimensions.
    fn totals() -> Vec<(Cell, Vec<Cell>)> {
        let mut totals = Vec::new();
        let with_total = |many: usize| (0..many).map(Some).chain([None]).collect::<Vec<_>>();
        for kind in with_total(TYPES) {
            for grade in with_total(GRADES) {
                for quarter in with_total(QUARTERS) {
                    let whole = (kind, grade, quarter);
                    if kind.is_none() {
                        totals.push((whole, (0..TYPES).map(|kind| (Some(kind), grade, quarter)).collect()));
                    }
                    if grade.is_none() {
                        totals.push((whole, (0..GRADES).map(|grade| (kind, Some(grade), quarter)).collect()));
                    }
                    if quarter.is_none() {
                        totals.push((whole, (0..QUARTERS).map(|quarter| (kind, grade, Some(quarter))).collect()));
                    }
                }
            }
        }
        totals
    }

    /// Subtracts the other parts from every total, repeatedly, until nothing more is learned.
    fn attack(known: &mut Known) {
        let totals = totals();
        loop {
            let before = known.clone();
            for (whole, parts) in &totals {
                let (low, high) =
                    parts.iter().fold((0, 0), |(low, high), part| (low + known[part].0, high + known[part].1));
                let total = known.get_mut(whole).unwrap();
                *total = (total.0.max(low), total.1.min(high));
                let total = *total;
                for part in parts {
                    let (own_low, own_high) = known[part];
                    let cell = known.get_mut(part).unwrap();
                    *cell = (own_low.max(total.0 - (high - own_high)), own_high.min(total.1 - (low - own_low)));
                }
            }
            if *known == before {
                return;
            }
        }
    }

    fn assert_attack_reveals_nothing(counts: &[i64]) {
        let (mut known, hidden) = all_reports(counts);
        attack(&mut known);
        for (cell, n) in hidden {
            let (low, high) = known[&cell];
            assert!(low <= n && n <= high, "the attack itself errs: {cell:?} is {n}, not {low} to {high}");
            assert!(high - low >= 2, "{cell:?}, which is {n}, can be narrowed to {low} to {high}");
        }
    }

    /// The attack works: if only one cell of a total is hidden, the total minus the other cells reveals it.
    #[test]
    fn simulated_attack_finds_an_insufficiently_hidden_cell() {
        let mut known: Known = totals()
            .into_iter()
            .flat_map(|(whole, parts)| parts.into_iter().chain([whole]))
            .map(|cell| (cell, (0, 0)))
            .collect();
        for cell in [
            (Some(0), None, Some(0)),
            (None, None, Some(0)),
            (Some(0), None, None),
            (None, None, None),
            (None, Some(0), Some(0)),
            (None, Some(0), None),
            (Some(0), Some(0), Some(0)),
            (Some(0), Some(0), None),
        ] {
            known.insert(cell, (20, 20));
        }
        for cell in
            [(Some(1), None, Some(0)), (Some(1), None, None), (Some(1), Some(0), Some(0)), (Some(1), Some(0), None)]
        {
            known.insert(cell, (1, MANY));
        }
        for cell in [(None, None, Some(0)), (None, None, None), (None, Some(0), Some(0)), (None, Some(0), None)] {
            known.insert(cell, (23, 23));
        }
        attack(&mut known);
        assert_eq!(known[&(Some(1), None, Some(0))], (3, 3));
    }

    /// One breakdown with many parts, most of them small, for example by provider.
    fn assert_long_tail_reveals_nothing(parts: &[i64]) {
        let measure = find("barriers_open").unwrap();
        let mut counted = GroupedCounts::default();
        for (at, n) in parts.iter().enumerate() {
            counted.all.values[0] += n;
            counted.groups.entry(vec![format!("{at:03}")]).or_default().values[0] += n;
        }
        let (groups, all) = figures(measure, &[], &counted, ELEVEN);
        let span = |figure: &Figure| match figure.value {
            _ if figure.hidden => (1, MANY),
            Some(Amount::Whole(0)) => (0, 0),
            Some(Amount::Whole(middle)) => (middle - 4, middle + 5),
            _ => unreachable!(),
        };
        let known: Vec<(i64, i64)> = groups.iter().map(|figures| figures.first().map_or((0, MANY), span)).collect();
        let (least, most) = (known.iter().map(|(low, _)| low).sum::<i64>(), span(&all[0]).1);
        for ((low, high), n) in known.iter().zip(parts).filter(|((_, high), n)| *high == MANY && **n < 11) {
            let high = (*high).min(most - (least - low));
            assert!(high - low >= 2, "of {parts:?} a part of {n} can be narrowed to {low} to {high}");
        }
    }

    #[test]
    fn long_tail_reveals_no_hidden_count() {
        for parts in [
            vec![1; 20],
            [vec![11], vec![1; 9]].concat(),
            [vec![11, 11], vec![1; 8]].concat(),
            vec![1; 19],
            vec![1, 11],
            vec![5, 5, 1],
            [vec![11; 9], vec![1]].concat(),
            [vec![1; 25], vec![2000]].concat(),
        ] {
            assert_long_tail_reveals_nothing(&parts);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn random_tails_reveal_no_hidden_count(
            parts in vec(
                prop_oneof![4 => 1_i64..3, 2 => 1_i64..11, 1 => 11_i64..14, 1 => 11_i64..60],
                1..26,
            ),
        ) {
            assert_long_tail_reveals_nothing(&parts);
        }
        /// A reader who sends every request and computes every difference learns the value of no hidden number.
        #[test]
        fn differences_of_reports_reveal_no_hidden_count(
            counts in vec(prop_oneof![Just(0_i64), 1_i64..11, 11_i64..40], TYPES * GRADES * QUARTERS),
        ) {
            assert_attack_reveals_nothing(&counts);
        }
        #[test]
        fn differences_of_sparse_reports_reveal_no_hidden_count(
            counts in vec(
                prop_oneof![6 => Just(0_i64), 3 => 1_i64..4, 1 => 10_i64..13],
                TYPES * GRADES * QUARTERS,
            ),
        ) {
            assert_attack_reveals_nothing(&counts);
        }
    }
}
