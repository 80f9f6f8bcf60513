//! `peerhall send` and `peerhall receive`: files from one to some, between the two and nobody else.
//!
//! | file | its job |
//! |---|---|
//! | `code.rs` | the link of a code, and the proofs that both know it |
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

use peerhall::labelled::{
    ChannelOptions, Config, Room, RoomEvent, RoomPeer, SendError, SendOptions, Transfer,
};
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
    // What goes through the server is seen by it, and no proof would say so.
    let room = Room::with_config(peer.clone(), Config { fallback: false, ..Config::default() });
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

/// Characters that are not seen, or that turn the direction of those that are (Unicode, UAX #9).
const UNSEEN: [std::ops::RangeInclusive<char>; 4] =
    ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];

/// A text of somebody else that cannot move the cursor, colour the terminal, or look like another.
fn printable(text: &str) -> String {
    let seen = |c: &char| !c.is_control() && !UNSEEN.iter().any(|range| range.contains(c));
    text.chars().filter(seen).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_others_say_moves_no_cursor_and_turns_no_letters() {
        let text = printable("\u{1b}[2J\u{1b}]0;x\u{7}a\u{202e}b\u{200b}c\nd é 日");
        assert_eq!(text, "[2J]0;xabcd é 日");
    }
}
