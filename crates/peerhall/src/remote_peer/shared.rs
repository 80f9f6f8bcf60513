//! What the driver and the handles of one remote peer share: its events, and what is live.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peerhall_core::{PeerId, RemoteKey, RemoteTrackKey};
use peerhall_rtc::{Channel, ReadyState};

use crate::event::{RemoteEvent, StreamEvent, TrackEvent};
use crate::events::{Events, Sender};
use crate::media::RemoteStream;

/// Events that are kept for the first consumer: an application learns of a remote peer later than the
/// core does (sdk-behaviour, section 13.2).
const BACKLOG: usize = 64;

/// Shared by all handles of one remote peer.
pub(crate) struct RemoteShared {
    pub(crate) key: RemoteKey,
    pub(crate) id: PeerId,
    state: Mutex<State>,
}

struct State {
    events: Sender<RemoteEvent>,
    /// `None` once there was a consumer.
    backlog: Option<VecDeque<RemoteEvent>>,
    tracks: Vec<(RemoteTrackKey, TrackEvent)>,
    streams: Vec<StreamEvent>,
    channels: Vec<Channel>,
}

impl RemoteShared {
    pub(crate) fn new(key: RemoteKey, id: PeerId) -> Self {
        let state = State {
            events: Sender::new(),
            backlog: Some(VecDeque::new()),
            tracks: Vec::new(),
            streams: Vec::new(),
            channels: Vec::new(),
        };
        Self { key, id, state: Mutex::new(state) }
    }

    /// Shows an event to all consumers, and keeps it for the first one.
    pub(crate) fn tell(&self, event: RemoteEvent) {
        let mut state = self.state();
        match &event {
            RemoteEvent::StreamAdded(added) => state.streams.push(added.clone()),
            RemoteEvent::StreamRemoved(gone) => state.streams.retain(|live| live.stream.id() != gone.id()),
            RemoteEvent::DataChannel(channel) => {
                state.channels.retain(|live| live.ready_state() != ReadyState::Closed);
                state.channels.push(channel.clone());
            }
            RemoteEvent::ConnectionReset => {
                state.tracks.clear();
                state.streams.clear();
                state.channels.clear();
            }
            RemoteEvent::StateChange(_)
            | RemoteEvent::Track(_)
            | RemoteEvent::NegotiationError(_)
            | RemoteEvent::IceCandidateError(_)
            | RemoteEvent::Path(_)
            | RemoteEvent::Quality(_)
            | RemoteEvent::Unreachable(_)
            | RemoteEvent::Lagged(_) => {}
        }
        if let Some(backlog) = &mut state.backlog {
            if backlog.len() >= BACKLOG {
                backlog.pop_front();
            }
            backlog.push_back(event.clone());
        }
        state.events.send(event);
    }

    /// Keeps a track for those who ask later.
    pub(crate) fn track_is_live(&self, key: RemoteTrackKey, event: &TrackEvent) {
        self.state().tracks.push((key, event.clone()));
    }

    pub(crate) fn track_is_gone(&self, key: RemoteTrackKey) {
        self.state().tracks.retain(|(live, _)| *live != key);
    }

    /// The tracks that are live now.
    pub(crate) fn live_tracks(&self) -> Vec<TrackEvent> {
        self.state().tracks.iter().map(|(_, event)| event.clone()).collect()
    }

    /// The tracks of a stream that are live now.
    pub(crate) fn tracks_of(&self, stream: &str) -> Vec<peerhall_rtc::RemoteTrack> {
        let belongs = |event: &TrackEvent| event.streams.iter().any(|known| known.id() == stream);
        self.state()
            .tracks
            .iter()
            .filter(|(_, event)| belongs(event))
            .map(|(_, event)| event.track.clone())
            .collect()
    }

    /// Ends all streams of events.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.events.end();
        state.tracks.clear();
        state.streams.clear();
        state.channels.clear();
    }

    pub(crate) fn events<T: Send + 'static>(
        &self,
        mut pick: impl FnMut(RemoteEvent) -> Option<T> + Send + 'static,
        marker: impl Fn(u64) -> Option<T> + Send + 'static,
    ) -> Events<T> {
        let mut state = self.state();
        let head: Vec<T> = state.backlog.take().into_iter().flatten().filter_map(&mut pick).collect();
        Events::new(head, state.events.subscribe(), pick, marker)
    }

    pub(crate) fn tracks(&self) -> Events<TrackEvent> {
        let mut state = self.state();
        let head: Vec<_> = state.tracks.iter().map(|(_, event)| event.clone()).collect();
        let pick = |event| if let RemoteEvent::Track(track) = event { Some(track) } else { None };
        Events::new(head, state.events.subscribe(), pick, |_| None)
    }

    pub(crate) fn streams(&self) -> Events<StreamEvent> {
        let mut state = self.state();
        let pick = |event| if let RemoteEvent::StreamAdded(stream) = event { Some(stream) } else { None };
        Events::new(state.streams.clone(), state.events.subscribe(), pick, |_| None)
    }

    pub(crate) fn channels(&self) -> Events<Channel> {
        let mut state = self.state();
        let pick = |event| if let RemoteEvent::DataChannel(channel) = event { Some(channel) } else { None };
        let open: Vec<_> = state
            .channels
            .iter()
            .filter(|channel| channel.ready_state() != ReadyState::Closed)
            .cloned()
            .collect();
        Events::new(open, state.events.subscribe(), pick, |_| None)
    }

    pub(crate) fn stream(&self, id: &str) -> RemoteStream {
        RemoteStream { id: id.into(), tracks: self.tracks_of(id) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
