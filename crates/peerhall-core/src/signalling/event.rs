//! What a client tells its user (sdk-behaviour, section 3.11).

use std::time::Duration;

use peerhall_proto::code::{CloseCode, ErrorCode};
use peerhall_proto::json::Json;

use super::SignallingState;
use crate::ice_servers::IceServer;
use crate::ids::ChannelName;

/// One event of a client.
#[derive(Debug, Clone)]
pub enum SignallingEvent<J: Json> {
    /// A welcome came.
    Connected(Connected<J>),
    /// A socket ended; also once for each attempt that failed.
    Disconnected {
        /// The close code; 1006 when there was none.
        code: CloseCode,
        /// The server's words.
        reason: String,
        /// Whether the client goes on trying.
        will_reconnect: bool,
        /// Status of an upgrade that was refused, where the platform tells.
        http_status: Option<u16>,
    },
    /// The state changed.
    StateChange {
        /// Before.
        from: SignallingState,
        /// Now.
        to: SignallingState,
    },
    /// A broadcast on a channel.
    Message {
        /// The concrete channel.
        channel: String,
        /// The sender, as the server knows it.
        from: String,
        /// The payload.
        data: J,
        /// The sender's `peerMetadata`, for subscribers who asked for it.
        from_metadata: Option<J>,
    },
    /// A message to this peer alone.
    Direct {
        /// The sender, as the server knows it.
        from: String,
        /// The payload.
        data: J,
        /// The sender's `peerMetadata`, when it has any.
        from_metadata: Option<J>,
    },
    /// Who came and who went.
    Presence {
        /// The channel.
        channel: String,
        /// Who came; in a snapshot, everybody who is there.
        joined: Vec<Member<J>>,
        /// Who went.
        left: Vec<Member<J>>,
    },
    /// An error that answers no request of this client.
    ServerError {
        /// The contract.
        code: ErrorCode,
        /// Id of the request, when the frame had one.
        request_id: Option<String>,
        /// The server's words.
        message: Option<String>,
    },
    /// The server stops soon.
    GoingAway {
        /// How long to stay away.
        retry_after: Duration,
    },
    /// Other STUN and TURN servers, before the credentials of the earlier ones end.
    IceServers {
        /// The list.
        ice_servers: Vec<IceServer>,
    },
    /// The token provider failed for the third time in a row, or more often.
    TokenProviderError {
        /// Failures in a row.
        consecutive_failures: u32,
        /// The last failure, credentials masked.
        error: String,
    },
    /// The server refuses a channel for good that was held before a reconnect. It is not asked for any
    /// more.
    SubscriptionLost {
        /// The channel.
        channel: ChannelName,
        /// Why.
        code: ErrorCode,
    },
}

/// A welcome, as the user sees it.
#[derive(Debug, Clone)]
pub struct Connected<J: Json> {
    /// This client's id.
    pub peer_id: String,
    /// The server's clock, in Unix seconds.
    pub server_time: f64,
    /// When the token ends, in Unix seconds; `None` for a publishable key.
    pub expires_at: Option<f64>,
    /// Whether there was a connection before, since `connect`.
    pub is_reconnect: bool,
    /// Largest payload, in bytes of JSON.
    pub max_message_size: usize,
    /// STUN and TURN servers, when the welcome had a valid list.
    pub ice_servers: Option<Vec<IceServer>>,
    /// The token's `metadata` claim, when it is an object.
    pub metadata: Option<J>,
}

/// One peer in a presence frame.
#[derive(Debug, Clone)]
pub struct Member<J: Json> {
    /// The peer.
    pub peer_id: String,
    /// Its `peerMetadata`, when it has any.
    pub metadata: Option<J>,
    /// It lost its connection rather than left, and may be back soon (wire protocol, section 9.4).
    pub dropped: bool,
}
