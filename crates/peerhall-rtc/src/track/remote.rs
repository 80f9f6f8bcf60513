//! Media on its way in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use str0m::media::Mid;
use tokio::sync::Notify;

use super::{MediaKind, Sample};
use crate::wake::{Wake, Work};

/// Most frames that wait to be read: some five seconds of sound in pieces of 20 ms.
const MAX_FRAMES: usize = 256;

/// Most bytes that wait to be read: some ten seconds of video at 6 Mbit/s.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A track of the remote. Clones are the same track and share its frames.
#[derive(Clone)]
pub struct RemoteTrack {
    feed: Arc<Feed>,
}

/// Where the frames of a track go, shared with the connection's task.
#[derive(Debug)]
pub(crate) struct Feed {
    info: RemoteInfo,
    mid: Mid,
    wake: Arc<Wake>,
    queue: Mutex<Queue>,
    readable: Notify,
    lost: AtomicU64,
}

/// What the remote says about a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteInfo {
    pub(crate) track: String,
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    pub(crate) streams: Vec<String>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Sample>,
    bytes: usize,
    ended: bool,
}

impl RemoteTrack {
    /// Its id as the sender signals it; the name of its section when the sender signals none.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.feed.info.track
    }

    /// Name of the section that it travels in.
    #[must_use]
    pub fn mid(&self) -> &str {
        &self.feed.info.mid
    }

    /// Sound or pictures.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        self.feed.info.kind
    }

    /// Streams that it belongs to.
    #[must_use]
    pub fn streams(&self) -> &[String] {
        &self.feed.info.streams
    }

    /// The next frame, or `None` once the remote has removed the track or the connection has ended.
    /// Frames that nobody reads are kept up to 256 or 8 MiB, oldest out first.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&self) -> Option<Sample> {
        loop {
            let readable = self.feed.readable.notified();
            {
                let mut queue = self.feed.queue();
                if let Some(frame) = queue.frames.pop_front() {
                    queue.bytes -= frame.payload.len();
                    if !queue.frames.is_empty() || queue.ended {
                        self.feed.readable.notify_one();
                    }
                    return Some(frame);
                }
                if queue.ended {
                    self.feed.readable.notify_one();
                    return None;
                }
            }
            readable.await;
        }
    }

    /// Asks the sender for a key frame. Does nothing for sound or after the end.
    pub fn request_keyframe(&self) {
        if self.kind() == MediaKind::Video {
            self.feed.wake.ring(Work::KeyFrame(self.feed.mid));
        }
    }

    /// Whether the remote has removed the track or the connection has ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.feed.queue().ended
    }

    /// Frames that were thrown away because nobody read them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.feed.lost.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RemoteTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RemoteInfo { track, mid, kind, .. } = &self.feed.info;
        write!(f, "RemoteTrack({track:?}, section {mid:?}, {kind:?})")
    }
}

impl Feed {
    pub(crate) fn new(info: RemoteInfo, mid: Mid, wake: Arc<Wake>) -> Arc<Self> {
        Arc::new(Self {
            info,
            mid,
            wake,
            queue: Mutex::default(),
            readable: Notify::new(),
            lost: AtomicU64::new(0),
        })
    }

    pub(crate) fn track(self: &Arc<Self>) -> RemoteTrack {
        RemoteTrack { feed: Arc::clone(self) }
    }

    pub(crate) fn info(&self) -> &RemoteInfo {
        &self.info
    }

    /// Whether nobody but the connection holds the track.
    pub(crate) fn is_abandoned(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }

    /// A frame came.
    pub(crate) fn push(&self, frame: Sample) {
        let mut queue = self.queue();
        if queue.ended {
            return;
        }
        queue.bytes += frame.payload.len();
        queue.frames.push_back(frame);
        while queue.frames.len() > MAX_FRAMES || queue.bytes > MAX_BYTES {
            let Some(oldest) = queue.frames.pop_front() else { break };
            queue.bytes -= oldest.payload.len();
            self.lost.fetch_add(1, Ordering::Relaxed);
            if let Some(next) = queue.frames.front_mut() {
                next.contiguous = false;
            }
        }
        drop(queue);
        self.readable.notify_one();
    }

    /// No more frames will come.
    pub(crate) fn end(&self) {
        self.queue().ended = true;
        self.readable.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
