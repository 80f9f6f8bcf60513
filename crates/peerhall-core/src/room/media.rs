//! Which local tracks go to whom (sdk-behaviour, section 4.5).

#[cfg(feature = "labelled")]
mod shares;

use peerhall_proto::json::Json;

#[cfg(feature = "labelled")]
pub use shares::{MAX_SHARES, ShareChange, SharedTrack};

use super::{Peer, PeerState};
use crate::error::{ReplaceTrackError, StateError};
use crate::ids::{OpId, PeerId, RemoteKey, StreamKey, TrackKey};
use crate::link::labels::Label;
use crate::link::signal::{self, Signal};
use crate::link::{MediaKind, RtcCommand, RtcFailure};
use crate::output::{LogLevel, Outcome};
use crate::secret::scrub;
use crate::time::Time;

/// A local track, as the driver names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalTrack {
    /// What driver and core call it.
    pub key: TrackKey,
    /// The track's id.
    pub id: String,
    /// Audio or video.
    pub kind: MediaKind,
}

/// Who gets a track: one remote peer, or everybody.
#[cfg(feature = "labelled")]
type Audience = Option<RemoteKey>;

/// Who gets a track: everybody.
#[cfg(not(feature = "labelled"))]
type Audience = ();

#[cfg(feature = "labelled")]
const EVERYBODY: Audience = None;

#[cfg(not(feature = "labelled"))]
const EVERYBODY: Audience = ();

/// A track that is sent.
#[derive(Debug)]
struct Tracked<J> {
    track: LocalTrack,
    stream: Option<(StreamKey, String)>,
    metadata: Option<J>,
    #[cfg_attr(not(feature = "labelled"), expect(dead_code, reason = "there is one audience only"))]
    audience: Audience,
}

impl<J: Json> Tracked<J> {
    #[cfg(feature = "labelled")]
    fn is_for(&self, remote: RemoteKey) -> bool {
        self.audience.is_none_or(|only| only == remote)
    }

    #[cfg(not(feature = "labelled"))]
    fn is_for(&self, _remote: RemoteKey) -> bool {
        true
    }

    fn label(&self) -> Option<Signal<J>> {
        let metadata = self.metadata.clone()?;
        Some(Signal::Label(Label {
            track_id: self.track.id.clone(),
            metadata: Some(metadata),
            stream_id: self.stream.as_ref().map(|(_, id)| id.clone()),
            kind: Some(self.track.kind.as_str().to_owned()),
        }))
    }

    fn cleared_label(&self) -> Option<Signal<J>> {
        self.metadata.as_ref()?;
        Some(Signal::Label(Label {
            track_id: self.track.id.clone(),
            metadata: None,
            stream_id: None,
            kind: None,
        }))
    }
}

/// All tracks that go to everybody, and the swaps that are under way.
#[derive(Debug)]
pub(super) struct Media<J> {
    tracked: Vec<Tracked<J>>,
    swaps: Vec<Swap>,
    #[cfg(feature = "labelled")]
    shares: shares::Shares,
}

/// One `replace_track`.
#[derive(Debug)]
struct Swap {
    op: OpId,
    old: TrackKey,
    new: Option<LocalTrack>,
    waiting: Vec<RemoteKey>,
    succeeded: Vec<(RemoteKey, PeerId)>,
    failed: Vec<(PeerId, String)>,
}

impl<J> Media<J> {
    pub(super) fn new() -> Self {
        Self {
            tracked: Vec::new(),
            swaps: Vec::new(),
            #[cfg(feature = "labelled")]
            shares: shares::Shares::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.tracked.clear();
        #[cfg(feature = "labelled")]
        self.shares.clear();
    }

    fn find(&self, key: TrackKey) -> Option<&Tracked<J>> {
        self.tracked.iter().find(|tracked| tracked.track.key == key)
    }
}

impl<J: Json> Peer<J> {
    /// Sends a track to everybody who is here and who comes later. Adding a track again with the same
    /// stream changes nothing.
    ///
    /// # Errors
    ///
    /// [`StateError`]; nothing has changed then.
    pub fn add_track(
        &mut self,
        now: Time,
        track: LocalTrack,
        stream: Option<(StreamKey, String)>,
        metadata: Option<J>,
    ) -> Result<(), StateError> {
        self.media_allowed("addTrack")?;
        if let Some(present) = self.media.find(track.key) {
            let same = present.stream.as_ref().map(|(key, _)| *key) == stream.as_ref().map(|(key, _)| *key);
            return if same { Ok(()) } else { Err(StateError::TrackAlreadyAttached { method: "addTrack" }) };
        }
        if metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
            return Err(StateError::MetadataNotAnObject);
        }
        let tracked = Tracked { track, stream, metadata, audience: EVERYBODY };
        self.fits(&tracked)?;
        self.begin(tracked);
        self.pump(now);
        Ok(())
    }

    /// Whether what is said about a track fits into a message.
    fn fits(&self, tracked: &Tracked<J>) -> Result<(), StateError> {
        let Some(label) = tracked.label() else { return Ok(()) };
        let (size, cap) = (signal::write(&label).encoded_len(), self.signalling.max_message_size());
        if size > cap { Err(StateError::Oversized { size, cap }) } else { Ok(()) }
    }

    /// Sends a track to those it is for, from now on.
    fn begin(&mut self, tracked: Tracked<J>) {
        let key = tracked.track.key;
        self.media.tracked.push(tracked);
        if self.state == PeerState::Joined {
            for remote in self.audience_of(key) {
                self.attach(remote, key);
            }
        }
    }

    /// Stops sending a track. A track that is not sent changes nothing.
    ///
    /// # Errors
    ///
    /// [`StateError::InvalidState`] once the peer is closed.
    pub fn remove_track(&mut self, now: Time, track: TrackKey) -> Result<(), StateError> {
        self.media_allowed("removeTrack")?;
        self.untrack(track);
        self.pump(now);
        Ok(())
    }

    /// Stops sending all tracks that were added with a stream.
    ///
    /// # Errors
    ///
    /// [`StateError::InvalidState`] once the peer is closed.
    pub fn remove_stream(&mut self, now: Time, stream: StreamKey) -> Result<(), StateError> {
        self.media_allowed("removeStream")?;
        let belongs = |tracked: &&Tracked<J>| tracked.stream.as_ref().is_some_and(|(key, _)| *key == stream);
        let keys: Vec<_> =
            self.media.tracked.iter().filter(belongs).map(|tracked| tracked.track.key).collect();
        for key in keys {
            self.untrack(key);
        }
        self.pump(now);
        Ok(())
    }

    /// Puts another track, or nothing, in the place of one for everybody who receives it, without
    /// negotiation; the answer is [`Outcome::ReplaceTrack`].
    ///
    /// # Errors
    ///
    /// [`StateError::InvalidState`] while reconnecting and once closed, and
    /// [`StateError::TrackAlreadyAttached`] when the new track is sent already.
    pub fn replace_track(
        &mut self,
        now: Time,
        old: TrackKey,
        new: Option<LocalTrack>,
    ) -> Result<OpId, StateError> {
        if !matches!(self.state, PeerState::Idle | PeerState::Joining | PeerState::Joined) {
            return Err(StateError::InvalidState { method: "replaceTrack", state: self.state });
        }
        let sent_already = |new: &LocalTrack| {
            let awaited = |swap: &Swap| swap.new.as_ref().is_some_and(|track| track.key == new.key);
            new.key != old && (self.media.find(new.key).is_some() || self.media.swaps.iter().any(awaited))
        };
        if new.as_ref().is_some_and(sent_already) {
            return Err(StateError::TrackAlreadyAttached { method: "replaceTrack" });
        }
        let op = self.signalling.new_op();
        let carriers: Vec<_> = self
            .remotes
            .iter()
            .filter(|remote| remote.carries.contains(&old))
            .map(|remote| (remote.key, remote.link.id))
            .collect();
        let new_key = new.as_ref().map(|track| track.key);
        self.media.swaps.push(Swap {
            op,
            old,
            new,
            waiting: carriers.iter().map(|(key, _)| *key).collect(),
            succeeded: Vec::new(),
            failed: Vec::new(),
        });
        for (_, link) in carriers {
            self.command(link, RtcCommand::Replace { old, new: new_key });
        }
        self.finish_swaps();
        self.pump(now);
        Ok(op)
    }

    /// What was said about a local track when it was added.
    #[must_use]
    pub fn track_metadata(&self, track: TrackKey) -> Option<J> {
        self.media.find(track).and_then(|tracked| tracked.metadata.clone())
    }

    /// What was said about the first of a local stream's tracks that is sent.
    #[must_use]
    pub fn stream_metadata(&self, stream: StreamKey) -> Option<J> {
        let belongs = |tracked: &&Tracked<J>| tracked.stream.as_ref().is_some_and(|(key, _)| *key == stream);
        self.media.tracked.iter().find(belongs).and_then(|tracked| tracked.metadata.clone())
    }

    fn media_allowed(&self, method: &'static str) -> Result<(), StateError> {
        match self.state {
            PeerState::Leaving | PeerState::Closed => {
                Err(StateError::InvalidState { method, state: self.state })
            }
            PeerState::Idle | PeerState::Joining | PeerState::Joined | PeerState::Reconnecting => Ok(()),
        }
    }

    fn remote_keys(&self) -> Vec<RemoteKey> {
        self.remotes.iter().map(|remote| remote.key).collect()
    }

    /// Who of those who are here gets a track.
    fn audience_of(&self, track: TrackKey) -> Vec<RemoteKey> {
        let Some(tracked) = self.media.find(track) else { return Vec::new() };
        self.remote_keys().into_iter().filter(|remote| tracked.is_for(*remote)).collect()
    }

    /// Metadata of all tracks, then all tracks: so does the metadata come before the offer.
    pub(super) fn attach_all(&mut self, remote: RemoteKey) {
        let Some(id) = self.remote_mut(remote).map(|remote| remote.id.clone()) else { return };
        let of_remote = |tracked: &&Tracked<J>| tracked.is_for(remote);
        let labels: Vec<_> = self.media.tracked.iter().filter(of_remote).filter_map(Tracked::label).collect();
        for label in labels {
            self.signal(&id, &label);
        }
        let keys: Vec<_> =
            self.media.tracked.iter().filter(of_remote).map(|tracked| tracked.track.key).collect();
        for key in keys {
            self.attach_track(remote, key);
        }
    }

    fn attach(&mut self, remote: RemoteKey, track: TrackKey) {
        let Some(id) = self.remote_mut(remote).map(|remote| remote.id.clone()) else { return };
        if let Some(label) = self.media.find(track).and_then(Tracked::label) {
            self.signal(&id, &label);
        }
        self.attach_track(remote, track);
    }

    fn attach_track(&mut self, remote: RemoteKey, track: TrackKey) {
        let stream = self.media.find(track).and_then(|tracked| tracked.stream.as_ref().map(|(key, _)| *key));
        let Some(remote) = self.remote_mut(remote) else { return };
        if remote.carries.contains(&track) {
            return;
        }
        remote.carries.push(track);
        let link = remote.link.id;
        self.command(link, RtcCommand::Attach { track, stream });
    }

    pub(super) fn attach_failed(&mut self, remote: RemoteKey, track: TrackKey, failure: RtcFailure) {
        if let Some(remote) = self.remote_mut(remote) {
            remote.carries.retain(|carried| *carried != track);
        }
        let error = crate::link::ErrorInfo::from(failure);
        self.log(LogLevel::Error, format!("a track could not be attached: {error}"));
        self.tell_remote(remote, crate::link::RemoteEvent::NegotiationError(error));
    }

    fn untrack(&mut self, track: TrackKey) {
        let Some(index) = self.media.tracked.iter().position(|tracked| tracked.track.key == track) else {
            return;
        };
        let audience = self.audience_of(track);
        let tracked = self.media.tracked.remove(index);
        #[cfg(feature = "labelled")]
        self.media.shares.unwanted(track);
        let joined = self.state == PeerState::Joined;
        for key in audience {
            let Some(remote) = self.remote_mut(key) else { continue };
            let (id, link) = (remote.id.clone(), remote.link.id);
            let carried = remote.carries.contains(&track);
            remote.carries.retain(|carried| *carried != track);
            if let Some(label) = tracked.cleared_label().filter(|_| joined) {
                self.signal(&id, &label);
            }
            if carried {
                self.command(link, RtcCommand::Detach { track });
            }
        }
    }

    /// A connection has answered a `Replace`.
    pub(super) fn replaced(&mut self, remote: RemoteKey, old: TrackKey, result: Result<(), RtcFailure>) {
        #[cfg(feature = "labelled")]
        if self.handed_over(remote, old, &result) {
            return;
        }
        let Some(id) = self.remote_mut(remote).map(|remote| remote.id.clone()) else { return };
        let Some(swap) =
            self.media.swaps.iter_mut().find(|swap| swap.old == old && swap.waiting.contains(&remote))
        else {
            return;
        };
        swap.waiting.retain(|waiting| *waiting != remote);
        let new = swap.new.as_ref().map(|track| track.key);
        match result {
            Ok(()) => {
                swap.succeeded.push((remote, id));
                if let Some(remote) = self.remote_mut(remote) {
                    remote.carries.retain(|carried| *carried != old);
                    remote.carries.extend(new);
                }
            }
            Err(failure) => swap.failed.push((id, scrub(&format!("{}: {}", failure.name, failure.message)))),
        }
        self.finish_swaps();
    }

    /// A remote peer, or its connection, is gone: it will not answer any more.
    pub(super) fn replace_gone(&mut self, remote: RemoteKey) {
        #[cfg(feature = "labelled")]
        self.media.shares.connection_gone(remote);
        let id = self.remotes.iter().find(|known| known.key == remote).map(|known| known.id.clone());
        for swap in &mut self.media.swaps {
            if swap.waiting.contains(&remote) {
                swap.waiting.retain(|waiting| *waiting != remote);
                // Whoever has left receives nothing, neither old nor new.
                swap.failed
                    .extend(id.clone().map(|id| (id, "the connection was replaced meanwhile".to_owned())));
            }
        }
        self.finish_swaps();
    }

    fn finish_swaps(&mut self) {
        while let Some(index) = self.media.swaps.iter().position(|swap| swap.waiting.is_empty()) {
            let swap = self.media.swaps.remove(index);
            self.finish_swap(swap);
        }
    }

    /// Where everybody refused, the old track stays the one that is sent; otherwise later peers get the
    /// new one.
    fn finish_swap(&mut self, swap: Swap) {
        let Swap { op, old, new, succeeded, failed, .. } = swap;
        if !succeeded.is_empty() || failed.is_empty() {
            let (cleared, label) = self.rekey(old, new);
            for (_, id) in &succeeded {
                for signal in cleared.iter().chain(&label) {
                    self.signal(id, signal);
                }
            }
        }
        let result = if failed.is_empty() {
            Ok(())
        } else {
            Err(ReplaceTrackError { succeeded: succeeded.into_iter().map(|(_, id)| id).collect(), failed })
        };
        self.done(op, Outcome::ReplaceTrack(result));
    }

    /// Puts the new track into the old one's place; returns what receivers must be told.
    fn rekey(&mut self, old: TrackKey, new: Option<LocalTrack>) -> (Option<Signal<J>>, Option<Signal<J>>) {
        let Some(index) = self.media.tracked.iter().position(|tracked| tracked.track.key == old) else {
            return (None, None);
        };
        let Some(new) = new else {
            return (self.media.tracked.remove(index).cleared_label(), None);
        };
        let Some(tracked) = self.media.tracked.get_mut(index) else { return (None, None) };
        let cleared = tracked.cleared_label();
        tracked.track = new;
        (cleared, tracked.label())
    }
}
