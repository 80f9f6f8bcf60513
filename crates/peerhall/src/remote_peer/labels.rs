//! Labels through the remote peer itself: the calls of [`labelled`](crate::labelled) on the object that one has anyway.

use std::collections::BTreeMap;

use peerhall_labelled::{ChannelOptions, Config, SendError};

use super::RemotePeer;
use crate::labelled::{Payload, RoomPeer, SendOptions, Share, ShareError, Transfer};
use crate::media::LocalStream;

impl RemotePeer {
    /// The same remote peer with labels; `None` once it has left. Starts the labelled layer as
    /// [`MeteredPeer::labelled`](crate::MeteredPeer::labelled) does.
    #[must_use]
    pub fn labelled(&self) -> Option<RoomPeer> {
        self.shared.upgrade()?.layer(Config::default(), true).peer_of(self)
    }

    /// Opens the channel of a label, or finds the one that the other side opened; it comes back by itself after a
    /// lost connection. See [`MeteredPeer::open_channel`](crate::MeteredPeer::open_channel).
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`], [`SendError::TooManyLabels`], and [`SendError::Closed`] once it has left.
    pub fn open_channel(&self, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        self.labelled().ok_or(SendError::Closed)?.open(label, options)
    }

    /// Closes the channel of a label on both sides, for good. What is on its way fails.
    pub fn close_channel(&self, label: &str) {
        if let Some(peer) = self.labelled() {
            peer.close(label);
        }
    }

    /// Sends a message of any size from peer to peer, behind those before it on its label: with progress, abort,
    /// resume and proof. The channel need not be open yet, but somebody must have opened its label.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing was sent then.
    pub fn transfer(&self, payload: impl Into<Payload>, options: SendOptions) -> Result<Transfer, SendError> {
        self.labelled().ok_or(SendError::Closed)?.send(payload, options)
    }

    /// Shares a stream under a label with this remote peer alone, also over its reconnects; see
    /// [`MeteredPeer::share`](crate::MeteredPeer::share).
    ///
    /// # Errors
    ///
    /// [`ShareError`], of which `RemoteClosed` says that it has left; nothing has changed then.
    pub fn share(&self, share: impl Into<Share>) -> Result<Option<LocalStream>, ShareError> {
        let (share, key) = (share.into(), self.key());
        let shared = self.shared.upgrade().ok_or(ShareError::RemoteClosed)?;
        shared.call(|peer, body, now| body.share(peer, now, Some(key), share))
    }

    /// Stops sharing what is shared with this remote peer alone under a label; gives it.
    pub fn unshare(&self, label: &str) -> Option<LocalStream> {
        let (shared, key) = (self.shared.upgrade()?, self.key());
        shared.call(|peer, body, now| body.unshare(peer, now, Some(key), label))
    }

    /// What is shared with this remote peer alone, by label.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<String, Share> {
        let shared = self.shared.upgrade();
        shared.map(|shared| shared.lock().body.shared_with(Some(self.key()))).unwrap_or_default()
    }

    /// The channel that both are in.
    pub(crate) fn channel(&self) -> Option<String> {
        self.shared.upgrade()?.lock().mind.channel().map(ToString::to_string)
    }
}
