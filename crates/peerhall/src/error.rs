//! What can go wrong. The errors of the core carry names and codes of the seeds' API; what is here comes
//! from the driver.

pub use peerhall_core::{
    ConfigError, ConnectError, ErrorInfo, JoinError, NameError, ReplaceTrackError, RequestError, SendError,
    StateError, UrlError,
};

/// A payload could not be turned into JSON.
#[derive(Debug, thiserror::Error)]
#[error("the payload is no JSON: {0}")]
pub struct PayloadError(#[from] serde_json::Error);

/// A client or peer could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The options cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A certificate to trust is none, or TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A message was not published or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The payload is no JSON; nothing was sent.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The runtime that the client lived on is gone.
    #[error("the client's runtime has stopped")]
    Stopped,
}

/// A peer's message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerSendError {
    /// The payload is no JSON; nothing was sent.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// Refused by the peer or by the server.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The runtime that the peer lived on is gone.
    #[error("the peer's runtime has stopped")]
    Stopped,
}

/// A track was not replaced, or not for everybody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// Nothing was tried.
    #[error(transparent)]
    State(#[from] StateError),
    /// It failed for some.
    #[error(transparent)]
    Partial(#[from] ReplaceTrackError),
    /// The runtime that the peer lived on is gone.
    #[error("the peer's runtime has stopped")]
    Stopped,
}

/// A data channel was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenChannelError {
    /// The remote peer has left.
    #[error("the remote peer is closed")]
    RemoteClosed,
    /// The options contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The connection refused it.
    #[error(transparent)]
    Channel(#[from] peerhall_rtc::error::ChannelError),
}

/// A message was not sent through a data channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DataChannelError {
    /// The channel is not open, or was closed while this message waited.
    #[error("the data channel is not open")]
    NotOpen,
    /// `DataChannelOverflowError`: too many messages wait already.
    #[error("{queued} messages wait already, {cap} may")]
    Overflow {
        /// Messages that wait.
        queued: usize,
        /// Most that may.
        cap: usize,
    },
    /// The message has no bytes; SCTP cannot carry it to every browser.
    #[error("an empty message cannot be sent")]
    Empty,
    /// The message alone is bigger than what may wait.
    #[error("the message has {size} bytes, {cap} may wait")]
    TooBig {
        /// Bytes of the message.
        size: usize,
        /// Most that may wait, or that the remote peer takes.
        cap: usize,
    },
}

/// A connection was lost while it was asked for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection to the remote peer is closed")]
pub struct LinkClosed;
