//! Tracks: media on its way out and in, as encoded frames.

mod codec;
mod local;
mod remote;

pub(crate) use codec::engine_kind;
pub use codec::{Codec, MediaKind, Sample};
pub(crate) use local::{Delivery, Subscription, token};
pub use local::{LocalTrack, WriteError};
pub use remote::RemoteTrack;
pub(crate) use remote::{Feed, RemoteInfo};

use std::sync::atomic::{AtomicU64, Ordering};

/// One track being sent on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SenderId(u64);

impl SenderId {
    /// One that no other sender of this process has.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
