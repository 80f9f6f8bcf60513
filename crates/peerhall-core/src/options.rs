//! Options that cannot be wrong: values are checked where they are made (sdk-behaviour, sections 3.1
//! and 4.1).

use std::fmt;
use std::time::Duration;

use crate::error::{ConfigError, UrlError};
use crate::secret::Secret;

/// The origin of a server, such as `wss://rtc.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// Reads an origin: `wss://host[:port]`, or `ws://` to `localhost`, `127.0.0.1` and `[::1]`.
    ///
    /// # Errors
    ///
    /// [`UrlError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        Self::read(text, false)
    }

    /// The same, with `ws://` to any machine: for private networks, where nobody listens on the way.
    ///
    /// # Errors
    ///
    /// [`UrlError`] as for [`parse`](Self::parse).
    pub fn parse_insecure(text: &str) -> Result<Self, UrlError> {
        Self::read(text, true)
    }

    fn read(text: &str, allow_clear_text: bool) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once(':').ok_or(UrlError::Unreadable)?;
        let rest = rest.strip_prefix("//").ok_or(UrlError::Unreadable)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "ws" && scheme != "wss" {
            return Err(UrlError::Scheme);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(UrlError::NotAnOrigin);
        }
        if rest.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(rest)?;
        if scheme == "ws" && !allow_clear_text && !matches!(&*host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err(UrlError::ClearText);
        }
        let default = if scheme == "wss" { 443 } else { 80 };
        Ok(Self(match port {
            Some(port) if port != default => format!("{scheme}://{host}:{port}"),
            Some(_) | None => format!("{scheme}://{host}"),
        }))
    }

    /// The origin as text, in lower case and without a default port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Host in lower case, and port.
fn split_port(authority: &str) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(UrlError::Unreadable)?;
            // Whether it is the address of anything is for the platform to find out.
            let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
            if !address.contains(':') || !address.chars().all(is_address) {
                return Err(UrlError::Unreadable);
            }
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(UrlError::Unreadable)?),
            };
            (format!("[{}]", address.to_ascii_lowercase()), port)
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (authority.to_ascii_lowercase(), None),
        },
    };
    let is_name = |c: char| {
        c.is_ascii_alphanumeric() || !c.is_ascii() || matches!(c, '-' | '.' | '_' | '[' | ']' | ':')
    };
    if host.is_empty() || !host.chars().all(is_name) {
        return Err(UrlError::Unreadable);
    }
    let port = match port {
        None | Some("") => None,
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(text.parse().map_err(|_| UrlError::Unreadable)?)
        }
        Some(_) => return Err(UrlError::Unreadable),
    };
    Ok((host, port))
}

/// How a client shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A publishable key, `pk_live_…`.
    ApiKey(Secret),
    /// A token from a provider, asked anew before every connection.
    Token,
}

impl Credential {
    /// A publishable key.
    ///
    /// # Errors
    ///
    /// [`ConfigError::EmptyKey`].
    pub fn api_key(key: &str) -> Result<Self, ConfigError> {
        if key.is_empty() {
            return Err(ConfigError::EmptyKey);
        }
        Ok(Self::ApiKey(Secret::new(key)))
    }
}

/// How a lost connection is made anew: delay `n` is `initial × multiplier^(n-1)`, at most `max`, and
/// then moved by up to `jitter_ratio` of itself either way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReconnectOptions {
    initial_delay: Duration,
    multiplier: f64,
    max_delay: Duration,
    jitter_ratio: f64,
    max_attempts: Option<u32>,
}

impl Default for ReconnectOptions {
    /// 500 ms, × 2, at most 30 s, ± 20 %, 100 attempts (sdk-behaviour, section 1).
    fn default() -> Self {
        Self {
            initial_delay: Duration::from_millis(500),
            multiplier: 2.0,
            max_delay: Duration::from_secs(30),
            jitter_ratio: 0.2,
            max_attempts: Some(100),
        }
    }
}

impl ReconnectOptions {
    /// Delay before the first attempt. Default: 500 ms.
    #[must_use]
    pub fn initial_delay(self, delay: Duration) -> Self {
        Self { initial_delay: delay, ..self }
    }

    /// Largest delay before jitter; it may lie below the initial one. Default: 30 s.
    #[must_use]
    pub fn max_delay(self, delay: Duration) -> Self {
        Self { max_delay: delay, ..self }
    }

    /// Factor from one delay to the next. Default: 2.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Multiplier`] below 1, or not finite.
    pub fn multiplier(self, multiplier: f64) -> Result<Self, ConfigError> {
        if !multiplier.is_finite() || multiplier < 1.0 {
            return Err(ConfigError::Multiplier(multiplier));
        }
        Ok(Self { multiplier, ..self })
    }

    /// Share of a delay that may be added or taken away, 0 to 1. Default: 0.2.
    ///
    /// # Errors
    ///
    /// [`ConfigError::JitterRatio`] outside that range.
    pub fn jitter_ratio(self, ratio: f64) -> Result<Self, ConfigError> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(ConfigError::JitterRatio(ratio));
        }
        Ok(Self { jitter_ratio: ratio, ..self })
    }

    /// Attempts in a row before the client gives up; `None` for no end. Default: 100.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoAttempts`] for 0.
    pub fn max_attempts(self, attempts: Option<u32>) -> Result<Self, ConfigError> {
        if attempts == Some(0) {
            return Err(ConfigError::NoAttempts);
        }
        Ok(Self { max_attempts: attempts, ..self })
    }

    /// Whether attempt `n`, counted from 1, may be made.
    pub(crate) fn allows(&self, attempt: u32) -> bool {
        self.max_attempts.is_none_or(|max| attempt <= max)
    }

    /// The delay before attempt `n`, counted from 1, never below `floor` before jitter; `unit` is
    /// uniform in [-1, 1).
    pub(crate) fn delay(&self, attempt: u32, floor: Duration, unit: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.initial_delay.as_secs_f64() * self.multiplier.powi(exponent);
        let base = grown.min(self.max_delay.as_secs_f64()).max(floor.as_secs_f64());
        let millis = (base * (1.0 + self.jitter_ratio * unit) * 1_000.0).floor().max(0.0);
        // The conversion ends at the largest number there is.
        Duration::from_millis(millis as u64)
    }
}

/// What a [`Signalling`](crate::Signalling) client is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct SignallingOptions {
    pub(crate) urls: Vec<ServerUrl>,
    pub(crate) credential: Credential,
    pub(crate) reconnect: Option<ReconnectOptions>,
    pub(crate) inactivity_timeout: Option<Duration>,
    pub(crate) token_timeout: Duration,
    pub(crate) auto_resubscribe: bool,
    pub(crate) honour_retry_after: bool,
    pub(crate) seed: u64,
}

impl SignallingOptions {
    /// Options for one server, or for several that stand in for each other, tried in turn.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoUrl`] without any.
    pub fn new(urls: Vec<ServerUrl>, credential: Credential) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            return Err(ConfigError::NoUrl);
        }
        Ok(Self {
            urls,
            credential,
            reconnect: Some(ReconnectOptions::default()),
            inactivity_timeout: Some(Duration::from_secs(60)),
            token_timeout: Duration::from_secs(10),
            auto_resubscribe: true,
            honour_retry_after: true,
            seed: 0,
        })
    }

    /// Other servers in place of those given before.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoUrl`] without any.
    pub fn servers(self, urls: Vec<ServerUrl>) -> Result<Self, ConfigError> {
        if urls.is_empty() {
            return Err(ConfigError::NoUrl);
        }
        Ok(Self { urls, ..self })
    }

    /// How a lost connection is made anew; `None`: never. Default: [`ReconnectOptions::default`].
    #[must_use]
    pub fn reconnect(self, reconnect: Option<ReconnectOptions>) -> Self {
        Self { reconnect, ..self }
    }

    /// How long the server may be silent before the connection counts as dead; a third of it is the
    /// interval of keepalives, at least 1 s. `None` or zero: no limit and no keepalives. Default: 60 s.
    #[must_use]
    pub fn inactivity_timeout(self, timeout: Option<Duration>) -> Self {
        Self { inactivity_timeout: timeout.filter(|timeout| !timeout.is_zero()), ..self }
    }

    /// How long the token provider may take. Default: 10 s.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TokenTimeout`] for zero.
    pub fn token_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        if timeout.is_zero() {
            return Err(ConfigError::TokenTimeout);
        }
        Ok(Self { token_timeout: timeout, ..self })
    }

    /// Whether channels are subscribed again after a reconnect. Default: yes.
    #[must_use]
    pub fn auto_resubscribe(self, on: bool) -> Self {
        Self { auto_resubscribe: on, ..self }
    }

    /// Whether a `going_away` frame's `retryAfterMs` is the least delay before the next attempt (at
    /// most 5 minutes). Default: yes.
    #[must_use]
    pub fn honour_retry_after(self, on: bool) -> Self {
        Self { honour_retry_after: on, ..self }
    }

    /// Seed of delays and request ids; drivers draw it from the platform's randomness. Default: 0.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
}

/// What a [`Peer`](crate::Peer) is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerOptions {
    pub(crate) signalling: SignallingOptions,
    pub(crate) linger: Duration,
    pub(crate) reach_timeout: Duration,
    pub(crate) stats_interval: Option<Duration>,
    pub(crate) broadcasts_of_strangers: bool,
}

impl PeerOptions {
    /// Options for a peer on this client.
    ///
    /// # Errors
    ///
    /// [`ConfigError::AutoResubscribe`] when the client would not subscribe again after a reconnect.
    pub fn new(signalling: SignallingOptions) -> Result<Self, ConfigError> {
        if !signalling.auto_resubscribe {
            return Err(ConfigError::AutoResubscribe);
        }
        Ok(Self {
            signalling,
            linger: Duration::from_secs(16),
            reach_timeout: Duration::from_secs(30),
            stats_interval: Some(Duration::from_secs(5)),
            broadcasts_of_strangers: false,
        })
    }

    /// How long a remote peer that lost its connection may stay away before it counts as gone. Default:
    /// 16 s, the server's 15 s (wire protocol, section 9.4) and one for the way.
    #[must_use]
    pub fn linger(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// How long a first connection to a remote peer may take before its `unreachable` event, and how long labelled
    /// data waits for a first or a lost one before it goes through the server. Default: 30 s.
    #[must_use]
    pub fn reach_timeout(self, timeout: Duration) -> Self {
        Self { reach_timeout: timeout, ..self }
    }

    /// How often a connection's quality is measured; `None`: never. Default: 5 s.
    #[must_use]
    pub fn stats_interval(self, interval: Option<Duration>) -> Self {
        Self { stats_interval: interval.filter(|interval| !interval.is_zero()), ..self }
    }

    /// Whether broadcasts of peers that presence has not shown are handed on. The documents say no; the
    /// vendor's code says yes (sdk-behaviour, X9). Default: no.
    #[must_use]
    pub fn broadcasts_of_strangers(self, on: bool) -> Self {
        Self { broadcasts_of_strangers: on, ..self }
    }
}

#[cfg(test)]
mod tests;
