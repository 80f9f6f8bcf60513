//! The configuration: one TOML file, then environment variables, then flags, later ones winning.
//!
//! [`raw::RawConfig`] is what people wrote; [`Config`] is what the server uses, and holds nothing that
//! still has to be checked. The table of [`raw`] is the one home of every key, and [`schema`] prints it.

mod check;
mod duration;
mod error;
pub mod raw;
pub mod schema;
mod turn;
mod values;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use peerhall_proto::limits::{MAX_CHANNELS_PER_CONNECTION, MAX_DATA_DEPTH, MAX_MESSAGE_BYTES};

pub use duration::{DurationError, format_duration, parse_duration};
pub use error::ConfigError;
pub use raw::RawConfig;
pub use turn::{Turn, WhenTaken};
pub use values::{
    Hidden, IceUrl, IceUrlError, LogFormat, LogFormatError, LogLevel, LogLevelError, Network, NetworkError,
    NodeName, NodeNameError, PerSecond,
};

/// Port that Peerhall takes when none is asked for.
pub const DEFAULT_PORT: u16 = 7788;

/// Port of STUN and TURN (RFC 8489 section 18.6).
pub const DEFAULT_TURN_PORT: u16 = 3478;

/// Everything that can be set. [`Default`] is the recommended production setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Address of the one listener. Default `127.0.0.1:7788`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the store. Default none.
    pub data_dir: Option<PathBuf>,
    /// Threads that carry connections. Default none: one per processor that the process may use.
    pub shards: Option<NonZeroUsize>,
    /// Proxies whose forwarded client address is believed. Default none.
    pub trusted_proxies: Vec<Network>,
    /// Name of this server in logs and among other nodes. Default none.
    pub node_name: Option<NodeName>,
    /// TLS on the listener. Default none: plain HTTP.
    pub tls: Option<Tls>,
    /// What one connection, one address and the process may use.
    pub limits: Limits,
    /// How members of a channel learn about each other.
    pub presence: Presence,
    /// How dead connections are found.
    pub liveness: Liveness,
    /// How the server stops.
    pub drain: Drain,
    /// Rules for tokens beyond those of the protocol.
    pub tokens: Tokens,
    /// The STUN and TURN service inside this process. Default off.
    pub turn: Turn,
    /// A STUN and TURN service outside this process. Default none.
    pub turn_external: Option<ExternalTurn>,
    /// What is written to standard error.
    pub log: Log,
    /// Rates of the REST API.
    pub rest: Rest,
    /// What becomes of clients' messages. Not in the configuration file: for conformance suites.
    #[cfg(feature = "testing")]
    pub duty: Duty,
}

/// What a server does with the messages of its clients. Framing, admission, bounds and the way a
/// connection ends are the same for both.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duty {
    /// It serves the protocol.
    #[default]
    Serve,
    /// It sends each text and binary message back, and says nothing on its own but pings and closes.
    Echo,
}

impl Config {
    /// The setting of `peerhall dev`: the defaults, with a log that leaves the terminal to what the
    /// command prints.
    #[must_use]
    pub fn dev() -> Self {
        let log = Log { level: LogLevel::Warn, ..Log::default() };
        Self { log, ..Self::default() }
    }

    /// Whether `address` is a proxy whose forwarded client address is believed.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            data_dir: None,
            shards: None,
            trusted_proxies: Vec::new(),
            node_name: None,
            tls: None,
            limits: Limits::default(),
            presence: Presence::default(),
            liveness: Liveness::default(),
            drain: Drain::default(),
            tokens: Tokens::default(),
            turn: Turn::default(),
            turn_external: None,
            log: Log::default(),
            rest: Rest::default(),
            #[cfg(feature = "testing")]
            duty: Duty::Serve,
        }
    }
}

/// Files of the listener's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Certificate chain in PEM form, leaf first.
    pub cert_file: PathBuf,
    /// Private key in PEM form.
    pub key_file: PathBuf,
}

/// What one connection, one address and the whole process may use (wire protocol, sections 12 and 13).
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// `welcome.maxMessageSize`: largest `data`, in bytes of JSON, 1,024 to 900,000. Default 65,536.
    pub max_message_bytes: usize,
    /// Deepest nesting of arrays and objects in `data`. `None`: not checked. Default 64.
    pub max_data_depth: Option<NonZeroUsize>,
    /// Channels and patterns of one connection. Default 100.
    pub channels_per_connection: NonZeroUsize,
    /// Refill of a connection's frame bucket. `None`: no limit. Default 100 per second.
    pub frames_per_second: Option<PerSecond>,
    /// Capacity of a connection's frame bucket, in frames. Default 200.
    pub frame_burst: NonZeroU32,
    /// Connection attempts of one source address in 60 s. `None`: no limit. Default 60. Loopback is
    /// exempt unless it is a trusted proxy (decision D16).
    pub connects_per_minute: Option<NonZeroU32>,
    /// Bytes that may wait for one reader. At least the largest frame the server sends. Default 1 MiB
    /// (1,048,576).
    pub outbox_bytes: usize,
    /// How long a frame may wait for one reader. Default 10 s.
    pub outbox_age: Duration,
    /// Bytes that may wait for all readers together that do not take them at once; each shard has its
    /// part. Default 256 MiB (268,435,456).
    pub waiting_bytes: usize,
    /// From the first byte of a message that comes in pieces to its last one. Default 30 s.
    pub message_timeout: Duration,
    /// From the connection to the end of its HTTP request. Default 10 s.
    pub handshake_timeout: Duration,
    /// Connections of the whole process. Default none: as many as the descriptor limit allows.
    pub max_connections: Option<NonZeroUsize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: MAX_MESSAGE_BYTES,
            max_data_depth: NonZeroUsize::new(MAX_DATA_DEPTH),
            channels_per_connection: NonZeroUsize::new(MAX_CHANNELS_PER_CONNECTION)
                .unwrap_or(NonZeroUsize::MIN),
            frames_per_second: PerSecond::new(100.0),
            frame_burst: at_least_one(200),
            connects_per_minute: NonZeroU32::new(60),
            outbox_bytes: 1 << 20,
            outbox_age: Duration::from_secs(10),
            waiting_bytes: 256 << 20,
            message_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            max_connections: None,
        }
    }
}

/// How members of a channel learn about each other (wire protocol, section 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Between the `ack` of a subscribe and its snapshot, for foreign clients; up to 1 s. Default 20 ms.
    pub pause: Duration,
    /// How long a dropped member is kept as a ghost; up to 5 min. Default 15 s (decision D29).
    pub linger: Duration,
}

impl Default for Presence {
    fn default() -> Self {
        Self { pause: Duration::from_millis(20), linger: Duration::from_secs(15) }
    }
}

/// How dead connections are found (wire protocol, section 14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    /// Between two WebSocket pings, before jitter. Default 30 s.
    pub ping_every: Duration,
    /// From a ping to the drop of a silent connection. Default 10 s.
    pub pong_within: Duration,
}

impl Default for Liveness {
    fn default() -> Self {
        Self { ping_every: Duration::from_secs(30), pong_within: Duration::from_secs(10) }
    }
}

/// How the server stops (wire protocol, section 15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// `going_away.retryAfterMs`, at least 1 ms. Default 1 s.
    pub retry_after: Duration,
    /// What each connection adds to the window over which the closes are spread. Default 1 ms.
    pub per_connection_spread: Duration,
    /// Longest such window. Default 10 s.
    pub window_max: Duration,
}

impl Drain {
    /// The window over which the closes of `connections` are spread.
    #[must_use]
    pub fn window(&self, connections: usize) -> Duration {
        let count = u32::try_from(connections).unwrap_or(u32::MAX);
        self.per_connection_spread.saturating_mul(count).min(self.window_max)
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            retry_after: Duration::from_secs(1),
            per_connection_spread: Duration::from_millis(1),
            window_max: Duration::from_secs(10),
        }
    }
}

/// Rules for tokens beyond those of the protocol (authentication, section 4.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Longest rest of life a self-signed token may have at connect. Default none: any.
    pub max_lifetime: Option<Duration>,
}

/// A STUN and TURN service outside this process (authentication, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTurn {
    /// Its URLs, 1 to 16.
    pub urls: Vec<IceUrl>,
    /// The secret it shares with the server, at least 8 characters.
    pub secret: Hidden,
    /// Life of a credential, before the rule for tokens that live longer. Default 24 h.
    pub lifetime: Duration,
}

/// What is written to standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Least important line that is written. Default info.
    pub level: LogLevel,
    /// Form of a line. Default text.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

/// Rates of the REST API (REST API, section 1.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// Refill of a key's request bucket. `None`: no limit. Default 100 per second.
    pub requests_per_second: Option<PerSecond>,
    /// Capacity of a key's request bucket, in requests. Default 200.
    pub burst: NonZeroU32,
    /// Failed authentications of one address in 60 s. `None`: no limit. Default 20.
    pub auth_failures_per_minute: Option<NonZeroU32>,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            requests_per_second: PerSecond::new(100.0),
            burst: at_least_one(200),
            auth_failures_per_minute: NonZeroU32::new(20),
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests;
