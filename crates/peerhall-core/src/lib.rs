//! The client's mind: signalling, rooms and negotiation, without sockets, clocks or tasks. A driver for
//! native programs and one for browsers carry out what is decided here.
//!
//! The contract, in ten lines:
//!
//! 1. A [`Signalling`] is one client of a server; a [`Peer`] is one member of a channel and owns its
//!    client.
//! 2. Whatever happens is a method call with the time ([`Time`]): a socket opened, a text came, a peer
//!    connection reports ([`RtcInput`]), a caller wants something.
//! 3. Calls never wait. What is wrong at once is their `Err`; what has its answer later is an
//!    [`OpId`], answered once by [`Output::Done`].
//! 4. After each call take [`Output`]s until there are none, and carry them out in order.
//! 5. An event is shown to the application before the next output is taken: a handler that closes the
//!    peer stops what would have come after.
//! 6. Call `handle_timeout` no later than `deadline` says.
//! 7. Sockets and peer connections are known by numbers; what a replaced one still reports is ignored.
//! 8. JSON is whatever the driver has ([`Json`]): nothing here parses or writes text.
//! 9. Every state has a bounded exit, as long as reconnect attempts are bounded.
//! 10. Credentials, descriptions and candidates are never in a log line, an error or a `Debug`.

mod error;
mod ice_servers;
mod ids;
mod link;
mod options;
mod output;
mod queue;
mod random;
mod room;
mod secret;
mod signalling;
mod time;

#[cfg(feature = "labelled")]
pub use error::ShareError;
pub use error::{
    ConfigError, ConnectError, JoinError, ReplaceTrackError, RequestError, SendError, StateError, UrlError,
};
pub use ice_servers::{
    IceServer, MAX_ICE_CREDENTIAL_UNITS, MAX_ICE_SERVERS, MAX_ICE_URL_UNITS, read as read_ice_servers,
};
pub use ids::{
    ChannelKey, ChannelName, LinkId, MAX_CHANNEL_UNITS, MAX_PEER_ID_UNITS, NameError, OpId, PeerId,
    RemoteKey, RemoteStreamKey, RemoteTrackKey, SocketId, StreamKey, TokenId, TrackKey,
};
pub use link::{
    ANSWER_TIMEOUT, Description, DescriptionKind, ErrorInfo, IceCandidate, IceState, Labelled,
    MAX_TRACK_METADATA, MediaKind, Path, Quality, RESTART_DELAYS, RemoteEvent, RemoteState, RemoteStream,
    RemoteTrack, RtcCommand, RtcFailure, RtcInput, RtcState, Stats, TransportPolicy, Unreachable,
};
pub use options::{Credential, PeerOptions, ReconnectOptions, ServerUrl, SignallingOptions};
pub use output::{LogLevel, Outcome, Output};
pub use peerhall_proto::code::{CloseCode, ErrorCode};
pub use peerhall_proto::json::{Json, JsonKind};
pub use room::{
    DataKind, JoinOptions, LocalTrack, MAX_REMOTES, Peer, PeerEvent, PeerState, RECONCILE_RETRIES,
    RECONCILE_TIMEOUT, RemoteInfo,
};
#[cfg(feature = "labelled")]
pub use room::{MAX_SHARES, ShareChange, SharedTrack};
pub use secret::{Secret, scrub};
pub use signalling::{
    ACK_TIMEOUT, CLOSE_TIMEOUT, Connected, MAX_INBOUND_UNITS, Member, REPLAY_DELAY, REPLAY_RETRIES,
    Signalling, SignallingEvent, SignallingState, SubscribeOptions, WELCOME_TIMEOUT,
};
pub use time::Time;
