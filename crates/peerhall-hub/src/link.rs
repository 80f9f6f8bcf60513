//! What the shards of a node tell each other. Each shard is the only one that speaks about its own
//! connections; the others keep a copy of what they need. Notes between two shards keep their order,
//! and that one stream carries presence and directs alike, so that nobody gets a direct from a peer
//! before its `joined` (wire protocol, section 9.3).

use std::fmt;
use std::sync::Arc;

use peerhall_proto::frame::server::Encoded;
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::effect::ConnId;
use crate::fanout::Broadcast;
use crate::ghosts::Ghost;
use crate::hub::{Hub, Timer};
use crate::session::Metadata;
use crate::time::Now;

/// Number of a shard of this node, from 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(u8);

impl ShardId {
    /// Most shards of one node.
    pub const MAX: usize = 64;

    /// The shard of this number; `None` from 64 on.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        u8::try_from(number).ok().filter(|_| number < Self::MAX).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of shards.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardSet(u64);

impl ShardSet {
    /// The first `count` shards without `me`.
    #[must_use]
    pub fn others(count: usize, me: ShardId) -> Self {
        let all = if count >= ShardId::MAX { u64::MAX } else { (1 << count) - 1 };
        Self(all & !(1 << me.0))
    }

    /// Just one shard.
    #[must_use]
    pub fn one(shard: ShardId) -> Self {
        Self(1 << shard.0)
    }

    /// Whether there is none in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The shards in order of their number.
    pub fn iter(self) -> impl Iterator<Item = ShardId> {
        (0..64_u8).filter(move |shard| self.0 & (1 << shard) != 0).map(ShardId)
    }

    pub(crate) fn contains(self, shard: ShardId) -> bool {
        self.0 & (1 << shard.0) != 0
    }

    pub(crate) fn insert(&mut self, shard: ShardId) {
        self.0 |= 1 << shard.0;
    }

    pub(crate) fn remove(&mut self, shard: ShardId) {
        self.0 &= !(1 << shard.0);
    }
}

impl fmt::Debug for ShardSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ShardId::number)).finish()
    }
}

/// A connection that became visible in a room.
#[derive(Debug, Clone)]
pub struct Joiner {
    /// The connection, on the shard that says so.
    pub conn: ConnId,
    /// Its peer.
    pub peer: PeerId,
    /// The peer's `peerMetadata`.
    pub metadata: Option<Metadata>,
    /// When it became visible, in Unix milliseconds: of several connections of a peer, the latest one's
    /// metadata counts (wire protocol, section 9.1).
    pub announced_ms: i64,
}

/// A ghost, told to a shard that begins to serve its room.
#[derive(Debug, Clone)]
pub struct GhostNote {
    /// The peer that dropped.
    pub peer: PeerId,
    /// Its `peerMetadata`.
    pub metadata: Option<Metadata>,
    /// Milliseconds until it is given up.
    pub remaining_ms: u64,
}

/// One thing a shard tells others.
#[derive(Debug, Clone)]
pub enum Note {
    /// What this shard has told so far is void; everything follows anew.
    Begin,
    /// A peer has one more connection here.
    PeerUp {
        /// App of the peer.
        app: AppId,
        /// The peer.
        peer: PeerId,
    },
    /// A peer has one connection less here.
    PeerDown {
        /// App of the peer.
        app: AppId,
        /// The peer.
        peer: PeerId,
        /// Whether it may be back: directs to it are held for a while.
        lingers: bool,
    },
    /// A peer that is connected there is still waited for here: `PeerBack` is wanted.
    PeerAwaited {
        /// App of the peer.
        app: AppId,
        /// The peer.
        peer: PeerId,
    },
    /// A peer that had dropped has seen its room again: what is held for it may go.
    PeerBack {
        /// App of the peer.
        app: AppId,
        /// The peer.
        peer: PeerId,
    },
    /// Every connection of a peer here is alive, or gone.
    PeerProven {
        /// App of the peer.
        app: AppId,
        /// The peer.
        peer: PeerId,
    },
    /// This shard begins to serve a room and wants to know who is in it.
    Host {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
        /// Number of the question, for the answer. A room may be given up and served again before the
        /// first answer is there.
        question: u32,
    },
    /// This shard serves the room no more.
    Unhost {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
    },
    /// The answer to `Host`: this shard's own members, and the ghosts it knows.
    State {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
        /// Number of the question.
        question: u32,
        /// Announced connections of this shard.
        members: Vec<Joiner>,
        /// Peers that dropped and may be back.
        ghosts: Vec<GhostNote>,
    },
    /// This shard has its first pattern subscription of an app, or no more.
    Patterns {
        /// The app.
        app: AppId,
        /// Whether there are any.
        any: bool,
    },
    /// Connections of this shard became visible in a room.
    Joined {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
        /// Who came.
        members: Vec<Joiner>,
    },
    /// A visible connection of this shard is gone from a room.
    Left {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
        /// Its peer.
        peer: PeerId,
        /// The connection.
        conn: ConnId,
        /// Whether it was lost rather than closed.
        dropped: bool,
    },
    /// A message for the members and pattern subscribers of a room.
    Publish {
        /// App of the room.
        app: AppId,
        /// The room.
        channel: ChannelName,
        /// The frame.
        plain: Encoded,
        /// The frame with the sender's metadata, when it has any.
        with_metadata: Option<Encoded>,
    },
    /// A direct for a peer that has connections on the receiving shard.
    Direct {
        /// App of the peer.
        app: AppId,
        /// The peer.
        to: PeerId,
        /// The frame.
        frame: Encoded,
        /// Whether the receiving shard may hold it when the peer is away: nobody else gets it.
        may_be_held: bool,
    },
}

impl Note {
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl Hub {
    /// Another shard said something.
    pub fn note(&mut self, from: ShardId, note: &Note, now: Now) {
        match note {
            Note::Begin => self.begin_again(from, now),
            Note::PeerUp { app, peer } => {
                let app = self.app_place_by_id(app);
                self.up_elsewhere(app, peer, from);
                self.doubt_for(app, peer, from, now);
            }
            Note::PeerDown { app, peer, lingers } => {
                let app = self.app_place_by_id(app);
                self.count_elsewhere(app, peer, from, false);
                self.settle_peer(app, peer, *lingers, now);
                self.proven_if_gone(app, peer, from);
            }
            Note::PeerAwaited { app, peer } => {
                let app = self.app_place_by_id(app);
                self.is_awaited(app, peer, now);
            }
            Note::PeerProven { app, peer } => {
                let app = self.app_place_by_id(app);
                self.proven(app, peer, from);
            }
            Note::PeerBack { app, peer } => {
                let app = self.app_place_by_id(app);
                self.release(app, peer, now);
            }
            Note::Host { app, channel, question } => {
                self.host_elsewhere(app, channel, *question, from, now);
            }
            Note::Unhost { app, channel } => self.unhost_elsewhere(app, channel, from),
            Note::State { app, channel, question, members, ghosts } => {
                if let Some(place) = self.room_that_asked(app, channel, *question) {
                    self.merge_state(place, from, members, ghosts, now);
                }
            }
            Note::Patterns { app, any } => self.patterns_elsewhere(app, *any, from),
            Note::Joined { app, channel, members } => {
                if let Some(place) = self.known_room(app, channel) {
                    self.joined_elsewhere(place, from, members);
                }
            }
            Note::Left { app, channel, peer, conn, dropped } => {
                if let Some(place) = self.known_room(app, channel) {
                    self.left_elsewhere(place, from, *conn, peer, *dropped, now);
                }
            }
            Note::Publish { app, channel, plain, with_metadata } => {
                let message = Broadcast { plain: plain.clone(), with_metadata: with_metadata.clone() };
                let app = self.app_place_by_id(app);
                self.deliver(app, channel, &message, None);
            }
            Note::Direct { app, to, frame, may_be_held } => {
                let app = self.app_place_by_id(app);
                self.direct_from_shard(app, to, frame.clone(), *may_be_held, now);
            }
        }
    }

    fn unhost_elsewhere(&mut self, app: &AppId, channel: &ChannelName, shard: ShardId) {
        let Some(place) = self.known_room(app, channel) else { return };
        if let Some(room) = self.rooms.get_mut(place) {
            room.hosts.remove(shard);
        }
        self.close_room_if_idle(place);
    }

    fn patterns_elsewhere(&mut self, app: &AppId, any: bool, shard: ShardId) {
        let app = self.app_place_by_id(app);
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        if any { table.pattern_hosts.insert(shard) } else { table.pattern_hosts.remove(shard) }
    }

    fn known_room(&self, app: &AppId, channel: &ChannelName) -> Option<u32> {
        self.room_named(*self.app_places.get(app)?, channel)
    }

    fn room_that_asked(&self, app: &AppId, channel: &ChannelName, question: u32) -> Option<u32> {
        let asked = |place: &u32| self.rooms.get(*place).is_some_and(|room| room.question == question);
        self.known_room(app, channel).filter(asked)
    }

    /// Tells the other shards that this one serves a room, and asks them who is in it.
    pub(crate) fn host(&mut self, place: u32) {
        let (others, question) = (self.others, self.ticket.wrapping_add(1));
        let Some(room) = self.rooms.get_mut(place).filter(|room| !room.hosted) else { return };
        self.ticket = question;
        room.question = question;
        room.hosted = true;
        room.awaited = others;
        let (app, channel) = (room.app, room.name.clone());
        if let Some(app) = self.apps.get(app as usize).map(|app| app.record.id.clone()) {
            self.post(others, Note::Host { app, channel, question });
        }
    }

    /// Forgets a room that nobody here could miss.
    pub(crate) fn close_room_if_idle(&mut self, place: u32) {
        let others = self.others;
        let Some(room) = self.rooms.get_mut(place).filter(|room| room.is_idle()) else { return };
        let (app, channel, was_hosted) = (room.app, room.name.clone(), room.hosted);
        room.hosted = false;
        room.awaited = ShardSet::default();
        room.roster.clear();
        room.stalled.clear();
        let forgotten = room.hosts.is_empty();
        let Some(table) = self.apps.get_mut(app as usize) else { return };
        if forgotten {
            table.rooms.remove(&channel);
            self.rooms.remove(place);
        }
        if was_hosted {
            let app = table.record.id.clone();
            self.post(others, Note::Unhost { app, channel });
        }
    }

    fn host_elsewhere(
        &mut self,
        app: &AppId,
        channel: &ChannelName,
        question: u32,
        shard: ShardId,
        now: Now,
    ) {
        let app_place = self.app_place_by_id(app);
        let place = match self.room_named(app_place, channel) {
            Some(place) => place,
            None => self.new_room(app_place, channel.clone()),
        };
        let me = self.me;
        let Some(room) = self.rooms.get_mut(place) else { return };
        room.hosts.insert(shard);
        let members = room
            .seats_of(me)
            .map(|(peer, seat)| Joiner {
                conn: seat.conn,
                peer: peer.clone(),
                metadata: seat.metadata.clone(),
                announced_ms: seat.announced_ms,
            })
            .collect();
        let ghosts = room
            .ghosts
            .iter()
            .map(|(peer, ghost)| GhostNote {
                peer: peer.clone(),
                metadata: ghost.metadata.clone(),
                remaining_ms: u64::try_from((ghost.until - now.at).as_millis()).unwrap_or(0),
            })
            .collect();
        let state = Note::State { app: app.clone(), channel: channel.clone(), question, members, ghosts };
        self.post(ShardSet::one(shard), state);
    }

    fn merge_state(&mut self, place: u32, from: ShardId, members: &[Joiner], ghosts: &[GhostNote], now: Now) {
        let Some(room) = self.rooms.get_mut(place).filter(|room| room.hosted) else { return };
        room.awaited.remove(from);
        // Nobody listens yet in a room that has just been opened; in one that was there before the
        // other shard was, the members hear of each other now.
        self.joined_elsewhere(place, from, members);
        let Some(room) = self.rooms.get_mut(place) else { return };
        for note in ghosts {
            if !room.roster.contains_key(&note.peer) && !room.ghosts.contains(&note.peer) {
                let until = now.at + std::time::Duration::from_millis(note.remaining_ms);
                let ghost = Ghost { metadata: note.metadata.clone(), since: room.clock, until };
                room.ghosts.insert(note.peer.clone(), ghost);
                self.timers.insert((until, Timer::Ghosts(place)));
            }
        }
        if room.awaited.is_empty() {
            let stalled = std::mem::take(&mut room.stalled);
            self.admit(place, stalled, now);
        }
    }
}
