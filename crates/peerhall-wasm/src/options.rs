//! What engines are made with. JavaScript's own rules are here (what counts as a number, what turns something
//! off); all others are the core's (sdk-behaviour, sections 3.1 and 4.1).

use std::time::Duration;

use peerhall_core::{
    ConfigError, Credential, Json, JsonKind, ReconnectOptions, ServerUrl, SignallingOptions,
};
#[cfg(feature = "room")]
use peerhall_core::{PeerOptions, TransportPolicy};

use crate::failure;
use crate::value::Value;

/// Reads the options of a client.
///
/// # Errors
///
/// What the constructor throws.
pub(crate) fn signalling(options: &Value) -> Result<SignallingOptions, Value> {
    let made = SignallingOptions::new(urls(options)?, credential(options)?).map_err(refused)?;
    let made = match reconnect(options)? {
        Reconnect::Default => made,
        Reconnect::Never => made.reconnect(None),
        Reconnect::Like(reconnect) => made.reconnect(Some(reconnect)),
    };
    let made = match number(options, "inactivityTimeoutMs")? {
        Some(millis) if millis.is_nan() => return Err(not_a_number("inactivityTimeoutMs")),
        Some(millis) if millis <= 0.0 || millis.is_infinite() => made.inactivity_timeout(None),
        Some(millis) => made.inactivity_timeout(Some(duration("inactivityTimeoutMs", millis)?)),
        None => made,
    };
    let made = match number(options, "tokenProviderTimeoutMs")? {
        Some(millis) => made.token_timeout(duration("tokenProviderTimeoutMs", millis)?).map_err(refused)?,
        None => made,
    };
    let resubscribe = options.member("autoResubscribe").and_then(|value| value.as_bool());
    Ok(made.auto_resubscribe(resubscribe != Some(false)).seed(options.whole("seed")))
}

/// Reads the options of a peer.
///
/// # Errors
///
/// What the constructor throws.
#[cfg(feature = "room")]
pub(crate) fn peer(options: &Value) -> Result<(PeerOptions, TransportPolicy), Value> {
    let mut made = PeerOptions::new(signalling(options)?).map_err(refused)?;
    if let Some(millis) = number(options, "lingerMs")? {
        made = made.linger(duration("lingerMs", millis)?);
    }
    if let Some(millis) = number(options, "reachTimeoutMs")? {
        made = made.reach_timeout(duration("reachTimeoutMs", millis)?);
    }
    if let Some(millis) = number(options, "statsIntervalMs")? {
        let never = millis <= 0.0 || millis.is_infinite();
        made = made.stats_interval(if never { None } else { Some(duration("statsIntervalMs", millis)?) });
    }
    made = made.broadcasts_of_strangers(options.flag("broadcastsOfStrangers"));
    Ok((made, policy(&options.text("iceTransportPolicy"))))
}

/// Over which paths connections may go.
#[cfg(feature = "room")]
pub(crate) fn policy(word: &str) -> TransportPolicy {
    if word == "relay" { TransportPolicy::Relay } else { TransportPolicy::All }
}

fn urls(options: &Value) -> Result<Vec<ServerUrl>, Value> {
    let given = options.member("url").ok_or_else(|| refused(ConfigError::NoUrl))?;
    let given = given.clone().into_items().unwrap_or_else(|| vec![given]);
    let insecure = options.flag("allowInsecure");
    let read = |url: &Value| {
        let text = url.as_text().ok_or_else(|| failure::type_error("the server's URL must be a string"))?;
        let parsed = if insecure { ServerUrl::parse_insecure(&text) } else { ServerUrl::parse(&text) };
        parsed.map_err(|error| refused(ConfigError::Url(error)))
    };
    given.iter().map(read).collect()
}

fn credential(options: &Value) -> Result<Credential, Value> {
    let provides_tokens = options.flag("tokens");
    match options.member("apiKey") {
        Some(_) if provides_tokens => Err(refused(ConfigError::Credential)),
        Some(key) => {
            let key = key.as_text().ok_or_else(|| failure::type_error("the API key must be a string"))?;
            Credential::api_key(&key).map_err(refused)
        }
        None if provides_tokens => Ok(Credential::Token),
        None => Err(refused(ConfigError::Credential)),
    }
}

enum Reconnect {
    Default,
    Never,
    Like(ReconnectOptions),
}

fn reconnect(options: &Value) -> Result<Reconnect, Value> {
    let Some(given) = options.member("reconnect") else { return Ok(Reconnect::Default) };
    if given.as_bool() == Some(false) {
        return Ok(Reconnect::Never);
    }
    let mut made = ReconnectOptions::default();
    if let Some(millis) = number(&given, "initialDelayMs")? {
        made = made.initial_delay(duration("initialDelayMs", millis)?);
    }
    if let Some(millis) = number(&given, "maxDelayMs")? {
        made = made.max_delay(duration("maxDelayMs", millis)?);
    }
    if let Some(multiplier) = number(&given, "multiplier")? {
        made = made.multiplier(multiplier).map_err(refused)?;
    }
    if let Some(ratio) = number(&given, "jitterRatio")? {
        made = made.jitter_ratio(ratio).map_err(refused)?;
    }
    if let Some(attempts) = number(&given, "maxAttempts")? {
        made = made.max_attempts(whole_attempts(attempts)?).map_err(refused)?;
    }
    Ok(Reconnect::Like(made))
}

/// `Infinity` is no end.
fn whole_attempts(attempts: f64) -> Result<Option<u32>, Value> {
    if attempts == f64::INFINITY {
        return Ok(None);
    }
    if attempts.is_nan() || attempts < 1.0 || attempts.trunc() != attempts {
        return Err(failure::type_error("maxAttempts must be a whole number of at least 1, or Infinity"));
    }
    Ok(Some(attempts as u32))
}

fn number(options: &Value, name: &'static str) -> Result<Option<f64>, Value> {
    match options.member(name) {
        None => Ok(None),
        Some(value) => match value.kind() {
            JsonKind::Number => Ok(value.as_number()),
            JsonKind::Null | JsonKind::Bool | JsonKind::String | JsonKind::Array | JsonKind::Object => {
                Err(not_a_number(name))
            }
        },
    }
}

fn duration(name: &str, millis: f64) -> Result<Duration, Value> {
    if millis.is_finite() && millis >= 0.0 {
        return Ok(crate::value::millis(millis));
    }
    Err(failure::type_error(&format!("{name} must be a finite number of milliseconds")))
}

fn not_a_number(name: &str) -> Value {
    failure::type_error(&format!("{name} must be a number"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ConfigError) -> Value {
    failure::config(&error)
}
