//! A peer that connects again while an earlier connection of it still stands. Either it has several
//! connections, or the earlier one is half-open: its network vanished and no word of that came. The two
//! cannot be told apart from here, and they must be: members whose peer came back without a `left` keep
//! a link that refuses the new one's offers (wire protocol, section 9.4). So the earlier connections are
//! probed at once, and the snapshot of the newcomer waits for the answer in rooms where its peer is
//! present already. An earlier connection that does not answer is lost, with all that follows.

use std::time::Duration;

use peerhall_proto::ids::PeerId;

use crate::effect::{ConnId, Effect};
use crate::hub::{Due, Hub, Timer};
use crate::link::{Note, ShardId, ShardSet};
use crate::room::Room;
use crate::session::Session;
use crate::time::{Now, Tick};

/// How long a connection may take to answer [`Effect::Probe`]. An answer is good for as long, so that a
/// peer that connects often does not have its other connections probed each time.
pub const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// How long a snapshot waits at most: the time of a probe, and that of the notes about it.
const WAIT: Duration = Duration::from_millis(1_500);

/// Whether a connection is known to be alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Doubt {
    /// Nobody asked.
    #[default]
    None,
    /// It is being probed.
    Probed,
    /// It answered a probe then.
    Answered(Tick),
}

impl Hub {
    /// A probed connection said something.
    pub fn answered(&mut self, conn: ConnId, now: Now) {
        let Some(session) = self.session_mut(conn).filter(|session| session.doubt == Doubt::Probed) else {
            return;
        };
        session.doubt = Doubt::Answered(now.at);
        let (app, peer) = (session.app, session.peer.clone());
        self.settle_doubts(app, &peer);
    }

    /// A connection of a peer was opened: the others must show that they are alive.
    pub(crate) fn doubt_earlier(&mut self, conn: ConnId, now: Now) {
        let Some(session) = self.session(conn) else { return };
        let (app, peer) = (session.app, session.peer.clone());
        let mut unproven = self.shards_of(app, &peer);
        if self.probe(app, &peer, Some(conn), now) {
            unproven.insert(self.me);
        }
        if unproven.is_empty() {
            return;
        }
        let until = now.at + WAIT;
        if let Some(session) = self.session_mut(conn) {
            session.unproven = unproven;
            session.unproven_until = until;
            self.timers.insert((until, Timer::Unproven(conn)));
        }
    }

    /// Another shard has a new connection of a peer.
    pub(crate) fn doubt_for(&mut self, app: u32, peer: &PeerId, shard: ShardId, now: Now) {
        let Some(table) = self.apps.get(app as usize) else { return };
        let stands = table.peers.get(peer).is_some_and(|peer| !peer.here.is_empty());
        // When nobody stands here any more, the note about that is on its way.
        if stands && !self.probe(app, peer, None, now) {
            self.post_proven(app, peer, ShardSet::one(shard));
        }
    }

    /// Probes the connections of a peer on this shard. Says whether any answer is waited for.
    fn probe(&mut self, app: u32, peer: &PeerId, except: Option<ConnId>, now: Now) -> bool {
        let peer = self.apps.get(app as usize).and_then(|app| app.peers.get(peer));
        let mut waits = false;
        for conn in peer.map(|peer| peer.here.clone()).unwrap_or_default() {
            let Some(session) = self.session_mut(conn).filter(|_| Some(conn) != except) else { continue };
            match session.doubt {
                Doubt::Answered(at) if now.at - at < PROBE_WITHIN => continue,
                Doubt::Probed => {}
                Doubt::None | Doubt::Answered(_) => {
                    session.doubt = Doubt::Probed;
                    self.effects.push(Effect::Probe(conn));
                }
            }
            waits = true;
        }
        waits
    }

    /// A connection that was being probed answered, or is gone: its peer's newcomers need not wait any
    /// more when it was the last one.
    pub(crate) fn settle_doubts(&mut self, app: u32, peer: &PeerId) {
        let Some(known) = self.apps.get(app as usize).and_then(|app| app.peers.get(peer)) else { return };
        let probed = |conn: &ConnId| self.session(*conn).is_some_and(|one| one.doubt == Doubt::Probed);
        if known.here.iter().any(probed) {
            return;
        }
        self.proven(app, peer, self.me);
        let others = self.shards_of(app, peer);
        self.post_proven(app, peer, others);
    }

    fn post_proven(&mut self, app: u32, peer: &PeerId, to: ShardSet) {
        if let Some(table) = self.apps.get(app as usize) {
            let note = Note::PeerProven { app: table.record.id.clone(), peer: peer.clone() };
            self.post(to, note);
        }
    }

    fn shards_of(&self, app: u32, peer: &PeerId) -> ShardSet {
        let peer = self.apps.get(app as usize).and_then(|app| app.peers.get(peer));
        peer.map(crate::app::Peer::shards).unwrap_or_default()
    }

    /// What a shard had of a peer when newcomers came is alive, or gone.
    pub(crate) fn proven(&mut self, app: u32, peer: &PeerId, shard: ShardId) {
        let peer = self.apps.get(app as usize).and_then(|app| app.peers.get(peer));
        for conn in peer.map(|peer| peer.here.clone()).unwrap_or_default() {
            let Some(session) = self.session_mut(conn).filter(|one| one.unproven.contains(shard)) else {
                continue;
            };
            session.unproven.remove(shard);
            if session.unproven.is_empty() {
                self.doubts_are_over(conn);
            }
        }
    }

    /// A connection on another shard is gone, perhaps the last one that newcomers wait for.
    pub(crate) fn proven_if_gone(&mut self, app: u32, peer: &PeerId, shard: ShardId) {
        if !self.shards_of(app, peer).contains(shard) {
            self.proven(app, peer, shard);
        }
    }

    /// Pays the snapshots that waited, at the end of the turn.
    pub(crate) fn doubts_are_over(&mut self, conn: ConnId) {
        let Some(session) = self.session_mut(conn) else { return };
        session.unproven = ShardSet::default();
        let timer = (session.unproven_until, Timer::Unproven(conn));
        self.timers.remove(&timer);
        self.due_now.extend(self.doubted.extract_if(.., |due| due.conn == conn));
    }

    /// A connection is gone: whether it waited, or others waited for it.
    pub(crate) fn drop_doubts(&mut self, session: &Session, conn: ConnId) {
        if !session.unproven.is_empty() {
            self.timers.remove(&(session.unproven_until, Timer::Unproven(conn)));
            self.doubted.retain(|due| due.conn != conn);
        }
        if session.doubt == Doubt::Probed {
            self.settle_doubts(session.app, &session.peer);
        }
    }
}

/// Whether a snapshot has to wait because its peer stands in the room with a connection that may be dead.
pub(crate) fn must_wait(session: &Session, room: &Room) -> bool {
    !session.unproven.is_empty() && room.roster.contains_key(&session.peer)
}

/// Snapshots that wait for the answers of earlier connections of their peers.
pub(crate) type Doubted = Vec<Due>;
