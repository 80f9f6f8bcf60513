//! One to many, and many to few.

use super::drive::{self, Operation};
use super::{Bench, Load};
use crate::error::LoadError;
use crate::protocol::{Role, Spec};
use crate::window::Window;

/// Publishing in a closed loop.
#[derive(Debug)]
pub(super) struct Publish {
    bench: Bench,
    /// Who publishes, one after the other.
    order: Vec<usize>,
    operation: Operation,
    /// What an operation counts for.
    units: u64,
}

impl Publish {
    /// One publisher into a channel with `subscribers` others.
    pub(super) fn fanout(mut bench: Bench, subscribers: usize, in_flight: usize) -> Result<Self, LoadError> {
        let publisher = open_fan(&mut bench, subscribers)?;
        let deliveries = subscribers as u64;
        let operation = Operation { deliveries, is_acked: false, in_flight: in_flight as u64 };
        Ok(Self { bench, order: vec![publisher], operation, units: deliveries })
    }

    /// Everybody publishes, one room after the other, so that two publishes in a row come from
    /// different sockets.
    pub(super) fn rooms(
        mut bench: Bench,
        rooms: usize,
        members: usize,
        in_flight: usize,
    ) -> Result<Self, LoadError> {
        let specs = (0..rooms * members).map(|index| Spec {
            index,
            role: Role::Member,
            channel: format!("room{}", index / members),
            wants_acks: false,
            wants_members: false,
        });
        let all = bench.rig.connect(specs.collect())?;
        bench.rig.subscribe(all)?;
        let mut room_order: Vec<usize> = (0..rooms).collect();
        fastrand::Rng::with_seed(bench.seed).shuffle(&mut room_order);
        let order =
            (0..members).flat_map(|member| room_order.iter().map(move |room| room * members + member));
        let order = order.collect();
        let heard = if bench.rig.protocol().echoes() { members } else { members - 1 };
        let operation = Operation { deliveries: heard as u64, is_acked: false, in_flight: in_flight as u64 };
        Ok(Self { bench, order, operation, units: 1 })
    }
}

impl Load for Publish {
    fn window(&mut self, seconds: f64) -> Result<Window, LoadError> {
        let order = &self.order;
        drive::closed(&mut self.bench, self.operation, self.units, seconds, |rig, number| {
            let turn = usize::try_from(number).unwrap_or_default() % order.len().max(1);
            if let Some(publisher) = order.get(turn) {
                let now = rig.now();
                rig.publish(*publisher, now);
            }
        })
    }
}

/// A channel with `subscribers` and a publisher outside of it; gives back the publisher.
pub(super) fn open_fan(bench: &mut Bench, subscribers: usize) -> Result<usize, LoadError> {
    let specs = (0..=subscribers).map(|index| Spec {
        index,
        role: if index == subscribers { Role::Publisher } else { Role::Subscriber },
        channel: "fan".to_owned(),
        wants_acks: false,
        wants_members: false,
    });
    let all = bench.rig.connect(specs.collect())?;
    bench.rig.subscribe(all.start..all.end - 1)?;
    Ok(all.end - 1)
}
