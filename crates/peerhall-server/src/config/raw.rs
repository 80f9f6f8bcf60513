//! The settings as they stand in the file, the environment and the flags: texts and numbers that
//! nobody has checked yet, every one optional.
//!
//! One table defines them all. Its doc comments are what `peerhall config schema` and
//! `docs/configuration.md` print, so neither can say anything else than the code.

use std::path::Path;

use serde::Deserialize;

use super::error::{ConfigError, printable};
use super::values::Hidden;

/// Prefix of every environment variable of Peerhall.
const ENV_PREFIX: &str = "PEERHALL_";

/// What stands in the schema as the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The default, as TOML.
    Default(&'static str),
    /// There is no default; an example, as TOML.
    Unset(&'static str),
}

/// One key of the configuration, as it is shown to people.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Section of the file; empty for keys that stand above all sections.
    pub section: &'static str,
    /// Name of the key within its section.
    pub name: &'static str,
    /// Meaning, one line each.
    pub doc: &'static [&'static str],
    /// Unit or form of the value.
    pub unit: &'static str,
    /// Default or example.
    pub preset: Preset,
}

impl Setting {
    /// The key with its section, as in `limits.frame_burst`.
    #[must_use]
    pub fn key(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The environment variable of the same setting, as in `PEERHALL_LIMITS_FRAME_BURST`.
    #[must_use]
    pub fn variable(&self) -> String {
        variable_of(&self.key())
    }
}

/// The environment variable of a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

/// One section of the file: its name, its meaning, its keys.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Name in brackets; empty for the keys above all sections.
    pub name: &'static str,
    /// Meaning, one line each.
    pub doc: &'static [&'static str],
    /// The keys in their order.
    pub settings: &'static [Setting],
}

/// A value that an environment variable can hold.
trait FromText: Sized {
    /// What a text must look like, as the end of a sentence.
    const RULE: &'static str;

    fn from_text(text: &str) -> Option<Self>;
}

impl FromText for String {
    const RULE: &'static str = "it must be a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromText for Hidden {
    const RULE: &'static str = "it must be a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(Self::new(text.to_owned()))
    }
}

impl FromText for u64 {
    const RULE: &'static str = "it must be a whole number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for f64 {
    const RULE: &'static str = "it must be a number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Vec<String> {
    const RULE: &'static str = "it must be a list separated by commas";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect())
    }
}

/// Defines one section: the struct that serde fills and the table that people read.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:literal as $raw:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $kind:ty, $unit:literal, $preset:expr; )+
        }
        $( with { $($below:ident: $below_raw:ident,)+ } )?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $raw {
            $( $(#[doc = $doc])+ pub $field: Option<$kind>, )+
            $( $(
                #[doc = concat!("Section `", stringify!($below), "`.")]
                pub $below: $below_raw,
            )+ )?
        }

        impl $raw {
            const SECTION: Section = Section {
                name: $name,
                doc: &[$($about),+],
                settings: &[$( Setting {
                    section: $name,
                    name: stringify!($field),
                    doc: &[$($doc),+],
                    unit: $unit,
                    preset: $preset,
                } ),+],
            };

            /// These settings, replaced by those that `over` has.
            #[must_use]
            pub fn overlay(self, over: Self) -> Self {
                Self {
                    $( $field: over.$field.or(self.$field), )+
                    $( $( $below: self.$below.overlay(over.$below), )+ )?
                }
            }

            /// Takes every setting that `read` has a text for.
            fn read_texts(read: &mut dyn FnMut(&str) -> Option<String>) -> Result<Self, ConfigError> {
                Ok(Self {
                    $( $field: text_of(concat!($name, ".", stringify!($field)), read)?, )+
                    $( $( $below: $below_raw::read_texts(read)?, )+ )?
                })
            }
        }
    };
}

fn text_of<T: FromText>(
    key: &'static str,
    read: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Option<T>, ConfigError> {
    // Keys above all sections have an empty section in front of their dot.
    let key = key.trim_start_matches('.');
    let variable = variable_of(key);
    let Some(text) = read(&variable) else { return Ok(None) };
    match T::from_text(&text) {
        Some(value) => Ok(Some(value)),
        // Texts are never refused here, so this is a number and no secret.
        None => {
            Err(ConfigError::Invalid { key, variable, value: format!("{text:?}"), rule: T::RULE.to_owned() })
        }
    }
}

section! {
    /// Where the server listens and where it keeps what must survive a restart.
    "" as RawConfig {
        /// Address and port of the one listener: WebSocket, REST and pages. Port 0 takes a free one.
        listen: String, "address:port", Preset::Default(r#""127.0.0.1:7788""#);
        /// Folder for apps, keys, usage and the audit trail. It is created with mode 0700; `serve` needs it,
        /// `dev` keeps everything in memory.
        data_dir: String, "path", Preset::Unset(r#""/var/lib/peerhall""#);
        /// Threads that carry connections. Unset: one per processor that the process may use.
        shards: u64, "threads, 1 to 1024", Preset::Unset("4");
        /// Addresses or ranges of proxies whose forwarded client address is believed.
        trusted_proxies: Vec<String>, "list of addresses or CIDR ranges", Preset::Default("[]");
        /// Name of this server in logs and among other nodes.
        node_name: String, "1 to 64 characters of [A-Za-z0-9._-]", Preset::Unset(r#""eu-1""#);
    }
    with {
        tls: RawTls,
        limits: RawLimits,
        presence: RawPresence,
        liveness: RawLiveness,
        drain: RawDrain,
        tokens: RawTokens,
        turn: RawTurn,
        turn_external: RawTurnExternal,
        log: RawLog,
        rest: RawRest,
    }
}

section! {
    /// TLS on the listener. Without it the listener speaks plain HTTP, which browsers and SDKs accept
    /// on loopback only; put a proxy with TLS in front otherwise.
    "tls" as RawTls {
        /// Certificate chain, leaf first.
        cert_file: String, "path of a PEM file", Preset::Unset(r#""/etc/peerhall/cert.pem""#);
        /// Private key of the certificate.
        key_file: String, "path of a PEM file", Preset::Unset(r#""/etc/peerhall/key.pem""#);
    }
}

section! {
    /// What one connection, one address and the whole process may use.
    "limits" as RawLimits {
        /// Largest `data` of a message, announced to clients. Frames may be 4096 bytes longer for the envelope.
        max_message_bytes: u64, "bytes of JSON, 1024 to 900000", Preset::Default("65536");
        /// Deepest nesting of arrays and objects in `data`. Deeper values make some receivers fail; 0 switches
        /// the check off.
        max_data_depth: u64, "levels, 0 to 10000", Preset::Default("64");
        /// Channels and patterns that one connection may hold.
        channels_per_connection: u64, "channels, 1 to 10000", Preset::Default("100");
        /// Frames that one connection may send in the long run; more closes it with 4011. 0 switches the
        /// limit off. Video rooms of more than about ten peers need more.
        frames_per_second: f64, "frames per second, 0 to 1000000", Preset::Default("100.0");
        /// Frames that one connection may send at once after a quiet time.
        frame_burst: u64, "frames, 1 to 1000000", Preset::Default("200");
        /// Connection attempts of one source address; more are answered with HTTP 429. 0 switches the limit
        /// off. Loopback is exempt unless it is a trusted proxy.
        connects_per_minute: u64, "attempts per 60 s, 0 to 1000000", Preset::Default("60");
        /// Bytes that may wait for one slow reader; more closes it with 1008.
        outbox_bytes: u64, "bytes, 1000000 to 1073741824", Preset::Default("1048576");
        /// How long a frame may wait for a slow reader before the connection is closed with 1008.
        outbox_age: String, "length of time, 100ms to 10m", Preset::Default(r#""10s""#);
        /// Bytes that may wait for all slow readers together; beyond it whoever does not take its messages
        /// at once is closed with 1008.
        waiting_bytes: u64, "bytes, 1000000 to 1099511627776", Preset::Default("268435456");
        /// How long a client may take over one message in pieces before the connection is closed with 1008.
        message_timeout: String, "length of time, 100ms to 10m", Preset::Default(r#""30s""#);
        /// How long a client may take from connecting to the end of its HTTP request.
        handshake_timeout: String, "length of time, 100ms to 5m", Preset::Default(r#""10s""#);
        /// Connections of the whole process. Unset: as many as the limit on open files allows.
        max_connections: u64, "connections, 1 to 10000000", Preset::Unset("50000");
    }
}

section! {
    /// How members of a channel learn about each other.
    "presence" as RawPresence {
        /// Pause between the acknowledgement of a subscribe and the list of members. SDKs of other vendors
        /// lose a list that comes at once.
        pause: String, "length of time, 0ms to 1s", Preset::Default(r#""20ms""#);
        /// How long a dropped member may return to its place.
        linger: String, "length of time, 0s to 5m", Preset::Default(r#""15s""#);
    }
}

section! {
    /// How dead connections are found.
    "liveness" as RawLiveness {
        /// Time between two WebSocket pings on a connection.
        ping_every: String, "length of time, 100ms to 10m", Preset::Default(r#""30s""#);
        /// How long the pong, or anything else, may take before the connection is dropped.
        pong_within: String, "length of time, 100ms to 5m", Preset::Default(r#""10s""#);
    }
}

section! {
    /// How the server stops.
    "drain" as RawDrain {
        /// What clients are told to wait before they come back.
        retry_after: String, "length of time, 1ms to 5m", Preset::Default(r#""1s""#);
        /// Time added to the closing window by each connection, so that clients do not come back all at once.
        per_connection_spread: String, "length of time, 0ms to 1s", Preset::Default(r#""1ms""#);
        /// Longest closing window, whatever the number of connections.
        window_max: String, "length of time, 0s to 10m", Preset::Default(r#""10s""#);
    }
}

section! {
    /// Rules for tokens beyond those of the protocol.
    "tokens" as RawTokens {
        /// Longest life that a token signed by a backend may still have when it connects. Unset: any.
        max_lifetime: String, "length of time, 1s to 3650d", Preset::Unset(r#""24h""#);
    }
}

section! {
    /// The STUN and TURN service inside the server, whose credentials every welcome brings.
    "turn" as RawTurn {
        /// Addresses and ports to listen on. Empty: off.
        listen: Vec<String>, "list of at most 8 address:port", Preset::Default("[]");
        /// Name or address that clients are told. Unset: the address that is listened on, or the one this
        /// machine goes out with.
        host: String, "name or address", Preset::Unset(r#""turn.example.org""#);
        /// Addresses to relay from, one of each family; behind a NAT that forwards whole addresses the public
        /// one, a slash and the own one. Empty: those that are listened on.
        relay: Vec<String>, "list of addresses", Preset::Default("[]");
        /// Ports to relay from. They must be reachable over UDP.
        ports: String, "first-last, from 1024 on", Preset::Default(r#""49152-65535""#);
        /// Peers that are relayed to although their addresses are private, such as the network of an office.
        /// Whoever may use the relay reaches what listens there over UDP.
        allow_peers: Vec<String>, "list of addresses or CIDR ranges", Preset::Default("[]");
        /// Peers that are never relayed to.
        deny_peers: Vec<String>, "list of addresses or CIDR ranges", Preset::Default("[]");
        /// Relay ports of one peer.
        ports_per_user: u64, "ports, 1 to 1000000", Preset::Default("64");
        /// Relay ports of all peers of one app. 0: as many as there are.
        ports_per_app: u64, "ports, 0 to 1000000", Preset::Default("0");
        /// Relay ports of one thread.
        ports_per_thread: u64, "ports, 1 to 1000000", Preset::Default("4096");
        /// Payload relayed for one peer, both directions together; what is beyond is dropped. 0 switches the
        /// limit off.
        user_bytes_per_second: u64, "bytes per second, 0 to 4294967295", Preset::Default("12500000");
        /// The same for all peers of one app.
        app_bytes_per_second: u64, "bytes per second, 0 to 4294967295", Preset::Default("0");
        /// Life of a credential. It must outlast the calls made with it.
        lifetime: String, "length of time, 5m to 30d", Preset::Default(r#""1d""#);
        /// Threads. Unset: one per processor that the process may use, at most four.
        threads: u64, "threads, 1 to 64", Preset::Unset("2");
    }
}

section! {
    /// A STUN and TURN service of your own, such as coturn, whose credentials every welcome brings.
    "turn_external" as RawTurnExternal {
        /// Its URLs.
        urls: Vec<String>, "1 to 16 URLs: stun:, stuns:, turn: or turns:",
            Preset::Unset(r#"["stun:turn.example.org:3478", "turn:turn.example.org:3478?transport=udp"]"#);
        /// The secret it shares with Peerhall (`static-auth-secret` of coturn).
        secret: Hidden, "8 to 1024 printable ASCII characters", Preset::Unset(r#""a-long-random-text""#);
        /// Life of a credential. It must outlast the calls made with it.
        lifetime: String, "length of time, 5m to 30d", Preset::Default(r#""1d""#);
    }
}

section! {
    /// What is written to standard error.
    "log" as RawLog {
        /// Least important line that is written.
        level: String, "error, warn, info, debug or trace", Preset::Default(r#""info""#);
        /// Form of a line.
        format: String, "text or json", Preset::Default(r#""text""#);
    }
}

section! {
    /// Rates of the REST API; more is answered with HTTP 429.
    "rest" as RawRest {
        /// Requests of one key in the long run. 0 switches the limit off.
        requests_per_second: f64, "requests per second, 0 to 1000000", Preset::Default("100.0");
        /// Requests of one key at once after a quiet time.
        burst: u64, "requests, 1 to 1000000", Preset::Default("200");
        /// Failed authentications of one address. 0 switches the limit off.
        auth_failures_per_minute: u64, "attempts per minute, 0 to 1000000", Preset::Default("20");
    }
}

/// Every section in the order of the file.
pub const SECTIONS: [Section; 11] = [
    RawConfig::SECTION,
    RawTls::SECTION,
    RawLimits::SECTION,
    RawPresence::SECTION,
    RawLiveness::SECTION,
    RawDrain::SECTION,
    RawTokens::SECTION,
    RawTurn::SECTION,
    RawTurnExternal::SECTION,
    RawLog::SECTION,
    RawRest::SECTION,
];

impl RawConfig {
    /// Reads a TOML file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Unreadable`], and [`ConfigError::Syntax`] as for [`parse`](Self::parse).
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Syntax`] when the text is no TOML, or has an unknown key or a value of the wrong
    /// type.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            ConfigError::Syntax {
                line: before.matches('\n').count() + 1,
                // `Display` of the error would add the offending line, which may hold a secret.
                problem: printable(&error.message().trim().replace('\n', ", ")),
            }
        })
    }

    /// Reads the environment: `PEERHALL_`, the section and the key in capitals, as in
    /// `PEERHALL_LIMITS_FRAME_BURST`. Lists are separated by commas. An empty variable counts as not set.
    ///
    /// # Errors
    ///
    /// - [`ConfigError::Invalid`] when a number is none.
    /// - [`ConfigError::UnknownVariable`] for a variable that starts like a section and is no key of it.
    pub fn from_env(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut variables: std::collections::BTreeMap<String, String> = variables
            .into_iter()
            .filter(|(name, text)| name.starts_with(ENV_PREFIX) && !text.is_empty())
            .collect();
        let raw = Self::read_texts(&mut |name| variables.remove(name))?;
        match variables.into_keys().find(|name| starts_like_a_section(name)) {
            Some(name) => Err(ConfigError::UnknownVariable { name: printable(&name) }),
            None => Ok(raw),
        }
    }
}

/// Variables outside every section are left alone: other tools of the project have their own.
fn starts_like_a_section(name: &str) -> bool {
    let named = SECTIONS.iter().filter(|section| !section.name.is_empty());
    named.map(|section| variable_of(&format!("{}.", section.name))).any(|prefix| name.starts_with(&prefix))
}
