//! How the threads of one node talk: every shard has a mailbox, and whoever holds the exchange can
//! put mail into it.
//!
//! A mailbox has no length limit. What lies in it is presence and key changes, which may not be lost,
//! and messages that a publisher has been told are on their way; it is emptied whole in every turn of
//! its shard, which never waits for a socket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use peerhall_auth::keyring::Keyring;
use peerhall_hub::{Metadata, Note, ShardId, ShardSet};
use peerhall_proto::ids::{AppId, ChannelName, PeerId};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

pub(crate) use self::look::{Direction, FrameSeen, FrameText, Look, Sight, Tap, TapEnd};
use crate::cluster::{Outgoing, ToBridge};

mod look;

/// One thing for a shard to do.
#[derive(Debug)]
pub(crate) enum Mail {
    /// Another shard said something.
    Note { from: ShardId, note: Arc<Note> },
    /// A shard of another node can be reached from now on, or begins again.
    LinkUp(ShardId),
    /// A shard of another node can be reached no more.
    LinkDown(ShardId),
    /// Keys or apps changed.
    Keyring(Arc<Keyring>),
    /// Hand a message of the REST plane to the members on this shard; answers with their number.
    Publish { message: Arc<OutsideMessage>, reply: oneshot::Sender<usize> },
    /// Close the connections of a peer; answers with their number.
    Kick { app: AppId, peer: PeerId, reply: oneshot::Sender<usize> },
    /// List the visible members of a channel on this shard.
    List { app: AppId, channel: ChannelName, reply: oneshot::Sender<Vec<(PeerId, Option<Metadata>)>> },
    /// Somebody looks at the shard through the console.
    Look(Look),
    /// Say goodbye, close everything and end.
    Drain,
    /// End at once, as a crash would.
    Abort,
}

/// A message that was published over REST.
#[derive(Debug)]
pub(crate) struct OutsideMessage {
    pub(crate) app: AppId,
    pub(crate) channel: ChannelName,
    pub(crate) from: PeerId,
    pub(crate) data: Box<RawValue>,
    pub(crate) metadata: Option<Box<RawValue>>,
}

/// Where the mail of one shard waits.
#[derive(Debug)]
struct Mailbox {
    queue: Mutex<Vec<Mail>>,
    filled: AtomicBool,
    waker: mio::Waker,
}

/// The way to other nodes.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) sender: mpsc::Sender<ToBridge>,
    /// How long the REST plane waits for them.
    pub(crate) answer_within: Duration,
}

/// The mailboxes of all shards. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    boxes: Arc<[Mailbox]>,
    /// The way to the shards of other nodes, when there are any.
    bridge: Arc<OnceLock<Way>>,
}

impl Exchange {
    /// An exchange for as many shards as there are wakers.
    pub(crate) fn new(wakers: Vec<mio::Waker>) -> Self {
        let boxes = wakers.into_iter().map(|waker| Mailbox {
            queue: Mutex::default(),
            filled: AtomicBool::new(false),
            waker,
        });
        Self { boxes: boxes.collect(), bridge: Arc::default() }
    }

    /// Opens the way to other nodes; the first one stays.
    pub(crate) fn connect(&self, way: Way) {
        let _ = self.bridge.set(way);
    }

    /// The way to other nodes.
    pub(crate) fn bridge(&self) -> Option<&Way> {
        self.bridge.get()
    }

    /// Number of shards.
    pub(crate) fn shards(&self) -> usize {
        self.boxes.len()
    }

    /// Puts mail into the box of one shard and wakes it.
    pub(crate) fn put(&self, shard: usize, mail: Mail) {
        let Some(mailbox) = self.boxes.get(shard) else { return };
        mailbox.queue.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        if !mailbox.filled.swap(true, Ordering::AcqRel)
            && let Err(error) = mailbox.waker.wake()
        {
            tracing::error!(%error, shard, "cannot wake a shard");
        }
    }

    /// Hands a note to several shards, of this node or of others.
    pub(crate) fn post(&self, from: ShardId, to: ShardSet, note: &Arc<Note>) {
        let mut elsewhere = false;
        for shard in to.iter() {
            if shard.number() < self.shards() {
                self.put(shard.number(), Mail::Note { from, note: note.clone() });
            } else {
                elsewhere = true;
            }
        }
        if elsewhere && let Some(bridge) = self.bridge() {
            // Nobody takes it when the node is ending.
            let _ = bridge.sender.send(ToBridge::Outgoing(Outgoing { from, to, note: note.clone() }));
        }
    }

    /// Puts mail into every box.
    pub(crate) fn put_all(&self, mut mail: impl FnMut() -> Mail) {
        for shard in 0..self.shards() {
            self.put(shard, mail());
        }
    }

    /// Whether mail waits for a shard; costs no lock.
    pub(crate) fn has_mail(&self, shard: ShardId) -> bool {
        self.boxes.get(shard.number()).is_some_and(|mailbox| mailbox.filled.load(Ordering::Acquire))
    }

    /// Takes all mail of a shard, in the order of its arrival.
    pub(crate) fn take(&self, shard: ShardId) -> Vec<Mail> {
        let Some(mailbox) = self.boxes.get(shard.number()) else { return Vec::new() };
        mailbox.filled.store(false, Ordering::Release);
        std::mem::take(&mut *mailbox.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
