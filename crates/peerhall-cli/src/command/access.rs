//! Which server, and as whom: the options of every command that is a peer.

use clap::Args;
use peerhall::{ConfigError, PeerOptions, SignallingOptions, TransportPolicy};

use crate::failure::Failure;

/// Where `peerhall dev` listens.
pub(super) const DEFAULT_URL: &str = "ws://127.0.0.1:7788";

/// Which server, and as whom.
#[derive(Debug, Clone, Args)]
pub(super) struct Access {
    /// Server: wss://host[:port], or ws:// on this machine [default: ws://127.0.0.1:7788]
    #[arg(long, value_name = "URL", env = "PEERHALL_URL")]
    pub(super) url: Option<String>,
    /// Publishable key, pk_live_…
    #[arg(long, value_name = "KEY", env = "PEERHALL_KEY", hide_env_values = true, conflicts_with = "token")]
    pub(super) key: Option<String>,
    /// Token of a backend
    #[arg(long, value_name = "TOKEN", env = "PEERHALL_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Allow ws:// to other machines: only where nobody listens on the way
    #[arg(long)]
    pub(super) insecure: bool,
    /// Connect through relays only
    #[arg(long)]
    pub(super) relay: bool,
}

impl Access {
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
