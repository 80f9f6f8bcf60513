//! What a test looks at.

use peerhall_core::{
    CloseCode, LinkId, OpId, Outcome, Peer, PeerState, RemoteInfo, RemoteState, RtcState, Signalling,
    SignallingState, Time,
};
use serde_json::Value;

use super::Lab;
use crate::actor::{ActorId, Mind};
use crate::seen::{Seen, What};

impl Lab {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many things have happened.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Everybody, in the order in which they came.
    pub fn everybody(&self) -> impl Iterator<Item = ActorId> + use<> {
        (0..self.actors.len()).map(ActorId)
    }

    /// What somebody is called.
    #[must_use]
    pub fn name(&self, actor: ActorId) -> &str {
        &self.actors[actor.0].name
    }

    /// Somebody's peer.
    #[must_use]
    pub fn core(&self, actor: ActorId) -> &Peer<Value> {
        let Mind::Peer(peer) = &self.actors[actor.0].mind else { panic!("{actor:?} is no peer") };
        peer
    }

    /// Somebody's client.
    #[must_use]
    pub fn core_client(&self, actor: ActorId) -> &Signalling<Value> {
        let Mind::Client(client) = &self.actors[actor.0].mind else { panic!("{actor:?} is no client") };
        client
    }

    /// Whether this is a peer.
    #[must_use]
    pub fn is_peer(&self, actor: ActorId) -> bool {
        matches!(self.actors[actor.0].mind, Mind::Peer(_))
    }

    /// The state of somebody's peer.
    #[must_use]
    pub fn state(&self, actor: ActorId) -> PeerState {
        self.core(actor).state()
    }

    /// The state of somebody's client.
    #[must_use]
    pub fn client_state(&self, actor: ActorId) -> SignallingState {
        self.core_client(actor).state()
    }

    /// What somebody's peer knows of another.
    #[must_use]
    pub fn remote(&self, actor: ActorId, id: &str) -> Option<RemoteInfo<Value>> {
        self.core(actor).remotes().into_iter().find(|remote| remote.id.as_str() == id)
    }

    /// Ids of those whom somebody's peer knows, sorted.
    #[must_use]
    pub fn remotes(&self, actor: ActorId) -> Vec<String> {
        let mut ids: Vec<_> = match &self.actors[actor.0].mind {
            Mind::Peer(peer) => peer.remotes().iter().map(|remote| remote.id.to_string()).collect(),
            Mind::Vendor(vendor) => vendor.remotes(),
            Mind::Client(_) | Mind::Raw(_) => Vec::new(),
        };
        ids.sort();
        ids
    }

    /// Whether somebody's connection to the remote peer may gather no more candidates: as Chromium, which took an own
    /// offer back that was made after the first agreement and before the first connection.
    #[must_use]
    pub fn is_stuck(&self, actor: ActorId, id: &str) -> bool {
        let connection = self.link(actor, id).and_then(|link| self.world.connection(actor, link));
        connection.is_some_and(|connection| connection.stuck)
    }

    /// Whether data flows between somebody and a remote peer, by what both mind and connection say.
    #[must_use]
    pub fn is_connected(&self, actor: ActorId, id: &str) -> bool {
        let known = match &self.actors[actor.0].mind {
            Mind::Peer(_) => {
                self.remote(actor, id).is_some_and(|remote| remote.state == RemoteState::Connected)
            }
            Mind::Vendor(_) => true,
            Mind::Client(_) | Mind::Raw(_) => false,
        };
        let connection = self.link(actor, id).and_then(|link| self.world.connection(actor, link));
        known
            && connection.is_some_and(|connection| {
                connection.state == RtcState::Connected
                    && connection.signaling == crate::rtc::Signaling::Stable
                    && !connection.needs_negotiation()
            })
    }

    pub(super) fn link(&self, actor: ActorId, id: &str) -> Option<LinkId> {
        match &self.actors[actor.0].mind {
            Mind::Peer(_) => self.remote(actor, id).map(|remote| remote.link),
            Mind::Vendor(vendor) => vendor.link(id),
            Mind::Client(_) | Mind::Raw(_) => None,
        }
    }

    /// Whether somebody has, or had, something to negotiate with a remote peer.
    #[must_use]
    pub fn negotiates(&self, actor: ActorId, id: &str) -> bool {
        let connection = self.link(actor, id).and_then(|link| self.world.connection(actor, link));
        connection.is_some_and(|connection| connection.local.is_some() || connection.needs_negotiation())
    }

    /// With how many STUN and TURN servers the connection to a remote peer gathers; `None`: with the
    /// platform's own choice.
    #[must_use]
    pub fn ice_servers(&self, actor: ActorId, id: &str) -> Option<usize> {
        self.link(actor, id).and_then(|link| self.world.connection(actor, link))?.ice_servers
    }

    /// Where the connection to a remote peer stands, in words for people.
    #[must_use]
    pub fn describe(&self, actor: ActorId, id: &str) -> String {
        let connection = self.link(actor, id).and_then(|link| self.world.connection(actor, link));
        connection.map_or_else(
            || "no connection".to_owned(),
            |connection| {
                let generations = connection.generations();
                format!("{:?}, {:?}, ICE {generations:?}", connection.state, connection.signaling.name())
            },
        )
    }

    /// Who is in a channel, as the server knows.
    #[must_use]
    pub fn members(&self, channel: &str) -> Vec<String> {
        self.server.members(channel)
    }

    /// What somebody has seen.
    #[must_use]
    pub fn seen(&self, actor: ActorId) -> &[Seen] {
        &self.actors[actor.0].seen
    }

    /// The same in short words, without log lines, paths and qualities.
    #[must_use]
    pub fn words(&self, actor: ActorId) -> Vec<String> {
        let dull = |what: &What| {
            use peerhall_core::RemoteEvent::{Path, Quality};
            matches!(what, What::Log(..) | What::Remote { event: Path(_) | Quality(_), .. })
        };
        self.seen(actor).iter().filter(|seen| !dull(&seen.what)).map(Seen::to_string).collect()
    }

    /// Whether somebody has seen this, in short words.
    #[must_use]
    pub fn has_seen(&self, actor: ActorId, word: &str) -> bool {
        self.count_seen(actor, word) > 0
    }

    /// How often somebody has seen this, in short words.
    #[must_use]
    pub fn count_seen(&self, actor: ActorId, word: &str) -> usize {
        self.seen(actor).iter().filter(|seen| seen.to_string() == word).count()
    }

    /// When somebody saw this, each time.
    #[must_use]
    pub fn times_seen(&self, actor: ActorId, word: &str) -> Vec<Time> {
        self.seen(actor).iter().filter(|seen| seen.to_string() == word).map(|seen| seen.at).collect()
    }

    /// Lines of somebody's log.
    #[must_use]
    pub fn log(&self, actor: ActorId) -> Vec<String> {
        let line = |seen: &Seen| {
            if let What::Log(_, line) = &seen.what { Some(line.clone()) } else { None }
        };
        self.seen(actor).iter().filter_map(line).collect()
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(&self, actor: ActorId, op: OpId) -> Option<&Outcome> {
        self.seen(actor).iter().find_map(|seen| {
            if let What::Done(known, outcome) = &seen.what { (*known == op).then_some(outcome) } else { None }
        })
    }

    /// Forgets what everybody has seen.
    pub fn clear_seen(&mut self) {
        for actor in &mut self.actors {
            actor.seen.clear();
        }
    }

    /// What a client without a mind has heard.
    #[must_use]
    pub fn heard(&self, actor: ActorId) -> &[Value] {
        match &self.actors[actor.0].mind {
            Mind::Raw(raw) => &raw.heard,
            Mind::Peer(_) | Mind::Client(_) | Mind::Vendor(_) => &[],
        }
    }

    /// With what the socket of a client without a mind was closed.
    #[must_use]
    pub fn raw_closed(&self, actor: ActorId) -> Option<CloseCode> {
        match &self.actors[actor.0].mind {
            Mind::Raw(raw) => raw.closed_with,
            Mind::Peer(_) | Mind::Client(_) | Mind::Vendor(_) => None,
        }
    }

    /// Whether nothing gets through on a socket of somebody's, and nobody says so.
    #[must_use]
    pub fn is_stalled(&self, actor: ActorId) -> bool {
        self.actors[actor.0].wires.iter().any(|wire| self.wires[wire.0].stalled)
    }

    /// Sockets that somebody has opened so far.
    #[must_use]
    pub fn sockets_opened(&self, actor: ActorId) -> u32 {
        self.actors[actor.0].sockets_opened
    }

    /// Pretend connections that are not closed.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.world.count()
    }

    /// Requests of somebody that have no answer yet.
    #[must_use]
    pub fn unanswered(&self, actor: ActorId) -> Vec<OpId> {
        let actor = &self.actors[actor.0];
        actor.asked.difference(&actor.answered).copied().collect()
    }

    /// Promises that were broken: answers given twice, calls that overlap, commands for connections that
    /// are not there, minds that spin.
    #[must_use]
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    /// A measure of what somebody's mind holds: the length of its `Debug` text.
    #[must_use]
    pub fn weight(&self, actor: ActorId) -> usize {
        match &self.actors[actor.0].mind {
            Mind::Peer(peer) => format!("{peer:?}").len(),
            Mind::Client(client) => format!("{client:?}").len(),
            Mind::Raw(_) | Mind::Vendor(_) => 0,
        }
    }
}
