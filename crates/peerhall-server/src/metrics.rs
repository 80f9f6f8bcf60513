//! Counters of the whole server. Shards add to their own; readers put them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use peerhall_hub::HubStats;
use peerhall_proto::code::CloseCode;
use peerhall_turn::Handle;

pub(crate) use self::latency::{Counts, Latencies};

mod latency;

/// Close codes that are counted one by one; all others are counted together.
const COUNTED: [CloseCode; 12] = [
    CloseCode::GOING_AWAY,
    CloseCode::PROTOCOL_ERROR,
    CloseCode::BAD_DATA,
    CloseCode::POLICY_VIOLATION,
    CloseCode::TOO_BIG,
    CloseCode::SERVER_FAULT,
    CloseCode::INVALID_TOKEN,
    CloseCode::TOKEN_EXPIRED,
    CloseCode::CHANNEL_NOT_AUTHORIZED,
    CloseCode::OVER_CONCURRENT_LIMIT,
    CloseCode::OVER_MESSAGE_RATE,
    CloseCode::ADMIN_DISCONNECT,
];

/// Connections that the server closed, by code.
#[derive(Debug, Default)]
pub(crate) struct Closes {
    counted: [AtomicU64; COUNTED.len()],
    other: AtomicU64,
}

impl Closes {
    pub(crate) fn count(&self, code: CloseCode) {
        let place = COUNTED.iter().position(|counted| *counted == code);
        place.and_then(|place| self.counted.get(place)).unwrap_or(&self.other).fetch_add(1, Relaxed);
    }

    /// Each code with its count; `None` stands for all others.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Option<CloseCode>, u64)> {
        let counted = COUNTED.iter().zip(&self.counted).map(|(code, count)| (Some(*code), count));
        counted.chain([(None, &self.other)]).map(|(code, count)| (code, count.load(Relaxed)))
    }
}

/// Counters of one shard.
#[derive(Debug, Default)]
pub(crate) struct ShardMetrics {
    /// Sockets open on this shard, HTTP requests that it still reads included.
    pub(crate) sockets: AtomicUsize,
    /// Connections that were upgraded and authenticated.
    pub(crate) accepted: AtomicU64,
    /// Sockets dropped because the process had as many as it may.
    pub(crate) shed: AtomicU64,
    /// Upgrades answered with 429.
    pub(crate) rate_limited: AtomicU64,
    /// Connections cut because they read too slowly.
    pub(crate) slow_consumers: AtomicU64,
    /// Connections given up because they did not answer pings.
    pub(crate) silent: AtomicU64,
    /// Connections ended because of a fault of our own while they were served.
    pub(crate) faults: AtomicU64,
    /// Bytes of text messages received.
    pub(crate) bytes_in: AtomicU64,
    /// Bytes written to sockets, before encryption.
    pub(crate) bytes_out: AtomicU64,
    /// How long copies of messages took from the read of the shard to the write, while
    /// [`Metrics::is_watched`].
    pub(crate) fanout: Latencies,
    /// Connections that the server closed.
    pub(crate) closes: Closes,
    frames_in: AtomicU64,
    publishes: AtomicU64,
    deliveries: AtomicU64,
    directs: AtomicU64,
    errors: AtomicU64,
    presence_frames: AtomicU64,
    sessions: AtomicU64,
    rooms: AtomicU64,
    deadlines: AtomicU64,
}

impl ShardMetrics {
    /// Makes the hub's counters visible to readers on other threads. `deadlines` are those of the
    /// shard itself.
    pub(crate) fn publish(&self, stats: HubStats, deadlines: usize) {
        self.frames_in.store(stats.frames_in, Relaxed);
        self.publishes.store(stats.publishes, Relaxed);
        self.deliveries.store(stats.deliveries, Relaxed);
        self.directs.store(stats.directs, Relaxed);
        self.errors.store(stats.errors, Relaxed);
        self.presence_frames.store(stats.presence_frames, Relaxed);
        self.sessions.store(stats.sessions, Relaxed);
        self.rooms.store(stats.rooms, Relaxed);
        self.deadlines.store(stats.deadlines + deadlines as u64, Relaxed);
    }

    /// The hub's counters as they were last published.
    pub(crate) fn hub(&self) -> HubStats {
        HubStats {
            frames_in: self.frames_in.load(Relaxed),
            publishes: self.publishes.load(Relaxed),
            deliveries: self.deliveries.load(Relaxed),
            directs: self.directs.load(Relaxed),
            errors: self.errors.load(Relaxed),
            presence_frames: self.presence_frames.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
            rooms: self.rooms.load(Relaxed),
            deadlines: self.deadlines.load(Relaxed),
        }
    }
}

/// Counters of all shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    shards: Arc<[Arc<ShardMetrics>]>,
    watched: Arc<AtomicBool>,
    relay: Option<Handle>,
}

impl Metrics {
    /// Counters for that many shards.
    pub(crate) fn new(shards: usize) -> Self {
        let shards = (0..shards).map(|_| Arc::default()).collect();
        Self { shards, watched: Arc::default(), relay: None }
    }

    /// The same with the figures of a relay.
    pub(crate) fn with_relay(self, relay: Option<Handle>) -> Self {
        Self { relay, ..self }
    }

    /// The relay inside this server, if it has one.
    pub(crate) fn relay(&self) -> Option<&Handle> {
        self.relay.as_ref()
    }

    /// The counters of each shard, in the order of their numbers.
    pub(crate) fn shards(&self) -> &[Arc<ShardMetrics>] {
        &self.shards
    }

    /// Whether somebody looks at figures that cost something to take.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Relaxed)
    }

    /// Begins or ends to take them.
    pub(crate) fn watch(&self, watched: bool) {
        self.watched.store(watched, Relaxed);
    }

    /// Sockets of all shards.
    pub(crate) fn sockets(&self) -> usize {
        self.shards.iter().map(|shard| shard.sockets.load(Relaxed)).sum()
    }
}
