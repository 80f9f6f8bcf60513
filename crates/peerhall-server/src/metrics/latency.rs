//! Spans of time counted in classes that are a quarter of a power of two wide, so that a percentile is
//! off by at most a fifth, in 96 numbers that shards add to without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Classes from a microsecond to sixteen seconds.
const CLASSES: usize = 96;

/// Counts by class.
#[derive(Debug)]
pub(crate) struct Latencies([AtomicU64; CLASSES]);

impl Default for Latencies {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Latencies {
    /// Counts `times` events that took `span` each.
    pub(crate) fn record(&self, span: Duration, times: u64) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.0.get(class(micros)) {
            count.fetch_add(times, Relaxed);
        }
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        Counts(self.0.iter().map(|count| count.load(Relaxed)).collect())
    }
}

/// Counts of one moment, or what came between two of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts(Vec<u64>);

impl Counts {
    /// Adds those of another shard.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.resize(CLASSES, 0);
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// What has come since an earlier moment.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let before = earlier.0.iter().copied().chain(std::iter::repeat(0));
        Self(self.0.iter().zip(before).map(|(now, before)| now.saturating_sub(before)).collect())
    }

    /// Microseconds that `percent` of all events stayed within; `None` without events.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let total: u64 = self.0.iter().sum();
        let rank = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let place = self.0.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        place.filter(|_| total > 0).map(upper_bound)
    }
}

fn class(micros: u64) -> usize {
    if micros < 4 {
        return micros as usize;
    }
    let power = 63 - micros.leading_zeros() as usize;
    let quarter = (micros >> (power - 2)) as usize & 3;
    (4 * (power - 1) + quarter).min(CLASSES - 1)
}

/// The largest span of a class.
fn upper_bound(class: usize) -> u64 {
    if class < 4 {
        return class as u64;
    }
    let shift = class / 4 - 1;
    (((4 + class % 4 + 1) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_span_lies_within_its_class_and_a_class_is_a_quarter_of_its_beginning_wide() {
        for micros in (0..10_000).chain([65_535, 65_536, 1_000_000, 8_000_000]) {
            let bound = upper_bound(class(micros));
            assert!(bound >= micros && bound <= micros + micros / 4, "{micros} in a class up to {bound}");
        }
        assert_eq!(class(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn percentiles_count_events_and_only_new_ones() {
        let latencies = Latencies::default();
        assert_eq!(latencies.counts().percentile(50), None);
        latencies.record(Duration::from_secs(1), 1_000);
        let before = latencies.counts();
        latencies.record(Duration::from_micros(3), 98);
        latencies.record(Duration::from_micros(100), 2);
        let new = latencies.counts().since(&before);
        assert_eq!(
            (new.percentile(50), new.percentile(98), new.percentile(99)),
            (Some(3), Some(3), Some(111))
        );
        let mut both = Counts::default();
        both.add(&new);
        both.add(&new);
        assert_eq!(both.percentile(99), Some(111));
    }
}
