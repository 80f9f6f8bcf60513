//! What a room hears and tells.

use peerhall_core::{ErrorInfo, Labelled, RemoteKey};
use peerhall_labelled::{ChannelChange, CutOff, Way};
use peerhall_rtc::{Channel, PeerConnection, RemoteTrack};

use super::room_peer::RoomPeer;
use super::streams::ConnectionState;
use crate::event::RemoteEvent;
use crate::media::RemoteStream;
use crate::remote_peer::RemotePeer;

/// What the peer tells the labelled layer, in order.
#[derive(Debug)]
pub(crate) enum News {
    Joined(RemotePeer, Option<PeerConnection>),
    Left(RemoteKey),
    Labelled(RemoteKey, Labelled),
    Reset(RemoteKey, Option<PeerConnection>),
    Channel(RemoteKey, Channel),
    /// What the plain remote peer tells.
    Remote(RemoteKey, RemoteEvent),
    TrackGone(RemoteKey, RemoteTrack),
    Error(ErrorInfo),
}

/// One event of a [`Room`](super::Room).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RoomEvent {
    /// A remote peer is here.
    PeerJoined(RoomPeer),
    /// A remote peer has left.
    PeerLeft(RoomPeer),
    /// Labels work with a remote peer, for the first time or again.
    Ready(RoomPeer),
    /// A remote peer does not know labels: what is sent to it fails.
    NotLabelled(RoomPeer),
    /// A labelled channel changed.
    Channel {
        /// Between this peer and that one.
        peer: RoomPeer,
        /// Its label.
        label: String,
        /// How.
        change: ChannelChange,
    },
    /// Messages to and from a remote peer go another way: through the server while no connection can be made,
    /// and back over the first one that is there. What was on its way goes on.
    Way {
        /// This one.
        peer: RoomPeer,
        /// From now on.
        way: Way,
    },
    /// The server takes no more messages of this period, so that those to a remote peer without a connection
    /// wait for one. The way through the server is tried again from time to time.
    OverQuota(RoomPeer),
    /// A remote peer broke a rule of the layer, and has no labels any more until it joins again.
    CutOff {
        /// This one.
        peer: RoomPeer,
        /// Which rule.
        reason: CutOff,
    },
    /// The connection to a remote peer has another state.
    Connection {
        /// To this one.
        peer: RoomPeer,
        /// The state.
        state: ConnectionState,
    },
    /// A remote peer shares a stream: its first track is here.
    StreamAdded {
        /// This one.
        peer: RoomPeer,
        /// The stream's label; its id, when the sender says no label.
        label: String,
        /// The stream.
        stream: RemoteStream,
    },
    /// A stream has no tracks any more, or the connection that it came by was replaced.
    StreamRemoved {
        /// Whose it was.
        peer: RoomPeer,
        /// Its label.
        label: String,
        /// The stream, as it was seen last.
        stream: RemoteStream,
    },
    /// A track of a stream is here. One that another takes the place of goes on being the same track for its
    /// receivers, and is not told of.
    TrackAdded {
        /// Whose it is.
        peer: RoomPeer,
        /// The stream's label.
        label: String,
        /// The track.
        track: RemoteTrack,
    },
    /// A track of a stream has ended.
    TrackRemoved {
        /// Whose it was.
        peer: RoomPeer,
        /// The stream's label.
        label: String,
        /// The track.
        track: RemoteTrack,
    },
    /// Something went wrong between this peer and another, or with the server.
    Error {
        /// The other one; nobody, when it is about the server.
        peer: Option<RoomPeer>,
        /// What.
        error: ErrorInfo,
    },
    /// This consumer was behind and lost events.
    Lagged(u64),
}
