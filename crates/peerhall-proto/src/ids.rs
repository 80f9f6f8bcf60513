//! Identifiers as types: a value that exists has been checked, and nobody checks it again.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{MAX_CHANNEL_BYTES, MAX_PEER_ID_BYTES, MAX_REQUEST_ID_BYTES};

/// First segments, each followed by `/`, that belong to the server (wire protocol, section 3).
/// Compared without regard to ASCII case.
pub const RESERVED_PREFIXES: [&str; 3] = ["_metered/", "_internal/", "_system/"];

/// Why a text is no channel name or channel pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelNameError {
    /// The text is empty.
    #[error("a channel name cannot be empty")]
    Empty,
    /// The text is longer than 256 bytes of UTF-8.
    #[error("a channel name may have {MAX_CHANNEL_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Length of the text in bytes of UTF-8.
        bytes: usize,
    },
    /// The text holds a control character (U+0000–001F, U+007F, U+0080–009F).
    #[error("a channel name cannot hold control characters")]
    ControlCharacter,
}

/// Checks the rules that channel names and channel patterns share: 1 to 256 bytes of UTF-8 and no
/// control characters (wire protocol, sections 3 and 11.1).
///
/// # Errors
///
/// The first rule that is broken, as [`ChannelNameError`].
pub fn check_channel(raw: &str) -> Result<(), ChannelNameError> {
    match raw.len() {
        0 => Err(ChannelNameError::Empty),
        bytes if bytes > MAX_CHANNEL_BYTES => Err(ChannelNameError::TooLong { bytes }),
        _ if raw.chars().any(char::is_control) => Err(ChannelNameError::ControlCharacter),
        _ => Ok(()),
    }
}

/// Name of a channel: 1 to 256 bytes of UTF-8, no control characters, case-sensitive, not
/// normalised (wire protocol, section 3). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Whether the name belongs to the server: its first segment is one of [`RESERVED_PREFIXES`].
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }

    /// Whether a `subscribe` with this name is a pattern subscription: it holds a `*`
    /// (wire protocol, section 11.3).
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `name` starts with one of [`RESERVED_PREFIXES`], in any letter case.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| {
        name.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    })
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        check_channel(raw)?;
        Ok(Self(raw.into()))
    }
}

/// Why a text is no peer id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerIdError {
    /// The text is empty.
    #[error("a peer id cannot be empty")]
    Empty,
    /// The text is longer than 128 bytes.
    #[error("a peer id may have {MAX_PEER_ID_BYTES} bytes, this one has {bytes}")]
    TooLong {
        /// Length of the text in bytes.
        bytes: usize,
    },
    /// The text holds something outside printable ASCII (0x20–0x7E).
    #[error("a peer id is printable ASCII")]
    NotPrintableAscii,
}

/// Identity of a peer: 1 to 128 bytes of printable ASCII, case-sensitive (wire protocol,
/// section 3). One peer may own several connections. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(Arc<str>);

impl PeerId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A random UUID of version 4 in lower case, made from 16 random bytes: the id of a peer that
    /// came with a publishable key (wire protocol, section 3).
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(random);
        let bits = bits & !(0xf << 76) | (0x4 << 76);
        let bits = bits & !(0x3 << 62) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        let mut text = String::with_capacity(36);
        for (at, digit) in hex.chars().enumerate() {
            if matches!(at, 8 | 12 | 16 | 20) {
                text.push('-');
            }
            text.push(digit);
        }
        Self(text.into())
    }
}

impl FromStr for PeerId {
    type Err = PeerIdError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw.len() {
            0 => Err(PeerIdError::Empty),
            bytes if bytes > MAX_PEER_ID_BYTES => Err(PeerIdError::TooLong { bytes }),
            _ if !raw.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) => {
                Err(PeerIdError::NotPrintableAscii)
            }
            _ => Ok(Self(raw.into())),
        }
    }
}

/// Why a text is no request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 1 to {MAX_REQUEST_ID_BYTES} bytes, this one has {bytes}")]
pub struct RequestIdError {
    /// Length of the text in bytes of UTF-8.
    pub bytes: usize,
}

/// The sender's own mark on a request, repeated in its one answer: 1 to 128 bytes (wire protocol,
/// section 3).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        match raw.len() {
            1..=MAX_REQUEST_ID_BYTES => Ok(Self(raw.into())),
            bytes => Err(RequestIdError { bytes }),
        }
    }
}

/// Why a text is no app id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an app id has 1 to 64 characters of [A-Za-z0-9_-]")]
pub struct AppIdError;

/// Name of an app, the isolation unit: every key belongs to one app, and peers, channels and quotas
/// never cross apps. 1 to 64 characters of `[A-Za-z0-9_-]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(Arc<str>);

impl AppId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = AppIdError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let fits = (1..=64).contains(&raw.len())
            && raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if fits { Ok(Self(raw.into())) } else { Err(AppIdError) }
    }
}

macro_rules! text_id {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                raw.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

text_id!(ChannelName, PeerId, RequestId, AppId);

#[cfg(test)]
mod tests;
