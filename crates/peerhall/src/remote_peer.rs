//! Another peer in the channel.

mod labels;
mod shared;

use std::fmt;
use std::sync::{Arc, Weak};

use peerhall_core::{ErrorInfo, RemoteInfo, RemoteKey, RemoteState};
use peerhall_rtc::{Channel, DataChannelInit, PeerConnection};
use serde::Serialize;
use serde_json::Value;

pub(crate) use shared::RemoteShared;

use crate::data_channel::{DataChannel, DataChannelOptions};
use crate::driver::Shared;
use crate::error::{LinkClosed, OpenChannelError, PeerSendError};
use crate::event::{Path, Quality, RemoteEvent, StateChange, StreamEvent, TrackEvent, Unreachable};
use crate::events::Events;
use crate::media::RemoteStream;
use crate::metered_peer::{PeerBody, send_answer};
use crate::signalling_client::to_json;

/// Another peer in the channel, from its coming to its leaving: the same object across lost connections
/// on either side. Cheap to clone.
#[derive(Clone)]
pub struct RemotePeer {
    pub(crate) shared: Weak<Shared<PeerBody>>,
    pub(crate) inner: Arc<RemoteShared>,
}

impl RemotePeer {
    /// Its id, as the server knows it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.inner.id.as_str()
    }

    /// Its `peerMetadata`, when it has any. May be newer after a reconnect.
    #[must_use]
    pub fn metadata(&self) -> Option<Value> {
        self.info().and_then(|info| info.metadata)
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> RemoteState {
        self.info().map_or(RemoteState::Closed, |info| info.state)
    }

    /// Whether this side gives way when both offer at once.
    #[must_use]
    pub fn polite(&self) -> bool {
        self.info().is_some_and(|info| info.polite)
    }

    /// The connection to it, which changes at each [`RemoteEvent::ConnectionReset`]; `None` once it has
    /// left, or when the connection could not be made.
    #[must_use]
    pub fn pc(&self) -> Option<PeerConnection> {
        let shared = self.shared.upgrade()?;
        let core = shared.lock();
        let link = core.mind.remote(self.key())?.link;
        core.body.connection(link)
    }

    /// Sends to it, through the server.
    ///
    /// # Errors
    ///
    /// [`PeerSendError`]; `RemoteClosed` once it has left.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall a message that was handed to the socket.
    pub async fn send(&self, data: impl Serialize) -> Result<(), PeerSendError> {
        let data = to_json(data)?;
        let shared = self.shared.upgrade().ok_or(PeerSendError::Stopped)?;
        let key = self.key();
        let request = shared.request(|peer, _, now| peer.send_to_remote(now, key, data));
        send_answer(request.await?)
    }

    /// Hands labelled data to the server, behind what was handed to it before; the answer comes later.
    pub(crate) fn carry(
        &self,
        text: String,
    ) -> Result<impl Future<Output = Result<(), PeerSendError>> + Send + 'static, PeerSendError> {
        let shared = self.shared.upgrade().ok_or(PeerSendError::Stopped)?;
        let key = self.key();
        let answer = shared.ask(|peer, _, now| peer.carry(now, key, text))?;
        Ok(async move { send_answer(answer.await.ok()) })
    }

    /// Opens a data channel on the connection of this moment; it ends with that connection.
    ///
    /// # Errors
    ///
    /// [`OpenChannelError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a channel open that nobody holds.
    pub async fn create_data_channel(
        &self,
        label: &str,
        init: DataChannelInit,
    ) -> Result<Channel, OpenChannelError> {
        let connection = self.pc().ok_or(OpenChannelError::RemoteClosed)?;
        Ok(connection.create_data_channel(label, init).await?)
    }

    /// Opens a data channel that is opened again by itself whenever the connection is replaced.
    ///
    /// # Errors
    ///
    /// [`OpenChannelError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave a channel open that nobody holds.
    pub async fn open_data_channel(
        &self,
        label: &str,
        init: DataChannelInit,
        options: DataChannelOptions,
    ) -> Result<DataChannel, OpenChannelError> {
        let raw = self.create_data_channel(label, init.clone()).await?;
        let channel = DataChannel::wrap(raw, options);
        let shared = self.shared.upgrade().ok_or(OpenChannelError::RemoteClosed)?;
        let remote = self.key();
        let key = shared.call(|peer, body, _| {
            let key = body.keep_channel(label, init, channel.clone());
            peer.keep_channel(remote, key);
            key
        });
        let weak = self.shared.clone();
        channel.when_closed(move || {
            if let Some(shared) = weak.upgrade() {
                shared.call(|peer, body, _| {
                    peer.forget_channel(remote, key);
                    body.forget_channel(key);
                });
            }
        });
        Ok(channel)
    }

    /// Looks for a new path to it, as after a change of networks; the connection and all on it stay. Done
    /// by itself when the path is lost. Does nothing before the two have begun to negotiate.
    pub fn restart_ice(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.call(|peer, _, now| peer.restart_ice(now, self.key()));
        }
    }

    /// Figures of the connection.
    ///
    /// # Errors
    ///
    /// [`LinkClosed`] when there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn stats(&self) -> Result<peerhall_rtc::stats::Stats, LinkClosed> {
        let connection = self.pc().ok_or(LinkClosed)?;
        Ok(connection.stats().await)
    }

    /// `{id, state}`: safe to log.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({"id": self.id(), "state": self.state().as_str()})
    }

    /// All events, in order; the first consumer of a remote peer also gets what came before it, up to 64.
    #[must_use]
    pub fn events(&self) -> Events<RemoteEvent> {
        self.inner.events(Some, |lost| Some(RemoteEvent::Lagged(lost)))
    }

    /// Changes of the state.
    #[must_use]
    pub fn state_changes(&self) -> Events<StateChange<RemoteState>> {
        self.inner.events(
            |event| if let RemoteEvent::StateChange(change) = event { Some(change) } else { None },
            |_| None,
        )
    }

    /// Tracks; begins with those that are here.
    #[must_use]
    pub fn on_track(&self) -> Events<TrackEvent> {
        self.inner.tracks()
    }

    /// Streams; begins with those that are here.
    #[must_use]
    pub fn on_stream_added(&self) -> Events<StreamEvent> {
        self.inner.streams()
    }

    /// Streams whose last track is gone.
    #[must_use]
    pub fn on_stream_removed(&self) -> Events<RemoteStream> {
        self.inner.events(
            |event| if let RemoteEvent::StreamRemoved(stream) = event { Some(stream) } else { None },
            |_| None,
        )
    }

    /// Data channels that the remote peer opens; begins with those that are open.
    #[must_use]
    pub fn on_data_channel(&self) -> Events<Channel> {
        self.inner.channels()
    }

    /// Resets of the connection.
    #[must_use]
    pub fn on_connection_reset(&self) -> Events<()> {
        self.inner.events(|event| matches!(event, RemoteEvent::ConnectionReset).then_some(()), |_| None)
    }

    /// Failures of negotiation.
    #[must_use]
    pub fn on_negotiation_error(&self) -> Events<ErrorInfo> {
        self.inner.events(
            |event| if let RemoteEvent::NegotiationError(error) = event { Some(error) } else { None },
            |_| None,
        )
    }

    /// Candidates that were not taken.
    #[must_use]
    pub fn on_ice_candidate_error(&self) -> Events<ErrorInfo> {
        self.inner.events(
            |event| if let RemoteEvent::IceCandidateError(error) = event { Some(error) } else { None },
            |_| None,
        )
    }

    /// Changes of the way: direct, or through a relay.
    #[must_use]
    pub fn on_path(&self) -> Events<Path> {
        self.inner
            .events(|event| if let RemoteEvent::Path(path) = event { Some(path) } else { None }, |_| None)
    }

    /// Changes of the quality.
    #[must_use]
    pub fn on_quality(&self) -> Events<Quality> {
        self.inner.events(
            |event| if let RemoteEvent::Quality(quality) = event { Some(quality) } else { None },
            |_| None,
        )
    }

    /// It could not be reached in time, or not any more.
    #[must_use]
    pub fn on_unreachable(&self) -> Events<Unreachable> {
        self.inner.events(
            |event| if let RemoteEvent::Unreachable(reason) = event { Some(reason) } else { None },
            |_| None,
        )
    }

    fn key(&self) -> RemoteKey {
        self.inner.key
    }

    fn info(&self) -> Option<RemoteInfo<Value>> {
        let shared = self.shared.upgrade()?;
        let core = shared.lock();
        core.mind.remote(self.key())
    }
}

impl PartialEq for RemotePeer {
    /// The same remote peer, not merely the same id.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for RemotePeer {}

impl fmt::Debug for RemotePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemotePeer({:?})", self.id())
    }
}
