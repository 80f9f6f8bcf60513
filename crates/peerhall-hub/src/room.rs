//! One channel as a shard knows it: who gets its messages, who is visible in it, who may be back.

use std::collections::HashMap;

use peerhall_proto::ids::{ChannelName, PeerId};

use crate::effect::ConnId;
use crate::ghosts::Ghosts;
use crate::hub::Due;
use crate::link::{Joiner, ShardId, ShardSet};
use crate::members::Members;
use crate::session::Metadata;

/// What an entry of a list takes besides the peer's id and metadata.
const ENTRY_BYTES: usize = 16;

/// A visible connection of a peer, on any shard.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) shard: ShardId,
    pub(crate) conn: ConnId,
    pub(crate) metadata: Option<Metadata>,
    /// When it was announced, in Unix milliseconds. Shards hear of each other's seats in any order.
    pub(crate) announced_ms: i64,
}

impl Seat {
    /// The seat of a connection that became visible on `shard`.
    pub(crate) fn of(joiner: &Joiner, shard: ShardId) -> Self {
        Self {
            shard,
            conn: joiner.conn,
            metadata: joiner.metadata.clone(),
            announced_ms: joiner.announced_ms,
        }
    }
}

/// The visible connections of one peer, in the order in which this shard heard of them.
#[derive(Debug)]
pub(crate) struct Seats {
    first: Seat,
    more: Vec<Seat>,
}

impl Seats {
    /// Metadata of the connection announced last (wire protocol, section 9.1).
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        let latest = self.iter().max_by_key(|seat| seat.announced_ms).unwrap_or(&self.first);
        latest.metadata.as_ref()
    }

    fn iter(&self) -> impl Iterator<Item = &Seat> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

/// What leaving did to a peer's place in the room.
#[derive(Debug)]
pub(crate) enum Departure {
    /// The connection was not visible, or another one of the peer is.
    Unnoticed,
    /// The peer has no visible connection left; this was its metadata.
    Gone(Option<Metadata>),
}

/// One channel.
#[derive(Debug)]
pub(crate) struct Room {
    /// Place of the app in the table of apps.
    pub(crate) app: u32,
    pub(crate) name: ChannelName,
    pub(crate) members: Members,
    pub(crate) roster: HashMap<PeerId, Seats>,
    pub(crate) ghosts: Ghosts,
    /// Peers that went in this turn and have not been announced as gone yet.
    pub(crate) leaving: Vec<Leaver>,
    /// Orders snapshots and drops: a snapshot knows the ghosts of smaller numbers.
    pub(crate) clock: u32,
    /// Other shards that serve this room.
    pub(crate) hosts: ShardSet,
    /// Other shards that have not yet said who is in this room.
    pub(crate) awaited: ShardSet,
    /// Number of the question that those answers belong to.
    pub(crate) question: u32,
    /// Whether the other shards know that this one serves the room.
    pub(crate) hosted: bool,
    /// Snapshots that are due but wait for the other shards' answers.
    pub(crate) stalled: Vec<Due>,
}

/// A peer for a `left` list.
#[derive(Debug)]
pub(crate) struct Leaver {
    pub(crate) peer: PeerId,
    pub(crate) metadata: Option<Metadata>,
    /// It was lost rather than closed, and may be back.
    pub(crate) dropped: bool,
}

impl Room {
    pub(crate) fn new(app: u32, name: ChannelName) -> Self {
        Self {
            app,
            name,
            members: Members::default(),
            roster: HashMap::new(),
            ghosts: Ghosts::default(),
            leaving: Vec::new(),
            clock: 0,
            hosts: ShardSet::default(),
            awaited: ShardSet::default(),
            question: 0,
            hosted: false,
            stalled: Vec::new(),
        }
    }

    pub(crate) fn tick(&mut self) -> u32 {
        self.clock = self.clock.wrapping_add(1);
        self.clock
    }

    /// Whether changes that a shard reports build on what it has said of this room. Those of the time
    /// before its answer are in the answer, or belong to an earlier serving of the room.
    pub(crate) fn knows(&self, shard: ShardId) -> bool {
        self.hosted && !self.awaited.contains(shard)
    }

    /// Whether the room has nothing left that anybody could miss.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.ghosts.is_empty() && self.leaving.is_empty()
    }

    /// About how large a list of everybody here is.
    pub(crate) fn list_bytes(&self) -> usize {
        let entry = |(peer, seats): (&PeerId, &Seats)| {
            ENTRY_BYTES + peer.as_str().len() + seats.metadata().map_or(0, |metadata| metadata.get().len())
        };
        self.roster.iter().map(entry).sum()
    }

    /// Makes a connection visible. Says whether the peer was not visible before.
    pub(crate) fn seat(&mut self, peer: PeerId, seat: Seat) -> bool {
        match self.roster.entry(peer) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Seats { first: seat, more: Vec::new() });
                true
            }
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let seats = entry.get_mut();
                if !seats.iter().any(|known| known.shard == seat.shard && known.conn == seat.conn) {
                    seats.more.push(seat);
                }
                false
            }
        }
    }

    /// Takes a connection out of sight.
    pub(crate) fn unseat(&mut self, peer: &PeerId, shard: ShardId, conn: ConnId) -> Departure {
        let Some(seats) = self.roster.get_mut(peer) else { return Departure::Unnoticed };
        if seats.first.shard == shard && seats.first.conn == conn {
            if seats.more.is_empty() {
                let metadata = seats.first.metadata.take();
                self.roster.remove(peer);
                return Departure::Gone(metadata);
            }
            seats.first = seats.more.remove(0);
        } else {
            seats.more.retain(|seat| !(seat.shard == shard && seat.conn == conn));
        }
        Departure::Unnoticed
    }

    /// The visible connections of one shard.
    pub(crate) fn seats_of(&self, shard: ShardId) -> impl Iterator<Item = (&PeerId, &Seat)> {
        self.roster
            .iter()
            .flat_map(|(peer, seats)| seats.iter().map(move |seat| (peer, seat)))
            .filter(move |(_, seat)| seat.shard == shard)
    }

    /// Whether a peer has a visible connection on that shard.
    pub(crate) fn has_seat_on(&self, peer: &PeerId, shard: ShardId) -> bool {
        self.roster.get(peer).is_some_and(|seats| seats.iter().any(|seat| seat.shard == shard))
    }
}
