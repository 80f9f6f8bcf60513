//! How handles that live outside the connection's task tell it that there is something to do.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What has something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// The data channel with this key has messages to send, or is to be closed.
    Channel(u64),
    /// The reader of a data channel has made room.
    Room,
    /// The remote track of this section wants a key frame.
    KeyFrame(str0m::media::Mid),
}

/// The bell of one connection. It does not keep the connection alive.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    work: Mutex<HashSet<Work>>,
    bell: Notify,
}

impl Wake {
    /// Leaves work and rings.
    pub(crate) fn ring(&self, work: Work) {
        if self.work.lock().unwrap_or_else(PoisonError::into_inner).insert(work) {
            self.bell.notify_one();
        }
    }

    /// Takes what was left.
    pub(crate) fn take(&self) -> HashSet<Work> {
        std::mem::take(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the bell; a ring with nobody waiting is kept. Cancel safe.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}
