//! A crowd that does nothing: what it costs, and what it leaves behind.

use std::time::Duration;

use super::{Bench, Load};
use crate::error::LoadError;
use crate::machine::Meter;
use crate::protocol::{Role, Spec};
use crate::window::{Memory, Window};

/// Members of one channel.
const MEMBERS: usize = 4;

/// Before memory is read: what the server puts off, it has done by then.
const REST: Duration = Duration::from_millis(500);

/// Shortest window behind a rest: the default interval of pings, so that each connection has its own.
const PING_PERIOD: Duration = Duration::from_secs(30);

/// How long the server may take to have forgotten a crowd that has left, behind a rest: its default for the
/// last ping of a connection and the answer to it, and some seconds in which its memory goes back.
const LEAVING: Duration = Duration::from_secs(60);

/// Connections that are subscribed, four to a channel, and do nothing.
#[derive(Debug)]
pub(super) struct Idle {
    bench: Bench,
    connections: usize,
    rest: Duration,
}

impl Idle {
    pub(super) fn new(bench: Bench, connections: usize, rest: Duration) -> Self {
        Self { bench, connections, rest }
    }
}

impl Load for Idle {
    fn window(&mut self, seconds: f64) -> Result<Window, LoadError> {
        let rig = &mut self.bench.rig;
        let resident = || self.bench.processes.resident_kib().map(|kib| kib as f64);
        let base = resident();
        let specs = (0..self.connections).map(|index| Spec {
            index,
            role: Role::Member,
            channel: format!("idle{}", index / MEMBERS),
            wants_acks: false,
            wants_members: false,
        });
        let before = rig.counts;
        let all = rig.connect(specs.collect())?;
        rig.subscribe(all)?;
        rig.settle(REST)?;
        rig.idle(self.rest)?;
        let full = resident();

        let meter = Meter::start(&self.bench.processes, &self.bench.cores);
        let window = Duration::from_secs_f64(seconds);
        rig.idle(if self.rest.is_zero() { window } else { window.max(PING_PERIOD) })?;
        let usage = meter.read();
        let counts = rig.counts;
        rig.close_all()?;
        rig.idle(if self.rest.is_zero() { window } else { LEAVING })?;
        let memory = base.zip(full).zip(resident()).map(|((base_kib, full_kib), after_kib)| Memory {
            base_kib,
            full_kib,
            after_kib,
        });
        Ok(Window {
            usage,
            units: (counts.ready - before.ready) as u64,
            seconds: usage.seconds,
            lost: (counts.lost - before.lost) as u64,
            frames: counts.frames - before.frames,
            bytes: counts.bytes - before.bytes,
            latency: None,
            memory,
        })
    }
}
