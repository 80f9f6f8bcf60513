//! How long deliveries take while they come at a fixed rate.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::{Bench, Load, publish};
use crate::error::LoadError;
use crate::machine::Meter;
use crate::window::{Latency, Window};

/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// Longest latency that is told apart from longer ones: a minute.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// Before a publish is due the generator waits awake for this long: a wake-up takes time, and that time
/// is not the server's.
const AWAKE: Duration = Duration::from_millis(2);

/// One publisher by the clock. A publish that is late counts from the moment it was due.
#[derive(Debug)]
pub(super) struct Latencies {
    bench: Bench,
    publisher: usize,
    subscribers: u64,
    gap: Duration,
}

impl Latencies {
    pub(super) fn new(mut bench: Bench, subscribers: usize, per_second: usize) -> Result<Self, LoadError> {
        let publisher = publish::open_fan(&mut bench, subscribers)?;
        let gap = Duration::from_secs_f64(subscribers as f64 / per_second.max(1) as f64);
        Ok(Self { bench, publisher, subscribers: subscribers as u64, gap })
    }

    fn run(&mut self, seconds: f64) -> Result<u64, LoadError> {
        let rig = &mut self.bench.rig;
        let (began, base) = (Instant::now(), rig.now());
        let mut sent = 0;
        while began.elapsed().as_secs_f64() < seconds {
            let due = self.gap * sent;
            loop {
                let left = due.saturating_sub(began.elapsed());
                if left.is_zero() {
                    break;
                }
                rig.turn(Some(left.saturating_sub(AWAKE)))?;
            }
            let stamp = base + u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            rig.publish(self.publisher, stamp);
            rig.turn(Some(Duration::ZERO))?;
            sent += 1;
        }
        Ok(u64::from(sent))
    }
}

impl Load for Latencies {
    fn window(&mut self, seconds: f64) -> Result<Window, LoadError> {
        let bounds = LoadError::system("make a histogram");
        let histogram = Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS)
            .map_err(|error| bounds(std::io::Error::other(error)))?;
        self.bench.rig.latencies = Some(histogram);
        let before = self.bench.rig.counts;
        let processes = self.bench.processes.clone();
        let cores = self.bench.cores.clone();
        let meter = Meter::start(&processes, &cores);
        let sent = self.run(seconds)?;
        let usage = meter.read();
        let rig = &mut self.bench.rig;
        let due = sent * self.subscribers;
        rig.drain(|counts| counts.delivered - before.delivered >= due)?;
        // What comes twice comes now.
        rig.settle(Duration::from_millis(100))?;
        let counts = rig.counts;
        let delivered = counts.delivered - before.delivered;
        let latency = rig.latencies.take().map(|histogram| {
            let micros = |nanos: u64| nanos as f64 / 1e3;
            Latency {
                p50: micros(histogram.value_at_quantile(0.5)),
                p90: micros(histogram.value_at_quantile(0.9)),
                p99: micros(histogram.value_at_quantile(0.99)),
                max: micros(histogram.max()),
            }
        });
        Ok(Window {
            usage,
            units: delivered,
            seconds: usage.seconds,
            lost: due.abs_diff(delivered) + (counts.lost - before.lost) as u64,
            frames: counts.frames - before.frames,
            bytes: counts.bytes - before.bytes,
            latency,
            memory: None,
        })
    }
}
