//! Labels through the peer itself.

use std::collections::BTreeMap;

use super::MeteredPeer;
use crate::labelled::{Share, ShareError};
use crate::media::LocalStream;

impl MeteredPeer {
    /// Shares a stream under a label with everybody who is here and who comes, or makes the share of the label
    /// what is given, with the least negotiation: a track of one kind takes another's place without any.
    /// Receivers that know labels see it by its label
    /// ([`RoomPeer::streams`](crate::labelled::RoomPeer::streams)), all others as a stream whose metadata has
    /// the label. Gives the stream, or nothing when it has no tracks.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing has changed then.
    pub fn share(&self, share: impl Into<Share>) -> Result<Option<LocalStream>, ShareError> {
        let share = share.into();
        self.shared.call(|peer, body, now| body.share(peer, now, None, share))
    }

    /// Stops sharing what is shared with everybody under a label; gives it. A bare stream's label is its id.
    pub fn unshare(&self, label: &str) -> Option<LocalStream> {
        self.shared.call(|peer, body, now| body.unshare(peer, now, None, label))
    }

    /// What is shared with everybody, by label.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<String, Share> {
        self.shared.lock().body.shared_with(None)
    }
}
