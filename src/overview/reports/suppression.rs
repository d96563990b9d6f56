//! Statistical suppression for readers who may not know single cases (FX-07). It hides small counts, hides further
//! counts if a hidden one could be computed from its total (complementary suppression), and shows all others only in
//! steps.
//!
//! A count from 1 up to the organization's threshold is hidden; 0 is shown. A count that is shown is in a step of
//! [`STEP`] counts, as many as the lowest threshold hides, and is published as the middle of its step. So a total minus
//! the shown counts reveals no hidden count, and neither does one report minus another. That holds only if reports do
//! not overlap freely. So their periods are whole quarters and years, their moments are the ends of months, and they
//! cover the whole organization.

use super::{
    aggregate::{Amount, Counted, Counts, Figure, figure, place},
    measure::{Group, Keys, Makes, Measure, Statistic},
};
use std::collections::{BTreeMap, BTreeSet};

/// The width of the steps. The organization cannot choose it: reports with steps of many widths would reveal every
/// number.
pub const STEP: i64 = 10;

/// The smallest count that is shown: 11, or the first count of a later step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(i64);

/// What is shown of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    About(i64),
    Hidden,
}

impl Threshold {
    /// From the organization's setting, which can only raise it: the people who choose the setting are those from whom
    /// numbers are hidden.
    pub fn of(setting: i32) -> Self {
        let hidden = i64::from(setting.max(11)) - 1;
        Self(hidden.div_euclid(STEP) * STEP + if hidden % STEP == 0 { 1 } else { STEP + 1 })
    }
    pub const fn least(self) -> i64 {
        self.0
    }
    const fn hides(self, count: i64) -> bool {
        count != 0 && count < self.0
    }
    /// For example, 15 for all counts from 11 to 20.
    pub const fn show(self, count: i64) -> Shown {
        if self.hides(count) {
            Shown::Hidden
        } else if count == 0 {
            Shown::About(0)
        } else {
            Shown::About((count - 1) / STEP * STEP + STEP / 2)
        }
    }
}

/// The counters that a statistic is computed from; it is hidden if one of them is.
fn made_of(makes: Makes) -> Vec<&'static str> {
    match makes {
        Makes::Count(of) | Makes::Quantile { of, .. } => vec![of],
        // The number of providers is not a number of people: `shown` decides whether it is hidden.
        Makes::Flagged { among, .. } => vec![among],
        Makes::Share { of, among } => vec![of, among],
        // A sum over few units reveals as much as their number.
        Makes::Weight { sum, of } => vec![sum, of],
        Makes::Mean { sum, of, units } => vec![sum, of, units],
    }
}

/// The counts of a group, and which of them are hidden.
struct GroupCounts<'a> {
    counts: &'a Counts,
    hidden: Vec<bool>,
}

/// The figures of every group, and of all groups together, in the order of the measure's statistics. A group whose
/// existence must not be revealed has none.
pub fn figures(
    measure: &Measure,
    groups: &[&Group],
    counted: &Counted,
    threshold: Threshold,
) -> (Vec<Vec<Figure>>, Vec<Figure>) {
    let of_one_provider = groups.iter().any(|group| group.keys == Keys::Provider);
    let mut groups: Vec<GroupCounts<'_>> =
        counted.groups.values().map(|counts| hide_small_counts(counts, threshold)).collect();
    let lines = lines(counted);
    let places = measure.parts.iter().flat_map(|part| part.counters).count();
    let mut fully_hidden = BTreeSet::new();
    for place in 0..places {
        // The counts that are hidden for one line may leave too little uncertainty in another.
        while lines.iter().any(|line| hide_another(&mut groups, line, place)) {}
        let is_too_narrow =
            |line: &&Vec<usize>| uncertainty(&groups, line, place).is_some_and(|uncertainty| uncertainty < STEP);
        let all_of_it: Vec<usize> = lines.iter().filter(is_too_narrow).flatten().copied().collect();
        all_of_it.iter().for_each(|at| hide(&mut groups, *at, place));
        fully_hidden.extend(all_of_it);
    }
    let figures_of = |group: &GroupCounts<'_>, of_one_provider: bool| -> Vec<Figure> {
        measure
            .statistics
            .iter()
            .map(|statistic| shown(measure, statistic, group, threshold, of_one_provider))
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
    spans: impl IntoIterator<Item = &'c Counted>,
    threshold: Threshold,
) -> Vec<(Vec<Vec<Figure>>, Vec<Figure>)> {
    spans.into_iter().map(|counted| figures(measure, groups, counted, threshold)).collect()
}

fn hide_small_counts(counts: &Counts, threshold: Threshold) -> GroupCounts<'_> {
    GroupCounts { counts, hidden: counts.of.iter().map(|count| threshold.hides(*count)).collect() }
}

fn hide(groups: &mut [GroupCounts<'_>], at: usize, place: usize) {
    if let Some(hidden) = groups.get_mut(at).and_then(|group| group.hidden.get_mut(place)) {
        *hidden = true;
    }
}

/// The groups that add up to a total: those that differ in one key only.
fn lines(counted: &Counted) -> Vec<Vec<usize>> {
    let mut lines: BTreeMap<(usize, Vec<&str>), Vec<usize>> = BTreeMap::new();
    for (at, path) in counted.groups.keys().enumerate() {
        for place in 0..path.len() {
            let rest = path.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, key)| key.as_str()).collect();
            lines.entry((place, rest)).or_default().push(at);
        }
    }
    lines.into_values().collect()
}

/// The counts of a line, each with the index of its group and whether it is hidden.
fn counts<'g>(
    groups: &'g [GroupCounts<'_>],
    line: &'g [usize],
    place: usize,
) -> impl Iterator<Item = (usize, bool, i64)> + 'g {
    line.iter().filter_map(move |at| {
        let group = groups.get(*at)?;
        Some((*at, *group.hidden.get(place)?, *group.counts.of.get(place)?))
    })
}

/// The sum of (count - 1) over the hidden counts of a line. A reader who subtracts the shown counts from
/// the total knows each hidden count only to within this uncertainty. 0 if a single count is hidden; `None` if none is.
fn uncertainty(groups: &[GroupCounts<'_>], line: &[usize], place: usize) -> Option<i64> {
    let hidden: Vec<i64> = counts(groups, line, place)
        .filter(|(_, hidden, count)| *hidden && *count != 0)
        .map(|(.., count)| count)
        .collect();
    match hidden.len() {
        0 => None,
        1 => Some(0),
        _ => Some(hidden.iter().map(|count| count - 1).sum()),
    }
}

/// If the hidden counts of a line leave too little uncertainty, hides the smallest of the others too. Returns whether it hid
/// one.
fn hide_another(groups: &mut [GroupCounts<'_>], line: &[usize], place: usize) -> bool {
    if uncertainty(groups, line, place).is_none_or(|uncertainty| uncertainty >= STEP) {
        return false;
    }
    let others = counts(groups, line, place).filter(|(_, hidden, count)| !hidden && *count > 0);
    let smallest = others.min_by_key(|(.., count)| *count).map(|(at, ..)| at);
    if let Some(at) = smallest {
        hide(groups, at, place);
    }
    smallest.is_some()
}

fn shown(
    measure: &Measure,
    statistic: &Statistic,
    group: &GroupCounts<'_>,
    threshold: Threshold,
    of_one_provider: bool,
) -> Figure {
    let parts = made_of(statistic.makes);
    let is_hidden =
        |name: &&str| place(measure, name).and_then(|place| group.hidden.get(place)).copied().unwrap_or(true);
    if parts.iter().any(is_hidden) {
        return Figure::HIDDEN;
    }
    let exact = figure(measure, statistic, group.counts);
    let about = |count: i64| match threshold.show(count) {
        Shown::About(about) => about,
        Shown::Hidden => 0,
    };
    match statistic.makes {
        Makes::Count(_) | Makes::Weight { .. } => match exact.value {
            Some(Amount::Whole(count)) => Figure { value: Some(Amount::Whole(about(count))), ..exact },
            _ => exact,
        },
        // A share also reveals its remainder: if that is small, the share is hidden.
        Makes::Share { of, among }
            if threshold.hides(group.counts.get(measure, among) - group.counts.get(measure, of)) =>
        {
            Figure::HIDDEN
        }
        // Computed from the published counts: an exact share would reveal both of its counts.
        Makes::Share { .. } | Makes::Mean { .. } => match (exact.numerator, exact.denominator) {
            (Some(numerator), Some(denominator)) => Figure::ratio(about(numerator), about(denominator)),
            _ => exact,
        },
        // A quantile of few values is the value of one of them.
        Makes::Quantile { of, .. } if group.counts.get(measure, of) < 2 * threshold.least() => Figure::HIDDEN,
        Makes::Quantile { .. } => match exact.value {
            Some(Amount::Whole(days)) => Figure { value: Some(Amount::Whole(days / 7 * 7)), ..exact },
            _ => exact,
        },
        // If the clients of a provider are shown, there are more of them than it takes to be flagged.
        Makes::Flagged { .. } if of_one_provider => exact,
        Makes::Flagged { of, .. } => match threshold.show(group.counts.get(measure, of)) {
            Shown::About(about) => Figure { value: Some(Amount::Whole(about)), ..exact },
            Shown::Hidden => Figure::HIDDEN,
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
            assert_eq!(Threshold::of(setting).least(), least, "{setting}");
        }
    }

    #[test]
    fn small_counts_are_hidden_and_others_are_shown_in_steps() {
        assert_eq!(ELEVEN.show(0), Shown::About(0));
        assert!((1..=10).all(|count| ELEVEN.show(count) == Shown::Hidden));
        assert!((11..=20).all(|count| ELEVEN.show(count) == Shown::About(15)));
        assert_eq!((ELEVEN.show(21), ELEVEN.show(130)), (Shown::About(25), Shown::About(125)));
        // A small number that is subtracted reveals as much.
        assert_eq!(ELEVEN.show(-1), Shown::Hidden);
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

    /// Every report of these counts, one after the other: by nothing, by type, by severity, by both; for each quarter
    /// and for the year, and for the year grouped by quarter.
    fn asked(counts: &[i64]) -> (Known, BTreeMap<Cell, i64>) {
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
    fn count(counts: &[i64], quarter: Option<usize>, by_kind: bool, by_grade: bool) -> (Counted, Truth) {
        let of = |kind: usize, grade: usize, quarter: usize| counts[(kind * GRADES + grade) * QUARTERS + quarter];
        let quarters: Vec<usize> = quarter.map_or_else(|| (0..QUARTERS).collect(), |one| vec![one]);
        let (mut counted, mut truth) = (Counted::default(), BTreeMap::new());
        for (kind, grade) in (0..TYPES).flat_map(|kind| (0..GRADES).map(move |grade| (kind, grade))) {
            let n: i64 = quarters.iter().map(|quarter| of(kind, grade, *quarter)).sum();
            let path: Vec<String> = [by_kind.then_some(kind), by_grade.then_some(grade)]
                .into_iter()
                .flatten()
                .map(|key| key.to_string())
                .collect();
            counted.all.of[0] += n;
            if by_kind || by_grade {
                counted.groups.entry(path.clone()).or_default().of[0] += n;
            }
            *truth.entry((path, (by_kind.then_some(kind), by_grade.then_some(grade), quarter))).or_insert(0) += n;
        }
        (counted, truth)
    }

    /// Adds what a report shows to what is known: a number that is published twice is in both ranges.
    fn learn(
        known: &mut Known,
        hidden: &mut BTreeMap<Cell, i64>,
        counted: &Counted,
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
        let some = |many: usize| (0..many).map(Some).chain([None]).collect::<Vec<_>>();
        for kind in some(TYPES) {
            for grade in some(GRADES) {
                for quarter in some(QUARTERS) {
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

    fn learned(counts: &[i64]) {
        let (mut known, hidden) = asked(counts);
        attack(&mut known);
        for (cell, n) in hidden {
            let (low, high) = known[&cell];
            assert!(low <= n && n <= high, "the attack itself errs: {cell:?} is {n}, not {low} to {high}");
            assert!(high - low >= 2, "{cell:?}, which is {n}, can be narrowed to {low} to {high}");
        }
    }

    /// The attack finds what can be found: without the second hidden cell, one total minus the other parts reveals the
    /// hidden one.
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
    fn tail(parts: &[i64]) {
        let measure = find("barriers_open").unwrap();
        let mut counted = Counted::default();
        for (at, n) in parts.iter().enumerate() {
            counted.all.of[0] += n;
            counted.groups.entry(vec![format!("{at:03}")]).or_default().of[0] += n;
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
            tail(&parts);
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
            tail(&parts);
        }
        /// A reader who sends every request and computes every difference learns the value of no hidden number.
        #[test]
        fn differences_of_reports_reveal_no_hidden_count(
            counts in vec(prop_oneof![Just(0_i64), 1_i64..11, 11_i64..40], TYPES * GRADES * QUARTERS),
        ) {
            learned(&counts);
        }
        #[test]
        fn differences_of_sparse_reports_reveal_no_hidden_count(
            counts in vec(
                prop_oneof![6 => Just(0_i64), 3 => 1_i64..4, 1 => 10_i64..13],
                TYPES * GRADES * QUARTERS,
            ),
        ) {
            learned(&counts);
        }
    }
}
