//! Labels through the remote peer itself.

use std::collections::BTreeMap;

use super::RemotePeer;
use crate::labelled::{Share, ShareError};
use crate::media::LocalStream;

impl RemotePeer {
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
