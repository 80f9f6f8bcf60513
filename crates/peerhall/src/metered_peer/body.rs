//! What a peer does with what its engine wants: events go to applications, commands to connections, and
//! numbers are turned into the objects that they stand for.

mod labels;
mod shares;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use peerhall_core::{
    ChannelKey, LinkId, LocalTrack as CoreTrack, Output, Peer, PeerEvent as CoreEvent, PeerState,
    RemoteEvent as CoreRemoteEvent, RemoteInfo, RemoteKey, RemoteStream as CoreStream, RemoteStreamKey,
    RemoteTrack as CoreRemoteTrack, RemoteTrackKey, RtcCommand, RtcInput, StreamKey, TrackKey,
};
use peerhall_labelled::labelled_protocol;
use peerhall_rtc::net::NetworkConfig;
use peerhall_rtc::{DataChannelInit, LocalTrack, PeerConnection, RemoteTrack};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::data_channel::DataChannel;
use crate::driver::link::{Link, LinkOrder, LinkReport, config, servers};
use crate::driver::{Body, Happening, Shared};
use crate::event::{Joined, Left, PeerData, PeerEvent, RemoteEvent, StateChange, StreamEvent, TrackEvent};
use crate::events::{Receiver, Sender};
use crate::labelled::News;
use crate::media::{LocalStream, RemoteStream};
use crate::metadata::StreamMetadata;
use crate::remote_peer::{RemotePeer, RemoteShared};

/// How long a connection that was replaced is kept: longer than a remote peer takes to replace its own.
const GOODBYE_AFTER: Duration = Duration::from_secs(2);

/// The objects of one peer.
pub(crate) struct PeerBody {
    shared: Weak<Shared<PeerBody>>,
    events: Sender<PeerEvent>,
    remotes: HashMap<RemoteKey, RemotePeer>,
    links: HashMap<LinkId, Connection>,
    tracks: HashMap<TrackKey, LocalTrack>,
    track_keys: HashMap<String, TrackKey>,
    stream_keys: HashMap<Arc<str>, StreamKey>,
    streams: HashMap<StreamKey, Arc<str>>,
    kept: HashMap<ChannelKey, Kept>,
    next_key: u64,
    network: NetworkConfig,
    shares: shares::Shares,
    /// The labelled layer, if there is one.
    labels: Option<mpsc::UnboundedSender<News>>,
    layer: labels::Place,
}

/// A connection, and what of it has a number.
struct Connection {
    link: Option<Link>,
    remote: RemoteKey,
    tracks: HashMap<RemoteTrackKey, RemoteTrack>,
    channels: HashMap<ChannelKey, peerhall_rtc::Channel>,
}

/// A data channel that is opened again after a reset.
struct Kept {
    label: String,
    init: DataChannelInit,
    channel: DataChannel,
}

impl PeerBody {
    pub(super) fn new(shared: Weak<Shared<Self>>, network: NetworkConfig) -> Self {
        Self {
            shared,
            events: Sender::new(),
            remotes: HashMap::new(),
            links: HashMap::new(),
            tracks: HashMap::new(),
            track_keys: HashMap::new(),
            stream_keys: HashMap::new(),
            streams: HashMap::new(),
            kept: HashMap::new(),
            next_key: 0,
            network,
            shares: shares::Shares::default(),
            labels: None,
            layer: labels::Place::default(),
        }
    }

    pub(super) fn subscribe(&mut self) -> Receiver<PeerEvent> {
        self.events.subscribe()
    }

    fn tell_of(&self, news: impl FnOnce() -> News) {
        if let Some(labels) = &self.labels {
            // A layer that is gone needs no news.
            let _ = labels.send(news());
        }
    }

    pub(super) fn remote_peer(&self, key: RemoteKey) -> Option<RemotePeer> {
        self.remotes.get(&key).cloned()
    }

    pub(crate) fn connection(&self, link: LinkId) -> Option<PeerConnection> {
        self.links.get(&link)?.link.as_ref().map(|link| link.connection().clone())
    }

    /// The number of a local track, which is known by its id.
    pub(super) fn local_track(&mut self, track: &LocalTrack) -> CoreTrack {
        let key = match self.track_keys.get(track.id()) {
            Some(key) => *key,
            None => {
                let key = TrackKey(self.key());
                self.track_keys.insert(track.id().to_owned(), key);
                key
            }
        };
        self.tracks.insert(key, track.clone());
        CoreTrack { key, id: track.id().to_owned(), kind: track.kind() }
    }

    /// The number and the id of a local stream.
    pub(super) fn local_stream(&mut self, stream: &LocalStream) -> (StreamKey, String) {
        let id: Arc<str> = stream.id().into();
        let key = match self.stream_keys.get(&id) {
            Some(key) => *key,
            None => {
                let key = StreamKey(self.key());
                self.stream_keys.insert(Arc::clone(&id), key);
                self.streams.insert(key, Arc::clone(&id));
                key
            }
        };
        (key, id.to_string())
    }

    pub(crate) fn keep_channel(
        &mut self,
        label: &str,
        init: DataChannelInit,
        channel: DataChannel,
    ) -> ChannelKey {
        let key = ChannelKey(self.key());
        self.kept.insert(key, Kept { label: label.to_owned(), init, channel });
        key
    }

    pub(crate) fn forget_channel(&mut self, key: ChannelKey) {
        self.kept.remove(&key);
    }

    fn key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    fn command(&mut self, id: LinkId, command: RtcCommand, inbox: &mpsc::Sender<Happening>) {
        let order = match command {
            RtcCommand::Create { remote, ice_servers, policy } => {
                return self.open(id, remote, config(&self.network, ice_servers, policy), inbox);
            }
            RtcCommand::SetServers(ice_servers) => LinkOrder::SetServers(servers(&self.network, ice_servers)),
            RtcCommand::Close => return self.close_link(id),
            RtcCommand::ReopenChannel(key) => {
                let Some(Kept { label, init, channel }) = self.kept.get(&key) else { return };
                LinkOrder::OpenChannel { label: label.clone(), init: init.clone(), target: channel.clone() }
            }
            RtcCommand::CreateOffer { ice_restart } => LinkOrder::CreateOffer { ice_restart },
            RtcCommand::CreateAnswer => LinkOrder::CreateAnswer,
            RtcCommand::SetLocal(description) => LinkOrder::SetLocal(description),
            RtcCommand::SetRemote(description) => LinkOrder::SetRemote(description),
            RtcCommand::AddCandidate(candidate) => LinkOrder::AddCandidate(candidate),
            RtcCommand::Attach { track: key, stream } => {
                let Some(track) = self.tracks.get(&key).cloned() else { return };
                let stream = stream.and_then(|stream| self.streams.get(&stream)).map(|id| id.to_string());
                LinkOrder::Attach { key, track, stream }
            }
            RtcCommand::Detach { track } => LinkOrder::Detach(track),
            RtcCommand::Replace { old, new } => {
                let new = new.and_then(|key| Some((key, self.tracks.get(&key)?.clone())));
                LinkOrder::Replace { old, new }
            }
            RtcCommand::SampleStats => LinkOrder::SampleStats,
        };
        if let Some(link) = self.links.get(&id).and_then(|connection| connection.link.as_ref()) {
            link.order(order);
        }
    }

    /// Lets go of a connection. One that is replaced says its goodbye later: the vendor's Python SDK takes
    /// a goodbye that overtakes its own reconcile for the end of the remote peer, for good.
    fn close_link(&mut self, id: LinkId) {
        let Some(connection) = self.links.remove(&id) else { return };
        if self.remotes.contains_key(&connection.remote) {
            tokio::spawn(async move {
                tokio::time::sleep(GOODBYE_AFTER).await;
                drop(connection);
            });
        }
    }

    fn open(
        &mut self,
        id: LinkId,
        remote: RemoteKey,
        config: peerhall_rtc::Config,
        inbox: &mpsc::Sender<Happening>,
    ) {
        let link = match Link::open(id, config, inbox.clone()) {
            Ok(link) => Some(link),
            Err(failure) => {
                let inbox = inbox.clone();
                let report = LinkReport::Input(RtcInput::CreateFailed(failure));
                // The loop takes it up after this turn; a driver that is gone needs no news.
                tokio::spawn(async move { inbox.send(Happening::Link(id, report)).await });
                None
            }
        };
        let connection = Connection { link, remote, tracks: HashMap::new(), channels: HashMap::new() };
        self.links.insert(id, connection);
    }

    fn peer_event(&mut self, event: CoreEvent<Value>) {
        let event = match event {
            CoreEvent::Joined { peer_id, channel } => PeerEvent::Joined(Joined { peer_id, channel }),
            CoreEvent::Left { peer_id, channel, reason } => {
                PeerEvent::Left(Left { peer_id, channel, reason })
            }
            CoreEvent::StateChange { from, to } => {
                if to == PeerState::Closed {
                    // The layer above ends with the peer, whoever still holds a handle.
                    self.labels = None;
                }
                PeerEvent::StateChange(StateChange { from, to })
            }
            CoreEvent::PeerJoined(info) => {
                let remote = self.remote(&info);
                self.tell_of(|| News::Joined(remote.clone(), self.connection(info.link)));
                PeerEvent::PeerJoined(remote)
            }
            CoreEvent::PeerLeft(info) => {
                let remote = self.remote(&info);
                self.remotes.remove(&info.key);
                self.forget_shares(info.key);
                remote.inner.end();
                self.tell_of(|| News::Left(info.key));
                PeerEvent::PeerLeft(remote)
            }
            CoreEvent::Data { sender, data, kind, sender_metadata } => {
                PeerEvent::Data(PeerData { sender: sender.to_string(), data, kind, sender_metadata })
            }
            CoreEvent::Error(error) => {
                self.tell_of(|| News::Error(error.clone()));
                PeerEvent::Error(error)
            }
        };
        self.events.send(event);
    }

    /// The handle of a remote peer; made when the engine speaks of it first.
    fn remote(&mut self, info: &RemoteInfo<Value>) -> RemotePeer {
        let shared = &self.shared;
        let make = || RemotePeer {
            shared: shared.clone(),
            inner: Arc::new(RemoteShared::new(info.key, info.id.clone())),
        };
        self.remotes.entry(info.key).or_insert_with(make).clone()
    }

    fn remote_event(&mut self, mind: &Peer<Value>, key: RemoteKey, event: CoreRemoteEvent<Value>) {
        let remote = match (self.remotes.get(&key), mind.remote(key)) {
            (Some(remote), _) => remote.clone(),
            (None, Some(info)) => self.remote(&info),
            (None, None) => return,
        };
        let shared = &remote.inner;
        let event = match event {
            CoreRemoteEvent::StateChange { from, to } => RemoteEvent::StateChange(StateChange { from, to }),
            CoreRemoteEvent::Track { track, metadata } => match self.track_event(shared, &track, metadata) {
                Some(event) => RemoteEvent::Track(event),
                None => return,
            },
            CoreRemoteEvent::StreamAdded { stream, metadata } => RemoteEvent::StreamAdded(StreamEvent {
                stream: shared.stream(&stream.id),
                metadata: metadata.and_then(StreamMetadata::from_value),
            }),
            CoreRemoteEvent::StreamRemoved { stream } => {
                RemoteEvent::StreamRemoved(shared.stream(&stream.id))
            }
            CoreRemoteEvent::DataChannel(channel) => match self.take_channel(channel) {
                Some(channel) if self.labels.is_some() && labelled_protocol(channel.protocol()).is_some() => {
                    return self.tell_of(|| News::Channel(key, channel));
                }
                Some(channel) => RemoteEvent::DataChannel(channel),
                None => return,
            },
            CoreRemoteEvent::NegotiationError(error) => RemoteEvent::NegotiationError(error),
            CoreRemoteEvent::IceCandidateError(error) => RemoteEvent::IceCandidateError(error),
            CoreRemoteEvent::ConnectionReset { link } => {
                self.tell_of(|| News::Reset(key, self.connection(link)));
                RemoteEvent::ConnectionReset
            }
            CoreRemoteEvent::Labelled(news) => return self.tell_of(|| News::Labelled(key, news)),
            CoreRemoteEvent::Path(path) => RemoteEvent::Path(path),
            CoreRemoteEvent::Quality(quality) => RemoteEvent::Quality(quality),
            CoreRemoteEvent::Unreachable(reason) => RemoteEvent::Unreachable(reason),
        };
        self.tell_of(|| News::Remote(key, event.clone()));
        shared.tell(event);
    }

    fn track_event(
        &self,
        shared: &RemoteShared,
        track: &CoreRemoteTrack,
        metadata: Option<Value>,
    ) -> Option<TrackEvent> {
        let object = self.links.values().find_map(|connection| connection.tracks.get(&track.key))?.clone();
        let streams = track.streams.iter().map(|stream| RemoteStream {
            id: stream.id.as_str().into(),
            tracks: shared.tracks_of(&stream.id).into_iter().chain([object.clone()]).collect(),
        });
        let event = TrackEvent {
            streams: streams.collect(),
            track: object,
            metadata: metadata.and_then(StreamMetadata::from_value),
        };
        shared.track_is_live(track.key, &event);
        Some(event)
    }

    fn take_channel(&mut self, key: ChannelKey) -> Option<peerhall_rtc::Channel> {
        self.links.values_mut().find_map(|connection| connection.channels.remove(&key))
    }

    /// A track came: it gets a number.
    fn number_track(&mut self, link: LinkId, track: RemoteTrack) -> Option<RtcInput> {
        let key = RemoteTrackKey(self.key());
        let streams = track
            .streams()
            .iter()
            .map(|id| CoreStream { key: RemoteStreamKey(key.0), id: id.clone() })
            .collect();
        let described = CoreRemoteTrack {
            key,
            id: track.id().to_owned(),
            mid: Some(track.mid().to_owned()),
            kind: track.kind(),
            streams,
        };
        self.links.get_mut(&link)?.tracks.insert(key, track);
        Some(RtcInput::Track(described))
    }

    /// The sender has removed a track, which ends it for good here.
    fn track_removed(&mut self, link: LinkId, id: &str) -> Option<RtcInput> {
        let connection = self.links.get_mut(&link)?;
        let key = connection.tracks.iter().find(|(_, track)| track.id() == id).map(|(key, _)| *key)?;
        let (track, remote) = (connection.tracks.remove(&key)?, connection.remote);
        if let Some(remote) = self.remotes.get(&remote) {
            remote.inner.track_is_gone(key);
        }
        self.tell_of(|| News::TrackGone(remote, track));
        Some(RtcInput::TrackEnded(key))
    }
}

impl Body for PeerBody {
    type Mind = Peer<Value>;

    fn output(&mut self, mind: &mut Peer<Value>, output: Output<Value>, inbox: &mpsc::Sender<Happening>) {
        match output {
            Output::Peer(event) => self.peer_event(event),
            Output::Remote(key, event) => self.remote_event(mind, key, event),
            Output::Rtc(link, command) => self.command(link, command, inbox),
            // Carried out by the loop.
            Output::ResolveToken(_)
            | Output::OpenSocket { .. }
            | Output::SendText { .. }
            | Output::CloseSocket { .. }
            | Output::Done(..)
            | Output::Signalling(_)
            | Output::Log(..) => {}
        }
    }

    fn link_report(&mut self, link: LinkId, report: LinkReport) -> Option<RtcInput> {
        match report {
            LinkReport::Input(input) => Some(input),
            LinkReport::Track(track) => self.number_track(link, track),
            LinkReport::TrackRemoved { track } => self.track_removed(link, &track),
            LinkReport::DataChannel(channel) => {
                let key = ChannelKey(self.key());
                self.links.get_mut(&link)?.channels.insert(key, channel);
                Some(RtcInput::DataChannel(key))
            }
        }
    }

    fn settled(&mut self) {
        self.forget_retired();
    }

    fn end(&mut self) {
        self.links.clear();
        self.kept.clear();
        self.labels = None;
        self.layer = labels::Place::default();
        for (_, remote) in self.remotes.drain() {
            remote.inner.end();
        }
        self.events.end();
    }
}
