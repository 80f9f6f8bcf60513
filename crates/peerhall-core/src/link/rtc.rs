//! What core and driver say to each other about a peer connection. The words are those of the WebRTC
//! recommendation; a driver answers each command that has an answer with one [`RtcInput`].

use std::fmt;
use std::time::Duration;

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

/// Over which paths a connection may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportPolicy {
    /// Any.
    #[default]
    All,
    /// Through relays only.
    Relay,
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

/// `connectionState` of a peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtcState {
    /// Nothing has happened.
    New,
    /// ICE or DTLS is at work.
    Connecting,
    /// Data flows.
    Connected,
    /// Data may flow again.
    Disconnected,
    /// Data does not flow without a restart.
    Failed,
    /// Closed.
    Closed,
}

/// `iceConnectionState` of a peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceState {
    /// Waiting for candidates.
    New,
    /// Trying pairs.
    Checking,
    /// A pair works.
    Connected,
    /// All pairs are tried.
    Completed,
    /// The pair in use does not answer at the moment.
    Disconnected,
    /// No pair works.
    Failed,
    /// Closed.
    Closed,
}

/// Which half of a negotiation a description is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescriptionKind {
    /// Proposes a session.
    Offer,
    /// Agrees to an offer.
    Answer,
}

/// A session description. Its text holds ICE passwords and is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Description {
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// The SDP text.
    pub sdp: String,
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Description({:?}, {} bytes)", self.kind, self.sdp.len())
    }
}

/// One candidate. Its text holds an address and is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCandidate {
    /// The candidate line.
    pub candidate: String,
    /// Media section by name.
    pub sdp_mid: Option<String>,
    /// Media section by number.
    pub sdp_m_line_index: Option<u16>,
    /// ICE user name of the generation that the candidate belongs to.
    pub username_fragment: Option<String>,
}

impl fmt::Debug for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCandidate(mid {:?}, {} bytes)", self.sdp_mid, self.candidate.len())
    }
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
}

impl MediaKind {
    /// `audio` or `video`, as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
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
