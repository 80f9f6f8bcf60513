//! Media on its way out.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::{Notify, mpsc};

use super::{Codec, MediaKind, Sample, SenderId};

/// A source of media: what is written to it goes to every connection that it was added to. Clones
/// are the same source.
#[derive(Clone)]
pub struct LocalTrack {
    id: Arc<str>,
    shared: Arc<Shared>,
}

struct Shared {
    codec: Codec,
    senders: Mutex<Vec<(SenderId, mpsc::Sender<Delivery>)>>,
    keyframe: Notify,
    stopped: AtomicBool,
    stop: Notify,
    dropped: AtomicU64,
}

/// A frame for one sender.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) sender: SenderId,
    pub(crate) codec: Codec,
    pub(crate) time: std::time::Duration,
    /// One copy for all senders.
    pub(crate) payload: Arc<[u8]>,
}

/// A sample was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WriteError {
    /// It is encoded with something else than the track says.
    #[error("the track carries {expected:?} and the sample is {found:?}")]
    OtherCodec {
        /// What the track carries.
        expected: Codec,
        /// What the sample is.
        found: Codec,
    },
    /// Nothing is sent on the track any more.
    #[error("the track was stopped")]
    Stopped,
}

impl LocalTrack {
    /// A source for media of this codec. `id` is what receivers are told in the description's
    /// `msid`; without one it is random. Characters that cannot stand there are left out, and so is
    /// what goes beyond 64 of them.
    #[must_use]
    pub fn new(codec: Codec, id: Option<&str>) -> Self {
        let id = id.map(token).filter(|id| !id.is_empty()).unwrap_or_else(random_id);
        let shared = Shared {
            codec,
            senders: Mutex::default(),
            keyframe: Notify::new(),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
            dropped: AtomicU64::new(0),
        };
        Self { id: id.into(), shared: Arc::new(shared) }
    }

    /// What receivers know it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it carries.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.shared.codec
    }

    /// Sound or pictures.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        self.shared.codec.kind()
    }

    /// Hands a frame to every sender. Never waits: a connection that is behind by as many frames as
    /// it keeps (256) loses this one, which [`dropped`](Self::dropped) counts. Frames
    /// written before a connection is up are lost on it too, as with a camera.
    ///
    /// # Errors
    ///
    /// - [`WriteError::OtherCodec`] when the sample is not of the track's codec.
    /// - [`WriteError::Stopped`] once the track was stopped.
    pub fn write(&self, sample: &Sample) -> Result<(), WriteError> {
        let expected = self.shared.codec;
        if sample.codec != expected {
            return Err(WriteError::OtherCodec { expected, found: sample.codec });
        }
        if self.is_stopped() {
            return Err(WriteError::Stopped);
        }
        let mut senders = self.senders();
        if senders.is_empty() {
            return Ok(());
        }
        let payload: Arc<[u8]> = Arc::from(sample.payload.as_ref());
        senders.retain(|(sender, queue)| {
            let delivery = Delivery {
                sender: *sender,
                codec: sample.codec,
                time: sample.time,
                payload: Arc::clone(&payload),
            };
            match queue.try_send(delivery) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        Ok(())
    }

    /// Frames that a connection was too far behind to take, over all connections.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// How many senders it has.
    #[must_use]
    pub fn sender_count(&self) -> usize {
        self.senders().len()
    }

    /// The same source under another id, which is random: a connection that sends the track already sends this
    /// one too, and receivers tell them apart.
    #[must_use]
    pub fn alias(&self) -> Self {
        Self { id: random_id().into(), shared: Arc::clone(&self.shared) }
    }

    /// Whether what is written to one goes out by the other.
    #[must_use]
    pub fn is_alias_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Ends the source for good, on all connections and under all of its ids: nothing is taken any more, and
    /// whoever writes learns of it. Connections go on knowing the track until it is removed from them.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.stop.notify_waiters();
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::Acquire)
    }

    /// Resolves when the track is stopped, so that who feeds it can let go of a camera or an encoder.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn stopped(&self) {
        let stop = self.shared.stop.notified();
        if !self.is_stopped() {
            stop.await;
        }
    }

    /// Waits until a receiver needs a key frame: one that has just joined, or has lost something.
    /// Requests that come while nobody waits are kept as one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn keyframe_requested(&self) {
        self.shared.keyframe.notified().await;
    }

    pub(crate) fn request_keyframe(&self) {
        self.shared.keyframe.notify_one();
    }

    pub(crate) fn subscribe(&self, sender: SenderId, queue: mpsc::Sender<Delivery>) -> Subscription {
        self.senders().push((sender, queue));
        Subscription { track: self.clone(), sender }
    }

    fn senders(&self) -> MutexGuard<'_, Vec<(SenderId, mpsc::Sender<Delivery>)>> {
        self.shared.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LocalTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalTrack({:?}, {:?})", self.id, self.shared.codec)
    }
}

/// A sender's place on a track; dropping it is leaving.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) track: LocalTrack,
    sender: SenderId,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.track.senders().retain(|(sender, _)| *sender != self.sender);
    }
}

/// What of a name may stand in an `msid` (RFC 8830: 1 to 64 token characters).
pub(crate) fn token(name: &str) -> String {
    name.chars().filter(|c| is_token(*c)).take(64).collect()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~".contains(c)
}

fn random_id() -> String {
    // Not a secret: it only has to differ from those of the same session.
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}
