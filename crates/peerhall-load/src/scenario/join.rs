//! All join one channel at once, until everybody knows everybody.

use std::time::{Duration, Instant};

use super::{Bench, Load};
use crate::error::LoadError;
use crate::machine::Meter;
use crate::protocol::{Role, Spec};
use crate::roster::Roster;
use crate::window::Window;

/// How long a crowd may take to know itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A crowd for each window, in a channel of its own.
#[derive(Debug)]
pub(super) struct Join {
    bench: Bench,
    members: usize,
    next: usize,
}

impl Join {
    pub(super) fn new(bench: Bench, members: usize) -> Self {
        Self { bench, members, next: 0 }
    }
}

impl Load for Join {
    fn window(&mut self, _seconds: f64) -> Result<Window, LoadError> {
        let rig = &mut self.bench.rig;
        let channel = format!("hall{}", self.next);
        let specs = (self.next..self.next + self.members).map(|index| Spec {
            index,
            role: Role::Member,
            channel: channel.clone(),
            wants_acks: false,
            wants_members: true,
        });
        self.next += self.members;
        let all = rig.connect(specs.collect())?;
        rig.settle(Duration::from_millis(50))?;
        let roster = Roster::new(all.clone(), rig.ids(all.clone()));
        let wanted = roster.wanted();
        rig.roster = Some(roster);

        let before = rig.counts;
        let meter = Meter::start(&self.bench.processes, &self.bench.cores);
        let began = Instant::now();
        for index in all {
            rig.ask_in(index);
        }
        let learned = |rig: &crate::rig::Rig| rig.roster.as_ref().map_or(0, Roster::learned);
        while learned(rig) < wanted && began.elapsed() < PATIENCE {
            rig.turn(Some(Duration::from_millis(20)))?;
        }
        let seconds = began.elapsed().as_secs_f64();
        // What the server still has to say belongs to the cost.
        rig.settle(Duration::from_millis(200))?;
        let usage = meter.read();
        let counts = rig.counts;
        let lost = wanted - learned(rig);
        rig.roster = None;
        rig.close_all()?;
        Ok(Window {
            usage,
            units: self.members as u64,
            seconds,
            lost: lost + (counts.lost - before.lost) as u64,
            frames: counts.frames - before.frames,
            bytes: counts.bytes - before.bytes,
            latency: None,
            memory: None,
        })
    }
}
