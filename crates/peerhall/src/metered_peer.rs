//! A member of a channel: everybody in it appears as a remote peer, connected by itself.

mod body;
mod labels;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use peerhall_core::{
    ConnectError, ErrorInfo, JoinError, JoinOptions, Outcome, Peer, PeerState, StateError, TransportPolicy,
};
use peerhall_rtc::LocalTrack;
use peerhall_rtc::net::NetworkConfig;
use serde::Serialize;
use serde_json::Value;

pub(crate) use body::PeerBody;

use crate::driver::{Guard, Shared, tls};
use crate::error::{PeerSendError, ReplaceError, SetupError};
use crate::event::{Joined, Left, PeerData, PeerEvent, StateChange};
use crate::events::Events;
use crate::media::LocalStream;
use crate::metadata::StreamMetadata;
use crate::options::{SignallingOptions, TokenProvider};
use crate::remote_peer::RemotePeer;
use crate::signalling_client::to_json;

/// What a [`MeteredPeer`] is made with: the options of its client, and some of its own.
#[derive(Debug, Clone)]
pub struct PeerOptions {
    signalling: SignallingOptions,
    policy: TransportPolicy,
    linger: Option<Duration>,
    reach_timeout: Option<Duration>,
    stats_interval: Option<Option<Duration>>,
    broadcasts_of_strangers: bool,
    network: NetworkConfig,
}

impl From<SignallingOptions> for PeerOptions {
    fn from(signalling: SignallingOptions) -> Self {
        Self {
            signalling,
            policy: TransportPolicy::All,
            linger: None,
            reach_timeout: None,
            stats_interval: None,
            broadcasts_of_strangers: false,
            network: NetworkConfig::default(),
        }
    }
}

impl PeerOptions {
    /// Options for a publishable key; see [`SignallingOptions::with_key`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`](crate::ConfigError) for a URL or a key that cannot be used.
    pub fn with_key(url: &str, key: &str) -> Result<Self, crate::ConfigError> {
        Ok(SignallingOptions::with_key(url, key)?.into())
    }

    /// Options for tokens that come from a provider; see [`SignallingOptions::with_tokens`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`](crate::ConfigError) for a URL that cannot be used.
    pub fn with_tokens(url: &str, provider: impl TokenProvider) -> Result<Self, crate::ConfigError> {
        Ok(SignallingOptions::with_tokens(url, provider)?.into())
    }

    /// Over which paths connections to remote peers may go. Default: any.
    #[must_use]
    pub fn transport_policy(self, policy: TransportPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Addresses that connections may use, servers besides those that the welcome names, and whom relays
    /// must be trusted by. Default: all addresses of the machine, and no other servers.
    #[must_use]
    pub fn network(self, network: NetworkConfig) -> Self {
        Self { network, ..self }
    }

    /// How long a remote peer that lost its connection to the server may stay away before it counts as
    /// gone. Default: 16 s, one more than the server's own time.
    #[must_use]
    pub fn linger(self, linger: Duration) -> Self {
        Self { linger: Some(linger), ..self }
    }

    /// How long a first connection to a remote peer may take before its `Unreachable` event, and how long labelled
    /// messages wait for a first or a lost one before they go through the server. Default: 30 s.
    #[must_use]
    pub fn reach_timeout(self, timeout: Duration) -> Self {
        Self { reach_timeout: Some(timeout), ..self }
    }

    /// How often the quality of connections is measured; `None`: never. Default: 5 s.
    #[must_use]
    pub fn stats_interval(self, interval: Option<Duration>) -> Self {
        Self { stats_interval: Some(interval), ..self }
    }

    /// Whether broadcasts of peers that presence has not shown are handed on, such as those that a
    /// backend publishes over REST. Default: no.
    #[must_use]
    pub fn broadcasts_of_strangers(self, on: bool) -> Self {
        Self { broadcasts_of_strangers: on, ..self }
    }
}

/// A member of a channel. Everybody else in it appears as a [`RemotePeer`], and the connections to them
/// are made, kept and made anew by themselves.
///
/// The handle is cheap to clone; when the last one is dropped the peer leaves. Methods that wait must be
/// called on a tokio runtime with I/O and time. A peer that was closed stays closed; make a new one.
#[derive(Clone)]
pub struct MeteredPeer {
    shared: Arc<Shared<PeerBody>>,
    // Dropped with the last handle.
    _guard: Arc<Guard<PeerBody>>,
}

impl MeteredPeer {
    /// An idle peer.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the options do not fit together, or a certificate to trust is none.
    pub fn new(options: impl Into<PeerOptions>) -> Result<Self, SetupError> {
        let options = options.into();
        let (core, tokens, roots) = options.signalling.into_parts();
        let mut core =
            peerhall_core::PeerOptions::new(core)?.broadcasts_of_strangers(options.broadcasts_of_strangers);
        if let Some(linger) = options.linger {
            core = core.linger(linger);
        }
        if let Some(timeout) = options.reach_timeout {
            core = core.reach_timeout(timeout);
        }
        if let Some(interval) = options.stats_interval {
            core = core.stats_interval(interval);
        }
        let mut mind = Peer::new(core);
        mind.set_transport_policy(options.policy);
        let tls = tls::client_config(&roots)?;
        let shared = Arc::new_cyclic(|weak| {
            Shared::new(mind, PeerBody::new(weak.clone(), options.network), tokens, tls)
        });
        Ok(Self { _guard: Arc::new(Guard(Arc::clone(&shared))), shared })
    }

    /// Joins a channel, connecting first. Resolves when the server has accepted the subscription; remote
    /// peers come after that, as [`PeerEvent::PeerJoined`].
    ///
    /// # Errors
    ///
    /// [`JoinError`]; the peer is idle again then, and may try once more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the attempt; [`close`](Self::close) does.
    pub async fn join(&self, channel: &str, options: JoinOptions) -> Result<(), JoinError> {
        match self.shared.request(|peer, _, now| peer.join(now, channel, options)).await? {
            Some(Outcome::Join(result)) => result,
            _ => Err(ConnectError::Socket("the peer's runtime has stopped".to_owned()).into()),
        }
    }

    /// Leaves for good; resolves when the connection to the server has ended, at most a second later.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not keep the peer.
    pub async fn close(&self, reason: Option<&str>) {
        let request = |peer: &mut Peer<Value>, _: &mut PeerBody, now| {
            Ok::<_, std::convert::Infallible>(peer.close(now, reason))
        };
        let Ok(_) = self.shared.request(request).await;
    }

    /// Sends to everybody in the channel, through the server.
    ///
    /// # Errors
    ///
    /// [`PeerSendError`]; `NotJoined` unless joined, while reconnecting too.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall a message that was handed to the socket.
    pub async fn send(&self, data: impl Serialize) -> Result<(), PeerSendError> {
        let data = to_json(data)?;
        send_answer(self.shared.request(|peer, _, now| peer.send(now, data)).await?)
    }

    /// Sends to one peer, through the server. Resolves when the server has accepted the message, which
    /// says nothing about the receiver having read it.
    ///
    /// # Errors
    ///
    /// [`PeerSendError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not recall a message that was handed to the socket.
    pub async fn send_to(&self, to: &str, data: impl Serialize) -> Result<(), PeerSendError> {
        let data = to_json(data)?;
        send_answer(self.shared.request(|peer, _, now| peer.send_to(now, to, data)).await?)
    }

    /// Sends all tracks of a stream to everybody who is here and who comes later.
    ///
    /// # Errors
    ///
    /// [`StateError`]; tracks before the one that was refused are sent.
    pub fn add_stream(
        &self,
        stream: &LocalStream,
        metadata: Option<StreamMetadata>,
    ) -> Result<(), StateError> {
        for track in stream.tracks() {
            self.add_track(track, Some(stream), metadata.clone())?;
        }
        Ok(())
    }

    /// Sends a track to everybody who is here and who comes later. Without a stream, receivers see the
    /// track alone.
    ///
    /// # Errors
    ///
    /// [`StateError`]; nothing has changed then.
    pub fn add_track(
        &self,
        track: &LocalTrack,
        stream: Option<&LocalStream>,
        metadata: Option<StreamMetadata>,
    ) -> Result<(), StateError> {
        self.shared.call(|peer, body, now| {
            let local = body.local_track(track);
            let stream = stream.map(|stream| body.local_stream(stream));
            peer.add_track(now, local, stream, metadata.map(StreamMetadata::into_value))
        })
    }

    /// Stops sending all tracks that were added with a stream.
    ///
    /// # Errors
    ///
    /// [`StateError::InvalidState`] once closed.
    pub fn remove_stream(&self, stream: &LocalStream) -> Result<(), StateError> {
        self.shared.call(|peer, body, now| {
            let (key, _) = body.local_stream(stream);
            peer.remove_stream(now, key)
        })
    }

    /// Stops sending a track.
    ///
    /// # Errors
    ///
    /// [`StateError::InvalidState`] once closed.
    pub fn remove_track(&self, track: &LocalTrack) -> Result<(), StateError> {
        self.shared.call(|peer, body, now| {
            let key = body.local_track(track).key;
            peer.remove_track(now, key)
        })
    }

    /// Puts another track in the place of one, or nothing, for everybody who receives it, without
    /// negotiation.
    ///
    /// # Errors
    ///
    /// [`ReplaceError`]; `Partial` names for whom it failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the replacement.
    pub async fn replace_track(
        &self,
        old: &LocalTrack,
        new: Option<&LocalTrack>,
    ) -> Result<(), ReplaceError> {
        let request = self.shared.request(|peer, body, now| {
            let old = body.local_track(old).key;
            let new = new.map(|track| body.local_track(track));
            peer.replace_track(now, old, new)
        });
        match request.await? {
            Some(Outcome::ReplaceTrack(result)) => Ok(result?),
            _ => Err(ReplaceError::Stopped),
        }
    }

    /// What was said about a local track when it was added.
    #[must_use]
    pub fn track_metadata(&self, track: &LocalTrack) -> Option<StreamMetadata> {
        self.shared.call(|peer, body, _| {
            let key = body.local_track(track).key;
            peer.track_metadata(key).and_then(StreamMetadata::from_value)
        })
    }

    /// What was said about a local stream when it was added.
    #[must_use]
    pub fn stream_metadata(&self, stream: &LocalStream) -> Option<StreamMetadata> {
        self.shared.call(|peer, body, _| {
            let (key, _) = body.local_stream(stream);
            peer.stream_metadata(key).and_then(StreamMetadata::from_value)
        })
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> PeerState {
        self.shared.lock().mind.state()
    }

    /// This peer's id, once there was a welcome.
    #[must_use]
    pub fn peer_id(&self) -> Option<String> {
        self.shared.lock().mind.peer_id().map(ToString::to_string)
    }

    /// The channel, once joined.
    #[must_use]
    pub fn channel(&self) -> Option<String> {
        self.shared.lock().mind.channel().map(ToString::to_string)
    }

    /// Who is in the channel at this moment, in the order in which they came.
    #[must_use]
    pub fn remote_peers(&self) -> Vec<RemotePeer> {
        let core = self.shared.lock();
        core.mind.remotes().iter().filter_map(|info| core.body.remote_peer(info.key)).collect()
    }

    /// Tells the peer that the network is back, or another one: what waits for a moment is tried at once.
    pub fn network_available(&self) {
        self.shared.call(|peer, _, now| peer.network_available(now));
    }

    /// Drops the connection to the server and makes it anew, as after a lost network: to try what an
    /// application does then.
    pub fn drop_connection(&self) {
        self.shared.call(|peer, _, now| peer.drop_connection(now));
    }

    /// Replaces the connections to all remote peers, so that a changed transport policy counts for those
    /// who are here already.
    pub fn reset_connections(&self) {
        self.shared.call(|peer, _, now| peer.reset_connections(now));
    }

    /// Over which paths connections that are made from now on may go.
    pub fn set_transport_policy(&self, policy: TransportPolicy) {
        self.shared.call(|peer, _, _| peer.set_transport_policy(policy));
    }

    /// `{state, peerId, channel}`: safe to log.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "state": self.state().as_str(),
            "peerId": self.peer_id(),
            "channel": self.channel(),
        })
    }

    /// All events, in order.
    #[must_use]
    pub fn events(&self) -> Events<PeerEvent> {
        Events::new([], self.shared.lock().body.subscribe(), Some, |lost| Some(PeerEvent::Lagged(lost)))
    }

    /// The peer is in its channel.
    #[must_use]
    pub fn on_joined(&self) -> Events<Joined> {
        self.pick(|event| if let PeerEvent::Joined(joined) = event { Some(joined) } else { None })
    }

    /// The peer ended.
    #[must_use]
    pub fn on_left(&self) -> Events<Left> {
        self.pick(|event| if let PeerEvent::Left(left) = event { Some(left) } else { None })
    }

    /// Changes of the state.
    #[must_use]
    pub fn state_changes(&self) -> Events<StateChange<PeerState>> {
        self.pick(|event| if let PeerEvent::StateChange(change) = event { Some(change) } else { None })
    }

    /// Peers that come.
    #[must_use]
    pub fn on_peer_joined(&self) -> Events<RemotePeer> {
        self.pick(|event| if let PeerEvent::PeerJoined(remote) = event { Some(remote) } else { None })
    }

    /// Peers that go.
    #[must_use]
    pub fn on_peer_left(&self) -> Events<RemotePeer> {
        self.pick(|event| if let PeerEvent::PeerLeft(remote) = event { Some(remote) } else { None })
    }

    /// Messages of applications.
    #[must_use]
    pub fn on_data(&self) -> Events<PeerData> {
        self.pick(|event| if let PeerEvent::Data(data) = event { Some(data) } else { None })
    }

    /// What the user must act on.
    #[must_use]
    pub fn on_error(&self) -> Events<ErrorInfo> {
        self.pick(|event| if let PeerEvent::Error(error) = event { Some(error) } else { None })
    }

    fn pick<T: Send + 'static>(
        &self,
        pick: impl FnMut(PeerEvent) -> Option<T> + Send + 'static,
    ) -> Events<T> {
        Events::new([], self.shared.lock().body.subscribe(), pick, |_| None)
    }
}

impl fmt::Debug for MeteredPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MeteredPeer({})", self.state())
    }
}

pub(crate) fn send_answer(outcome: Option<Outcome>) -> Result<(), PeerSendError> {
    match outcome {
        Some(Outcome::Send(result)) => Ok(result?),
        _ => Err(PeerSendError::Stopped),
    }
}
