//! `peerhall send`.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use peerhall::Events;
use peerhall::labelled::{FileCode, Incoming, Kind, Room, RoomEvent, RoomPeer};
use peerhall_proto::files::{LABEL, MAX_WORDS_BYTES, Words};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use super::batch::Batch;
use super::code::{self, Code};
use super::serve::{Unserved, Wish, admit, offer, serve};
use super::show::Show;
use super::{enter, printable, run};
use crate::command::access::Access;
use crate::failure::{Failure, Outcome};
use crate::output::{BOLD, qr_code};

/// Receivers that are served at once; others may ask again.
const AT_ONCE: usize = 64;

/// Receivers that are listened to at once; what each says may have [`MAX_WORDS_BYTES`].
const LISTENING: usize = 16;

/// How long a receiver may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(30);

/// Wishes that may wait.
const WAITING: usize = 64;

/// Send files straight to who gets the code
///
/// Prints a code, a link to the server's page and a QR code of it. `peerhall receive` takes the files by the code or the
/// link, and any browser by the link; they go from this machine to the receiver, encrypted, and the server sees neither
/// them nor their names. A receiver that is interrupted goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  peerhall send film.mp4 --key pk_live_…              beside `peerhall dev`; prints the code and the link
  peerhall send *.jpg --receivers 3                   until three have got everything
  peerhall send notes.pdf --to lobby                  to everybody in a channel who takes it, without a code
  peerhall send film.mp4 --json | jq .event           for programs")]
pub(crate) struct Send {
    /// Files to send
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Offer them to everybody in this channel instead of making a code
    #[arg(long, value_name = "CHANNEL")]
    to: Option<String>,
    /// Stop when so many receivers have got everything; 0 goes on until Ctrl-C
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    receivers: usize,
    #[command(flatten)]
    access: Access,
    /// Print one line of JSON for each event
    #[arg(long)]
    json: bool,
    /// Print no QR code of the link; where no terminal is, there is none anyway
    #[arg(long)]
    no_qr: bool,
}

impl Send {
    pub(crate) fn run(self) -> Outcome {
        run(self.send())
    }

    async fn send(self) -> Outcome {
        let options = self.access.options("send")?;
        let batch = Batch::of(&self.files)?;
        let secret = if self.to.is_some() { None } else { Some(code::generate()?) };
        let channel = self.to.clone().or_else(|| secret.as_ref().map(FileCode::channel)).unwrap_or_default();
        let (room, events) = enter(options, &channel).await?;
        let code = Code {
            url: Some(self.access.url().to_owned()),
            key: self.access.key.clone(),
            channel,
            secret: secret.clone(),
        };
        let show = Show::new(self.json);
        let qr = !self.no_qr && !self.json && std::io::stdout().is_terminal();
        announce(&show, &code, &batch, qr)?;
        let (wishes, asked) = mpsc::channel(WAITING);
        let shared = Arc::new(Shared { batch, secret, show, listening: Semaphore::new(LISTENING) });
        let sender =
            Sender { room: room.clone(), shared, wishes, running: HashMap::new(), served: HashSet::new() };
        let outcome = sender.run(events, asked, self.receivers).await;
        room.peer().close(Some("sent")).await;
        outcome
    }
}

/// Shows the code, and the link to the page that takes it; as a picture too, if `qr` says so.
fn announce(show: &Show, code: &Code, batch: &Batch, qr: bool) -> Outcome {
    let link = code.link().unwrap_or_default();
    let spoken = code.secret.as_ref().map(FileCode::spoken);
    let (size, count) = (batch.bytes(), batch.offered().len());
    let picture = if qr { qr_code(&link).unwrap_or_default() } else { String::new() };
    let text = format!("{}\n{picture}", told(spoken.as_deref(), &link, count, size));
    show.say(&text, || {
        json!({"event": "code", "code": spoken, "link": link, "channel": code.channel, "files": count, "bytes": size})
    })
}

/// How the files are taken, in words.
fn told(spoken: Option<&str>, link: &str, count: usize, bytes: u64) -> String {
    let (plural, them) = if count == 1 { ("", "it") } else { ("s", "them") };
    let size = indicatif::HumanBytes(bytes);
    let take = match spoken {
        Some(code) => format!(
            "with\n\n  {BOLD}peerhall receive {code}{BOLD:#}\n\nand the same --url and --key as here, or by this link"
        ),
        None => "by this link".to_owned(),
    };
    format!(
        "{count} file{plural}, {size}. Take {them} {take},\nin any browser or with `peerhall receive 'LINK'`:\n\n  \
         {BOLD}{link}{BOLD:#}\n"
    )
}

struct Shared {
    batch: Batch,
    secret: Option<FileCode>,
    show: Show,
    /// One for each receiver that may speak at the same time.
    listening: Semaphore,
}

struct Sender {
    room: Room,
    shared: Arc<Shared>,
    wishes: mpsc::Sender<Wish>,
    /// What is being done for a receiver.
    running: HashMap<String, AbortHandle>,
    /// Receivers that have everything.
    served: HashSet<String>,
}

/// How it ended with a receiver.
type Served = (RoomPeer, String, Result<(), Unserved>);

impl Sender {
    async fn run(
        mut self,
        mut events: Events<RoomEvent>,
        mut asked: mpsc::Receiver<Wish>,
        enough: usize,
    ) -> Outcome {
        let mut tasks: JoinSet<Served> = JoinSet::new();
        loop {
            tokio::select! {
                message = self.room.recv() => match message {
                    Some(message) => { tokio::spawn(hear(message, Arc::clone(&self.shared), self.wishes.clone())); }
                    None => return Err(Failure::Ended("the connection to the server is over".to_owned())),
                },
                event = events.next() => match event {
                    Some(event) => self.happens(event)?,
                    None => return Err(Failure::Ended("the connection to the server is over".to_owned())),
                },
                Some(wish) = asked.recv() => self.grant(wish, &mut tasks)?,
                Some(ended) = tasks.join_next() => {
                    // One that was replaced by a later wish of the same receiver has no result.
                    if let Ok(ended) = ended && self.served(ended, enough)? {
                        return Ok(());
                    }
                }
                _ = tokio::signal::ctrl_c() => {
                    return if enough == 0 && !self.served.is_empty() { Ok(()) } else { Err(Failure::GivenUp) };
                }
            }
        }
    }

    fn happens(&self, event: RoomEvent) -> Outcome {
        match event {
            RoomEvent::Ready(peer) => self.offer_openly(peer),
            RoomEvent::NotLabelled(peer) => {
                let id = peer.id();
                self.shared.show.say(
                    &format!("{} cannot take files", printable(id)),
                    || json!({"event": "not-able", "peer": id}),
                )?;
            }
            // Somebody may have become ready meanwhile.
            RoomEvent::Lagged(_) => self.room.remotes().into_iter().for_each(|peer| self.offer_openly(peer)),
            RoomEvent::PeerJoined(_)
            | RoomEvent::PeerLeft(_)
            | RoomEvent::Channel { .. }
            | RoomEvent::Way { .. }
            | RoomEvent::OverQuota(_)
            | RoomEvent::CutOff { .. }
            | _ => {}
        }
        Ok(())
    }

    /// Tells somebody what there is, if there is no code that it would have to know.
    fn offer_openly(&self, peer: RoomPeer) {
        if self.shared.secret.is_some() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Err(error) = offer(&peer, &shared.batch, None).await {
                tracing::debug!(target: "peerhall", "an offer did not arrive: {error}");
            }
        });
    }

    fn grant(&mut self, wish: Wish, tasks: &mut JoinSet<Served>) -> Outcome {
        if self.running.len() >= AT_ONCE && !self.running.contains_key(&wish.receiver) {
            return Ok(());
        }
        let id = wish.peer.id().to_owned();
        self.shared.show.say(
            &format!("{} takes the files", printable(&id)),
            || json!({"event": "receiver", "peer": id}),
        )?;
        let (shared, receiver) = (Arc::clone(&self.shared), wish.receiver.clone());
        let task = tasks.spawn(async move {
            let result = serve(&wish, &shared.batch, shared.secret.as_ref(), &shared.show).await;
            (wish.peer, wish.receiver, result)
        });
        if let Some(before) = self.running.insert(receiver, task) {
            before.abort();
        }
        Ok(())
    }

    /// Tells whether enough receivers have everything.
    fn served(&mut self, (peer, receiver, result): Served, enough: usize) -> Result<bool, Failure> {
        self.running.remove(&receiver);
        match result {
            Ok(()) => {
                self.served.insert(receiver);
                let id = peer.id();
                self.shared.show.say(
                    &format!("{} has everything", printable(id)),
                    || json!({"event": "served", "peer": id}),
                )?;
            }
            Err(Unserved::Fatal(failure)) => return Err(failure),
            Err(error) => error.show(&peer, &self.shared.show)?,
        }
        Ok(enough > 0 && self.served.len() >= enough)
    }
}

/// Reads what somebody says, and passes on what a receiver may wish.
async fn hear(message: Incoming, shared: Arc<Shared>, wishes: mpsc::Sender<Wish>) {
    let most = u64::try_from(MAX_WORDS_BYTES).unwrap_or(u64::MAX);
    let words = message.label() == LABEL && message.kind() == Kind::Json;
    if !words || message.total().is_none_or(|total| total > most) {
        return message.reject("nothing is taken here");
    }
    // What many say at once waits where it costs them their credit and us nothing.
    let Ok(_turn) = shared.listening.acquire().await else { return };
    let peer = message.from();
    let said = tokio::time::timeout(PATIENCE, message.bytes_up_to(MAX_WORDS_BYTES)).await;
    let Ok(Ok(bytes)) = said else { return };
    let answered = match serde_json::from_slice(&bytes) {
        Ok(Words::Ask { proof }) => tell_what_there_is(&peer, proof.as_deref(), &shared).await,
        Ok(Words::Take { batch, receiver, have, proof }) => {
            admit(&peer, proof.as_deref(), shared.secret.as_ref()).await.map(|proved| {
                let have = have.into_iter().collect();
                Some(Wish { peer: peer.clone(), batch, receiver, have, proved })
            })
        }
        Ok(Words::Offer { .. } | Words::Done { .. }) | Err(_) => Ok(None),
    };
    match answered {
        // A sender that has ended grants nothing.
        Ok(Some(wish)) => drop(wishes.send(wish).await),
        Ok(None) => {}
        Err(error) => drop(error.show(&peer, &shared.show)),
    }
}

/// Answers somebody who wants to see what there is before it takes anything.
async fn tell_what_there_is(
    peer: &RoomPeer,
    proof: Option<&str>,
    shared: &Shared,
) -> Result<Option<Wish>, Unserved> {
    let secret = shared.secret.as_ref();
    admit(peer, proof, secret).await?;
    offer(peer, &shared.batch, secret).await.map(|()| None)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn people_are_told_the_code_and_the_link_or_the_link_alone() {
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        let link = "http://127.0.0.1:7788/#code=7k3m-9qxt-2h5w-8vbn";
        let with_code = plain(told(Some("7k3m-9qxt-2h5w-8vbn"), link, 2, 3_000_000));
        let head = "2 files, 2.86 MiB. Take them with\n\n  peerhall receive 7k3m-9qxt-2h5w-8vbn\n\n";
        assert!(with_code.starts_with(head), "{with_code}");
        assert!(with_code.ends_with(&format!("\n\n  {link}\n")), "{with_code}");
        let open = plain(told(None, "http://127.0.0.1:7788/#channel=lobby", 1, 3));
        assert!(open.starts_with("1 file, 3 B. Take it by this link,\nin any browser"), "{open}");
    }
}
