//! What core and driver say to each other about a peer connection. The words are those of the WebRTC
//! recommendation; a driver answers each command that has an answer with one [`RtcInput`].

use std::time::Duration;

pub use peerhall_proto::connection::{ConnectionState as RtcState, IceState, MediaKind, TransportPolicy};
pub use peerhall_proto::signal::{Candidate as IceCandidate, Description, DescriptionKind};

use crate::ice_servers::IceServer;
use crate::ids::{ChannelKey, RemoteKey, RemoteStreamKey, RemoteTrackKey, StreamKey, TrackKey};

/// Something to do with a peer connection.
#[derive(Debug, Clone)]
pub enum RtcCommand {
    /// Make the connection.
    Create {
        /// For this remote peer.
        remote: RemoteKey,
        /// With these servers; `None` leaves the choice to the platform.
        ice_servers: Option<Vec<IceServer>>,
        /// Over which paths.
        policy: TransportPolicy,
    },
    /// `setConfiguration` with other servers, for what is gathered from now on. No answer: a platform that
    /// cannot keeps the earlier ones.
    SetServers(Vec<IceServer>),
    /// Close it and forget it. No answer.
    Close,
    /// `createOffer`; answered by [`RtcInput::OfferCreated`].
    CreateOffer {
        /// Whether ICE begins anew.
        ice_restart: bool,
    },
    /// `createAnswer`; answered by [`RtcInput::AnswerCreated`].
    CreateAnswer,
    /// `setLocalDescription`; answered by [`RtcInput::LocalSet`].
    SetLocal(Description),
    /// `setRemoteDescription`, with the roll-back of an own offer that it implies; answered by
    /// [`RtcInput::RemoteSet`].
    SetRemote(Description),
    /// `addIceCandidate`, `None` at the end; answered by [`RtcInput::CandidateAdded`].
    AddCandidate(Option<IceCandidate>),
    /// `addTrack`; a failure is told by [`RtcInput::AttachFailed`].
    Attach {
        /// The local track.
        track: TrackKey,
        /// The stream that it is announced with.
        stream: Option<StreamKey>,
    },
    /// `removeTrack` of the sender of this track. No answer.
    Detach {
        /// The local track.
        track: TrackKey,
    },
    /// `replaceTrack` on the sender of `old`; answered by [`RtcInput::Replaced`].
    Replace {
        /// The track that is sent now.
        old: TrackKey,
        /// The track to send; `None` sends nothing.
        new: Option<TrackKey>,
    },
    /// Open the data channel that the application asked for under this key again.
    ReopenChannel(ChannelKey),
    /// `getStats`; answered by [`RtcInput::Stats`].
    SampleStats,
}

/// What a peer connection reports.
#[derive(Debug, Clone)]
pub enum RtcInput {
    /// The connection could not be made.
    CreateFailed(RtcFailure),
    /// Something was attached, detached or opened that the other side does not know of yet.
    NegotiationNeeded,
    /// Answer to `CreateOffer`.
    OfferCreated(Result<Description, RtcFailure>),
    /// Answer to `CreateAnswer`.
    AnswerCreated(Result<Description, RtcFailure>),
    /// Answer to `SetLocal`.
    LocalSet(Result<(), RtcFailure>),
    /// Answer to `SetRemote`.
    RemoteSet(Result<(), RtcFailure>),
    /// Answer to `AddCandidate`.
    CandidateAdded(Result<(), RtcFailure>),
    /// A track could not be attached.
    AttachFailed {
        /// The local track.
        track: TrackKey,
        /// Why.
        failure: RtcFailure,
    },
    /// Answer to `Replace`.
    Replaced {
        /// The track that was to be replaced.
        old: TrackKey,
        /// How it went.
        result: Result<(), RtcFailure>,
    },
    /// A local candidate was found; `None` at the end of gathering.
    LocalCandidate(Option<IceCandidate>),
    /// `connectionState` changed.
    State(RtcState),
    /// `iceConnectionState` changed.
    Ice(IceState),
    /// The remote peer sends a track.
    Track(RemoteTrack),
    /// A remote track ended.
    TrackEnded(RemoteTrackKey),
    /// A remote track left a stream: the sender removed it, though the track itself only mutes.
    TrackRemoved {
        /// The stream's id.
        stream: String,
        /// The track.
        track: RemoteTrackKey,
    },
    /// The remote peer opened a data channel.
    DataChannel(ChannelKey),
    /// Answer to `SampleStats`.
    Stats(Stats),
}

/// Why a call of the platform failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcFailure {
    /// The platform's name of the error, such as `InvalidAccessError`.
    pub name: String,
    /// The platform's words; masked before anybody sees them.
    pub message: String,
}

/// A track that a remote peer sends.
#[derive(Debug, Clone)]
pub struct RemoteTrack {
    /// What driver and core call it.
    pub key: RemoteTrackKey,
    /// The platform's id of the receiving track; not always that of the sender.
    pub id: String,
    /// Media section by name.
    pub mid: Option<String>,
    /// Audio or video.
    pub kind: MediaKind,
    /// The streams that it belongs to.
    pub streams: Vec<RemoteStream>,
}

/// A stream of a remote peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteStream {
    /// What driver and core call this object; a stream of the same id may be another object later.
    pub key: RemoteStreamKey,
    /// Id, the same at sender and receiver.
    pub id: String,
}

/// What `getStats` says that the core judges by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Round trip of the path in use.
    pub round_trip: Option<Duration>,
    /// Packets that came, since the connection was made.
    pub packets_received: u64,
    /// Packets that did not come, since the connection was made.
    pub packets_lost: u64,
    /// Whether the path in use goes through a relay on either side; `None` when no path is known.
    pub relayed: Option<bool>,
}
