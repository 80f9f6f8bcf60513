//! From texts and numbers to values that cannot be wrong.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::duration::{format_duration, parse_duration};
use super::error::ConfigError;
use super::raw::{
    RawConfig, RawDrain, RawLimits, RawLiveness, RawLog, RawPresence, RawRest, RawTls, RawTokens,
    RawTurnExternal, variable_of,
};
use super::values::{Hidden, IceUrl, Network, PerSecond};
use super::{Config, Drain, ExternalTurn, Limits, Liveness, Log, Presence, Rest, Tls, Tokens};

pub(super) type Checked<T> = Result<T, ConfigError>;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// URLs in one list; the SDKs ignore a longer one (authentication, section 7).
const MAX_ICE_URLS: usize = 16;

impl Config {
    /// These settings, replaced by those that `raw` has.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] and [`ConfigError::Incomplete`] for the first rule that is broken.
    pub fn with(self, raw: RawConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: listen(raw.listen)?.unwrap_or(self.listen),
            data_dir: path("data_dir", raw.data_dir)?.or(self.data_dir),
            shards: count("shards", raw.shards, 1..=1024)?.and_then(NonZeroUsize::new).or(self.shards),
            trusted_proxies: proxies(raw.trusted_proxies)?.unwrap_or(self.trusted_proxies),
            node_name: word("node_name", raw.node_name)?.or(self.node_name),
            tls: tls(raw.tls)?.or(self.tls),
            limits: self.limits.with(raw.limits)?,
            presence: self.presence.with(raw.presence)?,
            liveness: self.liveness.with(raw.liveness)?,
            drain: self.drain.with(raw.drain)?,
            tokens: self.tokens.with(raw.tokens)?,
            turn: self.turn.with(raw.turn)?,
            turn_external: turn_external(raw.turn_external)?.or(self.turn_external),
            log: self.log.with(raw.log)?,
            rest: self.rest.with(raw.rest)?,
            #[cfg(feature = "testing")]
            duty: self.duty,
        })
    }
}

impl Limits {
    fn with(self, raw: RawLimits) -> Checked<Self> {
        Ok(Self {
            max_message_bytes: count("limits.max_message_bytes", raw.max_message_bytes, 1_024..=900_000)?
                .unwrap_or(self.max_message_bytes),
            max_data_depth: count("limits.max_data_depth", raw.max_data_depth, 0..=10_000)?
                .map_or(self.max_data_depth, NonZeroUsize::new),
            channels_per_connection: count(
                "limits.channels_per_connection",
                raw.channels_per_connection,
                1..=10_000,
            )?
            .and_then(NonZeroUsize::new)
            .unwrap_or(self.channels_per_connection),
            frames_per_second: rate("limits.frames_per_second", raw.frames_per_second)?
                .unwrap_or(self.frames_per_second),
            frame_burst: tally("limits.frame_burst", raw.frame_burst, 1)?
                .and_then(NonZeroU32::new)
                .unwrap_or(self.frame_burst),
            connects_per_minute: tally("limits.connects_per_minute", raw.connects_per_minute, 0)?
                .map_or(self.connects_per_minute, NonZeroU32::new),
            outbox_bytes: count("limits.outbox_bytes", raw.outbox_bytes, 1_000_000..=1 << 30)?
                .unwrap_or(self.outbox_bytes),
            outbox_age: span("limits.outbox_age", raw.outbox_age, millis(100)..=minutes(10))?
                .unwrap_or(self.outbox_age),
            waiting_bytes: count("limits.waiting_bytes", raw.waiting_bytes, 1_000_000..=1 << 40)?
                .unwrap_or(self.waiting_bytes),
            message_timeout: span("limits.message_timeout", raw.message_timeout, millis(100)..=minutes(10))?
                .unwrap_or(self.message_timeout),
            handshake_timeout: span(
                "limits.handshake_timeout",
                raw.handshake_timeout,
                millis(100)..=minutes(5),
            )?
            .unwrap_or(self.handshake_timeout),
            max_connections: count("limits.max_connections", raw.max_connections, 1..=10_000_000)?
                .and_then(NonZeroUsize::new)
                .or(self.max_connections),
        })
    }
}

impl Presence {
    fn with(self, raw: RawPresence) -> Checked<Self> {
        Ok(Self {
            pause: span("presence.pause", raw.pause, millis(0)..=millis(1_000))?.unwrap_or(self.pause),
            linger: span("presence.linger", raw.linger, millis(0)..=minutes(5))?.unwrap_or(self.linger),
        })
    }
}

impl Liveness {
    fn with(self, raw: RawLiveness) -> Checked<Self> {
        let ping_every = span("liveness.ping_every", raw.ping_every, millis(100)..=minutes(10))?;
        let pong_within = span("liveness.pong_within", raw.pong_within, millis(100)..=minutes(5))?;
        Ok(Self {
            ping_every: ping_every.unwrap_or(self.ping_every),
            pong_within: pong_within.unwrap_or(self.pong_within),
        })
    }
}

impl Drain {
    fn with(self, raw: RawDrain) -> Checked<Self> {
        let spread_range = millis(0)..=millis(1_000);
        Ok(Self {
            retry_after: span("drain.retry_after", raw.retry_after, millis(1)..=minutes(5))?
                .unwrap_or(self.retry_after),
            per_connection_spread: span(
                "drain.per_connection_spread",
                raw.per_connection_spread,
                spread_range,
            )?
            .unwrap_or(self.per_connection_spread),
            window_max: span("drain.window_max", raw.window_max, millis(0)..=minutes(10))?
                .unwrap_or(self.window_max),
        })
    }
}

impl Tokens {
    fn with(self, raw: RawTokens) -> Checked<Self> {
        let range = Duration::from_secs(1)..=3_650 * DAY;
        Ok(Self { max_lifetime: span("tokens.max_lifetime", raw.max_lifetime, range)?.or(self.max_lifetime) })
    }
}

impl Log {
    fn with(self, raw: RawLog) -> Checked<Self> {
        Ok(Self {
            level: word("log.level", raw.level)?.unwrap_or(self.level),
            format: word("log.format", raw.format)?.unwrap_or(self.format),
        })
    }
}

impl Rest {
    fn with(self, raw: RawRest) -> Checked<Self> {
        Ok(Self {
            requests_per_second: rate("rest.requests_per_second", raw.requests_per_second)?
                .unwrap_or(self.requests_per_second),
            burst: tally("rest.burst", raw.burst, 1)?.and_then(NonZeroU32::new).unwrap_or(self.burst),
            auth_failures_per_minute: tally(
                "rest.auth_failures_per_minute",
                raw.auth_failures_per_minute,
                0,
            )?
            .map_or(self.auth_failures_per_minute, NonZeroU32::new),
        })
    }
}

fn listen(raw: Option<String>) -> Checked<Option<SocketAddr>> {
    let rule = "it must be an address and a port such as 127.0.0.1:7788 or [::]:443";
    raw.map(|text| text.parse().map_err(|_| invalid("listen", format!("{text:?}"), rule))).transpose()
}

fn proxies(raw: Option<Vec<String>>) -> Checked<Option<Vec<Network>>> {
    raw.map(|entries| entries.into_iter().map(|entry| parsed("trusted_proxies", &entry)).collect())
        .transpose()
}

fn tls(raw: RawTls) -> Checked<Option<Tls>> {
    let (cert_key, key_key) = ("tls.cert_file", "tls.key_file");
    match (path(cert_key, raw.cert_file)?, path(key_key, raw.key_file)?) {
        (Some(cert_file), Some(key_file)) => Ok(Some(Tls { cert_file, key_file })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::Incomplete { present: cert_key, missing: key_key }),
        (None, Some(_)) => Err(ConfigError::Incomplete { present: key_key, missing: cert_key }),
    }
}

fn turn_external(raw: RawTurnExternal) -> Checked<Option<ExternalTurn>> {
    let (urls_key, secret_key) = ("turn_external.urls", "turn_external.secret");
    let lifetime = span("turn_external.lifetime", raw.lifetime, minutes(5)..=30 * DAY)?;
    let urls = raw.urls.map(ice_urls).transpose()?;
    let secret = raw.secret.as_ref().map(relay_secret).transpose()?;
    match (urls, secret) {
        (Some(urls), Some(secret)) => {
            Ok(Some(ExternalTurn { urls, secret, lifetime: lifetime.unwrap_or(DAY) }))
        }
        // A life without a service says nothing, so that the file of the schema can name it.
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::Incomplete { present: urls_key, missing: secret_key }),
        (None, Some(_)) => Err(ConfigError::Incomplete { present: secret_key, missing: urls_key }),
    }
}

fn ice_urls(raw: Vec<String>) -> Checked<Vec<IceUrl>> {
    if raw.is_empty() || raw.len() > MAX_ICE_URLS {
        let rule = format!("it must have 1 to {MAX_ICE_URLS} URLs");
        return Err(invalid("turn_external.urls", format!("a list of {}", raw.len()), &rule));
    }
    raw.iter().map(|url| parsed("turn_external.urls", url)).collect()
}

fn relay_secret(raw: &Hidden) -> Checked<Hidden> {
    let text = raw.expose();
    if (8..=1_024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(raw.clone());
    }
    let rule = "it must have 8 to 1024 printable ASCII characters without spaces";
    Err(invalid("turn_external.secret", "<redacted>".to_owned(), rule))
}

fn path(key: &'static str, raw: Option<String>) -> Checked<Option<PathBuf>> {
    match raw {
        Some(text) if text.is_empty() => Err(invalid(key, "empty".to_owned(), "it must be a path")),
        Some(text) => Ok(Some(text.into())),
        None => Ok(None),
    }
}

/// A value whose type knows its own rule.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(key: &'static str, text: &str) -> Checked<T> {
    text.parse().map_err(|rule: T::Err| invalid(key, format!("{text:?}"), &rule.to_string()))
}

fn word<T: FromStr<Err: std::fmt::Display>>(key: &'static str, raw: Option<String>) -> Checked<Option<T>> {
    raw.map(|text| parsed(key, &text)).transpose()
}

pub(super) fn whole(key: &'static str, raw: Option<u64>, range: RangeInclusive<u64>) -> Checked<Option<u64>> {
    match raw {
        Some(number) if !range.contains(&number) => {
            let rule = format!("it must be from {} to {}", range.start(), range.end());
            Err(invalid(key, number.to_string(), &rule))
        }
        checked => Ok(checked),
    }
}

pub(super) fn count(
    key: &'static str,
    raw: Option<u64>,
    range: RangeInclusive<u64>,
) -> Checked<Option<usize>> {
    // No range of this file goes beyond 32 bits, so nothing is lost.
    Ok(whole(key, raw, range)?.and_then(|number| usize::try_from(number).ok()))
}

/// A number of events, up to a million.
pub(super) fn tally(key: &'static str, raw: Option<u64>, least: u64) -> Checked<Option<u32>> {
    Ok(whole(key, raw, least..=1_000_000)?.and_then(|number| u32::try_from(number).ok()))
}

/// The outer `None`: not given. The inner one: 0, switched off.
fn rate(key: &'static str, raw: Option<f64>) -> Checked<Option<Option<PerSecond>>> {
    match raw {
        None => Ok(None),
        Some(0.0) => Ok(Some(None)),
        Some(number) => match PerSecond::new(number) {
            Some(rate) => Ok(Some(Some(rate))),
            None => {
                let rule = format!("it must be from 0 to {}", PerSecond::MAX);
                Err(invalid(key, number.to_string(), &rule))
            }
        },
    }
}

pub(super) fn span(
    key: &'static str,
    raw: Option<String>,
    range: RangeInclusive<Duration>,
) -> Checked<Option<Duration>> {
    let Some(text) = raw else { return Ok(None) };
    match parse_duration(&text) {
        Ok(length) if range.contains(&length) => Ok(Some(length)),
        Ok(_) => {
            let (least, most) = (format_duration(*range.start()), format_duration(*range.end()));
            Err(invalid(key, text, &format!("it must be from {least} to {most}")))
        }
        Err(rule) => Err(invalid(key, format!("{text:?}"), &rule.to_string())),
    }
}

const fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

pub(super) const fn minutes(number: u64) -> Duration {
    Duration::from_secs(60 * number)
}

pub(super) fn invalid(key: &'static str, value: String, rule: &str) -> ConfigError {
    ConfigError::Invalid { key, variable: variable_of(key), value, rule: rule.to_owned() }
}
