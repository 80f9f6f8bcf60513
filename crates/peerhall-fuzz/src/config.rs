//! The configuration: a file and an environment of any text.
//!
//! Input: TOML, then after each NUL one variable as `NAME=value`; `PEERHALL_` goes in front of the name.

use std::error::Error;

use peerhall_server::Config;
use peerhall_server::config::RawConfig;

use crate::bytes::Bytes;

/// Stands for the TURN secret, and must not come out anywhere.
const CANARY: &str = "canary-7f3a-of-the-turn-secret";

/// Tries one input.
///
/// # Panics
///
/// When a value that breaks its rule is let through, or a secret comes out in an error.
pub fn run(data: &[u8]) {
    // libFuzzer learns the canary from comparisons; an input that brings it along shows nothing.
    let Some(text) = str::from_utf8(data).ok().filter(|text| !text.contains(CANARY)) else { return };
    let mut input = Bytes(text.as_bytes());
    let part = |bytes| str::from_utf8(bytes).expect("a text cut at NUL");
    let file = part(input.until(0));
    let mut variables = vec![("PEERHALL_TURN_EXTERNAL_SECRET".to_owned(), CANARY.to_owned())];
    while !input.0.is_empty() {
        let variable = part(input.until(0));
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        variables.push((format!("PEERHALL_{name}"), value.to_owned()));
    }
    // The last of two equal names would win, and the canary would be gone.
    variables.retain(|(name, value)| name != "PEERHALL_TURN_EXTERNAL_SECRET" || value == CANARY);
    match read(file, variables) {
        Ok(config) => check(&config),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(CANARY) && !format!("{error:?}").contains(CANARY), "{said}");
            assert!(!said.is_empty() && !said.contains(char::is_control), "{said:?}");
        }
    }
}

fn read(file: &str, variables: Vec<(String, String)>) -> Result<Config, Box<dyn Error>> {
    let raw = RawConfig::parse(file)?.overlay(RawConfig::from_env(variables)?);
    Ok(Config::default().with(raw)?)
}

/// The ranges that `docs/configuration.md` promises.
fn check(config: &Config) {
    let limits = &config.limits;
    assert!((1_024..=900_000).contains(&limits.max_message_bytes));
    assert!(limits.max_data_depth.is_none_or(|depth| depth.get() <= 10_000));
    assert!(limits.channels_per_connection.get() <= 10_000);
    assert!(limits.frames_per_second.is_none_or(|rate| rate.get() > 0.0 && rate.get() <= 1e6));
    assert!(limits.frame_burst.get() <= 1_000_000);
    assert!((1_000_000..=1 << 30).contains(&limits.outbox_bytes));
    assert!((100..=600_000).contains(&limits.outbox_age.as_millis()));
    assert!((1_000_000..=1 << 40).contains(&limits.waiting_bytes));
    assert!((100..=600_000).contains(&limits.message_timeout.as_millis()));
    assert!((100..=300_000).contains(&limits.handshake_timeout.as_millis()));
    assert!(config.presence.pause.as_millis() <= 1_000 && config.presence.linger.as_secs() <= 300);
    assert!((100..=600_000).contains(&config.liveness.ping_every.as_millis()));
    assert!((1..=300_000).contains(&config.drain.retry_after.as_millis()));
    assert!(config.shards.is_none_or(|shards| shards.get() <= 1_024));
    let turn = config.turn_external.as_ref();
    assert!(turn.is_none_or(|turn| (1..=16).contains(&turn.urls.len())));
    assert!(!format!("{config:?}").contains(CANARY), "a secret in Debug");
}
