//! What the server must do now.

use std::sync::Arc;

use peerhall_proto::code::CloseCode;
use peerhall_proto::frame::server::Encoded;
use peerhall_proto::ids::{AppId, ChannelName, PeerId};

use crate::link::{Note, ShardSet};
use crate::session::Metadata;

/// One connection of this shard. The server hands out small indexes and takes them back; the
/// generation tells a connection from an earlier one in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Place in the server's table of connections.
    pub index: u32,
    /// Differs between connections that had the same place.
    pub generation: u32,
}

/// One thing to do. Effects are carried out in the order in which they are queued.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Queue a frame for a connection.
    Send {
        /// The receiver.
        conn: ConnId,
        /// The frame, shared with its other receivers.
        frame: Encoded,
    },
    /// Queue one message for many connections. Boxed, so that the other effects stay small.
    Fanout(Box<Fanout>),
    /// Send what is queued, then a close frame, then end the socket. The hub has forgotten the
    /// connection already.
    Close {
        /// The connection.
        conn: ConnId,
        /// Number in the close frame.
        code: CloseCode,
        /// Short plain ASCII for people.
        reason: &'static str,
    },
    /// Send a WebSocket ping. When the connection says nothing within
    /// [`PROBE_WITHIN`](crate::PROBE_WITHIN) it is dead; when it does, [`Hub::answered`](crate::Hub::answered).
    Probe(ConnId),
    /// Hand a note to other shards.
    Post {
        /// The receivers.
        to: ShardSet,
        /// The note, shared by them.
        note: Arc<Note>,
    },
    /// Make another list of ICE servers for a connection, and answer with [`Hub::renew`](crate::Hub::renew).
    /// Boxed, because it is large and rare.
    Renew(Box<IceRenewal>),
    /// Write down who is in a room, so that the next start knows it
    /// ([`HubConfig::remember`](crate::HubConfig::remember)). Boxed, because it is the largest.
    Remember(Box<MemberEvent>),
}

/// A connection whose ICE servers are to be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceRenewal {
    /// The connection.
    pub conn: ConnId,
    /// Its app.
    pub app: AppId,
    /// Its peer.
    pub peer: PeerId,
    /// What [`Renewal::host`](crate::Renewal::host) said.
    pub host: Option<Box<str>>,
}

/// One message, or list of who came or went, and everybody who gets it. Messages to the same room share one
/// list of receivers until somebody comes or goes, so that the server can see that what goes out next goes to the same places.
#[derive(Debug, Clone)]
pub struct Fanout {
    /// The receivers, each once.
    pub to: Arc<[ConnId]>,
    /// The publisher, which does not get its own message; it may stand in the list or not.
    pub except: Option<ConnId>,
    /// The frame.
    pub frame: Encoded,
}

impl Fanout {
    /// The receivers without the publisher.
    pub fn receivers(&self) -> impl Iterator<Item = ConnId> + '_ {
        self.to.iter().copied().filter(|conn| Some(*conn) != self.except)
    }
}

/// A change of a room's members, for the log that survives a crash.
#[derive(Debug, Clone)]
pub struct MemberEvent {
    /// App of the room.
    pub app: AppId,
    /// The room.
    pub channel: ChannelName,
    /// The peer.
    pub peer: PeerId,
    /// What became of it.
    pub change: MemberChange,
}

/// What became of a peer in a room.
#[derive(Debug, Clone)]
pub enum MemberChange {
    /// It is there, with this metadata.
    Present(Option<Metadata>),
    /// Its connection was lost; it may be back.
    Dropped,
    /// It is gone for good.
    Gone,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_small_because_a_storm_of_joins_queues_thousands() {
        assert!(size_of::<Effect>() <= 32, "{} bytes", size_of::<Effect>());
    }
}
