//! Labels with everybody in a channel.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peerhall_core::{Labelled, PeerState, RemoteKey, RemoteState};
use peerhall_labelled::{ChannelOptions, Config, Receipt, Role, Session, StandingLabels, TransferError};
use peerhall_rtc::PeerConnection;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::body::PeerShared;
use super::error::SendError;
use super::incoming::Incoming;
use super::payload::{Payload, SendOptions};
use super::room_event::{News, RoomEvent};
use super::room_peer::RoomPeer;
use super::share::{Share, ShareError};
use super::transfer::Transfer;
use crate::event::RemoteEvent;
use crate::events::{Events, Sender};
use crate::media::LocalStream;
use crate::metered_peer::MeteredPeer;
use crate::remote_peer::RemotePeer;

/// Labelled channels and transfers with everybody in the channel of a [`MeteredPeer`]. Cheap to clone; when
/// the last one is dropped the layer ends, and the peer goes on, unless the peer was asked for labels itself
/// ([`MeteredPeer::labelled`]) and keeps the layer.
#[derive(Clone)]
pub struct Room {
    peer: MeteredPeer,
    inner: Arc<Inner>,
}

/// The layer itself, which a peer may keep: it does not keep the peer.
pub(crate) struct Inner {
    config: Config,
    state: Mutex<State>,
    events: Arc<Mutex<Sender<RoomEvent>>>,
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<Incoming>>,
    mouth: mpsc::UnboundedSender<Incoming>,
    /// The peer below has ended.
    over: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    peers: HashMap<RemoteKey, Arc<PeerShared>>,
    labels: StandingLabels,
}

impl Room {
    /// The layer over a peer. There is one for each peer, so that this is another handle of it when there is one
    /// already. Must be called on a tokio runtime.
    ///
    /// Remote peers are told with each description that this one knows labels. Those that are here already are
    /// told by another one, so a layer over a peer that has not joined yet is there for them a round trip
    /// sooner.
    #[must_use]
    pub fn new(peer: MeteredPeer) -> Self {
        Self::with_config(peer, Config::default())
    }

    /// The same with limits of its own, unless there is a layer already.
    #[must_use]
    pub fn with_config(peer: MeteredPeer, config: Config) -> Self {
        let inner = peer.layer(config, false);
        Self { peer, inner }
    }

    /// The layer that a peer keeps for itself, whose handles may come and go.
    pub(crate) fn kept(peer: MeteredPeer) -> Self {
        let inner = peer.layer(Config::default(), true);
        Self { peer, inner }
    }

    /// The peer below.
    #[must_use]
    pub fn peer(&self) -> &MeteredPeer {
        &self.peer
    }

    /// Who is in the channel.
    #[must_use]
    pub fn remotes(&self) -> Vec<RoomPeer> {
        self.inner.state().peers.values().map(|shared| RoomPeer { shared: Arc::clone(shared) }).collect()
    }

    /// Opens the channel of a label with everybody who is here and who comes.
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`] and [`SendError::TooManyLabels`]; with those before, it is open then.
    pub fn open(&self, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        let peers: Vec<_> = {
            let mut state = self.inner.state();
            state.labels.open(label, options.clone())?;
            state.peers.values().cloned().collect()
        };
        for peer in peers {
            match peer.call(|session, now| session.open(now, label, options.clone())) {
                // One that was cut off is no reason to leave the others out.
                Ok(()) | Err(SendError::Closed) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes the channel of a label with everybody.
    pub fn close(&self, label: &str) {
        let peers: Vec<_> = {
            let mut state = self.inner.state();
            state.labels.close(label);
            state.peers.values().cloned().collect()
        };
        peers.iter().for_each(|peer| peer.call(|session, now| session.close(now, label)));
    }

    /// What is opened with everybody, by label.
    #[must_use]
    pub fn channels(&self) -> BTreeMap<String, ChannelOptions> {
        let state = self.inner.state();
        state.labels.iter().map(|(label, options)| (label.to_owned(), options.clone())).collect()
    }

    /// Shares a stream under a label with everybody who is here and who comes; see
    /// [`MeteredPeer::share`], which does the same.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing has changed then.
    pub fn share(&self, share: impl Into<Share>) -> Result<Option<LocalStream>, ShareError> {
        self.peer.share(share)
    }

    /// Stops sharing what is shared with everybody under a label; gives it. A bare stream's label is its id.
    pub fn unshare(&self, label: &str) -> Option<LocalStream> {
        self.peer.unshare(label)
    }

    /// What is shared with everybody, by label.
    #[must_use]
    pub fn streams(&self) -> BTreeMap<String, Share> {
        self.peer.shares()
    }

    /// `{id, room, active, connections, streams, channels}`, of which the last two are labels that are shared
    /// and opened with everybody: safe to log.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let peer = &self.peer;
        let mut connections: Vec<_> = self.remotes().iter().map(|peer| peer.id().to_owned()).collect();
        connections.sort();
        json!({
            "id": peer.peer_id(),
            "room": peer.channel(),
            "active": matches!(peer.state(), PeerState::Joined | PeerState::Reconnecting),
            "connections": connections,
            "streams": self.streams().into_keys().collect::<Vec<_>>(),
            "channels": self.channels().into_keys().collect::<Vec<_>>(),
        })
    }

    /// Sends a message that is in memory to everybody who is here, with a result and progress for each. A
    /// file is read once for each receiver: send it to each of [`remotes`](Self::remotes).
    #[must_use]
    pub fn send(&self, payload: impl Into<Payload>, options: &SendOptions) -> Broadcast {
        let payload = payload.into();
        // The peer below may know of somebody before the layer does.
        let here = self.peer.remote_peers();
        let transfers = here.iter().filter_map(|remote| self.inner.peer_of(remote)).map(|peer| {
            let copy = payload.duplicate().ok_or(SendError::NotFramed);
            let transfer = copy.and_then(|copy| peer.send(copy, options.clone()));
            (peer, transfer)
        });
        Broadcast { transfers: transfers.collect() }
    }

    /// The next message of anybody; `None` once the layer has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn recv(&self) -> Option<Incoming> {
        let mut over = self.inner.over.subscribe();
        let mut arrivals = self.inner.arrivals.lock().await;
        tokio::select! {
            biased;
            message = arrivals.recv() => message,
            // Handles of remote peers may outlive the layer, and could still bring messages otherwise.
            _ = over.wait_for(|over| *over) => None,
        }
    }

    /// Everything but messages.
    #[must_use]
    pub fn events(&self) -> Events<RoomEvent> {
        let receiver = self.inner.events.lock().unwrap_or_else(PoisonError::into_inner).subscribe();
        Events::new([], receiver, Some, |lost| Some(RoomEvent::Lagged(lost)))
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({:?})", self.peer)
    }
}

impl Inner {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        // Bounded by the credit that each remote peer has: a message that nobody takes up uses some of it.
        let (mouth, arrivals) = mpsc::unbounded_channel();
        Arc::new(Self {
            config,
            state: Mutex::default(),
            events: Arc::new(Mutex::new(Sender::new())),
            arrivals: tokio::sync::Mutex::new(arrivals),
            mouth,
            over: watch::Sender::new(false),
        })
    }

    /// Hears what the peer below tells, first of those who are here, until either ends.
    pub(crate) fn listen(self: &Arc<Self>, mut news: mpsc::UnboundedReceiver<News>) {
        while let Ok(news) = news.try_recv() {
            self.hear(news);
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(news) = news.recv().await {
                let Some(inner) = weak.upgrade() else { return };
                inner.hear(news);
            }
            // The peer below is over.
            if let Some(inner) = weak.upgrade() {
                inner.finish();
            }
        });
    }

    /// A remote peer with labels, of whose coming the application may have heard before the layer; `None` once it
    /// has left.
    pub(crate) fn peer_of(&self, remote: &RemotePeer) -> Option<RoomPeer> {
        let key = remote.inner.key;
        if self.known(key).is_none() && remote.state() != RemoteState::Closed {
            self.joined(remote.clone(), remote.pc());
            if remote.state() == RemoteState::Closed {
                self.left(key);
            }
        }
        self.known(key).map(|shared| RoomPeer { shared })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, news: News) {
        match news {
            News::Joined(remote, connection) => self.joined(remote, connection),
            News::Left(key) => self.left(key),
            News::Labelled(key, news) => {
                let Some(shared) = self.known(key) else { return };
                match news {
                    Labelled::Known(true) => shared.call(|session, _| session.capable()),
                    Labelled::Known(false) => {
                        shared.call(|session, _| session.incapable());
                        self.tell(RoomEvent::NotLabelled(RoomPeer { shared }));
                    }
                    Labelled::Detour(room) => shared.call(|session, now| session.detour(now, room)),
                    Labelled::Carried { text, room } => {
                        shared.call(|session, now| session.direct(now, &text, room));
                    }
                }
            }
            News::Reset(key, connection) => {
                if let Some(shared) = self.known(key) {
                    let role = role(&shared.remote);
                    shared.reset(connection, role);
                }
            }
            News::Channel(key, channel) => match self.known(key) {
                Some(shared) => shared.remote_channel(channel),
                None => channel.close(),
            },
            News::Remote(key, event) => {
                let Some(shared) = self.known(key) else { return };
                if let RemoteEvent::StateChange(change) = &event {
                    let works = change.to == RemoteState::Connected;
                    shared.call(|session, now| session.path(now, works));
                }
                let peer = RoomPeer { shared };
                let events = peer.shared.sights().hear(&peer, event);
                events.into_iter().for_each(|event| self.tell(event));
            }
            News::TrackGone(key, track) => {
                let Some(shared) = self.known(key) else { return };
                let peer = RoomPeer { shared };
                let events = peer.shared.sights().track_gone(&peer, &track);
                events.into_iter().for_each(|event| self.tell(event));
            }
            News::Error(error) => self.tell(RoomEvent::Error { peer: None, error }),
        }
    }

    fn left(&self, key: RemoteKey) {
        let gone = self.state().peers.remove(&key);
        if let Some(shared) = gone {
            shared.finish();
            self.tell(RoomEvent::PeerLeft(RoomPeer { shared }));
        }
    }

    fn joined(&self, remote: RemotePeer, connection: Option<PeerConnection>) {
        let key = remote.inner.key;
        let session = Session::new(role(&remote), tag(), self.config);
        let events = Arc::clone(&self.events);
        let shared = PeerShared::new(remote, connection, session, events, self.mouth.clone());
        let labels = {
            let mut state = self.state();
            // Who needed it was faster than the news.
            if state.peers.contains_key(&key) {
                return;
            }
            state.peers.insert(key, Arc::clone(&shared));
            state.labels.clone()
        };
        self.tell(RoomEvent::PeerJoined(RoomPeer { shared: Arc::clone(&shared) }));
        for (label, options) in labels.iter() {
            // The labels were tried when they were given, and are fewer than the limit.
            if let Err(error) = shared.call(|session, now| session.open(now, label, options.clone())) {
                tracing::warn!(target: "peerhall", "a label was not opened with somebody new: {error}");
            }
        }
    }

    fn finish(&self) {
        let peers = std::mem::take(&mut self.state().peers);
        peers.values().for_each(|shared| shared.finish());
        self.over.send_replace(true);
    }

    fn known(&self, key: RemoteKey) -> Option<Arc<PeerShared>> {
        self.state().peers.get(&key).cloned()
    }

    fn tell(&self, event: RoomEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).send(event);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Who gives way does not create channels either.
fn role(remote: &RemotePeer) -> Role {
    if remote.polite() { Role::Asker } else { Role::Creator }
}

/// Only tells this session from an earlier one of the same peer; where there is no randomness, a resumed
/// transfer starts from the beginning at worst.
fn tag() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// A message to several receivers.
#[derive(Debug)]
pub struct Broadcast {
    transfers: Vec<(RoomPeer, Result<Transfer, SendError>)>,
}

impl Broadcast {
    /// What goes to each receiver, with its progress.
    pub fn transfers(&self) -> &[(RoomPeer, Result<Transfer, SendError>)] {
        &self.transfers
    }

    /// How it ended with each receiver, once it has ended with all. One that fails does not hide the others.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not stop the messages.
    pub async fn results(self) -> Vec<(RoomPeer, Result<Receipt, BroadcastError>)> {
        let mut results = Vec::with_capacity(self.transfers.len());
        for (peer, transfer) in self.transfers {
            let result = match transfer {
                Ok(transfer) => transfer.await.map_err(BroadcastError::from),
                Err(error) => Err(error.into()),
            };
            results.push((peer, result));
        }
        results
    }
}

/// Why a message did not reach one of several receivers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BroadcastError {
    /// It was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
    /// It did not arrive.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}
