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
    /// Hand a note to other shards.
    Post {
        /// The receivers.
        to: ShardSet,
        /// The note, shared by them.
        note: Arc<Note>,
    },
    /// Write down who is in a room, so that the next start knows it
    /// ([`HubConfig::remember`](crate::HubConfig::remember)). Boxed, because a fan-out queues one effect
    /// for each receiver and this is the largest.
    Remember(Box<MemberEvent>),
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
    fn an_effect_is_small_because_a_fan_out_queues_thousands() {
        assert!(size_of::<Effect>() <= 32, "{} bytes", size_of::<Effect>());
    }
}
