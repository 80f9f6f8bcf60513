//! Names from outside, checked where they are made, and numbers that core and driver use to speak of
//! the same thing.
//!
//! The rules are those of the clients (sdk-behaviour, section 3.6), which are wider than those of
//! our server: lengths count UTF-16 code units, and a peer id may hold any character but controls.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use peerhall_proto::ids::is_reserved;

/// Longest channel name, in UTF-16 code units.
pub const MAX_CHANNEL_UNITS: usize = 256;

/// Longest peer id, in UTF-16 code units.
pub const MAX_PEER_ID_UNITS: usize = 128;

/// Why a text names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("a {what} cannot be empty")]
    Empty {
        /// What it should have named.
        what: &'static str,
    },
    /// The text is too long.
    #[error("a {what} may have {max} characters, this one has {units}")]
    TooLong {
        /// What it should have named.
        what: &'static str,
        /// Length in UTF-16 code units.
        units: usize,
        /// Largest length.
        max: usize,
    },
    /// The text holds a control character (U+0000–001F, U+007F, U+0080–009F).
    #[error("a {what} cannot hold control characters")]
    ControlCharacter {
        /// What it should have named.
        what: &'static str,
    },
}

fn check(what: &'static str, text: &str, max: usize) -> Result<(), NameError> {
    let units = text.encode_utf16().count();
    match units {
        0 => Err(NameError::Empty { what }),
        _ if units > max => Err(NameError::TooLong { what, units, max }),
        _ if text.chars().any(char::is_control) => Err(NameError::ControlCharacter { what }),
        _ => Ok(()),
    }
}

/// Name of a channel: 1 to 256 UTF-16 code units without control characters. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check("channel name", text, MAX_CHANNEL_UNITS)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name belongs to the server (`_metered/`, `_internal/`, `_system/`, in any letter
    /// case).
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of a peer: 1 to 128 UTF-16 code units without control characters. Cheap to clone.
///
/// Ids are ordered by UTF-16 code units, as JavaScript orders strings: both sides of a pair must
/// agree on who is the polite one (sdk-behaviour, section 6.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerId(Arc<str>);

impl PeerId {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn new(text: &str) -> Result<Self, NameError> {
        check("peer id", text, MAX_PEER_ID_UNITS)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for PeerId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.encode_utf16().cmp(other.0.encode_utf16())
    }
}

impl PartialOrd for PeerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares a number that names one thing for as long as an engine lives.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);
    };
}

number!(
    /// A request to an engine that is answered later, by [`Output::Done`](crate::Output::Done).
    OpId
);
number!(
    /// One WebSocket, from the wish to open it to its end. Chosen by the engine.
    SocketId
);
number!(
    /// One question to the token provider. Chosen by the engine.
    TokenId
);
number!(
    /// One `RemotePeer`, which lives across reconnects. Chosen by the engine.
    RemoteKey
);
number!(
    /// One peer connection; a remote peer gets a new one at each reset. Chosen by the engine.
    LinkId
);
number!(
    /// A local track. Chosen by the driver: the same track has the same key as long as it is attached.
    TrackKey
);
number!(
    /// A local stream. Chosen by the driver.
    StreamKey
);
number!(
    /// A track that a remote peer sends. Chosen by the driver.
    RemoteTrackKey
);
number!(
    /// A stream object of a remote peer. Chosen by the driver.
    RemoteStreamKey
);
number!(
    /// A data channel. Chosen by the driver.
    ChannelKey
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_utf16_code_units() {
        assert!(ChannelName::new(&"𝄞".repeat(128)).is_ok());
        assert_eq!(
            ChannelName::new(&"𝄞".repeat(129)),
            Err(NameError::TooLong { what: "channel name", units: 258, max: 256 })
        );
        assert!(PeerId::new(&"ü".repeat(128)).is_ok());
        assert!(PeerId::new(&"a".repeat(129)).is_err());
    }

    #[test]
    fn control_characters_and_empty_texts_name_nothing() {
        for text in ["a\u{0}", "\u{7f}", "\u{9f}x"] {
            assert_eq!(PeerId::new(text), Err(NameError::ControlCharacter { what: "peer id" }));
        }
        assert_eq!(ChannelName::new(""), Err(NameError::Empty { what: "channel name" }));
    }

    #[test]
    fn ids_are_ordered_as_javascript_orders_them() {
        let (clef, private) = (PeerId::new("\u{1d11e}").unwrap(), PeerId::new("\u{ff21}").unwrap());
        assert!(clef < private, "surrogates sort below U+FF21, bytes the other way");
        assert!(PeerId::new("A").unwrap() < PeerId::new("a").unwrap());
    }

    #[test]
    fn r61_reserved_prefixes_are_known_in_any_letter_case() {
        for (name, reserved) in
            [("_metered/x", true), ("_INTERNAL/", true), ("_System/a", true), ("_metered", false)]
        {
            assert_eq!(ChannelName::new(name).unwrap().is_reserved(), reserved, "{name}");
        }
    }
}
