//! How good a connection is, from what its statistics say.

use std::time::Duration;

use super::rtc::Stats;

/// Which way a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// From peer to peer.
    Direct,
    /// Through a TURN server on either side.
    Relay,
}

/// How good a connection is. The bounds are those at which people begin to talk over each other
/// (ITU-T G.114: 150 ms one way) and at which speech and pictures begin to break (about 2 and 10 % of
/// packets lost).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// More than 600 ms of round trip or 10 % lost.
    Poor,
    /// More than 300 ms of round trip or 2 % lost.
    Fair,
    /// Better than that.
    Good,
}

const FAIR_ROUND_TRIP: Duration = Duration::from_millis(300);
const POOR_ROUND_TRIP: Duration = Duration::from_millis(600);
const FAIR_LOSS: f64 = 0.02;
const POOR_LOSS: f64 = 0.1;

/// Judges samples, and remembers the last verdict.
#[derive(Debug, Default)]
pub(crate) struct QualityWatch {
    last: Option<Stats>,
    path: Option<Path>,
    quality: Option<Quality>,
}

impl QualityWatch {
    /// Takes a sample; tells what is new.
    pub(crate) fn sample(&mut self, stats: Stats) -> (Option<Path>, Option<Quality>) {
        let path = stats.relayed.map(|relayed| if relayed { Path::Relay } else { Path::Direct });
        let quality = self.judge(&stats);
        self.last = Some(stats);
        (changed(&mut self.path, path), changed(&mut self.quality, quality))
    }

    fn judge(&self, stats: &Stats) -> Option<Quality> {
        let before = self.last.unwrap_or_default();
        let received = stats.packets_received.saturating_sub(before.packets_received);
        let lost = stats.packets_lost.saturating_sub(before.packets_lost);
        let expected = received + lost;
        let loss = if expected == 0 { 0.0 } else { lost as f64 / expected as f64 };
        let round_trip = stats.round_trip?;
        Some(if round_trip > POOR_ROUND_TRIP || loss > POOR_LOSS {
            Quality::Poor
        } else if round_trip > FAIR_ROUND_TRIP || loss > FAIR_LOSS {
            Quality::Fair
        } else {
            Quality::Good
        })
    }
}

fn changed<T: PartialEq + Copy>(last: &mut Option<T>, now: Option<T>) -> Option<T> {
    let new = now.filter(|now| Some(*now) != *last)?;
    *last = Some(new);
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(millis: u64, received: u64, lost: u64) -> Stats {
        Stats {
            round_trip: Some(Duration::from_millis(millis)),
            packets_received: received,
            packets_lost: lost,
            relayed: Some(false),
        }
    }

    #[test]
    fn only_what_changes_is_told() {
        let mut watch = QualityWatch::default();
        assert_eq!(watch.sample(stats(20, 0, 0)), (Some(Path::Direct), Some(Quality::Good)));
        assert_eq!(watch.sample(stats(30, 100, 1)), (None, None));
        assert_eq!(watch.sample(stats(30, 190, 11)), (None, Some(Quality::Fair)));
        assert_eq!(watch.sample(stats(700, 290, 11)), (None, Some(Quality::Poor)));
        let relayed = Stats { relayed: Some(true), ..stats(20, 390, 11) };
        assert_eq!(watch.sample(relayed), (Some(Path::Relay), Some(Quality::Good)));
    }
}
