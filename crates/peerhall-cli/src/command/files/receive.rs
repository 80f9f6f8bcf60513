//! `peerhall receive`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use peerhall::Events;
use peerhall::labelled::{Incoming, Room, RoomEvent, RoomPeer};
use serde_json::json;
use tokio::sync::mpsc;

use super::code::Code;
use super::show::Show;
use super::store::{Journal, Store};
use super::take::{Shared, take_from};
use super::{enter, run};
use crate::command::access::Access;
use crate::failure::{Failure, Outcome};

/// Take files that somebody sends
///
/// CODE is the code or the link that `peerhall send` prints, or the link of a channel in which files are offered to
/// everybody. A link names the server and its key; beside a code, give --url and --key as the sender did. Started
/// again after an interruption it goes on where it was. No file that is there is replaced.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall receive 7k3m-9qxt-2h5w-8vbn --key pk_live_…
  peerhall receive 'https://rtc.example.org/#code=…' --into ~/Downloads
  peerhall receive 'http://127.0.0.1:7788/#channel=lobby' --key pk_live_…
  peerhall receive CODE --json | jq .event            for programs")]
pub(crate) struct Receive {
    /// Code or link of the sender
    #[arg(value_name = "CODE")]
    code: String,
    /// Folder to put files into
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
    #[command(flatten)]
    access: Access,
    /// Print one line of JSON for each event
    #[arg(long)]
    json: bool,
}

impl Receive {
    pub(crate) fn run(self) -> Outcome {
        run(self.receive())
    }

    async fn receive(mut self) -> Outcome {
        let code = Code::parse(&self.code)?;
        // What the link says goes before what is set for other uses.
        if let Some(url) = code.url {
            self.access.follow(url, code.key);
        }
        let options = self.access.options("receive")?;
        let store = Store::open(&self.into)?;
        let journal = Journal::open(&self.into, &code.channel)?;
        let (room, events) = enter(options, &code.channel).await?;
        let show = Show::new(self.json);
        show.say("Waiting for the sender…", || json!({"event": "waiting", "channel": code.channel}))?;
        let shared = Arc::new(Shared::new(code.secret, store, journal, show));
        let outcome = take(&room, events, &shared).await;
        room.peer().close(Some("received")).await;
        let batch = outcome?;
        shared.journal().finish(&batch)?;
        shared.show.say("Everything is here.", || json!({"event": "done"}))
    }
}

/// Takes files of whoever may send them, until all of an offer are here, and names the offer.
async fn take(room: &Room, mut events: Events<RoomEvent>, shared: &Arc<Shared>) -> Result<String, Failure> {
    let mut senders: HashMap<String, mpsc::UnboundedSender<Incoming>> = HashMap::new();
    let (tell_over, mut over) = mpsc::channel(1);
    let ended = || Failure::Ended("the connection to the server is over".to_owned());
    loop {
        tokio::select! {
            message = room.recv() => {
                let message = message.ok_or_else(ended)?;
                let peer = message.from();
                let sender = senders.entry(peer.id().to_owned()).or_insert_with(|| {
                    // Bounded by the credit of the channel.
                    let (sender, messages) = mpsc::unbounded_channel();
                    tokio::spawn(take_from(peer, messages, Arc::clone(shared), tell_over.clone()));
                    sender
                });
                // A task that has ended takes nothing more, and the message is refused by being dropped.
                let _ = sender.send(message);
            }
            event = events.next() => match event.ok_or_else(ended)? {
                // Also after a lost connection, over which nothing was proved yet.
                RoomEvent::Ready(peer) => ask(peer, shared),
                // Somebody may have become ready meanwhile.
                RoomEvent::Lagged(_) => room.remotes().into_iter().for_each(|peer| ask(peer, shared)),
                RoomEvent::PeerLeft(peer) => drop(senders.remove(peer.id())),
                RoomEvent::PeerJoined(_)
                | RoomEvent::NotLabelled(_)
                | RoomEvent::Channel { .. }
                | RoomEvent::Way { .. }
                | RoomEvent::OverQuota(_)
                | RoomEvent::CutOff { .. }
                | _ => {}
            },
            Some(outcome) = over.recv() => return outcome,
            _ = tokio::signal::ctrl_c() => return Err(Failure::GivenUp),
        }
    }
}

/// Asks somebody for the files of the code, if there is one; without a code the offer comes first.
fn ask(peer: RoomPeer, shared: &Arc<Shared>) {
    if shared.secret.is_some() {
        let shared = Arc::clone(shared);
        tokio::spawn(async move { shared.ask(&peer, None).await });
    }
}
