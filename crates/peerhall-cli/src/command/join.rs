//! `peerhall join`.

mod bot;
mod report;
mod room;

use clap::Args;
use peerhall::{ConfigError, JoinOptions, MeteredPeer, PeerOptions, SignallingOptions, TransportPolicy};

use crate::failure::{Failure, Outcome};

/// Be a peer in the terminal: see who is here, chat, watch connections
///
/// Every line that you type goes to everybody in the channel. /who shows who is here and how they are
/// connected, /to PEER TEXT talks to one, /drop cuts the connection to the server to show that it comes
/// back, /quit leaves.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall join room-42 --key pk_live_…                       beside `peerhall dev`
  peerhall join room-42 --url wss://rtc.example.org --token \"$TOKEN\"
  peerhall join room-42 --key pk_live_… --bot                 somebody to talk to
  peerhall join room-42 --key pk_live_… --json | jq .event    for programs")]
pub(crate) struct Join {
    /// Channel to join
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// Server: wss://host[:port], or ws:// on this machine
    #[arg(long, value_name = "URL", env = "PEERHALL_URL", default_value = "ws://127.0.0.1:7788")]
    url: String,
    /// Publishable key, pk_live_…
    #[arg(long, value_name = "KEY", env = "PEERHALL_KEY", hide_env_values = true, conflicts_with = "token")]
    key: Option<String>,
    /// Token of a backend
    #[arg(long, value_name = "TOKEN", env = "PEERHALL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Name in the chat
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Allow ws:// to other machines: only where nobody listens on the way
    #[arg(long)]
    insecure: bool,
    /// Connect through relays only
    #[arg(long)]
    relay: bool,
    /// Greet, echo, send a test picture with the clock in it and a tone; obeys /drop, /relay, /direct, /file and /help
    #[arg(long)]
    bot: bool,
    /// Print one line of JSON for each event
    #[arg(long)]
    json: bool,
}

impl Join {
    pub(super) fn run(self) -> Outcome {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let outcome = runtime.block_on(self.take_part());
        // A thread may still wait for a line of the terminal; nobody needs it.
        runtime.shutdown_background();
        outcome
    }

    async fn take_part(self) -> Outcome {
        let peer = MeteredPeer::new(self.options()?)?;
        let events = peer.events();
        let name = self.name.clone().unwrap_or_else(|| if self.bot { "bot" } else { "terminal" }.to_owned());
        let bot = if self.bot { Some(bot::Bot::start(&peer, &name)) } else { None };
        peer.join(&self.channel, JoinOptions::default()).await?;
        room::Room::new(peer, name, bot, report::Report::new(self.json)).run(events).await
    }

    fn options(&self) -> Result<PeerOptions, Failure> {
        let usage = |error: ConfigError| Failure::Usage(format!("{error}; see `peerhall join --help`"));
        let options = match (&self.key, &self.token) {
            (Some(key), _) => SignallingOptions::with_key(self.first_url(), key),
            (None, Some(token)) => {
                let token = token.clone();
                SignallingOptions::with_tokens(self.first_url(), move || {
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
            options = options.insecure_server(&self.url).map_err(usage)?;
        }
        let policy = if self.relay { TransportPolicy::Relay } else { TransportPolicy::All };
        Ok(PeerOptions::from(options).transport_policy(policy))
    }

    /// With `--insecure` the real URL is set afterwards, by the call that allows it.
    fn first_url(&self) -> &str {
        if self.insecure { "ws://localhost" } else { &self.url }
    }
}
