//! Labels through the peer itself: the calls of [`labelled`](crate::labelled) on the object that one has anyway.

use std::collections::BTreeMap;
use std::sync::Arc;

use peerhall_labelled::{ChannelOptions, Config, SendError};

use super::{MeteredPeer, PeerBody};
use crate::driver::Shared;
use crate::labelled::{Broadcast, Incoming, Layer, Payload, Room, SendOptions, Share, ShareError};
use crate::media::LocalStream;

impl MeteredPeer {
    /// The labelled layer over this peer, with its events. This call, or the first of the calls about labelled
    /// channels and transfers here and on [`RemotePeer`](crate::RemotePeer), starts it with the usual limits
    /// unless there is one, and the peer keeps it until it is closed. Must be called on a tokio runtime.
    ///
    /// Call one of them before joining: who is here already learns by another description that this peer
    /// knows labels.
    #[must_use]
    pub fn labelled(&self) -> Room {
        Room::kept(self.clone())
    }

    /// Opens the channel of a label with everybody who is here and who comes. There is one for each label,
    /// whichever side opens it, and it comes back by itself after a lost connection.
    ///
    /// ```no_run
    /// use peerhall::labelled::{ChannelOptions, Payload, SendOptions};
    /// use peerhall::{JoinOptions, MeteredPeer, PeerOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let peer = MeteredPeer::new(PeerOptions::with_key("ws://127.0.0.1:7788", "pk_live_…")?)?;
    /// peer.open_channel("files", ChannelOptions::default())?;
    /// let mut seen = peer.on_peer_joined();
    /// peer.join("room-42", JoinOptions::default()).await?;
    /// let remote = seen.next().await.ok_or("the peer ended")?;
    /// let film = Payload::file("film.mkv").await?;
    /// let receipt = remote.transfer(film, SendOptions::default().label("files"))?.await?;
    /// println!("{} bytes have arrived whole", receipt.bytes);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`] and [`SendError::TooManyLabels`]; with those before, it is open then.
    pub fn open_channel(&self, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        self.labelled().open(label, options)
    }

    /// Closes the channel of a label with everybody.
    pub fn close_channel(&self, label: &str) {
        self.labelled().close(label);
    }

    /// Sends a message that is in memory, of any size, from peer to peer to everybody who is here, with a result
    /// and progress for each. A file is read once for each receiver: see
    /// [`RemotePeer::transfer`](crate::RemotePeer::transfer).
    #[must_use]
    pub fn transfer(&self, payload: impl Into<Payload>, options: &SendOptions) -> Broadcast {
        self.labelled().send(payload, options)
    }

    /// The next message that somebody transfers to this peer; `None` once it is closed. With several who wait,
    /// each message goes to one of them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next_transfer(&self) -> Option<Incoming> {
        self.labelled().recv().await
    }

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

    /// The labelled layer, which is made if there is none.
    pub(crate) fn layer(&self, config: Config, keep: bool) -> Arc<Layer> {
        self.shared.layer(config, keep)
    }
}

impl Shared<PeerBody> {
    /// The labelled layer, which is made if there is none, and kept by the peer if it is to.
    pub(crate) fn layer(&self, config: Config, keep: bool) -> Arc<Layer> {
        let (layer, news) = self.call(|peer, body, now| body.layer(peer, now, config, keep));
        if let Some(news) = news {
            layer.listen(news);
        }
        layer
    }
}
