//! A closed loop: never more than so many operations on their way.

use std::time::{Duration, Instant};

use super::Bench;
use crate::error::LoadError;
use crate::machine::Meter;
use crate::rig::{Counts, Rig};
use crate::window::Window;

/// What one operation is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// Deliveries it causes.
    pub(super) deliveries: u64,
    /// Whether an acknowledgement belongs to it.
    pub(super) is_acked: bool,
    /// How many may be on their way at one time.
    pub(super) in_flight: u64,
}

impl Operation {
    fn finished(self, counts: &Counts, before: &Counts) -> u64 {
        let delivered = (counts.delivered - before.delivered) / self.deliveries.max(1);
        if self.is_acked { delivered.min(counts.acked - before.acked) } else { delivered }
    }

    /// What was due after `sent` operations and did not come, or came twice.
    fn lost(self, sent: u64, counts: &Counts, before: &Counts) -> u64 {
        let deliveries = (sent * self.deliveries).abs_diff(counts.delivered - before.delivered);
        let acks = if self.is_acked { sent.abs_diff(counts.acked - before.acked) } else { 0 };
        deliveries + acks + (counts.lost - before.lost) as u64
    }
}

/// Runs operations for `seconds` and to their end; the window counts `units` for each of them.
pub(super) fn closed(
    bench: &mut Bench,
    operation: Operation,
    units: u64,
    seconds: f64,
    mut start: impl FnMut(&mut Rig, u64),
) -> Result<Window, LoadError> {
    let rig = &mut bench.rig;
    let before = rig.counts;
    // Refilled a quarter at a time: servers that merge writes are given something to merge.
    let step = (operation.in_flight / 4).max(1);
    let meter = Meter::start(&bench.processes, &bench.cores);
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(seconds);
    let (mut sent, mut refill_at) = (0, 0);
    while Instant::now() < end {
        let finished = operation.finished(&rig.counts, &before);
        if finished >= refill_at {
            while sent < finished + operation.in_flight {
                start(rig, sent);
                sent += 1;
            }
            refill_at = finished + step;
        }
        rig.turn_or_stuck("messages are on their way")?;
    }
    rig.drain(|counts| operation.finished(counts, &before) >= sent)?;
    let seconds = began.elapsed().as_secs_f64();
    let usage = meter.read();
    let counts = rig.counts;
    Ok(Window {
        usage,
        units: operation.finished(&counts, &before) * units,
        seconds,
        lost: operation.lost(sent, &counts, &before),
        frames: counts.frames - before.frames,
        bytes: counts.bytes - before.bytes,
        latency: None,
        memory: None,
    })
}
