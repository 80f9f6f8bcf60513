//! What is seen of a remote peer besides channels and messages: its streams by label, and the state of the
//! connection to it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use peerhall_core::RemoteState;
use peerhall_rtc::RemoteTrack;

use super::room_event::RoomEvent;
use super::room_peer::RoomPeer;
use crate::event::{RemoteEvent, TrackEvent};
use crate::media::RemoteStream;

/// State of the connection to a remote peer, in the words of the labelled layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nothing was negotiated yet.
    New,
    /// On the way to a first connection.
    Connecting,
    /// Data flows.
    Connected,
    /// The connection, or the way to the server, was lost and is being made anew.
    Disconnected,
    /// The remote peer cannot be reached for now; it may be reached later.
    Failed,
    /// It has left, or was [disposed](RoomPeer::dispose) of.
    Closed,
}

impl ConnectionState {
    /// The state's name, which is the same in browsers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<RemoteState> for ConnectionState {
    fn from(state: RemoteState) -> Self {
        match state {
            RemoteState::Idle => Self::New,
            RemoteState::Connecting => Self::Connecting,
            RemoteState::Connected => Self::Connected,
            RemoteState::Reconnecting => Self::Disconnected,
            RemoteState::Closed => Self::Closed,
        }
    }
}

/// What is seen of one remote peer.
#[derive(Debug)]
pub(super) struct Sights {
    pub(super) state: ConnectionState,
    /// Labels, each with the id of its stream.
    streams: Vec<(String, Arc<str>)>,
    /// Labels of channels that were opened with this one alone.
    pub(super) opened: BTreeSet<String>,
}

impl Sights {
    pub(super) fn new() -> Self {
        Self { state: ConnectionState::New, streams: Vec::new(), opened: BTreeSet::new() }
    }

    /// Labels, each with the id of its stream.
    pub(super) fn streams(&self) -> Vec<(String, Arc<str>)> {
        self.streams.clone()
    }

    /// Nothing is seen of it any more; says whether that is news.
    pub(super) fn close(&mut self) -> bool {
        self.streams.clear();
        self.opened.clear();
        std::mem::replace(&mut self.state, ConnectionState::Closed) != ConnectionState::Closed
    }

    /// What a remote event means to the room.
    pub(super) fn hear(&mut self, peer: &RoomPeer, event: RemoteEvent) -> Vec<RoomEvent> {
        if self.state == ConnectionState::Closed {
            return Vec::new();
        }
        match event {
            RemoteEvent::StateChange(change) => self.become_of(peer, change.to.into()),
            RemoteEvent::Unreachable(_) => self.become_of(peer, ConnectionState::Failed),
            RemoteEvent::Track(came) => self.track_came(peer, &came),
            RemoteEvent::StreamRemoved(stream) => self.stream_gone(peer, &stream),
            // Streams that are still shared come again, with other tracks.
            RemoteEvent::ConnectionReset => self.all_gone(peer),
            RemoteEvent::NegotiationError(error) | RemoteEvent::IceCandidateError(error) => {
                vec![RoomEvent::Error { peer: Some(peer.clone()), error }]
            }
            RemoteEvent::StreamAdded(_)
            | RemoteEvent::DataChannel(_)
            | RemoteEvent::Path(_)
            | RemoteEvent::Quality(_)
            | RemoteEvent::Lagged(_) => Vec::new(),
        }
    }

    /// A track has ended.
    pub(super) fn track_gone(&self, peer: &RoomPeer, track: &RemoteTrack) -> Vec<RoomEvent> {
        let carries = |id: &str| track.streams().iter().any(|known| known == id);
        let labels = self.streams.iter().filter(|(_, id)| carries(id));
        let gone = labels.map(|(label, _)| RoomEvent::TrackRemoved {
            peer: peer.clone(),
            label: label.clone(),
            track: track.clone(),
        });
        gone.collect()
    }

    fn become_of(&mut self, peer: &RoomPeer, state: ConnectionState) -> Vec<RoomEvent> {
        if std::mem::replace(&mut self.state, state) == state {
            return Vec::new();
        }
        vec![RoomEvent::Connection { peer: peer.clone(), state }]
    }

    fn track_came(&mut self, peer: &RoomPeer, came: &TrackEvent) -> Vec<RoomEvent> {
        let mut events = Vec::new();
        for stream in &came.streams {
            let said = came.metadata.as_ref().and_then(|metadata| metadata.label());
            let label = said.unwrap_or(&stream.id).to_owned();
            if self.streams.iter().all(|known| *known != (label.clone(), Arc::clone(&stream.id))) {
                self.streams.retain(|(known, _)| *known != label);
                self.streams.push((label.clone(), Arc::clone(&stream.id)));
                let stream = stream.clone();
                events.push(RoomEvent::StreamAdded { peer: peer.clone(), label: label.clone(), stream });
            }
            events.push(RoomEvent::TrackAdded { peer: peer.clone(), label, track: came.track.clone() });
        }
        events
    }

    fn stream_gone(&mut self, peer: &RoomPeer, stream: &RemoteStream) -> Vec<RoomEvent> {
        let gone = self.streams.extract_if(.., |(_, id)| *id == stream.id);
        gone.map(|(label, _)| removed(peer, label, stream.clone())).collect()
    }

    fn all_gone(&mut self, peer: &RoomPeer) -> Vec<RoomEvent> {
        let empty = |id| RemoteStream { id, tracks: Vec::new() };
        self.streams.drain(..).map(|(label, id)| removed(peer, label, empty(id))).collect()
    }
}

fn removed(peer: &RoomPeer, label: String, stream: RemoteStream) -> RoomEvent {
    RoomEvent::StreamRemoved { peer: peer.clone(), label, stream }
}
