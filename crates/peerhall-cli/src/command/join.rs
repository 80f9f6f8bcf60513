//! `peerhall join`.

mod bot;
mod report;
mod room;

use clap::Args;
use peerhall::{JoinOptions, MeteredPeer};

use super::access::Access;
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
    #[command(flatten)]
    access: Access,
    /// Name in the chat
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
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
        let peer = MeteredPeer::new(self.access.options("join")?)?;
        let events = peer.events();
        let name = self.name.clone().unwrap_or_else(|| if self.bot { "bot" } else { "terminal" }.to_owned());
        let bot = if self.bot { Some(bot::Bot::start(&peer, &name)) } else { None };
        peer.join(&self.channel, JoinOptions::default()).await?;
        room::Room::new(peer, name, bot, report::Report::new(self.json)).run(events).await
    }
}
