//! `peerhall send` and `peerhall receive`: files from one to some, between the two and nobody else.
//!
//! | file | its job |
//! |---|---|
//! | `code.rs` | the code, its link, and the proofs that both know it |
//! | `batch.rs` | the files that are sent |
//! | `send.rs`, `serve.rs` | the sender, and what it does for one receiver |
//! | `receive.rs`, `take.rs` | the receiver, and what it takes of one sender |
//! | `store.rs` | files that come, parts of them, and which are complete |
//! | `show.rs` | bars for people, lines of JSON for programs |

mod batch;
mod code;
mod receive;
mod send;
mod serve;
mod show;
mod store;
mod take;

pub(super) use receive::Receive;
pub(super) use send::Send;

use std::future::Future;

use peerhall::labelled::{ChannelOptions, Room, RoomEvent, RoomPeer, SendError, SendOptions, Transfer};
use peerhall::{Events, Fingerprints, JoinOptions, MeteredPeer, PeerOptions};
use peerhall_proto::files::{LABEL, Words};

use crate::failure::{Failure, Outcome};

/// Runs one of the two to its end.
fn run(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let outcome = runtime.block_on(work);
    // A disk that hangs holds nobody back who wants to stop.
    runtime.shutdown_background();
    outcome
}

/// A member of the channel, with the label of the files, and its events from the first on.
async fn enter(options: PeerOptions, channel: &str) -> Result<(Room, Events<RoomEvent>), Failure> {
    let peer = MeteredPeer::new(options)?;
    let room = Room::new(peer.clone());
    let events = room.events();
    room.open(LABEL, ChannelOptions::default()).map_err(|error| Failure::Ended(error.to_string()))?;
    peer.join(channel, JoinOptions::default()).await?;
    Ok((room, events))
}

/// Says something to somebody, on the channel of the files.
fn tell(peer: &RoomPeer, words: &Words) -> Result<Transfer, SendError> {
    let text = serde_json::to_value(words).unwrap_or_default();
    peer.send(text, on_label())
}

fn on_label() -> SendOptions {
    SendOptions::default().label(LABEL)
}

/// Between which certificates somebody is connected at this moment.
async fn fingerprints(peer: &RoomPeer) -> Option<Fingerprints> {
    match peer.remote().pc() {
        Some(connection) => connection.fingerprints().await,
        None => None,
    }
}

/// A name that nobody else has.
fn nonce() -> Result<String, Failure> {
    let bits = getrandom::u64().map_err(|error| Failure::NoSecret(error.to_string()))?;
    Ok(format!("{bits:016x}"))
}

/// A text of somebody else that cannot move the cursor or colour the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
