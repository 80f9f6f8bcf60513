//! A remote peer with labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use peerhall_labelled::{ChannelOptions, Way};
use peerhall_rtc::Channel;
use serde_json::{Value, json};

use super::body::PeerShared;
use super::error::SendError;
use super::payload::{Payload, SendOptions};
use super::room_event::RoomEvent;
use super::share::{Share, ShareError};
use super::streams::ConnectionState;
use super::transfer::Transfer;
use crate::media::{LocalStream, RemoteStream};
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
        self.shared.call(|session, now| session.open(now, label, options))?;
        self.shared.sights().opened.insert(label.to_owned());
        Ok(())
    }

    /// Closes the channel of a label on both sides, for good. What is on its way fails.
    pub fn close(&self, label: &str) {
        self.shared.sights().opened.remove(label);
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

    /// Shares a stream under a label with this remote peer alone, also over its reconnects; see
    /// [`MeteredPeer::share`](crate::MeteredPeer::share).
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing has changed then.
    pub fn share(&self, share: impl Into<Share>) -> Result<Option<LocalStream>, ShareError> {
        if self.state() == ConnectionState::Closed {
            return Err(ShareError::RemoteClosed);
        }
        self.remote().share(share)
    }

    /// Stops sharing what is shared with this remote peer alone under a label; gives it.
    pub fn unshare(&self, label: &str) -> Option<LocalStream> {
        self.remote().unshare(label)
    }

    /// Its streams by label, with their tracks of this moment.
    #[must_use]
    pub fn streams(&self) -> BTreeMap<String, RemoteStream> {
        let seen = self.shared.sights().streams();
        seen.into_iter().map(|(label, id)| (label, self.remote().inner.stream(&id))).collect()
    }

    /// State of the connection to it.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.shared.sights().state
    }

    /// Its `peerMetadata`, when it has any.
    #[must_use]
    pub fn metadata(&self) -> Option<Value> {
        self.remote().metadata()
    }

    /// Name of the room that both are in.
    #[must_use]
    pub fn room(&self) -> Option<String> {
        self.remote().channel()
    }

    /// Ends channels, messages and shares between the two for good, while both stay in the room: the plain
    /// remote peer goes on.
    pub fn dispose(&self) {
        for label in self.remote().shares().into_keys() {
            self.unshare(&label);
        }
        self.shared.finish();
        if self.shared.sights().close() {
            self.shared.tell(RoomEvent::Connection { peer: self.clone(), state: ConnectionState::Closed });
        }
    }

    /// `{id, room, metadata, state, streams, channels}`, of which the last two are labels that were shared and
    /// opened with this one alone: safe to log.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id(),
            "room": self.room(),
            "metadata": self.metadata(),
            "state": self.state().as_str(),
            "streams": self.remote().shares().into_keys().collect::<Vec<_>>(),
            "channels": self.shared.sights().opened,
        })
    }

    /// The labels that are open or being opened, by either side.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.shared.labels()
    }

    /// Which way messages go at this moment.
    #[must_use]
    pub fn way(&self) -> Way {
        self.shared.way()
    }

    /// The data channel of a label. On one with a protocol, unordered, or giving messages up, messages are
    /// the application's; on others they belong to the layer. There is none while messages go through the server.
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
