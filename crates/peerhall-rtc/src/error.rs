//! Everything that can go wrong, by what was asked for.

use thiserror::Error;

use crate::event::SignalingState;
use crate::net;
use peerhall_proto::signal::DescriptionKind;

/// A connection could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration of the network cannot be used, or there is no socket.
    #[error(transparent)]
    Network(#[from] net::OpenError),
    /// The caller is not inside a tokio runtime.
    #[error("a connection needs a tokio runtime to run on")]
    NoRuntime,
}

/// A list of STUN and TURN servers was refused; the earlier one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetServersError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// An entry cannot be used.
    #[error(transparent)]
    Unusable(net::server::ServerError),
}

/// A step of a negotiation was refused. The connection is as it was before, unless the variant says
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// The step does not fit the state that the negotiation is in.
    #[error("{step} does not fit the state {state:?}")]
    WrongState {
        /// What was asked for.
        step: Step,
        /// The state at that time.
        state: SignalingState,
    },
    /// There is neither a track nor a data channel to offer.
    #[error("there is nothing to offer yet")]
    NothingToOffer,
    /// The local description is not the one that was created last.
    #[error("only the description that was created last can be set")]
    NotCreatedHere,
    /// The remote is another one than before: its certificate has changed. This connection can
    /// never reach it; a new one can, with the same description.
    #[error("the remote has replaced its connection")]
    RemoteReplaced,
    /// The remote's description is unusable.
    #[error("the description is unusable: {0}")]
    BadDescription(#[from] BadDescription),
    /// The answer does not belong to the offer that waits for one. It is told by the names of its media sections; one for
    /// data channels alone looks like any other, as it does to a browser.
    #[error("the answer does not belong to the pending offer")]
    ForeignAnswer,
    /// The engine refused the description. Parts of it may have taken effect.
    #[error("the description was refused")]
    Refused,
}

impl NegotiationError {
    /// Whether a new connection could take what this one cannot.
    #[must_use]
    pub fn needs_new_connection(&self) -> bool {
        matches!(self, Self::RemoteReplaced | Self::Closed)
    }
}

/// A step of a negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Creating an offer.
    CreateOffer,
    /// Creating an answer.
    CreateAnswer,
    /// Setting a local description of this kind.
    SetLocal(DescriptionKind),
    /// Setting a remote description of this kind.
    SetRemote(DescriptionKind),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CreateOffer => f.write_str("creating an offer"),
            Self::CreateAnswer => f.write_str("creating an answer"),
            Self::SetLocal(kind) => write!(f, "a local {kind:?}"),
            Self::SetRemote(kind) => write!(f, "a remote {kind:?}"),
        }
    }
}

/// What makes a description unusable. No variant holds any of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadDescription {
    /// Longer than 1 MiB; the length in bytes.
    #[error("{0} bytes are too long")]
    TooLong(usize),
    /// It has no media section.
    #[error("it has no media section")]
    NoMedia,
    /// More than 256 media sections.
    #[error("{0} media sections are too many")]
    TooManySections(usize),
    /// A section is neither audio, video nor data channels, or there are two for data channels.
    #[error("a section is of an unknown kind or stands twice")]
    Section,
    /// A section has no name, one that stands twice, or one of other than 1 to 16 letters and digits.
    #[error("a section has no usable name")]
    Mid,
    /// Sections of the session have moved, gone, or changed their kind.
    #[error("sections of the session have changed place or kind")]
    Order,
    /// It names no certificate.
    #[error("it has no fingerprint")]
    NoFingerprint,
    /// It has no ICE user name or password.
    #[error("it has no ICE credentials")]
    NoCredentials,
    /// A line cannot be parsed.
    #[error("it cannot be parsed")]
    Syntax,
}

/// A candidate was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// No remote description is set, so that there is nothing it could belong to.
    #[error("a candidate needs a remote description first")]
    NoRemoteDescription,
    /// The line cannot be parsed, or is longer than 1,000 characters.
    #[error("the candidate cannot be parsed")]
    Syntax,
    /// More candidates than a negotiation may have, [`MAX_CANDIDATES`](peerhall_proto::signal::MAX_CANDIDATES).
    #[error("too many candidates in one negotiation")]
    TooMany,
}

/// A change of tracks was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrackError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// The track is being sent on this connection already.
    #[error("the track is being sent already")]
    AlreadySent,
    /// No such sender, or it was removed.
    #[error("there is no such sender")]
    UnknownSender,
    /// Audio cannot take the place of video, nor video that of audio.
    #[error("the track is of the other kind")]
    OtherKind,
    /// The remote has not agreed to the codec of the track.
    #[error("the remote does not take the codec of the track")]
    CodecNotNegotiated,
    /// More tracks than a connection may have: 256 sections over its life.
    #[error("too many tracks")]
    TooMany,
}

/// A data channel could not be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The connection is closed.
    #[error("the connection is closed")]
    Closed,
    /// Both a number and a time were given as the limit of retransmission.
    #[error("a channel is limited by retransmits or by life time, not by both")]
    TwoLimits,
    /// The id is taken or above 1,023.
    #[error("the channel id {0} is taken or too large")]
    Id(u16),
    /// Label or protocol has more than 65,535 bytes.
    #[error("label or protocol is longer than 65,535 bytes")]
    TooLong,
    /// More than 1,024 channels.
    #[error("too many channels")]
    TooMany,
}

/// A message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The channel is not open, or is no more.
    #[error("the channel is not open")]
    NotOpen,
    /// Without a payload. str0m 0.25 loses such messages on their way out, so they are refused
    /// rather than lost; those of others are received.
    #[error("an empty message cannot be sent")]
    Empty,
    /// Longer than the remote takes.
    #[error("{size} bytes are more than the {limit} that can be sent")]
    TooLarge {
        /// Bytes of the message.
        size: usize,
        /// Bytes that fit.
        limit: usize,
    },
    /// The buffer is full; only [`try_send`](crate::Channel::try_send) says so.
    #[error("the send buffer is full")]
    Full,
}
