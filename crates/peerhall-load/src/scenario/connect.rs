//! Connections: TCP, upgrade, credential, greeting.

use std::time::{Duration, Instant};

use super::{Bench, Load};
use crate::error::LoadError;
use crate::machine::Meter;
use crate::protocol::{Role, Spec};
use crate::window::Window;

/// A crowd that comes, is greeted and leaves.
#[derive(Debug)]
pub(super) struct Connect {
    bench: Bench,
    connections: usize,
    next: usize,
}

impl Connect {
    pub(super) fn new(bench: Bench, connections: usize) -> Self {
        Self { bench, connections, next: 0 }
    }
}

impl Load for Connect {
    fn window(&mut self, _seconds: f64) -> Result<Window, LoadError> {
        let rig = &mut self.bench.rig;
        let specs: Vec<Spec> = (self.next..self.next + self.connections)
            .map(|index| Spec {
                index,
                role: Role::Member,
                channel: format!("connect{index}"),
                wants_acks: false,
                wants_members: false,
            })
            .collect();
        self.next += self.connections;
        let requests = rig.requests(&specs)?;
        let before = rig.counts;
        let meter = Meter::start(&self.bench.processes, &self.bench.cores);
        let began = Instant::now();
        rig.connect_prepared(specs, requests)?;
        let seconds = began.elapsed().as_secs_f64();
        let usage = meter.read();
        let counts = rig.counts;
        rig.close_all()?;
        rig.settle(Duration::from_millis(50))?;
        Ok(Window {
            usage,
            units: (counts.ready - before.ready) as u64,
            seconds,
            lost: (self.connections - (counts.ready - before.ready)) as u64,
            frames: counts.frames - before.frames,
            bytes: counts.bytes - before.bytes,
            latency: None,
            memory: None,
        })
    }
}
