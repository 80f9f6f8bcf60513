//! How far a message is, and how fast it goes.

use std::time::Duration;

/// Shortest time over which a rate is measured.
const SAMPLE: Duration = Duration::from_millis(250);

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes handed to the channel, or that the receiver had before.
    pub current: u64,
    /// Bytes that the receiver's application has read.
    pub acked: u64,
    /// Bytes of the whole message, unless it is a stream of unknown length.
    pub total: Option<u64>,
    /// Whether the receiver has confirmed the whole message. True in the last one only.
    pub done: bool,
    /// Confirmed bytes per second, of late; 0 before the first quarter of a second.
    pub rate: u64,
    /// Time left at this rate, where total and rate are known.
    pub left: Option<Duration>,
}

/// Measures a rate, giving half of the weight to the last sample.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    since: Option<(Duration, u64)>,
    rate: Option<u64>,
}

impl Meter {
    /// So many bytes are confirmed at `now`.
    pub(crate) fn sample(&mut self, now: Duration, acked: u64) {
        let Some((since, from)) = self.since else {
            self.since = Some((now, acked));
            return;
        };
        let passed = now.saturating_sub(since);
        if passed < SAMPLE {
            return;
        }
        let bytes = u128::from(acked.saturating_sub(from));
        let latest = u64::try_from(bytes * 1_000_000 / passed.as_micros().max(1)).unwrap_or(u64::MAX);
        self.rate = Some(self.rate.map_or(latest, |rate| rate / 2 + latest / 2));
        self.since = Some((now, acked));
    }

    /// Bytes per second; 0 when not known.
    pub(crate) fn rate(&self) -> u64 {
        self.rate.unwrap_or(0)
    }

    /// Time that so many bytes take.
    pub(crate) fn time_for(&self, bytes: u64) -> Option<Duration> {
        let rate = self.rate.filter(|rate| *rate > 0)?;
        let millis = u128::from(bytes) * 1_000 / u128::from(rate);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// Forgets when the last sample was: time in which nothing could move does not count.
    pub(crate) fn pause(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_stream_has_its_rate_and_its_end_in_sight() {
        let mut meter = Meter::default();
        for step in 0..20_u64 {
            meter.sample(Duration::from_millis(step * 100), step * 100_000);
        }
        assert!((990_000..=1_010_000).contains(&meter.rate()), "{}", meter.rate());
        let left = meter.time_for(5_000_000).unwrap();
        assert!((4_900..5_100).contains(&left.as_millis()), "{left:?}");
    }

    #[test]
    fn nothing_is_promised_before_something_moved() {
        let mut meter = Meter::default();
        meter.sample(Duration::ZERO, 0);
        assert_eq!((meter.rate(), meter.time_for(1)), (0, None));
        meter.sample(Duration::from_secs(1), 0);
        assert_eq!((meter.rate(), meter.time_for(1)), (0, None), "no time is left at no rate");
    }

    #[test]
    fn a_pause_does_not_lower_the_rate() {
        let mut meter = Meter::default();
        meter.sample(Duration::ZERO, 0);
        meter.sample(Duration::from_secs(1), 1_000);
        meter.pause();
        meter.sample(Duration::from_secs(100), 1_000);
        meter.sample(Duration::from_secs(101), 2_000);
        assert_eq!(meter.rate(), 1_000);
    }
}
