//! One to another.

use super::drive::{self, Operation};
use super::{Bench, Load};
use crate::error::LoadError;
use crate::protocol::{Role, Spec};
use crate::window::Window;

/// Pairs of which the first sends to the second.
#[derive(Debug)]
pub(super) struct Direct {
    bench: Bench,
    /// Senders in their order; the receiver is the next index.
    order: Vec<usize>,
    operation: Operation,
}

impl Direct {
    pub(super) fn new(mut bench: Bench, pairs: usize, in_flight: usize) -> Result<Self, LoadError> {
        let protocol = bench.rig.protocol();
        let is_acked = protocol.acknowledges_directs();
        let specs = (0..pairs * 2).map(|index| Spec {
            index,
            role: if index % 2 == 0 { Role::Publisher } else { Role::Subscriber },
            channel: format!("pair{}", index / 2),
            wants_acks: is_acked && index % 2 == 0,
            wants_members: false,
        });
        let all = bench.rig.connect(specs.collect())?;
        if protocol.directs_through_channels() {
            bench.rig.subscribe(all.skip(1).step_by(2))?;
        }
        let mut order: Vec<usize> = (0..pairs).map(|pair| pair * 2).collect();
        fastrand::Rng::with_seed(bench.seed).shuffle(&mut order);
        let operation = Operation { deliveries: 1, is_acked, in_flight: in_flight as u64 };
        Ok(Self { bench, order, operation })
    }
}

impl Load for Direct {
    fn window(&mut self, seconds: f64) -> Result<Window, LoadError> {
        let order = &self.order;
        drive::closed(&mut self.bench, self.operation, 1, seconds, |rig, number| {
            let turn = usize::try_from(number).unwrap_or_default() % order.len().max(1);
            if let Some(sender) = order.get(turn) {
                rig.direct(*sender, sender + 1, number);
            }
        })
    }
}
