//! What an engine wants done, in the order in which it must be done.

use peerhall_proto::code::CloseCode;
use peerhall_proto::json::Json;

use crate::error::{ConnectError, JoinError, ReplaceTrackError, RequestError, SendError};
use crate::ids::{LinkId, OpId, RemoteKey, SocketId, TokenId};
use crate::link::{RemoteEvent, RtcCommand};
use crate::room::PeerEvent;
use crate::secret::Secret;
use crate::signalling::SignallingEvent;

/// One thing that the driver does next. Outputs are carried out in order; an event is shown to the
/// application before the next output is taken, so that what a handler calls comes at its place.
#[derive(Debug)]
pub enum Output<J: Json> {
    /// Ask the token provider; answer with [`Signalling::token`](crate::Signalling::token).
    ResolveToken(TokenId),
    /// Open a WebSocket. The URL holds the credential.
    OpenSocket {
        /// What the socket is called from now on.
        socket: SocketId,
        /// Where to.
        url: Secret,
    },
    /// Send one text message.
    SendText {
        /// On this socket.
        socket: SocketId,
        /// The frame.
        frame: J,
    },
    /// Close a socket. Its further messages are not wanted; its end still is.
    CloseSocket {
        /// This one.
        socket: SocketId,
        /// With this code.
        code: CloseCode,
        /// And this reason.
        reason: String,
    },
    /// A request has its answer.
    Done(OpId, Outcome),
    /// Something a [`Signalling`](crate::Signalling) client's user may want to know.
    Signalling(SignallingEvent<J>),
    /// Something a [`Peer`](crate::Peer)'s user may want to know.
    Peer(PeerEvent<J>),
    /// Something about one remote peer.
    Remote(RemoteKey, RemoteEvent<J>),
    /// Something to do with a peer connection.
    Rtc(LinkId, RtcCommand),
    /// A line for the log; credentials are masked, payloads are not in it.
    Log(LogLevel, String),
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// `connect`.
    Connect(Result<(), ConnectError>),
    /// `close`.
    Close,
    /// A request of a client: subscribe, unsubscribe, publish, send.
    Request(Result<(), RequestError>),
    /// `join`.
    Join(Result<(), JoinError>),
    /// `send`, `send_to` and a remote peer's `send`.
    Send(Result<(), SendError>),
    /// `replace_track`.
    ReplaceTrack(Result<(), ReplaceTrackError>),
}

/// Weight of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For those who look for something.
    Debug,
    /// Worth knowing.
    Info,
    /// Something was dropped or failed, and goes on.
    Warn,
    /// Something is broken.
    Error,
}
