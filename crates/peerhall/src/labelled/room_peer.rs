//! A remote peer with labels.

use std::fmt;
use std::sync::Arc;

use peerhall_labelled::ChannelOptions;
use peerhall_rtc::Channel;

use super::body::PeerShared;
use super::error::SendError;
use super::payload::{Payload, SendOptions};
use super::transfer::Transfer;
use crate::remote_peer::RemotePeer;

/// A remote peer, with the labelled channels to it: the same across lost connections. Cheap to clone.
#[derive(Clone)]
pub struct RoomPeer {
    pub(super) shared: Arc<PeerShared>,
}

impl RoomPeer {
    /// The plain remote peer.
    #[must_use]
    pub fn remote(&self) -> &RemotePeer {
        &self.shared.remote
    }

    /// Its id, as the server knows it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.shared.remote.id()
    }

    /// Opens the channel of a label, or finds the one that the other side opened; it comes back by itself
    /// after a lost connection.
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`], [`SendError::TooManyLabels`] and [`SendError::Closed`].
    pub fn open(&self, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        self.shared.call(|session, now| session.open(now, label, options))
    }

    /// Closes the channel of a label on both sides, for good. What is on its way fails.
    pub fn close(&self, label: &str) {
        self.shared.call(|session, now| session.close(now, label));
    }

    /// Sends a message behind those before it on its label. The channel need not be open yet, but somebody
    /// must have opened its label.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn send(&self, payload: impl Into<Payload>, options: SendOptions) -> Result<Transfer, SendError> {
        let payload = payload.into();
        let (label, info) = options.into_parts();
        let info = payload.info(info);
        self.shared.send(payload, &label, info)
    }

    /// The labels that are open or being opened, by either side.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.shared.labels()
    }

    /// The data channel of a label. On one with a protocol, unordered, or giving messages up, messages are
    /// the application's; on others they belong to the layer.
    #[must_use]
    pub fn channel(&self, label: &str) -> Option<Channel> {
        self.shared.raw(label)
    }
}

impl PartialEq for RoomPeer {
    /// The same remote peer, not merely the same id.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl Eq for RoomPeer {}

impl fmt::Debug for RoomPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomPeer({:?})", self.id())
    }
}
