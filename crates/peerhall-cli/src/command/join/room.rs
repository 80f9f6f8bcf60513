//! The loop of a peer in the terminal: events in, lines out.

use std::io::BufRead;

use peerhall::{Events, MeteredPeer, PeerEvent, RemoteEvent, RemotePeer};
use serde_json::json;
use tokio::sync::mpsc;

use super::bot::Bot;
use super::report::Report;
use crate::failure::{Failure, Outcome};

/// Events of remote peers that may wait to be shown.
const WAITING: usize = 256;

/// A peer in its channel.
pub(super) struct Room {
    peer: MeteredPeer,
    name: String,
    bot: Option<Bot>,
    report: Report,
    remotes: mpsc::Receiver<(RemotePeer, RemoteEvent)>,
    mouth: mpsc::Sender<(RemotePeer, RemoteEvent)>,
}

impl Room {
    pub(super) fn new(peer: MeteredPeer, name: String, bot: Option<Bot>, report: Report) -> Self {
        let (mouth, remotes) = mpsc::channel(WAITING);
        Self { peer, name, bot, report, remotes, mouth }
    }

    pub(super) async fn run(mut self, mut events: Events<PeerEvent>) -> Outcome {
        let mut lines = typed_lines();
        let mut typing = true;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        self.report.peer(&event)?;
                        if let PeerEvent::Left(left) = event {
                            return Err(Failure::Ended(left.reason.unwrap_or_else(|| "no reason given".to_owned())));
                        }
                        self.peer_event(event);
                    }
                    None => return Ok(()),
                },
                Some((remote, event)) = self.remotes.recv() => {
                    self.report.remote(&remote, &event)?;
                    if let (Some(bot), RemoteEvent::DataChannel(channel)) = (&self.bot, event) {
                        bot.echo(channel);
                    }
                }
                line = lines.recv(), if typing => match line {
                    Some(line) if self.typed(line.trim()).await? => return self.leave().await,
                    Some(_) => {}
                    // Input that ends is no wish to leave: `peerhall join … < /dev/null` stays.
                    None => typing = false,
                },
                _ = tokio::signal::ctrl_c() => return self.leave().await,
            }
        }
    }

    fn peer_event(&self, event: PeerEvent) {
        if let (Some(bot), PeerEvent::Data(data)) = (&self.bot, &event) {
            bot.heard(data);
        }
        if let PeerEvent::PeerJoined(remote) = event {
            if let Some(bot) = &self.bot {
                bot.greet(&remote);
            }
            let mouth = self.mouth.clone();
            tokio::spawn(async move {
                let mut events = remote.events();
                while let Some(event) = events.next().await {
                    if mouth.send((remote.clone(), event)).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    /// Does what a line says; tells whether to leave.
    async fn typed(&self, line: &str) -> Result<bool, Failure> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let sent = match word {
            "" => return Ok(false),
            "/quit" => return Ok(true),
            "/who" => {
                self.report.who(&self.peer.remote_peers()).await?;
                return Ok(false);
            }
            "/drop" => {
                self.peer.drop_connection();
                return Ok(false);
            }
            "/to" => {
                let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
                self.peer.send_to(to, json!({"name": self.name, "text": text})).await
            }
            _ if word.starts_with('/')
                && self.bot.is_none()
                && !matches!(word, "/help" | "/relay" | "/direct" | "/file") =>
            {
                self.report.note("/who, /to PEER TEXT, /drop, /quit; everything else goes to everybody")?;
                return Ok(false);
            }
            _ => self.peer.send(json!({"name": self.name, "text": line})).await,
        };
        match sent {
            Ok(()) => Ok(false),
            Err(error) => {
                self.report.note(&format!("not sent: {error}"))?;
                Ok(false)
            }
        }
    }

    async fn leave(self) -> Outcome {
        self.peer.close(Some("left the terminal")).await;
        Ok(())
    }
}

/// Lines of standard input, from a thread: it cannot be waited for in any other way on every system.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
