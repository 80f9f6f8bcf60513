//! Values of the configuration that are more than a number: checked where they are made.

use std::fmt;
use std::str::FromStr;

pub use peerhall_turn::{Network, NetworkError};

/// The SDKs ignore a whole list of ICE servers that holds a longer URL (authentication, section 7).
const MAX_ICE_URL_CHARACTERS: usize = 512;

/// A rate above nothing, in events per second. A rate of 0 means "no limit" in the file and is
/// `None` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerSecond(f64);

impl PerSecond {
    /// Highest rate that can be asked for.
    pub const MAX: f64 = 1_000_000.0;

    /// A rate above 0 and up to [`MAX`](Self::MAX); anything else, NaN included, is none.
    #[must_use]
    pub fn new(rate: f64) -> Option<Self> {
        (rate > 0.0 && rate <= Self::MAX).then_some(Self(rate))
    }

    /// Events per second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A text is no URL of an ICE server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must start with stun:, stuns:, turn: or turns:, name a host, hold no spaces and have at most {MAX_ICE_URL_CHARACTERS} characters"
)]
pub struct IceUrlError;

/// URL of a STUN or TURN server, as the SDKs accept it (authentication, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceUrl(Box<str>);

impl IceUrl {
    /// Whether the server relays and so wants a user name and a credential: `turn:` or `turns:`.
    #[must_use]
    pub fn is_turn(&self) -> bool {
        self.0.starts_with("turn")
    }

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IceUrl {
    type Err = IceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let host = ["stun:", "stuns:", "turn:", "turns:"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or(IceUrlError)?;
        let fits = !host.is_empty()
            && !host.starts_with([':', '?', '/'])
            && text.len() <= MAX_ICE_URL_CHARACTERS
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(IceUrlError) }
    }
}

/// A text that is kept out of logs and error messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<'de> serde::Deserialize<'de> for Hidden {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The message of a derived implementation would repeat a value of the wrong type.
        String::deserialize(deserializer)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a secret must be a text in quotes"))
    }
}

/// A text is no name of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must have 1 to 64 characters of [A-Za-z0-9._-]")]
pub struct NodeNameError;

/// Name of this server among others and in logs: 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeName(Box<str>);

impl NodeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeName {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.into())) } else { Err(NodeNameError) }
    }
}

/// Least important line that is still logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// Also what may need one.
    Warn,
    /// Also what an operator wants to have seen: start, stop, changes.
    Info,
    /// Also the life of single connections.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const WORDS: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

/// A text is no log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be error, warn, info, debug or trace")]
pub struct LogLevelError;

impl FromStr for LogLevel {
    type Err = LogLevelError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::WORDS.iter().find(|(text, _)| *text == word).map(|(_, level)| *level).ok_or(LogLevelError)
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}

/// A text is no log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be text or json")]
pub struct LogFormatError;

impl FromStr for LogFormat {
    type Err = LogFormatError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogFormatError),
        }
    }
}
