//! What an operator wants to see of a shard, and the pipe by which the frames of one connection come out
//! of it. The pipe is bounded in frames and bytes, and a shard never waits for it: what finds no room is
//! counted and left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use peerhall_hub::{ConnId, ConnectionFacts, PairFacts, RoomFacts, Survey};
use peerhall_proto::code::CloseCode;
use peerhall_proto::frame::server::Encoded;
use peerhall_proto::ids::AppId;
use tokio::sync::{mpsc, oneshot};

/// Frames that may wait for the viewer.
const WAITING_FRAMES: usize = 512;

/// Bytes of frames that may wait for the viewer.
const WAITING_BYTES: usize = 1024 * 1024;

/// Frames that are shown in one second; nobody reads faster, and each costs the HTTP plane some time.
const FRAMES_PER_SECOND: u32 = 600;

/// One question of the console to one shard.
#[derive(Debug)]
pub(crate) enum Look {
    /// Connections whose peer or channel has a text in it.
    Connections { app: AppId, text: String, limit: usize, reply: oneshot::Sender<Survey<ConnectionFacts>> },
    /// The fullest rooms.
    Rooms { app: AppId, limit: usize, reply: oneshot::Sender<(Survey<RoomFacts>, Vec<PairFacts>)> },
    /// Begin or end to count who talks to whom.
    WatchPairs(bool),
    /// Show the frames of one connection of an app from now on; answers whether there is such a one.
    Tap { app: AppId, conn: ConnId, tap: Tap, reply: oneshot::Sender<bool> },
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// A frame's text. Not for `Debug`: it may hold secrets.
pub(crate) enum FrameText {
    /// A copy of what came.
    Copied(Box<str>),
    /// What goes out, shared with the other receivers.
    Shared(Encoded),
}

impl FrameText {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Copied(text) => text,
            Self::Shared(frame) => frame.as_str(),
        }
    }
}

/// One thing that happened on a connection.
pub(crate) struct Sight {
    /// Wall clock in Unix milliseconds.
    pub(crate) at_ms: i64,
    /// Frames that were left out before this one.
    pub(crate) lost: u64,
    /// What happened.
    pub(crate) what: FrameSeen,
}

/// What happened.
pub(crate) enum FrameSeen {
    /// A text message.
    Text(Direction, FrameText),
    /// A binary message of so many bytes, which the protocol does not have.
    Binary(usize),
    /// The server closes it.
    Closed(CloseCode, &'static str),
}

impl FrameSeen {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(_, text) => text.as_str().len(),
            Self::Binary(_) | Self::Closed(..) => 0,
        }
    }
}

/// The shard's end of the pipe.
#[derive(Debug)]
pub(crate) struct Tap {
    sights: mpsc::Sender<Sight>,
    waiting: Arc<AtomicUsize>,
    lost: u64,
    /// The current second, and what was shown in it.
    second: i64,
    in_second: u32,
}

/// The viewer's end. Dropping it ends the tap.
#[derive(Debug)]
pub(crate) struct TapEnd {
    sights: mpsc::Receiver<Sight>,
    waiting: Arc<AtomicUsize>,
}

impl Tap {
    /// A pipe.
    pub(crate) fn new() -> (Self, TapEnd) {
        let (sender, receiver) = mpsc::channel(WAITING_FRAMES);
        let waiting = Arc::<AtomicUsize>::default();
        let end = TapEnd { sights: receiver, waiting: waiting.clone() };
        (Self { sights: sender, waiting, lost: 0, second: 0, in_second: 0 }, end)
    }

    /// Whether the viewer is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.sights.is_closed()
    }

    /// Shows something, if there is room for it.
    pub(crate) fn show(&mut self, at_ms: i64, what: FrameSeen) {
        let bytes = what.bytes();
        let second = at_ms.div_euclid(1_000);
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second = self.in_second.saturating_add(1);
        if self.in_second > FRAMES_PER_SECOND || self.waiting.load(Relaxed) + bytes > WAITING_BYTES {
            self.lost += 1;
            return;
        }
        self.waiting.fetch_add(bytes, Relaxed);
        match self.sights.try_send(Sight { at_ms, lost: self.lost, what }) {
            Ok(()) => self.lost = 0,
            Err(_) => {
                self.waiting.fetch_sub(bytes, Relaxed);
                self.lost += 1;
            }
        }
    }
}

impl TapEnd {
    /// The next thing that happened; `None` when the connection is over. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Sight> {
        let sight = self.sights.recv().await?;
        self.waiting.fetch_sub(sight.what.bytes(), Relaxed);
        Some(sight)
    }
}

impl std::fmt::Debug for Sight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sight({} bytes)", self.what.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize) -> FrameSeen {
        FrameSeen::Text(Direction::In, FrameText::Copied("x".repeat(bytes).into()))
    }

    fn take(end: &mut TapEnd) -> Option<Sight> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(end.next())
    }

    #[test]
    fn a_pipe_that_nobody_empties_holds_a_mebibyte_and_counts_the_rest() {
        let (mut tap, mut end) = Tap::new();
        for _ in 0..20 {
            tap.show(0, text(100 * 1024));
        }
        tap.show(0, text(0));
        let mut held = Vec::new();
        for _ in 0..11 {
            held.push(take(&mut end).unwrap());
        }
        assert_eq!(held.iter().map(|sight| sight.what.bytes()).sum::<usize>(), 10 * 100 * 1024);
        assert_eq!(held.last().unwrap().lost, 10, "the next one says how many are missing");
        tap.show(0, text(100 * 1024));
        assert_eq!(take(&mut end).unwrap().lost, 0, "what was taken out makes room");
    }

    #[test]
    fn small_frames_are_bounded_in_number_and_a_viewer_that_leaves_is_noticed() {
        let (mut tap, end) = Tap::new();
        for _ in 0..600 {
            tap.show(0, text(1));
        }
        tap.show(0, text(1));
        tap.lost -= 1;
        assert_eq!((tap.lost, end.sights.len()), (88, 512));
        assert!(!tap.is_closed());
        drop(end);
        assert!(tap.is_closed());
    }
}
