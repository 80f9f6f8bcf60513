//! Which server, and as whom: the options of every command that is a peer.

use std::fmt;

use clap::Args;
use peerhall::{ConfigError, PeerOptions, SignallingOptions, TransportPolicy};

use crate::failure::Failure;

/// Where `peerhall dev` listens.
pub(super) const DEFAULT_URL: &str = "ws://127.0.0.1:7788";

/// Where credentials are set for all commands.
const KEY_VARIABLE: &str = "PEERHALL_KEY";
const TOKEN_VARIABLE: &str = "PEERHALL_TOKEN";

/// Which server, and as whom.
#[derive(Clone, Args)]
pub(super) struct Access {
    /// Server: wss://host[:port], or ws:// on this machine [default: ws://127.0.0.1:7788]
    #[arg(long, value_name = "URL", env = "PEERHALL_URL")]
    pub(super) url: Option<String>,
    /// Publishable key, pk_live_…
    #[arg(long, value_name = "KEY", env = KEY_VARIABLE, hide_env_values = true, conflicts_with = "token")]
    pub(super) key: Option<String>,
    /// Token of a backend
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Allow ws:// to other machines: only where nobody listens on the way
    #[arg(long)]
    pub(super) insecure: bool,
    /// Connect through relays only
    #[arg(long)]
    pub(super) relay: bool,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the credentials.
        f.debug_struct("Access")
            .field("url", &self.url)
            .field("insecure", &self.insecure)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Goes to the server that a link of somebody else names. A credential that is set for another server in
    /// the environment is not shown to this one.
    pub(super) fn follow(&mut self, url: String, key: Option<String>) {
        self.follow_beside(url, key, |name| std::env::var(name).ok());
    }

    fn follow_beside(&mut self, url: String, key: Option<String>, set: impl Fn(&str) -> Option<String>) {
        if url.trim_end_matches('/') != self.url().trim_end_matches('/') {
            for (credential, name) in [(&mut self.key, KEY_VARIABLE), (&mut self.token, TOKEN_VARIABLE)] {
                if credential.is_some() && *credential == set(name) {
                    *credential = None;
                }
            }
        }
        self.url = Some(url);
        // A token of one's own goes before a key that everybody has who has the link.
        if self.token.is_none() && key.is_some() {
            self.key = key;
        }
    }

    /// The server.
    pub(super) fn url(&self) -> &str {
        self.url.as_deref().unwrap_or(DEFAULT_URL)
    }

    /// Options of a peer; `command` is named where they do not fit.
    pub(super) fn options(&self, command: &str) -> Result<PeerOptions, Failure> {
        let usage = |error: ConfigError| Failure::Usage(format!("{error}; see `peerhall {command} --help`"));
        // With `--insecure` the real URL is set afterwards, by the call that allows it.
        let first = if self.insecure { "ws://localhost" } else { self.url() };
        let options = match (&self.key, &self.token) {
            (Some(key), _) => SignallingOptions::with_key(first, key),
            (None, Some(token)) => {
                let token = token.clone();
                SignallingOptions::with_tokens(first, move || {
                    let token = token.clone();
                    async move { Ok(token) }
                })
            }
            (None, None) => {
                let text = "no credential; give --key pk_live_… (`peerhall dev` prints one) or --token";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let mut options = options.map_err(usage)?;
        if self.insecure {
            options = options.insecure_server(self.url()).map_err(usage)?;
        }
        let policy = if self.relay { TransportPolicy::Relay } else { TransportPolicy::All };
        Ok(PeerOptions::from(options).transport_policy(policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(url: &str, key: Option<&str>, token: Option<&str>) -> Access {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Access { url: owned(Some(url)), key: owned(key), token: owned(token), insecure: false, relay: false }
    }

    fn set(name: &str) -> Option<String> {
        Some(if name == TOKEN_VARIABLE { "my token" } else { "my key" }.to_owned())
    }

    #[test]
    fn a_link_to_another_server_is_followed_without_the_credentials_of_the_environment() {
        let link = || "wss://else.example".to_owned();
        let mut with_token = access("wss://mine.example", None, Some("my token"));
        with_token.follow_beside(link(), Some("theirs".to_owned()), set);
        assert_eq!((with_token.token, with_token.key.as_deref()), (None, Some("theirs")));
        let mut with_key = access("wss://mine.example", Some("my key"), None);
        with_key.follow_beside(link(), None, set);
        assert_eq!((with_key.key.as_deref(), with_key.url()), (None, "wss://else.example"));
    }

    #[test]
    fn credentials_for_this_server_and_those_given_by_hand_stay() {
        let mut same = access("wss://mine.example", None, Some("my token"));
        same.follow_beside("wss://mine.example/".to_owned(), Some("theirs".to_owned()), set);
        assert_eq!((same.token.as_deref(), same.key), (Some("my token"), None));
        let mut by_hand = access("wss://mine.example", None, Some("for them"));
        by_hand.follow_beside("wss://else.example".to_owned(), None, set);
        assert_eq!(by_hand.token.as_deref(), Some("for them"));
    }
}
