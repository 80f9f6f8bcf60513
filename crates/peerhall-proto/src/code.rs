//! The two contracts about failure: error codes, which leave the connection open, and close codes,
//! which end it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a request was refused; the connection stays open (wire protocol, section 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// Not JSON, not an object, no string `type`, a bad `requestId`, or a binary message.
    MalformedMessage,
    /// The `type` is not one of the protocol.
    UnknownType,
    /// The channel is missing, not a string, or breaks the rules of a channel name.
    InvalidChannel,
    /// `to` is missing or breaks the rules of a peer id.
    InvalidPeerId,
    /// The channel lies outside the patterns of the connection's scope.
    ChannelNotAuthorized,
    /// The channel belongs to the server.
    ChannelReserved,
    /// The connection holds as many channels as it may.
    ChannelLimitExceeded,
    /// The peer has no live connection anywhere in the cluster.
    PeerNotFound,
    /// `publish` or `send` without `data`.
    MissingData,
    /// The action is not in the connection's scope.
    ActionNotPermitted,
    /// The app has used up its messages of this period.
    OverMessageQuota,
    /// A passing fault while routing; safe to retry.
    BackendError,
    /// Something unforeseen.
    InternalError,
    /// A code that this build does not know yet, kept as it came.
    Other(Box<str>),
}

impl ErrorCode {
    /// Every code that this build knows, in the order of the specification.
    pub const KNOWN: [Self; 13] = [
        Self::MalformedMessage,
        Self::UnknownType,
        Self::InvalidChannel,
        Self::InvalidPeerId,
        Self::ChannelNotAuthorized,
        Self::ChannelReserved,
        Self::ChannelLimitExceeded,
        Self::PeerNotFound,
        Self::MissingData,
        Self::ActionNotPermitted,
        Self::OverMessageQuota,
        Self::BackendError,
        Self::InternalError,
    ];

    /// The code as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::MalformedMessage => "malformed_message",
            Self::UnknownType => "unknown_type",
            Self::InvalidChannel => "invalid_channel",
            Self::InvalidPeerId => "invalid_peer_id",
            Self::ChannelNotAuthorized => "channel_not_authorized",
            Self::ChannelReserved => "channel_reserved",
            Self::ChannelLimitExceeded => "channel_limit_exceeded",
            Self::PeerNotFound => "peer_not_found",
            Self::MissingData => "missing_data",
            Self::ActionNotPermitted => "action_not_permitted",
            Self::OverMessageQuota => "over_message_quota",
            Self::BackendError => "backend_error",
            Self::InternalError => "internal_error",
            Self::Other(code) => code,
        }
    }

    /// Whether the same request may succeed later without the caller changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::OverMessageQuota | Self::BackendError)
    }
}

impl From<&str> for ErrorCode {
    fn from(code: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|known| known.as_str() == code)
            .unwrap_or_else(|| Self::Other(code.into()))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from(&*code))
    }
}

/// What a client does after a close (wire protocol, section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Reconnects with its usual backoff.
    Backoff,
    /// Asks its token provider for a new token and reconnects.
    FreshToken,
    /// Reconnects, but waits at least 30 s once.
    Slowly,
    /// Stops; the application must act.
    Never,
}

/// Number in the close frame that ends a connection (wire protocol, section 8).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// Regular end, asked for by the client (RFC 6455, section 7.4.1).
    pub const NORMAL: Self = Self(1000);
    /// The server stops, or gave the connection up after missing pongs.
    pub const GOING_AWAY: Self = Self(1001);
    /// The bytes break the WebSocket protocol (RFC 6455, section 7.4.1).
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A text message that is not UTF-8.
    pub const BAD_DATA: Self = Self(1007);
    /// Abuse without a better code, and slow consumers.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// An inbound message over the limit.
    pub const TOO_BIG: Self = Self(1009);
    /// A fault of the server.
    pub const SERVER_FAULT: Self = Self(1011);
    /// The client's own watchdog fired; never sent by a server.
    pub const CLIENT_INACTIVITY: Self = Self(4000);
    /// Bad credential at connect, or the key was revoked while connected.
    pub const INVALID_TOKEN: Self = Self(4001);
    /// The token expired, or is about to.
    pub const TOKEN_EXPIRED: Self = Self(4002);
    /// The scope of a live connection no longer covers a channel that it holds.
    pub const CHANNEL_NOT_AUTHORIZED: Self = Self(4003);
    /// The app has as many connections as it may.
    pub const OVER_CONCURRENT_LIMIT: Self = Self(4010);
    /// The connection's token bucket is empty.
    pub const OVER_MESSAGE_RATE: Self = Self(4011);
    /// The app is suspended.
    pub const ACCOUNT_SUSPENDED: Self = Self(4012);
    /// An administrator closed the connections of this peer.
    pub const ADMIN_DISCONNECT: Self = Self(4020);

    /// What a client does after this code. Codes that are not listed count as a passing trouble.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::INVALID_TOKEN
            | Self::CHANNEL_NOT_AUTHORIZED
            | Self::ACCOUNT_SUSPENDED
            | Self::ADMIN_DISCONNECT => Retry::Never,
            Self::TOKEN_EXPIRED => Retry::FreshToken,
            Self::OVER_CONCURRENT_LIMIT => Retry::Slowly,
            _ => Retry::Backoff,
        }
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_newer_than_this_build_survives_a_round_trip() {
        let code: ErrorCode = serde_json::from_str("\"quantum_decay\"").unwrap();
        assert_eq!(code, ErrorCode::Other("quantum_decay".into()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"quantum_decay\"");
    }

    #[test]
    fn every_known_code_reads_back_as_itself() {
        for code in ErrorCode::KNOWN {
            assert_eq!(ErrorCode::from(code.as_str()), code);
        }
    }

    #[test]
    fn only_four_codes_are_terminal_and_two_differ_from_backoff() {
        let never: Vec<u16> = (1000..5000).filter(|c| CloseCode(*c).retry() == Retry::Never).collect();
        assert_eq!(never, [4001, 4003, 4012, 4020]);
        assert_eq!(CloseCode::TOKEN_EXPIRED.retry(), Retry::FreshToken);
        assert_eq!(CloseCode::OVER_CONCURRENT_LIMIT.retry(), Retry::Slowly);
        assert_eq!(CloseCode(4004).retry(), Retry::Backoff);
    }
}
