//! One app: the walls between tenants. Rooms, peers and patterns are found through their app only.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use peerhall_auth::key::AppRecord;
use peerhall_auth::pattern::ChannelPattern;
use peerhall_proto::frame::server::Encoded;
use peerhall_proto::ids::{ChannelName, PeerId};

use crate::effect::ConnId;
use crate::link::{ShardId, ShardSet};
use crate::members::Members;
use crate::slab::Slab;
use crate::time::Tick;
use crate::usage::AppUsage;

/// Everything of one app on this shard.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) record: Arc<AppRecord>,
    pub(crate) usage: Option<Arc<AppUsage>>,
    /// Places in the hub's table of rooms.
    pub(crate) rooms: HashMap<ChannelName, u32>,
    pub(crate) peers: HashMap<PeerId, Peer>,
    pub(crate) patterns: Slab<PatternRoom>,
    pub(crate) pattern_names: HashMap<ChannelName, u32>,
    /// Other shards with pattern subscriptions of this app.
    pub(crate) pattern_hosts: ShardSet,
}

impl App {
    pub(crate) fn new(record: Arc<AppRecord>) -> Self {
        Self {
            record,
            usage: None,
            rooms: HashMap::new(),
            peers: HashMap::new(),
            patterns: Slab::default(),
            pattern_names: HashMap::new(),
            pattern_hosts: ShardSet::default(),
        }
    }
}

/// The subscribers of one pattern (wire protocol, section 11.3).
#[derive(Debug)]
pub(crate) struct PatternRoom {
    pub(crate) name: ChannelName,
    pub(crate) pattern: ChannelPattern,
    pub(crate) members: Members,
}

/// Where a peer's connections are.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    pub(crate) here: Vec<ConnId>,
    pub(crate) elsewhere: Vec<(ShardId, u32)>,
    pub(crate) absence: Option<Box<Absence>>,
}

impl Peer {
    pub(crate) fn is_connected(&self) -> bool {
        !self.here.is_empty() || !self.elsewhere.is_empty()
    }

    /// The other shards with connections of the peer.
    pub(crate) fn shards(&self) -> ShardSet {
        self.elsewhere.iter().fold(ShardSet::default(), |set, (shard, _)| set.union(ShardSet::one(*shard)))
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        !self.is_connected() && self.absence.is_none()
    }

    pub(crate) fn count_elsewhere(&mut self, shard: ShardId, up: bool) {
        let known = self.elsewhere.iter_mut().find(|(known, _)| *known == shard);
        match (known, up) {
            (Some((_, count)), true) => *count += 1,
            (Some((_, count)), false) => *count = count.saturating_sub(1),
            (None, true) => self.elsewhere.push((shard, 1)),
            (None, false) => {}
        }
        self.elsewhere.retain(|(_, count)| *count > 0);
    }
}

/// A peer that dropped: directs to it wait for its return (wire protocol, section 9.4).
#[derive(Debug)]
pub(crate) struct Absence {
    /// When it is given up.
    pub(crate) until: Tick,
    pub(crate) held: VecDeque<(Tick, Encoded)>,
    pub(crate) held_bytes: usize,
}

impl Absence {
    pub(crate) fn new(until: Tick) -> Self {
        Self { until, held: VecDeque::new(), held_bytes: 0 }
    }
}
