//! The one question: the 95th percentile of a value per group and day, without outliers.
//!
//! How it is read: a group is a value of the group column on one UTC event date.
//! Events are distinct by id within the date; of several with one id, the first by (topic, partition, offset) counts.
//! Mean and sample standard deviation are taken over all distinct events of the group.
//! A value is kept when it lies within `mean ± 3 stddev`; the bound is widened by 1e-9, relative,
//! so that rounding decides nothing and a group of equal values keeps all of them.
//! A group counts when it had at least 500 distinct events, outliers included.
//! The percentile is exact, with linear interpolation at position `(n - 1) * 0.95`.
//! Values whose squares do not fit into a double (from about 1e154 on) have an infinite deviation, and all are kept;
//! SQL makes NaN of it, and has no row for the group.
//!
//! In: rows of silver, one date at a time. Out: [`Answer`]s in the order of the group's name.
//!
//! ```
//! use penstock_core::p95::percentile;
//! let mut values: Vec<f64> = (0..=100).map(f64::from).collect();
//! assert_eq!(percentile(&mut values, 0.95), Some(95.0));
//! ```

use std::collections::BTreeMap;

/// The share of values below the percentile asked for.
pub const PERCENTILE: f64 = 0.95;

/// How much the bounds for outliers are widened, relative to their size.
const BOUND_SLACK: f64 = 1e-9;

/// A record's place in the order (topic, partition, offset), or (topic, shard, sequence number) of Kinesis.
/// Texts stand as numbers that sort like them.
pub type Place = (u32, u32, u64);

/// One row of silver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub id: u128,
    pub place: Place,
    /// The group's number, given by the caller.
    pub group: u32,
    pub value: f64,
}

/// What is asked of a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    pub min_events: u64,
    pub deviations: f64,
}

/// One group on one date.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub group: String,
    pub p95: f64,
    pub mean: f64,
    /// Sample standard deviation; 0 for a single event.
    pub stddev: f64,
    /// Values in `[lower, upper]` are used.
    pub lower: f64,
    pub upper: f64,
    pub distinct_events: u64,
    pub outliers: u64,
    pub used: u64,
}

/// Answers for one date. `groups` are the names by number. Events without an id column each count.
#[must_use]
pub fn answer(mut events: Vec<Event>, groups: &[String], question: Question) -> Vec<Answer> {
    keep_first_of_each_id(&mut events);
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for event in &events {
        values.entry(&groups[event.group as usize]).or_default().push(event.value);
    }
    values
        .into_iter()
        .filter(|(_, values)| question.min_events <= values.len() as u64)
        .filter_map(|(group, values)| answer_group(group, values, question.deviations))
        .collect()
}

/// The number of rows that repeat an id of the same date: duplicates farther apart than the horizon of refine.
#[must_use]
pub fn duplicates(events: &[Event]) -> u64 {
    let mut ids: Vec<u128> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    (events.len() - ids.len()) as u64
}

fn keep_first_of_each_id(events: &mut Vec<Event>) {
    events.sort_unstable_by_key(|event| (event.id, event.place));
    events.dedup_by_key(|event| event.id);
}

fn answer_group(group: &str, mut values: Vec<f64>, deviations: f64) -> Option<Answer> {
    // Sorted, so that neither the sums nor the bounds depend on the order of files.
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let mean = mean(&values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let stddev = if values.len() < 2 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    let width = deviations * stddev;
    let slack = BOUND_SLACK * (mean.abs() + width);
    let (lower, upper) = (mean - width - slack, mean + width + slack);
    let distinct_events = values.len() as u64;
    values.retain(|value| lower <= *value && *value <= upper);
    let used = values.len() as u64;
    let p95 = percentile(&mut values, PERCENTILE)?;
    Some(Answer {
        group: group.to_owned(),
        p95,
        mean,
        stddev,
        lower,
        upper,
        distinct_events,
        outliers: distinct_events - used,
        used,
    })
}

fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if mean.is_finite() {
        return mean;
    }
    // Of values near the largest number only the sum is too large, and without a mean no value would lie near it.
    // Rounding may lead a hair beyond.
    values.iter().map(|value| value / count).sum::<f64>().clamp(f64::MIN, f64::MAX)
}

/// The exact percentile with linear interpolation between neighbours; `None` of nothing. Reorders the values.
#[must_use]
pub fn percentile(values: &mut [f64], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = last as f64 * share;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= position <= last")]
    let index = position.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let low = *low;
    let fraction = position - index as f64;
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(between(low, high, fraction))
}

fn between(low: f64, high: f64, fraction: f64) -> f64 {
    // On either side of zero their difference may be too large for a number.
    if low < 0.0 && 0.0 < high { low * (1.0 - fraction) + high * fraction } else { low + (high - low) * fraction }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(values: &[f64]) -> Vec<Event> {
        let event = |(index, value): (usize, &f64)| Event {
            id: index as u128,
            place: (0, 0, index as u64),
            group: 0,
            value: *value,
        };
        values.iter().enumerate().map(event).collect()
    }

    fn ask(events: Vec<Event>, min_events: u64) -> Vec<Answer> {
        answer(events, &["camera".to_owned()], Question { min_events, deviations: 3.0 })
    }

    #[test]
    fn percentiles_interpolate_between_neighbours() {
        let check = |values: &[f64], share: f64, expect: f64| {
            let actual = percentile(&mut values.to_vec(), share).unwrap();
            assert!((actual - expect).abs() < 1e-12, "{values:?}: {actual} instead of {expect}");
        };
        check(&[7.0], 0.95, 7.0);
        check(&[1.0, 2.0], 0.5, 1.5);
        check(&[4.0, 1.0, 3.0, 2.0], 0.95, 3.85);
        check(&[1.0, 2.0, 3.0], 1.0, 3.0);
        assert_eq!(percentile(&mut [], 0.95), None);
    }

    #[test]
    fn five_hundred_distinct_events_are_needed_before_outliers_go() {
        let values: Vec<f64> = (0..500).map(f64::from).collect();
        assert_eq!(ask(events(&values), 500).len(), 1);
        assert_eq!(ask(events(&values[1..]), 500).len(), 0);
        let mut with_duplicate = events(&values[1..]);
        with_duplicate.push(Event { place: (0, 1, 0), ..with_duplicate[0] });
        assert_eq!(duplicates(&with_duplicate), 1);
        assert_eq!(ask(with_duplicate, 500).len(), 0);
        let mut one_outlier = vec![1.0; 499];
        one_outlier.push(1e6);
        let answers = ask(events(&one_outlier), 500);
        assert_eq!((answers[0].distinct_events, answers[0].outliers, answers[0].used), (500, 1, 499));
    }

    #[test]
    fn equal_values_are_all_kept() {
        for value in [0.1, 0.0, 1e300, -1e-300, 123_456_789.123] {
            let answer = &ask(events(&[value; 500]), 500)[0];
            assert_eq!((answer.outliers, answer.p95), (0, value));
        }
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        // Around 5 the squares add up to 32: of a population it would be 2.
        let answer = &ask(events(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 1)[0];
        assert_eq!((answer.mean, answer.stddev), (5.0, (32.0_f64 / 7.0).sqrt()));
        assert_eq!(ask(events(&[3.0]), 1)[0].stddev, 0.0);
    }

    #[test]
    fn of_one_id_the_first_by_topic_partition_and_offset_counts() {
        let check = |first: Place, second: Place| {
            let event = events(&[1.0])[0];
            let both = [Event { place: second, value: 2.0, ..event }, Event { place: first, ..event }];
            assert_eq!(ask(both.to_vec(), 1)[0].mean, 1.0, "{first:?} {second:?}");
        };
        check((0, 9, 9), (1, 0, 0));
        check((0, 2, 9), (0, 10, 0));
        check((0, 0, 9), (0, 0, 10));
    }

    #[test]
    fn a_group_of_the_largest_values_has_an_answer() {
        let check = |values: &[f64], mean: f64, p95: f64| {
            let answer = &ask(events(values), 1)[0];
            assert!((answer.mean / mean - 1.0).abs() < 1e-12, "{answer:?}");
            assert_eq!((answer.p95, answer.outliers), (p95, 0), "{answer:?}");
        };
        check(&[1e308, 1.5e308, 1.5e308, 1.5e308], 1.375e308, 1.5e308);
        check(&[1e200, 3e200, 3e200, 3e200], 2.5e200, 3e200);
        check(&[-f64::MAX; 500], -f64::MAX, -f64::MAX);
        let between = percentile(&mut [-1e308, 1e308], 0.75).unwrap();
        assert!((between / 5e307 - 1.0).abs() < 1e-12, "{between}");
    }

    proptest! {
        #[test]
        fn the_percentile_is_that_of_the_sorted_values(mut values in prop::collection::vec(-1e6..1e6_f64, 1..200)) {
            let actual = percentile(&mut values.clone(), PERCENTILE).unwrap();
            values.sort_unstable_by(f64::total_cmp);
            let position = (values.len() - 1) as f64 * PERCENTILE;
            let (low, high) = (values[position.floor() as usize], values[position.ceil() as usize]);
            prop_assert!((actual - (low + (high - low) * position.fract())).abs() <= 1e-9 * (1.0 + actual.abs()));
        }

        #[test]
        fn the_order_of_rows_does_not_matter(values in prop::collection::vec(-1e6..1e6_f64, 1..50)) {
            let mut reversed = events(&values);
            reversed.reverse();
            prop_assert_eq!(ask(events(&values), 1), ask(reversed, 1));
        }
    }
}
