//! What an engine has done. Its thread counts, others read.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::refusal::Refusal;

/// Why a payload, or a message that is no request, went nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It was no STUN, no ChannelData, or neither whole.
    Malformed,
    /// A client without an allocation sent a payload.
    NoAllocation,
    /// No permission for that peer, or no such channel.
    NoPermission,
    /// The peer's address is one that is not relayed to.
    Forbidden,
    /// The user or the app has used up its bandwidth.
    OverRate,
    /// The kernel, or the bounded queue of a slow stream, took no more.
    Congested,
}

impl Dropped {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Malformed,
        Self::NoAllocation,
        Self::NoPermission,
        Self::Forbidden,
        Self::OverRate,
        Self::Congested,
    ];

    /// A word for it, as in the label of a metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoAllocation => "no_allocation",
            Self::NoPermission => "no_permission",
            Self::Forbidden => "forbidden",
            Self::OverRate => "over_rate",
            Self::Congested => "congested",
        }
    }
}

/// Figures at one moment, or the sum of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Relay allocations that live now.
    pub allocations: u64,
    /// Relay ports that are open now, those that wait for their reservation included.
    pub ports: u64,
    /// TCP connections of clients, with and without TLS, that are open now.
    pub streams: u64,
    /// Allocations that were made.
    pub allocated: u64,
    /// Binding requests that were answered.
    pub bindings: u64,
    /// Payloads sent to peers, and their bytes.
    pub packets_to_peers: u64,
    /// See [`packets_to_peers`](Self::packets_to_peers).
    pub bytes_to_peers: u64,
    /// Payloads sent to clients, and their bytes.
    pub packets_to_clients: u64,
    /// See [`packets_to_clients`](Self::packets_to_clients).
    pub bytes_to_clients: u64,
    /// Requests left unanswered because their source had been answered often enough.
    pub throttled: u64,
    /// Refusals, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Losses, in the order of [`Dropped::ALL`].
    pub dropped: [u64; Dropped::ALL.len()],
}

impl Counted {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = Self {
            allocations: self.allocations + other.allocations,
            ports: self.ports + other.ports,
            streams: self.streams + other.streams,
            allocated: self.allocated + other.allocated,
            bindings: self.bindings + other.bindings,
            packets_to_peers: self.packets_to_peers + other.packets_to_peers,
            bytes_to_peers: self.bytes_to_peers + other.bytes_to_peers,
            packets_to_clients: self.packets_to_clients + other.packets_to_clients,
            bytes_to_clients: self.bytes_to_clients + other.bytes_to_clients,
            throttled: self.throttled + other.throttled,
            refused: self.refused,
            dropped: self.dropped,
        };
        sum.refused.iter_mut().zip(other.refused).for_each(|(sum, more)| *sum += more);
        sum.dropped.iter_mut().zip(other.dropped).for_each(|(sum, more)| *sum += more);
        sum
    }

    /// How often requests were refused for this reason.
    #[must_use]
    pub fn refused(&self, why: Refusal) -> u64 {
        let place = Refusal::ALL.iter().position(|refusal| *refusal == why);
        place.and_then(|place| self.refused.get(place)).copied().unwrap_or(0)
    }

    /// How often a payload went nowhere for this reason.
    #[must_use]
    pub fn dropped(&self, why: Dropped) -> u64 {
        let place = Dropped::ALL.iter().position(|dropped| *dropped == why);
        place.and_then(|place| self.dropped.get(place)).copied().unwrap_or(0)
    }
}

/// The figures of one engine as others see them.
#[derive(Debug, Default)]
pub struct Counters {
    allocations: AtomicU64,
    ports: AtomicU64,
    streams: AtomicU64,
    allocated: AtomicU64,
    bindings: AtomicU64,
    packets_to_peers: AtomicU64,
    bytes_to_peers: AtomicU64,
    packets_to_clients: AtomicU64,
    bytes_to_clients: AtomicU64,
    throttled: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    dropped: [AtomicU64; Dropped::ALL.len()],
}

impl Counters {
    /// The figures as they were last published.
    #[must_use]
    pub fn read(&self) -> Counted {
        let each = |from: &[AtomicU64], to: &mut [u64]| {
            from.iter().zip(to).for_each(|(from, to)| *to = from.load(Relaxed));
        };
        let mut counted = Counted {
            allocations: self.allocations.load(Relaxed),
            ports: self.ports.load(Relaxed),
            streams: self.streams.load(Relaxed),
            allocated: self.allocated.load(Relaxed),
            bindings: self.bindings.load(Relaxed),
            packets_to_peers: self.packets_to_peers.load(Relaxed),
            bytes_to_peers: self.bytes_to_peers.load(Relaxed),
            packets_to_clients: self.packets_to_clients.load(Relaxed),
            bytes_to_clients: self.bytes_to_clients.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
            ..Counted::default()
        };
        each(&self.refused, &mut counted.refused);
        each(&self.dropped, &mut counted.dropped);
        counted
    }

    /// Makes figures visible to readers on other threads.
    pub(crate) fn publish(&self, counted: &Counted) {
        let each = |from: &[u64], to: &[AtomicU64]| {
            from.iter().zip(to).for_each(|(from, to)| to.store(*from, Relaxed));
        };
        self.allocations.store(counted.allocations, Relaxed);
        self.ports.store(counted.ports, Relaxed);
        self.streams.store(counted.streams, Relaxed);
        self.allocated.store(counted.allocated, Relaxed);
        self.bindings.store(counted.bindings, Relaxed);
        self.packets_to_peers.store(counted.packets_to_peers, Relaxed);
        self.bytes_to_peers.store(counted.bytes_to_peers, Relaxed);
        self.packets_to_clients.store(counted.packets_to_clients, Relaxed);
        self.bytes_to_clients.store(counted.bytes_to_clients, Relaxed);
        self.throttled.store(counted.throttled, Relaxed);
        each(&counted.refused, &self.refused);
        each(&counted.dropped, &self.dropped);
    }
}
